//! What a scalar says: its decoded text with a map back to the source, and its typed value.

use std::borrow::Cow;

use text_size::{TextRange, TextSize};

use super::tree::{Entry, NodeId, Tree};

/// The content of a scalar and, for each place in it, the place in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The content: quotes, escapes, folding and block indentation undone. Inside an unquoted
    /// template region or AUTO tag it is the source to the byte.
    pub text: Cow<'a, str>,
    /// `(offset in text, offset in source)` where a run of equal bytes begins, ascending.
    pub(crate) runs: Vec<(TextSize, TextSize)>,
    /// Just after the content in the source.
    pub(crate) end: TextSize,
}

impl Decoded<'_> {
    /// The source place of a place in [`Self::text`].
    pub fn source_offset(&self, offset: TextSize) -> TextSize {
        let index = self.runs.partition_point(|(text, _)| *text <= offset);
        match index.checked_sub(1).and_then(|at| self.runs.get(at)) {
            Some((text, source)) => (*source + (offset - *text)).min(self.end),
            None => self.end,
        }
    }

    /// The source range of a range of [`Self::text`].
    pub fn source_range(&self, range: TextRange) -> TextRange {
        let start = self.source_offset(range.start());
        if range.is_empty() {
            return TextRange::empty(start);
        }
        let last = self.source_offset(range.end() - TextSize::new(1)) + TextSize::new(1);
        TextRange::new(start, last.max(start).min(self.end.max(start)))
    }

    /// The place in [`Self::text`] of a source offset inside the scalar.
    pub fn text_offset(&self, source: TextSize) -> Option<TextSize> {
        let index = self.runs.partition_point(|(_, at)| *at <= source).checked_sub(1)?;
        let (text, at) = self.runs[index];
        let limit = self.runs.get(index + 1).map_or(TextSize::of(&*self.text), |(text, _)| *text);
        Some((text + (source - at)).min(limit))
    }
}

/// A scalar's value by the YAML 1.2 core schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// `null`, `~`, or nothing.
    Null,
    /// `true` / `false`.
    Bool(bool),
    /// Decimal, `0x…` or `0o…`.
    Int(i64),
    /// Also `.inf` and `.nan`.
    Float(f64),
    /// Anything else.
    Text(Cow<'a, str>),
}

pub(crate) fn decode(tree: &Tree, id: NodeId) -> Decoded<'_> {
    let range = tree.range(id);
    Decoded {
        text: Cow::Borrowed(&tree.text()[range]),
        runs: vec![(TextSize::new(0), range.start())],
        end: range.end(),
    }
}

pub(crate) fn typed(tree: &Tree, id: NodeId) -> Option<Scalar<'_>> {
    Some(Scalar::Text(decode(tree, id).text))
}

pub(crate) fn merged_entries(tree: &Tree, id: NodeId) -> Vec<Entry> {
    tree.entries(id).collect()
}

pub(crate) fn to_json(_tree: &Tree, _id: NodeId) -> Option<serde_json::Value> {
    None
}
