//! Tools: what a step's `tool:` (or a tool-like `action:`) executes.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    pin::Pin,
    sync::{Arc, LazyLock},
    time::Duration,
};

use crate::models::{Response, Served};
use camino::Utf8PathBuf;
use indexmap::IndexMap;
use lang::registry::{Registry, ToolSpec, did_you_mean};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

pub(crate) mod blocking;

pub(crate) mod confine;

pub(crate) mod params;

pub(crate) mod process;

#[cfg(unix)]
pub mod adopted;

pub mod person;

pub mod output;
pub use output::OutputSink;

pub(crate) mod environment;

pub(crate) mod filesystem;

pub(crate) mod terminal;

pub(crate) mod data_processing;

pub(crate) mod validation;

// Described, not executed yet.
mod unavailable;

pub mod web_search;

pub mod headless_browser;

pub mod report_generator;

pub mod pdf_compiler;

pub mod python_executor;

pub mod pipeline_executor;

pub mod user_prompt;

pub mod approval_gate;

pub mod feedback_collection;

pub mod recursion_control;

pub mod task_delegation;

pub mod multi_model_routing;

pub mod prompt_optimization;

pub mod image_generation;

pub mod image_analysis;

pub mod audio_processing;

pub mod video_processing;

pub mod mcp_server;

pub mod mcp_memory;

pub mod mcp_resource;

pub mod visualization;

pub mod checkpoint;

pub mod auto_debugger;

#[cfg(test)]
pub(crate) mod fixture;

/// The future a tool's work is.
pub type ToolFuture<'a> = Pin<Box<dyn Future<Output = Result<Outcome, ToolError>> + Send + 'a>>;

/// A tool: its description and its execution, in one file each under `tools/`.
pub trait Tool: Send + Sync {
    /// What it is, for the registry.
    fn spec(&self) -> ToolSpec;

    /// Executes `operation` with rendered, checked `params` (operation and its parameter left out).
    /// Must stop soon after `cx.cancel` is cancelled, killing every process it started.
    fn run<'a>(&'a self, operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a>;

    /// The result that `operation` would have with these rendered parameters, where nothing but what is known before a
    /// run decides that.
    fn foreseen(&self, _operation: &str, _params: &Map<String, Value>, _cx: &ToolCx) -> Option<Value> {
        None
    }

    /// What `operation` asks models, for estimates; nothing where it asks none.
    fn asks(&self, _operation: &str) -> Option<Asks> {
        None
    }

    /// The calls that `operation` would make with these rendered parameters, where it makes one for each of several
    /// items; nothing where that cannot be told.
    fn calls(&self, _operation: &str, _params: &Map<String, Value>, _cx: &ToolCx) -> Option<Vec<Call>> {
        None
    }
}

/// How an operation asks models.
#[derive(Debug, Clone, PartialEq)]
pub enum Asks {
    /// Once, with its parameters and this besides, for an answer that fits a schema. The answer is limited by
    /// `max_tokens` of the step, or else `longest`, and by `besides` more.
    Once {
        /// What it says besides, at most.
        frame: String,
        /// The `max_tokens` where nobody says.
        longest: u64,
        /// What is allowed beyond them.
        besides: u64,
    },
    /// Once for each item of the parameter `list`, for an answer of at most so many tokens.
    Each {
        /// The parameter.
        list: &'static str,
        /// The tokens, unless the item says otherwise.
        longest: u64,
    },
}

/// A call that would be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The model.
    pub model: String,
    /// All that is said.
    pub prompt: String,
    /// The longest answer.
    pub max_tokens: Option<u64>,
}

/// What a tool gave back without breaking: it may still report failure (contract §2.9).
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The step's `result`: an object with the fields of the operation's `OutputSpec`, or a plain
    /// value for scalar outputs.
    pub result: Value,
    /// `None` = success; otherwise why the tool did not do what was asked.
    pub failure: Option<Failure>,
    /// The model call the result came from, if one did.
    pub served: Option<Box<Served>>,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Failure {
    /// A stable class name, matched by handlers and `retry.on`: `TimeoutError`, `FileNotFoundError`,
    /// `PermissionError`, `ValueError`, `CommandError`, … (py-orc's names where it has one).
    pub error_type: String,
    /// What, why and the remedy, in the house wording.
    pub message: String,
    /// A code of its own, matched by `error_codes`; a command's exit code.
    pub code: Option<i64>,
    /// Trying again may help.
    pub retryable: bool,
    /// The model, as `provider/name`, that was asked before this and may have to be paid: nobody said what that
    /// took (contract §6.5).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpriced: Option<String>,
}

/// A tool broke off. Treated as [`Outcome::failure`] with no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", .0.message)]
pub struct ToolError(pub Failure);

impl ToolError {
    /// A failure of the class `error_type`.
    pub fn new(error_type: &str, message: impl Into<String>) -> Self {
        Self(Failure {
            error_type: error_type.to_owned(),
            message: message.into(),
            code: None,
            retryable: false,
            unpriced: None,
        })
    }
}

impl Outcome {
    /// A success with this result.
    pub fn ok(result: Value) -> Self {
        Self { result, failure: None, served: None }
    }

    /// A model's answer as result; a failure with what it cost where the answer is of no use.
    pub fn answered(response: Response) -> Self {
        let Response { value, provider, model, usage, cost, failure, requested, reused, .. } = response;
        let result = if failure.is_none() { value } else { Value::Null };
        let served = Served { provider, model, usage, cost, requested, reused, tool_calls: None };
        Self { result, failure, served: Some(Box::new(served)) }
    }

    /// A reported failure, with what there is of a result.
    pub fn failed(result: Value, failure: Failure) -> Self {
        let served = failure.unpriced.as_deref().map(|model| Box::new(Served::unpriced(model)));
        Self { result, failure: Some(failure), served }
    }
}

/// What a person allows beyond the working and output directories (contract §2.22).
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct Permissions {
    /// Directories that may be read.
    pub read: Vec<Utf8PathBuf>,
    /// Directories that may be written (and read).
    pub write: Vec<Utf8PathBuf>,
    /// Hosts that may be reached.
    pub net: Vec<String>,
    /// Programs that may be run by tools that start programs of their own.
    pub run: Vec<String>,
    /// Environment variables that commands may see beyond the fixed list.
    pub env: Vec<String>,
}

/// The only way a tool reaches the world.
#[derive(Debug, Clone)]
pub struct ToolCx {
    /// Relative paths start here; reading and writing beneath it is allowed.
    pub working_dir: Utf8PathBuf,
    /// The run's output directory; reading and writing beneath it is allowed.
    pub output_dir: Utf8PathBuf,
    /// What is allowed besides.
    pub permissions: Permissions,
    /// Cancelled when the step must stop: cancellation of the run, or its timeout.
    pub cancel: CancellationToken,
    /// The time the step has, if it is limited; for messages only, the engine enforces it.
    pub timeout: Option<Duration>,
    /// The process environment, captured once at the start.
    pub environment: Arc<BTreeMap<String, String>>,
    /// Everything that is known, models with the workspace's among them.
    pub registry: Arc<Registry>,
    /// The workspace is trusted to say where keys are sent.
    pub is_trusted: bool,
    /// Every answer of a model is made up, so that none is asked.
    pub simulate: bool,
    /// Asks a model; `None` where the step may not.
    pub models: Option<Arc<dyn crate::models::Provider>>,
    /// The model the step named or the router chose.
    pub model: Option<String>,
    /// What models may cost.
    pub purse: Arc<crate::models::Purse>,
    /// The models to go on with, where the one that is asked is not available.
    pub fallback: Arc<[String]>,
    /// Takes what a command prints while it runs.
    pub on_output: Option<OutputSink>,
    /// Who asks models, where answers may stand on a tape or be there already.
    pub(crate) caller: Option<crate::models::Caller>,
    /// Takes out of a command's output what must not be kept.
    pub cleaner: Option<output::Cleaner>,
    /// What a step that asks a person may use.
    pub asking: person::Asking,
    /// The run.
    pub run_id: String,
    /// The store of the workspace, if the run has one.
    pub store: Option<PathBuf>,
    /// The ids of the pipelines above, the outermost first.
    pub above: Vec<String>,
    /// What the steps of the run count together.
    pub(crate) recursion: recursion_control::Recursion,
    /// How many requests of the run were sent which way.
    pub(crate) loads: multi_model_routing::Loads,
}

/// All tools, in the order completion offers them.
pub fn all() -> Vec<Arc<dyn Tool>> {
    let mut tools: Vec<Arc<dyn Tool>> = vec![
        Arc::new(filesystem::Filesystem),
        Arc::new(pipeline_executor::PipelineExecutor),
        Arc::new(data_processing::DataProcessing),
        Arc::new(terminal::Terminal),
        Arc::new(validation::Validation),
        Arc::new(multi_model_routing::MultiModelRouting),
        Arc::new(task_delegation::TaskDelegation),
        Arc::new(user_prompt::UserPrompt),
        Arc::new(approval_gate::ApprovalGate),
        Arc::new(feedback_collection::FeedbackCollection),
        Arc::new(recursion_control::RecursionControl),
        Arc::new(checkpoint::Checkpoint),
        Arc::new(prompt_optimization::PromptOptimization),
    ];
    tools.extend(unavailable::all());
    tools
}

/// Tools with what they are.
type Known = IndexMap<String, (ToolSpec, Arc<dyn Tool>)>;

/// By name, once: a spec holds schemas, which take longer to make than most tools to run.
static BY_NAME: LazyLock<Known> = LazyLock::new(|| {
    let named = |tool: Arc<dyn Tool>| {
        let spec = tool.spec();
        (spec.name.clone(), (spec, tool))
    };
    all().into_iter().map(named).collect()
});

/// The tool of this canonical name.
pub fn find(name: &str) -> Option<Arc<dyn Tool>> {
    BY_NAME.get(name).map(|(_, tool)| Arc::clone(tool))
}

/// What they are, in the same order.
pub fn specs() -> impl Iterator<Item = &'static ToolSpec> {
    BY_NAME.values().map(|(spec, _)| spec)
}

/// A success with `output` as result.
pub(crate) fn success<T: serde::Serialize>(output: &T) -> Result<Outcome, ToolError> {
    match serde_json::to_value(output) {
        Ok(result) => Ok(Outcome::ok(result)),
        Err(error) => Err(ToolError::new("ValueError", format!("the result is no JSON: {error}"))),
    }
}

/// The failure of a step whose operation the tool does not have.
pub(crate) fn unknown_operation(spec: &ToolSpec, operation: &str) -> ToolError {
    let names: Vec<&str> = spec.operations.iter().map(|operation| operation.name.as_str()).collect();
    let remedy = match did_you_mean(operation, names.iter().copied()) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("it has `{}`", names.join("`, `")),
    };
    ToolError::new("UnknownActionError", format!("`{}` has no operation `{operation}`; {remedy}", spec.name))
}
