//! The tree of a text that differs from another in one step: only that step's lines are read again.
//!
//! The result is exactly what [`super::parse`] makes of the text; where that cannot be promised (an
//! edit outside of the steps, anchors, text that breaks out of its step) there is none, and the whole
//! text is parsed.

use std::{ops::Range, sync::Arc};

use text_size::{TextRange, TextSize};

use super::{
    Parse, Problem,
    mask::size,
    recover,
    tree::{Node, NodeId, NodeKind, Tree, TreeInner},
};

/// Collections nested deeper than this are read with the whole text, which counts levels.
const MAX_DEPTH: usize = super::MAX_DEPTH / 2;

/// What of a tree was read again, and where the rest has gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Splice {
    /// The nodes of the earlier tree that are gone.
    pub(crate) gone: Range<u32>,
    /// The nodes of this tree that are new.
    pub(crate) new: Range<u32>,
}

impl Splice {
    /// The node of the earlier tree that `id` was.
    pub(crate) fn earlier(&self, id: NodeId) -> Option<NodeId> {
        match id.0 {
            same if same < self.new.start => Some(id),
            new if new < self.new.end => None,
            later => Some(NodeId(later - self.new.end + self.gone.end)),
        }
    }
}

/// Parses `text` with the help of the parse of an earlier text.
pub(super) fn reparse(old: &Parse, text: &str) -> Option<(Parse, Splice)> {
    let before = &old.tree.inner;
    if !is_apart(old) {
        return None;
    }
    let (start, end) = differing(&before.text, text)?;
    let item = Item::around(&old.tree, start..end)?;
    let fragment = item.lines.start..item.lines.end + text.len() - before.text.len();
    let lines = text.get(fragment)?;
    if !stays_inside(lines, item.column) {
        return None;
    }
    let (inner, problems) = recover::parse_local(lines)?;
    let read = Read::new(inner, problems, item.lines.start)?;
    Some(join(old, text, &item, read))
}

/// Whether what its steps say depends on nothing outside of them.
pub(super) fn is_apart(parse: &Parse) -> bool {
    let tree = &parse.tree.inner;
    tree.local && tree.properties.is_empty() && tree.targets.is_empty()
}

/// The bytes of `before` in which it differs from `after`, as few as possible.
fn differing(before: &str, after: &str) -> Option<(usize, usize)> {
    let (before, after) = (before.as_bytes(), after.as_bytes());
    let shorter = before.len().min(after.len());
    let start = common(before[..shorter].iter().zip(&after[..shorter]));
    if start == shorter && before.len() == after.len() {
        return None;
    }
    let rest = shorter - start;
    let end = common(before.iter().rev().zip(after.iter().rev()).take(rest));
    Some((start, before.len() - end))
}

fn common<'b>(pairs: impl Iterator<Item = (&'b u8, &'b u8)>) -> usize {
    pairs.take_while(|(one, other)| one == other).count()
}

/// An item of a list at the root's entry, and its lines.
pub(super) struct Item {
    list: NodeId,
    /// Its node, and the node after all that is in it.
    nodes: Range<u32>,
    /// Its lines with the blank and comment lines after it.
    lines: Range<usize>,
    /// Where its dash stands.
    column: usize,
}

impl Item {
    /// The place of items at `column` whose lines are missing at `at`, behind another item.
    pub(super) fn before(tree: &Tree, at: usize, column: usize) -> Option<Self> {
        let root = tree.children(tree.root());
        if tree.kind(tree.root()) != (NodeKind::Mapping { flow: false }) {
            return None;
        }
        let begins_before = |node: &NodeId| usize::from(tree.range(*node).start()) < at;
        let entry = root.partition_point(begins_before);
        let list = *root.get(entry.checked_sub(1)?)?;
        if tree.kind(list) != (NodeKind::Sequence { flow: false }) {
            return None;
        }
        let items = tree.children(list);
        let next = items.partition_point(begins_before);
        let (_, its_column) = line_of_dash(tree.text(), tree.range(*items.get(next.checked_sub(1)?)?).start())?;
        if its_column != column {
            return None;
        }
        let after = items.get(next).or_else(|| root.get(entry)).map_or(tree.inner.ordered() as u32, |node| node.0);
        Some(Self { list, nodes: after..after, lines: at..at, column })
    }

    fn around(tree: &Tree, edit: Range<usize>) -> Option<Self> {
        let text = tree.text();
        let root = tree.children(tree.root());
        if tree.kind(tree.root()) != (NodeKind::Mapping { flow: false }) {
            return None;
        }
        let entry = root.partition_point(|child| usize::from(tree.range(*child).start()) <= edit.start);
        let list = *root.get(entry.checked_sub(1)?)?;
        if tree.kind(list) != (NodeKind::Sequence { flow: false }) {
            return None;
        }
        let items = tree.children(list);
        let line = |node: NodeId| line_of_dash(text, tree.range(node).start());
        let index = items.partition_point(|item| usize::from(tree.range(*item).start()) <= edit.start).max(1) - 1;
        // The place may be before the text of the item it finds, but behind its dash.
        let index = match items.get(index + 1).map(|next| line(*next)) {
            Some(next) if next?.0 <= edit.start => index + 1,
            _ => index,
        };
        let (start, column) = line(*items.get(index)?)?;
        let (end, after) = match (items.get(index + 1), root.get(entry)) {
            (Some(next), _) => {
                let (end, its_column) = line(*next)?;
                (end, (its_column == column).then_some(next.0)?)
            }
            (None, Some(next)) => {
                let start = usize::from(tree.range(*next).start());
                let key = matches!(tree.kind(*next), NodeKind::Scalar(_)) && line_start(text, start) == start;
                (key.then_some(start)?, next.0)
            }
            (None, None) => (text.len(), tree.inner.ordered() as u32),
        };
        let inside = start <= edit.start && (edit.end < end || end == text.len());
        inside.then(|| Self { list, nodes: items[index].0..after, lines: start..end, column })
    }
}

/// The start of the line of an item's dash and the dash's column, if nothing else stands before it.
fn line_of_dash(text: &str, item: TextSize) -> Option<(usize, usize)> {
    let before = &text[..usize::from(item)];
    let dash = before.trim_end_matches(' ').len().checked_sub(1)?;
    let start = line_start(text, dash);
    let blank = text[start..dash].bytes().all(|byte| byte == b' ');
    (text.as_bytes()[dash] == b'-' && blank).then_some((start, dash - start))
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// Whether no line of an item leaves it: all stand right of its dash, or begin an item beside it.
fn stays_inside(lines: &str, column: usize) -> bool {
    let mut first = true;
    lines.split('\n').all(|line| {
        if std::mem::take(&mut first) { begins_item(line, column) } else { stays_inside_list(line, column) }
    }) && !lines.contains(['\t', '\u{feff}'])
        && !lines.bytes().enumerate().any(|(at, byte)| byte == b'\r' && lines.as_bytes().get(at + 1) != Some(&b'\n'))
}

fn begins_item(line: &str, column: usize) -> bool {
    let content = line.trim_start_matches(' ');
    let (indent, content) = (line.len() - content.len(), content.trim_end_matches('\r'));
    indent == column && (content == "-" || content.starts_with("- "))
}

fn stays_inside_list(line: &str, column: usize) -> bool {
    let content = line.trim_start_matches(' ');
    let indent = line.len() - content.len();
    let content = content.trim_end_matches('\r');
    content.is_empty() || content.starts_with('#') || indent > column || begins_item(line, column)
}

/// How long the lines are from the beginning of an item at `column` up to the first that leaves its list.
pub(super) fn length_inside(lines: &str, column: usize) -> Option<usize> {
    let mut length = 0;
    for line in lines.split_inclusive('\n') {
        if !stays_inside_list(line.strip_suffix('\n').unwrap_or(line), column) {
            break;
        }
        length += line.len();
    }
    (length > 0 && stays_inside(&lines[..length], column)).then_some(length)
}

/// What was read of the lines, its ranges those of the whole text.
pub(super) struct Read {
    inner: TreeInner,
    problems: Vec<Problem>,
}

impl Read {
    pub(super) fn new(mut inner: TreeInner, mut problems: Vec<Problem>, start: usize) -> Option<Self> {
        let list = inner.nodes[0].kind == NodeKind::Sequence { flow: false };
        let linked = !inner.properties.is_empty() || !inner.targets.is_empty() || !inner.recursive.is_empty();
        let outside = inner.errors.iter().any(|error| inner.nodes[error.0 as usize].parent.is_none_or(|id| id.0 == 0));
        if !list || linked || outside || inner.nodes.iter().any(|node| node.kind == NodeKind::Alias) {
            return None;
        }
        let mut depths: Vec<usize> = Vec::with_capacity(inner.nodes.len());
        for node in &inner.nodes {
            let depth = node.parent.map_or(0, |parent| depths[parent.0 as usize] + 1);
            if depth > MAX_DEPTH {
                return None;
            }
            depths.push(depth);
        }
        let by = size(start);
        let ranges = inner.comments.iter_mut().chain(&mut inner.regions);
        ranges.for_each(|range| *range += by);
        inner.nodes.iter_mut().for_each(|node| node.range += by);
        for problem in &mut problems {
            problem.range += by;
            problem.related = problem.related.map(|range| range + by);
        }
        Some(Self { inner, problems })
    }
}

/// The earlier tree with the item's nodes replaced.
pub(super) fn join(old: &Parse, text: &str, item: &Item, read: Read) -> (Parse, Splice) {
    let before = &*old.tree.inner;
    let (from, to) = (size(item.lines.start), size(item.lines.end));
    let (grown, shrunk) = (size(text.len()), size(before.text.len()));
    let moved = |range: TextRange| if range.start() < to { range } else { range + grown - shrunk };

    let new_count = read.inner.ordered() as u32 - 1;
    let new = item.nodes.start..item.nodes.start + new_count;
    let later = |id: NodeId| {
        if id.0 < item.nodes.end { id } else { NodeId(id.0 - item.nodes.end + new.end) }
    };
    // The list that was read is the list it was read out of; its items follow.
    let read_id = |id: NodeId| if id.0 == 0 { item.list } else { NodeId(id.0 - 1 + new.start) };

    let ordered = before.ordered();
    let mut nodes: Vec<Node> = Vec::with_capacity(ordered + read.inner.nodes.len() + before.errors.len());
    nodes.extend_from_slice(&before.nodes[..item.nodes.start as usize]);
    let fresh = |node: &Node| Node { parent: node.parent.map(read_id), ..node.clone() };
    nodes.extend(read.inner.nodes[1..read.inner.ordered()].iter().map(fresh));
    let kept = |node: &Node| Node { range: moved(node.range), parent: node.parent.map(later), ..node.clone() };
    nodes.extend(before.nodes[item.nodes.end as usize..ordered].iter().map(kept));

    let split = |ranges: &[TextRange]| {
        (ranges.partition_point(|range| range.start() < from), ranges.partition_point(|range| range.start() < to))
    };
    let woven = |old: &[TextRange], read: &[TextRange]| -> Vec<TextRange> {
        let (head, tail) = split(old);
        let mut all = old[..head].to_vec();
        all.extend_from_slice(read);
        all.extend(old[tail..].iter().map(|range| moved(*range)));
        all
    };
    let comments = woven(&before.comments, &read.inner.comments);
    let regions = woven(&before.regions, &read.inner.regions);

    let first_error = nodes.len() as u32;
    let outside = |range: TextRange| range.start() < from || range.start() >= to;
    nodes.extend(before.nodes[ordered..].iter().filter(|node| outside(node.range)).map(kept));
    nodes.extend(read.inner.nodes[read.inner.ordered()..].iter().map(fresh));
    nodes[first_error as usize..].sort_by_key(|node| (node.range.start(), node.range.end()));
    let errors: Vec<NodeId> = (first_error..nodes.len() as u32).map(NodeId).collect();

    let mut problems: Vec<Problem> = old.problems.iter().filter(|problem| outside(problem.range)).cloned().collect();
    for problem in &mut problems {
        problem.range = moved(problem.range);
        problem.related = problem.related.map(moved);
    }
    problems.extend(read.problems);
    problems.sort_by_key(|problem| (problem.range.start(), problem.range.end()));

    let mut inner =
        TreeInner { text: text.into(), nodes, comments, regions, errors, local: true, ..TreeInner::default() };
    inner.links = links(&mut inner.nodes[..first_error as usize]);
    cover(&mut inner, item.list);
    cover(&mut inner, NodeId(0));
    (Parse { tree: Tree { inner: Arc::new(inner) }, problems }, Splice { gone: item.nodes.clone(), new })
}

/// The children of all nodes, each node told which are its own.
fn links(nodes: &mut [Node]) -> Vec<NodeId> {
    for node in &mut *nodes {
        node.links = (0, 0);
    }
    for index in 0..nodes.len() {
        if let Some(parent) = nodes[index].parent {
            nodes[parent.0 as usize].links.1 += 1;
        }
    }
    let mut total = 0;
    for node in &mut *nodes {
        let count = node.links.1;
        node.links = (total, 0);
        total += count;
    }
    let mut links = vec![NodeId(0); total as usize];
    for index in 0..nodes.len() {
        if let Some(parent) = nodes[index].parent {
            let (first, filled) = &mut nodes[parent.0 as usize].links;
            links[(*first + *filled) as usize] = NodeId(index as u32);
            *filled += 1;
        }
    }
    links
}

/// Makes a block collection end where its last child, or the last error in it, ends.
fn cover(inner: &mut TreeInner, id: NodeId) {
    let node = &inner.nodes[id.0 as usize];
    let children = &inner.links[node.links.0 as usize..][..node.links.1 as usize];
    let errors = inner.errors.iter().filter(|error| inner.nodes[error.0 as usize].parent == Some(id));
    let ranges = children.iter().chain(errors).map(|child| inner.nodes[child.0 as usize].range);
    let end = ranges.map(TextRange::end).max().unwrap_or(node.range.end());
    let start = node.range.start();
    inner.nodes[id.0 as usize].range = TextRange::new(start.min(end), end);
}
