//! `multi-model-routing`: spreads tasks over models.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("multi-model-routing", DOC)
        .operation::<SingleParams, SingleOutput>("single", "Chooses a model for one request.", Effect::Read)
        .primary("selected_model")
        .operation::<RouteParams, RouteOutput>("route", "Recommends a model for each of several tasks.", Effect::Read)
        .primary("recommendations")
        .operation::<BatchParams, BatchOutput>("optimize_batch", "Runs several tasks within a budget.", Effect::Model)
        .primary("results")
        .operation_in("action")
        .default_operation("single")
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Spreads tasks over models by price, speed or quality.

The operation stands in `parameters.action`: `route` plans several tasks, `optimize_batch` runs
them within a budget, `single` (taken without a word) chooses a model for one request.
";

const EXAMPLE: &str = r#"
- id: assign
  tool: multi-model-routing
  action: execute
  parameters:
    action: route
    tasks:
      - {task: "Summarise the text", complexity: simple}
      - {task: "Prove the claim", complexity: complex}
    routing_strategy: balanced
"#;

/// Parameters of `single`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct SingleParams {
    /// What the model is to do.
    #[schemars(extend("x-kind" = "prompt"))]
    pub request: Option<String>,
    /// The models to choose from; without it, all.
    pub models: Option<Vec<String>>,
    /// How to choose.
    #[schemars(extend("enum" = ["round_robin", "least_loaded", "cost_optimized", "capability_based"], "default" = "capability_based"))]
    pub strategy: Option<String>,
    /// At most this many requests at a time.
    #[schemars(range(min = 1), extend("default" = 5))]
    pub max_concurrent: Option<u64>,
    /// Seconds a request may take.
    #[schemars(range(min = 0.0), extend("default" = 30.0))]
    pub timeout: Option<f64>,
}

/// Parameters of `route`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct RouteParams {
    /// The tasks, each an object with `task` and what is known about it, or text.
    pub tasks: Vec<Value>,
    /// What counts most.
    #[schemars(extend("enum" = ["cost", "speed", "quality", "balanced", "cost_optimized", "quality_optimized"], "default" = "balanced"))]
    pub routing_strategy: Option<String>,
    /// Limits over all tasks.
    pub constraints: Option<Constraints>,
    /// The models to choose from; without it, all.
    pub models: Option<Vec<String>>,
}

/// Parameters of `optimize_batch`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct BatchParams {
    /// The tasks, each an object with `task`, or text.
    pub tasks: Vec<Value>,
    /// What counts most, such as `minimize_cost`.
    #[schemars(extend("default" = "minimize_cost"))]
    pub optimization_goal: Option<String>,
    /// Limits over all tasks.
    pub constraints: Option<Constraints>,
    /// The models to choose from; without it, all.
    pub models: Option<Vec<String>>,
    /// At most this many requests at a time.
    #[schemars(range(min = 1), extend("default" = 5))]
    pub max_concurrent: Option<u64>,
}

/// Limits. Others are legal and looked at by the strategy.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Constraints {
    /// US$ for all tasks.
    #[schemars(range(min = 0.0), extend("default" = 100))]
    pub total_budget: Option<f64>,
    /// Seconds one task may take.
    #[schemars(range(min = 0.0), extend("default" = 60))]
    pub max_latency: Option<f64>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What `single` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SingleOutput {
    /// The model.
    pub selected_model: String,
    /// Why this one.
    pub routing_reason: String,
    /// How it was chosen.
    pub strategy: String,
    /// How busy it is.
    pub current_load: f64,
    /// How long it takes, in seconds.
    pub average_latency: f64,
    /// How busy all of them are.
    pub all_loads: Map<String, Value>,
}

/// What `route` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RouteOutput {
    /// A model for each task, in order.
    pub recommendations: Vec<Recommendation>,
    /// What all tasks would cost, in US$.
    pub total_estimated_cost: f64,
    /// The models that were chosen.
    pub models_selected: Vec<Value>,
    /// What counted most.
    pub routing_strategy: String,
    /// How many tasks there are.
    pub tasks_count: u64,
}

/// The model for one task. It may hold more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Recommendation {
    /// The model.
    pub model: String,
    /// What the task would cost, in US$.
    pub estimated_cost: f64,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// What `optimize_batch` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct BatchOutput {
    /// The answers, in order.
    pub results: Vec<Value>,
    /// What they cost, in US$.
    pub total_cost: f64,
    /// What one cost, in US$.
    pub average_cost: f64,
    /// The models that answered.
    pub models_used: Vec<Value>,
    /// How they were chosen.
    pub strategy: String,
    /// What counted most.
    pub optimization_goal: Option<String>,
    /// How many tasks there were.
    pub task_count: u64,
}
