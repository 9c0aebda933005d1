//! What the server knows: open documents, the client's abilities, folders, settings, trust. Written
//! in [`Session::receive`] alone, in wire order; read as immutable snapshots.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use dashmap::DashMap;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower_lsp::{
    jsonrpc::Request,
    lsp_types::{
        DidChangeTextDocumentParams, DidChangeWorkspaceFoldersParams, DidCloseTextDocumentParams,
        DidOpenTextDocumentParams, Url,
    },
};

use super::{
    capabilities::Client, document::Document, from_proto, ordered::Pinned, runs::Runs, trust::Trust, work::Work,
};
use crate::config::Settings;

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
#[derive(Debug, Default)]
pub(crate) struct Session {
    documents: DashMap<Url, Arc<Document>>,
    environment: Mutex<Arc<Environment>>,
    revisions: AtomicU64,
    shut_down: AtomicBool,
    /// Cancelled by `exit`.
    pub(crate) exit: CancellationToken,
    /// Owns every task that outlives the message that started it.
    pub(crate) tasks: TaskTracker,
    /// Places for computations.
    pub(crate) work: Work,
    /// Runs started from the editor.
    pub(crate) runs: Runs,
    /// Which folders may run.
    pub(crate) trust: Trust,
}

impl Session {
    /// Applies what `request` changes, and returns the state it shall see. Called once per message,
    /// in wire order; never waits.
    pub(crate) fn receive(&self, request: &Request) -> Pinned {
        match request.method() {
            "initialize" => self.initialize(request.params()),
            "textDocument/didOpen" => self.opened(request),
            "textDocument/didChange" => self.changed(request),
            "textDocument/didClose" => {
                if let Some(closed) = parse::<DidCloseTextDocumentParams>(request) {
                    self.documents.remove(&closed.text_document.uri);
                    self.runs.forget(&closed.text_document.uri);
                }
            }
            "workspace/didChangeConfiguration" => {
                if let Some(settings) = request.params().and_then(|params| params.pointer("/settings/orc")) {
                    self.configure(settings);
                }
            }
            "workspace/didChangeWorkspaceFolders" => self.refolder(request),
            "window/workDoneProgress/cancel" => {
                // A run's progress is called as the run.
                if let Some(id) = request.params().and_then(|params| params.get("token")?.as_str()) {
                    self.runs.cancel(id);
                }
            }
            "shutdown" => self.shut_down.store(true, Ordering::Relaxed),
            "exit" => self.exit.cancel(),
            _ => {}
        }
        Pinned { document: uri_of(request).and_then(|uri| self.document(&uri)), environment: self.environment() }
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

    fn opened(&self, request: &Request) {
        let Some(opened) = parse::<DidOpenTextDocumentParams>(request) else { return };
        let item = opened.text_document;
        let document = Document::open(
            item.uri.clone(),
            item.version,
            self.next_revision(),
            &item.text,
            engine::catalog::registry(),
        );
        self.documents.insert(item.uri, Arc::new(document));
    }

    fn changed(&self, request: &Request) {
        let Some(changed) = parse::<DidChangeTextDocumentParams>(request) else { return };
        let Some(document) = self.document(&changed.text_document.uri) else {
            tracing::warn!(uri = %changed.text_document.uri, "a change of a document that is not open");
            return;
        };
        let encoding = self.environment().client.encoding;
        let mut buffer = document.buffer().clone();
        for change in changed.content_changes {
            from_proto::apply(&mut buffer, change, encoding);
        }
        let next = document.changed(changed.text_document.version, self.next_revision(), buffer);
        self.documents.insert(changed.text_document.uri, Arc::new(next));
    }

    fn refolder(&self, request: &Request) {
        let Some(change) = parse::<DidChangeWorkspaceFoldersParams>(request) else { return };
        self.update(|environment| {
            environment.folders.retain(|folder| !change.event.removed.iter().any(|removed| removed.uri == *folder));
            environment.folders.extend(change.event.added.into_iter().map(|added| added.uri));
        });
    }

    fn update(&self, change: impl FnOnce(&mut Environment)) {
        let mut guard = self.environment.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = Environment::clone(&guard);
        change(&mut next);
        next.generation += 1;
        *guard = Arc::new(next);
    }

    fn next_revision(&self) -> u64 {
        self.revisions.fetch_add(1, Ordering::Relaxed) + 1
    }
}

fn parse<T: DeserializeOwned>(request: &Request) -> Option<T> {
    T::deserialize(request.params()?)
        .inspect_err(|error| tracing::warn!(method = request.method(), %error, "parameters that cannot be read"))
        .ok()
}

/// The document a request names: `textDocument.uri`, or `uri` of a command's argument.
fn uri_of(request: &Request) -> Option<Url> {
    let params = request.params()?;
    let uri = params.pointer("/textDocument/uri").or_else(|| params.pointer("/arguments/0/uri"))?;
    Url::parse(uri.as_str()?).ok()
}
