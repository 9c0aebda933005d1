//! `convert`: the same data in another format.

use super::{
    output::ConvertOutput,
    params::ConvertParams,
    text::{self, Content, Format},
};
use crate::tools::ToolError;

pub(super) fn run(params: &ConvertParams, content: Content) -> Result<ConvertOutput, ToolError> {
    if params.compression.is_some() {
        return Err(text::no_parquet());
    }
    let format = params.output_format;
    let (processed_data, original_count) = match content {
        Content::Rows(table) => {
            let count = table.rows.len();
            (text::write(table, format)?, count)
        }
        Content::Value(value) => {
            let count = value.as_array().map_or(1, Vec::len);
            (text::write_value(value, format)?, count)
        }
    };
    let format = format.unwrap_or(Format::Json).name();
    Ok(ConvertOutput { action: "convert", processed_data, format, original_count })
}
