//! What is being typed at an offset, read from the original text by indentation, so that it holds
//! in text that does not parse.

use text_size::{TextRange, TextSize};

use super::Parse;

/// The kind of place a [`Cursor`] is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    /// A mapping key is being typed (or a plain word that may become one).
    Key,
    /// The value of `key` is being typed.
    Value {
        /// The key whose value it is.
        key: String,
    },
    /// An item of a sequence is being typed.
    Item,
    /// Inside `{{ … }}` or `{% … %}` of a scalar.
    Template,
    /// Inside `<AUTO …>`.
    Auto,
    /// Inside a comment.
    Comment,
}

/// One step of the way from the root to the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathSegment {
    /// Under this key.
    Key(String),
    /// In the item that begins at this offset (the `-` or the flow item's first byte), which is the
    /// `index`-th of its sequence.
    Item {
        /// Position in the sequence, from zero.
        index: usize,
        /// Where the item begins.
        start: TextSize,
    },
}

/// What is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// From the root to the collection or value the cursor is in, e.g. `steps`, item 3, `parameters`.
    /// For [`Slot::Value`] the key itself is not part of the path.
    pub path: Vec<PathSegment>,
    /// What kind of place it is.
    pub slot: Slot,
    /// What is already typed of the word, up to the cursor.
    pub prefix: String,
    /// The whole word around the cursor, which a completion replaces.
    pub word: TextRange,
    /// The column (bytes) at which keys of the collection stand.
    pub indent: u32,
    /// Inside quotes: the quote character.
    pub quote: Option<char>,
    /// Inside a flow collection.
    pub flow: bool,
    /// Keys that stand already in the mapping the cursor is in (for [`Slot::Key`]), or items that
    /// stand already in the sequence (for [`Slot::Item`]); the word at the cursor left out.
    pub siblings: Vec<String>,
}

/// Finds out what is being typed at `offset`.
pub fn cursor(parse: &Parse, offset: TextSize) -> Cursor {
    let _ = parse;
    Cursor {
        path: Vec::new(),
        slot: Slot::Key,
        prefix: String::new(),
        word: TextRange::empty(offset),
        indent: 0,
        quote: None,
        flow: false,
        siblings: Vec::new(),
    }
}
