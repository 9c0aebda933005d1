//! Quotes, escapes, folding and block indentation undone, with a map back to the source.

use std::{borrow::Cow, ops::Range};

use text_size::{TextRange, TextSize};

use super::{Decoded, Runs};
use crate::syntax::{
    extent,
    mask::size,
    tree::{NodeId, NodeKind, ScalarStyle, Tree},
};

/// The content of the scalar `id`.
pub(crate) fn decode(tree: &Tree, id: NodeId) -> Decoded<'_> {
    let range = tree.range(id);
    let NodeKind::Scalar(style) = tree.kind(id) else {
        return Decoded { text: Cow::Borrowed(""), runs: Runs::from(range.start()), end: range.start() };
    };
    let text = tree.text();
    let source = usize::from(range.start())..usize::from(range.end());
    match style {
        ScalarStyle::Plain => flowing(text, source, &tree.inner.regions, None),
        ScalarStyle::Single => flowing(text, inside_quotes(text, source), &[], Some(b'\'')),
        ScalarStyle::Double => flowing(text, inside_quotes(text, source), &[], Some(b'"')),
        ScalarStyle::Literal | ScalarStyle::Folded => {
            let parent = tree.node(id).parent.map_or(-1, |parent| parent_column(tree, parent));
            block(text, source, parent, style == ScalarStyle::Folded)
        }
    }
}

/// The column of the collection a block scalar stands in.
fn parent_column(tree: &Tree, parent: NodeId) -> isize {
    extent::column(tree.text().as_bytes(), tree.range(parent).start().into()) as isize
}

fn inside_quotes(text: &str, source: Range<usize>) -> Range<usize> {
    let quote = text.as_bytes()[source.start];
    let closed = source.len() > 1 && text.as_bytes()[source.end - 1] == quote;
    source.start + 1..if closed { source.end - 1 } else { source.end }
}

/// Text under construction.
struct Output<'a> {
    source: &'a str,
    text: String,
    runs: Vec<(TextSize, TextSize)>,
}

impl<'a> Output<'a> {
    fn new(source: &'a str, capacity: usize) -> Self {
        Self { source, text: String::with_capacity(capacity), runs: Vec::new() }
    }

    fn copy(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.run(range.start);
            self.text.push_str(&self.source[range]);
        }
    }

    /// Something that is not in the source as it reads; it stands for what is at `at`.
    fn put(&mut self, character: char, at: usize) {
        self.run(at);
        self.text.push(character);
    }

    fn run(&mut self, at: usize) {
        let next = (TextSize::of(&self.text), size(at));
        let goes_on = self.runs.last().is_some_and(|(text, source)| next.0 - *text + *source == next.1);
        if !goes_on {
            self.runs.push(next);
        }
    }

    fn finish(mut self, end: usize) -> Decoded<'a> {
        if self.runs.is_empty() {
            self.runs.push((TextSize::new(0), size(end)));
        }
        Decoded { text: Cow::Owned(self.text), runs: Runs::Many(self.runs), end: size(end) }
    }
}

/// Plain and quoted scalars: line ends fold; `quote` says which escapes there are.
fn flowing<'a>(text: &'a str, range: Range<usize>, regions: &[TextRange], quote: Option<u8>) -> Decoded<'a> {
    let bytes = text.as_bytes();
    let changing = match quote {
        Some(b'"') => b'\\',
        Some(quote) => quote,
        None => b'\n',
    };
    if memchr::memchr3(b'\n', b'\r', changing, &bytes[range.clone()]).is_none() {
        let start = size(range.start);
        return Decoded { text: Cow::Borrowed(&text[range.clone()]), runs: Runs::from(start), end: size(range.end) };
    }
    let mut output = Output::new(text, range.len());
    let mut at = range.start;
    // The beginning of what is not yet copied.
    let mut piece = at;
    let mut region = regions.partition_point(|region| usize::from(region.end()) <= at);
    while at < range.end {
        if let Some(here) = regions.get(region)
            && usize::from(here.start()) == at
        {
            at = usize::from(here.end()).min(range.end);
            region += 1;
            continue;
        }
        match bytes[at] {
            b'\n' | b'\r' => {
                let trimmed = piece + text[piece..at].trim_end_matches([' ', '\t']).len();
                output.copy(piece..trimmed);
                at = fold(&mut output, bytes, at, range.end);
                piece = at;
            }
            b'\\' if quote == Some(b'"') => {
                output.copy(piece..at);
                at = escape(&mut output, text, at, range.end);
                piece = at;
            }
            b'\'' if quote == Some(b'\'') => {
                output.copy(piece..at + 1);
                at = (at + 2).min(range.end);
                piece = at;
            }
            _ => at += 1,
        }
    }
    output.copy(piece.min(range.end)..range.end);
    output.finish(range.end)
}

/// Folds the line ends at `at`: one is a space, more are one less. Returns the next text.
fn fold(output: &mut Output<'_>, bytes: &[u8], at: usize, limit: usize) -> usize {
    let mut here = at;
    let mut breaks: Vec<usize> = Vec::new();
    while here < limit {
        match bytes[here] {
            b'\n' | b'\r' => {
                breaks.push(here);
                here = extent::next_line(bytes, here);
            }
            b' ' | b'\t' => here += 1,
            _ => break,
        }
    }
    if let [only] = breaks[..] {
        output.put(' ', only);
    }
    for place in breaks.into_iter().skip(1) {
        output.put('\n', place);
    }
    here.min(limit)
}

/// An escape in double quotes; returns the next text.
fn escape(output: &mut Output<'_>, text: &str, at: usize, limit: usize) -> usize {
    let bytes = text.as_bytes();
    let Some(&kind) = bytes.get(at + 1).filter(|_| at + 1 < limit) else {
        output.copy(at..limit);
        return limit;
    };
    let digits = match kind {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        b'\n' | b'\r' => {
            // An escaped line end and the blanks after it are nothing; blank lines still count.
            let mut here = extent::next_line(bytes, at + 1);
            loop {
                let content =
                    here + bytes[here.min(limit)..limit].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                if content < limit && matches!(bytes[content], b'\n' | b'\r') {
                    output.put('\n', content);
                    here = extent::next_line(bytes, content);
                } else {
                    return content.min(limit);
                }
            }
        }
        _ => 0,
    };
    if digits > 0 {
        let end = (at + 2 + digits).min(limit);
        let code = text.get(at + 2..end).and_then(|hex| u32::from_str_radix(hex, 16).ok()).and_then(char::from_u32);
        match code {
            Some(character) => output.put(character, at),
            None => output.put('\u{fffd}', at),
        }
        let mut end = end;
        while !text.is_char_boundary(end) {
            end += 1;
        }
        return end;
    }
    let character = match kind {
        b'0' => '\0',
        b'a' => '\u{7}',
        b'b' => '\u{8}',
        b't' | b'\t' => '\t',
        b'n' => '\n',
        b'v' => '\u{b}',
        b'f' => '\u{c}',
        b'r' => '\r',
        b'e' => '\u{1b}',
        b'N' => '\u{85}',
        b'_' => '\u{a0}',
        b'L' => '\u{2028}',
        b'P' => '\u{2029}',
        _ => {
            let character = text[at + 1..].chars().next().unwrap_or('\\');
            output.put(character, at);
            return at + 1 + character.len_utf8();
        }
    };
    output.put(character, at);
    at + 2
}

/// Literal and folded scalars.
fn block(text: &str, range: Range<usize>, parent: isize, folded: bool) -> Decoded<'_> {
    let bytes = text.as_bytes();
    let header_end = extent::line_end(bytes, range.start).min(range.end);
    let header = text[range.start..header_end].split('#').next().unwrap_or("");
    let keep = header.contains('+');
    let strip = header.contains('-');
    let explicit = header.bytes().find(u8::is_ascii_digit).map(|digit| usize::from(digit - b'0'));
    let mut body: Option<usize> = explicit.map(|digit| parent.max(0) as usize + digit);
    let mut output = Output::new(text, range.len());
    // A line end that is written or folded once the next line is known, and blank lines after it.
    let mut line_break: Option<usize> = None;
    let mut blank_lines: Vec<usize> = Vec::new();
    let mut was_indented = false;
    let mut at = extent::next_line(bytes, header_end).min(range.end);
    let mut end = header_end;
    while at < range.end {
        let line_end = extent::line_end(bytes, at).min(range.end);
        let content = extent::skip_spaces(bytes, at, line_end);
        let column = content - at;
        if (content == line_end && body.is_none_or(|body| column <= body)) || body.is_some_and(|body| column < body) {
            blank_lines.push(line_end);
        } else {
            let start = at + *body.get_or_insert(column);
            let indented = matches!(bytes.get(start), Some(b' ' | b'\t'));
            if let Some(place) = line_break.take() {
                if !folded || was_indented || indented {
                    output.put('\n', place);
                } else if blank_lines.is_empty() {
                    output.put(' ', place);
                }
            }
            for place in blank_lines.drain(..) {
                output.put('\n', place);
            }
            output.copy(start..line_end);
            was_indented = indented;
            line_break = Some(line_end);
            end = line_end;
        }
        at = extent::next_line(bytes, line_end);
        if at == line_end {
            break;
        }
    }
    // The end of the text ends no line.
    if let Some(place) = line_break.filter(|place| *place < bytes.len())
        && !strip
    {
        output.put('\n', place);
        end = extent::next_line(bytes, place).min(range.end).max(place);
    }
    if keep {
        for place in blank_lines {
            output.put('\n', place);
            end = extent::next_line(bytes, place).min(range.end).max(place);
        }
    }
    output.finish(end)
}
