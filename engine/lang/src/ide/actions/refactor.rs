//! The same, written in another form.

use text_size::{TextRange, TextSize};

use super::{Action, ActionKind};
use crate::{
    analysis::Analysis,
    check::Fix,
    model::{Pipeline, Step},
    syntax::{NodeId, NodeKind, Scalar, ScalarStyle, Tree},
    text::TextEdit,
};

mod canonical;

mod wrap;

/// What can be written otherwise at `range`.
pub(super) fn refactors(analysis: &Analysis, range: TextRange) -> Vec<Action> {
    if analysis.recognised().is_none() {
        return Vec::new();
    }
    let steps = analysis.pipeline().all_steps();
    let tree = &analysis.parse().tree;
    let step = steps.into_iter().rev().find(|step| step.range.contains_range(range));
    let found = [
        step.and_then(|step| dependencies(tree, step, range)).map(|fix| (fix, ActionKind::Rewrite)),
        step.and_then(|step| extracted(analysis, step, range)).map(|fix| (fix, ActionKind::Extract)),
        wrap::wrapped(analysis, range).map(|fix| (fix, ActionKind::Rewrite)),
        canonical::canonical(analysis, range).map(|fix| (fix, ActionKind::Rewrite)),
    ];
    found.into_iter().flatten().map(|(fix, kind)| Action { fix, kind, diagnostic: None }).collect()
}

/// `[a, b]` ↔ one line for each.
fn dependencies(tree: &Tree, step: &Step, range: TextRange) -> Option<Fix> {
    let key = step.key("dependencies").or_else(|| step.key("depends_on"))?;
    let list = tree.range(key.value);
    if !key.range.cover(list).contains_range(range) || step.dependencies.is_empty() {
        return None;
    }
    let text = tree.text();
    let sources: Vec<&str> = tree.items(key.value).map(|item| tree.source(item)).collect();
    let line = text[..usize::from(key.range.start())].rfind('\n').map_or(0, |at| at + 1);
    // The value, and what stands between it and the colon.
    let colon = text.get(usize::from(key.range.end())..usize::from(list.start()))?.find(':')?;
    let gap = TextRange::new(key.range.end() + TextSize::new(colon as u32 + 1), list.end());
    // What stands between the colon and the list, a comment or an anchor, would be lost.
    if !text[gap][..usize::from(list.start() - gap.start())].trim().is_empty() {
        return None;
    }
    let block = matches!(tree.kind(step.node), NodeKind::Mapping { flow: false });
    let column = usize::from(key.range.start()) - line;
    match tree.kind(key.value) {
        // A comment in the list would be lost.
        NodeKind::Sequence { .. } if text[list].contains('#') => None,
        NodeKind::Sequence { flow: true } if block => {
            let indent = " ".repeat(column + 2);
            let lead = format!("\n{indent}- ");
            let lines = lead.clone() + &sources.join(&lead);
            Some(refactor("Write one dependency on each line", vec![TextEdit::replace(gap, lines)]))
        }
        NodeKind::Sequence { flow: false } => {
            let joined = format!(" [{}]", sources.join(", "));
            Some(refactor("Write the dependencies on one line", vec![TextEdit::replace(gap, joined)]))
        }
        NodeKind::Scalar(ScalarStyle::Plain | ScalarStyle::Single | ScalarStyle::Double) => {
            let ids: Vec<&str> = step.dependencies.iter().map(|id| &*id.value).collect();
            let joined = format!("[{}]", ids.join(", "));
            Some(refactor("Write the dependencies as a list", vec![TextEdit::replace(list, joined)]))
        }
        _ => None,
    }
}

/// A literal of the step's parameters becomes the default of an input.
fn extracted(analysis: &Analysis, step: &Step, range: TextRange) -> Option<Fix> {
    let tree = &analysis.parse().tree;
    let parameter = step.parameters.iter().find(|parameter| tree.range(parameter.value).contains_range(range))?;
    let node = parameter.value;
    let source = tree.source(node);
    let one_line =
        matches!(tree.kind(node), NodeKind::Scalar(ScalarStyle::Plain | ScalarStyle::Single | ScalarStyle::Double))
            && !source.contains(['\n', '\r']);
    if !one_line || analysis.templates().contains_key(&node) {
        return None;
    }
    let type_name = match tree.scalar(node)? {
        Scalar::Null => return None,
        Scalar::Bool(_) => "boolean",
        Scalar::Int(_) => "integer",
        Scalar::Float(_) => "number",
        Scalar::Text(_) => "string",
    };
    let default = crate::check::in_braces(tree, node)?;
    let name = free_name(analysis, &parameter.name)?;
    let use_it = TextEdit::replace(tree.range(node), format!("\"{{{{ {name} }}}}\""));
    let declare =
        declaration(tree, analysis.pipeline(), &format!("{name}: {{type: {type_name}, default: {default}}}"))?;
    Some(refactor(&format!("Extract into the input `{name}`"), vec![declare, use_it]))
}

/// `wanted`, or `wanted_2` …, that means nothing yet.
fn free_name(analysis: &Analysis, wanted: &str) -> Option<String> {
    let legal = wanted.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && wanted.chars().all(|character| character.is_ascii_alphanumeric() || character == '_');
    let taken = |name: &str| {
        let steps = analysis.pipeline().all_steps();
        analysis.pipeline().inputs.contains_key(name)
            || steps.iter().any(|step| step.id_text() == name)
            || crate::registry::names::runtime_name(name).is_some()
            || crate::registry::names::global(name).is_some()
    };
    let names = (1..100).map(|number| if number == 1 { wanted.to_owned() } else { format!("{wanted}_{number}") });
    if legal { names.into_iter().find(|name| !taken(name)) } else { None }
}

/// The edit that declares an input: at the end of `inputs`, or in an `inputs` before `steps`.
fn declaration(tree: &Tree, pipeline: &Pipeline, entry: &str) -> Option<TextEdit> {
    let key = |name: &str| pipeline.keys.iter().find(|key| key.name == name);
    if let Some(section) = key("inputs").or_else(|| key("parameters")) {
        let entries: Vec<NodeId> = tree.entries(section.value).map(|entry| entry.key).collect();
        let last = tree.range(section.value);
        return match tree.kind(section.value) {
            NodeKind::Mapping { flow: true } if !entries.is_empty() => {
                let values = tree.entries(section.value).map(|entry| tree.range(entry.value).end());
                Some(TextEdit::insert(values.last()?, format!(", {entry}")))
            }
            NodeKind::Mapping { flow: false } => {
                let start = usize::from(tree.range(*entries.first()?).start());
                let text = tree.text();
                let column = start - text[..start].rfind('\n').map_or(0, |at| at + 1);
                let end = usize::from(last.end());
                let (at, lead, trail) = if text[..end].ends_with('\n') {
                    (end, "", "\n")
                } else {
                    match text[end..].find('\n') {
                        Some(length) => (end + length + 1, "", "\n"),
                        None => (text.len(), "\n", ""),
                    }
                };
                let indent = " ".repeat(column);
                Some(TextEdit::insert(TextSize::new(at as u32), format!("{lead}{indent}{entry}{trail}")))
            }
            _ => None,
        };
    }
    let steps = key("steps")?;
    let before = &tree.text()[..usize::from(steps.range.start())];
    let block = matches!(tree.kind(pipeline.node), NodeKind::Mapping { flow: false });
    if !block || !(before.is_empty() || before.ends_with('\n')) {
        return None;
    }
    Some(TextEdit::insert(steps.range.start(), format!("inputs:\n  {entry}\n")))
}

fn refactor(title: &str, edits: Vec<TextEdit>) -> Fix {
    Fix { title: title.to_owned(), edits, safe: false }
}
