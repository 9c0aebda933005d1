//! `approval-gate`: waits for a yes or no.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    Tool, ToolCx, ToolFuture, params,
    person::{self, Answered, Field, Kind, Question},
    success,
};
use crate::{catalog::ToolBuilder, run::cache::hex};

const NAME: &str = "approval-gate";

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct ApprovalGate;

impl Tool for ApprovalGate {
    fn spec(&self) -> ToolSpec {
        spec()
    }

    fn run<'a>(&'a self, _operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            let params: Params = params::read(NAME, params)?;
            let hash = hex(&Sha256::digest(&params.content));
            if params.auto_approve_hash.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(&hash)) {
                return success(&decision(true, "auto_approved", hash, &Map::new()));
            }
            let Answered { answers, .. } = person::ask(cx, &question(params)).await?;
            let approved = answers.get("approved") == Some(&json!(true));
            let action = match (approved, answers.contains_key("modified_content")) {
                (true, true) => "modified",
                (true, false) => "approved",
                (false, _) => "rejected",
            };
            success(&decision(approved, action, hash, &answers))
        })
    }
}

fn question(params: Params) -> Question {
    let field = |id: &str, text: &str, kind: Kind| Field {
        id: id.to_owned(),
        text: text.to_owned(),
        kind,
        required: false,
        default: None,
        pattern: None,
    };
    let mut fields = vec![Field { required: true, ..field("approved", "Approve?", Kind::Boolean) }];
    if params.require_reason != Some(false) {
        fields.push(field("reason", "Why not?", Kind::Text));
    }
    if params.allow_modifications != Some(false) {
        fields.push(field("modified_content", "The content as it shall be", Kind::Text));
    }
    Question { title: params.title, content: Some(params.content), fields, approval: true, timeout: None }
}

fn decision(approved: bool, action: &str, hash: String, answers: &Map<String, Value>) -> Output {
    let text = |name: &str| answers.get(name).and_then(Value::as_str).map(str::to_owned);
    Output {
        approved,
        action: action.to_owned(),
        approval_id: Some(hash.chars().take(12).collect()),
        content_hash: hash,
        modified_content: text("modified_content"),
        rejection_reason: text("reason").filter(|_| !approved),
        status: Some(if approved { "approved" } else { "rejected" }.to_owned()),
    }
}

/// What the registry knows about it.
fn spec() -> ToolSpec {
    ToolBuilder::new(NAME, DOC)
        .operation::<Params, Output>("approve", "Shows the content and waits.", Effect::Human)
        .primary("approved")
        .open()
        .single()
        .example(EXAMPLE)
        .available()
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
    /// Where py-orc asked; orc asks whoever is there.
    #[schemars(extend("enum" = ["cli", "gui", "api"], "default" = "cli"))]
    pub context: Option<String>,
    /// Content with this SHA-256 hash is approved without asking.
    pub auto_approve_hash: Option<String>,
    /// Anything to keep beside the decision.
    pub metadata: Option<Map<String, Value>>,
}

/// The decision. It may hold more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// Whether it was approved.
    pub approved: bool,
    /// What the person did: `approved`, `modified`, `rejected`; `auto_approved` where nobody was asked.
    pub action: String,
    /// The SHA-256 hash of the content.
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
