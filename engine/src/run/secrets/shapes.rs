//! Secrets that nobody named: what the names of variables say, and what tokens look like.

use std::{path::Path, sync::LazyLock};

use aho_corasick::AhoCorasick;
use regex::Regex;

/// What the names of variables end in whose values are secret, in capitals.
const SUFFIXES: &[&str] = &[
    "_KEY",
    "APIKEY",
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "_PASS",
    "_PWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "CREDENTIALS",
    "_PAT",
    "_AUTH",
    "_COOKIE",
    "_DSN",
];

/// Whether the name of a variable says that its value is a secret.
pub(super) fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// The secret in the value of a variable, if there is one: all of it where the name says so, else the
/// password of an address.
pub(super) fn secret_of<'v>(name: &str, value: &'v str) -> Option<&'v str> {
    static ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/@:\s]*:([^/@\s]+)@").expect("invariant: it is an expression")
    });
    if names_secret(name) {
        // Where a secret stands is none.
        return (!(Path::new(value).is_absolute() && Path::new(value).exists())).then_some(value);
    }
    let found = ADDRESS.captures(value)?;
    found.get(1).map(|password| password.as_str())
}

/// What a token begins with, what follows, and what it is called.
const SHAPES: &[(&[&str], &str, &str)] = &[
    (&["sk-"], r"[A-Za-z0-9_-]{20,}", "API key"),
    (&["sk_live_", "sk_test_", "rk_live_", "rk_test_"], r"[A-Za-z0-9]{16,}", "API key"),
    (&["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], r"[A-Za-z0-9]{30,}", "GitHub token"),
    (&["github_pat_"], r"[A-Za-z0-9_]{30,}", "GitHub token"),
    (&["glpat-"], r"[A-Za-z0-9_-]{20,}", "GitLab token"),
    (&["AKIA", "ASIA"], r"[A-Z0-9]{16}\b", "AWS key"),
    (&["xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-"], r"[A-Za-z0-9-]{10,}", "Slack token"),
    (&["AIza"], r"[A-Za-z0-9_-]{35}", "Google key"),
    (&["hf_"], r"[A-Za-z0-9]{30,}", "Hugging Face token"),
    (&["npm_"], r"[A-Za-z0-9]{36}", "npm token"),
    (&["eyJ"], r"[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}", "JWT"),
];

/// A block that has no end yet counts up to the end of the text.
const KEY_BLOCK: &str =
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)";

/// No token is shorter.
const SHORTEST: usize = 15;

static TOKENS: LazyLock<Regex> = LazyLock::new(|| {
    let shapes = SHAPES.iter().map(|(openings, rest, _)| format!(r"(\b(?:{}){rest})", openings.join("|")));
    let all: Vec<String> = shapes.chain([format!("({KEY_BLOCK})")]).collect();
    Regex::new(&all.join("|")).expect("invariant: it is an expression")
});

/// The places of tokens in `text`, in order, and what they are called.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, &'static str)> {
    let texts = may_hold(text).then_some(text);
    texts.into_iter().flat_map(|text| TOKENS.captures_iter(text)).filter_map(|found| {
        let whole = found.get(0)?.range();
        let shape = (0..SHAPES.len()).find(|shape| found.get(shape + 1).is_some());
        Some((whole, shape.map_or("private key", |shape| SHAPES[shape].2)))
    })
}

static OPENINGS: LazyLock<AhoCorasick> =
    LazyLock::new(|| AhoCorasick::new(openings()).expect("invariant: the openings of tokens are few"));

/// Whether there may be a token in `text`. Nearly always there is none, which is found out here much faster
/// than by the expression.
fn may_hold(text: &str) -> bool {
    text.len() >= SHORTEST
        && OPENINGS.find_overlapping_iter(text).any(|opening| begins_word(text.as_bytes(), opening.start()))
}

/// Whether a token may begin at `at`: at the beginning of a word, or with a dash.
pub(super) fn begins_word(bytes: &[u8], at: usize) -> bool {
    let in_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    at == 0 || bytes[at] == b'-' || !in_word(bytes[at - 1])
}

/// What may be the beginning of a token, but for its end.
pub(super) fn openings() -> impl Iterator<Item = &'static str> {
    SHAPES.iter().flat_map(|(openings, ..)| openings.iter().copied()).chain(["-----BEGIN "])
}

/// Whether `text` may be a token that goes on.
pub(super) fn may_go_on(text: &str) -> bool {
    let is_word = || text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'));
    let is_heading = || text.starts_with("-----BEGIN ") && text.len() < 64 && !text.contains('\n');
    openings().any(|opening| text.starts_with(opening)) && (is_heading() || is_word())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_of_variables() {
        for name in ["OPENAI_API_KEY", "GITHUB_TOKEN", "PGPASSWORD", "aws_secret", "MYSQL_PWD", "DB_PASS"] {
            assert_eq!(secret_of(name, "value-of-it"), Some("value-of-it"), "{name}");
        }
        for name in ["PATH", "KEYBOARD", "OLDPWD", "MONKEY", "HOME", "TOKENS"] {
            assert_eq!(secret_of(name, "value-of-it"), None, "{name}");
        }
        assert_eq!(secret_of("DATABASE_URL", "postgres://me:hunter2@db/x"), Some("hunter2"));
        assert_eq!(secret_of("GOOGLE_APPLICATION_CREDENTIALS", std::env::temp_dir().to_str().unwrap_or("/")), None);
    }

    #[test]
    fn no_opening_is_passed_over() {
        for opening in openings() {
            assert!(may_hold(&format!("a long text, and {opening}in it")), "{opening}");
        }
    }

    #[test]
    fn what_tokens_look_like() {
        let found =
            |text: &str| tokens(text).map(|(range, name)| format!("{}:{name}", &text[range])).collect::<Vec<_>>();
        let letters = "abcdefghijklmnopqrstuvwxyz0123456789";
        assert_eq!(found(&format!("x ghp_{letters} y")), [format!("ghp_{letters}:GitHub token")]);
        assert_eq!(found("AKIAIOSFODNN7EXAMPLE"), ["AKIAIOSFODNN7EXAMPLE:AWS key"]);
        assert_eq!(found("a task-of-some-twenty-or-more-letters"), Vec::<String>::new());
        let block = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
        assert_eq!(found(&format!("a\n{block}\nb")), [format!("{block}:private key")]);
        assert_eq!(found(&block[..40]), [format!("{}:private key", &block[..40])]);
    }
}
