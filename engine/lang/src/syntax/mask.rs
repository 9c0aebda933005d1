//! A copy of the text in which what yaml-rust2 must not see is overwritten, byte for byte, so that
//! every offset in the copy is an offset in the text.

use std::ops::Range;

use text_size::{TextRange, TextSize};

use super::{Problem, ProblemKind, ScalarStyle};

/// The copy, and what was found on the way.
#[derive(Debug)]
pub(super) struct Masked {
    /// As long as the text; always UTF-8.
    pub(super) bytes: Vec<u8>,
    /// Where the first document ends.
    pub(super) end: usize,
    /// What is wrong, in order of discovery.
    pub(super) problems: Vec<Problem>,
    /// What was blanked because it cannot be read.
    pub(super) damage: Vec<Range<usize>>,
    /// Comments in order, without line ends.
    pub(super) comments: Vec<TextRange>,
    /// Regions that hold a line end: they are kept to the byte where a plain scalar would fold.
    pub(super) regions: Vec<TextRange>,
    /// Aliases without an anchor before them, hidden as plain scalars.
    pub(super) unknown_aliases: Vec<Range<usize>>,
    /// First entries of items whose dash is damaged, in order.
    pub(super) stranded: Vec<Stranded>,
    /// Something is not closed that may be closed, or not, anywhere in the rest of the text.
    pub(super) open_ended: bool,
}

/// An entry that yaml-rust2 cannot be shown because it does not stand where its mapping's other
/// entries stand.
#[derive(Debug, Clone)]
pub(super) struct Stranded {
    /// Where yaml-rust2 sees its item's dash.
    pub(super) dash: usize,
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
    pub(super) style: ScalarStyle,
    /// Where the line of the entry ends; its mapping goes on after it.
    pub(super) line_end: usize,
}

impl Masked {
    pub(super) fn new(text: &str) -> Self {
        Self {
            bytes: text.as_bytes().to_vec(),
            end: text.len(),
            problems: Vec::new(),
            damage: Vec::new(),
            comments: Vec::new(),
            regions: Vec::new(),
            unknown_aliases: Vec::new(),
            stranded: Vec::new(),
            open_ended: false,
        }
    }

    /// The copy as text, up to the end of the first document.
    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.end]).unwrap_or("")
    }

    /// Overwrites a range, which begins and ends between characters, with letters that are as wide
    /// as the characters they hide.
    pub(super) fn mask(&mut self, range: Range<usize>) {
        let mut at = range.start;
        while at < range.end {
            let letter: &[u8] = match self.bytes[at] {
                0..0x80 => b"x",
                0x80..0xE0 => "é".as_bytes(),
                0xE0..0xF0 => "中".as_bytes(),
                _ => "𝒙".as_bytes(),
            };
            let end = (at + letter.len()).min(range.end);
            self.bytes[at..end].copy_from_slice(&letter[..end - at]);
            at = end;
        }
    }

    /// Overwrites a range with spaces; line ends stay.
    pub(super) fn blank(&mut self, range: Range<usize>) {
        for byte in &mut self.bytes[range] {
            if !matches!(*byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }

    /// Blanks a range and remembers it as damage with a message.
    pub(super) fn damage(&mut self, range: Range<usize>, message: String) {
        self.problem(ProblemKind::Syntax, range.clone(), message);
        self.blank(range.clone());
        self.damage.push(range);
    }

    pub(super) fn problem(&mut self, kind: ProblemKind, range: Range<usize>, message: String) {
        self.problems.push(Problem { kind, range: text_range(&range), message, related: None });
    }
}

/// A byte range as a [`TextRange`].
pub(super) fn text_range(range: &Range<usize>) -> TextRange {
    TextRange::new(size(range.start), size(range.end.max(range.start)))
}

/// A byte offset as a [`TextSize`].
pub(super) fn size(offset: usize) -> TextSize {
    TextSize::new(offset as u32)
}
