//! `recursion-control`: counters that end a recursion.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("recursion-control", DOC)
        .operation::<CheckParams, CheckOutput>(
            "check_condition",
            "Counts an iteration and says whether to stop.",
            Effect::Effectful,
        )
        .operation::<UpdateParams, UpdateOutput>(
            "update_state",
            "Sets a value of the state, or adds to it.",
            Effect::Effectful,
        )
        .operation::<GetParams, GetOutput>("get_state", "Reads one value of the state, or all of it.", Effect::Read)
        .open()
        .operation::<ResetParams, ResetOutput>("reset", "Forgets the state.", Effect::Idempotent)
        .open()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Keeps counters and flags that steps of a run share, and says when a recursion must end.
";

const EXAMPLE: &str = r#"
- id: enough
  tool: recursion-control
  action: check_condition
  parameters:
    condition: "attempts >= 3"
    max_iterations: 10
"#;

/// Parameters of `check_condition`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct CheckParams {
    /// The name of the state; `auto` is the id of the run.
    #[schemars(extend("default" = "default"))]
    pub context_id: Option<String>,
    /// Stop when this is true; names are those of the state.
    pub condition: Option<String>,
    /// Stop after this many iterations.
    #[schemars(range(min = 1), extend("default" = 1000))]
    pub max_iterations: Option<u64>,
    /// Stop at this depth of pipelines.
    #[schemars(range(min = 1), extend("default" = 10))]
    pub depth_limit: Option<u64>,
    /// Stop after this many seconds; 0 means never.
    #[schemars(range(min = 0.0), extend("default" = 0))]
    pub time_limit: Option<f64>,
}

/// Parameters of `update_state`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct UpdateParams {
    /// The value to set.
    pub state_key: String,
    /// What to set it to.
    pub state_value: Option<Value>,
    /// What to add to it, in place of `state_value`.
    pub increment: Option<f64>,
    /// The name of the state; `auto` is the id of the run.
    #[schemars(extend("default" = "default"))]
    pub context_id: Option<String>,
}

/// Parameters of `get_state`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct GetParams {
    /// The name of the state; `auto` is the id of the run.
    #[schemars(extend("default" = "default"))]
    pub context_id: Option<String>,
    /// The value to read; without it, all of the state.
    pub state_key: Option<String>,
}

/// Parameters of `reset`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ResetParams {
    /// The name of the state; `auto` is the id of the run.
    #[schemars(extend("default" = "default"))]
    pub context_id: Option<String>,
}

/// What `check_condition` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckOutput {
    /// Whether to stop.
    pub should_terminate: bool,
    /// The condition that was asked.
    pub condition: Option<String>,
    /// Why to stop.
    pub reason: Option<String>,
    /// The state.
    pub state: Map<String, Value>,
    /// How many iterations were counted.
    pub iterations: u64,
    /// How many pipelines are above.
    pub depth: u64,
}

/// What `update_state` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UpdateOutput {
    /// The value that was set.
    pub state_key: String,
    /// What it is now.
    pub new_value: Value,
    /// All of the state.
    pub full_state: Map<String, Value>,
}

/// What `get_state` gives back: one value, or all of the state.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GetOutput {
    /// The value that was read.
    pub state_key: Option<String>,
    /// What it is.
    pub value: Option<Value>,
    /// Whether it was ever set.
    pub exists: Option<bool>,
    /// All of the state.
    pub state: Option<Map<String, Value>>,
    /// How many iterations were counted.
    pub iterations: Option<u64>,
    /// How many pipelines are above.
    pub depth: Option<u64>,
    /// The pipelines above.
    pub call_stack: Option<Vec<Value>>,
    /// How often each pipeline ran.
    pub execution_counts: Option<Map<String, Value>>,
}

/// What `reset` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ResetOutput {
    /// The state that was forgotten.
    pub context_id: String,
}
