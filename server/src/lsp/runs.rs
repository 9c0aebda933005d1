//! Runs started from the editor. Each is a child process of the same binary: a crash, a leak or a
//! kill of a run cannot take the server along. No request waits for a run; it answers with the id,
//! and events tell the rest.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU16,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use dashmap::DashMap;
use engine::run::{Event, EventKind, Selection, store::sqlite::LatestRun};
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use tower_lsp::lsp_types::{
    Url,
    request::{CodeLensRefresh, InlayHintRefreshRequest},
};

use super::marks::{Count, Mark, without_numbers};

mod child;

mod progress;

pub(crate) use child::{answer, start};

/// What is to run.
#[derive(Debug)]
pub(crate) struct Job {
    /// The run's id, which the server has made.
    pub(crate) id: String,
    /// The document.
    pub(crate) uri: Url,
    /// The pipeline's name, for people.
    pub(crate) name: String,
    /// How many steps it has.
    pub(crate) steps: usize,
    /// Its text, saved or not.
    pub(crate) text: String,
    /// The file, as seen from `folder`.
    pub(crate) file: String,
    /// Where the run works.
    pub(crate) folder: PathBuf,
    /// Inputs by name.
    pub(crate) inputs: Map<String, Value>,
    /// Simulated models.
    pub(crate) simulate: bool,
    /// How many steps may run at once.
    pub(crate) max_concurrency: Option<NonZeroU16>,
    /// Where the run's files go.
    pub(crate) output_dir: Option<String>,
    /// The steps it is confined to.
    pub(crate) selection: Option<Selection>,
    /// It goes on with a run that is stored; text and inputs are those of that run.
    pub(crate) resumes: bool,
}

/// How the last run of a document stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It has not ended.
    Running {
        /// Its id.
        id: String,
    },
    /// It has ended.
    Ended {
        /// Whether it succeeded.
        success: bool,
        /// `completed in 0.1 s`, `failed at …`
        summary: String,
    },
}

/// The last run of a document that this server started.
#[derive(Debug, Clone)]
pub(crate) struct Latest {
    /// Its id.
    pub(crate) id: String,
    /// It is not confined to some steps, and does not go on with what was broken off.
    pub(crate) is_whole: bool,
    /// How it stands.
    pub(crate) state: State,
    /// When something was heard of it last, RFC 3339 UTC; nothing yet if empty.
    at: String,
    /// How the steps of the root stand.
    pub(crate) steps: BTreeMap<String, Mark>,
    /// How the iterations of steps in loops stand, by their path without numbers.
    pub(crate) parts: BTreeMap<String, Count>,
    /// The iterations that run.
    open: BTreeSet<String>,
    /// How those that do not run have ended.
    ended: BTreeMap<String, String>,
    /// Why steps failed, by their path without the numbers of iterations: the first error and how many there are.
    pub(crate) failures: BTreeMap<String, (String, usize)>,
    /// Another one whenever the failures are other ones.
    pub(crate) edition: u64,
}

impl Latest {
    /// Whether it has not ended.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state, State::Running { .. })
    }

    /// Whether `run` is another one that began after this one has ended.
    pub(crate) fn is_older(&self, run: &LatestRun) -> bool {
        !self.is_running() && run.id != self.id && !self.at.is_empty() && self.at < run.started_at
    }

    /// Takes in what an event says of a step; whether a step failed.
    fn note(&mut self, event: &Event) -> bool {
        self.at.clone_from(&event.time);
        let Some(path) = event.step.as_deref() else { return false };
        let text = |field: &str| event.data.get(field).and_then(Value::as_str).map(str::to_owned);
        let (status, note) = match event.kind {
            EventKind::StepStarted => ("running".to_owned(), None),
            EventKind::StepRetrying => ("retrying".to_owned(), text("error")),
            EventKind::Approval => {
                let title = event.data.pointer("/question/title").and_then(Value::as_str);
                ("asking".to_owned(), title.map(str::to_owned))
            }
            EventKind::StepFinished => (text("status").unwrap_or_else(|| "completed".to_owned()), text("error")),
            _ => return false,
        };
        let failed = status == "failed" && event.kind == EventKind::StepFinished;
        if failed {
            let error = note.clone().unwrap_or_else(|| "it failed without saying why".to_owned());
            self.failures.entry(without_numbers(path)).or_insert((error, 0)).1 += 1;
        }
        if path.contains('[') {
            self.note_part(path, &status, event.kind);
        } else if status != "not_run" {
            let mark = Mark {
                status,
                run: self.id.clone(),
                at: event.time.clone(),
                milliseconds: event.data.get("duration_ms").and_then(Value::as_u64),
                size: None,
                note,
                cached: event.data.get("cached").is_some(),
            };
            self.steps.insert(path.to_owned(), mark);
        }
        failed
    }

    /// Takes in what is said of a step in an iteration.
    fn note_part(&mut self, path: &str, status: &str, kind: EventKind) {
        let count = self.parts.entry(without_numbers(path)).or_default();
        // An attempt after the first, of the step or of its loop, is no further iteration.
        let mut again = |count: &mut Count| {
            if let Some(before) = self.ended.remove(path) {
                count.begins_again(&before);
            }
        };
        match kind {
            EventKind::StepStarted => {
                again(count);
                count.running += usize::from(self.open.insert(path.to_owned()));
            }
            EventKind::StepFinished => {
                again(count);
                count.running -= usize::from(self.open.remove(path));
                count.ended(status);
                self.ended.insert(path.to_owned(), status.to_owned());
            }
            _ => {}
        }
    }
}

/// All runs of this server.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    cancels: DashMap<String, CancellationToken>,
    latest: DashMap<Url, Arc<Latest>>,
    editions: AtomicU64,
    /// The editor is about to be told to ask again.
    asked: AtomicBool,
}

impl Runs {
    /// The last run of `uri`, if there was one.
    pub(crate) fn latest(&self, uri: &Url) -> Option<Arc<Latest>> {
        self.latest.get(uri).map(|latest| Arc::clone(&latest))
    }

    /// Cancels a run; `false` if no such run is going on.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        self.cancels.get(id).is_some_and(|cancel| {
            cancel.cancel();
            true
        })
    }

    /// Forgets how the last run of `uri` ended, since nobody sees it any more.
    pub(crate) fn forget(&self, uri: &Url) {
        self.latest.remove_if(uri, |_, latest| !latest.is_running());
    }

    /// A run begins; whether the one before it had failures.
    fn begin(&self, job: &Job, cancel: CancellationToken) -> bool {
        self.cancels.insert(job.id.clone(), cancel);
        let latest = Latest {
            id: job.id.clone(),
            is_whole: !job.resumes && job.selection.is_none(),
            state: State::Running { id: job.id.clone() },
            at: String::new(),
            steps: BTreeMap::new(),
            parts: BTreeMap::new(),
            open: BTreeSet::new(),
            ended: BTreeMap::new(),
            failures: BTreeMap::new(),
            edition: self.next_edition(),
        };
        let before = self.latest.insert(job.uri.clone(), Arc::new(latest));
        before.is_some_and(|before| !before.failures.is_empty())
    }

    /// Takes in an event; whether a step failed.
    fn note(&self, job: &Job, event: &Event) -> bool {
        let edition = self.next_edition();
        self.change(job, |latest| {
            let failed = latest.note(event);
            if failed {
                latest.edition = edition;
            }
            failed
        })
    }

    fn end(&self, job: &Job, ending: &progress::Ending) {
        self.cancels.remove(&job.id);
        self.change(job, |latest| {
            latest.state = State::Ended { success: ending.success, summary: ending.summary() };
            latest.open.clear();
            latest.ended.clear();
            latest.parts.values_mut().for_each(|count| count.running = 0);
            for mark in latest.steps.values_mut().filter(|mark| mark.is_open()) {
                "interrupted".clone_into(&mut mark.status);
            }
            false
        });
    }

    /// Changes what is known of the run, unless a newer run of the same document has begun.
    fn change(&self, job: &Job, change: impl FnOnce(&mut Latest) -> bool) -> bool {
        let latest = self.latest.get_mut(&job.uri).filter(|latest| latest.id == job.id);
        latest.is_some_and(|mut latest| change(Arc::make_mut(&mut latest)))
    }

    fn next_edition(&self) -> u64 {
        self.editions.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A run's id: the pipeline's, the time, and what makes it unique.
pub(crate) fn new_id(pipeline: &str) -> String {
    use std::hash::{BuildHasher, RandomState};
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    // Each `RandomState` has keys of its own, seeded by the system.
    let unique = RandomState::new().hash_one(now) as u32;
    format!("{pipeline}_{}_{unique:08x}", now.as_secs())
}

/// What a run task needs beside its job.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    /// The server's state.
    pub(crate) session: Arc<super::session::Session>,
    /// Who is told.
    pub(crate) editor: super::client::Editor,
    /// Failures become some.
    pub(crate) diagnostics: super::diagnostics::Diagnostics,
}

/// How soon an editor asks again after something happened; what happens meanwhile is one reason more.
const SOON: Duration = Duration::from_millis(50);

impl Owner {
    /// How steps stand has changed: the editor, where it can be told so, asks for lenses and hints again.
    pub(crate) fn stands_otherwise(&self) {
        let client = &self.session.environment().client;
        if !(client.refreshes_lenses || client.refreshes_hints) || self.session.runs.asked.swap(true, Ordering::Relaxed)
        {
            return;
        }
        let this = self.clone();
        self.session.tasks.spawn(async move {
            tokio::time::sleep(SOON).await;
            this.session.runs.asked.store(false, Ordering::Relaxed);
            let client = &this.session.environment().client;
            if client.refreshes_lenses {
                drop(this.editor.request::<CodeLensRefresh>(()));
            }
            if client.refreshes_hints {
                drop(this.editor.request::<InlayHintRefreshRequest>(()));
            }
        });
    }

    /// What failed in the last run of `uri` is something else.
    fn fails_otherwise(&self, uri: &Url) {
        self.diagnostics.touched(std::slice::from_ref(uri));
    }
}
