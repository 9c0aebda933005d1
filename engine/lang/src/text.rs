//! Offsets, positions and edits. An offset is a byte of UTF-8 text ([`TextSize`]); a [`Position`]
//! is a line and a column in the units of an [`Encoding`]. Only [`position`] converts.

pub use text_size::{TextRange, TextSize};

pub mod position;
pub use position::{Encoding, LineIndex, Position};

pub mod edit;
pub use edit::{Buffer, TextEdit, apply_edits};

/// A value together with the place in the source it was read from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands, as byte offsets into the document.
    pub range: TextRange,
}

impl<T> Spanned<T> {
    /// Pairs `value` with `range`.
    pub fn new(value: T, range: TextRange) -> Self {
        Self { value, range }
    }
}
