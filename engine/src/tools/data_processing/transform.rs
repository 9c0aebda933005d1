//! `transform`: rows changed step by step.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    NAME,
    aggregate::{self, AggregateSpec},
    clean, failure, filter,
    formula::Formulas,
    input,
    output::TransformOutput,
    params::{Columns, FilterOperation, MissingStrategy, TransformParams, names},
    table::{Row, Table, kind, unknown},
    text,
};
use crate::{
    expression::Expressions,
    tools::{ToolCx, ToolError, params},
};

mod columns;

/// The kinds of change.
const TYPES: [&str; 9] = [
    "filter",
    "rename_fields",
    "add_field",
    "calculate",
    "cast",
    "fill_missing",
    "deduplicate",
    "normalize",
    "aggregate",
];

pub(super) fn run(mut params: TransformParams, cx: &ToolCx) -> Result<TransformOutput, ToolError> {
    if let Some(spec) = params.transform_spec.take() {
        return calculate_object(params, &spec, cx);
    }
    let mut table = input::table("transform", params.data.take(), params.format, cx)?;
    let original_count = table.rows.len();
    for (index, change) in changes(&mut params)?.into_iter().enumerate() {
        apply(&mut table, change, index + 1, cx)?;
    }
    let processed_count = table.rows.len();
    let processed_data = text::write(table, params.output_format)?;
    Ok(TransformOutput { action: "transform", processed_data, original_count, processed_count })
}

/// The changes in order, wherever they are given.
fn changes(params: &mut TransformParams) -> Result<Vec<Map<String, Value>>, ToolError> {
    let mut changes = params.operations.take().unwrap_or_default();
    if let Some(mut operation) = params.operation.take() {
        let listed = operation.shift_remove("transformations").or_else(|| operation.shift_remove("operations"));
        match listed {
            Some(Value::Array(items)) => {
                for item in items {
                    let Value::Object(change) = item else {
                        let message = format!("a transformation is {}; it is an object with a `type`", kind(&item));
                        return Err(ToolError::new("ParameterError", message));
                    };
                    changes.push(change);
                }
            }
            Some(other) => {
                let message = format!("`operation.transformations` is {}; it is a list", kind(&other));
                return Err(ToolError::new("ParameterError", message));
            }
            None => changes.push(operation),
        }
    }
    if changes.is_empty() {
        let message = "`data-processing.transform` needs `operations`, e.g. `[{type: cast, columns: {amount: float}}]`";
        return Err(ToolError::new("ParameterError", message));
    }
    Ok(changes)
}

fn apply(table: &mut Table, mut change: Map<String, Value>, number: usize, cx: &ToolCx) -> Result<(), ToolError> {
    let Some(Value::String(name)) = change.shift_remove("type") else {
        let message =
            format!("operation {number} of `{NAME}.transform` has no `type`; it is one of `{}`", TYPES.join("`, `"));
        return Err(ToolError::new("ParameterError", message));
    };
    let what = format!("operation {number}, {name}");
    match name.as_str() {
        "filter" => filter::filter(table, &params::read::<FilterOperation>(&what, change)?, cx),
        "aggregate" => {
            *table = aggregate::aggregate(table, &params::read::<AggregateSpec>(&what, change)?)?;
            Ok(())
        }
        "rename_fields" => columns::rename(table, &params::read::<Rename>(&what, change)?.mapping),
        "add_field" => {
            let AddField { field, value } = params::read(&what, change)?;
            table.add_column(&field);
            table.rows.iter_mut().for_each(|row| _ = row.insert(field.clone(), value.clone()));
            Ok(())
        }
        "calculate" => calculate(table, &params::read::<Calculate>(&what, change)?.expressions, cx),
        "cast" => columns::cast(table, &params::read::<Cast>(&what, change)?.columns),
        "fill_missing" => fill_missing(table, &params::read::<FillMissing>(&what, change)?.strategy),
        "deduplicate" => {
            let Deduplicate { columns, keep } = params::read(&what, change)?;
            let columns = names(columns.as_ref());
            table.require_all(columns)?;
            clean::deduplicate(table, columns, keep == Keep::Last);
            Ok(())
        }
        "normalize" => {
            let Normalize { columns, method } = params::read(&what, change)?;
            columns::normalize(table, names(columns.as_ref()), method)
        }
        other => Err(failure(unknown("transformation", other, TYPES.into_iter()))),
    }
}

/// Columns of expressions; each sees those before it.
fn calculate(table: &mut Table, expressions: &Map<String, Value>, cx: &ToolCx) -> Result<(), ToolError> {
    for (column, expression) in expressions {
        let formulas = Formulas::new(&table.columns, cx);
        let values = table.rows.iter().enumerate().map(|(index, row)| match expression {
            Value::String(expression) => formulas.evaluate(expression, row, index + 1),
            constant => Ok(constant.clone()),
        });
        let values: Vec<Value> = values.collect::<Result<_, _>>()?;
        for (row, value) in table.rows.iter_mut().zip(values) {
            row.insert(column.clone(), value);
        }
        table.add_column(column);
    }
    Ok(())
}

fn fill_missing(table: &mut Table, strategy: &Value) -> Result<(), ToolError> {
    match strategy {
        Value::Object(values) => {
            for (column, value) in values {
                table.require(column)?;
                for row in table.rows.iter_mut().filter(|row| super::cell::is_missing(row.get(column))) {
                    row.insert(column.clone(), value.clone());
                }
            }
        }
        strategy => {
            let strategy: MissingStrategy = serde_json::from_value(strategy.clone()).map_err(|error| {
                failure(format!("the `strategy` of `fill_missing` is column → value, or one word for all: {error}"))
            })?;
            clean::handle_missing(table, strategy);
        }
    }
    Ok(())
}

/// An object of expressions over the whole data.
fn calculate_object(
    params: TransformParams,
    spec: &Map<String, Value>,
    cx: &ToolCx,
) -> Result<TransformOutput, ToolError> {
    let given = params.data.clone().unwrap_or_default();
    let parsed = match input::content("transform", params.data, params.format, cx)? {
        text::Content::Rows(table) => table.value(),
        text::Content::Value(value) => value,
    };
    let original_count = parsed.as_array().map_or(1, Vec::len);
    let names = Row::from_iter([("data".to_owned(), given), ("parsed_data".to_owned(), parsed)]);
    let expressions = Expressions::new();
    let mut object = Map::new();
    for (name, expression) in spec {
        let value = match expression {
            Value::String(expression) => expressions
                .evaluate(expression, &names)
                .map_err(|reason| failure(format!("`{expression}` (`{name}`) has no value: {reason}")))?,
            constant => constant.clone(),
        };
        object.insert(name.clone(), value);
    }
    let processed_data = text::write_value(Value::Object(object), params.output_format)?;
    Ok(TransformOutput { action: "transform", processed_data, original_count, processed_count: 1 })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rename {
    mapping: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddField {
    field: String,
    value: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calculate {
    expressions: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cast {
    columns: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FillMissing {
    strategy: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deduplicate {
    #[serde(default)]
    columns: Option<Columns>,
    #[serde(default)]
    keep: Keep,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Keep {
    #[default]
    First,
    Last,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Normalize {
    #[serde(default)]
    columns: Option<Columns>,
    #[serde(default)]
    method: Scale,
}

/// How numbers are brought to one scale.
#[derive(Debug, Default, Clone, Copy, Deserialize, PartialEq)]
enum Scale {
    /// From 0 to 1.
    #[default]
    #[serde(rename = "min-max", alias = "min_max")]
    MinMax,
    /// In standard deviations from the mean.
    #[serde(rename = "z-score", alias = "z_score", alias = "zscore")]
    ZScore,
}
