//! The words of a text as the layout sees them.

use text_size::{TextRange, TextSize};

use crate::syntax::{LeafKind, NodeId, Tree};

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A scalar, alias or error.
    Node(NodeId),
    /// `# …`
    Comment,
    /// `-`
    Dash,
    /// `:`
    Colon,
    /// `,`
    Comma,
    /// `?`
    Question,
    /// `[` or `{`
    Open,
    /// `]` or `}`
    Close,
    /// An anchor or a tag.
    Property,
    /// A document marker or a directive.
    Marker,
}

/// A token and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) range: TextRange,
}

/// All tokens in order of place.
pub(super) fn tokens(tree: &Tree) -> Vec<Token> {
    let mut found = Vec::new();
    for leaf in tree.leaves() {
        match leaf.kind {
            LeafKind::Node(id) => found.push(Token { kind: Kind::Node(id), range: leaf.range }),
            LeafKind::Comment => found.push(Token { kind: Kind::Comment, range: leaf.range }),
            LeafKind::Blank => {}
            LeafKind::Punctuation => punctuation(tree, leaf.range, &mut found),
        }
    }
    found
}

fn punctuation(tree: &Tree, range: TextRange, found: &mut Vec<Token>) {
    let text = &tree.text()[range];
    let mut at = 0;
    while let Some(byte) = text.as_bytes().get(at) {
        let rest = &text[at..];
        let marker = at == 0 && (*byte == b'%' || rest == "---" || rest == "...");
        let (kind, length) = match byte {
            _ if marker => (Kind::Marker, rest.len()),
            b'-' => (Kind::Dash, 1),
            b':' => (Kind::Colon, 1),
            b',' => (Kind::Comma, 1),
            b'?' => (Kind::Question, 1),
            b'[' | b'{' => (Kind::Open, 1),
            b']' | b'}' => (Kind::Close, 1),
            _ => (Kind::Property, rest.len()),
        };
        let start = range.start() + TextSize::new(at as u32);
        found.push(Token { kind, range: TextRange::at(start, TextSize::new(length as u32)) });
        at += length;
    }
}
