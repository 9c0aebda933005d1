//! From the protocol's types to ours.

use std::path::{Component, PathBuf};

use lang::{
    analysis::Analysis,
    text::{Buffer, Encoding, Position, TextRange, TextSize},
};
use serde_json::Value;
use tower_lsp::lsp_types::{self, TextDocumentContentChangeEvent, Url};

/// A position of the protocol as ours.
pub(crate) fn position(position: lsp_types::Position) -> Position {
    Position { line: position.line, column: position.character }
}

/// Where a position stands in the text of `analysis`.
pub(crate) fn offset(analysis: &Analysis, at: lsp_types::Position, encoding: Encoding) -> TextSize {
    analysis.lines().offset(analysis.text(), position(at), encoding)
}

/// What a range covers in the text of `analysis`; a reversed one is put in order.
pub(crate) fn range(analysis: &Analysis, range: lsp_types::Range, encoding: Encoding) -> TextRange {
    let start = offset(analysis, range.start, encoding);
    let end = offset(analysis, range.end, encoding);
    TextRange::new(start.min(end), start.max(end))
}

/// Applies one change of a `didChange`.
pub(crate) fn apply(buffer: &mut Buffer, change: TextDocumentContentChangeEvent, encoding: Encoding) {
    match change.range {
        Some(range) => buffer.replace(position(range.start), position(range.end), encoding, &change.text),
        None => *buffer = Buffer::new(&change.text),
    }
}

/// The workspace folders in the parameters of `initialize`: `workspaceFolders`, else `rootUri`, else
/// `rootPath`.
pub(crate) fn folders(params: &Value) -> Vec<Url> {
    if let Some(folders) = params.get("workspaceFolders").and_then(Value::as_array) {
        return folders.iter().filter_map(|folder| Url::parse(folder.get("uri")?.as_str()?).ok()).collect();
    }
    let root = params.get("rootUri").and_then(Value::as_str).and_then(|uri| Url::parse(uri).ok());
    let root = root.or_else(|| Url::from_directory_path(params.get("rootPath")?.as_str()?).ok());
    root.into_iter().collect()
}

/// The settings among the initialization options: the section `orc` in them, else the options.
pub(crate) fn settings_of_options(options: &Value) -> &Value {
    options.get("orc").unwrap_or(options)
}

/// The file a document is stored in, if it is one. A path with `..` in it is none: a parsed address
/// has no such part unless somebody hid it (`..%2F`).
pub(crate) fn path(uri: &Url) -> Option<PathBuf> {
    let path = (uri.scheme() == "file").then(|| uri.to_file_path().ok()).flatten()?;
    path.components().all(|part| part != Component::ParentDir).then_some(path)
}
