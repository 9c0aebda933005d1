//! The form of AUTO tags (601–605).

use text_size::{TextRange, TextSize};

use super::{Checker, codes, templates::place, values};
use crate::{
    registry::did_you_mean,
    syntax::{Decoded, NodeId},
    template::auto::{AutoAttribute, AutoTag, Closing, DEEPEST},
};

/// The attributes a tag takes.
const ATTRIBUTES: [&str; 8] = ["type", "min", "max", "choices", "pattern", "task", "model_hint", "default"];

/// Attributes of old files, which say nothing that is read but are prose about the task.
const PROSE: [&str; 3] = ["domain", "complexity", "expertise"];

const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];

pub(super) fn check(checker: &mut Checker<'_>) {
    let facts = checker.facts;
    let asking = facts.sites.iter().filter(|site| !facts.templates[&site.node].autos.is_empty());
    let found: Vec<NodeId> = asking.map(|site| site.node).collect();
    if found.is_empty() {
        return;
    }
    let models = model_nodes(checker);
    for node in found {
        let decoded = checker.tree.decoded(node);
        for tag in &facts.templates[&node].autos {
            self::tag(checker, tag, &decoded, models.contains(&node));
            if let Some(innermost) = innermost(tag).filter(|tag| decoded.text[tag.body].contains("<AUTO")) {
                let message = format!("tags stand more than {DEEPEST} deep in each other; ask in a step of its own");
                checker.report(codes::DEEP_AUTO, place(&decoded, innermost.opener), &message);
            }
        }
    }
}

/// A tag as deep as one may stand, if there is one.
fn innermost(tag: &AutoTag) -> Option<&AutoTag> {
    let mut level = vec![tag];
    for _ in 1..DEEPEST {
        level = level.into_iter().flat_map(|tag| &tag.nested).collect();
    }
    level.into_iter().find(|_| true)
}

/// The scalars that name a model, where the bare form is legal.
fn model_nodes(checker: &Checker<'_>) -> rustc_hash::FxHashSet<NodeId> {
    let mut nodes = rustc_hash::FxHashSet::default();
    let tree = checker.tree;
    let mut add = |keys: &[crate::model::KeyUse]| {
        for key in keys.iter().filter(|key| key.name.contains("model") || key.name == "llm") {
            nodes.insert(tree.resolve(key.value));
            nodes.extend(tree.items(key.value).map(|item| tree.resolve(item)));
        }
    };
    add(&checker.facts.pipeline.keys);
    for step in checker.scopes.steps() {
        add(&step.keys);
        add(&step.parameters);
        for item in &step.items {
            add(&item.keys);
            add(&item.parameters);
        }
        for parameter in &step.parameters {
            add(&crate::model::lower::key_uses(tree, parameter.value));
        }
    }
    nodes
}

fn tag(checker: &mut Checker<'_>, tag: &AutoTag, decoded: &Decoded<'_>, model: bool) {
    let opener = place(decoded, tag.opener);
    match tag.closing {
        Closing::Unclosed => {
            checker.report(codes::UNCLOSED_AUTO, opener, "the tag is not closed; end the question with `</AUTO>`");
        }
        Closing::Bare if !model => {
            checker.report(codes::BARE_AUTO, opener, "a bare `<AUTO>` is legal only for `model`; say what to decide");
        }
        Closing::Closed if decoded.text[tag.body].trim().is_empty() && !model => {
            checker.report(codes::EMPTY_AUTO, place(decoded, tag.range), "the tag asks nothing; say what to decide");
        }
        Closing::Bare | Closing::Closed => {}
    }
    for attribute in &tag.attributes {
        self::attribute(checker, attribute, decoded);
    }
    let number = |name: &str| {
        tag.attributes
            .iter()
            .find(|attribute| attribute.name == name)
            .and_then(|attribute| Some((attribute.value.trim().parse::<f64>().ok()?, attribute.value_range)))
    };
    if let (Some((min, _)), Some((max, range))) = (number("min"), number("max"))
        && min > max
    {
        let message = format!("`max` is {max}, which is less than `min` ({min})");
        checker.report(codes::BAD_ATTRIBUTE, place(decoded, range), message);
    }
    for nested in &tag.nested {
        self::tag(checker, nested, decoded, false);
    }
}

fn attribute(checker: &mut Checker<'_>, attribute: &AutoAttribute, decoded: &Decoded<'_>) {
    let name = &*attribute.name;
    if !ATTRIBUTES.contains(&name) {
        if !PROSE.contains(&name) {
            let candidate = did_you_mean(name, ATTRIBUTES);
            let range = place(decoded, attribute.name_range);
            let message = format!("`<AUTO>` has no attribute `{name}`");
            checker.report(codes::UNKNOWN_ATTRIBUTE, range, message).suggest(candidate);
        }
        return;
    }
    let value = attribute.value.trim();
    let range = if attribute.value_range.is_empty() {
        place(decoded, attribute.name_range)
    } else {
        place(decoded, attribute.value_range)
    };
    let range = if range.is_empty() { TextRange::at(range.start(), TextSize::new(1)) } else { range };
    match name {
        "type" if !TYPES.contains(&value) => {
            let candidate = did_you_mean(value, TYPES);
            let message = format!("`type` is one of {}, not `{value}`", values::coded(TYPES));
            checker.report(codes::BAD_ATTRIBUTE, range, message).suggest(candidate);
        }
        "min" | "max" if value.parse::<f64>().is_err() => {
            checker.report(codes::BAD_ATTRIBUTE, range, format!("`{name}` is a number, not `{value}`"));
        }
        "choices" if value.split(',').all(|choice| choice.trim().is_empty()) => {
            checker.report(codes::BAD_ATTRIBUTE, range, "`choices` is empty; list them with commas");
        }
        "pattern" if regex::Regex::new(value).is_err() => {
            checker.report(codes::BAD_ATTRIBUTE, range, format!("`{value}` is no regular expression"));
        }
        _ => {}
    }
}
