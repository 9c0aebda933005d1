//! What is between the nodes: comments, blanks, punctuation.

use text_size::{TextRange, TextSize};

use super::tree::{Leaf, LeafKind, NodeId, NodeKind, Tree};

pub(super) fn leaves(tree: &Tree) -> Vec<Leaf> {
    let mut pieces: Vec<Leaf> = Vec::new();
    for index in 0..tree.len() {
        let id = NodeId(index as u32);
        let range = tree.range(id);
        let is_leaf = matches!(tree.kind(id), NodeKind::Scalar(_) | NodeKind::Alias | NodeKind::Error);
        if is_leaf && !range.is_empty() {
            pieces.push(Leaf { kind: LeafKind::Node(id), range });
        }
    }
    pieces.extend(tree.comments().iter().map(|&range| Leaf { kind: LeafKind::Comment, range }));
    pieces.sort_by_key(|leaf| (leaf.range.start(), leaf.range.end()));
    let mut leaves = Vec::with_capacity(pieces.len() * 3);
    let mut done = TextSize::new(0);
    for piece in pieces {
        // A comment on a block scalar's header line lies within the scalar.
        if piece.range.start() < done {
            continue;
        }
        gap(tree.text(), TextRange::new(done, piece.range.start()), &mut leaves);
        done = piece.range.end();
        leaves.push(piece);
    }
    gap(tree.text(), TextRange::new(done, TextSize::of(tree.text())), &mut leaves);
    leaves
}

/// Splits what is between two pieces into blanks and punctuation.
fn gap(text: &str, range: TextRange, leaves: &mut Vec<Leaf>) {
    let is_blank = |character: char| matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{feff}');
    let mut rest = &text[range];
    let mut at = range.start();
    while let Some(first) = rest.chars().next() {
        let blank = is_blank(first);
        let length = rest.find(|character| is_blank(character) != blank).unwrap_or(rest.len());
        let kind = if blank { LeafKind::Blank } else { LeafKind::Punctuation };
        let piece = TextRange::at(at, TextSize::new(length as u32));
        leaves.push(Leaf { kind, range: piece });
        at = piece.end();
        rest = &rest[length..];
    }
}
