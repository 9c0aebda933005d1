//! The routing table: each method of the protocol to the function that answers it. Changes of state
//! have already happened in [`super::ordered`] when a method here runs.

use std::sync::Arc;

use lang::ide;
use serde_json::Value;
use tower_lsp::{
    LanguageServer,
    jsonrpc::Result,
    lsp_types::{
        CallHierarchyIncomingCall, CallHierarchyIncomingCallsParams, CallHierarchyItem, CallHierarchyOutgoingCall,
        CallHierarchyOutgoingCallsParams, CallHierarchyPrepareParams, CodeActionParams, CodeActionResponse, CodeLens,
        CodeLensParams, CompletionItem, CompletionParams, CompletionResponse, ConfigurationItem, ConfigurationParams,
        DidChangeConfigurationParams, DidChangeTextDocumentParams, DidChangeWatchedFilesParams,
        DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
        DocumentDiagnosticParams, DocumentDiagnosticReportResult, DocumentFormattingParams, DocumentHighlight,
        DocumentHighlightParams, DocumentLink, DocumentLinkParams, DocumentOnTypeFormattingParams,
        DocumentRangeFormattingParams, DocumentSymbolParams, DocumentSymbolResponse, ExecuteCommandParams,
        FoldingRange, FoldingRangeParams, GotoDefinitionParams, GotoDefinitionResponse, Hover, HoverParams,
        InitializeParams, InitializeResult, InitializedParams, InlayHint, InlayHintParams, LinkedEditingRangeParams,
        LinkedEditingRanges, Location, LocationLink, MessageType, PrepareRenameResponse, ReferenceParams,
        RegistrationParams, RenameParams, SelectionRange, SelectionRangeParams, SemanticTokensDeltaParams,
        SemanticTokensFullDeltaResult, SemanticTokensParams, SemanticTokensRangeParams, SemanticTokensRangeResult,
        SemanticTokensResult, SignatureHelp, SignatureHelpParams, SymbolInformation, TextDocumentPositionParams,
        TextEdit, WorkspaceDiagnosticParams, WorkspaceDiagnosticReportResult, WorkspaceEdit, WorkspaceSymbolParams,
        request::{RegisterCapability, WorkspaceConfiguration},
    },
};

use super::{
    actions, capabilities,
    client::Editor,
    commands, completion,
    diagnostics::Diagnostics,
    expense::{self, Expected},
    from_proto, history, layout, navigate,
    ordered::pinned,
    pins, reading,
    runs::Owner,
    session::Session,
    to_proto::Converter,
    tokens,
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
        let quick = document.is_quick();
        let compute = move || {
            let analysis = document.analysis();
            compute(&Converter { analysis, uri: &document.uri, environment: &pinned.environment })
        };
        self.session.work.run_near(quick, compute).await.map(Some)
    }

    /// The same with what a run may cost, which takes longer than the text alone: always apart.
    async fn answer_with_cost<T: Send + 'static>(
        &self,
        compute: impl FnOnce(&Converter<'_>, &Session, &Expected) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        let pinned = pinned();
        let Some(document) = pinned.document else { return Ok(None) };
        let session = Arc::clone(&self.session);
        let compute = move || {
            let analysis = document.checked();
            let converter = Converter { analysis, uri: &document.uri, environment: &pinned.environment };
            compute(&converter, &session, &session.expenses.expected(&converter, document.revision))
        };
        self.session.work.run(compute).await.map(Some)
    }

    fn owner(&self) -> Owner {
        Owner { session: Arc::clone(&self.session), editor: self.editor.clone(), diagnostics: self.diagnostics.clone() }
    }

    /// Asks the client for its settings, where it answers such questions. A task of its own waits for
    /// the answer: handlers never wait for the client.
    fn ask_for_settings(&self) {
        if !self.session.environment().client.configuration {
            return;
        }
        let items = vec![ConfigurationItem { scope_uri: None, section: Some("orc".to_owned()) }];
        let answer = self.editor.request::<WorkspaceConfiguration>(ConfigurationParams { items });
        let (session, editor, diagnostics) = (Arc::clone(&self.session), self.editor.clone(), self.diagnostics.clone());
        self.session.tasks.spawn(async move {
            let Ok(Ok(answers)) = answer.await else { return };
            let Some(section) = answers.into_iter().next().filter(|section| !section.is_null()) else { return };
            if session.configure(&section) {
                diagnostics.refresh_all();
            }
            if let Some(complaint) = session.take_complaint() {
                editor.show(MessageType::WARNING, complaint).await;
            }
        });
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
        let registrations = capabilities::registrations(&self.session.environment().client);
        if !registrations.is_empty() {
            drop(self.editor.request::<RegisterCapability>(RegistrationParams { registrations }));
        }
        self.ask_for_settings();
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_open(&self, params: DidOpenTextDocumentParams) {
        self.diagnostics.schedule(&params.text_document.uri);
        self.diagnostics.touched(&pinned().touched);
    }

    async fn did_change(&self, params: DidChangeTextDocumentParams) {
        self.diagnostics.schedule(&params.text_document.uri);
        self.diagnostics.touched(&pinned().touched);
    }

    async fn did_close(&self, params: DidCloseTextDocumentParams) {
        self.diagnostics.touched(&pinned().touched);
        self.diagnostics.clear(params.text_document.uri).await;
    }

    async fn did_change_configuration(&self, params: DidChangeConfigurationParams) {
        if params.settings.get("orc").is_none() {
            // The client names no settings but says that they changed: it wants to be asked.
            self.ask_for_settings();
            return;
        }
        self.complain().await;
        self.diagnostics.refresh_all();
    }

    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {
        self.diagnostics.touched(&pinned().touched);
    }

    async fn did_change_workspace_folders(&self, _: DidChangeWorkspaceFoldersParams) {
        self.diagnostics.touched(&pinned().touched);
    }

    async fn diagnostic(&self, params: DocumentDiagnosticParams) -> Result<DocumentDiagnosticReportResult> {
        self.diagnostics.pull(&params.text_document.uri, params.previous_result_id).await
    }

    async fn workspace_diagnostic(&self, params: WorkspaceDiagnosticParams) -> Result<WorkspaceDiagnosticReportResult> {
        let previous = params.previous_result_ids.into_iter().map(|known| (known.uri, known.value)).collect();
        self.diagnostics.pull_all(previous, params.partial_result_params.partial_result_token).await
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
            let hover = ide::hover::hover(converter.analysis, offset)?;
            let hover = expense::with_estimate(converter, history::with_last_value(converter, hover));
            Some(converter.hover(pins::with_pin(converter, hover)))
        });
        Ok(hover.await?.flatten())
    }

    async fn completion(&self, params: CompletionParams) -> Result<Option<CompletionResponse>> {
        let position = params.text_document_position.position;
        let session = Arc::clone(&self.session);
        let found = move |converter: &Converter<'_>| completion::complete(converter, &session.completions, position);
        self.answer(found).await
    }

    async fn completion_resolve(&self, item: CompletionItem) -> Result<CompletionItem> {
        Ok(self.session.completions.resolve(item))
    }

    async fn code_lens(&self, _: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        self.answer_with_cost(|converter, session, expected| {
            let marks = session.marks(converter.analysis, converter.uri, converter.environment);
            let lenses = ide::lenses::lenses(converter.analysis).into_iter();
            let lenses = lenses.map(|lens| converter.lens(&lens, &marks)).chain(pins::lenses(converter));
            lenses.chain(expense::lens(converter, expected)).collect()
        })
        .await
    }

    async fn code_action(&self, params: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        self.answer(move |converter| actions::actions(converter, &params)).await
    }

    async fn goto_definition(&self, params: GotoDefinitionParams) -> Result<Option<GotoDefinitionResponse>> {
        let position = params.text_document_position_params.position;
        let found = self.answer(move |converter| {
            let links = navigate::definition(converter, position);
            if converter.environment.client.definition_links {
                return GotoDefinitionResponse::Link(links);
            }
            let location = |link: LocationLink| Location { uri: link.target_uri, range: link.target_selection_range };
            GotoDefinitionResponse::Array(links.into_iter().map(location).collect())
        });
        found.await
    }

    async fn references(&self, params: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let position = params.text_document_position.position;
        let declaration = params.context.include_declaration;
        self.answer(move |converter| navigate::references(converter, position, declaration)).await
    }

    async fn document_highlight(&self, params: DocumentHighlightParams) -> Result<Option<Vec<DocumentHighlight>>> {
        let position = params.text_document_position_params.position;
        self.answer(move |converter| navigate::highlights(converter, position)).await
    }

    async fn prepare_rename(&self, params: TextDocumentPositionParams) -> Result<Option<PrepareRenameResponse>> {
        self.answer(move |converter| navigate::prepare_rename(converter, params.position)).await?.transpose()
    }

    async fn rename(&self, params: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let position = params.text_document_position.position;
        let version = pinned().document.map_or(0, |document| document.version);
        let session = Arc::clone(&self.session);
        let answer = self.answer(move |converter| {
            navigate::rename(converter, session.around(), version, position, &params.new_name)
        });
        answer.await?.transpose()
    }

    async fn linked_editing_range(&self, params: LinkedEditingRangeParams) -> Result<Option<LinkedEditingRanges>> {
        let position = params.text_document_position_params.position;
        Ok(self.answer(move |converter| navigate::linked(converter, position)).await?.flatten())
    }

    async fn document_link(&self, _: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        self.answer(navigate::links).await
    }

    async fn prepare_call_hierarchy(
        &self,
        params: CallHierarchyPrepareParams,
    ) -> Result<Option<Vec<CallHierarchyItem>>> {
        let position = params.text_document_position_params.position;
        self.answer(move |converter| navigate::prepare_calls(converter, position)).await
    }

    async fn incoming_calls(
        &self,
        params: CallHierarchyIncomingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyIncomingCall>>> {
        let position = params.item.selection_range.start;
        self.answer(move |converter| navigate::feeders(converter, position)).await
    }

    async fn outgoing_calls(
        &self,
        params: CallHierarchyOutgoingCallsParams,
    ) -> Result<Option<Vec<CallHierarchyOutgoingCall>>> {
        let position = params.item.selection_range.start;
        self.answer(move |converter| navigate::fed(converter, position)).await
    }

    async fn symbol(&self, params: WorkspaceSymbolParams) -> Result<Option<Vec<SymbolInformation>>> {
        let (session, environment) = (Arc::clone(&self.session), pinned().environment);
        let search = move || navigate::symbols(session.around(), &environment, &params.query);
        self.session.work.run(search).await.map(Some)
    }

    async fn formatting(&self, _: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        Ok(self.answer(layout::whole).await?.flatten())
    }

    async fn range_formatting(&self, params: DocumentRangeFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        Ok(self.answer(move |converter| layout::range(converter, params.range)).await?.flatten())
    }

    async fn on_type_formatting(&self, params: DocumentOnTypeFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        let position = params.text_document_position.position;
        Ok(self.answer(move |converter| layout::on_enter(converter, position)).await?.flatten())
    }

    async fn folding_range(&self, _: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        self.answer(reading::folding).await
    }

    async fn selection_range(&self, params: SelectionRangeParams) -> Result<Option<Vec<SelectionRange>>> {
        self.answer(move |converter| reading::selections(converter, &params.positions)).await
    }

    async fn inlay_hint(&self, params: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        self.answer_with_cost(move |converter, session, expected| {
            let marks = session.marks(converter.analysis, converter.uri, converter.environment);
            let mut found = reading::inlays(converter, &marks, params.range);
            found.extend(pins::inlays(converter, params.range));
            found.extend(expense::inlays(converter, expected, params.range));
            found
        })
        .await
    }

    async fn signature_help(&self, params: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
        let position = params.text_document_position_params.position;
        Ok(self.answer(move |converter| reading::signature(converter, position)).await?.flatten())
    }

    async fn semantic_tokens_full(&self, _: SemanticTokensParams) -> Result<Option<SemanticTokensResult>> {
        let (session, id) = (Arc::clone(&self.session), revision());
        let full = move |converter: &Converter<'_>| tokens::full(converter, &session.tokens, &id);
        Ok(self.answer(full).await?.map(SemanticTokensResult::Tokens))
    }

    async fn semantic_tokens_full_delta(
        &self,
        params: SemanticTokensDeltaParams,
    ) -> Result<Option<SemanticTokensFullDeltaResult>> {
        let (session, id) = (Arc::clone(&self.session), revision());
        let before = params.previous_result_id;
        self.answer(move |converter| tokens::delta(converter, &session.tokens, &id, &before)).await
    }

    async fn semantic_tokens_range(
        &self,
        params: SemanticTokensRangeParams,
    ) -> Result<Option<SemanticTokensRangeResult>> {
        let within = move |converter: &Converter<'_>| {
            let encoding = converter.environment.client.encoding;
            tokens::within(converter, from_proto::range(converter.analysis, params.range, encoding))
        };
        Ok(self.answer(within).await?.map(SemanticTokensRangeResult::Tokens))
    }

    async fn execute_command(&self, params: ExecuteCommandParams) -> Result<Option<Value>> {
        commands::execute(&self.owner(), pinned(), params).await.map(Some)
    }
}

/// What the state of the request's document is called in ids of results.
fn revision() -> String {
    pinned().document.map_or_else(String::new, |document| document.revision.to_string())
}
