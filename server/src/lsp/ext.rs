//! Our extensions of the protocol (`capabilities.experimental.orc.protocol`): what commands take and
//! what runs report.

use std::num::NonZeroU16;

use serde::Deserialize;
use serde_json::{Map, Value};
use tower_lsp::lsp_types::{Position, Url, notification::Notification};

/// `orc/runEvent`: a fact about a run, as the engine's event stream has it.
#[derive(Debug)]
pub(crate) enum RunEvent {}

impl Notification for RunEvent {
    type Params = Value;
    const METHOD: &'static str = "orc/runEvent";
}

/// `$/progress` with a part of an answer (LSP 3.17, partial results).
#[derive(Debug)]
pub(crate) enum PartialResult {}

impl Notification for PartialResult {
    type Params = Value;
    const METHOD: &'static str = "$/progress";
}

/// The argument of `orc.run`, `orc.runStep` and `orc.runFrom`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RunArgument {
    /// The pipeline.
    pub(crate) uri: Url,
    /// A step of the root: the one that is meant, or where to begin.
    #[serde(default)]
    pub(crate) step: Option<String>,
    /// Inputs by name.
    #[serde(default)]
    pub(crate) inputs: Option<Map<String, Value>>,
    /// How to run.
    #[serde(default)]
    pub(crate) options: Option<RunOptions>,
}

/// Options of a run.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct RunOptions {
    /// Simulated models; the setting `run.simulate` otherwise.
    pub(crate) simulate: Option<bool>,
    /// How many steps may run at once.
    pub(crate) max_concurrency: Option<NonZeroU16>,
    /// Where the run's files go.
    pub(crate) output_dir: Option<String>,
}

/// The argument of `orc.cancel` and `orc.resume`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelArgument {
    /// The run.
    pub(crate) run_id: String,
}

/// The argument of `orc.approve`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ApproveArgument {
    /// The run.
    pub(crate) run_id: String,
    /// The step that asks; may be left out where only one does.
    #[serde(default)]
    pub(crate) step: Option<String>,
    /// The answer, of several questions an object by their ids; an approval needs none.
    #[serde(default)]
    pub(crate) answer: Option<Value>,
    /// What is to be approved is refused, for this reason.
    #[serde(default)]
    pub(crate) reject: Option<String>,
}

/// The argument of `orc.resolveAuto`, `orc.pinAuto` and `orc.unpinAuto`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AutoArgument {
    /// The pipeline.
    pub(crate) uri: Url,
    /// A place in the tag.
    pub(crate) position: Position,
    /// What to pin; without it what is pinned already, for a tag that was written differently since.
    #[serde(default)]
    pub(crate) value: Option<Value>,
    /// Inputs by name, for what the question refers to.
    #[serde(default)]
    pub(crate) inputs: Option<Map<String, Value>>,
}

/// The argument of `orc.graph`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GraphArgument {
    /// The pipeline.
    pub(crate) uri: Url,
    /// How to write it.
    pub(crate) format: GraphFormat,
}

/// The formats of `orc.graph`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum GraphFormat {
    /// A Mermaid flowchart.
    Mermaid,
    /// A Graphviz digraph.
    Dot,
    /// A picture.
    Svg,
    /// For programs.
    Json,
}

/// The argument of `orc.trust`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct TrustArgument {
    /// A document or folder in the workspace folder to trust; all folders without it.
    pub(crate) uri: Option<Url>,
}

/// The argument of `orc.explain`.
#[derive(Debug, Deserialize)]
pub(crate) struct ExplainArgument {
    /// The code.
    pub(crate) code: String,
}
