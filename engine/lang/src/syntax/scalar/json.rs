//! Whole values: merge keys and aliases expanded, and what is wrong with mappings.

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::{Scalar, decode, typed};
use crate::syntax::{
    Problem, ProblemKind,
    tree::{Entry, NodeId, NodeKind, ScalarStyle, Tree},
};

/// How many nodes an expanded value may have.
const MAX_NODES: usize = 1_000_000;

/// How deep an expanded value may nest.
const MAX_EXPANDED_DEPTH: usize = 600;

/// Own entries in order, then merged ones that no earlier entry names.
pub(crate) fn merged_entries(tree: &Tree, id: NodeId) -> Vec<Entry> {
    let id = tree.resolve(id);
    if !tree.entries(id).any(|entry| is_merge(tree, entry.key)) {
        return tree.entries(id).collect();
    }
    let mut found: Vec<Entry> = Vec::new();
    let mut waiting = vec![id];
    let mut seen: FxHashSet<NodeId> = FxHashSet::default();
    let mut names: FxHashSet<String> = FxHashSet::default();
    while let Some(mapping) = waiting.pop() {
        if !seen.insert(mapping) {
            continue;
        }
        let merges: Vec<NodeId> = tree
            .entries(mapping)
            .filter(|entry| is_merge(tree, entry.key))
            .map(|entry| tree.resolve(entry.value))
            .collect();
        let own = seen.len() == 1;
        let mut added: Vec<String> = Vec::new();
        for entry in tree.entries(mapping).filter(|entry| !is_merge(tree, entry.key)) {
            let name = tree.key_text(entry.key);
            if own || name.as_ref().is_none_or(|name| !names.contains(name)) {
                found.push(entry);
            }
            added.extend(name);
        }
        names.extend(added);
        for merge in merges.into_iter().rev() {
            if tree.is_sequence(merge) {
                let mut items: Vec<NodeId> = tree.items(merge).map(|item| tree.resolve(item)).collect();
                items.reverse();
                waiting.extend(items);
            } else {
                waiting.push(merge);
            }
        }
    }
    found
}

fn is_merge(tree: &Tree, key: NodeId) -> bool {
    tree.kind(key) == NodeKind::Scalar(ScalarStyle::Plain) && tree.source(key) == "<<"
}

/// The value as JSON; `None` if its aliases make it too large.
pub(crate) fn to_json(tree: &Tree, id: NodeId) -> Option<Value> {
    let mut left = MAX_NODES;
    expand(tree, id, &mut left, MAX_EXPANDED_DEPTH)
}

fn expand(tree: &Tree, id: NodeId, left: &mut usize, depth: usize) -> Option<Value> {
    *left = left.checked_sub(1)?;
    let depth = depth.checked_sub(1)?;
    let id = tree.resolve(id);
    Some(match tree.kind(id) {
        NodeKind::Mapping { .. } => {
            let mut object = serde_json::Map::new();
            for entry in merged_entries(tree, id) {
                let key = match tree.key_text(entry.key) {
                    Some(text) => text,
                    None => tree.source(tree.resolve(entry.key)).to_owned(),
                };
                let value = expand(tree, entry.value, left, depth)?;
                object.insert(key, value);
            }
            Value::Object(object)
        }
        NodeKind::Sequence { .. } => {
            Value::Array(tree.items(id).map(|item| expand(tree, item, left, depth)).collect::<Option<_>>()?)
        }
        NodeKind::Alias | NodeKind::Error => Value::Null,
        NodeKind::Scalar(_) | NodeKind::Missing => match typed(tree, id) {
            Some(Scalar::Bool(value)) => Value::Bool(value),
            Some(Scalar::Int(value)) => Value::from(value),
            Some(Scalar::Float(value)) => serde_json::Number::from_f64(value)
                .map_or_else(|| Value::String(tree.source(id).to_owned()), Value::Number),
            Some(Scalar::Text(text)) => Value::String(text.into_owned()),
            Some(Scalar::Null) | None => Value::Null,
        },
    })
}

/// Keys that stand twice, and merges of what is no mapping.
pub(crate) fn mapping_problems(tree: &Tree, problems: &mut Vec<Problem>) {
    for index in 0..tree.len() {
        let id = NodeId(index as u32);
        if !matches!(tree.kind(id), NodeKind::Mapping { .. }) {
            continue;
        }
        duplicate_keys(tree, id, problems);
        for entry in tree.entries(id).filter(|entry| is_merge(tree, entry.key)) {
            let value = tree.resolve(entry.value);
            let good = tree.is_mapping(value)
                || matches!(tree.kind(value), NodeKind::Error | NodeKind::Alias)
                || (tree.is_sequence(value) && tree.items(value).all(|item| tree.is_mapping(item)));
            if !good {
                let message = "`<<` merges mappings: give it an alias of a mapping, or a list of them".to_owned();
                problems.push(Problem {
                    kind: ProblemKind::BadMerge,
                    range: tree.range(entry.value),
                    message,
                    related: None,
                });
            }
        }
    }
}

fn duplicate_keys(tree: &Tree, id: NodeId, problems: &mut Vec<Problem>) {
    let entries = tree.children(id).len() / 2;
    // Few keys are compared with each other; many are looked up.
    let mut table: FxHashMap<String, NodeId> = FxHashMap::default();
    let mut list: Vec<NodeId> = Vec::with_capacity(if entries > 16 { 0 } else { entries });
    for entry in tree.entries(id) {
        if !tree.is_scalar(entry.key) {
            continue;
        }
        let first = if entries > 16 {
            let text = decode(tree, tree.resolve(entry.key)).text.into_owned();
            let known = table.get(&text).copied();
            if known.is_none() {
                table.insert(text, entry.key);
            }
            known
        } else {
            let known = list.iter().copied().find(|known| same_key(tree, *known, entry.key));
            list.push(entry.key);
            known
        };
        if let Some(first) = first {
            let name = decode(tree, tree.resolve(entry.key)).text;
            problems.push(Problem {
                kind: ProblemKind::DuplicateKey,
                range: tree.range(entry.key),
                message: format!("the key `{name}` stands twice in this mapping; remove one of them"),
                related: Some(tree.range(first)),
            });
        }
    }
}

fn same_key(tree: &Tree, one: NodeId, other: NodeId) -> bool {
    let plain = NodeKind::Scalar(ScalarStyle::Plain);
    if tree.kind(one) == plain && tree.kind(other) == plain {
        return tree.source(one) == tree.source(other);
    }
    decode(tree, tree.resolve(one)).text == decode(tree, tree.resolve(other)).text
}
