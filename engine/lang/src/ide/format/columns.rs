//! Where block structure belongs.

use super::{FxHashMap, Kind, NodeId, NodeKind, STEP, TextSize, Token, Tree};

/// The column each piece of block structure gets.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Of what begins at a place: a dash, a key, a value on a line of its own.
    starts: FxHashMap<TextSize, usize>,
    /// Of the collection a value lies in.
    parents: FxHashMap<NodeId, usize>,
}

impl Columns {
    pub(super) fn new(tree: &Tree, tokens: &[Token]) -> Self {
        let dashes = tokens.iter().filter(|token| token.kind == Kind::Dash);
        let dashes: Vec<TextSize> = dashes.map(|token| token.range.start()).collect();
        let mut columns = Self::default();
        let mut open = vec![(tree.root(), 0)];
        while let Some((id, column)) = open.pop() {
            match tree.kind(id) {
                NodeKind::Mapping { flow: false } => {
                    for pair in tree.children(id).chunks_exact(2) {
                        columns.starts.insert(tree.range(pair[0]).start(), column);
                        columns.value(tree, pair[1], column, &mut open);
                    }
                }
                NodeKind::Sequence { flow: false } => {
                    for item in tree.children(id) {
                        let start = tree.range(*item).start();
                        let before = dashes.partition_point(|dash| *dash < start);
                        columns.value(tree, *item, column, &mut open);
                        if let Some(dash) = before.checked_sub(1) {
                            columns.starts.insert(dashes[dash], column);
                        }
                    }
                }
                _ => {
                    columns.starts.insert(tree.range(id).start(), column);
                }
            }
        }
        columns
    }

    fn value(&mut self, tree: &Tree, id: NodeId, column: usize, open: &mut Vec<(NodeId, usize)>) {
        let below = column + STEP;
        match tree.kind(id) {
            NodeKind::Mapping { flow: false } | NodeKind::Sequence { flow: false } => open.push((id, below)),
            _ => {
                self.starts.insert(tree.range(id).start(), below);
                self.parents.insert(id, column);
            }
        }
    }

    /// The column of what begins at `start`.
    pub(super) fn of(&self, start: TextSize) -> Option<usize> {
        self.starts.get(&start).copied()
    }

    /// The column of the collection that a value, which is none itself, lies in.
    pub(super) fn parent_of(&self, id: NodeId) -> Option<usize> {
        self.parents.get(&id).copied()
    }
}
