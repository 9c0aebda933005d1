//! How many tokens a text has, about: counted by the kinds of its characters, the same for every model, so it is
//! shown with `≈`. Nothing that must be exact depends on it.

use super::Request;

/// Tokens around each turn.
const TURN: u64 = 4;

/// About how many tokens `text` has.
pub fn of(text: &str) -> u64 {
    // In hundredths of a token, so that the same text always counts the same.
    let mut hundredths = 0_u64;
    let mut word = 0_u64;
    let end = |word: &mut u64, hundredths: &mut u64| {
        if *word > 0 {
            // A common word is one token; long and rare ones are more.
            *hundredths += 100 + word.saturating_sub(6) * 22;
            *word = 0;
        }
    };
    let mut spaces = 0_u64;
    for letter in text.chars() {
        if letter.is_ascii_alphabetic() {
            word += 1;
            spaces = 0;
            continue;
        }
        end(&mut word, &mut hundredths);
        match letter {
            // A space goes with the word behind it; many are few tokens.
            ' ' | '\t' => {
                spaces += 1;
                if spaces.is_multiple_of(4) {
                    hundredths += 50;
                }
                continue;
            }
            '\n' => hundredths += 60,
            '0'..='9' => hundredths += 38,
            letter if letter.is_ascii() => hundredths += 70,
            // Letters of other alphabets, then those that are whole words.
            '\u{80}'..='\u{2fff}' => hundredths += 50,
            _ => hundredths += 110,
        }
        spaces = 0;
    }
    end(&mut word, &mut hundredths);
    hundredths.div_ceil(100)
}

/// About how many tokens `request` has, and at most how many it is taken to have.
pub(super) fn estimate(request: &Request) -> (u64, u64) {
    let turns: u64 = request.turns().iter().map(|(_, text)| of(text) + TURN).sum();
    let system = request.system.as_deref().map_or(0, |text| of(text) + TURN);
    let schema = request.schema.as_ref().map_or(0, |schema| of(&schema.to_string()));
    let about = turns + system + schema;
    (about, spread(about).1)
}

/// Between how many tokens a text lies that has about so many.
pub fn spread(about: u64) -> (u64, u64) {
    (about * 3 / 4, about + about * 2 / 5 + 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Texts with their tokens in the encoding `o200k_base`, as its public tokenizer counts them.
    const COUNTED: [(&str, u64); 6] = [
        ("Hello, world!", 4),
        ("The quick brown fox jumps over the lazy dog.", 10),
        ("Summarise the text in three sentences.", 8),
        ("fn main() {\n    println!(\"hi\");\n}", 12),
        ("", 0),
        ("1234567890", 4),
    ];

    #[test]
    fn counts_lie_within_the_spread_of_the_estimate() {
        for (text, counted) in COUNTED {
            let (low, high) = spread(of(text));
            assert!((low..=high).contains(&counted), "{text}: {counted} not in {low}..={high}");
        }
    }

    #[test]
    fn a_long_text_counts_as_its_parts() {
        let text = "The quick brown fox jumps over the lazy dog. ";
        let (whole, parts) = (of(&text.repeat(100)), 100 * of(text));
        assert!(whole <= parts && whole > parts * 9 / 10, "{whole} {parts}");
    }
}
