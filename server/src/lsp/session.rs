//! What the server knows: open documents, the client's abilities, folders, settings, trust. Written
//! in [`Session::receive`] alone, in wire order; read as immutable snapshots.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use camino::Utf8PathBuf;
use engine::catalog::around;
use lang::analysis::Analysis;
use serde::{Deserialize as _, de::DeserializeOwned};
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_lsp::{
    jsonrpc::Request,
    lsp_types::{
        DidChangeTextDocumentParams, DidChangeWatchedFilesParams, DidChangeWorkspaceFoldersParams,
        DidCloseTextDocumentParams, DidOpenTextDocumentParams, NumberOrString, Url, WorkDoneProgressCancelParams,
    },
};

use super::{
    capabilities::Client,
    closed::Closed,
    completion::Lists,
    document::Document,
    expense,
    files::{Around, Documents, Place, path_of},
    from_proto,
    marks::{Cache, Marks},
    ordered::Pinned,
    progress::{Cancellable, Cancels},
    runs::Runs,
    tokens::Answered,
    work::Work,
};
use crate::{config::Settings, trust::Trust};

/// All that is known beside the documents. Replaced as a whole, never changed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// What the client can do.
    pub(crate) client: Client,
    /// The workspace folders, in the client's order.
    pub(crate) folders: Vec<Url>,
    /// The settings in force.
    pub(crate) settings: Settings,
    /// What the client said about trust at the start, if it did.
    pub(crate) trusted: Option<bool>,
    /// Counts changes, for result ids.
    pub(crate) generation: u64,
    /// A setting that could not be read, to be told once.
    pub(crate) complaint: Option<String>,
}

/// The state of the server.
#[derive(Debug)]
pub(crate) struct Session {
    documents: Arc<Documents>,
    around: Arc<Around>,
    environment: Mutex<Arc<Environment>>,
    revisions: AtomicU64,
    shut_down: AtomicBool,
    /// Cancelled by `exit`.
    pub(crate) exit: CancellationToken,
    /// Owns every task that outlives the message that started it.
    pub(crate) tasks: TaskTracker,
    /// Pipelines that are not open.
    pub(crate) closed: Closed,
    /// Places for computations.
    pub(crate) work: Work,
    /// Runs started from the editor.
    pub(crate) runs: Runs,
    /// What else can be cancelled by its progress.
    pub(crate) cancels: Arc<Cancels>,
    /// What stores say of steps.
    pub(crate) marks: Cache,
    /// What runs may cost.
    pub(crate) expenses: expense::Cache,
    /// Which folders may run.
    pub(crate) trust: Trust,
    /// The semantic tokens that were answered last.
    pub(crate) tokens: Answered,
    /// The completion lists that were answered last.
    pub(crate) completions: Lists,
}

impl Default for Session {
    fn default() -> Self {
        let documents = Arc::<Documents>::default();
        Self {
            around: Around::new(&documents),
            documents,
            environment: Mutex::default(),
            revisions: AtomicU64::default(),
            shut_down: AtomicBool::default(),
            exit: CancellationToken::default(),
            tasks: TaskTracker::default(),
            closed: Closed::default(),
            work: Work::default(),
            runs: Runs::default(),
            cancels: Arc::default(),
            marks: Cache::default(),
            expenses: expense::Cache::default(),
            trust: Trust::default(),
            tokens: Answered::default(),
            completions: Lists::default(),
        }
    }
}

impl Session {
    /// Applies what `request` changes, and returns the state it shall see. Called once per message,
    /// in wire order; never waits.
    pub(crate) fn receive(&self, request: &Request) -> Pinned {
        let mut touched = Vec::new();
        match request.method() {
            "initialize" => self.initialize(request.params()),
            "textDocument/didOpen" => touched = self.opened(request),
            "textDocument/didChange" => touched = self.changed(request),
            "textDocument/didClose" => touched = self.closed(request),
            "workspace/didChangeWatchedFiles" => touched = self.changed_on_disk(request),
            "workspace/didChangeConfiguration" => {
                if let Some(settings) = request.params().and_then(|params| params.pointer("/settings/orc")) {
                    self.configure(settings);
                }
            }
            "workspace/didChangeWorkspaceFolders" => touched = self.refolder(request),
            "window/workDoneProgress/cancel" => {
                // A run's progress is called as the run.
                if let Some(cancelled) = parse::<WorkDoneProgressCancelParams>(request) {
                    self.cancels.cancel(&cancelled.token);
                    if let NumberOrString::String(id) = &cancelled.token {
                        self.runs.cancel(id);
                    }
                }
            }
            "shutdown" => self.shut_down.store(true, Ordering::Relaxed),
            "exit" => self.exit.cancel(),
            _ => {}
        }
        let document = uri_of(request).and_then(|uri| self.document(&uri));
        Pinned { document, environment: self.environment(), touched, progress: self.progress_of(request) }
    }

    /// What a command goes on under, where the editor shows its progress. It can be cancelled from now on, however
    /// late the command is looked at.
    fn progress_of(&self, request: &Request) -> Option<Arc<Cancellable>> {
        if request.method() != "workspace/executeCommand" {
            return None;
        }
        let token = request.params()?.get("workDoneToken").filter(|token| !token.is_null())?;
        let token = NumberOrString::deserialize(token).ok()?;
        Some(Arc::new(self.cancels.begin(token)))
    }

    /// The files around the documents.
    pub(crate) fn around(&self) -> &Arc<Around> {
        &self.around
    }

    /// The open document at `uri`, at its newest revision.
    pub(crate) fn document(&self, uri: &Url) -> Option<Arc<Document>> {
        self.documents.get(uri).map(|document| Arc::clone(&document))
    }

    /// All open documents, in order of address.
    pub(crate) fn documents(&self) -> Vec<Arc<Document>> {
        let mut documents: Vec<_> = self.documents.iter().map(|entry| Arc::clone(entry.value())).collect();
        documents.sort_by(|left, right| left.uri.cmp(&right.uri));
        documents
    }

    /// Whether `document` is still what the editor shows.
    pub(crate) fn is_current(&self, document: &Document) -> bool {
        self.documents.get(&document.uri).is_some_and(|open| open.revision == document.revision)
    }

    /// The newest environment.
    pub(crate) fn environment(&self) -> Arc<Environment> {
        Arc::clone(&self.environment.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts the settings in `value` in force, or remembers why they cannot be read; whether they are
    /// other than before.
    pub(crate) fn configure(&self, value: &Value) -> bool {
        let read = Settings::read(value);
        if read.as_ref() == Ok(&self.environment().settings) {
            return false;
        }
        self.update(|environment| match read {
            Ok(settings) => environment.settings = settings,
            Err(complaint) => environment.complaint = Some(complaint),
        });
        true
    }

    /// The complaint about unreadable settings, once.
    pub(crate) fn take_complaint(&self) -> Option<String> {
        let complaint = self.environment().complaint.clone()?;
        self.update(|environment| environment.complaint = None);
        Some(complaint)
    }

    /// How the steps of the pipeline at `uri` stand. In a workspace that the client says is not trusted no store
    /// is opened.
    pub(crate) fn marks(&self, analysis: &Analysis, uri: &Url, environment: &Environment) -> Marks {
        let place = analysis.workspace().filter(|_| environment.trusted != Some(false));
        let stored = place.map(|place| self.marks.stored(place.root.as_std_path(), analysis.pipeline().id_text()));
        Marks { stored: stored.unwrap_or_default(), latest: self.runs.latest(uri) }
    }

    /// Whether `shutdown` came before the end.
    pub(crate) fn was_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Relaxed)
    }

    /// The end: every task is told to stop.
    pub(crate) fn close(&self) {
        self.exit.cancel();
        self.tasks.close();
    }

    fn initialize(&self, params: Option<&Value>) {
        let Some(params) = params else { return };
        let options = params.get("initializationOptions").unwrap_or(&Value::Null);
        self.update(|environment| {
            environment.client = Client::read(params);
            environment.folders = from_proto::folders(params);
            environment.trusted = options.get("trusted").and_then(Value::as_bool);
            match Settings::read(from_proto::settings_of_options(options)) {
                Ok(settings) => environment.settings = settings,
                Err(complaint) => environment.complaint = Some(complaint),
            }
        });
    }

    fn opened(&self, request: &Request) -> Vec<Url> {
        let Some(opened) = parse::<DidOpenTextDocumentParams>(request) else { return Vec::new() };
        let item = opened.text_document;
        let place = Place::of(&item.uri, &self.environment().folders);
        let document =
            Document::open((item.uri.clone(), item.version), self.next_revision(), &item.text, (place, &self.around));
        self.documents.insert(item.uri.clone(), Arc::new(document));
        self.touch(&[&item.uri])
    }

    fn changed(&self, request: &Request) -> Vec<Url> {
        let Some(changed) = parse::<DidChangeTextDocumentParams>(request) else { return Vec::new() };
        let uri = changed.text_document.uri;
        let Some(document) = self.document(&uri) else {
            tracing::warn!(%uri, "a change of a document that is not open");
            return Vec::new();
        };
        let encoding = self.environment().client.encoding;
        let mut buffer = document.buffer().clone();
        for change in changed.content_changes {
            from_proto::apply(&mut buffer, change, encoding);
        }
        let next = document.changed(changed.text_document.version, self.next_revision(), buffer);
        self.documents.insert(uri.clone(), Arc::new(next));
        self.touch(&[&uri])
    }

    fn closed(&self, request: &Request) -> Vec<Url> {
        let Some(closed) = parse::<DidCloseTextDocumentParams>(request) else { return Vec::new() };
        let uri = closed.text_document.uri;
        self.documents.remove(&uri);
        self.runs.forget(&uri);
        self.tokens.forget(&uri);
        self.expenses.forget(&uri);
        self.touch(&[&uri])
    }

    fn changed_on_disk(&self, request: &Request) -> Vec<Url> {
        let Some(changed) = parse::<DidChangeWatchedFilesParams>(request) else { return Vec::new() };
        // What is open counts as it is shown.
        let closed = changed.changes.iter().map(|change| &change.uri).filter(|uri| !self.documents.contains_key(uri));
        self.touch(&closed.collect::<Vec<_>>())
    }

    /// The files at `changed` are other than before: the documents that looked at them are analysed
    /// again. Returns which.
    fn touch(&self, changed: &[&Url]) -> Vec<Url> {
        let paths: Vec<Utf8PathBuf> = changed.iter().filter_map(|uri| path_of(uri)).collect();
        self.closed.changed(&paths);
        let documents = self.documents().into_iter();
        let stale = documents.filter(|document| !changed.contains(&&document.uri) && document.looked_at(&paths));
        let mut touched: Vec<Url> = stale.map(|document| self.replace(&document, document.place().cloned())).collect();
        if paths.iter().any(|path| path.file_name() == Some(around::FILE)) {
            for document in self.documents() {
                let next = document.with_models(self.next_revision());
                if !next.is_like(&document) {
                    self.documents.insert(document.uri.clone(), Arc::new(next));
                    touched.push(document.uri.clone());
                }
            }
            touched.sort();
            touched.dedup();
        }
        touched
    }

    fn replace(&self, document: &Document, place: Option<Place>) -> Url {
        let next = document.touched(self.next_revision(), place);
        self.documents.insert(document.uri.clone(), Arc::new(next));
        document.uri.clone()
    }

    fn refolder(&self, request: &Request) -> Vec<Url> {
        let Some(change) = parse::<DidChangeWorkspaceFoldersParams>(request) else { return Vec::new() };
        self.update(|environment| {
            environment.folders.retain(|folder| !change.event.removed.iter().any(|removed| removed.uri == *folder));
            environment.folders.extend(change.event.added.into_iter().map(|added| added.uri));
        });
        let folders = &self.environment().folders;
        let places = self.documents().into_iter().map(|document| (Place::of(&document.uri, folders), document));
        let moved = places.filter(|(place, document)| document.place() != place.as_ref());
        moved.map(|(place, document)| self.replace(&document, place)).collect()
    }

    fn update(&self, change: impl FnOnce(&mut Environment)) {
        let mut guard = self.environment.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Environment::clone(&guard);
        change(&mut next);
        next.generation += 1;
        *guard = Arc::new(next);
    }

    /// A number for a text that no other text has.
    pub(crate) fn next_revision(&self) -> u64 {
        self.revisions.fetch_add(1, Ordering::Relaxed) + 1
    }
}

fn parse<T: DeserializeOwned>(request: &Request) -> Option<T> {
    T::deserialize(request.params()?)
        .inspect_err(|error| tracing::warn!(method = request.method(), %error, "parameters that cannot be read"))
        .ok()
}

/// The document a request names: `textDocument.uri`, or `uri` of a command's argument or of an item.
fn uri_of(request: &Request) -> Option<Url> {
    let params = request.params()?;
    let places = ["/textDocument/uri", "/arguments/0/uri", "/item/uri"];
    let uri = places.into_iter().find_map(|place| params.pointer(place))?;
    Url::parse(uri.as_str()?).ok()
}
