//! The routing table: each method of the protocol to the function that answers it. Changes of state
//! have already happened in [`super::ordered`] when a method here runs.

use std::sync::Arc;

use lang::ide;
use serde_json::Value;
use tower_lsp::{
    LanguageServer,
    jsonrpc::{Error, Result},
    lsp_types::{
        CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CodeActionResponse, CodeLens,
        CodeLensParams, CompletionParams, CompletionResponse, DidChangeConfigurationParams,
        DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidCloseTextDocumentParams,
        DidOpenTextDocumentParams, DocumentDiagnosticParams, DocumentDiagnosticReportResult, DocumentSymbolParams,
        DocumentSymbolResponse, ExecuteCommandParams, Hover, HoverParams, InitializeParams, InitializeResult,
        InitializedParams, MessageType, WorkspaceDiagnosticParams, WorkspaceDiagnosticReportResult, WorkspaceEdit,
    },
};

use super::{
    capabilities, client::Editor, commands, diagnostics::Diagnostics, from_proto, ordered::pinned, session::Session,
    to_proto::Converter,
};

/// What tower-lsp calls.
pub(crate) struct Backend {
    session: Arc<Session>,
    editor: Editor,
    diagnostics: Diagnostics,
}

impl Backend {
    pub(crate) fn new(session: Arc<Session>, editor: Editor) -> Self {
        let diagnostics = Diagnostics::new(Arc::clone(&session), editor.clone());
        Self { session, editor, diagnostics }
    }

    /// Computes an answer about the pinned document off the shared task; nothing for a document that
    /// is not open.
    async fn answer<T: Send + 'static>(
        &self,
        compute: impl FnOnce(&Converter<'_>) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        let pinned = pinned();
        let Some(document) = pinned.document else { return Ok(None) };
        let compute = move || {
            let analysis = document.analysis();
            compute(&Converter { analysis, uri: &document.uri, environment: &pinned.environment })
        };
        self.session.work.run(compute).await.map(Some)
    }

    async fn complain(&self) {
        if let Some(complaint) = self.session.take_complaint() {
            self.editor.show(MessageType::WARNING, complaint).await;
        }
    }
}

#[tower_lsp::async_trait]
impl LanguageServer for Backend {
    async fn initialize(&self, _: InitializeParams) -> Result<InitializeResult> {
        Ok(capabilities::answer(&self.session.environment().client))
    }

    async fn initialized(&self, _: InitializedParams) {
        self.complain().await;
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        self.diagnostics.schedule(&params.text_document.uri);
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        self.diagnostics.schedule(&params.text_document.uri);
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.diagnostics.clear(params.text_document.uri).await;
    }

    async fn did_change_configuration(&self, _: DidChangeConfigurationParams) {
        self.complain().await;
        self.diagnostics.refresh_all();
    }

    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {
        self.diagnostics.refresh_all();
    }

    async fn diagnostic(&self, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReportResult> {
        self.diagnostics.pull(&params.text_document.uri, params.previous_result_id).await
    }

    async fn workspace_diagnostic(&self, params: WorkspaceDiagnosticParams) -> Result<WorkspaceDiagnosticReportResult> {
        let previous = params.previous_result_ids.into_iter().map(|known| (known.uri, known.value)).collect();
        self.diagnostics.pull_all(previous).await
    }

    async fn document_symbol(&self, _: DocumentSymbolParams) -> Result<Option<DocumentSymbolResponse>> {
        self.answer(|converter| {
            let symbols = ide::symbols::symbols(converter.analysis).into_iter();
            DocumentSymbolResponse::Nested(symbols.map(|symbol| converter.symbol(symbol)).collect())
        })
        .await
    }

    async fn hover(&self, params: HoverParams) -> Result<Option<Hover>> {
        let position = params.text_document_position_params.position;
        let hover = self.answer(move |converter| {
            let offset = from_proto::offset(converter.analysis, position, converter.environment.client.encoding);
            ide::hover::hover(converter.analysis, offset).map(|hover| converter.hover(hover))
        });
        Ok(hover.await?.flatten())
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let position = params.text_document_position.position;
        self.answer(move |converter| {
            let offset = from_proto::offset(converter.analysis, position, converter.environment.client.encoding);
            let items = ide::completion::complete(converter.analysis, offset).into_iter();
            CompletionResponse::Array(items.map(|item| converter.completion(item)).collect())
        })
        .await
    }

    async fn code_lens(&self, _: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        Ok(None)
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let wanted = params
            .context
            .only
            .is_none_or(|kinds| kinds.iter().any(|kind| kind.as_str().is_empty() || kind == &CodeActionKind::QUICKFIX));
        if !wanted {
            return Ok(None);
        }
        self.answer(move |converter| quick_fixes(converter, params.range)).await
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        let argument = params.arguments.into_iter().next().unwrap_or(Value::Null);
        match params.command.as_str() {
            "orc.explain" => {
                commands::explain(argument.get("code").and_then(Value::as_str).unwrap_or_default()).map(Some)
            }
            other => Err(Error::invalid_params(format!("unknown command `{other}`"))),
        }
    }
}

/// The fixes of the diagnostics that touch `range`.
fn quick_fixes(converter: &Converter<'_>, range: tower_lsp::lsp_types::Range) -> CodeActionResponse {
    let range = from_proto::range(converter.analysis, range, converter.environment.client.encoding);
    let mut actions = Vec::new();
    for diagnostic in converter.analysis.diagnostics() {
        if diagnostic.range.intersect(range).is_none() {
            continue;
        }
        let Some(shown) = converter.diagnostic(diagnostic) else { continue };
        for (rank, fix) in diagnostic.fixes.iter().enumerate() {
            let edits = fix.edits.iter().map(|edit| converter.edit(edit)).collect();
            actions.push(CodeActionOrCommand::CodeAction(CodeAction {
                title: fix.title.clone(),
                kind: Some(CodeActionKind::QUICKFIX),
                diagnostics: Some(vec![shown.clone()]),
                edit: Some(WorkspaceEdit {
                    changes: Some([(converter.uri.clone(), edits)].into()),
                    ..WorkspaceEdit::default()
                }),
                is_preferred: Some(rank == 0 && fix.safe),
                ..CodeAction::default()
            }));
        }
    }
    actions
}
