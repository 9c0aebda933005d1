//! Steps and what is inside them.

use rustc_hash::FxHashSet;
use text_size::{TextRange, TextSize};

use super::{content_range, find, key_uses, text};
use crate::{
    model::{FailurePolicy, KeyUse, LoopItem, Route, Step, StepIndex},
    registry::LoopConstruct,
    syntax::{NodeId, Scalar, Tree},
    template,
    text::Spanned,
};

/// The steps of the sequence `node`; items that are no mappings are passed over.
pub(super) fn steps(tree: &Tree, node: NodeId) -> Vec<Step> {
    let mut reader = Reader { tree, next: 0, seen: FxHashSet::default() };
    reader.steps(node, 0)
}

/// Bodies nest as deep as the text does; beyond this they are not read, so that the stack holds.
const MAX_BODY_DEPTH: usize = 64;

/// Once a pipeline has this many steps, what aliases and merge keys repeat is not read again: each
/// level of such repetitions multiplies the steps of the level before.
const MAX_REPEATED_STEPS: u32 = 20_000;

struct Reader<'t> {
    tree: &'t Tree,
    next: u32,
    /// The mappings that have been read as steps.
    seen: FxHashSet<NodeId>,
}

impl Reader<'_> {
    fn steps(&mut self, node: NodeId, depth: usize) -> Vec<Step> {
        if depth > MAX_BODY_DEPTH {
            return Vec::new();
        }
        let tree = self.tree;
        let mut found = Vec::new();
        for item in tree.items(node).filter(|item| tree.is_mapping(*item)) {
            if self.is_read(item) {
                found.push(self.step(item, depth));
            }
        }
        found
    }

    /// What stands in the text is always read once.
    fn is_read(&mut self, item: NodeId) -> bool {
        self.seen.insert(self.tree.resolve(item)) || self.next < MAX_REPEATED_STEPS
    }

    fn step(&mut self, node: NodeId, depth: usize) -> Step {
        let tree = self.tree;
        let index = StepIndex(self.next);
        self.next += 1;
        let keys = key_uses(tree, node);
        let (dependencies, dynamic_dependencies) = dependencies(tree, &keys);
        let parameters_node = find(&keys, "parameters").map(|key| key.value);
        let value = |name: &str| find(&keys, name).map(|key| key.value);
        let field = |name: &str| value(name).and_then(|value| text(tree, value));
        let (routes, on_failure) = routing(tree, &keys);
        let body = value("steps").map(|body| self.steps(body, depth + 1)).unwrap_or_default();
        Step {
            index,
            node,
            range: tree.range(node),
            id: field("id"),
            tool: field("tool"),
            action: field("action"),
            loops: construct(&keys),
            dependencies,
            dynamic_dependencies,
            parameters: parameters_node.map(|node| key_uses(tree, node)).unwrap_or_default(),
            parameters_node,
            condition: value("condition").or_else(|| value("if")),
            routes,
            on_failure,
            body,
            items: items(tree, &keys),
            keys,
        }
    }
}

/// How a step loops: the first of its loop keys in the order in which they enclose each other.
fn construct(keys: &[KeyUse]) -> Option<LoopConstruct> {
    const BY_KEY: [(&str, LoopConstruct); 6] = [
        ("for_each", LoopConstruct::ForEach),
        ("foreach", LoopConstruct::ForEach),
        ("while", LoopConstruct::While),
        ("create_parallel_queue", LoopConstruct::Queue),
        ("action_loop", LoopConstruct::ActionLoop),
        ("until", LoopConstruct::While),
    ];
    BY_KEY.into_iter().find(|(key, _)| find(keys, key).is_some()).map(|(_, construct)| construct)
}

/// Ids in `dependencies` and `depends_on`, and the node that says them in another way.
fn dependencies(tree: &Tree, keys: &[KeyUse]) -> (Vec<Spanned<String>>, Option<NodeId>) {
    // `depends_on` counts only where `dependencies` is absent; the rules name one that is not read.
    let Some(key) = find(keys, "dependencies").or_else(|| find(keys, "depends_on")) else {
        return (Vec::new(), None);
    };
    let node = key.value;
    if tree.is_sequence(node) {
        let mut dynamic = None;
        let mut found = Vec::new();
        for item in tree.items(node) {
            match tree.string(item) {
                Some(id) if !template::is_plain(&id) => dynamic = dynamic.or(Some(item)),
                Some(id) if !id.is_empty() => found.push(Spanned::new(id, content_range(tree, item))),
                _ => {}
            }
        }
        return (found, dynamic);
    }
    match tree.string(node) {
        Some(ids) if !template::is_plain(&ids) => (Vec::new(), Some(node)),
        Some(_) => (comma_separated(tree, node), None),
        None => (Vec::new(), None),
    }
}

/// `a, b` as ids, each with its place.
fn comma_separated(tree: &Tree, node: NodeId) -> Vec<Spanned<String>> {
    if matches!(tree.scalar(node), Some(Scalar::Null)) {
        return Vec::new();
    }
    let decoded = tree.decoded(node);
    let mut found = Vec::new();
    let mut start = 0;
    for part in decoded.text.split(',') {
        let id = part.trim();
        if !id.is_empty() {
            let from = TextSize::new((start + (part.len() - part.trim_start().len())) as u32);
            let range = TextRange::at(from, TextSize::of(id));
            found.push(Spanned::new(id.to_owned(), decoded.source_range(range)));
        }
        start += part.len() + 1;
    }
    found
}

/// Where the step may continue, and its failure policy.
fn routing(tree: &Tree, keys: &[KeyUse]) -> (Vec<Route>, Option<Spanned<FailurePolicy>>) {
    let mut routes = Vec::new();
    let mut policy = None;
    for key in keys {
        let name = match key.name.as_str() {
            "on_success" => "on_success",
            "on_false" => "on_false",
            "on_failure" => "on_failure",
            "goto" => "goto",
            "continue_on_error" => {
                if tree.scalar(key.value) == Some(Scalar::Bool(true)) && policy.is_none() {
                    policy = Some(Spanned::new(FailurePolicy::Continue, tree.range(key.value)));
                }
                continue;
            }
            _ => continue,
        };
        let Some(target) = tree.string(key.value).filter(|target| template::is_plain(target) && !target.is_empty())
        else {
            continue;
        };
        let range = content_range(tree, key.value);
        match failure_policy(&target) {
            Some(word) if name == "on_failure" => policy = Some(Spanned::new(word, range)),
            _ => routes.push(Route { key: name, target: Spanned::new(target, range) }),
        }
    }
    (routes, policy)
}

/// The policy a word names; case does not count.
fn failure_policy(word: &str) -> Option<FailurePolicy> {
    match word.trim().to_ascii_lowercase().as_str() {
        "fail" => Some(FailurePolicy::Fail),
        "continue" => Some(FailurePolicy::Continue),
        "skip" => Some(FailurePolicy::Skip),
        "retry" => Some(FailurePolicy::Retry),
        _ => None,
    }
}

/// The items of the step's own `action_loop`, or of its queue's, in either spelling of the queue.
fn items(tree: &Tree, keys: &[KeyUse]) -> Vec<LoopItem> {
    let own = find(keys, "action_loop").map(|key| key.value);
    let of_queue = || {
        let queue = key_uses(tree, find(keys, "create_parallel_queue")?.value);
        let direct = find(&queue, "action_loop").map(|key| key.value);
        direct.or_else(|| {
            let task = key_uses(tree, find(&queue, "task")?.value);
            find(&task, "action_loop").map(|key| key.value)
        })
    };
    let Some(list) = own.or_else(of_queue) else { return Vec::new() };
    tree.items(list).filter(|item| tree.is_mapping(*item)).map(|item| loop_item(tree, item)).collect()
}

fn loop_item(tree: &Tree, node: NodeId) -> LoopItem {
    let keys = key_uses(tree, node);
    let field = |name: &str| find(&keys, name).and_then(|key| text(tree, key.value));
    LoopItem {
        node,
        name: field("name").or_else(|| field("id")),
        tool: field("tool"),
        action: field("action"),
        parameters: find(&keys, "parameters").map(|key| key_uses(tree, key.value)).unwrap_or_default(),
        keys,
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use crate::{model::Pipeline, syntax};

    fn count(pipeline: &Pipeline) -> usize {
        pipeline.all_steps().len()
    }

    /// `levels` bodies, each of four steps that repeat the one before by `repeat`.
    fn repeated(levels: usize, repeat: &str) -> Pipeline {
        let mut text = "x0: &x0\n  steps: []\nb0: &b0 []\n".to_owned();
        for level in 1..=levels {
            let inner = repeat.replace('N', &(level - 1).to_string());
            let step = format!("{{id: s, for_each: [1], {inner}}}");
            let _ = writeln!(text, "b{level}: &b{level} [{step}, {step}, {step}, {step}]");
            let _ = writeln!(text, "x{level}: &x{level}\n  steps: *b{level}");
        }
        let _ = writeln!(text, "steps: *b{levels}\n");
        super::super::lower(&syntax::parse(&text).tree)
    }

    #[test]
    fn bodies_that_aliases_repeat_are_read_up_to_a_number_of_steps() {
        assert_eq!(count(&repeated(3, "steps: *bN")), 4 + 16 + 64);
        assert!(count(&repeated(12, "steps: *bN")) < 20_100);
        assert!(count(&repeated(12, "<<: *xN")) < 20_100);
    }
}
