//! `merge`: one of several data sets.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use super::{
    cell, failure, input,
    output::MergeOutput,
    params::{JoinType, MergeParams, MergeStrategy, names},
    table::{Row, Table},
    text::{self, Content, Format},
};
use crate::tools::{ToolCx, ToolError};

pub(super) fn run(params: MergeParams, cx: &ToolCx) -> Result<MergeOutput, ToolError> {
    let Some(given) = params.datasets else {
        return Err(ToolError::new("ParameterError", "`data-processing.merge` needs the parameter `datasets`"));
    };
    let mut sets: Vec<(String, Content)> = Vec::new();
    for (index, set) in given.into_iter().enumerate() {
        let (name, content) = read(set, index + 1, params.format, cx)?;
        if sets.iter().any(|(known, _)| *known == name) {
            return Err(failure(format!("two data sets are called `{name}`; give each its own name")));
        }
        sets.push((name, content));
    }
    let original_count = sets.iter().map(|(_, content)| count(content)).sum();
    let strategy = params.merge_strategy.unwrap_or(MergeStrategy::Combine);
    if strategy == MergeStrategy::Combine {
        let merged_count = sets.len();
        let value = |content| match content {
            Content::Rows(table) => Table::value(table),
            Content::Value(value) => value,
        };
        let combined: Map<String, Value> = sets.into_iter().map(|(name, content)| (name, value(content))).collect();
        let processed_data = text::write_value(Value::Object(combined), params.output_format)?;
        return Ok(MergeOutput { action: "merge", processed_data, original_count, merged_count });
    }
    let mut tables = sets.into_iter().map(|(name, content)| match content {
        Content::Rows(table) => Ok((name, table)),
        Content::Value(value) => Table::read(value).map(|table| (name, table)),
    });
    let (_, mut merged) = tables.next().transpose()?.unwrap_or_default();
    for next in tables {
        let (name, right) = next?;
        merged = match strategy {
            MergeStrategy::Join => {
                let kind = params.join_type.unwrap_or(JoinType::Inner);
                join(merged, &right, &name, names(params.join_on.as_ref()), kind)?
            }
            _ => concat(merged, right),
        };
    }
    let merged_count = merged.rows.len();
    let processed_data = text::write(complete(merged), params.output_format)?;
    Ok(MergeOutput { action: "merge", processed_data, original_count, merged_count })
}

/// A data set and its name.
fn read(set: Value, number: usize, format: Option<Format>, cx: &ToolCx) -> Result<(String, Content), ToolError> {
    let unnamed = format!("dataset_{number}");
    let (name, data) = match set {
        Value::Object(mut object) if object.contains_key("data") => {
            let name = object.get("name").and_then(Value::as_str).map_or(unnamed, str::to_owned);
            (name, object.shift_remove("data"))
        }
        data => (unnamed, Some(data)),
    };
    let content = input::content("merge", data, format, cx).map_err(|ToolError(mut failure)| {
        failure.message = format!("the data set `{name}`: {}", failure.message);
        ToolError(failure)
    })?;
    Ok((name, content))
}

fn count(content: &Content) -> usize {
    match content {
        Content::Rows(table) => table.rows.len(),
        Content::Value(value) => value.as_array().map_or(1, Vec::len),
    }
}

fn concat(mut above: Table, below: Table) -> Table {
    below.columns.iter().for_each(|column| above.add_column(column));
    above.rows.extend(below.rows);
    above
}

/// Every row with every column, null where it had none.
fn complete(mut table: Table) -> Table {
    for row in &mut table.rows {
        let cells = table.columns.iter().map(|column| (column.clone(), row.get(column).cloned().unwrap_or_default()));
        *row = cells.collect();
    }
    table
}

/// Rows with the same key side by side. A column that both have and that is no key gets the name of
/// the right data set behind its own.
fn join(left: Table, right: &Table, name: &str, on: &[String], kind: JoinType) -> Result<Table, ToolError> {
    if on.is_empty() {
        return Err(ToolError::new("ParameterError", "a `join` needs the parameter `join_on`"));
    }
    left.require_all(on)?;
    right.require_all(on)?;
    let mut renamed: Vec<(&String, String)> = Vec::new();
    for column in right.columns.iter().filter(|column| !on.contains(column)) {
        let new = if left.columns.contains(column) { format!("{column}_{name}") } else { column.clone() };
        if new != *column && (left.columns.contains(&new) || right.columns.contains(&new)) {
            return Err(failure(format!(
                "both data sets have columns `{column}` and `{new}`; rename one of them first"
            )));
        }
        renamed.push((column, new));
    }
    let mut partners: HashMap<Vec<String>, Vec<usize>> = HashMap::new();
    for (index, row) in right.rows.iter().enumerate() {
        if let Some(key) = key(row, on) {
            partners.entry(key).or_default().push(index);
        }
    }
    let beside = |row: &mut Row, right: &Row| {
        for (column, new) in &renamed {
            row.insert(new.clone(), right.get(*column).cloned().unwrap_or_default());
        }
    };
    let mut met: HashSet<usize> = HashSet::new();
    // (index of the right row, row): a right join has the order of the right side.
    let mut rows: Vec<(usize, Row)> = Vec::new();
    for row in &left.rows {
        let found = key(row, on).and_then(|key| partners.get(&key));
        for index in found.into_iter().flatten() {
            met.insert(*index);
            let mut joined = row.clone();
            beside(&mut joined, &right.rows[*index]);
            rows.push((*index, joined));
        }
        if found.is_none() && matches!(kind, JoinType::Left | JoinType::Outer) {
            rows.push((usize::MAX, row.clone()));
        }
    }
    if matches!(kind, JoinType::Right | JoinType::Outer) {
        for (index, row) in right.rows.iter().enumerate().filter(|(index, _)| !met.contains(index)) {
            let mut alone: Row =
                on.iter().filter_map(|column| Some((column.clone(), row.get(column)?.clone()))).collect();
            beside(&mut alone, row);
            rows.push((index, alone));
        }
    }
    if kind == JoinType::Right {
        rows.sort_by_key(|(index, _)| *index);
    }
    let mut columns = left.columns;
    columns.extend(renamed.into_iter().map(|(_, new)| new));
    Ok(Table { columns, rows: rows.into_iter().map(|(_, row)| row).collect() })
}

/// What rows are joined by. Text and number of the same spelling meet, as CSV has text only; missing
/// values meet nothing.
fn key(row: &Row, on: &[String]) -> Option<Vec<String>> {
    let part = |column: &String| match row.get(column) {
        cell if cell::is_missing(cell) => None,
        Some(Value::String(text)) => Some(text.clone()),
        cell => Some(cell::key(cell)),
    };
    on.iter().map(part).collect()
}
