//! Names of models (501, 502), and models that cannot see what they are given (503) or call what they are offered
//! (505). Only literals are judged.

use super::{Checker, Code, codes};
use crate::{
    model::{KeyUse, Step},
    registry::{ModelSpec, ParamKind, ParamSpec, did_you_mean},
    syntax::NodeId,
    text::TextEdit,
};

/// Keys of parameters that name a model whatever the tool says.
const MODEL_KEYS: [&str; 3] = ["model", "llm", "language_model"];

pub(super) fn check(checker: &mut Checker<'_>) {
    let pipeline = checker.facts.pipeline;
    keys(checker, &pipeline.keys);
    for step in checker.scopes.steps().to_vec() {
        keys(checker, &step.keys);
        let specs = super::parameters::specs(checker, step).unwrap_or_default();
        for parameter in &step.parameters {
            let is_model = specs.iter().any(|spec| spec.name == parameter.name && spec.kind == ParamKind::Model);
            if is_model || MODEL_KEYS.contains(&parameter.name.as_str()) {
                model(checker, parameter.value);
            }
            let are_models = |spec: &ParamSpec| spec.items.as_ref().is_some_and(|item| item.kind == ParamKind::Model);
            if specs.iter().any(|spec| spec.name == parameter.name && are_models(spec)) {
                for item in checker.tree.items(parameter.value).collect::<Vec<_>>() {
                    model(checker, item);
                }
            }
        }
        for ability in &ABILITIES {
            unable(checker, step, specs, ability);
        }
        for item in &step.items {
            for parameter in item.parameters.iter().filter(|parameter| MODEL_KEYS.contains(&parameter.name.as_str())) {
                model(checker, parameter.value);
            }
        }
    }
}

/// What a list of a step asks of its model.
struct Ability {
    /// What the items of the list are.
    of: ParamKind,
    /// Whether the model can do it, as far as that is known.
    able: fn(&ModelSpec) -> bool,
    code: Code,
    /// What it does not do.
    lacks: &'static str,
    /// What a `models.yaml` says of one that does.
    capability: &'static str,
}

const ABILITIES: [Ability; 2] = [
    Ability {
        of: ParamKind::Image,
        able: |spec| spec.vision,
        code: codes::BLIND_MODEL,
        lacks: "reads no images",
        capability: "vision",
    },
    Ability {
        of: ParamKind::Tool,
        able: |spec| spec.tools != Some(false),
        code: codes::TOOLLESS_MODEL,
        lacks: "calls no tools",
        capability: "tools",
    },
];

/// Images for a model that reads none, tools for one that calls none.
fn unable(checker: &mut Checker<'_>, step: &Step, specs: &[ParamSpec], ability: &Ability) {
    let is_meant = |spec: &ParamSpec| spec.items.as_ref().is_some_and(|item| item.kind == ability.of);
    let given = |parameter: &&KeyUse| {
        let is_empty =
            checker.tree.is_sequence(parameter.value) && checker.tree.items(parameter.value).next().is_none();
        specs.iter().any(|spec| spec.name == parameter.name && is_meant(spec))
            && !is_empty
            && !checker.is_null(parameter.value)
    };
    let Some(given) = step.parameters.iter().find(given) else { return };
    let named = |keys: &[KeyUse]| keys.iter().find(|key| key.name == "model").map(|key| key.value);
    let own = named(&step.parameters).or_else(|| named(&step.keys));
    let Some(node) = own.or_else(|| named(&checker.facts.pipeline.keys)) else { return };
    if !checker.tree.is_scalar(node) || checker.is_dynamic(node) {
        return;
    }
    let Some(name) = checker.tree.string(node) else { return };
    let found = checker.registry.models.find(&name);
    if found.is_empty() || found.iter().any(|spec| (ability.able)(spec)) {
        return;
    }
    let range = if own.is_some() { checker.token(node) } else { given.range };
    let message = format!(
        "`{name}` {}; name another model, leave it to the router, or say `capabilities: [{}]` of it in \
         `models.yaml`",
        ability.lacks, ability.capability
    );
    checker.report(ability.code, range, message);
}

/// `model` and `fallback` of the root or a step.
fn keys(checker: &mut Checker<'_>, keys: &[KeyUse]) {
    for key in keys {
        match key.name.as_str() {
            "model" if checker.tree.is_mapping(key.value) => {
                let inner = ["name", "model"].into_iter().find_map(|name| checker.tree.get(key.value, name));
                if let Some(entry) = inner {
                    model(checker, entry.value);
                }
            }
            "model" => model(checker, key.value),
            "fallback" => {
                for item in checker.tree.items(key.value).collect::<Vec<_>>() {
                    model(checker, item);
                }
            }
            _ => {}
        }
    }
}

fn model(checker: &mut Checker<'_>, node: NodeId) {
    if !checker.tree.is_scalar(node) || checker.is_dynamic(node) || checker.is_null(node) {
        return;
    }
    let Some(name) = checker.tree.string(node).filter(|name| !name.is_empty()) else { return };
    let range = checker.token(node);
    let table = &checker.registry.models;
    let (provider, bare) = table.split(&name);
    let halves = name.split(['/', ':']);
    if name.contains(char::is_whitespace) || halves.clone().any(str::is_empty) || bare.is_empty() {
        let message = format!("`{name}` is no name of a model; write `provider/name` or `name`");
        checker.report(codes::BAD_MODEL_NAME, range, message);
        return;
    }
    if !table.find(&name).is_empty() || open_ended(provider) {
        return;
    }
    if provider.is_none()
        && let Some(tagged) = tagged(&name)
    {
        let message = format!("the model `{name}` is not known; write `{tagged}` if it is one of Ollama's");
        let edit = TextEdit::replace(range, tagged.clone());
        checker.report(codes::UNKNOWN_MODEL, range, message).fix(format!("Write `{tagged}`"), vec![edit]);
        return;
    }
    let known = table.models().iter().filter(|spec| provider.is_none_or(|provider| spec.provider == provider));
    let candidate = did_you_mean(bare, known.map(|spec| &*spec.name));
    let message = format!("the model `{name}` is not known, so neither is its price");
    let diagnostic = checker.report(codes::UNKNOWN_MODEL, range, message);
    if let Some(candidate) = candidate {
        let prefix = &name[..name.len() - bare.len()];
        diagnostic.suggest(Some(&format!("{prefix}{candidate}")));
    } else {
        diagnostic.message.push_str("; add it to `models.yaml` or choose another");
    }
}

/// A bare `name:tag`, which is how Ollama alone names models, with its provider before it.
fn tagged(name: &str) -> Option<String> {
    let (model, tag) = name.split_once(':')?;
    let is_tag = tag == "latest" || tag.starts_with(|first: char| first.is_ascii_digit());
    (is_tag && !model.contains('/')).then(|| format!("{TAGGING_PROVIDER}/{name}"))
}

/// The provider whose models are named `name:tag`.
const TAGGING_PROVIDER: &str = "ollama";

/// Providers whose models are what a person has installed or what a hub holds, not a list.
fn open_ended(provider: Option<&str>) -> bool {
    matches!(provider, Some("ollama" | "huggingface" | "simulated"))
}
