//! The one versioned stream of facts about a run (contract §5.8).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A fact about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Event {
    /// The run's id.
    #[serde(rename = "runId")]
    pub run_id: String,
    /// Ascending from 1 without gaps.
    pub seq: u64,
    /// When, RFC 3339 UTC with milliseconds.
    pub time: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventKind,
    /// The step it is about; iterations as `loop[2].step`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// More about it; the fields depend on the type.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub data: Value,
}

/// The kinds of [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub enum EventKind {
    /// `data`: `{pipeline, file, steps: [ids], protocol: 1, resumed?}`
    #[serde(rename = "run.started")]
    RunStarted,
    /// The step waits for nothing but a free place.
    #[serde(rename = "step.ready")]
    StepReady,
    /// `data`: `{attempt, tool?, action?, model?}`
    #[serde(rename = "step.started")]
    StepStarted,
    /// `data`: `{stream: "stdout"|"stderr", text, truncated?}`; of each stream of an attempt the first 256 KiB,
    /// the last of these with `truncated: true` where there is more.
    #[serde(rename = "step.output")]
    StepOutput,
    /// `data`: `{attempt, error, delay_ms}`
    #[serde(rename = "step.retrying")]
    StepRetrying,
    /// The step asks a person. `data`: `{question: {title, content?, fields: [{id, text, kind, …}], …}}`
    #[serde(rename = "approval")]
    Approval,
    /// `data`: `{status, success, error?, error_type?, duration_ms, attempts, reused?, cached?}`
    #[serde(rename = "step.finished")]
    StepFinished,
    /// `data`: `{status, success, exit_code, error?, outputs, result}` where `result` is the whole
    /// result document.
    #[serde(rename = "run.finished")]
    RunFinished,
}
