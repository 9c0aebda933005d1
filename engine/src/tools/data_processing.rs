//! `data-processing`: converts, filters, aggregates, transforms, profiles, pivots, cleans and
//! merges rows. It never puts an error's text into data: what cannot be done is a failure.

use lang::registry::{Effect, ToolSpec};
use serde_json::{Map, Value};

use super::{Tool, ToolCx, ToolError, ToolFuture};
use crate::catalog::ToolBuilder;

mod output;
mod params;
mod text;

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
        let _ = (params, cx);
        let known = self.spec().operation(operation).is_some();
        Box::pin(async move {
            if !known {
                return Err(super::unknown_operation(&DataProcessing.spec(), operation));
            }
            let message = format!("this version of orc cannot execute `{NAME}.{operation}` yet");
            Err(ToolError::new("NotAvailableError", message))
        })
    }
}
