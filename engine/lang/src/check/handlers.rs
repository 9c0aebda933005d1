//! Timeouts, retries and error handlers (202, 707–709).

use super::{Checker, codes, values};
use crate::{
    model::{KeyUse, Step, lower},
    registry::{did_you_mean, names},
    syntax::{NodeId, Scalar},
    template,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    for step in checker.scopes.steps().to_vec() {
        for key in &step.keys {
            match key.name.as_str() {
                "timeout" | "iteration_timeout" => duration(checker, key, codes::BAD_TIMEOUT),
                "max_retries" => attempts(checker, key),
                "retry" | "retry_config" => retry(checker, key),
                "on_error" | "error_handlers" => handlers(checker, step, key),
                _ => {}
            }
        }
    }
}

/// Seconds from a number or from text such as `30s`; `None` if it is neither.
fn seconds(scalar: &Scalar<'_>) -> Option<f64> {
    match scalar {
        Scalar::Int(number) => Some(*number as f64),
        Scalar::Float(number) => Some(*number),
        Scalar::Text(text) => {
            let text = text.trim();
            let end =
                text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
            let number: f64 = text[..end].parse().ok()?;
            let factor = match text[end..].trim() {
                "ms" => 0.001,
                "" | "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
            Some(number * factor)
        }
        _ => None,
    }
}

fn duration(checker: &mut Checker<'_>, key: &KeyUse, code: codes::Code) {
    if checker.is_null(key.value) || checker.is_error(key.value) || checker.is_dynamic(key.value) {
        return;
    }
    let scalar = checker.tree.scalar(checker.tree.resolve(key.value));
    let least_is_legal = code == codes::BAD_RETRY;
    let fine =
        scalar.as_ref().and_then(seconds).is_some_and(|seconds| seconds > 0.0 || (least_is_legal && seconds >= 0.0));
    if !fine {
        let range = checker.token(key.value);
        let message = format!("`{}` is a number of seconds above zero, or text such as `500ms`, `30s`, `5m`", key.name);
        checker.report(code, range, message);
    }
}

/// A whole number from zero on.
fn attempts(checker: &mut Checker<'_>, key: &KeyUse) {
    if checker.is_null(key.value) || checker.is_error(key.value) || checker.is_dynamic(key.value) {
        return;
    }
    let whole =
        matches!(checker.tree.scalar(checker.tree.resolve(key.value)), Some(Scalar::Int(number)) if number >= 0);
    if !whole {
        let range = checker.token(key.value);
        checker.report(codes::BAD_RETRY, range, format!("`{}` is a whole number, at least 0", key.name));
    }
}

fn retry(checker: &mut Checker<'_>, key: &KeyUse) {
    if !checker.tree.is_mapping(key.value) {
        attempts(checker, key);
        return;
    }
    for inner in lower::key_uses(checker.tree, key.value) {
        match inner.name.as_str() {
            "attempts" | "max_attempts" | "retries" | "max_retries" => attempts(checker, &inner),
            "delay" | "initial_delay" | "max_delay" => duration(checker, &inner, codes::BAD_RETRY),
            _ => {}
        }
    }
}

fn handlers(checker: &mut Checker<'_>, step: &Step, key: &KeyUse) {
    let tree = checker.tree;
    if tree.is_mapping(key.value) {
        handler(checker, step, key.value, key);
        return;
    }
    if tree.is_sequence(key.value) {
        for item in tree.items(key.value).collect::<Vec<_>>() {
            if tree.is_mapping(item) {
                handler(checker, step, item, key);
            } else if !checker.is_error(item) && !checker.is_null(item) {
                let range = checker.token(item);
                checker.report(
                    codes::BAD_HANDLER,
                    range,
                    "an error handler is a mapping with `handler_action` or the like",
                );
            }
        }
        return;
    }
    if let Some(text) = tree.string(key.value) {
        action(checker, step, &text, key.value);
    }
}

/// The text form: a step's id or an action.
fn action(checker: &mut Checker<'_>, step: &Step, text: &str, node: NodeId) {
    let name = text.trim();
    if name.is_empty() || !template::is_plain(name) || checker.lost(name) {
        return;
    }
    if name.contains(char::is_whitespace) {
        // The prose that an action understands is understood here too.
        if names::echo_text(name).is_none() && !names::is_file_prose(name) {
            let message = "a sentence is no handler; name a step or an action, or give a `fallback_value`".to_owned();
            let range = checker.token(node);
            checker.report(codes::PROSE_ACTION, range, message);
        }
        return;
    }
    let registry = checker.registry;
    let scope = checker.scopes.parent(step.index);
    if checker.scopes.visible_step(scope, name).is_some()
        || registry.action(name).is_some()
        || registry.tool(name).is_some()
        || registry.legacy(name).is_some()
    {
        return;
    }
    let ids = checker.facts.pipeline.steps.iter().map(Step::id_text).filter(|id| !id.is_empty());
    let candidate = did_you_mean(name, ids.chain(registry.actions.keys().map(String::as_str)));
    let range = checker.token(node);
    checker.report(codes::UNKNOWN_ROUTE, range, format!("`{name}` is neither a step nor an action")).suggest(candidate);
}

fn handler(checker: &mut Checker<'_>, step: &Step, node: NodeId, key: &KeyUse) {
    let tree = checker.tree;
    let keys = lower::key_uses(tree, node);
    let find = |name: &str| lower::find(&keys, name);
    let head = keys.first().map_or(key.range, |key| key.range);
    let does = find("handler_action").or_else(|| find("action"));
    let task = find("handler_task_id");
    let fallback = find("fallback_value").or_else(|| find("fallback_result"));
    if let (Some(first), Some(second)) = (does, task) {
        let message = format!("`{}` and `{}` exclude each other; keep one", first.name, second.name);
        checker.report(codes::BAD_HANDLER, second.range, message).related(first.range, "the other one is here");
    }
    let lenient = ["retry_count", "continue_on_error", "retry_with_handler"].iter().any(|name| find(name).is_some());
    if does.is_none() && task.is_none() && fallback.is_none() && !lenient && !checker.damaged(tree.range(node)) {
        let message = "the handler does nothing; give it `handler_action`, `handler_task_id` or `fallback_value`";
        checker.report(codes::BAD_HANDLER, head, message);
    }
    if let Some(task) = task
        && let Some(id) = tree.string(task.value).filter(|id| template::is_plain(id))
        && checker.scopes.visible_step(checker.scopes.parent(step.index), &id).is_none()
        && !checker.lost(&id)
    {
        let ids = checker.facts.pipeline.steps.iter().map(Step::id_text).filter(|id| !id.is_empty());
        let candidate = did_you_mean(&id, ids);
        let range = checker.token(task.value);
        let message = format!("`handler_task_id` names `{id}`, but no step is called that");
        checker.report(codes::UNKNOWN_ROUTE, range, message).suggest(candidate);
    }
    if let Some(does) = does
        && let Some(text) = tree.string(does.value)
    {
        action(checker, step, &text, does.value);
    }
    for pattern in find("error_patterns").map(|key| tree.items(key.value).collect::<Vec<_>>()).unwrap_or_default() {
        if let Some(text) = tree.string(pattern)
            && regex::Regex::new(&text).is_err()
        {
            let range = checker.token(pattern);
            checker.report(codes::BAD_HANDLER, range, format!("`{text}` is no regular expression"));
        }
    }
    for (name, least, most) in [("priority", 1.0, 10000.0), ("max_handler_retries", 0.0, 100.0)] {
        if let Some(key) = find(name)
            && let Some((number, _)) = values::number(tree, key.value)
            && let Some(words) = values::out_of_range((Some(least), Some(most)), number)
        {
            let range = checker.token(key.value);
            checker.report(codes::BAD_HANDLER, range, format!("`{name}` must be {words}, not {number}"));
        }
    }
    if let Some(key) = find("timeout") {
        duration(checker, key, codes::BAD_TIMEOUT);
    }
}
