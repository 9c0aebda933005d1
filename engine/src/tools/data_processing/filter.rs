//! `filter`: the rows that meet criteria.

use std::cmp::Ordering;

use serde_json::Value;

use super::{
    cell, failure,
    formula::Formulas,
    output::FilterOutput,
    params::{FilterOperation, FilterParams},
    table::{Row, Table, unknown},
    text,
};
use crate::tools::{ToolCx, ToolError};

/// A comparison of a cell with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    In,
    NotIn,
    Contains,
    StartsWith,
    EndsWith,
}

const COMPARISONS: [(&str, Comparison); 20] = [
    ("==", Comparison::Equal),
    ("!=", Comparison::Unequal),
    ("<", Comparison::Less),
    ("<=", Comparison::LessOrEqual),
    (">", Comparison::Greater),
    (">=", Comparison::GreaterOrEqual),
    ("in", Comparison::In),
    ("not in", Comparison::NotIn),
    ("contains", Comparison::Contains),
    ("starts_with", Comparison::StartsWith),
    ("ends_with", Comparison::EndsWith),
    ("=", Comparison::Equal),
    ("eq", Comparison::Equal),
    ("ne", Comparison::Unequal),
    ("lt", Comparison::Less),
    ("lte", Comparison::LessOrEqual),
    ("le", Comparison::LessOrEqual),
    ("gt", Comparison::Greater),
    ("gte", Comparison::GreaterOrEqual),
    ("ge", Comparison::GreaterOrEqual),
];

pub(super) fn run(params: FilterParams, mut table: Table, cx: &ToolCx) -> Result<FilterOutput, ToolError> {
    let original_count = table.rows.len();
    let operation = params.operation.unwrap_or_default();
    if operation.criteria.is_none() && operation.condition.is_none() && operation.field.is_none() {
        let message = "`data-processing.filter` needs `operation`, e.g. `{criteria: {status: active}}`";
        return Err(ToolError::new("ParameterError", message));
    }
    filter(&mut table, &operation, cx)?;
    let filtered_count = table.rows.len();
    let processed_data = text::write(table, params.output_format)?;
    Ok(FilterOutput { action: "filter", processed_data, original_count, filtered_count })
}

/// Keeps the rows of `table` that meet all that `operation` says.
pub(super) fn filter(table: &mut Table, operation: &FilterOperation, cx: &ToolCx) -> Result<(), ToolError> {
    let tests = tests(table, operation)?;
    let mut kept = Vec::with_capacity(table.rows.len());
    for (index, row) in table.rows.iter().enumerate() {
        let mut holds = true;
        for (column, comparison, wanted) in &tests {
            holds = holds && meets(row, index + 1, column, *comparison, wanted)?;
        }
        kept.push(holds);
    }
    if let Some(condition) = &operation.condition {
        let formulas = Formulas::new(&table.columns, cx);
        for (index, (row, kept)) in table.rows.iter().zip(&mut kept).enumerate() {
            *kept = *kept && formulas.holds(condition, row, index + 1)?;
        }
    }
    let mut kept = kept.into_iter();
    table.rows.retain(|_| kept.next().unwrap_or(false));
    Ok(())
}

/// `(column, comparison, value)` for all that is given.
fn tests(table: &Table, operation: &FilterOperation) -> Result<Vec<(String, Comparison, Value)>, ToolError> {
    let mut tests = Vec::new();
    for (column, wanted) in operation.criteria.iter().flatten() {
        table.require(column)?;
        match wanted {
            Value::Object(comparisons) => {
                for (sign, value) in comparisons {
                    tests.push((column.clone(), comparison(sign)?, value.clone()));
                }
            }
            Value::Array(_) => tests.push((column.clone(), Comparison::In, wanted.clone())),
            value => tests.push((column.clone(), Comparison::Equal, value.clone())),
        }
    }
    if let Some(column) = &operation.field {
        table.require(column)?;
        let sign = operation.operator.as_deref().unwrap_or("==");
        let value = operation.value.clone().unwrap_or_default();
        let plain = operation.operator.is_none() && value.is_array();
        tests.push((column.clone(), if plain { Comparison::In } else { comparison(sign)? }, value));
    }
    Ok(tests)
}

fn comparison(sign: &str) -> Result<Comparison, ToolError> {
    let name = sign.trim().to_ascii_lowercase().replace("not_in", "not in");
    let found = COMPARISONS.iter().find(|(known, _)| *known == name);
    found
        .map(|(_, comparison)| *comparison)
        .ok_or_else(|| failure(unknown("comparison", sign, COMPARISONS[..11].iter().map(|(known, _)| *known))))
}

fn meets(row: &Row, number: usize, column: &str, comparison: Comparison, wanted: &Value) -> Result<bool, ToolError> {
    let cell = row.get(column).unwrap_or(&Value::Null);
    let ordered = |holds: fn(Ordering) -> bool| {
        if cell::is_missing(Some(cell)) {
            return Ok(false);
        }
        // Text is no number just because it is compared with one.
        let order = cell::compare(cell, wanted);
        order.map(holds).ok_or_else(|| {
            failure(format!(
                "row {number} has `{}` in the column `{column}`, which cannot be compared with `{}`; \
                 filter such rows out or correct them",
                cell::shown(cell),
                cell::shown(wanted)
            ))
        })
    };
    Ok(match comparison {
        Comparison::Equal => cell::same(cell, wanted),
        Comparison::Unequal => !cell::same(cell, wanted),
        Comparison::Less => ordered(Ordering::is_lt)?,
        Comparison::LessOrEqual => ordered(Ordering::is_le)?,
        Comparison::Greater => ordered(Ordering::is_gt)?,
        Comparison::GreaterOrEqual => ordered(Ordering::is_ge)?,
        Comparison::In => is_in(cell, wanted)?,
        Comparison::NotIn => !is_in(cell, wanted)?,
        Comparison::Contains => match cell {
            Value::Array(items) => items.iter().any(|item| cell::same(item, wanted)),
            cell => plain(cell).contains(&plain(wanted)),
        },
        Comparison::StartsWith => plain(cell).starts_with(&plain(wanted)),
        Comparison::EndsWith => plain(cell).ends_with(&plain(wanted)),
    })
}

fn is_in(cell: &Value, wanted: &Value) -> Result<bool, ToolError> {
    match wanted {
        Value::Array(values) => Ok(values.iter().any(|value| cell::same(cell, value))),
        other => Err(failure(format!("`in` needs a list of values, not `{}`", cell::shown(other)))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
