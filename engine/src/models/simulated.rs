//! `simulated`: answers without a model. The same request always gets the same answer, which is free
//! and says what it is; with a schema, a value that fits it.

use std::fmt::Write as _;

use serde_json::Value;
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::{ModelFuture, Provider, Request, Response, Usage};
use crate::{run::document::Cost, tools::ToolError};

mod instance;

mod sample;

/// The name of the provider, and the prefix of its models.
pub const NAME: &str = "simulated";

/// How much of the prompt an answer repeats.
const HEAD: usize = 120;

/// The provider.
#[derive(Debug, Clone, Copy, Default)]
pub struct Simulated;

impl Provider for Simulated {
    fn name(&self) -> &str {
        NAME
    }

    fn most_at_once(&self) -> Option<usize> {
        None
    }

    fn call<'a>(&'a self, request: &'a Request, _cancel: &'a CancellationToken) -> ModelFuture<'a> {
        Box::pin(async move { answer(request) })
    }
}

fn answer(request: &Request) -> Result<Response, ToolError> {
    // All that is said is one prompt here; an answer that did not fit is never one of its own.
    let request = &Request { prompt: request.said(), ..request.clone() };
    let value = match &request.schema {
        Some(schema) => structured(schema, request)?,
        None => Value::from(text(request)),
    };
    let answer_text = crate::tools::params::text(&value);
    Ok(Response {
        value,
        // It answers at once, whatever it is offered.
        calls: Vec::new(),
        thoughts: Vec::new(),
        provider: NAME.to_owned(),
        model: request.model.clone(),
        usage: Some(Usage {
            requests: 1,
            input_tokens: tokens(&request.prompt),
            output_tokens: tokens(&answer_text),
            ..Usage::default()
        }),
        cost: Cost::free(),
        failure: None,
        requested: None,
        reused: None,
    })
}

fn text(request: &Request) -> String {
    let line = request.prompt.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(an empty prompt)");
    let mut head: String = line.chars().take(HEAD).collect();
    if head.len() < request.prompt.trim().len() {
        head.push('…');
    }
    let label = if request.model.is_empty() { NAME.to_owned() } else { format!("{NAME} {}", request.model) };
    let answer = format!("[{label}] {head} (#{})", &digest(request)[..8]);
    // A token is about four characters; the limit holds for answers that are made up, too.
    let limit =
        request.max_tokens.map_or(usize::MAX, |tokens| usize::try_from(tokens.saturating_mul(4)).unwrap_or(usize::MAX));
    answer.chars().take(limit).collect()
}

fn structured(schema: &Value, request: &Request) -> Result<Value, ToolError> {
    let failed = |reason: String| {
        ToolError::new("SimulationError", format!("the simulated model cannot make a value for this schema: {reason}"))
    };
    let validator = jsonschema::options().offline().build(schema).map_err(|error| failed(error.to_string()))?;
    let value = instance::fitting(schema, &digest(request)).map_err(failed)?;
    match validator.validate(&value) {
        Ok(()) => Ok(value),
        Err(error) => Err(failed(format!("{error} (at `{}`)", error.instance_path()))),
    }
}

/// What the answer depends on, as hexadecimal digits.
fn digest(request: &Request) -> String {
    let mut hash = Sha256::new();
    for part in [&request.model, &request.prompt] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    for image in &request.images {
        hash.update(format!("{image:?}"));
    }
    hash.update(request.seed.unwrap_or(0).to_le_bytes());
    hash.update(request.schema.as_ref().map(Value::to_string).unwrap_or_default());
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        write!(text, "{byte:02x}").ok();
        text
    })
}

fn tokens(text: &str) -> u64 {
    (text.chars().count() as u64).div_ceil(4)
}

#[cfg(test)]
mod tests;
