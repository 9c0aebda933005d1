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

/// How the iterations of a step in a loop stand, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) completed: usize,
    pub(crate) failed: usize,
    /// Skipped, cancelled, waiting.
    pub(crate) others: usize,
    pub(crate) running: usize,
}

impl Count {
    /// One more has ended with `status`.
    pub(crate) fn ended(&mut self, status: &str) {
        if let Some(count) = self.with(status) {
            *count += 1;
        }
    }

    /// One of those that have ended with `status` begins anew.
    pub(crate) fn begins_again(&mut self, status: &str) {
        if let Some(count) = self.with(status) {
            *count = count.saturating_sub(1);
        }
    }

    /// How many have ended with `status`, if they are counted.
    fn with(&mut self, status: &str) -> Option<&mut usize> {
        match status {
            "completed" => Some(&mut self.completed),
            "failed" => Some(&mut self.failed),
            "not_run" => None,
            _ => Some(&mut self.others),
        }
    }

    /// What is known of the same iterations from two sides, each of which may lag behind the other.
    fn or(self, other: Self) -> Self {
        Self {
            completed: self.completed.max(other.completed),
            failed: self.failed.max(other.failed),
            others: self.others.max(other.others),
            running: self.running.max(other.running),
        }
    }

    /// For a hint: how many of `all` are done, if that is known, and what else is to say.
    pub(crate) fn label(&self, all: Option<usize>) -> String {
        let sign = match self {
            Self { running: 1.., .. } => "●",
            Self { failed: 1.., .. } => "✘",
            _ => "✔",
        };
        let done = match all {
            Some(all) => format!("{}/{all} done", self.completed),
            None => format!("{} done", self.completed),
        };
        let more = [(self.failed, "failed"), (self.others, "passed over"), (self.running, "running")];
        let more = more.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!(" · {count} {word}"));
        format!("{sign} {done}{}", more.collect::<String>())
    }
}

/// `loop[2].step` as `loop.step`.
pub(crate) fn without_numbers(path: &str) -> String {
    path.split('.').map(|part| part.split('[').next().unwrap_or(part)).collect::<Vec<_>>().join(".")
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
    /// Of the newest run, by the path without the numbers of iterations.
    parts: BTreeMap<String, Count>,
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
        let run = runs.into_iter().next();
        let mut parts: BTreeMap<String, Count> = BTreeMap::new();
        for (path, status) in run.as_ref().map(|run| store.latest_parts(&run.id)).transpose()?.unwrap_or_default() {
            parts.entry(without_numbers(&path)).or_default().ended(&status);
        }
        Ok(Self { run, steps, parts })
    }
}

fn mark(end: LatestEnd) -> Mark {
    let milliseconds = end.duration.map(|seconds| (seconds * 1000.0).round() as u64);
    let LatestEnd { run, step: _, status, at, duration: _, size, error: note, cached } = end;
    Mark { status, run, at, milliseconds, size, note, cached }
}

/// The modification times and sizes of the database and its log: equal as long as nothing was written.
pub(crate) type Stamp = [Option<(SystemTime, u64)>; 2];

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
        let stamp = of_store(&file);
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

/// The stamp of the store in `file`.
pub(crate) fn of_store(file: &Path) -> Stamp {
    [stamp(file), stamp(&file.with_extension("db-wal"))]
}

/// When a file was written and how large it is, if it is there.
pub(crate) fn stamp(file: &Path) -> Option<(SystemTime, u64)> {
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

    /// How the iterations of a step in a loop stand, and in which run; `path` is that of the step, without numbers.
    pub(crate) fn iterations(&self, path: &str) -> Option<(Count, &str)> {
        let stored = self.stored.run.as_ref().map(|run| (self.stored.parts.get(path).copied(), run));
        let (count, run) = match (self.latest.as_deref(), stored) {
            (Some(latest), Some((stored, run))) if latest.id == run.id => {
                let live = latest.parts.get(path).copied();
                (live.map(|live| live.or(stored.unwrap_or_default())).or(stored), &run.id)
            }
            (Some(latest), Some((stored, run))) if latest.is_older(run) => (stored, &run.id),
            (Some(latest), _) => (latest.parts.get(path).copied(), &latest.id),
            (None, Some((stored, run))) => (stored, &run.id),
            (None, None) => return None,
        };
        Some((count.filter(|count| *count != Count::default())?, run))
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
