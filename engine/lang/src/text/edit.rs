//! Edits to a text, and the rope an editor's changes are applied to.

use ropey::Rope;
use text_size::{TextRange, TextSize};

use super::{Encoding, Position};

/// Replace `range` by `new_text`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextEdit {
    /// What is replaced; empty for an insertion.
    pub range: TextRange,
    /// What stands there afterwards.
    pub new_text: String,
}

impl TextEdit {
    /// Inserts `text` at `offset`.
    pub fn insert(offset: TextSize, text: impl Into<String>) -> Self {
        Self { range: TextRange::empty(offset), new_text: text.into() }
    }

    /// Replaces `range` by `text`.
    pub fn replace(range: TextRange, text: impl Into<String>) -> Self {
        Self { range, new_text: text.into() }
    }

    /// Removes `range`.
    pub fn delete(range: TextRange) -> Self {
        Self { range, new_text: String::new() }
    }
}

/// Applies `edits`, whose ranges all refer to `text` as it stands. An edit that overlaps an
/// earlier one of the list is left out, so the result is always well formed.
pub fn apply_edits(text: &str, edits: &[TextEdit]) -> String {
    let mut sorted: Vec<&TextEdit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.range.start(), edit.range.end()));
    let mut result = String::with_capacity(text.len());
    let mut done = TextSize::new(0);
    for edit in sorted {
        if edit.range.start() < done || edit.range.end() > TextSize::of(text) {
            continue;
        }
        result.push_str(&text[TextRange::new(done, edit.range.start())]);
        result.push_str(&edit.new_text);
        done = edit.range.end();
    }
    result.push_str(&text[usize::from(done)..]);
    result
}

/// The text of an open document. Cloning is cheap (the rope shares its leaves), so a clone is a
/// snapshot.
#[derive(Debug, Clone, Default)]
pub struct Buffer {
    rope: Rope,
}

impl Buffer {
    /// A buffer that holds `text`.
    pub fn new(text: &str) -> Self {
        Self { rope: Rope::from_str(text) }
    }

    /// Replaces what stands between two positions (end exclusive). Positions outside the text are
    /// moved to its nearest place, a reversed pair is put in order.
    pub fn replace(&mut self, start: Position, end: Position, encoding: Encoding, text: &str) {
        let start = self.char_index(start, encoding);
        let end = self.char_index(end, encoding);
        let (start, end) = (start.min(end), start.max(end));
        self.rope.remove(start..end);
        self.rope.insert(start, text);
    }

    /// The whole text.
    pub fn text(&self) -> String {
        self.rope.to_string()
    }

    fn char_index(&self, position: Position, encoding: Encoding) -> usize {
        let line = position.line as usize;
        if line >= self.rope.len_lines() {
            return self.rope.len_chars();
        }
        let start = self.rope.line_to_char(line);
        let slice = self.rope.line(line);
        let mut left = position.column;
        let mut index = start;
        for character in slice.chars() {
            let units = match encoding {
                Encoding::Utf8 => character.len_utf8() as u32,
                Encoding::Utf16 => character.len_utf16() as u32,
                Encoding::Utf32 => 1,
            };
            if matches!(character, '\n' | '\r') || left < units {
                break;
            }
            left -= units;
            index += 1;
        }
        index
    }
}
