//! What is said of a step before a run.

use serde::Serialize;
use serde_json::Value;

use crate::{
    models::estimate::Estimate,
    run::{auto::Ahead, render::RenderError},
};

/// What would become of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Forecast {
    /// The step of the root.
    pub step: String,
    /// Its end.
    pub verdict: Verdict,
    /// Of which kind the reason is.
    pub cause: Cause,
    /// Why, for people.
    pub reason: String,
    /// How its AUTO tags stand.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub auto: Vec<Ahead>,
    /// What its models may take; nothing where it asks none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Box<Estimate>>,
}

/// What would become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It acts.
    Run,
    /// An earlier result is used again.
    Reuse,
    /// It is passed over.
    Skip,
    /// That depends on what other steps come to.
    Unknown,
    /// It fails before it acts.
    Fail,
    /// The run stops before it.
    NotRun,
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It has never come to a result that could be used.
    New,
    /// It is written differently.
    StepChanged,
    /// An input, a file beside the steps, or orc itself is another one.
    InputChanged,
    /// A file it reads is another one.
    FileChanged,
    /// A step before it came to something else.
    UpstreamChanged,
    /// What it does is done each time.
    EachTime,
    /// It was asked for by name.
    Asked,
    /// Nothing it depends on changed.
    Cached,
    /// The run that is gone on with, or the latest one, has its result.
    Known,
    /// Its condition is false, or another step's route passes it over.
    Skipped,
    /// That cannot be known before.
    Unknown,
    /// It cannot succeed.
    Failing,
}

/// What is wrong with a condition.
pub(super) fn said(error: RenderError) -> String {
    error.failure("condition").message
}

/// The first line of a condition.
pub(super) fn one_line(condition: &Value) -> String {
    let text = condition.as_str().map_or_else(|| condition.to_string(), str::to_owned);
    text.lines().next().unwrap_or_default().to_owned()
}
