//! `pivot`: values of columns become columns.

use indexmap::{IndexMap, IndexSet};
use serde_json::{Map, Value};

use super::{
    cell, failure,
    function::Function,
    output::PivotOutput,
    params::{PivotParams, names},
    table::{Row, Table},
    text,
};
use crate::tools::ToolError;

pub(super) fn run(params: PivotParams, table: Table) -> Result<PivotOutput, ToolError> {
    let original_count = table.rows.len();
    let pivoted = pivot(&params, &table)?;
    let row_count = pivoted.rows.len();
    let processed_data = text::write(pivoted, params.output_format)?;
    Ok(PivotOutput { action: "pivot", processed_data, original_count, row_count })
}

fn pivot(params: &PivotParams, table: &Table) -> Result<Table, ToolError> {
    let (index, spread) = (names(params.index.as_ref()), names(params.columns.as_ref()));
    let values = names(params.values.as_ref());
    for (name, given) in [("index", index), ("columns", spread), ("values", values)] {
        if given.is_empty() {
            let message = format!("`data-processing.pivot` needs the parameter `{name}`");
            return Err(ToolError::new("ParameterError", message));
        }
        table.require_all(given)?;
    }
    let function = Function::named(params.aggfunc.as_deref().unwrap_or("sum"))?;
    let fill = params.fill_value.clone().unwrap_or(Value::from(0));

    // Index key → (its first row, new column → the cells that meet there).
    let mut groups: IndexMap<Vec<String>, (usize, Meeting<'_>)> = IndexMap::new();
    let mut new_columns: IndexSet<String> = IndexSet::new();
    for (number, row) in table.rows.iter().enumerate() {
        let (_, meeting) = groups.entry(Table::key(row, index)).or_insert_with(|| (number, IndexMap::new()));
        let parts: Vec<String> =
            spread.iter().map(|column| cell::shown(row.get(column).unwrap_or(&Value::Null))).collect();
        for value in values {
            let name = if values.len() > 1 { format!("{value}_{}", parts.join("_")) } else { parts.join("_") };
            if index.contains(&name) {
                return Err(failure(format!("the new column `{name}` is called like a column of `index`")));
            }
            let (_, cells) = meeting.entry(name.clone()).or_insert_with(|| (value, Vec::new()));
            new_columns.insert(name);
            cells.extend(row.get(value).filter(|cell| !cell::is_missing(Some(cell))).map(|cell| (number + 1, cell)));
        }
    }
    let mut pivoted = Table { columns: index.iter().chain(&new_columns).cloned().collect(), rows: Vec::new() };
    for (first, meeting) in groups.values() {
        let mut row: Row = Map::new();
        for column in index {
            row.insert(column.clone(), table.rows[*first].get(column).cloned().unwrap_or_default());
        }
        for name in &new_columns {
            let value = match meeting.get(name) {
                Some((column, cells)) if !cells.is_empty() => function.of(column, cells)?,
                _ => fill.clone(),
            };
            row.insert(name.clone(), value);
        }
        pivoted.rows.push(row);
    }
    Ok(pivoted)
}

/// New column → the column its cells come from, and the cells with their rows' numbers.
type Meeting<'t> = IndexMap<String, (&'t str, Vec<(usize, &'t Value)>)>;
