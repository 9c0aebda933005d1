//! `python-executor`: runs Python code.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("python-executor", DOC)
        .operation::<Params, Output>("execute", "Runs the code.", Effect::Effectful)
        .primary("stdout")
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Runs Python code in a process of its own.

The step's `action` may be any word; `execute` is usual. What the code prints stands in `{{
step.result.stdout }}`.
";

const EXAMPLE: &str = "
- id: count
  tool: python-executor
  action: execute
  parameters:
    code: |
      print(6 * 7)
    timeout: 10
";

/// Parameters of a run.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The Python code.
    pub code: String,
    /// Seconds after which it is stopped.
    #[schemars(range(min = 1), extend("default" = 30))]
    pub timeout: Option<u64>,
    /// Whether to keep what it prints.
    #[schemars(extend("default" = true))]
    pub capture_output: Option<bool>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The code that ran.
    pub code: String,
    /// The exit code of the process; 0 is success.
    pub return_code: i64,
    /// What it printed.
    pub stdout: String,
    /// What it printed as errors.
    pub stderr: String,
}
