//! Declarations of inputs (110–116).

use text_size::TextRange;

use super::{Checker, Severity, codes, edits, values};
use crate::{
    model::{Input, InputForm, KeyUse, lower},
    registry::{ValueType, did_you_mean, types},
    shape,
    syntax::{NodeId, NodeKind, Scalar},
    text::TextEdit,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    let pipeline = checker.facts.pipeline;
    let sections: Vec<&KeyUse> =
        pipeline.keys.iter().filter(|key| matches!(key.name.as_str(), "inputs" | "parameters")).collect();
    for section in &sections {
        list_form(checker, section);
    }
    let mut names: rustc_hash::FxHashMap<String, TextRange> = rustc_hash::FxHashMap::default();
    for section in sections {
        for input in lower::section_inputs(checker.tree, section.value, section.name == "parameters") {
            if let Some(other) = names.get(&input.name.value).copied() {
                for (here, there) in [(input.name.range, other), (other, input.name.range)] {
                    let message = format!(
                        "`{}` is declared in `inputs` and in `parameters`; `inputs` wins, keep one of them",
                        input.name.value
                    );
                    checker.report(codes::INPUT_TWICE, here, message).related(there, "the other one is here");
                }
            }
            names.insert(input.name.value.clone(), input.name.range);
            declaration(checker, &input);
        }
    }
}

fn list_form(checker: &mut Checker<'_>, section: &KeyUse) {
    let tree = checker.tree;
    let list = tree.resolve(section.value);
    let NodeKind::Sequence { flow } = tree.kind(list) else { return };
    let items: Vec<NodeId> = tree.items(list).collect();
    let message = format!("`{}` as a list is an old form; write each name as a key", section.name);
    let edit = if flow || list != section.value { None } else { to_object(checker, list, &items) };
    let diagnostic = checker.report(codes::LIST_INPUTS, section.range, message);
    if let Some(edit) = edit {
        diagnostic.safe_fix("Write the inputs as a mapping", vec![edit]);
    }
    for item in items {
        let named = if tree.is_mapping(item) { tree.get(item, "name").is_some() } else { tree.string(item).is_some() };
        if !named && !checker.is_error(item) && !checker.damaged(tree.range(item)) {
            let first = tree.entries(item).next().map(|entry| tree.range(entry.key));
            let range = first.unwrap_or_else(|| checker.token(item));
            checker.report(codes::WRONG_SHAPE, range, "the input has no `name`");
        }
    }
}

/// The list rewritten as a mapping, each entry kept as it is but for `name`.
fn to_object(checker: &Checker<'_>, list: NodeId, items: &[NodeId]) -> Option<TextEdit> {
    let tree = checker.tree;
    let range = tree.range(list);
    // A comment would be lost.
    if tree.comments().iter().any(|comment| range.contains_range(*comment)) {
        return None;
    }
    let dash = edits::indent_at(tree.text(), range.start());
    let mut result = String::new();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            result.push_str(&dash);
        } else if dash.is_empty() {
            // A list may stand at its key's own column, a mapping may not.
            result.push_str("  ");
        }
        let inner = if dash.is_empty() { "    ".to_owned() } else { format!("{dash}  ") };
        if dash.is_empty() && index > 0 {
            result.push_str("  ");
        }
        if !tree.is_mapping(*item) {
            result.extend([format!("{}: {{required: true}}\n", tree.string(*item)?)]);
            continue;
        }
        let name = tree.get(*item, "name").and_then(|entry| tree.string(entry.value))?;
        result.push_str(&name);
        result.push_str(":\n");
        for entry in tree.entries(*item) {
            if tree.key_text(entry.key).as_deref() == Some("name") {
                continue;
            }
            let source = &tree.text()[TextRange::new(tree.range(entry.key).start(), tree.range(entry.value).end())];
            if source.trim_end().contains('\n') && dash.is_empty() {
                return None;
            }
            result.extend([format!("{inner}{}\n", source.trim_end())]);
        }
    }
    let result = result.trim_end_matches('\n').to_owned();
    Some(TextEdit::replace(TextRange::new(range.start(), range.end()), result))
}

fn declaration(checker: &mut Checker<'_>, input: &Input) {
    let types = match &input.type_name {
        Some(name) => type_named(checker, &name.value, name.range),
        None => &[],
    };
    let pattern = pattern(checker, input);
    if input.form == InputForm::Bare {
        return;
    }
    let Some(default) = input.default else { return };
    if checker.is_null(default) || checker.is_error(default) || checker.is_dynamic(default) {
        return;
    }
    let range = checker.token(default);
    let Some(found) = shape::written_type(checker.tree, default) else { return };
    if !values::fits(found, types) {
        let name = input.type_name.as_ref().map_or("", |name| &*name.value);
        let source = checker.tree.source(default).to_owned();
        let whole = checker.tree.range(default);
        let message =
            format!("the default of `{}` is {}, but its type is `{name}`", input.name.value, values::noun(found));
        let unwrapped = unwrap(checker, input, default);
        let diagnostic = checker.report(codes::DEFAULT_TYPE, range, message);
        if types == [ValueType::String] && !matches!(found, ValueType::Array | ValueType::Object) {
            diagnostic.fix("Put it in quotes", vec![TextEdit::replace(whole, edits::quoted(&source))]);
        }
        let title = "Use the type and default that stand in the default";
        match unwrapped {
            Some((edits, true)) => drop(diagnostic.safe_fix(title, edits)),
            Some((edits, false)) => drop(diagnostic.fix(title, edits)),
            None => {}
        }
        return;
    }
    choices(checker, input, default, range);
    limits(checker, input, default, range);
    if let (Some(pattern), Some(Scalar::Text(text))) = (pattern, checker.tree.scalar(default))
        && !pattern.is_match(&text)
    {
        let message =
            format!("the default of `{}` does not match its pattern `{}`", input.name.value, pattern.as_str());
        checker.report(codes::DEFAULT_RANGE, range, message);
    }
}

/// Where a whole declaration has got into the default of another one: its type and default in their
/// own places. Safe if nothing that is written in the inner one is lost.
fn unwrap(checker: &Checker<'_>, input: &Input, default: NodeId) -> Option<(Vec<TextEdit>, bool)> {
    let tree = checker.tree;
    let inner = tree.resolve(default);
    let [written_type, inner_default] = ["type", "default"].map(|key| tree.get(inner, key).map(|entry| entry.value));
    let (written_type, inner_default) = (written_type?, inner_default?);
    let outer_type = input.keys.iter().find(|key| key.name == "type")?;
    if tree.is_mapping(inner_default) || !tree.is_scalar(written_type) {
        return None;
    }
    let value = edits::in_braces(tree, inner_default)?;
    let edits = vec![
        TextEdit::replace(tree.range(outer_type.value), tree.source(written_type)),
        TextEdit::replace(tree.range(default), value),
    ];
    let elsewhere = inner != default;
    let only = tree.entries(inner).count() == 2 && !tree.source(default).contains('#');
    Some((edits, elsewhere || only))
}

/// What a type's name allows; unknown names are reported and allow everything.
fn type_named(checker: &mut Checker<'_>, name: &str, range: TextRange) -> &'static [ValueType] {
    let Some(canonical) = types::canonical_type(name) else {
        let candidate = did_you_mean(name, types::type_names());
        let message = format!("unknown type `{name}`; types are {}", values::coded(types::type_names()));
        checker.report(codes::UNKNOWN_TYPE, range, message).suggest(candidate);
        return &[];
    };
    if canonical != name {
        let message = format!("the type `{name}` is written `{canonical}`");
        let edit = TextEdit::replace(range, canonical);
        let diagnostic = checker.report(codes::UNKNOWN_TYPE, range, message);
        diagnostic.severity = Severity::Hint;
        diagnostic.safe_fix(format!("Write `{canonical}`"), vec![edit]);
    }
    types::types_named(canonical).unwrap_or_default()
}

fn choices(checker: &mut Checker<'_>, input: &Input, default: NodeId, range: TextRange) {
    let tree = checker.tree;
    let Some(list) = input.choices.filter(|list| tree.is_sequence(*list)) else { return };
    let items: Vec<NodeId> = tree.items(list).collect();
    if items.is_empty() || items.iter().any(|item| checker.is_dynamic(*item)) {
        return;
    }
    let Some(found) = tree.to_json(default) else { return };
    let allowed: Vec<serde_json::Value> = items.iter().filter_map(|item| tree.to_json(*item)).collect();
    if allowed.contains(&found) {
        return;
    }
    let words: Vec<String> = allowed.iter().map(values::written).collect();
    let candidate = found.as_str().and_then(|text| did_you_mean(text, words.iter().map(String::as_str)));
    let listed = values::coded(words.iter().map(String::as_str));
    let message = format!(
        "the default of `{}` is `{}`, which is not one of its choices {listed}",
        input.name.value,
        values::written(&found)
    );
    checker.report(codes::DEFAULT_CHOICE, range, message).suggest(candidate);
}

fn limits(checker: &mut Checker<'_>, input: &Input, default: NodeId, range: TextRange) {
    let tree = checker.tree;
    let Some((value, _)) = values::number(tree, default) else { return };
    let key = |name: &str| input.keys.iter().find(|key| key.name == name).map(|key| key.value);
    let limit = |name: &str| key(name).and_then(|node| values::number(tree, node)).map(|(number, _)| number);
    let mut limits = (limit("minimum").or_else(|| limit("min")), limit("maximum").or_else(|| limit("max")));
    if let Some(node) = key("range") {
        let ends: Vec<Option<f64>> =
            tree.items(node).map(|item| values::number(tree, item).map(|(number, _)| number)).collect();
        if let [low, high] = ends[..] {
            limits = (limits.0.or(low), limits.1.or(high));
        }
    }
    if let Some(words) = values::out_of_range(limits, value) {
        let message = format!("the default of `{}` is {value}, but must be {words}", input.name.value);
        checker.report(codes::DEFAULT_RANGE, range, message);
    }
}

fn pattern(checker: &mut Checker<'_>, input: &Input) -> Option<regex::Regex> {
    let key = input.keys.iter().find(|key| key.name == "pattern")?;
    let text = checker.tree.string(key.value)?;
    match regex::Regex::new(&text) {
        Ok(pattern) => Some(pattern),
        Err(_) => {
            let range = checker.token(key.value);
            let message = format!("`{text}` is no regular expression; mend the pattern of `{}`", input.name.value);
            checker.report(codes::BAD_PATTERN, range, message);
            None
        }
    }
}
