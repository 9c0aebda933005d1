//! Diagnostics: pushed to editors that cannot ask, answered to those that can; never both.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tower_lsp::{
    jsonrpc::Result,
    lsp_types::{
        DocumentDiagnosticReport, DocumentDiagnosticReportResult, FullDocumentDiagnosticReport, MessageType,
        ProgressToken, RelatedFullDocumentDiagnosticReport, RelatedUnchangedDocumentDiagnosticReport,
        UnchangedDocumentDiagnosticReport, Url, WorkspaceDiagnosticReport, WorkspaceDiagnosticReportResult,
        WorkspaceDocumentDiagnosticReport, WorkspaceFullDocumentDiagnosticReport,
        WorkspaceUnchangedDocumentDiagnosticReport, request::WorkspaceDiagnosticRefresh,
    },
};

use super::{
    client::Editor,
    closed,
    document::Document,
    expense,
    ext::PartialResult,
    runs::Latest,
    session::{Environment, Session},
    to_proto::Converter,
};

/// A document that is checked faster is checked at every key.
const AT_ONCE: Duration = Duration::from_millis(5);

/// How many reports are told at once.
const BATCH: usize = 32;

/// The silence after which a slower one is checked.
const SILENCE: Duration = Duration::from_millis(50);

/// Publishes and answers diagnostics.
#[derive(Debug, Clone)]
pub(crate) struct Diagnostics {
    session: Arc<Session>,
    editor: Editor,
    /// Held while a publication is decided and sent, so that an older one never overtakes.
    gate: Arc<tokio::sync::Mutex<()>>,
    /// Counts the reasons to pull again.
    refreshes: Arc<AtomicU64>,
}

impl Diagnostics {
    pub(crate) fn new(session: Arc<Session>, editor: Editor) -> Self {
        Self { session, editor, gate: Arc::default(), refreshes: Arc::default() }
    }

    /// The text of `uri` has changed: checks and publishes it soon, unless it changes again before.
    pub(crate) fn schedule(&self, uri: &Url) {
        if self.session.environment().client.pulls_diagnostics {
            return;
        }
        let Some(document) = self.session.document(uri) else { return };
        let this = self.clone();
        self.session.tasks.spawn(async move { this.publish(document).await });
    }

    /// `uri` was closed: its diagnostics go.
    pub(crate) async fn clear(&self, uri: Url) {
        if self.session.environment().client.pulls_diagnostics {
            return;
        }
        let _gate = self.gate.lock().await;
        if self.session.document(&uri).is_none() {
            self.editor.publish(uri, Vec::new(), None).await;
        }
    }

    /// Files that the documents `uris` looked at have changed.
    pub(crate) fn touched(&self, uris: &[Url]) {
        if uris.is_empty() {
            return;
        }
        self.ask_again();
        for uri in uris {
            self.schedule(uri);
        }
    }

    /// Something other than a file has changed: the settings.
    pub(crate) fn refresh_all(&self) {
        self.ask_again();
        for document in self.session.documents() {
            self.schedule(&document.uri);
        }
    }

    /// Tells an editor that pulls to pull again, once the changes pause.
    fn ask_again(&self) {
        let client = &self.session.environment().client;
        if !(client.refreshes_diagnostics && client.pulls_diagnostics) {
            return;
        }
        let number = self.refreshes.fetch_add(1, Ordering::Relaxed) + 1;
        let this = self.clone();
        self.session.tasks.spawn(async move {
            tokio::time::sleep(SILENCE).await;
            if this.refreshes.load(Ordering::Relaxed) == number {
                drop(this.editor.request::<WorkspaceDiagnosticRefresh>(()));
            }
        });
    }

    /// Answers `textDocument/diagnostic` for the newest text, which may be newer than the request:
    /// the editor shows the answer beside the text it has when the answer arrives.
    pub(crate) async fn pull(&self, uri: &Url, previous: Option<String>) -> Result<DocumentDiagnosticReportResult> {
        let report = match self.session.document(uri) {
            None => Report::Full { id: None, items: Vec::new() },
            Some(document) => self.report(document, previous).await?,
        };
        Ok(DocumentDiagnosticReportResult::Report(match report {
            Report::Full { id, items } => DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
                related_documents: None,
                full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id: id, items },
            }),
            Report::Unchanged { id } => DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
                related_documents: None,
                unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id: id },
            }),
        }))
    }

    /// Answers `workspace/diagnostic`: a report for every pipeline of the folders and every open
    /// document; nothing for those that are gone. With a token what is found is told as it is found, and
    /// the answer itself is empty.
    pub(crate) async fn pull_all(
        &self,
        previous: Vec<(Url, String)>,
        token: Option<ProgressToken>,
    ) -> Result<WorkspaceDiagnosticReportResult> {
        let mut previous: HashMap<Url, String> = previous.into_iter().collect();
        let mut items = Vec::new();
        for (document, version) in self.all_documents().await? {
            let (uri, known) = (document.uri.clone(), previous.remove(&document.uri));
            items.push(match self.report(document, known).await? {
                Report::Full { id, items } => full(uri, version, id, items),
                Report::Unchanged { id } => {
                    WorkspaceDocumentDiagnosticReport::Unchanged(WorkspaceUnchangedDocumentDiagnosticReport {
                        uri,
                        version,
                        unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id: id },
                    })
                }
            });
            if items.len() == BATCH {
                self.tell(token.as_ref(), &mut items).await;
            }
        }
        // What was reported before and is no pipeline of this workspace any more.
        let mut gone: Vec<Url> = previous.into_keys().collect();
        gone.sort();
        items.extend(gone.into_iter().map(|uri| full(uri, None, None, Vec::new())));
        self.tell(token.as_ref(), &mut items).await;
        Ok(WorkspaceDiagnosticReportResult::Report(WorkspaceDiagnosticReport { items }))
    }

    /// The open documents with their versions, then the others; each by address.
    async fn all_documents(&self) -> Result<Vec<(Arc<Document>, Option<i64>)>> {
        let open = self.session.documents().into_iter();
        let mut all: Vec<_> = open.map(|document| (Arc::clone(&document), Some(i64::from(document.version)))).collect();
        let session = Arc::clone(&self.session);
        let closed = self.session.work.run(move || {
            let environment = session.environment();
            let watched = environment.client.registers_watchers;
            session.closed.documents(session.around(), &environment.folders, watched, &|| session.next_revision())
        });
        all.extend(closed.await?.into_iter().map(|document| (document, None)));
        if let Some(count) = self.session.closed.left_out() {
            let message = format!(
                "orc reports {} pipelines of this workspace and leaves {count} out until they are opened; `orc validate` \
                 checks all of them",
                closed::MOST
            );
            self.editor.show(MessageType::INFO, message).await;
        }
        Ok(all)
    }

    /// Tells what was found so far, if the editor wants it told.
    async fn tell(&self, token: Option<&ProgressToken>, items: &mut Vec<WorkspaceDocumentDiagnosticReport>) {
        if let Some(token) = token.filter(|_| !items.is_empty()) {
            let items = std::mem::take(items);
            self.editor.notify::<PartialResult>(json!({ "token": token, "value": { "items": items } })).await;
        }
    }

    async fn report(&self, document: Arc<Document>, previous: Option<String>) -> Result<Report> {
        let environment = self.session.environment();
        let latest = self.session.runs.latest(&document.uri);
        let edition = latest.as_ref().map_or(0, |latest| latest.edition);
        let known = self.session.expenses.edition(&document.uri);
        let start = format!("{}.{}.{edition}", document.revision, environment.generation);
        // What a run may cost counts only where it is limited; `~` says that it is not.
        if let Some(id) = previous.filter(|id| *id == format!("{start}~") || *id == format!("{start}.{known}")) {
            return Ok(Report::Unchanged { id });
        }
        let (session, shown) = (Arc::clone(&self.session), Arc::clone(&document));
        let at_once = !environment.client.refreshes_diagnostics;
        let quick = document.is_quick() && !(at_once && known > 0);
        let check = move || {
            let mut items = check(&document, &environment);
            items.extend(latest.iter().flat_map(|latest| failures(&document, &environment, latest)));
            let cost = Cost::of(&session, &document, &environment, at_once);
            items.extend(cost.iter().flat_map(|cost| cost.items.clone()));
            (items, cost.map(|cost| (cost.edition, cost.is_stale)))
        };
        let (items, cost) = self.session.work.run_near(quick, check).await?;
        let id = match cost {
            Some((edition, _)) => format!("{start}.{edition}"),
            None => format!("{start}~"),
        };
        if let Some((edition, true)) = cost {
            let this = self.clone();
            self.session.tasks.spawn(async move {
                if this.costs_otherwise(shown, edition).await {
                    this.ask_again();
                }
            });
        }
        Ok(Report::Full { id: Some(id), items })
    }

    /// Once the changes pause, plans what a run of `document` may cost; whether that is other than in `edition`.
    async fn costs_otherwise(&self, document: Arc<Document>, edition: u64) -> bool {
        tokio::time::sleep(SILENCE).await;
        let session = Arc::clone(&self.session);
        let planned = self.session.work.run(move || {
            let environment = session.environment();
            let is_current = session.is_current(&document);
            is_current && Cost::of(&session, &document, &environment, true).is_some_and(|cost| cost.edition != edition)
        });
        planned.await.unwrap_or_default()
    }

    async fn publish(&self, document: Arc<Document>) {
        if document.expected_cost() >= AT_ONCE {
            tokio::time::sleep(SILENCE).await;
        }
        while let Some(edition) = self.publish_once(Arc::clone(&document)).await {
            if !self.costs_otherwise(Arc::clone(&document), edition).await {
                break;
            }
        }
    }

    /// Publishes what is known now; gives the edition of what a run may cost where that is to be planned anew.
    async fn publish_once(&self, document: Arc<Document>) -> Option<u64> {
        let session = Arc::clone(&self.session);
        let shown = Arc::clone(&document);
        let quick = document.is_quick();
        let checked = self.session.work.run_near(quick, move || {
            let environment = session.environment();
            let check = || (check(&document, &environment), Cost::of(&session, &document, &environment, false));
            session.is_current(&document).then(check)
        });
        // A failure was logged where it happened; the old diagnostics stay.
        let Ok(Some((mut items, cost))) = checked.await else { return None };
        items.extend(cost.iter().flat_map(|cost| cost.items.clone()));
        let _gate = self.gate.lock().await;
        if self.session.is_current(&shown) {
            // What failed is asked for here: of two publications of one text the later knows more.
            if let Some(latest) = self.session.runs.latest(&shown.uri) {
                items.extend(failures(&shown, &self.session.environment(), &latest));
            }
            self.editor.publish(shown.uri.clone(), items, Some(shown.version)).await;
        }
        cost.filter(|cost| cost.is_stale).map(|cost| cost.edition)
    }
}

/// What a document says about what a run may cost, where that is limited.
struct Cost {
    items: Vec<tower_lsp::lsp_types::Diagnostic>,
    /// The edition of what is expected.
    edition: u64,
    /// It was expected of an earlier text.
    is_stale: bool,
}

impl Cost {
    /// `at_once` plans the run where nobody has yet; otherwise what was expected last counts. Of files that are not
    /// open nothing is said.
    fn of(session: &Session, document: &Document, environment: &Environment, at_once: bool) -> Option<Self> {
        let analysis = document.checked();
        if !expense::is_limited(analysis, environment) || !session.is_current(document) {
            return None;
        }
        let converter = Converter { analysis, uri: &document.uri, environment };
        let (expected, is_stale) = if at_once {
            (session.expenses.expected(&converter, document.revision), false)
        } else {
            session.expenses.latest(&document.uri, document.revision)
        };
        let edition = session.expenses.edition(&document.uri);
        Some(Self { items: expense::diagnostics(&converter, &expected), edition, is_stale })
    }
}

fn full(
    uri: Url,
    version: Option<i64>,
    result_id: Option<String>,
    items: Vec<tower_lsp::lsp_types::Diagnostic>,
) -> WorkspaceDocumentDiagnosticReport {
    WorkspaceDocumentDiagnosticReport::Full(WorkspaceFullDocumentDiagnosticReport {
        uri,
        version,
        full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id, items },
    })
}

enum Report {
    Full { id: Option<String>, items: Vec<tower_lsp::lsp_types::Diagnostic> },
    Unchanged { id: String },
}

fn check(document: &Document, environment: &Environment) -> Vec<tower_lsp::lsp_types::Diagnostic> {
    let analysis = document.checked();
    Converter { analysis, uri: &document.uri, environment }.diagnostics()
}

fn failures(document: &Document, environment: &Environment, latest: &Latest) -> Vec<tower_lsp::lsp_types::Diagnostic> {
    Converter { analysis: document.analysis(), uri: &document.uri, environment }.failures(latest)
}
