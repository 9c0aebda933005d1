//! What holds for the tree of any text.

use std::fmt::Write;

use lang::{
    ide::format,
    syntax::{LeafKind, NodeId, NodeKind, Parse, Tree, parse},
    text::{TextRange, TextSize, apply_edits},
};

/// The invariants of the module `syntax`.
pub fn check(text: &str, parse: &Parse) {
    let tree = &parse.tree;
    assert_eq!(tree.text(), text);
    let mut done = TextSize::new(0);
    for leaf in tree.leaves() {
        assert_eq!(leaf.range.start(), done, "leaves do not tile");
        assert!(!leaf.range.is_empty());
        done = leaf.range.end();
    }
    assert_eq!(done, TextSize::of(text));
    let all = TextRange::up_to(TextSize::of(text));
    for problem in &parse.problems {
        assert!(all.contains_range(problem.range), "{problem:?}");
        let _ = &text[problem.range];
    }
    visit(tree, tree.root(), all);
}

fn visit(tree: &Tree, root: NodeId, all: TextRange) {
    let mut waiting = vec![(root, all)];
    while let Some((id, parent)) = waiting.pop() {
        let range = tree.range(id);
        assert!(parent.contains_range(range), "{:?} {range:?} not in {parent:?}", tree.kind(id));
        let _ = tree.source(id);
        let mut last = range.start();
        for child in tree.children(id) {
            assert_eq!(tree.node(*child).parent, Some(id));
            assert!(tree.range(*child).start() >= last, "siblings overlap");
            last = tree.range(*child).end();
            waiting.push((*child, range));
        }
        if matches!(tree.kind(id), NodeKind::Scalar(_)) {
            let decoded = tree.decoded(id);
            assert!(decoded.source_offset(TextSize::of(&*decoded.text)) <= range.end());
        }
    }
    assert!(tree.leaves().iter().all(|leaf| matches!(
        leaf.kind,
        LeafKind::Node(_) | LeafKind::Comment | LeafKind::Blank | LeafKind::Punctuation
    )));
}

/// Keys stand before their values, entries and items one after the other.
pub fn check_order(parse: &Parse) {
    let tree = &parse.tree;
    let mut waiting: Vec<NodeId> = vec![tree.root()];
    while let Some(id) = waiting.pop() {
        waiting.extend(tree.children(id));
        if tree.kind(id) == NodeKind::Alias {
            continue;
        }
        let mut done = tree.range(id).start();
        let entries = tree.entries(id).flat_map(|entry| [entry.key, entry.value]);
        for part in entries.chain(tree.items(id)) {
            assert!(tree.range(part).start() >= done, "{:?} begins before {done:?}", tree.node(part));
            done = tree.range(part).end();
        }
        assert!(done <= tree.range(id).end());
    }
}

/// The layout of a text is stable; a text without errors has one.
pub fn check_layout(text: &str) {
    match format::format(&parse(text)) {
        Ok(edits) => {
            let after = apply_edits(text, &edits);
            assert_eq!(format::format(&parse(&after)), Ok(Vec::new()), "{text:?} → {after:?}");
        }
        Err(why) => assert!(!why.message.contains("left as it is"), "{text:?}: {why:?}"),
    }
}

/// Everything a tree says.
pub fn dump(tree: &Tree) -> String {
    let mut out = String::new();
    let mut waiting: Vec<NodeId> = vec![tree.root()];
    while let Some(id) = waiting.pop() {
        let node = tree.node(id);
        let _ = writeln!(out, "{id:?} {:?} {:?} {:?} {:?}", node.kind, node.range, node.parent, tree.decoded(id).text);
        waiting.extend(tree.children(id).iter().rev());
    }
    let _ = writeln!(out, "{:?}\n{:?}", tree.leaves(), tree.comments());
    out
}
