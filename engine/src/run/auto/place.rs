//! Where in a step its tags stand, and the step with other texts there.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::plan::{StepPlan, program::StepKind};

/// The text of the step at `place`.
pub(super) fn text_at(step: &StepPlan, place: &str) -> Option<String> {
    let mut found = None;
    visit(&mut step.clone(), &mut |at, text| {
        if at == place {
            found = Some(text.as_str().unwrap_or_default().to_owned());
        }
    });
    found
}

/// Puts other texts into the step.
pub(super) fn rewrite_step(step: &mut StepPlan, texts: &BTreeMap<String, Value>) {
    visit(step, &mut |at, text| {
        if let Some(new) = texts.get(at) {
            text.clone_from(new);
        }
    });
}

/// Puts other texts into a value that stands at `place`.
pub(super) fn rewrite(value: &mut Value, place: &str, texts: &BTreeMap<String, Value>) {
    deep(value, place, &mut |at, text| {
        if let Some(new) = texts.get(at) {
            text.clone_from(new);
        }
    });
}

/// Every text of the step that may hold tags, under the name of its place.
fn visit(step: &mut StepPlan, at: &mut dyn FnMut(&str, &mut Value)) {
    if let Some(condition) = &mut step.condition {
        deep(condition, "condition", at);
    }
    if let Some(goto) = &mut step.routes.goto {
        deep(goto, "goto", at);
    }
    if let Some(action) = &mut step.action {
        let mut value = Value::from(action.as_str());
        at("action", &mut value);
        if let Value::String(text) = value {
            *action = text;
        }
    }
    for (name, value) in &mut step.parameters {
        deep(value, &format!("parameters.{name}"), at);
    }
    let mut optional = |value: &mut Option<Value>, place: &str| {
        if let Some(value) = value {
            deep(value, place, at);
        }
    };
    // Most steps share theirs, and have nothing there.
    if !step.kind.has_steps() {
        return;
    }
    match Arc::make_mut(&mut step.kind) {
        StepKind::ForEach { items, max_parallel, .. } => {
            optional(max_parallel, "max_parallel");
            deep(items, "for_each", at);
        }
        StepKind::While { max_iterations, .. } | StepKind::ActionLoop { max_iterations, .. } => {
            optional(max_iterations, "max_iterations");
        }
        StepKind::Queue { items, max_parallel, .. } => {
            optional(max_parallel, "create_parallel_queue.max_parallel");
            deep(items, "create_parallel_queue.on", at);
        }
        StepKind::Act | StepKind::Child => {}
    }
}

fn deep(value: &mut Value, place: &str, at: &mut dyn FnMut(&str, &mut Value)) {
    match value {
        Value::String(_) => at(place, value),
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                deep(item, &format!("{place}[{index}]"), at);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields {
                deep(field, &format!("{place}.{key}"), at);
            }
        }
        _ => {}
    }
}
