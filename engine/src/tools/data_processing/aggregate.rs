//! `aggregate`: one row per group.

use indexmap::IndexMap;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    failure,
    function::Function,
    output::AggregateOutput,
    params::{AggregateParams, Columns, names},
    table::{Row, Table, kind},
    text,
};
use crate::tools::{ToolError, params};

/// A new column: the function of a column, or the number of rows.
#[derive(Debug)]
struct Aggregation {
    name: String,
    function: Function,
    column: Option<String>,
}

/// What is put together, as an object.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AggregateSpec {
    #[serde(default)]
    pub(super) group_by: Option<Columns>,
    #[serde(default)]
    pub(super) aggregations: Option<Map<String, Value>>,
    /// One function, of `field`.
    #[serde(default, alias = "operation")]
    function: Option<String>,
    #[serde(default, alias = "column")]
    field: Option<String>,
}

pub(super) fn run(params: AggregateParams, table: Table) -> Result<AggregateOutput, ToolError> {
    let mut spec: AggregateSpec = match params.operation {
        Some(operation) => params::read("data-processing.aggregate: operation", operation)?,
        None => AggregateSpec::default(),
    };
    spec.group_by = params.group_by.or(spec.group_by);
    spec.aggregations = params.aggregations.or(spec.aggregations);
    let original_count = table.rows.len();
    let groups = aggregate(&table, &spec)?;
    let group_count = groups.rows.len();
    let processed_data = text::write(groups, params.output_format)?;
    Ok(AggregateOutput { action: "aggregate", processed_data, original_count, group_count })
}

/// The table of the groups, in the order in which they begin.
pub(super) fn aggregate(table: &Table, spec: &AggregateSpec) -> Result<Table, ToolError> {
    let group_by = names(spec.group_by.as_ref());
    table.require_all(group_by)?;
    let aggregations = read(table, spec)?;
    if let Some(taken) = aggregations.iter().find(|aggregation| group_by.contains(&aggregation.name)) {
        return Err(failure(format!("`{}` is grouped by; give the aggregation another name", taken.name)));
    }
    let mut groups: IndexMap<Vec<String>, Vec<usize>> = IndexMap::new();
    if group_by.is_empty() {
        groups.insert(Vec::new(), Vec::new());
    }
    for (index, row) in table.rows.iter().enumerate() {
        groups.entry(Table::key(row, group_by)).or_default().push(index);
    }
    let columns = group_by.iter().chain(aggregations.iter().map(|aggregation| &aggregation.name));
    let mut result = Table { columns: columns.cloned().collect(), rows: Vec::new() };
    for members in groups.values() {
        let mut row: Row = Map::new();
        for column in group_by {
            let value = members.first().and_then(|index| table.rows[*index].get(column)).cloned();
            row.insert(column.clone(), value.unwrap_or_default());
        }
        for aggregation in &aggregations {
            row.insert(aggregation.name.clone(), value(table, members, aggregation)?);
        }
        result.rows.push(row);
    }
    Ok(result)
}

fn value(table: &Table, members: &[usize], aggregation: &Aggregation) -> Result<Value, ToolError> {
    let Some(column) = &aggregation.column else { return Ok(Value::from(members.len())) };
    let cells = members.iter().filter_map(|index| {
        let cell = table.rows[*index].get(column).filter(|cell| !super::cell::is_missing(Some(cell)))?;
        Some((index + 1, cell))
    });
    aggregation.function.of(column, &cells.collect::<Vec<_>>())
}

fn read(table: &Table, spec: &AggregateSpec) -> Result<Vec<Aggregation>, ToolError> {
    let mut aggregations = Vec::new();
    for (name, value) in spec.aggregations.iter().flatten() {
        match value {
            Value::String(function) => aggregations.push(one(table, name.clone(), function, Some(name.clone()))?),
            Value::Array(functions) => {
                for function in functions {
                    let Value::String(function) = function else { return Err(unfit(name, function)) };
                    let column = Some(name.clone());
                    aggregations.push(one(table, format!("{name}_{function}"), function, column)?);
                }
            }
            Value::Object(object) => aggregations.push(described(table, name, object)?),
            other => return Err(unfit(name, other)),
        }
    }
    if let Some(function) = &spec.function {
        let name = spec.field.as_ref().map_or_else(|| function.clone(), |field| format!("{field}_{function}"));
        aggregations.push(one(table, name, function, spec.field.clone())?);
    }
    if aggregations.is_empty() {
        let message =
            "`data-processing.aggregate` needs `aggregations`, e.g. `{total: {function: sum, column: amount}}`";
        return Err(ToolError::new("ParameterError", message));
    }
    Ok(aggregations)
}

fn described(table: &Table, name: &str, object: &Map<String, Value>) -> Result<Aggregation, ToolError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Described {
        #[serde(alias = "operation")]
        function: String,
        #[serde(default, alias = "field")]
        column: Option<String>,
    }
    let what = format!("the aggregation {name}");
    let Described { function, column } = params::read(&what, object.clone())?;
    let column = column.or_else(|| table.columns.iter().find(|column| *column == name).cloned());
    one(table, name.to_owned(), &function, column)
}

fn one(table: &Table, name: String, function: &str, column: Option<String>) -> Result<Aggregation, ToolError> {
    let function = Function::named(function)?;
    match &column {
        Some(column) => table.require(column)?,
        None if function == Function::Count => {}
        None => {
            let message = format!("the aggregation `{name}` needs the `column` that `{}` is taken of", function.name());
            return Err(ToolError::new("ParameterError", message));
        }
    }
    Ok(Aggregation { name, function, column })
}

fn unfit(name: &str, value: &Value) -> ToolError {
    let message = format!(
        "the aggregation `{name}` is {}; it is the name of a function, or `{{function: …, column: …}}`",
        kind(value)
    );
    ToolError::new("ParameterError", message)
}
