//! Text → the data it holds.

use serde_json::{Map, Value};

use super::{NAME, infer::type_of};
use crate::tools::ToolError;

/// JSON text of a mapping or a list → what it holds; anything else as it is.
pub(super) fn parsed(data: Value) -> Value {
    let held = data.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    held.filter(|value| value.is_object() || value.is_array()).unwrap_or(data)
}

/// The rows that `data` is.
pub(super) fn of(data: Value) -> Result<Vec<Value>, ToolError> {
    let wrong = |what: &str| {
        let message = format!(
            "the parameter `data` of `{NAME}.quality_check` needs rows: a list of mappings, a mapping, or JSON or CSV \
             text of them; it is {what}"
        );
        Err(ToolError::new("ParameterError", message))
    };
    match parsed(data) {
        Value::Array(rows) => match rows.iter().find(|row| !row.is_object()) {
            Some(row) => wrong(&format!("a list with an item of type {}", type_of(row))),
            None => Ok(rows),
        },
        row @ Value::Object(_) => Ok(vec![row]),
        Value::String(text) => csv(&text),
        other => wrong(&format!("of type {}", type_of(&other))),
    }
}

/// The rows of CSV text whose first line names the columns.
pub(super) fn csv(text: &str) -> Result<Vec<Value>, ToolError> {
    let broken =
        |error: csv::Error| ToolError::new("ParameterError", format!("the parameter `data` is no CSV text: {error}"));
    let mut reader = csv::ReaderBuilder::new().from_reader(text.trim_start_matches('\u{feff}').as_bytes());
    let header: Vec<String> = reader.headers().map_err(broken)?.iter().map(str::to_owned).collect();
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        let row: Map<String, Value> = header.iter().cloned().zip(record.iter().map(Value::from)).collect();
        rows.push(Value::Object(row));
    }
    Ok(rows)
}
