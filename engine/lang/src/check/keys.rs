//! Keys of every mapping the language knows: unknown, deprecated, without effect, of the wrong
//! shape (103, 105, 109, 310, 801–803).

use super::{Checker, codes, edits, values};
use crate::{
    model::{KeyUse, Step, lower::key_uses},
    registry::{
        KeySpec, KeyStatus, ValueType, did_you_mean,
        keys::{self, Place, SPELLINGS, keys},
    },
    syntax::{NodeId, Scalar, Tree},
    text::TextEdit,
};

/// Keys whose values have rules of their own.
const OWN_RULES: [&str; 14] = [
    "version",
    "timeout",
    "retry",
    "retry_config",
    "max_retries",
    "for_each",
    "foreach",
    "on_error",
    "error_handlers",
    "max_iterations",
    "max_parallel",
    "iteration_timeout",
    "steps",
    "type",
];

pub(super) fn check(checker: &mut Checker<'_>) {
    let pipeline = checker.facts.pipeline;
    mapping(checker, Place::Pipeline, &pipeline.keys, None);
    for input in pipeline.inputs.values() {
        mapping(checker, Place::Input, &input.keys, None);
    }
    if let Some(outputs) = pipeline.keys.iter().find(|key| key.name == "outputs") {
        for output in key_uses(checker.tree, outputs.value) {
            if checker.tree.is_mapping(output.value) {
                let keys = key_uses(checker.tree, output.value);
                mapping(checker, Place::Output, &keys, None);
            }
        }
    }
    for step in checker.scopes.steps().to_vec() {
        mapping(checker, Place::Step, &step.keys, Some(step));
        for item in &step.items {
            mapping(checker, Place::LoopItem, &item.keys, None);
        }
        for (first, second) in SPELLINGS {
            if let (Some(_), Some(other)) = (step.key(first), step.key(second)) {
                let message = format!("`{first}` wins over `{second}`, which is not read; remove one of them");
                checker.report(codes::OVERRIDDEN_KEY, other.range, message).unnecessary();
            }
        }
    }
}

fn mapping(checker: &mut Checker<'_>, place: Place, uses: &[KeyUse], step: Option<&Step>) {
    if keys(place).is_empty() {
        return;
    }
    for key in uses {
        let Some(spec) = keys::key(place, &key.name) else {
            unknown(checker, place, uses, key, step);
            continue;
        };
        status(checker, place, uses, key, spec);
        if matches!(spec.status, KeyStatus::NoEffect { .. }) {
            continue;
        }
        // What a queue's `task` holds is rendered as the queue's own members are.
        if !spec.templated && spec.below.is_none() && !(place == Place::Queue && spec.name == "task") {
            inert(checker, key);
        }
        shape(checker, key, spec);
        if let Some(below) = spec.below
            && !matches!(below, Place::Step | Place::Input | Place::Output | Place::LoopItem)
        {
            for node in mappings(checker.tree, key.value) {
                let inner = key_uses(checker.tree, node);
                mapping(checker, below, &inner, None);
            }
        }
    }
}

/// The mapping at `node`, or those in the list there.
fn mappings(tree: &Tree, node: NodeId) -> Vec<NodeId> {
    if tree.is_mapping(node) {
        return vec![node];
    }
    tree.items(node).filter(|item| tree.is_mapping(*item)).collect()
}

fn unknown(checker: &mut Checker<'_>, place: Place, uses: &[KeyUse], key: &KeyUse, step: Option<&Step>) {
    if key.name.starts_with("x-") || key.name.is_empty() {
        return;
    }
    let candidates = keys(place).iter().filter(|spec| !matches!(spec.status, KeyStatus::NoEffect { .. }));
    let absent = candidates.map(|spec| spec.name).filter(|name| !uses.iter().any(|key| key.name == *name));
    let candidate = did_you_mean(&key.name, absent);
    let message = format!("unknown key `{}`", key.name);
    if candidate.is_none()
        && let Some(step) = step
        && super::parameters::specs(checker, step).is_some_and(|specs| values::param(specs, &key.name).is_some())
    {
        let message = format!("{message}; `{}` is a parameter: put it beneath `parameters`", key.name);
        checker.report(codes::UNKNOWN_KEY, key.range, message);
        return;
    }
    checker.report(codes::UNKNOWN_KEY, key.range, message).suggest(candidate);
}

fn status(checker: &mut Checker<'_>, place: Place, uses: &[KeyUse], key: &KeyUse, spec: &KeySpec) {
    match spec.status {
        KeyStatus::Deprecated { instead } => {
            // Where both stand, the pair's own rule speaks.
            if uses.iter().any(|other| other.name == instead) {
                return;
            }
            if key.name == "continue_on_error" && instead == "on_failure" {
                continue_on_error(checker, key);
                return;
            }
            let canonical = keys(place).iter().any(|spec| spec.name == instead);
            let message = format!("`{}` is an old spelling; write `{instead}`", key.name);
            let range = key.range;
            let diagnostic = checker.report(codes::DEPRECATED_KEY, range, message).deprecated();
            if canonical {
                diagnostic.safe_fix(format!("Write `{instead}`"), vec![TextEdit::replace(range, instead)]);
            }
        }
        KeyStatus::NoEffect { instead } => {
            let remedy = if instead.is_empty() { String::new() } else { format!("; use {instead}") };
            let message = format!("`{}` has no effect{remedy}", key.name);
            checker.report(codes::NO_EFFECT, key.range, message).unnecessary();
        }
        KeyStatus::Live | KeyStatus::Inert => {}
    }
}

/// `continue_on_error: true` says `on_failure: continue`; `false` says what holds anyway.
fn continue_on_error(checker: &mut Checker<'_>, key: &KeyUse) {
    let range = key.range;
    let whole = text_size::TextRange::new(range.start(), checker.tree.range(key.value).end());
    let on = checker.tree.scalar(key.value) == Some(Scalar::Bool(true));
    let instead = if on { "on_failure: continue" } else { "on_failure: fail" };
    let message = format!("`{}` is an old spelling; write `{instead}`", key.name);
    checker
        .report(codes::DEPRECATED_KEY, range, message)
        .deprecated()
        .safe_fix(format!("Write `{instead}`"), vec![TextEdit::replace(whole, instead)]);
}

/// A template in a field that is not rendered.
fn inert(checker: &mut Checker<'_>, key: &KeyUse) {
    let tree = checker.tree;
    let mut open = vec![key.value];
    let mut budget = 1000;
    while let Some(node) = open.pop() {
        budget -= 1;
        if budget == 0 {
            return;
        }
        if tree.resolve(node) != node {
            continue;
        }
        if !tree.is_scalar(node) {
            open.extend(tree.items(node));
            open.extend(tree.entries(node).map(|entry| entry.value));
            continue;
        }
        if tree.is_surely_plain(node) {
            continue;
        }
        let decoded = tree.decoded(node);
        let Some(start) = decoded.text.find("{{").or_else(|| decoded.text.find("{%")) else { continue };
        let rest = &decoded.text[start..];
        let end = rest.find("}}").or_else(|| rest.find("%}")).map_or(decoded.text.len(), |at| start + at + 2);
        let range = text_size::TextRange::new((start as u32).into(), (end as u32).into());
        let range = decoded.source_range(range);
        let message = format!("`{}` is not rendered, so this template stays as it is written", key.name);
        checker.report(codes::INERT_TEMPLATE, range, message);
    }
}

fn shape(checker: &mut Checker<'_>, key: &KeyUse, spec: &KeySpec) {
    if OWN_RULES.contains(&spec.name) || checker.is_error(key.value) {
        return;
    }
    if checker.is_null(key.value) {
        return;
    }
    if checker.is_dynamic(key.value) {
        return;
    }
    let Some(found) = crate::shape::written_type(checker.tree, key.value) else { return };
    if !values::fits(found, spec.types) {
        let prose = spec.types == [ValueType::String]
            && matches!(found, ValueType::Integer | ValueType::Number | ValueType::Boolean);
        let range = checker.token(key.value);
        let source = checker.tree.source(key.value).to_owned();
        let message = format!("`{}` takes {}, not {}", key.name, values::nouns(spec.types), values::noun(found));
        let diagnostic = checker.report(codes::WRONG_SHAPE, range, message);
        if prose {
            diagnostic.fix("Put it in quotes", vec![TextEdit::replace(range, edits::quoted(&source))]);
            if !matches!(spec.status, KeyStatus::Live) || spec.name == "name" || spec.name == "description" {
                diagnostic.severity = super::Severity::Warning;
            }
        }
        return;
    }
    if spec.choices.is_empty() {
        return;
    }
    if let Some(Scalar::Text(text)) = checker.tree.scalar(key.value)
        && !spec.choices.iter().any(|choice| choice.eq_ignore_ascii_case(&text))
        // A failure policy may also be a step's id.
        && spec.name != "on_failure"
    {
        let choices = values::coded(spec.choices.iter().copied());
        let candidate = did_you_mean(&text, spec.choices.iter().copied());
        let range = checker.token(key.value);
        let message = format!("`{}` is one of {choices}, not `{text}`", key.name);
        checker.report(codes::BAD_CHOICE, range, message).suggest(candidate);
    }
}
