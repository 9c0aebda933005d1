//! `feedback-collection`: asks a person several questions.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("feedback-collection", DOC)
        .operation::<Params, Output>("collect", "Asks the questions.", Effect::Human)
        .primary("responses")
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Asks a person several questions and sums the answers up.
";

const EXAMPLE: &str = r#"
- id: feedback
  tool: feedback-collection
  action: collect
  parameters:
    title: "How was it?"
    questions:
      - {id: stars, text: "How good is the report?", type: rating}
      - {id: why, text: "Why?", type: text}
"#;

/// Parameters of a questionnaire.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// What it is about.
    pub title: String,
    /// The questions, in order.
    pub questions: Vec<Question>,
    /// Whether to leave out who answered.
    #[schemars(extend("default" = false))]
    pub anonymous: Option<bool>,
    /// Ids of the questions that must be answered.
    #[schemars(extend("default" = []))]
    pub required_questions: Option<Vec<String>>,
    /// Where to ask.
    #[schemars(extend("enum" = ["cli", "gui", "api"], "default" = "cli"))]
    pub context: Option<String>,
    /// A file to write the answers to.
    #[schemars(extend("x-kind" = "write-path"))]
    pub save_to_file: Option<String>,
}

/// One question.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Question {
    /// Its id, the key of its answer.
    pub id: String,
    /// The question.
    pub text: String,
    /// The kind of answer.
    #[schemars(extend("enum" = ["rating", "choice", "boolean", "text"]))]
    pub r#type: String,
    /// The answers to choose from, for `type: choice`.
    pub options: Option<Vec<Value>>,
}

/// The answers.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The id of these answers.
    pub feedback_id: String,
    /// The answers, by the id of their question.
    pub responses: Map<String, Value>,
    /// How many questions were answered.
    pub response_count: u64,
    /// Answered questions as a share of all, between 0 and 1.
    pub completion_rate: f64,
    /// The answers summed up.
    pub summary: Map<String, Value>,
    /// The file that was written.
    pub saved_to_file: Option<String>,
}
