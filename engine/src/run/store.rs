//! What a run leaves behind (design §0.6): the run, its steps' intents and outcomes, its events.
//!
//! The order that makes a run durable (contract §5.1) is kept by the caller through
//! [`super::journal`]: before an effect its intent is written, and all that came before it.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use camino::Utf8PathBuf;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use super::{
    Event,
    cache::Fingerprint,
    clock,
    document::{Brief, StepDocument},
    secrets::REDACTED,
    select::Selection,
};
use crate::models::tape::Recording;
use crate::tools::{
    Permissions,
    person::{Answers, Question},
};

pub mod memory;
pub use memory::MemoryStore;

pub mod sqlite;
pub use sqlite::SqliteStore;

/// Where runs, intents, outcomes and events are kept.
///
/// [`Store::write`] is atomic and durable: after it returned `Ok`, all its records survive a crash
/// of the machine; after `Err`, none of them is there. One writer per store value; other processes
/// may read and write beside it. Events of a run are kept under their `seq`; to begin with one that
/// another write began with is an error, so that two writers of one run notice each other.
pub trait Store: Send {
    /// Writes `records` of the run `run_id`, all or none.
    fn write(&mut self, run_id: &str, records: &[Record]) -> Result<(), StoreError>;

    /// The events of a run in order; empty for an unknown run.
    fn events(&self, run_id: &str) -> Result<Vec<Event>, StoreError>;

    /// The last of them.
    fn last_event(&self, run_id: &str) -> Result<Option<Event>, StoreError>;

    /// Its number; 0 where there is none.
    fn last_seq(&self, run_id: &str) -> Result<u64, StoreError> {
        Ok(self.last_event(run_id)?.map_or(0, |event| event.seq))
    }

    /// All runs, the newest first.
    fn runs(&self) -> Result<Vec<StoredRun>, StoreError>;

    /// Their ids, in the same order.
    fn run_ids(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.runs()?.into_iter().map(|run| run.id).collect())
    }

    /// One of them.
    fn run(&self, run_id: &str) -> Result<Option<StoredRun>, StoreError> {
        Ok(self.runs()?.into_iter().find(|run| run.id == run_id))
    }

    /// The attempts of a run's steps, by step and number.
    fn attempts(&self, run_id: &str) -> Result<Vec<StoredAttempt>, StoreError>;

    /// Removes these runs with all that belongs to them.
    fn remove(&mut self, run_ids: &[String]) -> Result<(), StoreError>;
}

/// How a run runs, as far as a resume must repeat it. Paths are absolute.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct StoredConfig {
    /// Where relative paths start.
    pub working_dir: Utf8PathBuf,
    /// Where the run's files go.
    pub output_dir: Utf8PathBuf,
    /// What was allowed beyond the two directories.
    pub permissions: Permissions,
    /// Models were simulated.
    pub simulate: bool,
    /// `--max-cost`, in billionths of a dollar.
    pub max_cost: Option<i64>,
    /// `--max-concurrency`.
    pub max_concurrency: Option<usize>,
    /// `--limit`.
    pub limits: super::limits::Limits,
    /// `--no-cache`.
    pub no_cache: bool,
    /// `--record` or `--replay`.
    pub tape: Option<Recording>,
    /// What it is confined to; nothing where there is none.
    pub selection: Option<Selection>,
    /// The inputs whose values are not kept as they were.
    pub secret_inputs: Vec<String>,
    /// Under which key the outline of its pipeline was kept ([`crate::kept`]), where all its steps were made by it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outline: Option<String>,
}

/// A run as the store knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRun {
    /// Its id.
    pub id: String,
    /// The pipeline's id.
    pub pipeline: String,
    /// The file as the user named it.
    pub file: String,
    /// The pipeline's text.
    pub source: String,
    /// The inputs with their values.
    pub inputs: Value,
    /// How it runs.
    pub config: StoredConfig,
    /// RFC 3339 UTC.
    pub started_at: String,
    /// As in the result document; `None` while it runs, or when it was broken off.
    pub status: Option<String>,
    /// RFC 3339 UTC.
    pub finished_at: Option<String>,
}

impl StoredRun {
    /// Whether enough was kept of it to go on; a store of format 1 kept too little.
    pub fn is_resumable(&self) -> bool {
        !self.config.working_dir.as_str().is_empty()
    }
}

/// An attempt of a step as the store knows it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAttempt {
    /// The step; iterations as `loop[2].step`.
    pub step: String,
    /// From 1; 0 for a step that came to its end without an attempt.
    pub attempt: u32,
    /// Its intent was stored.
    pub intended: bool,
    /// As in the result document; `None` without an outcome.
    pub status: Option<String>,
    /// The value templates see.
    pub value: Value,
    /// The step's part of the result document.
    pub last: Option<LastWord>,
    /// The pipeline it runs, if it runs one.
    pub child: Option<Box<StoredChild>>,
    /// What it asks a person, if it asks.
    pub question: Option<Box<StoredQuestion>>,
    /// What that person answered.
    pub answer: Option<Box<StoredAnswer>>,
    /// What it came to counts no more: the step, or the loop around it, began again.
    pub forgotten: bool,
}

impl StoredAttempt {
    /// Whether what it came to is not kept as it was, because there was a secret in it.
    pub fn is_redacted(&self) -> bool {
        match &self.last {
            // What waits or was stopped has come to nothing yet.
            Some(last) => last.redacted && !matches!(self.status.as_deref(), Some("waiting" | "cancelled")),
            None => self.value[REDACTED] == Value::Bool(true),
        }
    }
}

/// A pipeline that a step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredChild {
    /// Its file, as the step names it; `None` for one that is written in the step.
    pub file: Option<String>,
    /// Its text.
    pub source: String,
    /// The text is not as it was: there was a secret in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
}

/// What a step asks a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredQuestion {
    /// The question.
    pub question: Question,
    /// When it was asked first, RFC 3339 UTC.
    pub asked_at: String,
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredAnswer {
    /// The answers by field.
    pub answers: Answers,
    /// Who, as the system calls them.
    pub by: String,
    /// When, RFC 3339 UTC.
    pub at: String,
}

impl StoredAnswer {
    /// What `by` answers now.
    pub fn new(answers: Answers, by: String) -> Self {
        Self { answers, by, at: clock::now() }
    }
}

/// What a step came to in the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LastWord {
    /// Its part of the result document.
    #[serde(serialize_with = "brief")]
    pub document: Arc<StepDocument>,
    /// The step its `goto` chose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub goto: Option<String>,
    /// What the result depends on, where it may be used again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Box<Fingerprint>>,
    /// It is not what it was: there was a secret in it. It is no data any more, and the step begins again
    /// when the run is resumed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
}

fn brief<S: Serializer>(document: &Arc<StepDocument>, serializer: S) -> Result<S::Ok, S::Error> {
    Brief(document).serialize(serializer)
}

/// Something to remember about a run.
#[derive(Debug, Clone, PartialEq)]
pub enum Record {
    /// The run exists.
    RunStarted {
        /// The pipeline's id.
        pipeline: String,
        /// The file as the user named it.
        file: String,
        /// The pipeline's text, so that a later resume can compare.
        source: String,
        /// The inputs with their values.
        inputs: Value,
        /// How it runs, so that a later resume runs in the same way.
        config: Box<StoredConfig>,
        /// RFC 3339 UTC.
        time: String,
    },
    /// The run goes on after it ended or was broken off.
    RunResumed {
        /// The pipeline's text from now on, where it is another one.
        source: Option<String>,
        /// As [`StoredConfig::outline`]; where it is another one, the run has none any more.
        outline: Option<String>,
    },
    /// A step is about to act.
    Intent {
        /// The step; iterations as `loop[2].step`.
        step: String,
        /// From 1.
        attempt: u32,
        /// RFC 3339 UTC.
        time: String,
    },
    /// The step that is about to act runs this pipeline.
    Child {
        /// The step; iterations as `loop[2].step`.
        step: String,
        /// The attempt.
        attempt: u32,
        /// The pipeline.
        child: StoredChild,
    },
    /// The step that began asks a person.
    Asked {
        /// The step; iterations as `loop[2].step`.
        step: String,
        /// The attempt.
        attempt: u32,
        /// What.
        question: Box<StoredQuestion>,
    },
    /// A person answered the question of an attempt.
    Answered {
        /// The step; iterations as `loop[2].step`.
        step: String,
        /// The attempt.
        attempt: u32,
        /// What and who.
        answer: StoredAnswer,
    },
    /// A step came to its end.
    Outcome {
        /// The step; iterations as `loop[2].step`.
        step: String,
        /// The last attempt; 0 when none was made.
        attempt: u32,
        /// As in the result document.
        status: Cow<'static, str>,
        /// The value templates see; null where `last` holds it.
        value: Value,
        /// The step's part of the result document, once nothing more will become of it in this run;
        /// `None` for an attempt after which others may follow.
        last: Option<Box<LastWord>>,
        /// RFC 3339 UTC.
        time: String,
    },
    /// A step begins again: what was stored of it counts no more.
    Forget {
        /// Its path.
        step: String,
        /// What it and its handlers came to counts no more.
        itself: bool,
        /// What the steps beneath it came to counts no more.
        beneath: bool,
    },
    /// A model answered a step.
    Answer {
        /// What it was asked, as a hash.
        key: String,
        /// The step; iterations as `loop[2].step`.
        step: String,
        /// The attempt.
        attempt: u32,
        /// The answer stands for any other to the same request.
        shared: bool,
        /// The answer, without secrets.
        answer: Box<Value>,
    },
    /// A fact, told to people after it is stored.
    Event(Event),
    /// The run came to its end; its last event holds the result document.
    RunFinished {
        /// As in the result document.
        status: String,
        /// RFC 3339 UTC.
        time: String,
    },
}

/// Why the store did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The file is not one of ours.
    #[error("`{}` is not a run store of orc ({reason}); move it away, or run with `--no-store`", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file is damaged.
    #[error(
        "the run store `{0}` is damaged ({reason}); move it and the files beside it (`{1}-wal`, `{1}-shm`) away together, or run with `--no-store`",
        path.display(), path.file_name().unwrap_or_default().display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The file was written by a newer version.
    #[error("`{}` was written by a newer orc (format {found}, this one knows {known}); update orc, or run with `--no-store`", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// The file was written by an older version, and was opened to read it.
    #[error("`{}` was written by an older orc (format {found}); the next run here brings it up to date", path.display())]
    Older {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
    },
    /// Reading or writing failed.
    #[error("`{}`: {reason}; check that the directory can be written and has space, or run with `--no-store`", path.display())]
    Failed {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// The store was closed before the run ended.
    #[error("the run store was closed before the run ended")]
    Closed,
}

/// The store of the workspace at `root`.
pub fn file(root: &Path) -> PathBuf {
    root.join(".orc/runs.db")
}

/// What each run has spent since that day (`YYYY-MM-DD`, UTC) on steps that have ended, and each process on tags
/// that it answered without a run, in billionths of a dollar.
pub(crate) fn spent_since(file: &Path, day: &str) -> Result<BTreeMap<String, i64>, StoreError> {
    let mut spent = BTreeMap::new();
    if file.exists() {
        let store = SqliteStore::open_to_read(file)?;
        let of_runs = store.spent_by_runs(day)?.into_iter().map(|paid| (paid.run, paid.cost));
        let of_tags = store.resolved(day)?.into_iter().map(|paid| (paid.process, paid.served.cost));
        for (who, cost) in of_runs.chain(of_tags) {
            let sum: &mut i64 = spent.entry(who).or_default();
            *sum = sum.saturating_add(cost.nano_usd);
        }
    }
    Ok(spent)
}

/// Opens the store in `file`, or one in memory.
pub fn open(file: Option<&Path>) -> Result<Box<dyn Store>, StoreError> {
    Ok(match file {
        Some(file) => Box::new(SqliteStore::open(file)?),
        None => Box::new(MemoryStore),
    })
}
