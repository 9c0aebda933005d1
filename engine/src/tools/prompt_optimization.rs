//! `prompt-optimization`: rewrites a prompt.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("prompt-optimization", DOC)
        .operation::<Params, Output>("optimize", "Rewrites the prompt.", Effect::Model)
        .primary("optimized_prompt")
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Rewrites a prompt to be clearer, shorter or better suited to a model.
";

const EXAMPLE: &str = r#"
- id: better
  tool: prompt-optimization
  action: optimize
  parameters:
    prompt: "tell me stuff about {{ topic }}"
    optimization_goals: [clarity, brevity]
"#;

/// Parameters of a rewrite.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The prompt to rewrite.
    #[schemars(extend("x-kind" = "prompt"))]
    pub prompt: String,
    /// The model it is meant for.
    #[schemars(extend("x-kind" = "model"))]
    pub model: Option<String>,
    /// What to work on: `clarity`, `brevity`, `specificity`, `model_specific`.
    #[schemars(extend("default" = ["clarity", "model_specific"]))]
    pub optimization_goals: Option<Vec<String>>,
    /// The length of the new prompt, at most.
    #[schemars(range(min = 1))]
    pub max_tokens: Option<u64>,
    /// Whether its meaning must stay.
    #[schemars(extend("default" = true))]
    pub preserve_intent: Option<bool>,
}

/// The new prompt.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The prompt as it was.
    pub original_prompt: String,
    /// The prompt as it is now.
    pub optimized_prompt: String,
    /// The model it is meant for.
    pub model: Option<String>,
    /// What was done.
    pub applied_optimizations: Vec<Value>,
    /// Lengths and scores before and after.
    pub metrics: Map<String, Value>,
    /// What else could be done.
    pub recommendations: Vec<Value>,
}
