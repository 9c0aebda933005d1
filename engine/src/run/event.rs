//! The one versioned stream of facts about a run (contract §5.8).

use std::{
    borrow::Cow,
    ops::Deref,
    sync::{Arc, OnceLock},
    time::SystemTime,
};

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::ResultDocument;
use crate::models::router::Decision;

mod data;
pub use data::{
    Approval, AutoResolved, OutputStream, Paid, RunFinished, RunStarted, StepFinished, StepOutput, StepRetrying,
    StepStarted, StepStatus,
};

/// A fact about a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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
    /// More about it; the type named at each [`EventKind`].
    #[serde(default, skip_serializing_if = "Data::is_nothing")]
    pub data: Data,
}

impl Event {
    /// When it happened; nothing where the time cannot be read.
    pub fn at(&self) -> Option<SystemTime> {
        self.time.parse::<Timestamp>().ok().map(SystemTime::from)
    }
}

/// The kinds of [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum EventKind {
    /// The run begins or goes on; [`RunStarted`].
    #[serde(rename = "run.started")]
    RunStarted,
    /// The step waits for nothing but a free place; no data.
    #[serde(rename = "step.ready")]
    StepReady,
    /// An attempt of the step begins; [`StepStarted`].
    #[serde(rename = "step.started")]
    StepStarted,
    /// The router has chosen the model of an attempt; [`Decision`].
    #[serde(rename = "model.routed")]
    ModelRouted,
    /// What the step prints; [`StepOutput`].
    #[serde(rename = "step.output")]
    StepOutput,
    /// An attempt failed and another one follows; [`StepRetrying`].
    #[serde(rename = "step.retrying")]
    StepRetrying,
    /// An `<AUTO>` of the step has its value; [`AutoResolved`].
    #[serde(rename = "auto.resolved")]
    AutoResolved,
    /// The step asks a person; [`Approval`].
    #[serde(rename = "approval")]
    Approval,
    /// The step has come to its end; [`StepFinished`].
    #[serde(rename = "step.finished")]
    StepFinished,
    /// The run has come to its end; [`RunFinished`].
    #[serde(rename = "run.finished")]
    RunFinished,
}

impl EventKind {
    /// All kinds, as they follow one another.
    pub const ALL: [Self; 10] = [
        Self::RunStarted,
        Self::StepReady,
        Self::StepStarted,
        Self::ModelRouted,
        Self::StepOutput,
        Self::StepRetrying,
        Self::AutoResolved,
        Self::Approval,
        Self::StepFinished,
        Self::RunFinished,
    ];

    /// What it means, and the schema of its data where it has some.
    fn schema(self, generator: &mut SchemaGenerator) -> (&'static str, Option<Schema>) {
        match self {
            Self::RunStarted => ("The run begins or goes on.", Some(generator.subschema_for::<RunStarted>())),
            Self::StepReady => ("The step waits for nothing but a free place.", None),
            Self::StepStarted => ("An attempt of the step begins.", Some(generator.subschema_for::<StepStarted>())),
            Self::ModelRouted => {
                ("The router has chosen the model of an attempt.", Some(generator.subschema_for::<Decision>()))
            }
            Self::StepOutput => ("What the step prints.", Some(generator.subschema_for::<StepOutput>())),
            Self::StepRetrying => {
                ("An attempt failed and another one follows.", Some(generator.subschema_for::<StepRetrying>()))
            }
            Self::AutoResolved => {
                ("An `<AUTO>` of the step has its value.", Some(generator.subschema_for::<AutoResolved>()))
            }
            Self::Approval => ("The step asks a person.", Some(generator.subschema_for::<Approval>())),
            Self::StepFinished => ("The step has come to its end.", Some(generator.subschema_for::<StepFinished>())),
            Self::RunFinished => ("The run has come to its end.", Some(generator.subschema_for::<RunFinished>())),
        }
    }

    /// Whether it is about the run as a whole and names no step.
    fn is_of_run(self) -> bool {
        matches!(self, Self::RunStarted | Self::RunFinished)
    }
}

// By hand, because what `data` and `step` are depends on `type`.
impl JsonSchema for Event {
    fn schema_name() -> Cow<'static, str> {
        "Event".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let kinds = EventKind::ALL.map(|kind| {
            let (description, data) = kind.schema(generator);
            let mut schema = json_schema!({
                "description": description,
                "type": "object",
                "properties": {
                    "runId": {"type": "string", "description": "The run's id."},
                    "seq": {"type": "integer", "minimum": 1, "description": "Ascending from 1 without gaps."},
                    "time": {
                        "type": "string", "format": "date-time",
                        "description": "When, RFC 3339 UTC with milliseconds.",
                    },
                    "type": {"const": kind},
                },
                "required": ["runId", "seq", "time", "type"],
            });
            let step = (!kind.is_of_run()).then(|| {
                let description = "The step it is about; iterations as `loop[2].step`.";
                json_schema!({"type": "string", "description": description})
            });
            let own = [("step", step), ("data", data)];
            for (name, property) in own.into_iter().filter_map(|(name, property)| Some((name, property?))) {
                schema.ensure_object()["properties"][name] = property.to_value();
                if let Some(Value::Array(required)) = schema.get_mut("required") {
                    required.push(name.into());
                }
            }
            schema
        });
        json_schema!({"description": "A fact about a run.", "oneOf": kinds})
    }
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
    Started(StepStarted),
    Ended(StepFinished),
    RunFinished(WholeRun),
}

/// The data of [`EventKind::RunFinished`], of which all is in the document.
#[derive(Debug, Clone)]
pub(crate) struct WholeRun(pub(crate) Arc<ResultDocument>);

impl Serialize for WholeRun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let document = &self.0;
        RunFinished {
            status: Cow::Borrowed(&document.status),
            success: document.success,
            exit_code: document.exit_code(),
            outputs: Cow::Borrowed(&document.outputs),
            result: Cow::Borrowed(document),
            error: document.error.as_deref().map(Cow::Borrowed),
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
    pub fn ended(&self) -> Option<Cow<'_, StepFinished>> {
        match &self.said {
            Said::Ended(ended) => Some(Cow::Borrowed(ended)),
            Said::Json(value) => StepFinished::deserialize(value).ok().map(Cow::Owned),
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
