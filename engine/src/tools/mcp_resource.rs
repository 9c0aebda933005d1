//! `mcp-resource`: reads the resources of an MCP server.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("mcp-resource", DOC)
        .operation::<ListParams, ListOutput>("list", "Lists the resources.", Effect::Read)
        .primary("resources")
        .operation::<ReadParams, ReadOutput>("read", "Reads one.", Effect::Read)
        .primary("resource")
        .operation::<ReadParams, SubscriptionOutput>("subscribe", "Asks to be told when it changes.", Effect::Effectful)
        .operation::<UnsubscribeParams, SubscriptionOutput>("unsubscribe", "Ends a subscription.", Effect::Idempotent)
        .operation_in("action")
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Reads and watches the resources of an MCP server. The operation stands in `parameters.action`;
the step's `action` is just `execute`.
";

const EXAMPLE: &str = r#"
- id: notes
  tool: mcp-resource
  action: execute
  parameters:
    action: read
    server_name: search
    uri: "notes://today"
"#;

/// Parameters of `list`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ListParams {
    /// The name the server was connected under.
    #[schemars(extend("default" = "default"))]
    pub server_name: Option<String>,
}

/// Parameters of `read` and `subscribe`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ReadParams {
    /// The resource.
    #[schemars(extend("x-kind" = "url"))]
    pub uri: String,
    /// The name the server was connected under.
    #[schemars(extend("default" = "default"))]
    pub server_name: Option<String>,
}

/// Parameters of `unsubscribe`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct UnsubscribeParams {
    /// The subscription to end.
    pub subscription_id: String,
    /// The name the server was connected under.
    #[schemars(extend("default" = "default"))]
    pub server_name: Option<String>,
}

/// What `list` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ListOutput {
    /// The resources.
    pub resources: Vec<Value>,
    /// How many there are.
    pub count: u64,
}

/// What `read` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ReadOutput {
    /// The resource.
    pub uri: String,
    /// What it holds.
    pub resource: Value,
}

/// What `subscribe` and `unsubscribe` give back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SubscriptionOutput {
    /// The subscription.
    pub subscription_id: String,
    /// A sentence about it.
    pub message: String,
}
