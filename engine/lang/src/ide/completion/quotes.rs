//! How a text is written so that YAML reads that text again.

use crate::syntax::{self, Scalar};

/// `text` as a value of its own: as it is where that reads back, else in quotes.
pub(super) fn plain(text: &str, flow: bool) -> String {
    let breaks_flow = flow && text.contains([',', '[', ']', '{', '}']);
    if (is_simple(text) || (!breaks_flow && reads_back(text))) && !is_old_boolean(text) {
        return text.to_owned();
    }
    format!("\"{}\"", inside(text, '"'))
}

/// `text` between quotes that stand there already.
pub(super) fn inside(text: &str, quote: char) -> String {
    match quote {
        '\'' => text.replace('\'', "''"),
        _ => text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n").replace('\t', "\\t"),
    }
}

/// Whether nothing in the text could mean anything to YAML; asked of hundreds of names at a time.
fn is_simple(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/' | b'.'))
        && !matches!(text.to_ascii_lowercase().as_str(), "null" | "true" | "false")
}

/// Whether the bare text, written as a value, is that very text.
fn reads_back(text: &str) -> bool {
    let parse = syntax::parse(&format!("k: {text}"));
    let tree = &parse.tree;
    let value = tree.get(tree.root(), "k").map(|entry| entry.value);
    let same = value.and_then(|value| tree.scalar(value)) == Some(Scalar::Text(text.into()));
    same && parse.problems.is_empty() && tree.comments().is_empty()
}

/// Words that other readers of YAML take for a boolean.
fn is_old_boolean(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "yes" | "no" | "on" | "off" | "y" | "n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reads_as_something_else_is_quoted() {
        let shown: Vec<String> = [
            "fast",
            "openai/gpt-4o",
            "true",
            "1",
            "1.0.0",
            "off",
            "null",
            "a: b",
            "a #b",
            "*",
            "",
            "say \"hi\"",
            "a, b",
        ]
        .iter()
        .map(|text| plain(text, false))
        .collect();
        assert_eq!(
            shown,
            [
                "fast",
                "openai/gpt-4o",
                "\"true\"",
                "\"1\"",
                "1.0.0",
                "\"off\"",
                "\"null\"",
                "\"a: b\"",
                "\"a #b\"",
                "\"*\"",
                "\"\"",
                "say \"hi\"",
                "a, b",
            ]
        );
        assert_eq!(plain("a, b", true), "\"a, b\"");
    }

    #[test]
    fn quotes_that_stand_there_are_respected() {
        assert_eq!(inside("it's", '\''), "it''s");
        assert_eq!(inside("say \"hi\" \\", '"'), "say \\\"hi\\\" \\\\");
        assert_eq!(inside("it's", '"'), "it's");
    }
}
