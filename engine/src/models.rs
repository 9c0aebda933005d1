//! Model providers. In this version one: `simulated`, deterministic, free and labelled, chosen only
//! by name or by `--simulate` (contract §6.1).

use std::{pin::Pin, sync::Arc};

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::tools::{ToolCx, ToolError};

pub mod simulated;
pub use simulated::Simulated;

/// What is asked.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Model name as the provider knows it.
    pub model: String,
    /// The prompt.
    pub prompt: String,
    /// The JSON Schema the answer must fit, if any.
    pub schema: Option<Value>,
    /// Largest answer in tokens.
    pub max_tokens: Option<u64>,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Sampling seed.
    pub seed: Option<u64>,
}

/// Tokens spent, as the provider counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct Usage {
    /// Calls made.
    pub requests: u64,
    /// Prompt tokens not read from cache.
    pub input_tokens: u64,
    /// Answer tokens.
    pub output_tokens: u64,
    /// Prompt tokens read from cache.
    pub cache_read_tokens: u64,
    /// Prompt tokens written to cache.
    pub cache_write_tokens: u64,
    /// Of the answer tokens, those spent on reasoning.
    pub reasoning_tokens: u64,
}

impl Usage {
    /// All of them together; `None` if there is none.
    pub fn sum(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|a, b| Self {
            requests: a.requests + b.requests,
            input_tokens: a.input_tokens + b.input_tokens,
            output_tokens: a.output_tokens + b.output_tokens,
            cache_read_tokens: a.cache_read_tokens + b.cache_read_tokens,
            cache_write_tokens: a.cache_write_tokens + b.cache_write_tokens,
            reasoning_tokens: a.reasoning_tokens + b.reasoning_tokens,
        })
    }
}

/// What came back.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// The answer: text, or a value that fits the schema.
    pub value: Value,
    /// Provider and model that served it.
    pub provider: String,
    /// The served model.
    pub model: String,
    /// Tokens spent; `None` = the provider did not say.
    pub usage: Option<Usage>,
}

/// The future a call is.
pub type ModelFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, ToolError>> + Send + 'a>>;

/// How many calls a provider at the other end of a network is asked to answer at a time.
const REMOTE: usize = 16;

/// A provider of models.
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// Its name, e.g. `simulated`.
    fn name(&self) -> &str;

    /// How many steps of a run may ask it at a time, unless the run says otherwise; nothing where it does not mind.
    fn most_at_once(&self) -> Option<usize> {
        Some(REMOTE)
    }

    /// Asks a model once; retries are the caller's.
    fn call<'a>(&'a self, request: &'a Request, cancel: &'a CancellationToken) -> ModelFuture<'a>;
}

/// Who answered a step and what it took; the answer itself is the step's result.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Served {
    /// The provider.
    pub provider: String,
    /// The served model.
    pub model: String,
    /// Tokens spent; `None` = the provider did not say.
    pub usage: Option<Usage>,
}

/// All providers of this version.
pub fn all() -> Vec<Arc<dyn Provider>> {
    vec![Arc::new(Simulated)]
}

/// The provider for a step's model in this version: the simulated one for `--simulate` and for models
/// that are named `simulated/…`, else none.
pub fn provider(model: Option<&str>, simulate: bool) -> Option<Arc<dyn Provider>> {
    (simulate || model.is_some_and(is_simulated)).then(|| Arc::new(Simulated) as Arc<dyn Provider>)
}

/// Asks the model that `named` (a parameter) or else the step names. `cx.models` answers, or the
/// simulated provider if it is named; without either this is a `NoModelError`, never a guess.
pub async fn ask(named: Option<&str>, request: Request, cx: &ToolCx) -> Result<Response, ToolError> {
    // An AUTO tag leaves the choice to the router, which this version does not have.
    let is_name = |name: &&str| !name.trim().is_empty() && !name.trim_start().starts_with("<AUTO");
    let model = named.filter(is_name).or_else(|| cx.model.as_deref().filter(is_name)).unwrap_or_default();
    let provider = provider(Some(model), false).or_else(|| cx.models.clone());
    let Some(provider) = provider else { return Err(no_model(model)) };
    let request = Request { model: model.to_owned(), ..request };
    tokio::select! {
        biased;
        () = cx.cancel.cancelled() => Err(ToolError::new("CancelledError", "the call to the model was cancelled")),
        response = provider.call(&request, &cx.cancel) => response,
    }
}

fn is_simulated(model: &str) -> bool {
    model.strip_prefix(simulated::NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
}

fn no_model(model: &str) -> ToolError {
    let whom = if model.is_empty() { "model calls".to_owned() } else { format!("`{model}`") };
    ToolError::new("NoModelError", format!("no provider for {whom} in this version; run with `--simulate`"))
}
