//! `user-prompt`: asks a person for a value.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("user-prompt", DOC)
        .operation::<Params, Output>("prompt", "Asks and waits.", Effect::Human)
        .primary("value")
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Asks a person for a value: on the terminal or in the editor. Without either the run ends
waiting, and goes on with `orc runs approve`.
";

const EXAMPLE: &str = r#"
- id: ask
  tool: user-prompt
  action: prompt
  parameters:
    prompt: "Which language?"
    input_type: choice
    choices: [English, German]
    default: English
"#;

/// Parameters of a question.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The question.
    pub prompt: String,
    /// The kind of answer.
    #[schemars(extend("enum" = ["text", "number", "boolean", "choice"], "default" = "text"))]
    pub input_type: Option<String>,
    /// The answer when none is given.
    pub default: Option<Value>,
    /// The answers to choose from, for `input_type: choice`.
    pub choices: Option<Vec<Value>>,
    /// Seconds to wait; 0 means without end.
    #[schemars(range(min = 0.0), extend("default" = 0))]
    pub timeout: Option<f64>,
    /// Where to ask.
    #[schemars(extend("enum" = ["cli", "gui", "api"], "default" = "cli"))]
    pub context: Option<String>,
    /// A regular expression the answer must match.
    pub validation_pattern: Option<String>,
    /// Whether to ask again after an answer that does not fit.
    #[schemars(extend("default" = true))]
    pub retry_on_invalid: Option<bool>,
    /// How often to ask again.
    #[schemars(extend("default" = 3))]
    pub max_retries: Option<u64>,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// What the person answered.
    pub value: Value,
    /// How long it took, in seconds.
    pub response_time: f64,
    /// Whether the person skipped the question.
    pub skipped: bool,
    /// Whether `default` was taken.
    pub used_default: bool,
    /// Where it was asked.
    pub context: String,
    /// How often it was asked again.
    pub retries: u64,
}
