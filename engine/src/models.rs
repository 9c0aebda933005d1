//! Model providers. In this version one: `simulated`, deterministic, free and labelled, chosen only
//! by name or by `--simulate` (contract §6.1).

use std::pin::Pin;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::tools::ToolError;

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
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

/// A provider of models.
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// Its name, e.g. `simulated`.
    fn name(&self) -> &str;

    /// Asks a model once; retries are the caller's.
    fn call<'a>(&'a self, request: &'a Request, cancel: &'a CancellationToken) -> ModelFuture<'a>;
}
