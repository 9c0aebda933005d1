//! Results of `data-processing`, one struct per operation.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

/// What `convert` gives back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ConvertOutput {
    /// The operation: `convert`.
    pub(super) action: &'static str,
    /// The data in its new form.
    pub(super) processed_data: Value,
    /// The form: `json`, `csv` or `yaml`.
    pub(super) format: &'static str,
    /// The rows there are.
    pub(super) original_count: usize,
}

/// What `filter` gives back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct FilterOutput {
    /// The operation: `filter`.
    pub(super) action: &'static str,
    /// The rows that stay.
    pub(super) processed_data: Value,
    /// The rows there were.
    pub(super) original_count: usize,
    /// The rows that stay.
    pub(super) filtered_count: usize,
}

/// What `aggregate` gives back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct AggregateOutput {
    /// The operation: `aggregate`.
    pub(super) action: &'static str,
    /// One row per group, in the order the groups begin.
    pub(super) processed_data: Value,
    /// The rows there were.
    pub(super) original_count: usize,
    /// The groups there are.
    pub(super) group_count: usize,
}

/// What `transform` gives back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct TransformOutput {
    /// The operation: `transform`.
    pub(super) action: &'static str,
    /// The rows, or the object that `transform_spec` describes.
    pub(super) processed_data: Value,
    /// The rows there were.
    pub(super) original_count: usize,
    /// The rows there are now.
    pub(super) processed_count: usize,
}

/// What `profile` gives back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ProfileOutput {
    /// The operation: `profile`.
    pub(super) action: &'static str,
    /// The profile.
    pub(super) processed_data: Profile,
}

/// What is known about a table.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Profile {
    /// How many rows there are.
    pub(super) row_count: usize,
    /// How many columns there are.
    pub(super) column_count: usize,
    /// How many rows are there before.
    pub(super) duplicate_rows: usize,
    /// Column → what is known about it: `unique_count`; `missing_count` and `missing_percentage`;
    /// `data_type` (`numeric`, `boolean`, `datetime`, `string`, `mixed`, `empty`); `min`, `max`,
    /// `mean`, `median`, `std`; `outlier_count` and `outlier_percentage`.
    pub(super) columns: Map<String, Value>,
}

/// What `pivot` gives back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PivotOutput {
    /// The operation: `pivot`.
    pub(super) action: &'static str,
    /// The rows of the pivot table.
    pub(super) processed_data: Value,
    /// The rows there were.
    pub(super) original_count: usize,
    /// The rows of the pivot table.
    pub(super) row_count: usize,
}

/// What `clean` gives back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CleanOutput {
    /// The operation: `clean`.
    pub(super) action: &'static str,
    /// The rows that stay.
    pub(super) processed_data: Value,
    /// The rows there were.
    pub(super) original_count: usize,
    /// The rows that stay.
    pub(super) cleaned_count: usize,
    /// The rows that went because they were there before.
    pub(super) duplicates_removed: usize,
    /// The missing values that were filled in.
    pub(super) missing_filled: usize,
    /// The rows that went because a value was missing.
    pub(super) missing_removed: usize,
    /// The rows that went because of a number far from the others.
    pub(super) outliers_removed: usize,
}

/// What `merge` gives back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct MergeOutput {
    /// The operation: `merge`.
    pub(super) action: &'static str,
    /// The merged rows, or an object of the data sets (`combine`).
    pub(super) processed_data: Value,
    /// The rows of all data sets together.
    pub(super) original_count: usize,
    /// The rows, or data sets, there are now.
    pub(super) merged_count: usize,
}
