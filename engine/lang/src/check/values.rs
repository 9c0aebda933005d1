//! Whether a literal value fits a type, a list of choices, a range.

use serde_json::Value;
use text_size::TextRange;

use crate::{
    registry::{ParamSpec, ValueType},
    syntax::{NodeId, Scalar, Tree},
};

/// Whether a value of type `found` may stand where `wanted` are allowed; none wanted means any.
pub(crate) fn fits(found: ValueType, wanted: &[ValueType]) -> bool {
    wanted.is_empty() || wanted.contains(&found) || (found == ValueType::Integer && wanted.contains(&ValueType::Number))
}

/// What a value of the type is called in messages.
pub(crate) fn noun(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::String => "text",
        ValueType::Integer => "a whole number",
        ValueType::Number => "a number",
        ValueType::Boolean => "`true` or `false`",
        ValueType::Array => "a list",
        ValueType::Object => "a mapping",
    }
}

/// `text`, `text or a list`, `text, a number or a list`.
pub(crate) fn nouns(types: &[ValueType]) -> String {
    one_of(&types.iter().map(|value_type| noun(*value_type).to_owned()).collect::<Vec<_>>())
}

/// `a`, `a or b`, `a, b or c`.
pub(crate) fn one_of(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [init @ .., last] => format!("{} or {last}", init.join(", ")),
    }
}

/// Words in backquotes, joined for a message.
pub(crate) fn coded<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    one_of(&words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>())
}

/// A choice as it is written.
pub(crate) fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The number written at `node`, with its place.
pub(crate) fn number(tree: &Tree, node: NodeId) -> Option<(f64, TextRange)> {
    let node_range = tree.range(node);
    match tree.scalar(tree.resolve(node))? {
        Scalar::Int(value) => Some((value as f64, node_range)),
        Scalar::Float(value) => Some((value, node_range)),
        _ => None,
    }
}

/// The literal at `node` as JSON, for comparison with choices.
pub(crate) fn literal(tree: &Tree, node: NodeId) -> Option<Value> {
    match tree.scalar(tree.resolve(node))? {
        Scalar::Null => Some(Value::Null),
        Scalar::Bool(value) => Some(value.into()),
        Scalar::Int(value) => Some(value.into()),
        Scalar::Float(value) => Some(value.into()),
        Scalar::Text(text) => Some(text.into_owned().into()),
    }
}

/// Whether `value` passes the smallest or largest value of `spec`, in words.
pub(crate) fn out_of_range(range: (Option<f64>, Option<f64>), value: f64) -> Option<String> {
    match range {
        (Some(min), _) if value < min => Some(format!("at least {min}")),
        (_, Some(max)) if value > max => Some(format!("at most {max}")),
        _ => None,
    }
}

/// The parameter called `name`, old spellings included.
pub(crate) fn param<'s>(params: &'s [ParamSpec], name: &str) -> Option<&'s ParamSpec> {
    params
        .iter()
        .find(|param| param.name == name)
        .or_else(|| params.iter().find(|param| param.aliases.iter().any(|alias| alias == name)))
}
