//! Tree → [`Pipeline`]. Total: every tree has one. What has the wrong shape is left out here and
//! named by the rules, which look at the same keys.

use indexmap::IndexMap;
use text_size::TextRange;

use super::{Input, InputForm, KeyUse, Output, Pipeline};
use crate::{
    syntax::{NodeId, Scalar, Tree},
    text::Spanned,
};

pub mod sites;
mod steps;

pub(super) fn lower(tree: &Tree) -> Pipeline {
    let root = tree.root();
    let keys = key_uses(tree, root);
    let text = |name: &str| find(&keys, name).and_then(|key| text(tree, key.value));
    Pipeline {
        node: root,
        id: text("id"),
        name: text("name"),
        description: text("description"),
        version: text("version"),
        model: text("model"),
        inputs: inputs(tree, &keys),
        steps: find(&keys, "steps").map(|key| steps::steps(tree, key.value)).unwrap_or_default(),
        outputs: outputs(tree, &keys),
        default_timeout: default_timeout(tree, &keys),
        keys,
    }
}

/// The entries of a mapping as [`KeyUse`]s, merge keys expanded. The boolean key `true` is how YAML
/// 1.1 reads `on`, so both are `on` here.
pub(crate) fn key_uses(tree: &Tree, node: NodeId) -> Vec<KeyUse> {
    tree.merged_entries(node)
        .into_iter()
        .filter_map(|entry| {
            let name = tree.key_text(entry.key)?;
            let name = if name == "true" { "on".to_owned() } else { name };
            Some(KeyUse { name, range: tree.range(entry.key), value: entry.value })
        })
        .collect()
}

/// A scalar's text with the place of its content; `None` for anything that is not written as a
/// scalar.
pub(crate) fn text(tree: &Tree, node: NodeId) -> Option<Spanned<String>> {
    let value = tree.string(node)?;
    Some(Spanned::new(value, content_range(tree, node)))
}

/// The place of a scalar's content: quotes excluded, an alias taken as it stands.
pub(crate) fn content_range(tree: &Tree, node: NodeId) -> TextRange {
    let range = tree.range(node);
    if tree.resolve(node) != node {
        return range;
    }
    let source = tree.source(node);
    let quoted = source.len() >= 2
        && (source.starts_with('"') && source.ends_with('"') || source.starts_with('\'') && source.ends_with('\''));
    if quoted { TextRange::new(range.start() + QUOTE, range.end() - QUOTE) } else { range }
}

const QUOTE: text_size::TextSize = text_size::TextSize::new(1);

pub(crate) fn find<'k>(keys: &'k [KeyUse], name: &str) -> Option<&'k KeyUse> {
    keys.iter().find(|key| key.name == name)
}

/// The keys that make a mapping under `inputs` a declaration rather than a plain value.
const DECLARING: [&str; 6] = ["type", "description", "required", "default", "enum", "choices"];

fn inputs(tree: &Tree, keys: &[KeyUse]) -> IndexMap<String, Input> {
    let mut found = IndexMap::new();
    for (section, from_parameters) in [("inputs", false), ("parameters", true)] {
        let Some(section) = find(keys, section) else { continue };
        for input in section_inputs(tree, section.value, from_parameters) {
            found.entry(input.name.value.clone()).or_insert(input);
        }
    }
    found
}

/// The declarations of one section, those a name of the other section hides included.
pub(crate) fn section_inputs(tree: &Tree, section: NodeId, from_parameters: bool) -> Vec<Input> {
    if tree.is_sequence(section) {
        return tree.items(section).filter_map(|item| list_input(tree, item, from_parameters)).collect();
    }
    key_uses(tree, section).into_iter().map(|key| input(tree, key, from_parameters)).collect()
}

fn input(tree: &Tree, key: KeyUse, from_parameters: bool) -> Input {
    let keys = key_uses(tree, key.value);
    let name = Spanned::new(key.name, key.range);
    // `secret` with a text beside it may be a name of the value's own.
    let is_flag = |key: &KeyUse| matches!(tree.scalar(key.value), Some(Scalar::Bool(_)));
    if keys.iter().any(|key| DECLARING.contains(&key.name.as_str()) || (key.name == "secret" && is_flag(key))) {
        return declared(tree, name, key.value, keys, InputForm::Object, from_parameters);
    }
    Input {
        name,
        form: InputForm::Bare,
        from_parameters,
        node: key.value,
        type_name: None,
        required: false,
        secret: false,
        default: Some(key.value),
        choices: None,
        description: None,
        keys: Vec::new(),
    }
}

fn list_input(tree: &Tree, item: NodeId, from_parameters: bool) -> Option<Input> {
    if tree.is_mapping(item) {
        let keys = key_uses(tree, item);
        let name = find(&keys, "name").and_then(|key| text(tree, key.value))?;
        return Some(declared(tree, name, item, keys, InputForm::List, from_parameters));
    }
    let name = text(tree, item)?;
    Some(declared(tree, name, item, Vec::new(), InputForm::List, from_parameters))
}

fn declared(
    tree: &Tree,
    name: Spanned<String>,
    node: NodeId,
    keys: Vec<KeyUse>,
    form: InputForm,
    from_parameters: bool,
) -> Input {
    let value = |name: &str| find(&keys, name).map(|key| key.value);
    let is_true = |name: &str| value(name).is_some_and(|node| tree.scalar(node) == Some(Scalar::Bool(true)));
    Input {
        name,
        form,
        from_parameters,
        node,
        type_name: value("type").and_then(|node| text(tree, node)),
        required: is_true("required"),
        secret: is_true("secret"),
        default: value("default"),
        choices: value("enum").or_else(|| value("choices")),
        description: value("description").and_then(|node| tree.string(node)),
        keys,
    }
}

fn outputs(tree: &Tree, keys: &[KeyUse]) -> Vec<Output> {
    let Some(section) = find(keys, "outputs") else { return Vec::new() };
    key_uses(tree, section.value)
        .into_iter()
        .map(|key| {
            let inner = tree
                .is_mapping(key.value)
                .then(|| key_uses(tree, key.value))
                .and_then(|keys| find(&keys, "value").map(|key| key.value));
            Output { name: Spanned::new(key.name, key.range), value: inner.unwrap_or(key.value) }
        })
        .collect()
}

fn default_timeout(tree: &Tree, keys: &[KeyUse]) -> Option<Spanned<f64>> {
    ["metadata", "config"].into_iter().find_map(|section| {
        let section = find(keys, section)?;
        let keys = key_uses(tree, section.value);
        let key = find(&keys, "default_timeout")?;
        let seconds = match tree.scalar(key.value)? {
            Scalar::Int(seconds) => seconds as f64,
            Scalar::Float(seconds) => seconds,
            _ => return None,
        };
        Some(Spanned::new(seconds, tree.range(key.value)))
    })
}
