//! Whose values the rendering of a step takes, as far as that can be told without rendering it.

use std::collections::HashMap;

use lang::{
    analysis::Analysis,
    model::Step,
    syntax::Tree,
    template::{self, Reading, SegmentKind, Shape, Template},
};
use serde_json::Value;

use super::program::{Scope, StepKind, StepPlan};

/// The filters that look at more than what they are given.
const LOOK_AROUND: [&str; 4] = ["date", "file_exists", "include_file", "random"];

/// For each step of the root the positions of all steps whose values its rendering takes; `None` where it may take
/// anything else than those and the inputs, and for steps that hold others.
pub(super) fn all(scope: &Scope, is_input: impl Fn(&str) -> bool) -> Vec<Option<Vec<usize>>> {
    let places: HashMap<&str, usize> = scope.steps.iter().enumerate().map(|(at, step)| (&*step.id, at)).collect();
    let of = |step: &StepPlan| {
        let mut found = Vec::new();
        let is_act = matches!(*step.kind, StepKind::Act) && step.routes.goto.is_none();
        let texts = [&step.action, &step.tool, &step.model].into_iter().flatten();
        let mut take = |text: &str, reading| in_text(text, reading, &places, &is_input, &mut found);
        let is_closed = is_act
            && step.handlers.is_empty()
            && texts.into_iter().all(|text| take(text, Reading::Template))
            && step.parameters.keys().all(|key| template::is_plain(key))
            && step.parameters.values().all(|value| in_value(value, &mut |text| take(text, Reading::Template)))
            && match &step.condition {
                Some(Value::String(text)) => take(text, Reading::Condition),
                Some(written) => in_value(written, &mut |_| false),
                None => true,
            };
        found.sort_unstable();
        found.dedup();
        is_closed.then_some(found)
    };
    scope.steps.iter().map(|step| of(step)).collect()
}

fn in_value(value: &Value, take: &mut impl FnMut(&str) -> bool) -> bool {
    match value {
        Value::String(text) => take(text),
        Value::Array(items) => items.iter().all(|item| in_value(item, take)),
        Value::Object(fields) => fields.iter().all(|(key, field)| template::is_plain(key) && in_value(field, take)),
        _ => true,
    }
}

/// Adds the steps that `text` takes; `false` where it may take anything else.
fn in_text(
    text: &str,
    reading: Reading,
    places: &HashMap<&str, usize>,
    is_input: impl Fn(&str) -> bool,
    found: &mut Vec<usize>,
) -> bool {
    // A condition is an expression without braces, too.
    if reading == Reading::Template && template::is_plain(text) {
        return true;
    }
    let template = template::parse(text, reading);
    let is_simple = template.errors.is_empty()
        && matches!(template.shape, Shape::Expression | Shape::Mixed | Shape::Constant(_))
        && template.segments.iter().all(|segment| matches!(segment.kind, SegmentKind::Text | SegmentKind::Expression))
        && template.filters.iter().all(|filter| !LOOK_AROUND.contains(&&*filter.name));
    is_simple
        && template.references.iter().all(|reference| {
            let root = &*reference.root;
            if reference.dollar || reference.call.is_some() {
                return false;
            }
            // An input hides a step of its name.
            if is_input(root) {
                return true;
            }
            let at = places.get(root);
            found.extend(at);
            at.is_some()
        })
}

/// For each step of the root the position of the step whose value its parameters take first; `None` where
/// there is none, or where it is not sure.
pub(super) fn first(analysis: &Analysis, scope: &Scope) -> Vec<Option<usize>> {
    let steps = &scope.steps;
    let places: HashMap<&str, usize> = steps.iter().enumerate().map(|(at, step)| (&*step.id, at)).collect();
    let pipeline = analysis.pipeline();
    let written: HashMap<&str, &Step> = pipeline.steps.iter().map(|step| (step.id_text(), step)).collect();
    let of = |step: &StepPlan| {
        let written = written.get(&*step.id).filter(|_| matches!(*step.kind, StepKind::Act))?;
        places.get(name(analysis, step, written)?).copied()
    };
    steps.iter().map(|step| of(step)).collect()
}

/// The name that the first template among the parameters takes first.
fn name<'p>(analysis: &'p Analysis, step: &StepPlan, written: &Step) -> Option<&'p str> {
    let tree = &analysis.parse().tree;
    for (parameter, (name, value)) in written.parameters.iter().zip(&step.parameters) {
        let is_same = parameter.name == *name;
        if is_same && !may_hold_template(value) {
            continue;
        }
        let node = tree.resolve(parameter.value);
        return match analysis.templates().get(&node) {
            Some(template) if is_same && tree.is_scalar(node) => of_template(tree, node, template),
            _ => None,
        };
    }
    None
}

fn may_hold_template(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains(['{', '<']),
        Value::Array(items) => items.iter().any(may_hold_template),
        Value::Object(fields) => fields.values().any(may_hold_template),
        _ => false,
    }
}

/// The name a template begins with, if it is taken whatever the rest of the template is.
fn of_template<'p>(tree: &Tree, node: lang::syntax::NodeId, template: &'p Template) -> Option<&'p str> {
    if !template.errors.is_empty() || !matches!(template.shape, Shape::Expression | Shape::Mixed) {
        return None;
    }
    let piece = template.segments.iter().find(|segment| segment.kind != SegmentKind::Text)?;
    let reference = template.references.first()?;
    let text = &tree.decoded(node).text;
    // Files are put in before anything is rendered.
    let is_plain = piece.kind == SegmentKind::Expression && !text.contains("file:") && !text.contains("<<");
    let inner = &text[piece.inner];
    let begins = usize::from(piece.inner.start()) + (inner.len() - inner.trim_start().len());
    // Of `a if b` it is `b` that is taken first.
    let is_first = usize::from(reference.root_range.start()) == begins
        && !reference.dollar
        && reference.call.is_none()
        && !inner.contains("if");
    (is_plain && is_first).then_some(&*reference.root)
}
