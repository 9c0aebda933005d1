//! The corpus, seeded choices, and what holds for the tree of any text.

use std::path::{Path, PathBuf};

use lang::{
    syntax::{LeafKind, NodeId, NodeKind, Parse, Tree},
    text::{TextRange, TextSize},
};

/// The files of the corpus by name.
#[expect(clippy::disallowed_methods, reason = "the tests read the corpus; only the library touches no files")]
pub(crate) fn corpus() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/pipelines");
    let mut files = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        let mut entries: Vec<PathBuf> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                files.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 80, "the corpus is missing");
    files
}

/// The invariants of the module `syntax`.
pub(crate) fn check(text: &str, parse: &Parse) {
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

/// Random numbers that are the same in every run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x2545_f491_4f6c_dd1d))
    }

    /// A number below `limit`, or zero.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }

    /// A place between two characters of `text`.
    pub(crate) fn place(&mut self, text: &str) -> usize {
        let mut at = self.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    }
}
