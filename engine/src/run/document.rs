//! The result document (contract §4): py-orc's keys, and ours.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a run gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ResultDocument {
    /// The pipeline's id.
    pub pipeline_id: String,
    /// The run's id: `<pipeline id>_<unix seconds>_<8 hex>`.
    pub execution_id: String,
    /// `completed` or `failed`; `cancelled` when it was stopped.
    pub status: String,
    /// All steps succeeded, all outputs rendered.
    pub success: bool,
    /// Per step, in order of declaration.
    pub steps: IndexMap<String, StepDocument>,
    /// Declared outputs; null where one failed.
    pub outputs: IndexMap<String, Value>,
    /// Ids in the order the steps finished; ties by declaration.
    pub execution_order: Vec<String>,
    /// Ids by level.
    pub execution_levels: Vec<Vec<String>>,
    /// RFC 3339 UTC.
    pub started_at: String,
    /// RFC 3339 UTC.
    pub completed_at: String,
    /// Seconds.
    pub duration: f64,
    /// Why it failed.
    pub error: Option<String>,
    /// The failure's class.
    pub error_type: Option<String>,
}

/// What a step gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct StepDocument {
    /// Its id.
    pub id: String,
    /// Its action or operation as written.
    pub action: String,
    /// `completed`, `failed`, `skipped`, `not_run`, `cancelled`.
    pub status: String,
    /// It did what was asked.
    pub success: bool,
    /// What templates see: usually `{result, success, error}`.
    pub value: Value,
    /// Why it failed.
    pub error: Option<String>,
    /// The failure's class.
    pub error_type: Option<String>,
    /// Its tool.
    pub tool: Option<String>,
    /// The served model.
    pub model: Option<String>,
    /// The served model's provider.
    pub provider: Option<String>,
    /// RFC 3339 UTC.
    pub started_at: Option<String>,
    /// RFC 3339 UTC.
    pub completed_at: Option<String>,
    /// Seconds.
    pub duration: Option<f64>,
    /// Attempts beyond the first.
    pub retries: u32,
    /// The last attempt ran out of time.
    pub timed_out: bool,
    /// Ids it waited for, inferred ones included.
    pub dependencies: Vec<String>,
}
