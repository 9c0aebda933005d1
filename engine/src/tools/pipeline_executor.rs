//! `pipeline-executor`: runs another pipeline as one step.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Tool, ToolCx, ToolError, ToolFuture};
use crate::catalog::ToolBuilder;

/// Its canonical name.
pub(crate) const NAME: &str = "pipeline-executor";

/// New tries with `error_handling: retry`, and seconds before the first, where the step names none.
pub(crate) const RETRIES: u64 = 3;
pub(crate) const RETRY_DELAY: f64 = 1.0;

/// The tool. The engine runs the child's steps itself (`run/child.rs`), as steps of the same run.
#[derive(Debug, Clone, Copy)]
pub(super) struct PipelineExecutor;

impl Tool for PipelineExecutor {
    fn spec(&self) -> ToolSpec {
        spec()
    }

    fn run<'a>(&'a self, _operation: &'a str, _params: Map<String, Value>, _cx: &'a ToolCx) -> ToolFuture<'a> {
        let message = format!("`{NAME}` must be named without a template, so that its steps are part of the run");
        Box::pin(async move { Err(ToolError::new("ValueError", message)) })
    }
}

/// What the registry knows about it.
fn spec() -> ToolSpec {
    ToolBuilder::new(NAME, DOC)
        .operation::<Params, Output>("execute", "Runs the pipeline.", Effect::Effectful)
        .primary("outputs")
        .single()
        .example(EXAMPLE)
        .available()
        .build()
}

const DOC: &str = "
Runs another pipeline as one step.

`pipeline` is a path, the id of a pipeline, or its YAML text. Templates in inline YAML belong to
the child and are rendered there, with the child's inputs. The child's outputs stand in `{{
step.result.outputs }}`.
";

const EXAMPLE: &str = r#"
- id: child
  tool: pipeline-executor
  action: execute
  parameters:
    pipeline: "pipelines/summary.yaml"
    inputs: {topic: "{{ topic }}"}
    output_mapping: {summary: text}
"#;

/// Parameters of a child run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The child: a file, an id (`<dir>/<id>.yaml` is looked up), or inline YAML.
    #[schemars(extend("x-kind" = "pipeline"))]
    pub pipeline: String,
    /// The inputs of the child.
    pub inputs: Option<Map<String, Value>>,
    /// Whether an input that the child declares and the step does not give is that of the parent, if it has
    /// one of this name.
    #[schemars(extend("default" = true))]
    pub inherit_context: Option<bool>,
    /// The step ends with the child in any case; `false` is accepted and changes nothing.
    #[schemars(extend("default" = true))]
    pub wait_for_completion: Option<bool>,
    /// Seconds after which the child is stopped; 0 means never.
    #[schemars(range(min = 0.0), extend("default" = 0))]
    pub timeout: Option<f64>,
    /// Outputs of the child to keep, each with its new name. Others are dropped.
    pub output_mapping: Option<Map<String, Value>>,
    /// What a child that fails means: the step fails (`fail`), succeeds with `success: false` in its result
    /// (`continue`), or the child is run again (`retry`).
    #[schemars(extend("enum" = ["fail", "continue", "retry"], "default" = "fail"))]
    pub error_handling: Option<String>,
    /// How often to try again with `error_handling: retry`.
    #[schemars(extend("default" = 3))]
    pub retry_count: Option<u64>,
    /// Seconds before the first new try; doubled each time.
    #[schemars(range(min = 0.0), extend("default" = 1.0))]
    pub retry_delay: Option<f64>,
}

/// What came of the child.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The id of the child.
    pub pipeline_id: String,
    /// Its outputs, renamed as `output_mapping` says.
    pub outputs: Map<String, Value>,
    /// How long it took, in seconds.
    pub execution_time: f64,
    /// How many of its steps ran.
    pub steps_executed: u64,
    /// How many pipelines are above it.
    pub recursion_depth: u64,
    /// The pipelines above it, the outermost first.
    pub call_stack: Vec<String>,
    /// Whether it succeeded.
    pub success: bool,
    /// Why it failed.
    pub error: Option<String>,
}
