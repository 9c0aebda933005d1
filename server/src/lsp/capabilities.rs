//! What the client can do, and what the server says it can.

use lang::text::Encoding;
use serde_json::{Value, json};
use tower_lsp::lsp_types::{
    CallHierarchyServerCapability, CodeActionOptions, CodeActionProviderCapability, CodeLensOptions, CompletionOptions,
    DiagnosticOptions, DiagnosticServerCapabilities, DocumentLinkOptions, DocumentOnTypeFormattingOptions,
    ExecuteCommandOptions, FoldingRangeProviderCapability, HoverProviderCapability, InitializeResult,
    LinkedEditingRangeServerCapabilities, OneOf, PositionEncodingKind, Registration, RenameOptions,
    SelectionRangeProviderCapability, SemanticTokensServerCapabilities, ServerCapabilities, ServerInfo,
    SignatureHelpOptions, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    WorkDoneProgressOptions, WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};

use super::{actions, commands, tokens};

/// The version of our extensions (`capabilities.experimental.orc.protocol`).
pub(crate) const PROTOCOL: u32 = 1;

/// What the client can do, as far as it changes what the server does. Read from the raw message,
/// because lsp-types 0.94 misnames `workspace.diagnostics`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Client {
    /// The unit of columns, the first of the client's list that we know (all of them).
    pub(crate) encoding: Encoding,
    /// It asks for diagnostics itself, so none are pushed.
    pub(crate) pulls_diagnostics: bool,
    /// It can be told to ask for diagnostics again.
    pub(crate) refreshes_diagnostics: bool,
    /// It can be told to ask for lenses again.
    pub(crate) refreshes_lenses: bool,
    /// It can be told to ask for hints again.
    pub(crate) refreshes_hints: bool,
    /// It shows related places.
    pub(crate) related_information: bool,
    /// It takes snippets.
    pub(crate) snippets: bool,
    /// It shows more beside the label of an item.
    pub(crate) label_details: bool,
    /// It takes an item when one of its characters is typed.
    pub(crate) commit_characters: bool,
    /// It can be told whether to indent the lines of an item.
    pub(crate) insert_modes: bool,
    /// It asks for an item's documentation when it shows it.
    pub(crate) resolves_documentation: bool,
    /// It shows progress that the server starts.
    pub(crate) work_done_progress: bool,
    /// It answers `workspace/configuration`.
    pub(crate) configuration: bool,
    /// It takes registrations of configuration changes.
    pub(crate) registers_configuration: bool,
    /// It takes definitions with the place the question was about.
    pub(crate) definition_links: bool,
    /// It takes edits of several documents with the versions they are meant for.
    pub(crate) versioned_edits: bool,
    /// It watches files for the server.
    pub(crate) registers_watchers: bool,
    /// It tells itself how a run ended, from `orc/runEvent`.
    pub(crate) shows_runs: bool,
}

impl Client {
    /// Reads the parameters of `initialize`.
    pub(crate) fn read(params: &Value) -> Self {
        let flag = |pointer: &str| params.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
        Self {
            encoding: encoding(params),
            pulls_diagnostics: params.pointer("/capabilities/textDocument/diagnostic").is_some_and(Value::is_object),
            refreshes_diagnostics: flag("/capabilities/workspace/diagnostics/refreshSupport"),
            refreshes_lenses: flag("/capabilities/workspace/codeLens/refreshSupport"),
            refreshes_hints: flag("/capabilities/workspace/inlayHint/refreshSupport"),
            related_information: flag("/capabilities/textDocument/publishDiagnostics/relatedInformation"),
            snippets: flag("/capabilities/textDocument/completion/completionItem/snippetSupport"),
            label_details: flag("/capabilities/textDocument/completion/completionItem/labelDetailsSupport"),
            commit_characters: flag("/capabilities/textDocument/completion/completionItem/commitCharactersSupport"),
            insert_modes: params
                .pointer("/capabilities/textDocument/completion/completionItem/insertTextModeSupport")
                .is_some_and(Value::is_object),
            resolves_documentation: params
                .pointer("/capabilities/textDocument/completion/completionItem/resolveSupport/properties")
                .and_then(Value::as_array)
                .is_some_and(|properties| properties.iter().any(|property| property == "documentation")),
            work_done_progress: flag("/capabilities/window/workDoneProgress"),
            configuration: flag("/capabilities/workspace/configuration"),
            registers_configuration: flag("/capabilities/workspace/didChangeConfiguration/dynamicRegistration"),
            definition_links: flag("/capabilities/textDocument/definition/linkSupport"),
            versioned_edits: flag("/capabilities/workspace/workspaceEdit/documentChanges"),
            registers_watchers: flag("/capabilities/workspace/didChangeWatchedFiles/dynamicRegistration"),
            shows_runs: flag("/capabilities/experimental/orc/runEvents"),
        }
    }
}

fn encoding(params: &Value) -> Encoding {
    let offered = params.pointer("/capabilities/general/positionEncodings").and_then(Value::as_array);
    let known = offered.into_iter().flatten().find_map(|name| match name.as_str()? {
        "utf-8" => Some(Encoding::Utf8),
        "utf-16" => Some(Encoding::Utf16),
        "utf-32" => Some(Encoding::Utf32),
        _ => None,
    });
    known.unwrap_or(Encoding::Utf16)
}

/// The answer to `initialize`.
pub(crate) fn answer(client: &Client) -> InitializeResult {
    InitializeResult {
        capabilities: server(client),
        server_info: Some(ServerInfo { name: "orc".to_owned(), version: Some(env!("CARGO_PKG_VERSION").to_owned()) }),
    }
}

/// What is registered once the client is initialized: to hear of settings, and of all files: steps
/// may read any, whatever its name ends in. Of a file that nobody looked at nothing comes.
pub(crate) fn registrations(client: &Client) -> Vec<Registration> {
    let mut registrations = Vec::new();
    if client.registers_configuration {
        registrations.push(registration("workspace/didChangeConfiguration", json!({ "section": "orc" })));
    }
    if client.registers_watchers {
        let watchers = json!({ "watchers": [{ "globPattern": "**/*" }] });
        registrations.push(registration("workspace/didChangeWatchedFiles", watchers));
    }
    registrations
}

fn registration(method: &str, options: Value) -> Registration {
    Registration { id: format!("orc:{method}"), method: method.to_owned(), register_options: Some(options) }
}

fn server(client: &Client) -> ServerCapabilities {
    ServerCapabilities {
        position_encoding: Some(match client.encoding {
            Encoding::Utf8 => PositionEncodingKind::UTF8,
            Encoding::Utf16 => PositionEncodingKind::UTF16,
            Encoding::Utf32 => PositionEncodingKind::UTF32,
        }),
        text_document_sync: Some(TextDocumentSyncCapability::Options(TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            ..TextDocumentSyncOptions::default()
        })),
        // A client that takes pushed diagnostics only would get them twice if both were offered.
        diagnostic_provider: client.pulls_diagnostics.then(|| {
            DiagnosticServerCapabilities::Options(DiagnosticOptions {
                identifier: Some("orc".to_owned()),
                inter_file_dependencies: true,
                workspace_diagnostics: true,
                ..DiagnosticOptions::default()
            })
        }),
        document_symbol_provider: Some(OneOf::Left(true)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some([":", " ", "-", "{", ".", "|", "<", "\"", "/", "["].map(str::to_owned).to_vec()),
            resolve_provider: Some(true),
            ..CompletionOptions::default()
        }),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(actions::kinds()),
            ..CodeActionOptions::default()
        })),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        linked_editing_range_provider: Some(LinkedEditingRangeServerCapabilities::Simple(true)),
        document_link_provider: Some(DocumentLinkOptions {
            resolve_provider: Some(false),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        selection_range_provider: Some(SelectionRangeProviderCapability::Simple(true)),
        inlay_hint_provider: Some(OneOf::Left(true)),
        semantic_tokens_provider: Some(SemanticTokensServerCapabilities::SemanticTokensOptions(tokens::options())),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: Some(["(", ","].map(str::to_owned).to_vec()),
            retrigger_characters: Some(vec!["=".to_owned()]),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        call_hierarchy_provider: Some(CallHierarchyServerCapability::Simple(true)),
        workspace_symbol_provider: Some(OneOf::Left(true)),
        document_formatting_provider: Some(OneOf::Left(true)),
        document_range_formatting_provider: Some(OneOf::Left(true)),
        document_on_type_formatting_provider: Some(DocumentOnTypeFormattingOptions {
            first_trigger_character: "\n".to_owned(),
            more_trigger_character: None,
        }),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: commands::NAMES.map(str::to_owned).to_vec(),
            // `orc.resolveAuto` shows its own under the token of the request.
            work_done_progress_options: WorkDoneProgressOptions { work_done_progress: Some(true) },
        }),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            file_operations: None,
        }),
        experimental: Some(json!({ "orc": { "protocol": PROTOCOL } })),
        ..ServerCapabilities::default()
    }
}
