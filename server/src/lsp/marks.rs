//! How the steps of a pipeline stand: those of a run that this server started from its events, all others
//! as the store has them. Reads the store that is there; makes none, changes nothing in it.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use engine::run::store::{
    self, SqliteStore,
    sqlite::{LatestEnd, LatestRun},
};

use super::runs::{Latest, State};

/// How a step stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Mark {
    /// As in the result document, or `running`, `retrying`, `asking` while the run goes on.
    pub(crate) status: String,
    /// The run.
    pub(crate) run: String,
    /// Since when, RFC 3339 UTC.
    pub(crate) at: String,
    /// How long it took.
    pub(crate) milliseconds: Option<u64>,
    /// How many bytes its result has.
    pub(crate) size: Option<u64>,
    /// Why it failed, or what is asked.
    pub(crate) note: Option<String>,
    /// An earlier result was used again.
    pub(crate) cached: bool,
}

impl Mark {
    /// Whether it has not ended.
    pub(crate) fn is_open(&self) -> bool {
        matches!(&*self.status, "running" | "retrying" | "asking")
    }

    /// For a hint: the state, how long, how much.
    pub(crate) fn label(&self) -> String {
        let (sign, word) = match &*self.status {
            "completed" if self.cached => ("✔", Some("unchanged")),
            "completed" => ("✔", None),
            "failed" => ("✘", Some("failed")),
            "running" => ("●", Some("running")),
            "retrying" => ("↻", Some("trying again")),
            "asking" | "waiting" => ("?", Some("waits for an answer")),
            "cancelled" => ("■", Some("cancelled")),
            "skipped" => ("–", Some("skipped")),
            other => ("–", Some(other)),
        };
        let took = self.milliseconds.filter(|_| !self.cached && matches!(&*self.status, "completed" | "failed"));
        let size = self.size.filter(|_| self.status == "completed").map(size);
        let parts = [word.map(str::to_owned), took.map(duration), size];
        format!("{sign} {}", parts.into_iter().flatten().collect::<Vec<_>>().join(" · "))
    }

    /// The same in sentences.
    pub(crate) fn tooltip(&self) -> String {
        let mut text = format!("{} at {}, run {}", self.status, self.at, self.run);
        if let Some(size) = self.size {
            text.push_str(&format!("; its result has {size} bytes"));
        }
        if let Some(note) = &self.note {
            text.push_str(&format!("\n{note}"));
        }
        text
    }
}

/// `12 ms`, `2.1 s`, `1 min 3 s`
pub(crate) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..100 => format!("{milliseconds} ms"),
        100..60_000 => format!("{:.1} s", milliseconds as f64 / 1000.0),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1000),
    }
}

/// `12 B`, `1.2 kB`, `3.4 MB`
fn size(bytes: u64) -> String {
    match bytes {
        0..1000 => format!("{bytes} B"),
        1000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    }
}

/// What the store knows of a pipeline.
#[derive(Debug, Default)]
pub(crate) struct Stored {
    /// The newest run.
    pub(crate) run: Option<LatestRun>,
    steps: BTreeMap<String, Mark>,
}

impl Stored {
    fn read(store: &SqliteStore, pipeline: &str) -> Result<Self, store::StoreError> {
        let runs = store.latest_runs(pipeline)?;
        let mut steps = BTreeMap::new();
        for (at, run) in runs.iter().enumerate() {
            // A run that is confined to some steps lacks the others; what is still missing far back is gone.
            let before = steps.len();
            for end in store.latest_ends(&run.id)?.into_iter().filter(|end| end.status != "not_run") {
                // Of several attempts the last counts, of several runs the newest.
                let is_older = |known: &Mark| known.run != end.run;
                if !steps.get(&end.step).is_some_and(is_older) {
                    steps.insert(end.step.clone(), mark(end));
                }
            }
            if at > 0 && steps.len() == before {
                break;
            }
        }
        Ok(Self { run: runs.into_iter().next(), steps })
    }
}

fn mark(end: LatestEnd) -> Mark {
    let milliseconds = end.duration.map(|seconds| (seconds * 1000.0).round() as u64);
    let LatestEnd { run, step: _, status, at, duration: _, size, error: note, cached } = end;
    Mark { status, run, at, milliseconds, size, note, cached }
}

/// The modification times and sizes of the database and its log: equal as long as nothing was written.
type Stamp = [Option<(SystemTime, u64)>; 2];

/// What was read of stores, until they change.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Known>);

/// By folder and pipeline.
type Known = HashMap<(PathBuf, String), (Stamp, Arc<Stored>)>;

/// How many pipelines are remembered.
const MOST: usize = 256;

impl Cache {
    /// What the store of the folder `root` knows of the pipeline. Where there is no store, or none that can be
    /// read, nothing is known; that is no reason to explain less.
    pub(crate) fn stored(&self, root: &Path, pipeline: &str) -> Arc<Stored> {
        let file = store::file(root);
        let stamp = [stamp(&file), stamp(&file.with_extension("db-wal"))];
        if stamp[0].is_none() {
            return Arc::default();
        }
        let key = (root.to_owned(), pipeline.to_owned());
        if let Some((of, stored)) = self.lock().get(&key)
            && *of == stamp
        {
            return Arc::clone(stored);
        }
        let read = SqliteStore::open_to_read(&file).and_then(|store| Stored::read(&store, pipeline));
        let stored = Arc::new(read.unwrap_or_default());
        let mut known = self.lock();
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(key, (stamp, Arc::clone(&stored)));
        stored
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
    let found = file.metadata().ok()?;
    Some((found.modified().ok()?, found.len()))
}

/// How the steps stand, of the run that goes on or ended here and of the history.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pub(crate) stored: Arc<Stored>,
    pub(crate) latest: Option<Arc<Latest>>,
}

impl Marks {
    /// How the last run stands: the one of this server, unless another has ended since.
    pub(crate) fn state(&self) -> Option<State> {
        let latest = self.latest.as_deref();
        let Some(run) = self.stored.run.as_ref().filter(|run| latest.is_none_or(|latest| latest.is_older(run))) else {
            return latest.map(|latest| latest.state.clone());
        };
        let status = run.status.as_deref()?;
        Some(State::Ended {
            success: status == "completed",
            summary: format!("{status} at {}", run.finished_at.as_deref()?),
        })
    }

    /// How a step of the root stands.
    pub(crate) fn of(&self, step: &str) -> Option<&Mark> {
        let stored = self.stored.steps.get(step);
        let Some(latest) = self.latest.as_deref() else { return stored };
        match (latest.steps.get(step), stored) {
            (Some(live), _) if live.is_open() => Some(live),
            // The store has the same, and the size.
            (Some(live), Some(stored)) if live.run == stored.run || stored.at > live.at => Some(stored),
            (Some(live), _) => Some(live),
            // What it came to in an earlier run says nothing while it is still to run in this one.
            (None, Some(stored)) if latest.is_whole && latest.is_running() && stored.run != latest.id => None,
            (None, stored) => stored,
        }
    }
}
