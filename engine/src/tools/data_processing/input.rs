//! The parameter `data`: values, text, or the path of a file.

use lang::registry::is_path_of_data;
use serde_json::Value;

use super::{
    NAME, failure,
    table::{Table, kind},
    text::{self, Content, Format},
};
use crate::tools::{
    ToolCx, ToolError,
    confine::{Access, Last, locate},
    filesystem,
};

/// The rows that `data` stands for.
pub(super) fn table(
    operation: &str,
    data: Option<Value>,
    format: Option<Format>,
    cx: &ToolCx,
) -> Result<Table, ToolError> {
    match content(operation, data, format, cx)? {
        Content::Rows(table) => Ok(table),
        Content::Value(value) => Table::read(value),
    }
}

/// What `data` stands for.
pub(super) fn content(
    operation: &str,
    data: Option<Value>,
    format: Option<Format>,
    cx: &ToolCx,
) -> Result<Content, ToolError> {
    let Some(data) = data else {
        return Err(ToolError::new("ParameterError", format!("`{NAME}.{operation}` needs the parameter `data`")));
    };
    match data {
        Value::String(text) => read_text(&text, format, cx),
        // The whole result of another step of this tool stands for the data in it.
        Value::Object(mut object) => match object.shift_remove("processed_data") {
            Some(inner) => content(operation, Some(inner), None, cx),
            None => Ok(Content::Value(Value::Object(object))),
        },
        Value::Array(_) => Ok(Content::Value(data)),
        other => Err(failure(format!("the data are {}; they are rows, text or the path of a file", kind(&other)))),
    }
}

fn read_text(given: &str, format: Option<Format>, cx: &ToolCx) -> Result<Content, ToolError> {
    if given.trim().is_empty() {
        return Err(failure("the data are empty text"));
    }
    if !is_path_of_data(given) {
        return text::read(given, format.unwrap_or_else(|| Format::of_text(given)), "the text in `data`");
    }
    let format = format.or_else(|| Format::of_path(given));
    if format == Some(Format::Parquet) {
        return Err(text::no_parquet());
    }
    let place = locate(cx, given, Access::Read, Last::Followed)?;
    let content = filesystem::read_text(&place).map_err(|ToolError(mut failure)| {
        failure.message.push_str(" (`data` of one line is the path of a file)");
        ToolError(failure)
    })?;
    text::read(&content, format.unwrap_or_else(|| Format::of_text(&content)), &format!("`{given}`"))
}
