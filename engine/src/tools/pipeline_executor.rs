//! `pipeline-executor`: runs another pipeline as one step.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("pipeline-executor", DOC)
        .operation::<Params, Output>("execute", "Runs the pipeline.", Effect::Effectful)
        .primary("outputs")
        .single()
        .example(EXAMPLE)
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
    /// Whether the child also sees the state that the parent shares.
    #[schemars(extend("default" = true))]
    pub inherit_context: Option<bool>,
    /// Whether the step ends only with the child.
    #[schemars(extend("default" = true))]
    pub wait_for_completion: Option<bool>,
    /// Seconds after which the child is stopped; 0 means never.
    #[schemars(range(min = 0.0), extend("default" = 0))]
    pub timeout: Option<f64>,
    /// Outputs of the child to keep, each with its new name. Others are dropped.
    pub output_mapping: Option<Map<String, Value>>,
    /// What to do when the child fails.
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
    /// The pipelines above it.
    pub call_stack: Vec<Value>,
}
