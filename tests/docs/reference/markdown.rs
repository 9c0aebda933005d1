//! The pieces that pages are made of.

use std::fmt::Write;

use lang::registry::{FieldSpec, OutputSpec, ParamSpec, ValueType};
use serde_json::Value;

/// The first line of a text.
pub(super) fn summary(doc: &str) -> &str {
    doc.trim().lines().next().unwrap_or_default()
}

/// A text as a cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// The types as people say them.
pub(super) fn types(types: &[ValueType]) -> String {
    if types.is_empty() {
        return "any".to_owned();
    }
    types.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(" or ")
}

/// A block of code.
pub(super) fn block(language: &str, text: &str) -> String {
    format!("```{language}\n{}\n```\n", text.trim_matches('\n'))
}

/// A list of values, each as code.
pub(super) fn values<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| format!("`{}`", value.to_string())).collect::<Vec<_>>().join(", ")
}

/// A list item: its head, and the text below it at `depth`.
fn item(out: &mut String, depth: usize, head: &str, doc: &str) {
    let indent = "  ".repeat(depth);
    let mut lines = doc.trim().lines();
    let _ = writeln!(out, "{indent}- {head}: {}", lines.next().unwrap_or_default());
    for line in lines {
        let _ = if line.is_empty() { writeln!(out) } else { writeln!(out, "{indent}  {line}") };
    }
}

/// Parameters as a list, with their members below them.
pub(super) fn params(out: &mut String, params: &[ParamSpec], depth: usize) {
    for param in params {
        let mut said = vec![types(&param.types)];
        if let Some(default) = &param.default {
            said.push(format!("default `{default}`"));
        } else if param.required {
            said.push(match &param.instead {
                Some(other) => format!("required, or `{other}`"),
                None => "required".to_owned(),
            });
        }
        match param.range {
            (Some(low), Some(high)) => said.push(format!("{low} to {high}")),
            (Some(low), None) => said.push(format!("at least {low}")),
            (None, Some(high)) => said.push(format!("at most {high}")),
            (None, None) => {}
        }
        let mut doc = param.doc.trim().to_owned();
        if !param.choices.is_empty() {
            let _ = write!(doc, "\n\nOne of {}.", values(param.choices.iter().map(plain)));
        }
        if let Some(why) = &param.deprecated {
            let _ = write!(doc, "\n\nDeprecated: {why}.");
        }
        if !param.aliases.is_empty() {
            let _ = write!(doc, "\n\nOld names: {}.", values(&param.aliases));
        }
        item(out, depth, &format!("`{}` ({})", param.name, said.join(", ")), &doc);
        self::params(out, &param.fields, depth + 1);
        if let Some(items) = &param.items {
            self::params(out, &items.fields, depth + 1);
        }
    }
}

/// A text without its quotes, anything else as JSON.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// What a step gives back.
pub(super) fn output(out: &mut String, output: &OutputSpec) {
    if output.scalar {
        out.push_str("`{{ step.result }}` is the value itself.\n");
    }
    fields(out, &output.fields, 0);
    if output.open && !output.scalar {
        out.push_str("\nIt may hold more.\n");
    }
    if let Some(primary) = &output.primary {
        let _ = writeln!(out, "\nA bare `{{{{ step }}}}` stands for `{primary}`.");
    }
    for (old, new) in &output.aliases {
        let _ = writeln!(out, "\n`{old}` is an old name of `{new}`.");
    }
}

fn fields(out: &mut String, fields: &[FieldSpec], depth: usize) {
    for field in fields {
        item(out, depth, &format!("`{}` ({})", field.name, types(&field.types)), &field.doc);
        self::fields(out, &field.fields, depth + 1);
        self::fields(out, &field.items, depth + 1);
    }
}
