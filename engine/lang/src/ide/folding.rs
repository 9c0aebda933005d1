//! What can be folded, and what a growing selection takes in.

use text_size::{TextRange, TextSize};

use crate::{analysis::Analysis, syntax::NodeKind};

/// Lines that fold beneath their first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fold {
    /// The line that stays, from 0.
    pub start: u32,
    /// The last line that goes.
    pub end: u32,
    /// They are comments.
    pub comment: bool,
}

/// What can be folded, in order of its first line: one fold, the longest, for each line.
pub fn folds(analysis: &Analysis) -> Vec<Fold> {
    let tree = &analysis.parse().tree;
    let (text, lines) = (analysis.text(), analysis.lines());
    let mut found = Vec::new();
    let mut add = |range: TextRange| {
        let start = lines.line_of(range.start());
        // A block ends where the next begins: blank lines and line ends are not its own.
        let end = lines.line_of(range.start() + TextSize::of(text[range].trim_end()));
        if end > start {
            found.push(Fold { start, end, comment: false });
        }
    };
    let mut queue = vec![tree.root()];
    while let Some(node) = queue.pop() {
        match tree.kind(node) {
            NodeKind::Mapping { .. } => {
                for entry in tree.entries(node) {
                    add(tree.range(entry.key).cover(tree.range(entry.value)));
                    queue.push(entry.value);
                }
            }
            NodeKind::Sequence { .. } => {
                for item in tree.items(node) {
                    add(tree.range(item));
                    queue.push(item);
                }
            }
            _ => {}
        }
    }
    let mut block: Option<Fold> = None;
    for comment in tree.comments() {
        let line = lines.line_of(comment.start());
        let before = &text[..usize::from(comment.start())];
        if !before[before.rfind('\n').map_or(0, |at| at + 1)..].trim().is_empty() {
            continue;
        }
        match &mut block {
            Some(open) if open.end + 1 == line => open.end = line,
            _ => found.extend(block.replace(Fold { start: line, end: line, comment: true })),
        }
    }
    found.extend(block);
    found.retain(|fold| fold.end > fold.start);
    found.sort_by_key(|fold| (fold.start, std::cmp::Reverse(fold.end)));
    found.dedup_by_key(|fold| fold.start);
    found
}

/// The ranges around `offset`, each inside the next: a name, the path it begins, the expression, the
/// template, the scalar, the entry, the mapping, the step … the document.
pub fn selections(analysis: &Analysis, offset: TextSize) -> Vec<TextRange> {
    let tree = &analysis.parse().tree;
    let mut found = vec![TextRange::up_to(TextSize::of(analysis.text()))];
    let node = tree.node_at(offset);
    let mut child = None;
    for around in std::iter::once(node).chain(tree.ancestors(node)) {
        found.push(tree.range(around));
        if tree.is_mapping(around) {
            let mut entries = tree.entries(around);
            if let Some(entry) = entries.find(|entry| Some(entry.value) == child || Some(entry.key) == child) {
                found.push(tree.range(entry.key).cover(tree.range(entry.value)));
            }
        }
        child = Some(around);
    }
    if let Some(template) = analysis.templates().get(&node) {
        let decoded = tree.decoded(node);
        let segments = template.segments.iter().flat_map(|segment| [segment.range, segment.inner]);
        let used = template.references.iter().chain(template.locals.iter().map(|local| &local.used));
        let paths = used.flat_map(|used| {
            let parts = used.path.iter().map(|access| access.range);
            let upto = used.path.iter().map(|access| used.root_range.cover(access.range));
            parts.chain(upto).chain([used.root_range, used.range]).collect::<Vec<_>>()
        });
        let words = template.filters.iter().chain(&template.tests).map(|used| used.range);
        found.extend(segments.chain(paths).chain(words).map(|range| decoded.source_range(range)));
    }
    let trimmed = |range: TextRange| {
        let source = &analysis.text()[range];
        let lead = TextSize::of(&source[..source.len() - source.trim_start().len()]);
        TextRange::at(range.start() + lead, TextSize::of(source.trim()))
    };
    let mut found: Vec<TextRange> = found.into_iter().map(trimmed).collect();
    // The document holds blanks at its edges too.
    found.push(TextRange::up_to(TextSize::of(analysis.text())));
    found.retain(|range| range.contains_inclusive(offset) && !range.is_empty());
    found.sort_by_key(|range| range.len());
    let mut nested: Vec<TextRange> = Vec::new();
    for range in found {
        if nested.last().is_none_or(|inner| range.contains_range(*inner) && range != *inner) {
            nested.push(range);
        }
    }
    nested
}
