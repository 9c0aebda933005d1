//! What the language server asks of the process that runs a pipeline for it.

use std::io::{BufRead, Read};

use serde::Deserialize;
use serde_json::{Map, Value};

/// The request on standard input.
#[derive(Debug, Deserialize)]
pub(in crate::cli) struct Request {
    /// The pipeline's text, saved or not.
    pub(in crate::cli) text: String,
    /// Inputs by name.
    pub(in crate::cli) inputs: Map<String, Value>,
}

/// Reads `<bytes>\n<json>` and leaves the rest unread: its end is the signal to stop.
pub(in crate::cli) fn read(mut stdin: impl BufRead) -> Result<Request, String> {
    let unreadable = |error: &dyn std::fmt::Display| format!("the request on standard input cannot be read: {error}");
    let mut length = String::new();
    stdin.by_ref().take(20).read_line(&mut length).map_err(|error| unreadable(&error))?;
    let length: u64 = length.trim_end().parse().map_err(|error| unreadable(&error))?;
    let mut json = Vec::new();
    stdin.take(length).read_to_end(&mut json).map_err(|error| unreadable(&error))?;
    serde_json::from_slice(&json).map_err(|error| unreadable(&error))
}
