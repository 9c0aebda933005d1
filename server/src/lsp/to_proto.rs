//! From our types to the protocol's.

use lang::{
    analysis::Analysis,
    check::{self, Severity, Tag},
    ide::{self, LensKind},
    text::{Encoding, Position, TextEdit, TextRange, TextSize},
};
use serde_json::json;
use tower_lsp::lsp_types::{
    self, CodeDescription, Command, CompletionItemKind, CompletionItemLabelDetails, CompletionItemTag,
    CompletionTextEdit, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Documentation, HoverContents,
    InsertTextFormat, InsertTextMode, Location, MarkupContent, MarkupKind, NumberOrString, SymbolKind, Url,
};

use super::{
    marks::Marks,
    runs::{Latest, State},
    session::Environment,
};
use crate::{config::Severities, pages};

/// Converts the parts of one document for one client.
pub(crate) struct Converter<'a> {
    /// The document.
    pub(crate) analysis: &'a Analysis,
    /// Its address.
    pub(crate) uri: &'a Url,
    /// The client and its settings.
    pub(crate) environment: &'a Environment,
}

/// A position of ours as the protocol's.
pub(crate) fn position(position: Position) -> lsp_types::Position {
    lsp_types::Position { line: position.line, character: position.column }
}

impl Converter<'_> {
    fn encoding(&self) -> Encoding {
        self.environment.client.encoding
    }

    /// A place.
    pub(crate) fn position(&self, offset: TextSize) -> lsp_types::Position {
        position(self.analysis.lines().position(self.analysis.text(), offset, self.encoding()))
    }

    /// A range.
    pub(crate) fn range(&self, range: TextRange) -> lsp_types::Range {
        lsp_types::Range { start: self.position(range.start()), end: self.position(range.end()) }
    }

    /// An edit.
    pub(crate) fn edit(&self, edit: &TextEdit) -> lsp_types::TextEdit {
        lsp_types::TextEdit { range: self.range(edit.range), new_text: edit.new_text.clone() }
    }

    /// All diagnostics of the document that the settings show.
    pub(crate) fn diagnostics(&self) -> Vec<lsp_types::Diagnostic> {
        let severities = self.severities();
        let diagnostics = self.analysis.diagnostics().iter();
        diagnostics.filter_map(|diagnostic| self.diagnostic(diagnostic, &severities)).collect()
    }

    /// What the settings say about this document.
    pub(crate) fn severities(&self) -> Severities<'_> {
        let path = self.analysis.workspace().map(|workspace| workspace.shown(&workspace.path));
        self.environment.settings.severities(path)
    }

    /// A diagnostic, unless the settings turn it off.
    pub(crate) fn diagnostic(
        &self,
        diagnostic: &check::Diagnostic,
        severities: &Severities<'_>,
    ) -> Option<lsp_types::Diagnostic> {
        let severity = severities.of(diagnostic)?;
        Some(lsp_types::Diagnostic {
            range: self.range(diagnostic.range),
            severity: Some(match severity {
                Severity::Error => DiagnosticSeverity::ERROR,
                Severity::Warning => DiagnosticSeverity::WARNING,
                Severity::Information => DiagnosticSeverity::INFORMATION,
                Severity::Hint => DiagnosticSeverity::HINT,
            }),
            code: Some(NumberOrString::String(diagnostic.code.to_string())),
            code_description: Url::parse(&pages::url(diagnostic.code)).ok().map(|href| CodeDescription { href }),
            source: Some("orc".to_owned()),
            message: diagnostic.message.clone(),
            related_information: self.related(diagnostic),
            tags: diagnostic.tag.map(|tag| {
                vec![match tag {
                    Tag::Unnecessary => DiagnosticTag::UNNECESSARY,
                    Tag::Deprecated => DiagnosticTag::DEPRECATED,
                }]
            }),
            data: Some(json!({ "code": diagnostic.code.to_string(), "fixable": !diagnostic.fixes.is_empty() })),
        })
    }

    /// What failed in the last run, at the steps that are still there.
    pub(crate) fn failures(&self, latest: &Latest) -> Vec<lsp_types::Diagnostic> {
        let severities = self.severities();
        let (scopes, steps) = (self.analysis.scopes(), self.analysis.pipeline().all_steps());
        let found = latest.failures.iter().filter_map(|(path, (error, count))| {
            let mut scope = None;
            for id in path.split('.') {
                scope = Some(scopes.in_scope(scope, id)?);
            }
            let step = steps.iter().find(|step| Some(step.index) == scope)?;
            let more = match count {
                0 | 1 => String::new(),
                count => format!(" (the first of {count} failures)"),
            };
            let diagnostic = check::Diagnostic {
                code: check::codes::STEP_FAILED,
                severity: Severity::Error,
                message: format!("{}{more}", error.trim_end()),
                range: step.id.as_ref().map_or(step.range, |id| id.range),
                related: Vec::new(),
                fixes: Vec::new(),
                tag: None,
            };
            let shown = self.diagnostic(&diagnostic, &severities)?;
            Some(lsp_types::Diagnostic { source: Some("orc run".to_owned()), ..shown })
        });
        found.collect()
    }

    fn related(&self, diagnostic: &check::Diagnostic) -> Option<Vec<DiagnosticRelatedInformation>> {
        if diagnostic.related.is_empty() || !self.environment.client.related_information {
            return None;
        }
        let related = diagnostic.related.iter().filter_map(|related| {
            let location = match &related.file {
                None => Location { uri: self.uri.clone(), range: self.range(related.range) },
                Some(file) => {
                    let analysis = self.analysis.workspace()?.files.analysis(file)?;
                    let uri = Url::from_file_path(file).ok()?;
                    let other = Converter { analysis: &analysis, uri: &uri, environment: self.environment };
                    let range = other.range(related.range);
                    Location { uri, range }
                }
            };
            Some(DiagnosticRelatedInformation { location, message: related.message.clone() })
        });
        Some(related.collect())
    }

    /// A hover.
    pub(crate) fn hover(&self, hover: ide::Hover) -> lsp_types::Hover {
        lsp_types::Hover {
            range: Some(self.range(hover.range)),
            contents: HoverContents::Markup(markdown(hover.markdown)),
        }
    }

    /// A node of the outline.
    #[expect(deprecated, reason = "lsp-types keeps the old field `deprecated` in the struct")]
    pub(crate) fn symbol(&self, symbol: ide::Symbol) -> lsp_types::DocumentSymbol {
        let children: Vec<_> = symbol.children.into_iter().map(|child| self.symbol(child)).collect();
        lsp_types::DocumentSymbol {
            // An empty name is an error to VS Code, which then shows no outline at all.
            name: if symbol.name.is_empty() { "(unnamed)".to_owned() } else { symbol.name },
            detail: (!symbol.detail.is_empty()).then_some(symbol.detail),
            kind: symbol_kind(symbol.kind),
            tags: None,
            deprecated: None,
            range: self.range(symbol.range),
            selection_range: self.range(symbol.selection),
            children: (!children.is_empty()).then_some(children),
        }
    }

    /// A lens, with how the last run stands.
    pub(crate) fn lens(&self, lens: &ide::Lens, marks: &Marks) -> lsp_types::CodeLens {
        let command = |title: &str, name: &str, argument| Command {
            title: title.to_owned(),
            command: name.to_owned(),
            arguments: Some(vec![argument]),
        };
        let run = |title: &str| command(title, "orc.run", json!({ "uri": self.uri }));
        let of_step = |title: &str, name, step: &String| command(title, name, json!({ "uri": self.uri, "step": step }));
        let cancel = |title: String, id: &String| Command {
            title,
            command: "orc.cancel".to_owned(),
            arguments: Some(vec![json!({ "runId": id })]),
        };
        let command = match (&lens.kind, marks.state()) {
            (LensKind::RunStep(step), _) => match (marks.of(step), marks.state()) {
                (Some(mark), Some(State::Running { id })) if mark.is_open() => {
                    cancel(format!("{} — ■ Cancel", mark.label()), &id)
                }
                (Some(mark), _) => of_step(&format!("{} — ▷ Run step", mark.label()), "orc.runStep", step),
                (None, _) => of_step("▷ Run step", "orc.runStep", step),
            },
            (LensKind::RunFrom(step), _) => of_step("▷ Run from here", "orc.runFrom", step),
            (LensKind::Run, None) => run("▶ Run"),
            (LensKind::Run, Some(State::Running { id })) => cancel("● running — ■ Cancel".to_owned(), &id),
            (LensKind::Run, Some(State::Ended { success, summary })) => {
                run(&format!("{} {summary} — ▶ Run again", if success { "✔" } else { "✘" }))
            }
        };
        lsp_types::CodeLens { range: self.range(lens.range), command: Some(command), data: None }
    }

    /// A completion item.
    pub(crate) fn completion(&self, completion: ide::Completion) -> lsp_types::CompletionItem {
        let client = &self.environment.client;
        let snippet = completion.snippet && client.snippets;
        let mut edit = self.edit(&completion.edit);
        if completion.snippet && !snippet {
            edit.new_text = ide::completion::without_stops(&edit.new_text);
        }
        // Editors indent the lines of a snippet like the line it is put into, whatever they are told.
        let lines = edit.new_text.contains('\n');
        if snippet && lines {
            edit.new_text = edit.new_text.replace(&format!("\n{}", self.indentation(completion.edit.range)), "\n");
        }
        let mode = if snippet { InsertTextMode::ADJUST_INDENTATION } else { InsertTextMode::AS_IS };
        let commits = completion.commits.chars().map(String::from).collect();
        lsp_types::CompletionItem {
            sort_text: Some(format!("{:05}{}", completion.rank, completion.label)),
            kind: Some(completion_kind(completion.kind)),
            label_details: client.label_details.then(|| label_details(&completion)).flatten(),
            label: completion.label,
            detail: (!completion.detail.is_empty()).then_some(completion.detail),
            documentation: (!completion.documentation.is_empty())
                .then(|| Documentation::MarkupContent(markdown(completion.documentation))),
            insert_text_format: snippet.then_some(InsertTextFormat::SNIPPET),
            insert_text_mode: (lines && client.insert_modes).then_some(mode),
            text_edit: Some(CompletionTextEdit::Edit(edit)),
            commit_characters: (client.commit_characters && !completion.commits.is_empty()).then_some(commits),
            tags: completion.deprecated.then(|| vec![CompletionItemTag::DEPRECATED]),
            ..lsp_types::CompletionItem::default()
        }
    }

    /// The spaces at the beginning of the line on which `range` begins.
    fn indentation(&self, range: TextRange) -> &str {
        let (text, lines) = (self.analysis.text(), self.analysis.lines());
        let line = &text[lines.line_range(text, lines.line_of(range.start()))];
        &line[..line.len() - line.trim_start_matches(' ').len()]
    }
}

/// What an editor writes right behind the label, and at the end of its line: parameters and what comes
/// out of a function, the detail of anything else.
fn label_details(completion: &ide::Completion) -> Option<CompletionItemLabelDetails> {
    if completion.detail.is_empty() {
        return None;
    }
    let signature = completion.detail.strip_prefix(&completion.label).filter(|rest| rest.starts_with('('));
    let (detail, description) = match signature.map(|rest| rest.split_once(" -> ").unwrap_or((rest, ""))) {
        Some((parameters, returns)) => (Some(parameters.to_owned()), returns.to_owned()),
        None => (None, completion.detail.clone()),
    };
    Some(CompletionItemLabelDetails { detail, description: (!description.is_empty()).then_some(description) })
}

fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

/// A kind of symbol.
pub(crate) fn symbol_kind(kind: ide::SymbolKind) -> SymbolKind {
    match kind {
        ide::SymbolKind::Pipeline => SymbolKind::MODULE,
        ide::SymbolKind::Group => SymbolKind::NAMESPACE,
        ide::SymbolKind::Step => SymbolKind::FUNCTION,
        ide::SymbolKind::Loop => SymbolKind::CLASS,
        ide::SymbolKind::Input => SymbolKind::VARIABLE,
        ide::SymbolKind::Output => SymbolKind::PROPERTY,
        ide::SymbolKind::Key => SymbolKind::KEY,
    }
}

fn completion_kind(kind: ide::CompletionKind) -> CompletionItemKind {
    match kind {
        ide::CompletionKind::Key => CompletionItemKind::PROPERTY,
        ide::CompletionKind::Value => CompletionItemKind::ENUM_MEMBER,
        ide::CompletionKind::Tool => CompletionItemKind::MODULE,
        ide::CompletionKind::Action => CompletionItemKind::METHOD,
        ide::CompletionKind::Step => CompletionItemKind::REFERENCE,
        ide::CompletionKind::Variable => CompletionItemKind::VARIABLE,
        ide::CompletionKind::Field => CompletionItemKind::FIELD,
        ide::CompletionKind::Function => CompletionItemKind::FUNCTION,
        ide::CompletionKind::Model => CompletionItemKind::CONSTANT,
        ide::CompletionKind::Path => CompletionItemKind::FILE,
        ide::CompletionKind::Keyword => CompletionItemKind::KEYWORD,
        ide::CompletionKind::Snippet => CompletionItemKind::SNIPPET,
    }
}
