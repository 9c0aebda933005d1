//! What the data of each kind of event is.

use std::borrow::Cow;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    models::Usage,
    run::{
        ResultDocument,
        document::{Cost, StepDocument},
    },
    tools::person::Question,
};

/// The run begins or goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    /// The pipeline's id.
    pub pipeline: String,
    /// The pipeline's file, as the user named it.
    pub file: String,
    /// The ids of its steps, in order of declaration.
    pub steps: Vec<String>,
    /// The version of this stream; within it fields are added, none is changed or removed.
    #[schemars(range(min = 1, max = 1))]
    pub protocol: u32,
    /// It goes on where it was.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
}

/// An attempt of a step begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepStarted {
    /// Its number, counted from 1 over the whole run, also where the run was resumed.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// The step's tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub tool: Option<String>,
    /// Its action or operation, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub action: Option<String>,
    /// The model that is to be asked, where it is known before the step is rendered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub model: Option<String>,
}

/// What a step prints, and what a model says as it comes: of each stream of an attempt the first 256 KiB.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepOutput {
    /// Where it was printed.
    pub stream: OutputStream,
    /// A piece of it.
    pub text: String,
    /// There is more, which is not told.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// A stream that is printed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The answer of a model, as it is made; one that does not fit its schema is followed by the next.
    Model,
}

/// An attempt failed and another one follows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRetrying {
    /// How often it was tried.
    #[schemars(range(min = 1))]
    pub attempt: u32,
    /// Why the attempt failed.
    pub error: String,
    /// The failure's class.
    pub error_type: String,
    /// How long it waits.
    pub delay_ms: u64,
}

/// An `<AUTO>` has its value.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AutoResolved {
    /// Where the tag stands, e.g. `steps.summary.parameters.style`.
    pub position: String,
    /// The value.
    pub value: Value,
    /// Where it is from: `pin`, `model`, `simulated`, `default`, or `only` where no other value fits.
    pub by: String,
    /// Who answered: `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What asking cost this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// It stands in the lock file.
    pub pinned: bool,
    /// Why it was asked for, why the default was taken, or why it is not pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// A step asks a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// What it asks.
    pub question: Question,
}

/// A step has come to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepFinished {
    /// How it ended.
    #[schemars(with = "StepStatus")]
    pub status: Cow<'static, str>,
    /// It did what was asked, or nothing was asked of it.
    pub success: bool,
    /// How long it took; 0 where it did nothing.
    pub duration_ms: u64,
    /// Attempts made; 0 where it did nothing.
    pub attempts: u32,
    /// Why it failed, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub error: Option<String>,
    /// The failure's class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub error_type: Option<String>,
    /// Its result is that of an earlier run with the same parameters.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cached: bool,
    /// The run is confined to other steps; its result is that of an earlier run.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reused: bool,
    /// The model that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub model: Option<String>,
    /// The provider of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub provider: Option<String>,
    /// Tokens spent, of a loop by all its steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Usage")]
    pub usage: Option<Usage>,
    /// What was paid, where models were asked, that of a loop or another pipeline being the sum of its parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Paid")]
    pub cost: Option<Paid>,
}

/// What a step's models cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Paid {
    /// Billionths of a US dollar.
    pub nano_usd: i64,
    /// All prices were known.
    pub known: bool,
}

impl Paid {
    /// What the step of `document` cost; what was used again was paid for by the run that made it.
    pub(crate) fn of(document: &StepDocument) -> Option<Self> {
        let asked = (document.usage.is_some() || !document.cost.known)
            && document.cache.is_none()
            && document.provenance.is_none();
        asked.then_some(Self { nano_usd: document.cost.nano_usd, known: document.cost.known })
    }
}

/// How a step ended, as its document says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepStatus {
    /// It did what was asked.
    Completed,
    /// It did not.
    Failed,
    /// It was passed over.
    Skipped,
    /// It was stopped.
    Cancelled,
    /// It waits for a person.
    Waiting,
}

/// The run has come to its end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunFinished<'a> {
    /// `completed` or `failed`; `cancelled` when it was stopped, `waiting` when a person must answer first.
    pub status: Cow<'a, str>,
    /// All steps succeeded, all outputs rendered.
    pub success: bool,
    /// The exit code of the command line.
    pub exit_code: u8,
    /// Declared outputs; null where one failed.
    pub outputs: Cow<'a, IndexMap<String, Value>>,
    /// The whole result document.
    pub result: Cow<'a, ResultDocument>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String")]
    pub error: Option<Cow<'a, str>>,
}
