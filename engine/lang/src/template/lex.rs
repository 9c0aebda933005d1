//! A lexer for the inside of `{{ }}` and `{% %}` that accepts anything: for completion, for texts
//! that do not parse, and to find where a tag ends.

use text_size::{TextRange, TextSize};

/// A token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) range: TextRange,
}

/// The kinds of [`Token`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// A name or a word of the language, `$` excluded.
    Name,
    /// A number.
    Number,
    /// A quoted text; `closed` says whether its end quote stands there.
    Quoted { closed: bool },
    /// An operator or bracket of one or two bytes, or any other character.
    Sign,
}

/// The tokens of `text[range]`, with offsets into `text`.
pub(super) fn tokens(text: &str, range: TextRange) -> Vec<Token> {
    let end = usize::from(range.end());
    let bytes = &text.as_bytes()[..end];
    let mut at = usize::from(range.start());
    let mut found = Vec::new();
    while let Some(byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (kind, length) = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => (TokenKind::Name, name_length(&bytes[at..])),
            b'0'..=b'9' => (TokenKind::Number, number_length(&bytes[at..])),
            b'\'' | b'"' => match quoted_length(&bytes[at..]) {
                Some(length) => (TokenKind::Quoted { closed: true }, length),
                None => (TokenKind::Quoted { closed: false }, end - at),
            },
            _ => (TokenKind::Sign, sign_length(text, bytes, at)),
        };
        let start = TextSize::new(at as u32);
        at = (at + length).min(end);
        found.push(Token { kind, range: TextRange::new(start, TextSize::new(at as u32)) });
    }
    found
}

/// The index of the token that closes the parenthesis at `open`, if one stands there.
pub(super) fn closing(text: &str, tokens: &[Token], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match &text[token.range] {
            "(" => depth += 1,
            ")" if depth == 1 => return Some(at),
            ")" => depth = depth.checked_sub(1)?,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// The length of the quoted text at the beginning of `bytes`, quotes included, if it is closed.
pub(super) fn quoted_length(bytes: &[u8]) -> Option<usize> {
    let quote = *bytes.first()?;
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            byte if *byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// The length of the name at the beginning of `bytes`; 0 if there is none.
pub(super) fn name_length(bytes: &[u8]) -> usize {
    match bytes.first() {
        Some(first) if first.is_ascii_alphabetic() || *first == b'_' => {
            bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
        }
        _ => 0,
    }
}

fn number_length(bytes: &[u8]) -> usize {
    let digits = |bytes: &[u8]| bytes.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
    let whole = digits(bytes);
    match bytes.get(whole..) {
        Some([b'.', next, ..]) if next.is_ascii_digit() => whole + 1 + digits(&bytes[whole + 1..]),
        _ => whole,
    }
}

fn sign_length(text: &str, bytes: &[u8], at: usize) -> usize {
    match bytes.get(at..at + 2) {
        Some(b"//" | b"**" | b"==" | b"!=" | b">=" | b"<=" | b"&&" | b"||") => 2,
        _ => text[at..].chars().next().map_or(1, char::len_utf8),
    }
}
