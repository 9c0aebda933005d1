//! Did-you-mean.

/// The candidate nearest to `word`, if one is near enough to be meant: equal but for case, hyphens
/// and underscores, or within a third of its length in Damerau–Levenshtein distance.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let wanted = word.to_lowercase();
    let length = wanted.chars().count();
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| *candidate != word)
        .filter_map(|candidate| {
            if plain(candidate).eq(plain(&wanted)) {
                return Some((0, candidate));
            }
            // The distance, which is dear, is at least the difference of the lengths.
            let longer = candidate.chars().flat_map(char::to_lowercase).count().abs_diff(length);
            if longer > limit {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&wanted, &candidate.to_lowercase());
            (distance <= limit).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The characters that count: lower case, without what joins words.
fn plain(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|character| !matches!(character, '_' | '-' | ' ')).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::did_you_mean;

    const TOOLS: [&str; 5] = ["filesystem", "terminal", "web-search", "data-processing", "validation"];

    #[test]
    fn a_slip_of_the_fingers_is_understood() {
        assert_eq!(did_you_mean("filesytem", TOOLS), Some("filesystem"));
        assert_eq!(did_you_mean("treminal", TOOLS), Some("terminal"));
        assert_eq!(did_you_mean("validatoin", TOOLS), Some("validation"));
    }

    #[test]
    fn case_hyphens_and_underscores_do_not_count() {
        assert_eq!(did_you_mean("Data_Processing", TOOLS), Some("data-processing"));
        assert_eq!(did_you_mean("websearch", TOOLS), Some("web-search"));
    }

    #[test]
    fn a_word_that_is_too_far_off_means_none_of_them() {
        assert_eq!(did_you_mean("database", TOOLS), None);
        assert_eq!(did_you_mean("", TOOLS), None);
        assert_eq!(did_you_mean("x", []), None);
    }

    #[test]
    fn short_words_may_differ_by_one_letter() {
        assert_eq!(did_you_mean("nme", ["name", "note"]), Some("name"));
        assert_eq!(did_you_mean("ab", ["name", "note"]), None);
    }

    #[test]
    fn a_candidate_of_another_length_is_far_off_unless_only_joiners_differ() {
        assert_eq!(did_you_mean("read", ["readable", "rd"]), None);
        assert_eq!(did_you_mean("a_b", ["a_-_b_-_"]), Some("a_-_b_-_"));
        assert_eq!(did_you_mean("STRAẞE", ["straße"]), Some("straße"));
    }

    #[test]
    fn the_nearest_wins_and_the_first_of_equals() {
        assert_eq!(did_you_mean("reads", ["read", "reader"]), Some("read"));
        assert_eq!(did_you_mean("cat", ["bat", "car"]), Some("bat"));
    }

    #[test]
    fn a_word_is_no_correction_of_itself() {
        assert_eq!(did_you_mean("read", ["read"]), None);
        assert_eq!(did_you_mean("Read", ["read"]), Some("read"));
    }
}
