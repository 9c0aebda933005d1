//! Layout: whole, of a range, and while typing.

use lang::ide::format;
use tower_lsp::lsp_types::{Position, Range, TextEdit};

use super::{from_proto, to_proto::Converter};

/// The whole document; nothing where it cannot be laid out, which its diagnostics explain.
pub(crate) fn whole(converter: &Converter<'_>) -> Option<Vec<TextEdit>> {
    let edits = format::format(converter.analysis.parse()).ok()?;
    Some(edits.iter().map(|edit| converter.edit(edit)).collect())
}

/// The lines of a range.
pub(crate) fn range(converter: &Converter<'_>, range: Range) -> Option<Vec<TextEdit>> {
    let range = from_proto::range(converter.analysis, range, converter.environment.client.encoding);
    let edits = format::format_range(converter.analysis.parse(), range).ok()?;
    Some(edits.iter().map(|edit| converter.edit(edit)).collect())
}

/// The new line after the Enter key.
pub(crate) fn on_enter(converter: &Converter<'_>, position: Position) -> Option<Vec<TextEdit>> {
    let offset = from_proto::offset(converter.analysis, position, converter.environment.client.encoding);
    let edit = format::on_enter(converter.analysis.parse(), offset)?;
    Some(vec![converter.edit(&edit)])
}
