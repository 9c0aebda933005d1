//! `mcp-server`: calls the tools of an MCP server.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("mcp-server", DOC)
        .operation::<ConnectParams, ConnectOutput>(
            "connect",
            "Starts the server and connects to it.",
            Effect::Effectful,
        )
        .operation::<ListToolsParams, ListToolsOutput>(
            "list_tools",
            "Lists the tools of a connected server.",
            Effect::Read,
        )
        .primary("tools")
        .operation::<ExecuteToolParams, ExecuteToolOutput>(
            "execute_tool",
            "Calls a tool of a connected server.",
            Effect::Effectful,
        )
        .primary("result")
        .open()
        .operation::<DisconnectParams, DisconnectOutput>("disconnect", "Ends the connection.", Effect::Idempotent)
        .open()
        .operation_in("action")
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Connects to an MCP server and calls its tools. The operation stands in `parameters.action`; the
step's `action` is just `execute`.
";

const EXAMPLE: &str = r#"
- id: connect
  tool: mcp-server
  action: execute
  parameters:
    action: connect
    server_name: search
    server_config:
      command: "npx"
      args: ["-y", "my-search-server"]
"#;

/// Parameters of `connect`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ConnectParams {
    /// The name to know the server by.
    pub server_name: Option<String>,
    /// How to start it.
    pub server_config: Option<ServerConfig>,
}

/// How an MCP server is started.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ServerConfig {
    /// The program.
    #[schemars(extend("x-kind" = "command"))]
    pub command: Option<String>,
    /// Its arguments.
    pub args: Option<Vec<String>>,
    /// Environment variables it sees besides the allowed ones.
    pub env: Option<Map<String, Value>>,
    /// Anything else.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// Parameters of `list_tools`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ListToolsParams {
    /// The name the server was connected under.
    pub server_name: String,
}

/// Parameters of `execute_tool`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ExecuteToolParams {
    /// The name the server was connected under.
    pub server_name: String,
    /// The tool to call.
    pub tool_name: String,
    /// Its arguments.
    pub tool_params: Option<Map<String, Value>>,
}

/// Parameters of `disconnect`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct DisconnectParams {
    /// The name the server was connected under.
    pub server_name: String,
}

/// What `connect` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ConnectOutput {
    /// The server.
    pub server_name: String,
    /// Whether it answered.
    pub connected: bool,
    /// What it can do.
    pub capabilities: Value,
}

/// What `list_tools` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ListToolsOutput {
    /// The server.
    pub server_name: String,
    /// Its tools.
    pub tools: Vec<Value>,
}

/// What `execute_tool` gives back. Its form depends on the tool.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ExecuteToolOutput {
    /// The server.
    pub server_name: String,
    /// The tool.
    pub tool_name: String,
    /// What the tool answered.
    pub result: Value,
}

/// What `disconnect` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DisconnectOutput {
    /// The server.
    pub server_name: String,
}
