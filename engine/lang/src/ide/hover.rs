//! Hover.

use std::fmt::Write;

use text_size::TextSize;

use super::{
    Hover, comments,
    completion::detail,
    spot::{self, Actor, Spot},
};
use crate::{
    analysis::Analysis,
    check::{Code, codes},
    model::{Step, lower::content_range, target},
    registry::{KeySpec, KeyStatus, ParamSpec, Place, Target, keys},
    syntax::{NodeId, NodeKind, cursor::PathSegment},
};

mod template;

/// What is known about the thing at `offset`.
pub fn hover(analysis: &Analysis, offset: TextSize) -> Option<Hover> {
    analysis.recognised()?;
    if let Some(found) = in_comment(analysis, offset) {
        return Some(found);
    }
    let tree = &analysis.parse().tree;
    let node = tree.node_at(offset);
    if !matches!(tree.kind(node), NodeKind::Scalar(_)) || !tree.range(node).contains_inclusive(offset) {
        return None;
    }
    let (path, is_key) = path_of(analysis, node);
    if let Some(found) = template::hover(analysis, node, &path, offset) {
        return Some(found);
    }
    let range = content_range(tree, node);
    let text = tree.string(node)?;
    let (last, around) = path.split_last()?;
    let markdown = match (last, is_key) {
        (PathSegment::Key(key), true) => key_text(analysis, around, key)?,
        (PathSegment::Key(key), false) => value_text(analysis, around, key, &text)?,
        (PathSegment::Item { .. }, _) => match around.last() {
            Some(PathSegment::Key(key)) if matches!(key.as_str(), "dependencies" | "depends_on") => {
                step_named(analysis, around, &text)?
            }
            _ => return None,
        },
    };
    Some(Hover { range, markdown })
}

/// A diagnostic's code in a comment that silences it.
fn in_comment(analysis: &Analysis, offset: TextSize) -> Option<Hover> {
    let said = comments::said(analysis, offset)?;
    said.before?;
    let code: Code = analysis.text()[said.word].parse().ok()?;
    let spec = codes::code(code)?;
    Some(Hover { range: said.word, markdown: format!("`{code}`: {}\n\n{}", spec.summary, spec.doc.trim_end()) })
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
            let target = Actor::at(analysis, located.actor?).target;
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
        "id" if located.step.is_some() && located.actor == located.step => {
            let steps = analysis.pipeline().all_steps();
            Some(step_text(analysis, spot::step_at(analysis, &steps, located.step?)?))
        }
        "tool" | "action" => target_text(&Actor::at(analysis, located.actor?).target),
        "dependencies" | "depends_on" | "on_success" | "on_false" | "goto" | "on_failure" => {
            step_named(analysis, around, text).or_else(|| key_text(analysis, around, key))
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

/// The step that the id `text` means to the step around `path`.
fn step_named(analysis: &Analysis, path: &[PathSegment], text: &str) -> Option<String> {
    let scopes = analysis.scopes();
    let own = spot::locate(path).step.and_then(|start| spot::step_at(analysis, scopes.steps(), start));
    let found = scopes.visible_step(own.and_then(|own| scopes.parent(own.index)), text)?;
    Some(step_text(analysis, scopes.step(found)))
}

fn step_text(analysis: &Analysis, step: &Step) -> String {
    let target = target::of_step(&analysis.parse().tree, analysis.registry(), step);
    let mut out = format!("step `{}`", step.id_text());
    let word = spot::describe(&target);
    if !word.is_empty() {
        let _ = write!(out, ": `{word}`");
    }
    if let Some(name) = step.key("description").and_then(|key| analysis.parse().tree.string(key.value)) {
        let _ = write!(out, "\n\n{}", name.trim_end());
    }
    let scopes = analysis.scopes();
    let shapes = analysis.shapes(&scopes);
    let members = shapes.members(shapes.result(step.index));
    for (index, member) in members.iter().enumerate() {
        let lead = if index == 0 { "\n\n" } else { "\n" };
        let _ = write!(out, "{lead}- `result.{}` {}", member.name, template::member_text(&shapes, member.shape));
    }
    out
}
