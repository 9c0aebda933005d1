//! Hover.

use std::fmt::Write;

use text_size::{TextRange, TextSize};

use super::{
    Hover,
    completion::{detail, type_name},
    spot::{self, Actor, Spot},
};
use crate::{
    analysis::Analysis,
    model::{Step, lower::content_range},
    registry::{KeySpec, KeyStatus, ParamSpec, Place, Target, keys, names},
    syntax::{NodeId, NodeKind, cursor::PathSegment},
    template::Reference,
};

/// What is known about the thing at `offset`.
pub fn hover(analysis: &Analysis, offset: TextSize) -> Option<Hover> {
    analysis.recognised()?;
    let tree = &analysis.parse().tree;
    let node = tree.node_at(offset);
    if !matches!(tree.kind(node), NodeKind::Scalar(_)) || !tree.range(node).contains_inclusive(offset) {
        return None;
    }
    if let Some(found) = in_template(analysis, node, offset) {
        return Some(found);
    }
    let (path, is_key) = path_of(analysis, node);
    let range = content_range(tree, node);
    let text = tree.string(node)?;
    let (last, around) = path.split_last()?;
    let markdown = match (last, is_key) {
        (PathSegment::Key(key), true) => key_text(analysis, around, key)?,
        (PathSegment::Key(key), false) => value_text(analysis, around, key, &text)?,
        (PathSegment::Item { .. }, _) => match around.last() {
            Some(PathSegment::Key(key)) if matches!(key.as_str(), "dependencies" | "depends_on") => {
                step_text(analysis, &text)?
            }
            _ => return None,
        },
    };
    Some(Hover { range, markdown })
}

/// The way from the root to `node`, and whether it is a key. A key ends its own path.
fn path_of(analysis: &Analysis, node: NodeId) -> (Vec<PathSegment>, bool) {
    let tree = &analysis.parse().tree;
    let mut path = Vec::new();
    let mut is_key = false;
    let mut at = node;
    while let Some(parent) = tree.node(at).parent {
        let children = tree.children(parent);
        let index = children.iter().position(|child| *child == at).unwrap_or(0);
        if matches!(tree.kind(parent), NodeKind::Mapping { .. }) {
            is_key |= at == node && index % 2 == 0;
            path.push(PathSegment::Key(tree.key_text(children[index - index % 2]).unwrap_or_default()));
        } else {
            path.push(PathSegment::Item { index, start: tree.range(at).start() });
        }
        at = parent;
    }
    path.reverse();
    (path, is_key)
}

fn key_text(analysis: &Analysis, around: &[PathSegment], key: &str) -> Option<String> {
    let located = spot::locate(around);
    match located.spot {
        Spot::Keys(place) | Spot::Items(place) => keys::key(place, key).map(describe_key),
        Spot::Parameters(from) => {
            let actor = Actor::at(analysis, located.actor?);
            let target = actor.target(analysis);
            let params = spot::params(&target);
            let param = match &around[from..] {
                [] => spot::param_named(params, key),
                rest => spot::param_at(params, rest).and_then(|param| spot::param_named(&param.fields, key)),
            }?;
            Some(describe_param(param, &spot::describe(&target)))
        }
        Spot::Names(Place::Input) => input_text(analysis, key),
        Spot::Names(_) | Spot::Value(..) | Spot::Free => None,
    }
}

fn value_text(analysis: &Analysis, around: &[PathSegment], key: &str, text: &str) -> Option<String> {
    let located = spot::locate(around);
    match key {
        "id" if located.step.is_some() => step_text(analysis, text),
        "tool" | "action" => target_text(&Actor::at(analysis, located.actor?).target(analysis)),
        "dependencies" | "depends_on" | "on_success" | "on_false" | "goto" | "on_failure" => {
            step_text(analysis, text).or_else(|| key_text(analysis, around, key))
        }
        "model" => analysis.registry().models.find(text).first().map(|model| {
            let mut out = format!("`{}/{}`\n", model.provider, model.name);
            if let (Some(input), Some(output)) = (model.price.input, model.price.output) {
                let date = analysis.registry().models.price_date();
                let _ = write!(out, "\n${input} in, ${output} out per million tokens ({date}).");
            }
            if let Some(context) = model.context {
                let _ = write!(out, "\nContext: {context} tokens.");
            }
            out
        }),
        _ => key_text(analysis, around, key),
    }
}

fn describe_key(key: &KeySpec) -> String {
    let mut out = format!("`{}`: {}\n\n{}", key.name, detail(key.types, key.required, key.default), key.doc);
    match key.status {
        KeyStatus::Deprecated { instead } => drop(write!(out, "\n\nDeprecated: write `{instead}`.")),
        KeyStatus::NoEffect { instead } => drop(write!(out, "\n\nWithout effect; write {instead}.")),
        KeyStatus::Live | KeyStatus::Inert => {}
    }
    out
}

fn describe_param(param: &ParamSpec, of: &str) -> String {
    let default = param.default.as_ref().map(ToString::to_string);
    let detail = detail(&param.types, param.required, default.as_deref());
    let mut out = format!("`{}`: {detail}\n\n{}", param.name, param.doc);
    if !param.choices.is_empty() {
        let choices: Vec<String> = param.choices.iter().map(|choice| format!("`{choice}`")).collect();
        let _ = write!(out, "\n\nOne of {}.", choices.join(", "));
    }
    if !of.is_empty() {
        let _ = write!(out, "\n\nParameter of `{of}`.");
    }
    out
}

fn target_text(target: &Target<'_>) -> Option<String> {
    let (doc, example) = match target {
        Target::Operation { tool, operation } => {
            let operation = operation.map(|operation| format!("\n\n{}", operation.doc)).unwrap_or_default();
            (format!("{}{operation}", tool.doc), &tool.example)
        }
        Target::Action(action) => (action.doc.clone(), &action.example),
        _ => return None,
    };
    let mut out = format!("`{}`\n\n{doc}", spot::describe(target));
    for param in spot::params(target) {
        let default = param.default.as_ref().map(ToString::to_string);
        let summary = param.doc.lines().next().unwrap_or_default();
        let detail = detail(&param.types, param.required, default.as_deref());
        let lead = if out.contains("\n- ") { "\n" } else { "\n\n" };
        let _ = write!(out, "{lead}- `{}` ({detail}): {summary}", param.name);
    }
    if !example.is_empty() {
        let _ = write!(out, "\n\n```yaml\n{}\n```", example.trim_end());
    }
    Some(out)
}

fn input_text(analysis: &Analysis, name: &str) -> Option<String> {
    let input = analysis.pipeline().inputs.get(name)?;
    let mut out = format!("input `{name}`");
    if let Some(type_name) = &input.type_name {
        let _ = write!(out, ": {}", type_name.value);
    }
    if let Some(default) = input.default {
        let _ = write!(out, " = {}", analysis.parse().tree.source(default));
    }
    if let Some(description) = &input.description {
        let _ = write!(out, "\n\n{description}");
    }
    Some(out)
}

fn step_text(analysis: &Analysis, id: &str) -> Option<String> {
    let steps = analysis.pipeline().all_steps();
    let step: &Step = steps.iter().find(|step| step.id_text() == id)?;
    let [tool, action] = [&step.tool, &step.action].map(|word| word.as_ref().map(|word| &*word.value));
    let actor = Actor::of(analysis, tool, action, &step.parameters);
    let target = actor.target(analysis);
    let mut out = format!("step `{id}`");
    let word = spot::describe(&target);
    if !word.is_empty() {
        let _ = write!(out, ": `{word}`");
    }
    if let Some(name) = step.key("description").and_then(|key| analysis.parse().tree.string(key.value)) {
        let _ = write!(out, "\n\n{name}");
    }
    let fields = spot::output(&target).map_or(&[][..], |output| &output.fields);
    for (index, field) in fields.iter().enumerate() {
        let types: Vec<&str> = field.types.iter().map(|one| type_name(*one)).collect();
        let summary = field.doc.lines().next().unwrap_or_default();
        let lead = if index == 0 { "\n\n" } else { "\n" };
        let _ = write!(out, "{lead}- `result.{}` ({}): {summary}", field.name, types.join(" | "));
    }
    Some(out)
}

/// What a name inside a template means.
fn in_template(analysis: &Analysis, node: NodeId, offset: TextSize) -> Option<Hover> {
    let template = analysis.templates().get(&node)?;
    let decoded = analysis.parse().tree.decoded(node);
    let place = |range: TextRange| decoded.source_range(range);
    let at = |range: TextRange| place(range).contains_inclusive(offset);
    let shown = |range: TextRange, markdown: String| Some(Hover { range: place(range), markdown });
    if let Some(used) = template.filters.iter().find(|used| at(used.range)) {
        let spec = names::filters().iter().find(|filter| filter.name == used.name)?;
        return shown(used.range, format!("`| {}`\n\n{}", spec.signature.describe(spec.name), spec.doc));
    }
    if let Some(used) = template.tests.iter().find(|used| at(used.range)) {
        let spec = names::tests().iter().find(|test| test.name == used.name)?;
        return shown(used.range, format!("`is {}`\n\n{}", spec.signature.describe(spec.name), spec.doc));
    }
    let used = template.references.iter().find(|used| at(used.root_range) || at(used.range))?;
    shown(used.range, name_text(analysis, used)?)
}

fn name_text(analysis: &Analysis, used: &Reference) -> Option<String> {
    let name = used.root.as_str();
    if let Some(found) = step_text(analysis, name).or_else(|| input_text(analysis, name)) {
        return Some(found);
    }
    if let Some(runtime) = names::runtime_names().iter().find(|runtime| runtime.name == name) {
        return Some(format!("`{name}`\n\n{}", runtime.doc));
    }
    if let Some(global) = names::globals().iter().find(|global| global.name == name) {
        return Some(format!("`{}`\n\n{}", global.signature.describe(name), global.doc));
    }
    use crate::registry::LoopConstruct::{ActionLoop, ForEach, Queue, While};
    let mut variables = [ForEach, While, ActionLoop, Queue].into_iter().flat_map(names::loop_variables);
    variables
        .find(|variable| variable.name == name)
        .map(|variable| format!("loop variable `{name}`\n\n{}", variable.doc))
}
