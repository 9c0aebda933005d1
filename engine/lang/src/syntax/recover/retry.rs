//! Blank and retry, for what yaml-rust2 still rejects.

use std::ops::Range;

use crate::syntax::{
    events::{self, Broken},
    extent,
    mask::Masked,
    tree::TreeInner,
};

/// How many places are repaired before the rest of the text is given up.
const ROUNDS: usize = 8;

/// Repairs `masked` until yaml-rust2 reads it.
pub(super) fn retry(text: &str, masked: &mut Masked, mut broken: Broken) -> TreeInner {
    for _ in 0..ROUNDS {
        let mut best: Option<(usize, Range<usize>, Broken)> = None;
        for range in candidates(masked, broken.at) {
            let saved = masked.bytes[range.clone()].to_vec();
            masked.blank(range.clone());
            match events::nodes(masked) {
                Ok(inner) => {
                    masked.damage(range, message(&broken));
                    return inner;
                }
                Err(next) => {
                    masked.bytes[range.clone()].copy_from_slice(&saved);
                    if next.at > broken.at && best.as_ref().is_none_or(|(at, ..)| next.at > *at) {
                        best = Some((next.at, range, next));
                    }
                }
            }
        }
        let Some((_, range, next)) = best else { break };
        masked.damage(range, message(&broken));
        broken = next;
    }
    give_up(text, masked, &broken)
}

/// Ranges to blank, the smallest first: the value of the line, then the line, from the error's line
/// upwards.
fn candidates(masked: &Masked, at: usize) -> Vec<Range<usize>> {
    let bytes = &masked.bytes[..masked.end];
    let mut found = Vec::new();
    let mut start = at.min(bytes.len()) - extent::column(bytes, at.min(bytes.len()));
    for _ in 0..5 {
        let end = extent::line_end(bytes, start);
        let content = extent::skip_spaces(bytes, start, end);
        if content < end {
            if let Some(colon) = bytes[content..end].windows(2).position(|pair| pair == b": ") {
                found.push(content + colon + 2..end);
            }
            found.push(content..end);
        }
        let Some(before) = start.checked_sub(1) else { break };
        let before =
            if before > 0 && bytes[before] == b'\n' && bytes[before - 1] == b'\r' { before - 1 } else { before };
        start = before - extent::column(bytes, before);
    }
    found
}

/// Keeps what stands before the damage.
fn give_up(text: &str, masked: &mut Masked, broken: &Broken) -> TreeInner {
    let mut at = broken.at.min(masked.end);
    let end = masked.end;
    let reason = message(broken);
    for _ in 0..ROUNDS {
        let start = at - extent::column(&masked.bytes, at);
        let rest = start..end;
        if !text[rest.clone()].trim().is_empty() {
            masked.blank(rest.clone());
            if let Ok(inner) = events::nodes(masked) {
                masked.damage(rest, reason);
                return inner;
            }
        }
        let Some(before) = start.checked_sub(1) else { break };
        at = before;
    }
    masked.blank(0..end);
    masked.damage(0..end, reason);
    events::nodes(masked).unwrap_or_else(|_| TreeInner::default())
}

/// yaml-rust2's words in people's.
fn message(broken: &Broken) -> String {
    let reason = broken.reason.as_str();
    let known = [
        ("mapping values are not allowed", "a `:` where none can stand; put the text in quotes or begin a new line"),
        ("simple key", "no `key: value` pair; add `:`"),
        ("block sequence entries", "a list item cannot stand here; indent it below its key"),
        ("flow", "a bracket or comma is missing or misplaced in this value"),
        ("quoted scalar", "this quote is not closed"),
        ("escape", "an unknown escape in double quotes; write `\\\\` for a backslash or use single quotes"),
        ("tab", "a tab where YAML wants spaces"),
        ("indent", "wrong indentation"),
        ("anchor", "an anchor or alias that YAML cannot read; quote the text"),
    ];
    if let Some((_, words)) = known.iter().find(|(part, _)| reason.contains(part)) {
        return (*words).to_owned();
    }
    format!("this is not YAML: {reason}; quote the text or correct it")
}
