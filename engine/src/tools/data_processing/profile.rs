//! `profile`: what is in the columns.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    cell::{self, Number},
    clean,
    output::{Profile, ProfileOutput},
    params::{ProfileOption, ProfileParams},
    statistics,
    table::Table,
};
use crate::expression::read_date;

pub(super) fn run(params: &ProfileParams, table: Table) -> ProfileOutput {
    let wanted = |option| params.profiling_options.as_ref().is_none_or(|options| options.contains(&option));
    let columns = table.columns.iter().map(|column| (column.clone(), Value::Object(describe(&table, column, wanted))));
    let (row_count, column_count, columns) = (table.rows.len(), table.columns.len(), columns.collect());
    let mut unique = table;
    clean::deduplicate(&mut unique, &[], false);
    let duplicate_rows = row_count - unique.rows.len();
    ProfileOutput { action: "profile", processed_data: Profile { row_count, column_count, duplicate_rows, columns } }
}

fn describe(table: &Table, column: &str, wanted: impl Fn(ProfileOption) -> bool) -> Map<String, Value> {
    let cells: Vec<&Value> = table.present(column).map(|(_, cell)| cell).collect();
    let rows = table.rows.len();
    let mut described = Map::new();
    let mut say = |name: &str, value: Value| described.insert(name.to_owned(), value);
    let data_type = data_type(&cells);
    if wanted(ProfileOption::DataTypes) {
        say("data_type", Value::from(data_type));
    }
    if wanted(ProfileOption::MissingValues) {
        let missing = rows - cells.len();
        say("missing_count", Value::from(missing));
        say("missing_percentage", percentage(missing, rows));
    }
    let distinct: BTreeSet<String> = cells.iter().map(|cell| cell::key(Some(cell))).collect();
    say("unique_count", Value::from(distinct.len()));
    let numbers: Vec<Number> = match data_type {
        "numeric" => cells.iter().filter_map(|cell| cell::number(cell)).collect(),
        _ => Vec::new(),
    };
    if wanted(ProfileOption::StatisticalSummary) {
        if let Some((low, high)) = statistics::extremes(&numbers) {
            say("min", low.value());
            say("max", high.value());
        } else if data_type == "datetime" {
            let by_date = |cell: &&&Value| cell.as_str().and_then(read_date);
            say("min", cells.iter().min_by_key(by_date).map_or(Value::Null, |cell| (*cell).clone()));
            say("max", cells.iter().max_by_key(by_date).map_or(Value::Null, |cell| (*cell).clone()));
        }
        let figures = [
            ("mean", statistics::mean(&numbers).map(Number::Real)),
            ("median", statistics::median(&numbers)),
            ("std", statistics::deviation(&numbers).map(Number::Real)),
        ];
        for (name, figure) in figures {
            if let Some(figure) = figure {
                say(name, figure.value());
            }
        }
    }
    if wanted(ProfileOption::OutlierDetection) && data_type == "numeric" {
        let outliers = statistics::fences(&numbers)
            .map_or(0, |(low, high)| numbers.iter().filter(|number| !(low..=high).contains(&number.real())).count());
        say("outlier_count", Value::from(outliers));
        say("outlier_percentage", percentage(outliers, rows));
    }
    described
}

/// What all present cells are.
fn data_type(cells: &[&Value]) -> &'static str {
    let all = |holds: fn(&Value) -> bool| cells.iter().all(|cell| holds(cell));
    if cells.is_empty() {
        "empty"
    } else if all(|cell| cell::number(cell).is_some()) {
        "numeric"
    } else if all(|cell| match cell {
        Value::String(text) => matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "false"),
        other => other.is_boolean(),
    }) {
        "boolean"
    } else if all(|cell| cell.as_str().and_then(read_date).is_some()) {
        "datetime"
    } else if all(Value::is_string) {
        "string"
    } else {
        "mixed"
    }
}

/// A part of `whole` in percent, to two places.
fn percentage(part: usize, whole: usize) -> Value {
    if whole == 0 {
        return Value::from(0.0);
    }
    Value::from((part as f64 * 10_000.0 / whole as f64).round() / 100.0)
}
