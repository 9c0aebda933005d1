//! Inside `[…]` and `{…}`.

use super::PathSegment;
use crate::syntax::mask::size;

/// An open flow collection before the cursor.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) sequence: bool,
    /// Items or entries before the cursor's.
    index: usize,
    /// Where the cursor's item or entry begins.
    pub(super) start: usize,
    /// The key, if the cursor is after its `:`.
    pub(super) key: Option<String>,
    /// What stands before the cursor's item: items, or keys.
    pub(super) done: Vec<String>,
}

/// The flow collections that are open at `at`, outermost first, reading from `from`; and the quote
/// that is open.
pub(super) fn open_at(text: &str, from: usize, at: usize) -> (Vec<Open>, Option<char>) {
    let bytes = text.as_bytes();
    let mut open: Vec<Open> = Vec::new();
    let mut quote: Option<u8> = None;
    let mut here = from;
    while here < at {
        let byte = bytes[here];
        if let Some(mark) = quote {
            if byte == b'\\' && mark == b'"' {
                here += 1;
            } else if byte == mark {
                quote = None;
            }
            here += 1;
            continue;
        }
        // Asked only at a byte that begins a character.
        let begins = |top: &Open| text[top.start.min(here)..here].trim().is_empty();
        match byte {
            b'{' if matches!(bytes.get(here + 1), Some(b'{' | b'%')) => {
                let close = if bytes[here + 1] == b'{' { "}}" } else { "%}" };
                here = text[here..at].find(close).map_or(at, |length| here + length + 2);
                continue;
            }
            b'#' if bytes[..here].last().is_some_and(u8::is_ascii_whitespace) => {
                let end = super::lines::line_end(bytes, here).min(at);
                if let Some(top) = open.last_mut().filter(|top| begins(top)) {
                    top.start = end;
                }
                here = end;
                continue;
            }
            b'[' | b'{' => {
                open.push(Open { sequence: byte == b'[', index: 0, start: here + 1, key: None, done: Vec::new() });
            }
            b']' | b'}' => {
                open.pop();
            }
            b'"' | b'\'' if open.last().is_some_and(begins) => quote = Some(byte),
            b',' => {
                if let Some(top) = open.last_mut() {
                    let piece = unquoted(&text[top.start..here]);
                    if top.sequence {
                        top.done.push(piece);
                    } else if let Some(key) = top.key.take() {
                        top.done.push(key);
                    } else {
                        top.done.push(piece);
                    }
                    top.index += 1;
                    top.start = here + 1;
                }
            }
            b':' if matches!(
                bytes.get(here + 1),
                None | Some(b' ' | b'\t' | b'\n' | b'\r' | b'"' | b'\'' | b'[' | b'{')
            ) =>
            {
                if let Some(top) = open.last_mut()
                    && !top.sequence
                {
                    top.key = Some(unquoted(&text[top.start..here]));
                    top.start = here + 1;
                }
            }
            _ => {}
        }
        here += 1;
    }
    (open, quote.map(char::from))
}

/// The way through the open collections, but for the last one's own key.
pub(super) fn path(text: &str, open: &[Open], path: &mut Vec<PathSegment>) {
    for (depth, collection) in open.iter().enumerate() {
        let last = depth + 1 == open.len();
        if collection.sequence {
            if !last {
                let blanks = text[collection.start..].len() - text[collection.start..].trim_start().len();
                path.push(PathSegment::Item { index: collection.index, start: size(collection.start + blanks) });
            }
        } else if let Some(key) = &collection.key
            && !last
        {
            path.push(PathSegment::Key(key.clone()));
        }
    }
}

/// What follows the cursor's item up to the bracket that closes its collection, or the line's end.
pub(super) fn following(text: &str, at: usize, end: usize) -> Vec<String> {
    let rest = &text[at..end];
    let rest = &rest[..rest.find([']', '}', '[', '{']).unwrap_or(rest.len())];
    rest.split(',')
        .skip(1)
        .map(|piece| unquoted(piece.split(": ").next().unwrap_or(piece)))
        .filter(|piece| !piece.is_empty())
        .collect()
}

fn unquoted(text: &str) -> String {
    text.trim().trim_matches(['"', '\'']).to_owned()
}
