//! `visualization`: draws charts.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("visualization", DOC)
        .operation::<ChartsParams, ChartsOutput>("create_charts", "Draws charts from data.", Effect::Idempotent)
        .primary("charts")
        .operation::<DashboardParams, DashboardOutput>(
            "create_dashboard",
            "Puts charts on one page.",
            Effect::Idempotent,
        )
        .primary("url")
        .operation::<ExportParams, ExportOutput>(
            "export_figures",
            "Writes charts in another format.",
            Effect::Idempotent,
        )
        .primary("exported_files")
        .open()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Draws charts from data and puts them together as a dashboard.
";

const EXAMPLE: &str = r#"
- id: charts
  tool: visualization
  action: create_charts
  parameters:
    data: "{{ load.result.content }}"
    chart_types: [bar, pie]
    output_dir: "output/charts"
"#;

/// Parameters of `create_charts`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ChartsParams {
    /// The rows: a list, an object, or CSV or JSON text.
    pub data: Value,
    /// The kinds of chart; `auto` chooses by the data.
    #[schemars(extend("default" = ["auto"]))]
    pub chart_types: Option<Vec<String>>,
    /// The directory to write to.
    #[schemars(extend("x-kind" = "write-path"))]
    pub output_dir: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// The format of the files.
    #[schemars(extend("enum" = ["png", "svg", "pdf", "html"], "default" = "png"))]
    pub format: Option<String>,
    /// Width in pixels.
    #[schemars(range(min = 1), extend("default" = 800))]
    pub width: Option<u64>,
    /// Height in pixels.
    #[schemars(range(min = 1), extend("default" = 600))]
    pub height: Option<u64>,
    /// The colours.
    #[schemars(extend("enum" = ["default", "dark", "seaborn"], "default" = "seaborn"))]
    pub theme: Option<String>,
}

/// Parameters of `create_dashboard`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct DashboardParams {
    /// The charts, as `create_charts` gave them back.
    pub charts: Option<Vec<Value>>,
    /// The rows, to draw charts from at once.
    pub data: Option<Value>,
    /// The directory to write to.
    #[schemars(extend("x-kind" = "write-path"))]
    pub output_dir: Option<String>,
    /// The title.
    pub title: Option<String>,
    /// How the charts are placed.
    #[schemars(extend("enum" = ["grid", "vertical", "horizontal"], "default" = "grid"))]
    pub layout: Option<String>,
    /// The colours.
    #[schemars(extend("enum" = ["default", "dark", "seaborn"], "default" = "seaborn"))]
    pub theme: Option<String>,
    /// Width of a chart in pixels.
    #[schemars(range(min = 1), extend("default" = 800))]
    pub width: Option<u64>,
    /// Height of a chart in pixels.
    #[schemars(range(min = 1), extend("default" = 600))]
    pub height: Option<u64>,
}

/// Parameters of `export_figures`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ExportParams {
    /// The charts, as `create_charts` gave them back.
    pub charts: Option<Vec<Value>>,
    /// The directory to write to.
    #[schemars(extend("x-kind" = "write-path"))]
    pub output_dir: Option<String>,
    /// The format of the files.
    #[schemars(extend("enum" = ["png", "svg", "pdf", "html"], "default" = "png"))]
    pub format: Option<String>,
    /// Width in pixels.
    #[schemars(range(min = 1), extend("default" = 800))]
    pub width: Option<u64>,
    /// Height in pixels.
    #[schemars(range(min = 1), extend("default" = 600))]
    pub height: Option<u64>,
}

/// What `create_charts` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ChartsOutput {
    /// The charts.
    pub charts: Vec<Value>,
    /// The files that were written.
    pub files: Vec<Value>,
    /// How many there are.
    pub count: u64,
    /// The directory they are in.
    pub output_dir: String,
    /// Their kinds.
    pub chart_types: Vec<Value>,
}

/// What `create_dashboard` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DashboardOutput {
    /// The address of the page.
    pub url: String,
    /// The file of the page.
    pub dashboard_path: String,
    /// The charts on it.
    pub charts_included: Value,
    /// How they are placed.
    pub layout: String,
}

/// What `export_figures` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExportOutput {
    /// The files that were written.
    pub exported_files: Vec<Value>,
}
