//! `mcp-memory`: keeps values for later steps.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("mcp-memory", DOC)
        .operation::<StoreParams, StoreOutput>("store", "Keeps a value.", Effect::Idempotent)
        .operation::<RetrieveParams, RetrieveOutput>("retrieve", "Gives a value back.", Effect::Read)
        .primary("value")
        .operation::<ListParams, ListOutput>("list", "Lists the keys.", Effect::Read)
        .primary("keys")
        .operation::<ClearParams, ClearOutput>("clear", "Forgets everything in a namespace.", Effect::Idempotent)
        .operation_in("action")
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Keeps values by key for later steps.

The operation stands in `parameters.action`; the step's `action` is just `execute`.
";

const EXAMPLE: &str = r#"
- id: remember
  tool: mcp-memory
  action: execute
  parameters:
    action: store
    namespace: research
    key: topic
    value: "{{ topic }}"
"#;

/// Parameters of `store`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct StoreParams {
    /// The key.
    pub key: String,
    /// The value.
    pub value: Option<Value>,
    /// The part of the memory.
    #[schemars(extend("default" = "default"))]
    pub namespace: Option<String>,
    /// Seconds it is kept; 0 means without end.
    #[schemars(range(min = 0.0), extend("default" = 0))]
    pub ttl: Option<f64>,
}

/// Parameters of `retrieve`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct RetrieveParams {
    /// The key.
    pub key: String,
    /// The part of the memory.
    #[schemars(extend("default" = "default"))]
    pub namespace: Option<String>,
}

/// Parameters of `list`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ListParams {
    /// The part of the memory.
    #[schemars(extend("default" = "default"))]
    pub namespace: Option<String>,
}

/// Parameters of `clear`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ClearParams {
    /// The part of the memory.
    #[schemars(extend("default" = "default"))]
    pub namespace: Option<String>,
}

/// What `store` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StoreOutput {
    /// The part of the memory.
    pub namespace: String,
    /// The key.
    pub key: String,
    /// Whether it was kept.
    pub stored: bool,
    /// Seconds it is kept.
    pub ttl: f64,
}

/// What `retrieve` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RetrieveOutput {
    /// The part of the memory.
    pub namespace: String,
    /// The key.
    pub key: String,
    /// The value; null if there is none.
    pub value: Value,
    /// Whether there is one.
    pub found: bool,
    /// What is known about it.
    pub metadata: Value,
    /// Whether its time was over.
    pub expired: Option<bool>,
}

/// What `list` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ListOutput {
    /// The part of the memory.
    pub namespace: String,
    /// The keys.
    pub keys: Vec<String>,
    /// How many there are.
    pub count: u64,
}

/// What `clear` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClearOutput {
    /// The part of the memory.
    pub namespace: String,
    /// What was forgotten.
    pub cleared: Value,
}
