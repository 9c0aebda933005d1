//! How good rows are.

use indexmap::{IndexMap, IndexSet};
use jsonschema::Validator;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::infer::type_of;

/// What `quality_check` gives back.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Rating {
    /// The mean of the rated qualities, between 0 and 1.
    score: f64,
    /// The share of cells that hold something.
    completeness: f64,
    /// The share of cells that are of their column's most frequent type.
    consistency: f64,
    /// The share of rows that fit the schema; null without a schema.
    accuracy: Option<f64>,
    /// The score that is good enough.
    threshold: f64,
    /// Whether the score reaches the threshold.
    passed: bool,
    /// The number of rows.
    rows: usize,
    /// What lowers the score.
    issues: Vec<String>,
}

/// Rates `rows`. No rows have no faults.
pub(super) fn rate(rows: &[Value], validator: Option<&Validator>, threshold: f64) -> Rating {
    let columns: IndexSet<&str> =
        rows.iter().filter_map(Value::as_object).flat_map(|row| row.keys().map(String::as_str)).collect();
    let mut issues = Vec::new();
    let (mut filled, mut usual) = (0, 0);
    for column in &columns {
        let mut types: IndexMap<&'static str, usize> = IndexMap::new();
        for value in rows.iter().filter_map(|row| row.get(column)).filter(|value| !is_empty(value)) {
            // Whole numbers among others are no inconsistency.
            let name = if value.is_number() { "number" } else { type_of(value) };
            *types.entry(name).or_default() += 1;
        }
        let present: usize = types.values().sum();
        let most = types.values().copied().max().unwrap_or(0);
        filled += present;
        usual += most;
        if present < rows.len() {
            issues.push(format!("`{column}` is empty in {} of {} rows", rows.len() - present, rows.len()));
        }
        if types.len() > 1 {
            let names: Vec<&str> = types.keys().copied().collect();
            issues.push(format!("`{column}` holds values of the types {}", names.join(", ")));
        }
    }
    let accuracy = validator.map(|validator| {
        let fitting = rows.iter().filter(|row| validator.is_valid(row)).count();
        if fitting < rows.len() {
            issues.push(format!("{} of {} rows do not fit the schema", rows.len() - fitting, rows.len()));
        }
        share(fitting, rows.len())
    });
    let completeness = share(filled, rows.len() * columns.len());
    let consistency = share(usual, filled);
    let rated: Vec<f64> = [completeness, consistency].into_iter().chain(accuracy).collect();
    let score = rated.iter().sum::<f64>() / rated.len() as f64;
    Rating {
        score,
        completeness,
        consistency,
        accuracy,
        threshold,
        passed: score >= threshold,
        rows: rows.len(),
        issues,
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}
