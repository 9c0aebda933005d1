//! The one place that converts between byte offsets and (line, column).

use text_size::{TextRange, TextSize};

/// The unit in which a column is counted (LSP 3.17 `PositionEncodingKind`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units, the protocol's default.
    #[default]
    Utf16,
    /// Unicode scalar values; what a person counts, used for `file:line:column`.
    Utf32,
}

/// A place as people and editors name it; both numbers count from zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Line, from zero.
    pub line: u32,
    /// Column, from zero, in the units of the [`Encoding`] it was made with.
    pub column: u32,
}

/// Where each line of a text starts. Line ends are `\n`, `\r\n` and a lone `\r`, as the protocol
/// defines them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineIndex {
    starts: Vec<TextSize>,
    /// For each line whether it is ASCII, so that a column is a number of bytes in every encoding:
    /// counting from the start of a long line for each of many places would take too long.
    ascii: Vec<bool>,
    len: TextSize,
}

impl LineIndex {
    /// Indexes `text`, which every later call must be given again.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let (mut starts, mut ascii) = (vec![TextSize::new(0)], Vec::new());
        let mut from = 0;
        for at in memchr::memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') {
                continue;
            }
            ascii.push(bytes[from..at].is_ascii());
            from = at + 1;
            starts.push(TextSize::new(from as u32));
        }
        ascii.push(bytes[from..].is_ascii());
        Self { starts, ascii, len: TextSize::of(text) }
    }

    /// How many lines the text has; at least one.
    pub fn line_count(&self) -> u32 {
        self.starts.len() as u32
    }

    /// The line on which `offset` stands.
    pub fn line_of(&self, offset: TextSize) -> u32 {
        (self.starts.partition_point(|start| *start <= offset) - 1) as u32
    }

    /// The bytes of `line` without its line end; empty past the last line.
    pub fn line_range(&self, text: &str, line: u32) -> TextRange {
        let Some(start) = self.starts.get(line as usize).copied() else {
            return TextRange::empty(self.len);
        };
        let end = self.starts.get(line as usize + 1).copied().unwrap_or(self.len);
        let trimmed = text[TextRange::new(start, end)].trim_end_matches(['\n', '\r']);
        TextRange::at(start, TextSize::of(trimmed))
    }

    /// Converts `offset`; an offset past the end or inside a character is moved back to a boundary.
    pub fn position(&self, text: &str, offset: TextSize, encoding: Encoding) -> Position {
        let offset = floor_boundary(text, offset.min(self.len));
        let line = self.line_of(offset);
        let before = TextRange::new(self.starts[line as usize], offset);
        let column = if self.ascii[line as usize] { before.len().into() } else { width(&text[before], encoding) };
        Position { line, column }
    }

    /// Converts `position`; columns past the end of the line stop at its end, lines past the end
    /// of the text at its end (LSP 3.17, `Position`).
    pub fn offset(&self, text: &str, position: Position, encoding: Encoding) -> TextSize {
        if position.line >= self.line_count() {
            return self.len;
        }
        let line = self.line_range(text, position.line);
        if self.ascii[position.line as usize] {
            return line.start() + TextSize::new(position.column).min(line.len());
        }
        let mut left = position.column;
        for (at, character) in text[line].char_indices() {
            let units = units(character, encoding);
            if left < units {
                return line.start() + TextSize::new(at as u32);
            }
            left -= units;
        }
        line.end()
    }
}

fn floor_boundary(text: &str, offset: TextSize) -> TextSize {
    let mut at = usize::from(offset);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    TextSize::new(at as u32)
}

fn width(text: &str, encoding: Encoding) -> u32 {
    match encoding {
        Encoding::Utf8 => text.len() as u32,
        Encoding::Utf16 | Encoding::Utf32 => text.chars().map(|character| units(character, encoding)).sum(),
    }
}

fn units(character: char, encoding: Encoding) -> u32 {
    match encoding {
        Encoding::Utf8 => character.len_utf8() as u32,
        Encoding::Utf16 => character.len_utf16() as u32,
        Encoding::Utf32 => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_ascii_and_others_count_alike() {
        let text = "abc\r\naä𝒙z\n\nxyz";
        let index = LineIndex::new(text);
        for encoding in [Encoding::Utf8, Encoding::Utf16, Encoding::Utf32] {
            for (offset, _) in text.char_indices().chain([(text.len(), ' ')]) {
                let offset = TextSize::new(offset as u32);
                let position = index.position(text, offset, encoding);
                let start = index.line_range(text, position.line).start();
                assert_eq!(position.column, width(&text[TextRange::new(start, offset)], encoding));
                let end = index.line_range(text, position.line).end();
                assert_eq!(index.offset(text, position, encoding), offset.min(end));
            }
        }
    }

    #[test]
    fn columns_past_the_end_stop_there() {
        let text = "abc\r\nä";
        let index = LineIndex::new(text);
        let at = |line| index.offset(text, Position { line, column: u32::MAX }, Encoding::Utf16);
        assert_eq!((at(0), at(1), at(2)), (3.into(), 7.into(), 7.into()));
    }
}
