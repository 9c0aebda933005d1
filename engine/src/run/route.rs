//! The model of a step that names none: what the step wants, for the router (contract §6.3).

use lang::registry::Target;
use serde_json::{Map, Value, json};

use super::{EventKind, context::RunContext, journal::Batch, limits::takes_model};
use crate::{
    models::{
        self, Need,
        message::Image,
        router::{self, Decision, Reachable, Surroundings},
        tokens,
    },
    plan::StepPlan,
    tools::{ToolError, params::text},
};

/// The parameter whose images a model must be able to read.
const IMAGES: &str = "images";

/// The model that the step asks: the one that is named, or the router's choice.
pub(super) fn chosen(
    cx: &RunContext,
    step: &StepPlan,
    target: &Target<'_>,
    params: &Map<String, Value>,
    named: Option<String>,
) -> Result<(Option<String>, Option<Box<Decision>>), ToolError> {
    let is_auto = |name: &&str| name.trim_start().starts_with("<AUTO");
    let is_name = |name: &&str| !name.trim().is_empty() && !is_auto(name);
    let in_params = params.get("model").and_then(Value::as_str);
    let own = in_params.filter(is_name).or_else(|| step.model.as_deref().filter(is_name));
    let stands_in = models::stand_in(named.as_deref(), cx.simulate).is_some();
    if own.is_some() || stands_in || !takes_model(target) || step.terms.needs_none {
        return Ok((named, None));
    }
    let requires = step.terms.requires.as_ref();
    // Any other word than `none` and the two of YAML is the name of a model.
    if let Some(Value::String(name)) = requires {
        return Ok((Some(name.clone()), None));
    }
    let written = step.parameters.get("model").and_then(Value::as_str).filter(is_auto);
    let tag = written.or_else(|| step.model.as_deref().filter(is_auto));
    let root = cx.model.as_deref().filter(is_name);
    if let (Some(root), None, None) = (root, tag, requires) {
        return Ok((Some(root.to_owned()), None));
    }
    let tag = tag.or_else(|| cx.model.as_deref().filter(is_auto));
    let mut need = Need::of(requires).with_tag(tag);
    need.preferred.extend(root.map(str::to_owned));
    need.schema |= params.contains_key("schema");
    let images = params.get(IMAGES).and_then(Value::as_array).map_or(0, Vec::len) as u64;
    need.vision |= images > 0;
    need.tools |= params.get("tools").and_then(Value::as_array).is_some_and(|tools| !tools.is_empty());
    let most = |value| tokens::of(&text(value)).high.unwrap_or(u64::MAX);
    let texts = params.iter().filter(|(name, _)| *name != IMAGES).map(|(_, value)| most(value));
    let images = Image::tokens(images).high.unwrap_or(u64::MAX);
    need.prompt = texts.fold(images, u64::saturating_add);
    need.answer = params.get("max_tokens").and_then(Value::as_u64);
    let decision = decide(cx, &need)?;
    Ok((Some(decision.model.clone()), Some(Box::new(decision))))
}

/// The router's choice for the question of an AUTO tag, as far as nobody names a model for it.
pub(super) fn for_tag(cx: &RunContext, written: &str, prompt: &str) -> Result<Decision, ToolError> {
    let prompt = tokens::of(prompt).high.unwrap_or(u64::MAX);
    let need = Need { schema: true, prompt, ..Need::default().with_tag(Some(written)) };
    decide(cx, &need)
}

fn decide(cx: &RunContext, need: &Need) -> Result<Decision, ToolError> {
    let table = &cx.registry.models;
    let reachable = cx.reachable.get_or_init(|| {
        let around = Surroundings { table, environment: &cx.environment, is_trusted: cx.is_trusted, simulate: false };
        Reachable::of(around)
    });
    router::decide_among(table, reachable, need)
}

/// Tells what the router decided.
pub(super) fn tell(cx: &RunContext, path: &str, decision: &Decision) {
    let mut batch = Batch::default();
    batch.fact(EventKind::ModelRouted, Some(path), json!(decision));
    cx.journal.post(batch);
}
