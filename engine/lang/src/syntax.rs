//! Text → a tree that covers every byte of it, whatever the text is.
//!
//! Invariants, held by tests: [`parse`] never fails and never panics; the leaves of the tree, in
//! order, are exactly the text; a node lies within its parent; siblings do not overlap; damage in
//! one step leaves the nodes of the steps before it as they were.
//!
//! This module knows YAML, template regions and AUTO tags. It knows no key, tool or rule.

use text_size::TextRange;

pub mod tree;
pub use tree::{Entry, Leaf, LeafKind, Node, NodeId, NodeKind, ScalarStyle, Tree};

pub mod scalar;
pub use scalar::{Decoded, Scalar};

mod events;
mod extent;
mod mask;
mod parts;
mod recover;
mod scan;
mod splice;
pub use splice::Splice;
mod trivia;

pub mod cursor;
pub use cursor::{Cursor, Slot, cursor};

/// What [`parse`] makes of a text.
#[derive(Debug, Clone)]
pub struct Parse {
    /// The tree; it owns the text.
    pub tree: Tree,
    /// What is wrong with the text as YAML, in order of place.
    pub problems: Vec<Problem>,
}

/// Something that is wrong with, or worth saying about, the text as YAML.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing it is; the rules give it its code and severity.
    pub kind: ProblemKind,
    /// The guilty text.
    pub range: TextRange,
    /// For people, in the house wording: lower case, no final stop, the remedy included.
    pub message: String,
    /// The other place this is about, e.g. the first of two equal keys.
    pub related: Option<TextRange>,
}

/// The kinds of [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// Not YAML here; the text in the range was passed over.
    Syntax,
    /// A tab where YAML wants spaces.
    TabIndent,
    /// A key that stands twice in one mapping; `related` is the first.
    DuplicateKey,
    /// A `{% … %}` line between mapping entries or steps, outside of any scalar.
    BlockTagBetweenEntries,
    /// A second document (`---`); only the first counts.
    SecondDocument,
    /// An unquoted `{{ … }}` or `<AUTO>`: one scalar here, but not in other YAML parsers.
    UnquotedTemplate,
    /// `*name` without an `&name` before it.
    UnknownAlias,
    /// A merge key (`<<`) whose value is no mapping.
    BadMerge,
    /// Nested deeper than [`MAX_DEPTH`] levels.
    TooDeep,
    /// A git conflict marker.
    ConflictMarker,
    /// A character YAML does not allow, e.g. NUL.
    Control,
    /// A `!tag` other than YAML's core ones.
    UnknownTag,
}

/// How deep collections may nest (yaml-rust2 stops at 255 with a clean error).
pub const MAX_DEPTH: usize = 200;

/// The largest text that is analysed, in bytes; longer texts get one [`ProblemKind::Syntax`].
pub const MAX_BYTES: usize = 32 * 1024 * 1024;

/// Parses any text. See the module's invariants.
pub fn parse(text: &str) -> Parse {
    parts::parse_long(text).unwrap_or_else(|| recover::parse(text))
}

/// Parses `text`, reading again only the step in which it differs from the text of `old` where that
/// is possible; then also says what is new. The tree is the same as [`parse`]'s.
pub fn reparse(old: &Parse, text: &str) -> (Parse, Option<Splice>) {
    match splice::reparse(old, text) {
        Some((parse, splice)) => (parse, Some(splice)),
        None => (parse(text), None),
    }
}
