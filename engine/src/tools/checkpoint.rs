//! `checkpoint`: looks at earlier runs.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("checkpoint", DOC)
        .operation::<ListParams, ListOutput>("list", "Lists the records.", Effect::Read)
        .primary("checkpoints")
        .operation::<InspectParams, InspectOutput>("inspect", "Shows one record.", Effect::Read)
        .open()
        .operation::<ExtractParams, ExtractOutput>("extract", "Writes one record as text.", Effect::Idempotent)
        .primary("content")
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Looks at the records of earlier runs.
";

const EXAMPLE: &str = "
- id: earlier
  tool: checkpoint
  action: list
  parameters:
    pipeline_name: weekly-report
";

/// Parameters of `list`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ListParams {
    /// Only runs of this pipeline.
    pub pipeline_name: Option<String>,
}

/// Parameters of `inspect`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct InspectParams {
    /// The record.
    #[schemars(extend("x-kind" = "read-path"))]
    pub checkpoint_file: Option<String>,
    /// The latest record of this pipeline.
    pub pipeline_name: Option<String>,
}

/// Parameters of `extract`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ExtractParams {
    /// The record.
    #[schemars(extend("x-kind" = "read-path"))]
    pub checkpoint_file: Option<String>,
    /// The latest record of this pipeline.
    pub pipeline_name: Option<String>,
    /// The form of the answer.
    #[schemars(extend("enum" = ["markdown", "yaml", "json"], "default" = "markdown"))]
    pub output_format: Option<String>,
    /// The file to write; without it the text is given back.
    #[schemars(extend("x-kind" = "write-path"))]
    pub output_file: Option<String>,
}

/// What `list` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ListOutput {
    /// How many there are.
    pub total: u64,
    /// How many are listed.
    pub showing: u64,
    /// The records, newest first.
    pub checkpoints: Vec<Value>,
}

/// What `inspect` gives back. It may hold more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct InspectOutput {
    /// The record.
    pub checkpoint_file: String,
    /// The pipeline.
    pub pipeline_id: String,
    /// The run.
    pub execution_id: String,
    /// When it was written.
    pub timestamp: String,
    /// How many steps there are.
    pub total_tasks: u64,
    /// How they went.
    pub task_summary: Value,
}

/// What `extract` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExtractOutput {
    /// The file that was written.
    pub output_file: Option<String>,
    /// The text.
    pub content: Option<String>,
    /// Its form.
    pub format: String,
    /// Its size in bytes.
    pub size: u64,
}
