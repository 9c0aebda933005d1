//! Loops (701–706, 710).

use super::{Checker, checker::construct_key, codes, values};
use crate::{
    model::{KeyUse, Step, lower},
    registry::LoopConstruct,
    syntax::{NodeId, Scalar},
};

pub(super) fn check(checker: &mut Checker<'_>) {
    for step in checker.scopes.steps().to_vec() {
        collection(checker, step);
        constructs(checker, step);
        body(checker, step);
        for name in ["max_iterations", "max_parallel"] {
            if let Some(key) = step.key(name) {
                count(checker, key);
            }
        }
        if let Some(queue) = step.key("create_parallel_queue") {
            self::queue(checker, step, queue);
        }
        if step.loops == Some(LoopConstruct::ActionLoop) {
            end(checker, step);
        }
    }
}

fn collection(checker: &mut Checker<'_>, step: &Step) {
    if let Some(key) = step.key("for_each").or_else(|| step.key("foreach")) {
        list(checker, key);
    }
}

/// A list, JSON text, a template or AUTO.
fn list(checker: &mut Checker<'_>, key: &KeyUse) {
    let tree = checker.tree;
    if tree.is_sequence(key.value) || checker.is_error(key.value) || checker.is_dynamic(key.value) {
        return;
    }
    if checker.is_null(key.value) {
        if !checker.damaged(tree.range(key.value)) {
            let message = format!("`{}` has no list to run over", key.name);
            checker.report(codes::NOT_A_LIST, key.range, message);
        }
        return;
    }
    let text = tree.string(key.value);
    let json = text.as_deref().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok());
    if json.is_some_and(|value| value.is_array()) {
        return;
    }
    let what = crate::shape::written_type(tree, key.value).map_or("nothing", values::noun);
    let named = text.as_deref().filter(|text| checker.facts.pipeline.inputs.contains_key(*text));
    let remedy = match named {
        Some(name) => format!("to run over the input write `\"{{{{ {name} }}}}\"`"),
        None => "write `[a, b]` or a template that yields a list".to_owned(),
    };
    let range = checker.token(key.value);
    checker.report(codes::NOT_A_LIST, range, format!("`{}` runs over a list, not {what}; {remedy}", key.name));
}

fn constructs(checker: &mut Checker<'_>, step: &Step) {
    let groups = [&["for_each", "foreach"][..], &["while"], &["action_loop"], &["create_parallel_queue"]];
    let mut present: Vec<&KeyUse> =
        groups.iter().filter_map(|group| group.iter().find_map(|name| step.key(name))).collect();
    present.sort_by_key(|key| key.range.start());
    if let [first, second, ..] = present[..] {
        let message =
            format!("`{}` and `{}` loop on one step; put one into the body of the other", first.name, second.name);
        let other = first.range;
        checker.report(codes::TWO_LOOPS, second.range, message).related(other, "the first loop is here");
    }
    if let (Some(LoopConstruct::ForEach), Some(until)) = (step.loops, step.key("until")) {
        let message = "`until` has no effect on `for_each`, which ends with its list";
        checker.report(codes::TWO_LOOPS, until.range, message);
    }
}

fn body(checker: &mut Checker<'_>, step: &Step) {
    let has = |name: &str| step.key(name).is_some();
    let Some(construct) = step.loops else {
        if let Some(key) = step.key("steps") {
            checker.report(
                codes::BODY_WITHOUT_LOOP,
                key.range,
                "`steps` without a loop is never run; add `for_each` or `while`",
            );
        }
        return;
    };
    if checker.damaged(step.range) {
        return;
    }
    let key = construct_key(construct);
    match construct {
        LoopConstruct::ForEach | LoopConstruct::While => {
            if has("steps") {
                let own = step.key("tool").or_else(|| step.key("action"));
                if let Some(own) = own.filter(|_| !step.body.is_empty()) {
                    let message =
                        format!("the loop's body is `steps`, so its own `{}` is not run; move it there", own.name);
                    checker.report(codes::TWO_BODIES, own.range, message);
                }
            } else if !has("action") && !has("tool") && !has("action_loop") && !has("create_parallel_queue") {
                let written = loop_key(step).map_or_else(|| checker.head(step), |key| key.range);
                checker.report(
                    codes::EMPTY_BODY,
                    written,
                    format!("`{key}` repeats nothing; add `steps` or an `action`"),
                );
            }
        }
        LoopConstruct::ActionLoop => {
            if let Some(key) = step.key("action_loop") {
                items(checker, key);
            }
        }
        LoopConstruct::Queue => {}
    }
}

/// The key that makes the step a loop, as it is written.
fn loop_key(step: &Step) -> Option<&KeyUse> {
    ["for_each", "foreach", "while", "until"].into_iter().find_map(|name| step.key(name))
}

/// A list of actions with something in it.
fn items(checker: &mut Checker<'_>, key: &KeyUse) {
    let tree = checker.tree;
    if checker.is_error(key.value) || checker.damaged(tree.range(key.value)) {
        return;
    }
    if !tree.is_sequence(key.value) && !checker.is_null(key.value) {
        // The shape of the value is the keys' concern.
        return;
    }
    let items: Vec<NodeId> = tree.items(key.value).collect();
    if items.is_empty() {
        checker.report(codes::EMPTY_BODY, key.range, "`action_loop` is empty; list the actions to repeat");
    }
    for item in items.into_iter().filter(|item| !tree.is_mapping(*item) && !checker.is_error(*item)).collect::<Vec<_>>()
    {
        let range = checker.token(item);
        checker.report(codes::WRONG_SHAPE, range, "an item of `action_loop` is a mapping with `action`");
    }
}

fn queue(checker: &mut Checker<'_>, step: &Step, queue: &KeyUse) {
    let tree = checker.tree;
    if !tree.is_mapping(queue.value) || checker.damaged(step.range) {
        return;
    }
    let keys = lower::key_uses(tree, queue.value);
    match lower::find(&keys, "on") {
        Some(on) => list(checker, on),
        None => {
            checker.report(codes::NOT_A_LIST, queue.range, "the queue has no `on`, the list it works through");
        }
    }
    let task = lower::find(&keys, "task").map(|task| lower::key_uses(tree, task.value)).unwrap_or_default();
    match lower::find(&keys, "action_loop").or_else(|| lower::find(&task, "action_loop")) {
        Some(list) => items(checker, list),
        None => {
            checker.report(codes::EMPTY_BODY, queue.range, "the queue has no `action_loop`, the actions for each item");
        }
    }
    for name in ["max_parallel", "max_iterations"] {
        if let Some(key) = lower::find(&keys, name) {
            count(checker, key);
        }
    }
}

/// An action loop says exactly once when it ends.
fn end(checker: &mut Checker<'_>, step: &Step) {
    let Some(key) = step.key("action_loop") else { return };
    match (step.key("until"), step.key("while_condition")) {
        (None, None) if !checker.damaged(step.range) => {
            let message = "the action loop does not say when it ends; add `until` or `while_condition`";
            checker.report(codes::ENDLESS_LOOP, key.range, message);
        }
        (Some(_), Some(second)) => {
            let message = "`until` and `while_condition` exclude each other; remove one";
            checker.report(codes::ENDLESS_LOOP, second.range, message);
        }
        _ => {}
    }
}

/// A whole number from one on, or a template.
fn count(checker: &mut Checker<'_>, key: &KeyUse) {
    if checker.is_dynamic(key.value) || checker.is_error(key.value) || checker.is_null(key.value) {
        return;
    }
    let number = match checker.tree.scalar(checker.tree.resolve(key.value)) {
        Some(Scalar::Int(number)) => Some(number),
        Some(Scalar::Text(text)) => text.trim().parse().ok(),
        _ => None,
    };
    if number.is_none_or(|number| number < 1) {
        let range = checker.token(key.value);
        let message = format!("`{}` is a whole number, at least 1", key.name);
        checker.report(codes::BAD_COUNT, range, message);
    }
}
