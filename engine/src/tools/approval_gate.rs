//! `approval-gate`: waits for a yes or no.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("approval-gate", DOC)
        .operation::<Params, Output>("approve", "Shows the content and waits.", Effect::Human)
        .primary("approved")
        .open()
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Shows a person something and waits for yes or no. A refusal is the result `approved: false`, not
a failure.
";

const EXAMPLE: &str = r#"
- id: gate
  tool: approval-gate
  action: approve
  parameters:
    title: "Publish the report?"
    content: "{{ report.result.markdown }}"
    format: markdown
"#;

/// Parameters of an approval.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// What is to be approved, in one line.
    pub title: String,
    /// What is shown.
    pub content: String,
    /// How it is shown.
    #[schemars(extend("enum" = ["text", "json", "markdown"], "default" = "text"))]
    pub format: Option<String>,
    /// Whether the person may change it.
    #[schemars(extend("default" = true))]
    pub allow_modifications: Option<bool>,
    /// Whether a refusal needs a reason.
    #[schemars(extend("default" = true))]
    pub require_reason: Option<bool>,
    /// Where to ask.
    #[schemars(extend("enum" = ["cli", "gui", "api"], "default" = "cli"))]
    pub context: Option<String>,
    /// Content with this hash is approved without asking.
    pub auto_approve_hash: Option<String>,
    /// Anything to keep beside the decision.
    pub metadata: Option<Map<String, Value>>,
}

/// The decision. It may hold more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// Whether it was approved.
    pub approved: bool,
    /// What the person did.
    pub action: String,
    /// The hash of the content.
    pub content_hash: String,
    /// The content as the person changed it.
    pub modified_content: Option<String>,
    /// Why it was refused.
    pub rejection_reason: Option<String>,
    /// The state of the approval.
    pub status: Option<String>,
    /// The id of the approval.
    pub approval_id: Option<String>,
}
