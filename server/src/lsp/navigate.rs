//! Definition, references, rename and what goes with them, in the protocol's words.

use std::sync::Arc;

use lang::{
    ide::{
        Symbol,
        navigate::{self, Call, Location, Occurrence, Role},
        rename, symbols,
    },
    text::TextRange,
};
use tower_lsp::{
    jsonrpc::{Error, ErrorCode, Result},
    lsp_types::{
        self, CallHierarchyIncomingCall, CallHierarchyItem, CallHierarchyOutgoingCall, DocumentHighlight,
        DocumentHighlightKind, DocumentLink, LinkedEditingRanges, LocationLink, Position, PrepareRenameResponse,
        SymbolInformation, Url, WorkspaceEdit,
    },
};

use super::{
    files::Around,
    from_proto,
    session::Environment,
    to_proto::{Converter, symbol_kind},
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
    let (target_uri, target) = match &location.file {
        None => (converter.uri.clone(), converter.range(location.range)),
        Some(file) => {
            let uri = Url::from_file_path(file).ok()?;
            let range = match converter.analysis.workspace()?.files.analysis(file) {
                Some(analysis) => {
                    let other = Converter { analysis: &analysis, uri: &uri, environment: converter.environment };
                    other.range(location.range)
                }
                None => lsp_types::Range::default(),
            };
            (uri, range)
        }
    };
    Some(LocationLink {
        origin_selection_range: Some(converter.range(location.origin)),
        target_uri,
        target_range: target,
        target_selection_range: target,
    })
}

/// Every place that means the same.
pub(crate) fn references(converter: &Converter<'_>, position: Position, declaration: bool) -> Vec<lsp_types::Location> {
    let found = navigate::references(converter.analysis, offset(converter, position), declaration).into_iter();
    let location =
        |found: Occurrence| lsp_types::Location { uri: converter.uri.clone(), range: converter.range(found.range) };
    found.map(location).collect()
}

/// The same, to be marked in the text.
pub(crate) fn highlights(converter: &Converter<'_>, position: Position) -> Vec<DocumentHighlight> {
    let found = navigate::references(converter.analysis, offset(converter, position), true).into_iter();
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

/// Renames it.
pub(crate) fn rename(converter: &Converter<'_>, position: Position, to: &str) -> Result<WorkspaceEdit> {
    let edits = rename::rename(converter.analysis, offset(converter, position), to).map_err(refused)?;
    let edits = edits.iter().map(|edit| converter.edit(edit)).collect();
    Ok(WorkspaceEdit { changes: Some([(converter.uri.clone(), edits)].into()), ..WorkspaceEdit::default() })
}

fn refused(reason: String) -> Error {
    // LSP 3.17, `RequestFailed`: shown to the person as it is.
    Error { code: ErrorCode::ServerError(-32803), message: reason.into(), data: None }
}

/// The places that are typed over at once.
pub(crate) fn linked(converter: &Converter<'_>, position: Position) -> Option<LinkedEditingRanges> {
    let found = navigate::linked(converter.analysis, offset(converter, position));
    let ranges: Vec<_> = found.into_iter().map(|range| converter.range(range)).collect();
    let word_pattern = Some("[A-Za-z_][A-Za-z0-9_]*".to_owned());
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
        from_ranges: ranges(converter, &call.ranges),
    };
    calls.map(incoming).collect()
}

/// What the step at `position` feeds.
pub(crate) fn fed(converter: &Converter<'_>, position: Position) -> Vec<CallHierarchyOutgoingCall> {
    let calls = navigate::fed(converter.analysis, offset(converter, position)).into_iter();
    let outgoing = |call: Call| CallHierarchyOutgoingCall {
        to: item(converter, &call.step),
        from_ranges: ranges(converter, &call.ranges),
    };
    calls.map(outgoing).collect()
}

fn ranges(converter: &Converter<'_>, ranges: &[TextRange]) -> Vec<lsp_types::Range> {
    ranges.iter().map(|range| converter.range(*range)).collect()
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
