//! Values: tools, actions, operations, models, step ids, closed lists.

use std::cmp::Reverse;

use serde_json::Value;

use super::{
    Completion, CompletionKind, Request, Spot, evidence,
    keys::{Put, of_place},
    paths::{self, Wanted},
    snippets, spot,
};
use crate::{
    model::{Step, StepIndex},
    registry::{
        ModelSpec, Offered, OperationSource, OperationSpec, ParamKind, ParamSpec, Place, Target, ValueType, keys, usage,
    },
    shape::written_type,
    syntax::cursor::PathSegment,
};

pub(super) fn complete(request: &Request<'_>, key: &str) -> Vec<Completion> {
    match request.located.spot {
        Spot::Keys(place) | Spot::Items(place) => of_key(request, place, key),
        Spot::Parameters(from) => {
            let target = request.target();
            if request.cursor.path.len() == from
                && let Target::Operation { tool, .. } = &target
            {
                let names_operation = match tool.operation_source {
                    OperationSource::Parameter(name) => name == key,
                    OperationSource::Action => key == "action",
                    OperationSource::Single => false,
                };
                if names_operation {
                    return operations(request);
                }
            }
            let tags = snippets::auto(request);
            if !tags.is_empty() {
                return tags;
            }
            let params = spot::params(&target);
            let param = match &request.cursor.path[from..] {
                [] => spot::param_named(params, key),
                rest => spot::param_at(params, rest).and_then(|param| spot::param_named(&param.fields, key)),
            };
            param.map(|param| of_param(request, param)).unwrap_or_default()
        }
        Spot::Names(_) | Spot::Value(..) | Spot::Free => Vec::new(),
    }
}

/// Items of lists.
pub(super) fn items(request: &Request<'_>) -> Vec<Completion> {
    match request.located.spot {
        Spot::Items(place) => of_place(request, place, Put::item(request)),
        Spot::Value(place, _) => request.last_key().map(|key| of_key(request, place, key)).unwrap_or_default(),
        Spot::Parameters(from) => {
            if let Some(found) = offered_actions(request, &request.cursor.path[from..]) {
                return found;
            }
            let target = request.target();
            match spot::param_at(spot::params(&target), &request.cursor.path[from..]) {
                Some(param) => of_param(request, param.items.as_deref().unwrap_or(param)),
                None => Vec::new(),
            }
        }
        Spot::Keys(_) | Spot::Names(_) | Spot::Free => Vec::new(),
    }
}

/// The attributes of an AUTO tag.
pub(super) fn auto_attributes(request: &Request<'_>) -> Vec<Completion> {
    // Quotes of the scalar around the tag must not end there.
    let quote = if request.cursor.quote == Some('"') { '\'' } else { '"' };
    let attributes = AUTO_ATTRIBUTES.iter().enumerate();
    attributes
        .map(|(rank, (name, doc))| {
            let mut found = request.item(*name, CompletionKind::Key, rank as u32);
            found.edit.new_text = format!("{name}={quote}$1{quote}");
            found.snippet = true;
            (*doc).clone_into(&mut found.documentation);
            found
        })
        .collect()
}

/// What an AUTO tag may say about its answer.
pub(in crate::ide) const AUTO_ATTRIBUTES: [(&str, &str); 8] = [
    ("type", "The type of the answer: string, integer, number, boolean, array or object."),
    ("choices", "The answers that are allowed, with commas between."),
    ("min", "The smallest number that is allowed."),
    ("max", "The largest number that is allowed."),
    ("pattern", "A regular expression the answer must match."),
    ("default", "Taken only when the model fails."),
    ("task", "What a model is chosen for, where the router decides."),
    ("model_hint", "The model to ask."),
];

fn of_key(request: &Request<'_>, place: Place, key: &str) -> Vec<Completion> {
    match (place, key) {
        (Place::Step | Place::LoopItem | Place::Queue, "tool") => return tools(request),
        (Place::Step | Place::LoopItem, "action") => return actions(request),
        (_, "model" | "fallback") => return models(request),
        (Place::Step, "dependencies" | "depends_on") => return dependencies(request),
        (Place::Step, "on_failure") => {
            // `fail` is what happens anyway.
            let mut found = words(request, &["continue", "skip", "retry", "fail"]);
            found.extend(later_steps(request));
            return found;
        }
        (Place::Step, "on_success" | "on_false" | "goto") => return later_steps(request),
        (Place::Input, "type") => return input_types(request),
        _ => {}
    }
    let Some(spec) = keys::key(place, key) else { return Vec::new() };
    match spec.choices {
        [] if spec.types.contains(&ValueType::Boolean) => words(request, &["true", "false"]),
        choices => {
            let choices = choices.iter().enumerate();
            choices.map(|(rank, choice)| request.word(choice, CompletionKind::Value, rank as u32)).collect()
        }
    }
}

/// The types of inputs, the one of the default first.
fn input_types(request: &Request<'_>) -> Vec<Completion> {
    let choices = keys::key(Place::Input, "type").map(|spec| spec.choices).unwrap_or_default();
    let tree = &request.analysis.parse().tree;
    let input = request.last_key().and_then(|name| request.analysis.pipeline().inputs.get(name));
    let written = input.and_then(|input| written_type(tree, input.default?)).map(ValueType::name);
    let mut choices: Vec<_> = choices.iter().enumerate().collect();
    choices.sort_by_key(|(index, choice)| (written != Some(**choice), *index));
    let choices = choices.into_iter().enumerate();
    choices.map(|(rank, (_, choice))| request.word(choice, CompletionKind::Value, rank as u32)).collect()
}

fn of_param(request: &Request<'_>, param: &ParamSpec) -> Vec<Completion> {
    match param.kind {
        ParamKind::Model => return models(request),
        ParamKind::ReadPath | ParamKind::WritePath | ParamKind::Image => {
            return paths::complete(request, request.cursor.word, Wanted::File);
        }
        ParamKind::Tool => return offered(request),
        ParamKind::Pipeline => return paths::complete(request, request.cursor.word, Wanted::Pipeline),
        _ if !param.choices.is_empty() => {}
        _ if param.types.contains(&ValueType::Boolean) => return words(request, &["true", "false"]),
        _ => return Vec::new(),
    }
    let choices = param.choices.iter().enumerate();
    choices
        .map(|(rank, choice)| {
            let mut found = match choice {
                Value::String(text) => request.word(text, CompletionKind::Value, rank as u32),
                other => request.item(other.to_string(), CompletionKind::Value, rank as u32),
            };
            if param.default.as_ref() == Some(choice) {
                "default".clone_into(&mut found.detail);
            }
            found
        })
        .collect()
}

fn words(request: &Request<'_>, words: &[&str]) -> Vec<Completion> {
    let items = words.iter().enumerate();
    items.map(|(rank, word)| request.item(*word, CompletionKind::Value, rank as u32)).collect()
}

fn tools(request: &Request<'_>) -> Vec<Completion> {
    let step = own_step(request);
    let action = step.and_then(|step| step.action.as_ref()).map(|action| action.value.trim());
    let written = step.map(|step| step.parameters.as_slice()).unwrap_or_default();
    let words = step.map(Step::id_text).unwrap_or_default();
    let mut tools: Vec<_> = request.analysis.registry().tools.values().enumerate().collect();
    // First the tools that have the operation, then those that take what is given, then by name.
    tools.sort_by_cached_key(|(index, tool)| {
        let any = || tool.operations.iter().map(|operation| evidence::fit(&operation.params, written)).min();
        let (class, fitting) = match action.map(|action| tool.operation(action)) {
            Some(Some(operation)) => (0, Some(evidence::fit(&operation.params, written))),
            Some(None) if tool.operation_source != OperationSource::Action => (1, any()),
            None if !written.is_empty() => (1, any()),
            _ => (2, None),
        };
        let like = Reverse(evidence::shared(&tool.name, words));
        // What has no place there speaks against a tool more than the word of its operation for it.
        let strange = fitting.map(|(strange, _, _)| strange);
        (class == 2, strange, class, fitting, like, !tool.available, *index)
    });
    let tools = tools.into_iter().map(|(_, tool)| tool).enumerate();
    tools
        .map(|(rank, tool)| {
            let mut found = request.word(&tool.name, CompletionKind::Tool, rank as u32);
            found.documentation.clone_from(&tool.doc);
            found
        })
        .collect()
}

/// What a model may be offered: a tool, or the part of it that changes nothing.
fn offered(request: &Request<'_>) -> Vec<Completion> {
    let registry = request.analysis.registry();
    let tools = registry.tools.values().filter(|tool| tool.available);
    let parts = tools.filter_map(|tool| match Offered::of(registry, &tool.name, None) {
        Ok(_) => Some((tool, None)),
        Err(refused) if !refused.others.is_empty() => Some((tool, Some(refused.others))),
        Err(_) => None,
    });
    parts
        .enumerate()
        .map(|(rank, (tool, part))| {
            let mut found = request.word(&tool.name, CompletionKind::Tool, rank as u32);
            found.documentation.clone_from(&tool.doc);
            let is_name = request.cursor.key.as_deref() == Some("name");
            if let Some(actions) = part.filter(|_| !is_name) {
                found.detail = actions.join(", ");
                found.edit.new_text = format!("{{name: {}, actions: [{}]}}", tool.name, found.detail);
            }
            found
        })
        .collect()
}

/// What the tool of an item of `tools` can do that a model may choose; nothing where this is no place for that.
fn offered_actions(request: &Request<'_>, path: &[PathSegment]) -> Option<Vec<Completion>> {
    let [PathSegment::Key(parameter), PathSegment::Item { index, .. }, PathSegment::Key(key)] = path else {
        return None;
    };
    let target = request.target();
    let spec = spot::param_named(spot::params(&target), parameter)?;
    if key != "actions" || spec.items.as_ref()?.kind != ParamKind::Tool {
        return None;
    }
    let tree = &request.analysis.parse().tree;
    let given = own_step(request)?.parameters.iter().find(|given| given.name == *parameter)?;
    let item = tree.items(given.value).nth(*index)?;
    let tool = request.analysis.registry().tools.get(tree.string(tree.get(item, "name")?.value)?.trim())?;
    let is_there = |operation: &&OperationSpec| request.cursor.siblings.contains(&operation.name);
    let offered = tool.operations.iter().filter(|operation| operation.effect.may_be_offered() && !is_there(operation));
    let completion = |(rank, operation): (usize, &OperationSpec)| {
        let mut found = request.word(&operation.name, CompletionKind::Action, rank as u32);
        found.detail.clone_from(&tool.name);
        found.documentation.clone_from(&operation.doc);
        found
    };
    Some(offered.enumerate().map(completion).collect())
}

fn actions(request: &Request<'_>) -> Vec<Completion> {
    if request.actor().is_some_and(|actor| actor.has_tool) {
        return operations(request);
    }
    let registry = request.analysis.registry();
    let actions = registry.actions.values().filter(|action| !action.internal).enumerate();
    actions
        .map(|(rank, action)| {
            let later = if action.available { 0 } else { 1_000 };
            let rank = usage::place(usage::ACTIONS, &action.name, rank) + later;
            let mut found = request.word(&action.name, CompletionKind::Action, rank);
            found.documentation.clone_from(&action.doc);
            found
        })
        .collect()
}

fn operations(request: &Request<'_>) -> Vec<Completion> {
    let Target::Operation { tool, .. } = request.target() else { return Vec::new() };
    let step = own_step(request);
    let written = step.map(|step| step.parameters.as_slice()).unwrap_or_default();
    let words = step.map(Step::id_text).unwrap_or_default();
    let mut operations: Vec<_> = tool.operations.iter().enumerate().collect();
    operations.sort_by_cached_key(|(index, operation)| {
        let like = Reverse(evidence::shared(&operation.name, words));
        // Without parameters nothing says what is missing.
        let (strange, missing, matched) = evidence::fit(&operation.params, written);
        (strange, if written.is_empty() { 0 } else { missing }, like, matched, *index)
    });
    let operations = operations.into_iter().map(|(_, operation)| operation).enumerate();
    operations
        .map(|(rank, operation)| {
            let mut found = request.word(&operation.name, CompletionKind::Action, rank as u32);
            found.detail.clone_from(&tool.name);
            found.documentation.clone_from(&operation.doc);
            found
        })
        .collect()
}

/// The step at the cursor.
fn own_step<'a>(request: &Request<'a>) -> Option<&'a Step> {
    let steps = request.analysis.pipeline().all_steps();
    request.located.step.and_then(|start| spot::step_at(request.analysis, &steps, start))
}

fn models(request: &Request<'_>) -> Vec<Completion> {
    let registry = request.analysis.registry();
    let providers = registry.models.providers();
    let mut found: Vec<Completion> = registry
        .models
        .models()
        .iter()
        .filter(|model| model.chat)
        .map(|model| {
            let provider = providers.iter().position(|provider| *provider == model.provider).unwrap_or(providers.len());
            let name = format!("{}/{}", model.provider, model.name);
            let mut found = request.word(&name, CompletionKind::Model, provider as u32 + 1);
            found.detail = described(model, registry.models.price_date());
            found.deprecated = model.deprecated;
            found
        })
        .collect();
    let named = registry.models.models().iter().filter(|model| model.chat);
    for (model, alias) in named.flat_map(|model| model.aliases.iter().map(move |alias| (model, alias))) {
        let mut item = request.word(alias, CompletionKind::Model, 0);
        item.detail = format!("{}/{}", model.provider, model.name);
        found.push(item);
    }
    let mut auto = request.item("<AUTO>", CompletionKind::Model, 0);
    "let the router choose".clone_into(&mut auto.detail);
    found.push(auto);
    found
}

/// What decides between models: where they are, how much they read, what they cost.
fn described(model: &ModelSpec, price_date: &str) -> String {
    let mut parts = vec![model.provider.clone()];
    parts.extend(model.context.map(|tokens| format!("{} context", thousands(tokens))));
    if let (Some(input), Some(output)) = (model.price.input, model.price.output) {
        parts.push(format!("${input} in, ${output} out per million tokens ({price_date})"));
    }
    parts.join(" · ")
}

/// A number of tokens as people say it: `128k`, `1.05M`.
fn thousands(tokens: u64) -> String {
    match tokens {
        0..1_000 => tokens.to_string(),
        1_000..1_000_000 => format!("{}k", tokens / 1_000),
        _ => format!("{}M", (tokens / 10_000) as f64 / 100.0),
    }
}

/// The ids that may be listed: siblings of the step, without itself, those listed, and those that
/// wait for it. First those that it names in its templates, then the nearest before it.
fn dependencies(request: &Request<'_>) -> Vec<Completion> {
    let steps = request.analysis.pipeline().all_steps();
    let own = request.located.step.and_then(|start| spot::step_at(request.analysis, &steps, start));
    let own = own.map(|step| step.index);
    let waiting = own.map(|own| waiting_for(request, own)).unwrap_or_default();
    let waits = |index: StepIndex| waiting.get(index.0 as usize).copied().unwrap_or_default();
    let mut siblings = siblings(request, own);
    siblings.retain(|(index, id)| !waits(*index) && !request.cursor.siblings.iter().any(|listed| listed == id));
    let named = own.map(|own| request.analysis.graph().dependencies(own)).unwrap_or_default();
    siblings.sort_by_key(|(index, _)| (!named.contains(index), distance(own, *index)));
    let siblings = siblings.into_iter().enumerate();
    siblings.map(|(rank, (_, id))| request.word(id, CompletionKind::Step, rank as u32)).collect()
}

/// Sorts steps as they are likely to be meant in `own`: the nearest before it first, then those behind
/// it. Outside of steps the last one is the nearest.
pub(super) fn distance(own: Option<StepIndex>, step: StepIndex) -> (bool, u32) {
    let own = own.map_or(u32::MAX, |own| own.0);
    (step.0 > own, own.abs_diff(step.0))
}

/// By index, the steps that wait for `own`, and itself: it cannot use what they give back.
pub(super) fn waiting_for(request: &Request<'_>, own: StepIndex) -> Vec<bool> {
    let graph = request.analysis.graph();
    let mut followers: Vec<Vec<StepIndex>> = Vec::new();
    for edge in &graph.edges {
        let from = edge.from.0 as usize;
        if followers.len() <= from {
            followers.resize_with(from + 1, Vec::new);
        }
        followers[from].push(edge.to);
    }
    let mut waiting = Vec::new();
    let mut open = vec![own];
    while let Some(index) = open.pop() {
        let at = index.0 as usize;
        if waiting.len() <= at {
            waiting.resize(at + 1, false);
        }
        if !std::mem::replace(&mut waiting[at], true) {
            open.extend(followers.get(at).into_iter().flatten());
        }
    }
    waiting
}

fn later_steps(request: &Request<'_>) -> Vec<Completion> {
    let steps = request.analysis.pipeline().all_steps();
    let own = request.located.step.and_then(|start| spot::step_at(request.analysis, &steps, start));
    let siblings = siblings(request, own.map(|step| step.index)).into_iter();
    siblings
        .filter(|(index, _)| own.is_none_or(|own| *index > own.index))
        .enumerate()
        .map(|(rank, (_, id))| request.word(id, CompletionKind::Step, rank as u32 + 10))
        .collect()
}

/// The steps of the list that holds `own`; those of the root for none.
fn siblings<'a>(request: &Request<'a>, own: Option<StepIndex>) -> Vec<(StepIndex, &'a str)> {
    fn list_of(steps: &[Step], own: StepIndex) -> Option<&[Step]> {
        if steps.iter().any(|step| step.index == own) {
            Some(steps)
        } else {
            steps.iter().find_map(|step| list_of(&step.body, own))
        }
    }
    let root = request.analysis.pipeline().steps.as_slice();
    let list = own.and_then(|own| list_of(root, own)).unwrap_or(root);
    list.iter().filter_map(|step| Some((step.index, &*step.id.as_ref()?.value))).collect()
}
