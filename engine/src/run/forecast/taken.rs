//! Which step's value the rendering of a step takes before anything else: where that value is not known,
//! nothing need be rendered to say so.

use std::collections::HashMap;

use lang::{
    model::Step,
    syntax::Tree,
    template::{SegmentKind, Shape, Template},
};
use serde_json::Value;

use crate::plan::{Plan, StepPlan, program::StepKind};

/// For each step of the root the position of the step whose value its parameters take first; `None` where
/// there is none, or where it is not sure.
pub(super) fn first(plan: &Plan) -> Vec<Option<usize>> {
    let steps = &plan.program.scope.steps;
    let places: HashMap<&str, usize> = steps.iter().enumerate().map(|(at, step)| (&*step.id, at)).collect();
    let pipeline = plan.analysis.pipeline();
    let written: HashMap<&str, &Step> = pipeline.steps.iter().map(|step| (step.id_text(), step)).collect();
    let of = |step: &StepPlan| {
        let written = written.get(&*step.id).filter(|_| matches!(step.kind, StepKind::Act))?;
        places.get(name(plan, step, written)?).copied()
    };
    steps.iter().map(|step| of(step)).collect()
}

/// The name that the first template among the parameters takes first.
fn name<'p>(plan: &'p Plan, step: &StepPlan, written: &Step) -> Option<&'p str> {
    let tree = &plan.analysis.parse().tree;
    for (parameter, (name, value)) in written.parameters.iter().zip(&step.parameters) {
        let is_same = parameter.name == *name;
        if is_same && !may_hold_template(value) {
            continue;
        }
        let node = tree.resolve(parameter.value);
        return match plan.analysis.templates().get(&node) {
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
