//! `task-delegation`: chooses a model for a task.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("task-delegation", DOC)
        .operation::<Params, Output>("delegate", "Chooses a model for the task.", Effect::Read)
        .primary("selected_model")
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Weighs a task and chooses the model that suits it, without calling one.
";

const EXAMPLE: &str = r#"
- id: pick
  tool: task-delegation
  action: delegate
  parameters:
    task: "Summarise {{ topic }} in one paragraph"
    requirements: {complexity: simple}
"#;

/// Parameters of a choice.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The task, in words.
    #[schemars(extend("x-kind" = "prompt"))]
    pub task: String,
    /// What the model must be able to do, such as `complexity: simple`.
    pub requirements: Option<Map<String, Value>>,
    /// Whether to name models to fall back on.
    #[schemars(extend("default" = true))]
    pub fallback_enabled: Option<bool>,
    /// How much a low price counts, between 0 and 1.
    #[schemars(range(min = 0.0, max = 1.0), extend("default" = 0.3))]
    pub cost_weight: Option<f64>,
    /// How much quality counts, between 0 and 1.
    #[schemars(range(min = 0.0, max = 1.0), extend("default" = 0.7))]
    pub quality_weight: Option<f64>,
}

/// The choice.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The model that suits best.
    pub selected_model: String,
    /// How well it suits, between 0 and 1.
    pub score: f64,
    /// Why it was chosen.
    pub reasons: Vec<Value>,
    /// What the task would cost, in US$.
    pub estimated_cost: f64,
    /// How long it would take, in seconds.
    pub estimated_latency: f64,
    /// What the task looks like.
    pub task_analysis: TaskAnalysis,
    /// The next best ones.
    pub fallback_models: Vec<String>,
    /// The scores of all models.
    pub all_scores: Map<String, Value>,
}

/// What a task looks like. It may hold more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TaskAnalysis {
    /// The kind of task.
    pub task_type: String,
    /// How hard it is: `simple`, `moderate` or `complex`.
    pub complexity: String,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}
