//! What a question asks for in words, where nothing else says it: yes or no, a list, a number, one of
//! several. Only clear wordings count; all else asks for text.

use serde_json::{Value, json};

const YES_OR_NO: [&str; 8] = [
    "true or false",
    "'true' or 'false'",
    "\"true\" or \"false\"",
    "`true` or `false`",
    "yes or no",
    "'yes' or 'no'",
    "should we ",
    "is it true ",
];
const LIST: [&str; 5] = ["list of ", "array of ", "comma separated", "comma-separated", "enumerate "];
const WHOLE_NUMBER: [&str; 4] = ["how many ", "the number of ", "batch size", "how often "];
const NUMBER: [&str; 3] = ["threshold", "percentage", "how much "];

/// How many of a question's first words can say what kind of value it asks for. What follows describes
/// what to think about.
const HEAD: usize = 6;

/// What `body` asks for, as a schema, and the words that say so.
pub(super) fn asked_for(body: &str) -> Option<(Value, String)> {
    let text = body.to_lowercase();
    let found =
        |words: &[&str], text: &str| words.iter().find(|word| text.contains(**word)).map(|word| word.trim().to_owned());
    if let Some(word) = found(&YES_OR_NO, &text) {
        // More than the two words stand to choose from: then it is no question of yes or no.
        if !text.contains(" if ") || !text.contains(" or '<auto") {
            return Some((json!({"type": "boolean"}), word));
        }
        return None;
    }
    if let Some(choices) = choices(body) {
        let shown = choices.join(", ");
        return Some((json!({"type": "string", "enum": choices}), shown));
    }
    let head: String = text.split_whitespace().take(HEAD).collect::<Vec<_>>().join(" ") + " ";
    if let Some(word) = found(&LIST, &head) {
        return Some((json!({"type": "array", "items": {"type": "string"}}), word));
    }
    if let Some(word) = found(&WHOLE_NUMBER, &head) {
        return Some((json!({"type": "integer"}), word));
    }
    found(&NUMBER, &head).map(|word| (json!({"type": "number"}), word))
}

/// `choose …: a, b or c` → the words to choose from.
fn choices(body: &str) -> Option<Vec<String>> {
    let first = body.split_whitespace().next()?.to_lowercase();
    if !["choose", "select", "pick"].contains(&&*first) {
        return None;
    }
    let (_, listed) = body.split_once(": ")?;
    let listed = listed.trim().trim_end_matches(['.', '?']).replace(" or ", ", ");
    if listed.contains("{{") || listed.contains('<') {
        return None;
    }
    let words: Vec<String> = listed
        .split(',')
        .map(|word| word.trim().trim_matches(['"', '\'', '`']).to_owned())
        .filter(|word| !word.is_empty())
        .collect();
    let is_word = |word: &String| word.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (words.len() > 1 && words.iter().all(is_word)).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(body: &str) -> String {
        asked_for(body).map_or_else(|| "text".to_owned(), |(schema, _)| super::super::describe(&schema))
    }

    #[test]
    fn only_clear_words_ask_for_more_than_text() {
        assert_eq!(asks("Is {{ x }} >= 3? Answer 'true' or 'false'."), "true or false");
        assert_eq!(
            asks("Choose a style: technical, academic, or accessible"),
            "one of technical, academic, accessible"
        );
        assert_eq!(asks("Pick one: {{ a }}, {{ b }} or c"), "text");
        assert_eq!(asks("create a list of every source"), "a list, each item text");
        assert_eq!(asks("How many retries are sensible?"), "a whole number");
        assert_eq!(asks("Set appropriate threshold for x"), "a number");
        assert_eq!(asks("Summarise what was found, as for a list of readers"), "text");
        assert_eq!(asks("Choose best format based on data size and type"), "text");
    }
}
