//! Definition, references, rename and what goes with them, in the protocol's words.

use std::sync::Arc;

use camino::Utf8Path;
use lang::{
    ide::{
        Symbol,
        navigate::{self, Call, Location, Occurrence, Role},
        rename::{self, FileEdits},
        symbols,
    },
    text::{LineIndex, TextRange},
};
use tower_lsp::{
    jsonrpc::{Error, ErrorCode, Result},
    lsp_types::{
        self, CallHierarchyIncomingCall, CallHierarchyItem, CallHierarchyOutgoingCall, DocumentChanges,
        DocumentHighlight, DocumentHighlightKind, DocumentLink, LinkedEditingRanges, LocationLink, OneOf,
        OptionalVersionedTextDocumentIdentifier, Position, PrepareRenameResponse, SymbolInformation, TextDocumentEdit,
        Url, WorkspaceEdit,
    },
};

use super::{
    files::Around,
    from_proto,
    session::Environment,
    to_proto::{self, Converter, symbol_kind},
};

/// How many symbols of the workspace are answered at most.
const MOST_SYMBOLS: usize = 1_000;

fn offset(converter: &Converter<'_>, position: Position) -> lang::text::TextSize {
    from_proto::offset(converter.analysis, position, converter.environment.client.encoding)
}

/// Where what stands at `position` is declared.
pub(crate) fn definition(converter: &Converter<'_>, position: Position) -> Vec<LocationLink> {
    let found = navigate::definition(converter.analysis, offset(converter, position)).into_iter();
    found.filter_map(|location| location_link(converter, &location)).collect()
}

fn location_link(converter: &Converter<'_>, location: &Location) -> Option<LocationLink> {
    let uri = uri_of(converter, location.file.as_deref())?;
    let target = match &location.file {
        // What is no text, such as a picture, is shown from its beginning.
        Some(file) if location.range.is_empty() && text_of(converter, file).is_none() => lsp_types::Range::default(),
        file => ranges(converter, file.as_deref(), [location.range])?.pop()?,
    };
    Some(LocationLink {
        origin_selection_range: Some(converter.range(location.origin)),
        target_uri: uri,
        target_range: target,
        target_selection_range: target,
    })
}

/// The address of another file, or of the document.
fn uri_of(converter: &Converter<'_>, file: Option<&Utf8Path>) -> Option<Url> {
    match file {
        None => Some(converter.uri.clone()),
        Some(file) => Url::from_file_path(file).ok(),
    }
}

fn text_of(converter: &Converter<'_>, file: &Utf8Path) -> Option<Arc<str>> {
    converter.analysis.workspace()?.files.text(file)
}

/// Ranges in another file, or in the document.
fn ranges(
    converter: &Converter<'_>,
    file: Option<&Utf8Path>,
    places: impl IntoIterator<Item = TextRange>,
) -> Option<Vec<lsp_types::Range>> {
    let Some(file) = file else {
        return Some(places.into_iter().map(|range| converter.range(range)).collect());
    };
    let text = text_of(converter, file)?;
    let lines = LineIndex::new(&text);
    let position = |offset| to_proto::position(lines.position(&text, offset, converter.environment.client.encoding));
    let range = |range: TextRange| lsp_types::Range { start: position(range.start()), end: position(range.end()) };
    Some(places.into_iter().map(range).collect())
}

/// Every place that means the same.
pub(crate) fn references(converter: &Converter<'_>, position: Position, declaration: bool) -> Vec<lsp_types::Location> {
    let found = navigate::references(converter.analysis, offset(converter, position), declaration).into_iter();
    let location = |found: Occurrence| {
        let range = ranges(converter, found.file.as_deref(), [found.range])?.pop()?;
        Some(lsp_types::Location { uri: uri_of(converter, found.file.as_deref())?, range })
    };
    found.filter_map(location).collect()
}

/// The same, to be marked in the text.
pub(crate) fn highlights(converter: &Converter<'_>, position: Position) -> Vec<DocumentHighlight> {
    let found = navigate::highlights(converter.analysis, offset(converter, position)).into_iter();
    let found = found.filter(|found| found.file.is_none());
    let highlight = |found: Occurrence| DocumentHighlight {
        range: converter.range(found.range),
        kind: Some(match found.role {
            Role::Declaration => DocumentHighlightKind::WRITE,
            Role::Use => DocumentHighlightKind::READ,
        }),
    };
    found.map(highlight).collect()
}

/// Whether what stands at `position` can be renamed.
pub(crate) fn prepare_rename(converter: &Converter<'_>, position: Position) -> Result<PrepareRenameResponse> {
    let name = rename::prepare(converter.analysis, offset(converter, position)).map_err(refused)?;
    Ok(PrepareRenameResponse::RangeWithPlaceholder { range: converter.range(name.range), placeholder: name.value })
}

/// Renames it, in the document at `version` and in other files.
pub(crate) fn rename(
    converter: &Converter<'_>,
    around: &Around,
    version: i32,
    position: Position,
    to: &str,
) -> Result<WorkspaceEdit> {
    let files = rename::rename(converter.analysis, offset(converter, position), to).map_err(refused)?;
    let mut edits: Vec<(OptionalVersionedTextDocumentIdentifier, Vec<lsp_types::TextEdit>)> = Vec::new();
    for FileEdits { file, edits: of_file } in files {
        let open = file.as_ref().and_then(|file| around.open(file));
        let (uri, version) = match (&file, open) {
            (None, _) => (converter.uri.clone(), Some(version)),
            (Some(_), Some(open)) => (open.uri.clone(), Some(open.version)),
            (Some(file), None) => {
                let unnamed = |()| refused(format!("`{file}` has no address"));
                (Url::from_file_path(file).map_err(unnamed)?, None)
            }
        };
        let gone = || refused(format!("`{uri}` cannot be read any more"));
        let places = ranges(converter, file.as_deref(), of_file.iter().map(|edit| edit.range)).ok_or_else(gone)?;
        let texts = of_file.into_iter().map(|edit| edit.new_text);
        let of_file = places.into_iter().zip(texts).map(|(range, new_text)| lsp_types::TextEdit { range, new_text });
        edits.push((OptionalVersionedTextDocumentIdentifier { uri: uri.clone(), version }, of_file.collect()));
    }
    if !converter.environment.client.versioned_edits {
        let changes = edits.into_iter().map(|(document, edits)| (document.uri, edits)).collect();
        return Ok(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() });
    }
    let edits = edits.into_iter().map(|(text_document, edits)| TextDocumentEdit {
        text_document,
        edits: edits.into_iter().map(OneOf::Left).collect(),
    });
    Ok(WorkspaceEdit { document_changes: Some(DocumentChanges::Edits(edits.collect())), ..WorkspaceEdit::default() })
}

fn refused(reason: String) -> Error {
    // LSP 3.17, `RequestFailed`: shown to the person as it is.
    Error { code: ErrorCode::ServerError(-32803), message: reason.into(), data: None }
}

/// The places that are typed over at once.
pub(crate) fn linked(converter: &Converter<'_>, position: Position) -> Option<LinkedEditingRanges> {
    let found = navigate::linked(converter.analysis, offset(converter, position));
    let ranges: Vec<_> = found.into_iter().map(|range| converter.range(range)).collect();
    let word_pattern = Some("[A-Za-z_][A-Za-z0-9_-]*".to_owned());
    (!ranges.is_empty()).then_some(LinkedEditingRanges { ranges, word_pattern })
}

/// Paths that lead to files.
pub(crate) fn links(converter: &Converter<'_>) -> Vec<DocumentLink> {
    let found = navigate::file_links(converter.analysis).into_iter();
    let link = |link: navigate::FileLink| {
        Some(DocumentLink {
            range: converter.range(link.range),
            target: Some(Url::from_file_path(&link.file).ok()?),
            tooltip: None,
            data: None,
        })
    };
    found.filter_map(link).collect()
}

/// The step at `position`, whose neighbours can be asked for.
pub(crate) fn prepare_calls(converter: &Converter<'_>, position: Position) -> Vec<CallHierarchyItem> {
    let step = navigate::step_at(converter.analysis, offset(converter, position));
    step.map(|step| item(converter, &step)).into_iter().collect()
}

/// What feeds the step at `position`.
pub(crate) fn feeders(converter: &Converter<'_>, position: Position) -> Vec<CallHierarchyIncomingCall> {
    let calls = navigate::feeders(converter.analysis, offset(converter, position)).into_iter();
    let incoming = |call: Call| CallHierarchyIncomingCall {
        from: item(converter, &call.step),
        from_ranges: call.ranges.iter().map(|range| converter.range(*range)).collect(),
    };
    calls.map(incoming).collect()
}

/// What the step at `position` feeds.
pub(crate) fn fed(converter: &Converter<'_>, position: Position) -> Vec<CallHierarchyOutgoingCall> {
    let calls = navigate::fed(converter.analysis, offset(converter, position)).into_iter();
    let outgoing = |call: Call| CallHierarchyOutgoingCall {
        to: item(converter, &call.step),
        from_ranges: call.ranges.iter().map(|range| converter.range(*range)).collect(),
    };
    calls.map(outgoing).collect()
}

fn item(converter: &Converter<'_>, step: &Symbol) -> CallHierarchyItem {
    CallHierarchyItem {
        name: step.name.clone(),
        kind: symbol_kind(step.kind),
        tags: None,
        detail: (!step.detail.is_empty()).then(|| step.detail.clone()),
        uri: converter.uri.clone(),
        range: converter.range(step.range),
        selection_range: converter.range(step.selection),
        data: None,
    }
}

/// The steps, inputs and outputs of all pipelines of the workspace whose names hold the letters of
/// `query` in order.
pub(crate) fn symbols(around: &Arc<Around>, environment: &Environment, query: &str) -> Vec<SymbolInformation> {
    let mut found = Vec::new();
    for (uri, analysis) in around.pipelines(&environment.folders) {
        let converter = Converter { analysis: &analysis, uri: &uri, environment };
        for symbol in symbols::symbols(&analysis) {
            flatten(&converter, &symbol, None, query, &mut found);
        }
        if found.len() >= MOST_SYMBOLS {
            found.truncate(MOST_SYMBOLS);
            break;
        }
    }
    found
}

#[expect(deprecated, reason = "lsp-types keeps the old field `deprecated` in the struct")]
fn flatten(
    converter: &Converter<'_>,
    symbol: &Symbol,
    container: Option<&str>,
    query: &str,
    found: &mut Vec<SymbolInformation>,
) {
    let group = symbol.kind == lang::ide::SymbolKind::Group;
    if !group && !symbol.name.is_empty() && holds(&symbol.name, query) {
        found.push(SymbolInformation {
            name: symbol.name.clone(),
            kind: symbol_kind(symbol.kind),
            tags: None,
            deprecated: None,
            location: lsp_types::Location { uri: converter.uri.clone(), range: converter.range(symbol.selection) },
            container_name: container.map(str::to_owned),
        });
    }
    let inner = if group { container } else { Some(symbol.name.as_str()) };
    for child in &symbol.children {
        flatten(converter, child, inner, query, found);
    }
}

fn holds(name: &str, query: &str) -> bool {
    let mut letters = name.chars().flat_map(char::to_lowercase);
    query.chars().flat_map(char::to_lowercase).all(|wanted| letters.any(|letter| letter == wanted))
}
