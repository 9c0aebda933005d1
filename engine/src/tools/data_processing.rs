//! `data-processing`: converts, filters, aggregates, transforms, profiles, pivots, cleans and
//! merges rows. It never puts an error's text into data: what cannot be done is a failure.

use lang::registry::{Effect, ToolSpec};
use serde_json::{Map, Value};

use super::{Outcome, Tool, ToolCx, ToolError, ToolFuture, blocking, params as given};
use crate::catalog::ToolBuilder;

mod params;

mod output;

mod input;

mod table;

mod cell;

mod text;

mod convert;

mod filter;

mod formula;

mod aggregate;

mod transform;

mod profile;

mod pivot;

mod clean;

mod merge;

mod function;

mod statistics;

#[cfg(test)]
mod tests;

const NAME: &str = "data-processing";

const DOC: &str = "
Works on rows: converts, filters, aggregates, transforms, profiles, pivots, cleans and merges them.

Data are a list of objects, JSON, CSV or YAML text, or the path of a file. Cells of CSV stay text; where a number is \
needed, they are read as one, and what is none is an error. Null and empty text count as missing.
";

const EXAMPLE: &str = r#"
- id: totals
  tool: data-processing
  action: aggregate
  parameters:
    data: "{{ read_sales.result.content }}"
    format: csv
    group_by: [region]
    aggregations:
      total: {function: sum, column: amount}
"#;

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct DataProcessing;

impl Tool for DataProcessing {
    fn spec(&self) -> ToolSpec {
        let builder = ToolBuilder::new(NAME, DOC)
            .operation::<params::ConvertParams, output::ConvertOutput>(
                "convert",
                "Turns data into another format: `json` (values), `csv` or `yaml` (text).",
                Effect::Pure,
            )
            .primary("processed_data")
            .alias("data", "processed_data")
            .operation::<params::FilterParams, output::FilterOutput>(
                "filter",
                "Keeps the rows that meet criteria.",
                Effect::Pure,
            )
            .primary("processed_data")
            .alias("data", "processed_data")
            .operation::<params::AggregateParams, output::AggregateOutput>(
                "aggregate",
                "Sums, counts and averages, by group.",
                Effect::Pure,
            )
            .primary("processed_data")
            .alias("data", "processed_data")
            .operation::<params::TransformParams, output::TransformOutput>(
                "transform",
                "Changes rows step by step: filter, rename, calculate, cast, fill, deduplicate and more.",
                Effect::Pure,
            )
            .primary("processed_data")
            .alias("data", "processed_data")
            .operation::<params::ProfileParams, output::ProfileOutput>(
                "profile",
                "Describes the columns: types, missing values, statistics, outliers, duplicates.",
                Effect::Pure,
            )
            .primary("processed_data")
            .alias("data", "processed_data")
            .operation::<params::PivotParams, output::PivotOutput>(
                "pivot",
                "Makes values of columns into columns.",
                Effect::Pure,
            )
            .primary("processed_data")
            .alias("data", "processed_data")
            .operation::<params::CleanParams, output::CleanOutput>(
                "clean",
                "Takes out duplicates, missing values and outliers.",
                Effect::Pure,
            )
            .primary("processed_data")
            .alias("data", "processed_data")
            .operation::<params::MergeParams, output::MergeOutput>(
                "merge",
                "Makes one of several data sets.",
                Effect::Pure,
            )
            .primary("processed_data")
            .alias("data", "processed_data");
        builder.example(EXAMPLE).available().build()
    }

    fn run<'a>(&'a self, operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        let operation = operation.to_owned();
        Box::pin(async move {
            blocking::work("OSError", "the work on the rows", || {
                let cx = cx.clone();
                move || execute(&operation, params, &cx)
            })
            .await
        })
    }
}

fn execute(operation: &str, params: Map<String, Value>, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let what = format!("{NAME}.{operation}");
    match operation {
        "convert" => {
            let mut params: params::ConvertParams = given::read(&what, params)?;
            let content = input::content(operation, params.data.take(), params.format, cx)?;
            super::success(&convert::run(&params, content)?)
        }
        "filter" => {
            let mut params: params::FilterParams = given::read(&what, params)?;
            let table = input::table(operation, params.data.take(), params.format, cx)?;
            super::success(&filter::run(params, table, cx)?)
        }
        "aggregate" => {
            let mut params: params::AggregateParams = given::read(&what, params)?;
            let table = input::table(operation, params.data.take(), params.format, cx)?;
            super::success(&aggregate::run(params, table)?)
        }
        "transform" => super::success(&transform::run(given::read(&what, params)?, cx)?),
        "profile" => {
            let mut params: params::ProfileParams = given::read(&what, params)?;
            let table = input::table(operation, params.data.take(), params.format, cx)?;
            super::success(&profile::run(&params, table))
        }
        "pivot" => {
            let mut params: params::PivotParams = given::read(&what, params)?;
            let table = input::table(operation, params.data.take(), params.format, cx)?;
            super::success(&pivot::run(params, table)?)
        }
        "clean" => {
            let mut params: params::CleanParams = given::read(&what, params)?;
            let table = input::table(operation, params.data.take(), params.format, cx)?;
            super::success(&clean::run(&params, table)?)
        }
        "merge" => super::success(&merge::run(given::read(&what, params)?, cx)?),
        unknown => Err(super::unknown_operation(&DataProcessing.spec(), unknown)),
    }
}

/// The data cannot be processed as asked.
fn failure(message: impl Into<String>) -> ToolError {
    ToolError::new("ValueError", message)
}
