//! Runs started from the editor. Each is a child process of the same binary: a crash, a leak or a
//! kill of a run cannot take the server along. No request waits for a run; it answers with the id,
//! and events tell the rest.

use std::{num::NonZeroU16, path::PathBuf, sync::Arc};

use dashmap::DashMap;
use engine::run::Selection;
use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;
use tower_lsp::lsp_types::Url;

mod child;

mod progress;

pub(crate) use child::start;

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

/// All runs of this server.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    cancels: DashMap<String, CancellationToken>,
    states: DashMap<Url, State>,
}

impl Runs {
    /// How the last run of `uri` stands, if there was one.
    pub(crate) fn state(&self, uri: &Url) -> Option<State> {
        self.states.get(uri).map(|state| state.clone())
    }

    /// Cancels a run; `false` if no such run is going on.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        self.cancels.get(id).is_some_and(|cancel| {
            cancel.cancel();
            true
        })
    }

    /// Forgets how the last run of `uri` ended, since no lens shows it any more.
    pub(crate) fn forget(&self, uri: &Url) {
        self.states.remove_if(uri, |_, state| matches!(state, State::Ended { .. }));
    }

    fn begin(&self, job: &Job, cancel: CancellationToken) {
        self.cancels.insert(job.id.clone(), cancel);
        self.states.insert(job.uri.clone(), State::Running { id: job.id.clone() });
    }

    fn end(&self, job: &Job, ending: &progress::Ending) {
        self.cancels.remove(&job.id);
        // A newer run of the same document may have begun.
        if self.state(&job.uri) == Some(State::Running { id: job.id.clone() }) {
            self.states.insert(job.uri.clone(), State::Ended { success: ending.success, summary: ending.summary() });
        }
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
}
