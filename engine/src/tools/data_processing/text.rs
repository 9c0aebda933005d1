//! Data as text: JSON, CSV and YAML, read and written.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{
    failure,
    table::{Row, Table},
};
use crate::tools::ToolError;

/// A format of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// JSON, one value or one per line.
    Json,
    /// Comma-separated values, with the names of the columns in the first line.
    Csv,
    /// YAML.
    Yaml,
    /// Not available yet.
    Parquet,
}

impl Format {
    /// The format of a file of this name.
    pub(super) fn of_path(path: &str) -> Option<Self> {
        let (_, extension) = path.rsplit_once('.')?;
        match extension.to_ascii_lowercase().as_str() {
            "json" | "jsonl" | "ndjson" => Some(Self::Json),
            "csv" => Some(Self::Csv),
            "yaml" | "yml" => Some(Self::Yaml),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }

    /// The format that a text seems to be in.
    pub(super) fn of_text(text: &str) -> Self {
        let text = text.trim_start();
        let line = text.lines().next().unwrap_or_default();
        if text.starts_with(['{', '[']) {
            Self::Json
        } else if line.starts_with("- ") || line.starts_with("---") || line.contains(": ") || line.ends_with(':') {
            Self::Yaml
        } else {
            Self::Csv
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Yaml => "yaml",
            Self::Parquet => "parquet",
        }
    }
}

/// What a text says: a table where the format is one, any value otherwise.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Content {
    /// Rows, with columns even if there is no row.
    Rows(Table),
    /// Any value.
    Value(Value),
}

/// The refusal of parquet.
pub(super) fn no_parquet() -> ToolError {
    ToolError::new(
        "NotAvailableError",
        "this version of orc cannot read or write parquet; use the format `json`, `csv` or `yaml`",
    )
}

/// Reads `text`; `source` names it in messages.
pub(super) fn read(text: &str, format: Format, source: &str) -> Result<Content, ToolError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match format {
        Format::Json => read_json(text, source).map(Content::Value),
        Format::Csv => read_csv(text, source).map(Content::Rows),
        Format::Yaml => serde_yaml::from_str(text)
            .map(Content::Value)
            .map_err(|error| failure(format!("{source} is no valid YAML: {error}"))),
        Format::Parquet => Err(no_parquet()),
    }
}

/// One value, or a list of the values on lines of their own.
fn read_json(text: &str, source: &str) -> Result<Value, ToolError> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    let mut values: Vec<Value> =
        values.collect::<Result<_, _>>().map_err(|error| failure(format!("{source} is no valid JSON: {error}")))?;
    match values.len() {
        0 => Err(failure(format!("{source} is empty"))),
        1 => Ok(values.swap_remove(0)),
        _ => Ok(Value::Array(values)),
    }
}

fn read_csv(text: &str, source: &str) -> Result<Table, ToolError> {
    let broken = |error: csv::Error| failure(format!("{source} is no valid CSV: {}", csv_reason(&error)));
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::Headers).from_reader(text.as_bytes());
    let mut columns: Vec<String> = Vec::new();
    for column in reader.headers().map_err(broken)? {
        if columns.iter().any(|known| known == column) {
            return Err(failure(format!("{source} has two columns `{column}`; give each its own name")));
        }
        columns.push(column.to_owned());
    }
    let mut rows: Vec<Row> = Vec::new();
    for record in reader.records() {
        let record = record.map_err(broken)?;
        rows.push(columns.iter().cloned().zip(record.iter().map(Value::from)).collect());
    }
    Ok(Table { columns, rows })
}

fn csv_reason(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or(0, csv::Position::line);
            format!("line {line} has {len} fields, the first line has {expected_len}")
        }
        _ => error.to_string(),
    }
}

/// `table` in `format`: rows as values for JSON, text otherwise.
pub(super) fn write(table: Table, format: Option<Format>) -> Result<Value, ToolError> {
    match format.unwrap_or(Format::Json) {
        Format::Json => Ok(table.value()),
        Format::Csv => write_csv(&table).map(Value::String),
        Format::Yaml => write_yaml(&table.value()),
        Format::Parquet => Err(no_parquet()),
    }
}

/// Any value in `format`; only rows can be CSV.
pub(super) fn write_value(value: Value, format: Option<Format>) -> Result<Value, ToolError> {
    match format.unwrap_or(Format::Json) {
        Format::Json => Ok(value),
        Format::Yaml => write_yaml(&value),
        other => write(Table::read(value)?, Some(other)),
    }
}

fn write_yaml(value: &Value) -> Result<Value, ToolError> {
    let text = serde_yaml::to_string(value);
    text.map(Value::String).map_err(|error| failure(format!("the data cannot be written as YAML: {error}")))
}

fn write_csv(table: &Table) -> Result<String, ToolError> {
    if table.columns.is_empty() {
        return Ok(String::new());
    }
    let broken = |reason: String| failure(format!("the data cannot be written as CSV: {reason}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&table.columns).map_err(|error| broken(error.to_string()))?;
    for row in &table.rows {
        let cells = table.columns.iter().map(|column| match row.get(column) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        });
        writer.write_record(cells).map_err(|error| broken(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| broken(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| broken(error.to_string()))
}
