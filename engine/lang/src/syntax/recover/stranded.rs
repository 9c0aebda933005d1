//! Entries that the scan kept from yaml-rust2, put back into their mappings.

use text_size::TextRange;

use super::stretch;
use crate::syntax::{
    mask::{Stranded, size, text_range},
    tree::{Node, NodeId, NodeKind, TreeInner},
};

/// Makes each stranded entry the first of the item that goes on behind it.
pub(super) fn add(inner: &mut TreeInner, entries: &[Stranded]) {
    if entries.is_empty() {
        return;
    }
    // Nodes stand in order of place until the first one is added.
    let ordered = inner.nodes.len();
    for entry in entries {
        // The dash itself is no node: the next node is what stands behind it.
        let index = inner.nodes[..ordered].partition_point(|node| node.range.start() <= size(entry.dash));
        if index < ordered && begins_item(inner, index, entry) {
            prepend(inner, NodeId(index as u32), entry);
            move_missing(&mut inner.nodes[index + 1..ordered], entry);
        }
    }
}

/// What is missing behind an item of nothing is, now that the item has an entry, missing behind that.
fn move_missing(behind: &mut [Node], entry: &Stranded) {
    let end = size(entry.value.end);
    for node in behind.iter_mut().take_while(|node| node.range.start() < end) {
        if node.kind == NodeKind::Missing {
            node.range = TextRange::empty(end);
        }
    }
}

/// Whether the node is the item of the entry's dash; an item of nothing becomes a mapping.
fn begins_item(inner: &mut TreeInner, index: usize, entry: &Stranded) -> bool {
    let node = &inner.nodes[index];
    let in_sequence =
        node.parent.is_some_and(|parent| inner.nodes[parent.0 as usize].kind == NodeKind::Sequence { flow: false });
    match node.kind {
        NodeKind::Mapping { flow: false } => in_sequence && usize::from(node.range.start()) >= entry.line_end,
        NodeKind::Missing if in_sequence && usize::from(node.range.start()) == entry.dash + 1 => {
            let node = &mut inner.nodes[index];
            node.kind = NodeKind::Mapping { flow: false };
            node.range = TextRange::new(size(entry.key.start), size(entry.value.end));
            true
        }
        _ => false,
    }
}

fn prepend(inner: &mut TreeInner, mapping: NodeId, entry: &Stranded) {
    let key = NodeId(inner.nodes.len() as u32);
    let value = NodeId(key.0 + 1);
    let plain = NodeKind::Scalar(crate::syntax::ScalarStyle::Plain);
    for (kind, range) in [(plain, &entry.key), (NodeKind::Scalar(entry.style), &entry.value)] {
        inner.nodes.push(Node { kind, range: text_range(range), parent: Some(mapping), links: (0, 0) });
    }
    let (from, length) = inner.nodes[mapping.0 as usize].links;
    let links = inner.links.len() as u32;
    inner.links.extend([key, value]);
    inner.links.extend_from_within(from as usize..(from + length) as usize);
    inner.nodes[mapping.0 as usize].links = (links, length + 2);
    stretch(inner, value);
    stretch(inner, key);
    stretch(inner, mapping);
}
