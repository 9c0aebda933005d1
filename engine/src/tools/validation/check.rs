//! A JSON Schema against a value.

use jsonschema::{ValidationError, Validator};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::tools::{self, ToolError};

/// Something that does not fit.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Problem {
    /// What is wrong.
    pub(super) message: String,
    /// Where in the data, its parts separated by dots; empty for the whole.
    pub(super) path: String,
    /// Where in the schema, its parts separated by dots.
    pub(super) schema_path: String,
    /// The value there.
    pub(super) instance: Value,
    /// The keyword of the schema.
    pub(super) validator: String,
    /// How bad it is: `error`.
    pub(super) severity: &'static str,
}

impl Problem {
    fn new(error: &ValidationError<'_>, prefix: &str) -> Self {
        let inner = dotted(error.instance_path().as_str());
        let path = match (prefix, inner.as_str()) {
            ("", _) => inner,
            (_, "") => prefix.to_owned(),
            _ => format!("{prefix}.{inner}"),
        };
        Self {
            message: error.to_string(),
            path,
            schema_path: dotted(error.schema_path().as_str()),
            instance: error.instance().clone().into_owned(),
            validator: error.kind().keyword().to_owned(),
            severity: "error",
        }
    }

    /// As one phrase of a message.
    pub(super) fn shown(&self) -> String {
        if self.path.is_empty() { self.message.clone() } else { format!("`{}`: {}", self.path, self.message) }
    }
}

/// A validator with py-orc's own formats. References lead nowhere but into the schema itself.
pub(super) fn compile(schema: &Value) -> Result<Validator, ToolError> {
    jsonschema::options()
        .should_validate_formats(true)
        .with_format("model-id", |text: &str| {
            text.split_once('/').is_some_and(|(provider, name)| !provider.is_empty() && !name.is_empty())
        })
        .with_format("tool-name", |text: &str| tools::find(text).is_some())
        .with_format("file-path", |text: &str| !text.is_empty() && !text.contains('\0'))
        .with_format("yaml-path", |text: &str| is_reference(text, &['.', '[', ']', '-', '_']))
        .with_format("pipeline-ref", |text: &str| is_reference(text, &['.', '/', '-', '_']))
        .with_format("task-ref", |text: &str| is_reference(text, &['.', '-', '_']))
        .build(schema)
        .map_err(|error| {
            let path = dotted(error.instance_path().as_str());
            let place = if path.is_empty() { String::new() } else { format!(" at `{path}`") };
            ToolError::new("SchemaError", format!("the parameter `schema` is no JSON Schema{place}: {error}"))
        })
}

/// Everything in `data` that does not fit; `prefix` is where `data` itself stands.
pub(super) fn problems(validator: &Validator, data: &Value, prefix: &str) -> Vec<Problem> {
    validator.iter_errors(data).map(|error| Problem::new(&error, prefix)).collect()
}

/// `data` as the schema takes it: JSON text of a mapping or list counts as what it holds, unless text
/// is asked for.
pub(super) fn meant(data: Value, schema: &Value) -> Value {
    let takes_text = match schema.get("type") {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        _ => false,
    };
    if takes_text { data } else { super::rows::parsed(data) }
}

/// A JSON pointer with dots.
pub(super) fn dotted(pointer: &str) -> String {
    let parts: Vec<String> =
        pointer.split('/').skip(1).map(|part| part.replace("~1", "/").replace("~0", "~")).collect();
    parts.join(".")
}

fn is_reference(text: &str, between: &[char]) -> bool {
    text.starts_with(|first: char| first.is_alphabetic() || first == '_')
        && text.chars().all(|each| each.is_alphanumeric() || between.contains(&each))
}
