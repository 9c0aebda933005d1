//! `clean`: duplicates, missing values and outliers.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    cell::{self, Number},
    output::CleanOutput,
    params::{CleanParams, MissingStrategy},
    statistics,
    table::Table,
    text,
};
use crate::tools::ToolError;

pub(super) fn run(params: &CleanParams, mut table: Table) -> Result<CleanOutput, ToolError> {
    let original_count = table.rows.len();
    if params.remove_duplicates.unwrap_or(true) {
        deduplicate(&mut table, &[], false);
    }
    let unique = table.rows.len();
    let missing_filled = handle_missing(&mut table, params.handle_missing.unwrap_or(MissingStrategy::Drop));
    let whole = table.rows.len();
    if params.remove_outliers.unwrap_or(false) {
        remove_outliers(&mut table);
    }
    let cleaned_count = table.rows.len();
    Ok(CleanOutput {
        action: "clean",
        processed_data: text::write(table, params.output_format)?,
        original_count,
        cleaned_count,
        duplicates_removed: original_count - unique,
        missing_filled,
        missing_removed: unique - whole,
        outliers_removed: whole - cleaned_count,
    })
}

/// Keeps the first (or last) of the rows that are equal in `columns`, or in all.
pub(super) fn deduplicate(table: &mut Table, columns: &[String], keep_last: bool) {
    let columns = if columns.is_empty() { &table.columns } else { columns };
    let mut seen = HashSet::new();
    if keep_last {
        table.rows.reverse();
    }
    table.rows.retain(|row| seen.insert(Table::key(row, columns)));
    if keep_last {
        table.rows.reverse();
    }
}

/// Fills missing values, or drops their rows; gives how many were filled.
pub(super) fn handle_missing(table: &mut Table, strategy: MissingStrategy) -> usize {
    if strategy == MissingStrategy::Drop {
        let columns = &table.columns;
        table.rows.retain(|row| columns.iter().all(|column| !cell::is_missing(row.get(column))));
        return 0;
    }
    let mut filled = 0;
    for column in table.columns.clone() {
        let numbers_only = matches!(strategy, MissingStrategy::Interpolate | MissingStrategy::Mean);
        if numbers_only && !table.is_numeric(&column) {
            continue;
        }
        let known: Vec<(usize, Value)> =
            table.present(&column).map(|(number, cell)| (number - 1, cell.clone())).collect();
        let numbers: Vec<Number> = known.iter().filter_map(|(_, cell)| cell::number(cell)).collect();
        let mean = statistics::mean(&numbers).map(Value::from);
        let mut next = 0;
        for (index, row) in table.rows.iter_mut().enumerate() {
            if known.get(next).is_some_and(|(at, _)| *at == index) {
                next += 1;
                continue;
            }
            let before = next.checked_sub(1).and_then(|last| known.get(last));
            let after = known.get(next);
            let value = match strategy {
                MissingStrategy::ForwardFill => before.map(|(_, cell)| cell.clone()),
                MissingStrategy::BackwardFill => after.map(|(_, cell)| cell.clone()),
                MissingStrategy::Mean => mean.clone(),
                MissingStrategy::Interpolate => between(before, after, index),
                MissingStrategy::Drop => None,
            };
            if let Some(value) = value {
                row.insert(column.clone(), value);
                filled += 1;
            }
        }
    }
    filled
}

/// The number on the line between two cells; nothing at the ends.
fn between(before: Option<&(usize, Value)>, after: Option<&(usize, Value)>, index: usize) -> Option<Value> {
    let ((start, low), (end, high)) = (before?, after?);
    let (low, high) = (cell::number(low)?.real(), cell::number(high)?.real());
    let part = (index - start) as f64 / (end - start) as f64;
    Some(Value::from(low + (high - low) * part))
}

fn remove_outliers(table: &mut Table) {
    let fences: Vec<(String, (f64, f64))> = table
        .columns
        .iter()
        .filter(|column| table.is_numeric(column))
        .filter_map(|column| {
            let numbers: Vec<Number> = table.present(column).filter_map(|(_, cell)| cell::number(cell)).collect();
            Some((column.clone(), statistics::fences(&numbers)?))
        })
        .collect();
    table.rows.retain(|row| {
        fences.iter().all(|(column, (low, high))| {
            let number = row.get(column).and_then(cell::number);
            number.is_none_or(|number| (*low..=*high).contains(&number.real()))
        })
    });
}
