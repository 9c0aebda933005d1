//! The one versioned stream of facts about a run (contract §5.8).

use std::{
    borrow::Cow,
    ops::Deref,
    sync::{Arc, OnceLock},
};

use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::{ResultDocument, document::StepDocument};

/// A fact about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Event {
    /// The run's id.
    #[serde(rename = "runId")]
    pub run_id: Arc<str>,
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
    #[serde(default, skip_serializing_if = "Data::is_nothing")]
    pub data: Data,
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
    /// `data`: `{status, success, error?, error_type?, duration_ms, attempts, reused?, cached?,
    /// cost?: {nano_usd, known}}`; `cost` where models were asked, that of a loop or another pipeline being the
    /// sum of its parts.
    #[serde(rename = "step.finished")]
    StepFinished,
    /// `data`: `{status, success, exit_code, error?, outputs, result}` where `result` is the whole
    /// result document.
    #[serde(rename = "run.finished")]
    RunFinished,
}

/// What an event says beyond its kind. Nearly nobody asks for all of it, so it becomes JSON only where
/// somebody looks into it; it is written without that detour.
#[derive(Debug, Clone)]
pub struct Data {
    said: Said,
    json: OnceLock<Value>,
}

/// What an event says, as it is made.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Said {
    Json(Value),
    Started(Started),
    Ended(Ended),
    RunFinished(RunFinished),
}

/// The data of [`EventKind::StepStarted`].
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Started {
    pub(crate) attempt: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) action: Option<String>,
}

/// The data of [`EventKind::StepFinished`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// As in the result document.
    pub status: Cow<'static, str>,
    /// It did what was asked.
    pub success: bool,
    /// How long it took.
    pub duration_ms: u64,
    /// Attempts made, the first included.
    pub attempts: u32,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The failure's class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_type: Option<String>,
    /// The result is that of an earlier run, because nothing that it depends on changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// The result is that of an earlier run, because only some steps were to run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// What was paid, where models were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Paid>,
}

/// What a step's models cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// Billionths of a US dollar.
    pub nano_usd: i64,
    /// All prices were known.
    pub known: bool,
}

impl Paid {
    /// What the step of `document` cost; what was used again was paid for by the run that made it.
    pub(crate) fn of(document: &StepDocument) -> Option<Self> {
        let asked = document.usage.is_some() && document.cache.is_none() && document.provenance.is_none();
        asked.then_some(Self { nano_usd: document.cost.nano_usd, known: document.cost.known })
    }
}

/// The data of [`EventKind::RunFinished`]: the document, and what is looked for in it most.
#[derive(Debug, Clone)]
pub(crate) struct RunFinished(pub(crate) Arc<ResultDocument>);

impl Serialize for RunFinished {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Told<'a> {
            status: &'a str,
            success: bool,
            exit_code: u8,
            outputs: &'a IndexMap<String, Value>,
            result: &'a ResultDocument,
            #[serde(skip_serializing_if = "Option::is_none")]
            error: Option<&'a str>,
        }
        let document = &self.0;
        Told {
            status: &document.status,
            success: document.success,
            exit_code: document.exit_code(),
            outputs: &document.outputs,
            result: document,
            error: document.error.as_deref(),
        }
        .serialize(serializer)
    }
}

impl Data {
    /// Nothing is said.
    pub fn nothing() -> Self {
        Value::Null.into()
    }

    fn is_nothing(&self) -> bool {
        matches!(self.said, Said::Json(Value::Null))
    }

    /// All of it as JSON.
    pub fn into_json(self) -> Value {
        match (self.said, self.json.into_inner()) {
            (Said::Json(value), _) | (_, Some(value)) => value,
            (said, None) => json(&said),
        }
    }

    /// How a step ended, where that is what is said.
    pub fn ended(&self) -> Option<Cow<'_, Ended>> {
        match &self.said {
            Said::Ended(ended) => Some(Cow::Borrowed(ended)),
            Said::Json(value) => Ended::deserialize(value).ok().map(Cow::Owned),
            Said::Started(_) | Said::RunFinished(_) => None,
        }
    }

    /// What is said, to change it.
    pub(crate) fn said_mut(&mut self) -> &mut Said {
        self.json.take();
        &mut self.said
    }
}

fn json(said: &Said) -> Value {
    serde_json::to_value(said).expect("invariant: its keys are texts and its numbers are finite")
}

impl Deref for Data {
    type Target = Value;

    fn deref(&self) -> &Value {
        match &self.said {
            Said::Json(value) => value,
            said => self.json.get_or_init(|| json(said)),
        }
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Serialize for Data {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.said.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(Self::from)
    }
}

impl JsonSchema for Data {
    fn schema_name() -> Cow<'static, str> {
        Value::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Value::json_schema(generator)
    }
}

impl Default for Data {
    fn default() -> Self {
        Self::nothing()
    }
}

impl From<Said> for Data {
    fn from(said: Said) -> Self {
        Self { said, json: OnceLock::new() }
    }
}

impl From<Value> for Data {
    fn from(value: Value) -> Self {
        Said::Json(value).into()
    }
}
