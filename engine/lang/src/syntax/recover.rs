//! Text → tree, whatever the text is: what the scan could not repair is blanked with spaces, as
//! little of it as possible, and parsed again.

use std::sync::Arc;

use text_size::{TextRange, TextSize};

use super::{
    MAX_BYTES, Parse, Problem, ProblemKind, events,
    mask::{Masked, size, text_range},
    scan,
    tree::{Node, NodeId, NodeKind, Tree, TreeInner},
};

mod retry;
mod stranded;

pub(super) fn parse(text: &str) -> Parse {
    if text.len() > MAX_BYTES {
        return too_large(text);
    }
    let mut masked = scan::scan(text);
    let (inner, local) = match events::nodes(&masked) {
        Ok(inner) => {
            let local = is_local(&masked, text);
            (inner, local)
        }
        Err(broken) => (retry::retry(text, &mut masked, broken), false),
    };
    let (mut inner, problems) = finish(text, masked, inner);
    inner.local = local;
    Parse { tree: Tree { inner: Arc::new(inner) }, problems }
}

/// Parses the lines of one step, if what they say depends on nothing but themselves.
pub(super) fn parse_local(text: &str) -> Option<(TreeInner, Vec<Problem>)> {
    let masked = scan::scan(text);
    if !is_local(&masked, text) {
        return None;
    }
    let inner = events::nodes(&masked).ok()?;
    Some(finish(text, masked, inner))
}

fn is_local(masked: &Masked, text: &str) -> bool {
    let counts_levels = |problem: &Problem| problem.kind == ProblemKind::TooDeep;
    masked.end == text.len()
        && masked.stranded.is_empty()
        && !masked.open_ended
        && masked.unknown_aliases.is_empty()
        && !masked.problems.iter().any(counts_levels)
}

fn finish(text: &str, mut masked: Masked, mut inner: TreeInner) -> (TreeInner, Vec<Problem>) {
    inner.text = text.into();
    stranded::add(&mut inner, &masked.stranded);
    inner.comments = std::mem::take(&mut masked.comments);
    inner.regions = std::mem::take(&mut masked.regions);
    inner.regions.sort_by_key(|region| region.start());
    let mut problems = std::mem::take(&mut masked.problems);
    let recursive = std::mem::take(&mut inner.recursive);
    problems.extend(recursive.iter().map(|alias| {
        let range = inner.nodes[alias.0 as usize].range;
        let message = format!("`{}` stands inside the value it stands for; remove it", &text[range]);
        Problem { kind: ProblemKind::UnknownAlias, range, message, related: None }
    }));
    add_errors(&mut inner, &mut masked);
    let tree = Tree { inner: Arc::new(inner) };
    super::scalar::mapping_problems(&tree, &mut problems);
    problems.sort_by_key(|problem| (problem.range.start(), problem.range.end()));
    let inner = Arc::into_inner(tree.inner).unwrap_or_default();
    (inner, problems)
}

fn too_large(text: &str) -> Parse {
    let end = TextSize::try_from(text.len()).unwrap_or(TextSize::new(u32::MAX));
    let megabytes = MAX_BYTES / (1024 * 1024);
    let problem = Problem {
        kind: ProblemKind::Syntax,
        range: TextRange::empty(TextSize::new(0)),
        message: format!("the file is larger than {megabytes} MB and is not analysed; split it"),
        related: None,
    };
    let kind = if text.is_empty() { NodeKind::Missing } else { NodeKind::Error };
    let node = Node { kind, range: TextRange::up_to(end), parent: None, links: (0, 0) };
    let inner = TreeInner { text: text.into(), nodes: vec![node], ..TreeInner::default() };
    Parse { tree: Tree { inner: Arc::new(inner) }, problems: vec![problem] }
}

/// Gives every blanked piece of the text an error node: in place of the missing value it stands
/// for, or beside the entries it stands between.
fn add_errors(inner: &mut TreeInner, masked: &mut Masked) {
    let mut damage = std::mem::take(&mut masked.damage);
    damage.retain(|range| !range.is_empty() && range.end <= masked.end);
    damage.sort_by_key(|range| (range.start, range.end));
    damage.dedup_by(|next, last| {
        let overlaps = next.start < last.end;
        if overlaps {
            last.end = last.end.max(next.end);
        }
        overlaps
    });
    if damage.is_empty() {
        return;
    }
    let mut missing: Vec<(TextSize, u32)> = Vec::new();
    for (index, node) in inner.nodes.iter().enumerate() {
        if node.kind == NodeKind::Missing && node.parent.is_some() {
            missing.push((node.range.start(), index as u32));
        }
    }
    missing.sort_unstable();
    for range in damage {
        let before = missing.partition_point(|(at, _)| *at <= size(range.start));
        let gap = before.checked_sub(1).map(|index| missing[index]);
        if let Some((at, index)) = gap
            && inner.text[usize::from(at)..range.start].trim_matches([' ', '\t']).is_empty()
        {
            missing.remove(before - 1);
            let node = &mut inner.nodes[index as usize];
            node.kind = NodeKind::Error;
            node.range = text_range(&range);
            stretch(inner, NodeId(index));
            continue;
        }
        let range = text_range(&range);
        let parent = enclosing(inner, range);
        let id = NodeId(inner.nodes.len() as u32);
        inner.nodes.push(Node { kind: NodeKind::Error, range, parent, links: (0, 0) });
        stretch(inner, id);
        inner.errors.push(id);
    }
}

/// The smallest collection around `range`, else the root if it is a collection.
fn enclosing(inner: &TreeInner, range: TextRange) -> Option<NodeId> {
    let mut found = NodeId(0);
    let root = &inner.nodes[0];
    if !matches!(root.kind, NodeKind::Mapping { .. } | NodeKind::Sequence { .. }) {
        return None;
    }
    loop {
        let node = &inner.nodes[found.0 as usize];
        let children = &inner.links[node.links.0 as usize..][..node.links.1 as usize];
        let next = children.partition_point(|child| inner.nodes[child.0 as usize].range.start() <= range.start());
        let inside = next.checked_sub(1).map(|index| children[index]).filter(|child| {
            let child = &inner.nodes[child.0 as usize];
            child.range.contains_range(range)
                && matches!(child.kind, NodeKind::Mapping { .. } | NodeKind::Sequence { .. })
        });
        match inside {
            Some(child) => found = child,
            None => return Some(found),
        }
    }
}

/// Makes the ancestors of a node cover it.
fn stretch(inner: &mut TreeInner, id: NodeId) {
    let range = inner.nodes[id.0 as usize].range;
    let mut above = inner.nodes[id.0 as usize].parent;
    while let Some(parent) = above {
        let node = &mut inner.nodes[parent.0 as usize];
        if node.range.contains_range(range) {
            return;
        }
        node.range = node.range.cover(range);
        above = node.parent;
    }
}
