//! `auto_debugger`: looks for the reason of a failure.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("auto_debugger", DOC)
        .operation::<Params, Value>("debug", "Looks for the reason.", Effect::Model)
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Looks for the reason of a failure and proposes a repair.
";

const EXAMPLE: &str = r#"
- id: why
  tool: auto_debugger
  action: debug
  parameters:
    task_description: "Find out why the build fails"
    error_context: "{{ build.result.stderr }}"
"#;

/// Parameters of a search for a reason.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// What was tried.
    #[schemars(extend("x-kind" = "prompt"))]
    pub task_description: String,
    /// The text or code that does not work.
    pub content_to_debug: Option<String>,
    /// The error and what stood around it.
    pub error_context: Option<String>,
    /// What should have happened.
    pub expected_outcome: Option<String>,
    /// The tools that may be used.
    pub available_tools: Option<Vec<String>>,
}
