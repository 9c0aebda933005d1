//! Formats of data as text.

use schemars::JsonSchema;
use serde::Deserialize;

/// A format of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Format {
    /// JSON.
    Json,
    /// Comma-separated values, with the names of the columns in the first line.
    Csv,
    /// YAML.
    Yaml,
    /// Not available yet.
    Parquet,
}
