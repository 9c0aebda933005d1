//! Blank and retry, for what yaml-rust2 still rejects.

use std::ops::Range;

use crate::syntax::{
    events::{self, Broken},
    extent,
    mask::Masked,
    tree::TreeInner,
};

/// How many bytes all attempts together may read, and how many attempts there are at least and at
/// most.
const MAX_READ: usize = 4 * 1024 * 1024;
const ATTEMPTS: (usize, usize) = (8, 64);

/// How many lines above the error's are suspects, too.
const SUSPECTS: usize = 5;

/// Repairs `masked` until yaml-rust2 reads it.
pub(super) fn retry(text: &str, masked: &mut Masked, mut broken: Broken) -> TreeInner {
    let mut attempts = (MAX_READ / masked.end.max(1)).clamp(ATTEMPTS.0, ATTEMPTS.1);
    while attempts > 0 {
        let lines = candidates(masked, broken.at);
        let (range, next) = match best(masked, &broken, lines, &mut attempts, false) {
            Some((range, next)) => (range, next),
            // Where no line helps, the entry or item around the error is given up, then the one around that.
            None => match best(masked, &broken, blocks(masked, broken.at), &mut attempts, true) {
                Some((range, next)) => (range, next),
                None => break,
            },
        };
        masked.damage(range, message(&broken));
        match next {
            Ok(inner) => return inner,
            Err(next) => broken = next,
        }
    }
    give_up(text, masked, &broken)
}

/// The range whose blanking lets yaml-rust2 read to the end or, else, furthest (or just further).
fn best(
    masked: &mut Masked,
    broken: &Broken,
    candidates: Vec<Range<usize>>,
    attempts: &mut usize,
    first: bool,
) -> Option<(Range<usize>, Result<TreeInner, Broken>)> {
    let mut best: Option<(Range<usize>, Broken)> = None;
    for range in candidates {
        if *attempts == 0 {
            break;
        }
        *attempts -= 1;
        let saved = masked.bytes[range.clone()].to_vec();
        masked.blank(range.clone());
        let next = events::nodes(masked);
        masked.bytes[range.clone()].copy_from_slice(&saved);
        match next {
            Ok(inner) => return Some((range, Ok(inner))),
            Err(next) if next.at > broken.at && best.as_ref().is_none_or(|(_, best)| next.at > best.at) => {
                best = Some((range, next));
                if first {
                    break;
                }
            }
            Err(_) => {}
        }
    }
    best.map(|(range, next)| (range, Err(next)))
}

/// Ranges to blank, the smallest first: the value of the line, then what stands behind its dashes,
/// from the error's line upwards.
fn candidates(masked: &Masked, at: usize) -> Vec<Range<usize>> {
    let bytes = &masked.bytes[..masked.end];
    let mut found = Vec::new();
    let mut line = Some(line_at(bytes, at));
    for _ in 0..SUSPECTS {
        let Some(Line { start, content, end, .. }) = line else { break };
        if content < end {
            if let Some(colon) = bytes[content..end].windows(2).position(|pair| pair == b": ") {
                found.push(content + colon + 2..end);
            }
            found.push(content..end);
        }
        line = line_before(bytes, start);
    }
    found
}

/// The entry or item on the error's line with all that is indented below it, then what encloses it;
/// keys at the root are left standing.
fn blocks(masked: &Masked, at: usize) -> Vec<Range<usize>> {
    let bytes = &masked.bytes[..masked.end];
    let mut found = Vec::new();
    let mut line = line_at(bytes, at);
    let mut bound = usize::MAX;
    loop {
        let column = line.indent;
        if line.content < line.end && column < bound {
            if column == 0 && bound != usize::MAX && line.content == line.start {
                return found;
            }
            let mut end = line.end;
            while let Some(next) =
                line_after(bytes, end).filter(|next| next.content == next.end || next.indent > column)
            {
                end = next.end;
            }
            found.push(line.content..end);
            bound = column;
        }
        match line_before(bytes, line.start) {
            Some(before) if bound > 0 => line = before,
            _ => return found,
        }
    }
}

/// A line of the masked text.
struct Line {
    start: usize,
    /// How far its text, dashes included, is indented.
    indent: usize,
    /// Where its text begins, dashes left out; its end if there is none.
    content: usize,
    end: usize,
}

fn line_at(bytes: &[u8], at: usize) -> Line {
    let at = at.min(bytes.len());
    let start = at - extent::column(bytes, at);
    let end = extent::line_end(bytes, start);
    let mut content = extent::skip_spaces(bytes, start, end);
    let indent = content - start;
    while content < end && bytes[content] == b'-' && extent::is_blank_or_end(bytes, content + 1) {
        content = extent::skip_spaces(bytes, content + 1, end);
    }
    Line { start, indent, content, end }
}

fn line_before(bytes: &[u8], start: usize) -> Option<Line> {
    let before = start.checked_sub(1)?;
    let is_pair = before > 0 && bytes[before] == b'\n' && bytes[before - 1] == b'\r';
    Some(line_at(bytes, if is_pair { before - 1 } else { before }))
}

fn line_after(bytes: &[u8], end: usize) -> Option<Line> {
    let next = extent::next_line(bytes, end);
    (next > end && next < bytes.len()).then(|| line_at(bytes, next))
}

/// Keeps what stands before the damage: blanks everything from the error's line on, and ever more
/// before it.
fn give_up(text: &str, masked: &mut Masked, broken: &Broken) -> TreeInner {
    let end = masked.end;
    let reason = message(broken);
    let mut start = line_at(&masked.bytes[..end], broken.at.min(end)).start;
    let mut lines = 1;
    while start > 0 {
        let rest = start..end;
        if !text[rest.clone()].trim().is_empty() {
            masked.blank(rest.clone());
            if let Ok(inner) = events::nodes(masked) {
                masked.damage(rest, reason);
                return inner;
            }
        }
        for _ in 0..lines {
            start = line_before(&masked.bytes[..end], start).map_or(0, |line| line.start);
        }
        lines *= 2;
    }
    masked.blank(0..end);
    masked.damage(0..end, reason);
    events::nodes(masked).unwrap_or_default()
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
