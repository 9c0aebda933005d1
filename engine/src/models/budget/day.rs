//! The budget of a day, which all runs of a workspace draw on: also those of other processes, with what they hold for
//! calls that are under way.
//!
//! Each run says in a file of its own, beside the store, what it has spent that day and what it holds. Who reserves
//! reads them all under a lock that the end of a process takes away. What a run held that was killed may have been
//! paid, and counts as spent for the rest of the day.

use std::{
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::run::{clock, lock, store};

/// How long others may look, which takes a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// A day's budget, as one run sees it.
#[derive(Debug)]
pub(crate) struct Day {
    store: PathBuf,
    run: String,
}

/// What runs have of a day's budget, in billionths of a dollar.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) spent: i64,
    /// By those that still run.
    pub(super) held: i64,
}

impl Taken {
    /// What cannot be read is not known, and taken to be beyond every budget.
    const UNKNOWN: Self = Self { spent: i64::MAX, held: 0 };
}

/// What a run says of itself.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Said {
    run: String,
    /// `YYYY-MM-DD`, UTC.
    day: String,
    spent: i64,
    held: i64,
}

impl Day {
    /// That of a run in the workspace of this store.
    pub(crate) fn new(store: PathBuf, run: &str) -> Self {
        let run = if run.is_empty() { format!("process {}", std::process::id()) } else { run.to_owned() };
        Self { store, run }
    }

    /// What this run had of the day before it was resumed, with what nobody told.
    pub(super) fn before(&self) -> i64 {
        let found = read(&self.file()).ok().flatten().filter(|said| said.day == today());
        found.map_or(0, |said| said.spent.saturating_add(said.held))
    }

    /// Does `reserve` with what all others have, while none of them does so.
    pub(super) fn alone<T>(&self, reserve: impl FnOnce(Taken) -> T) -> T {
        match self.lock() {
            Ok(_lock) => reserve(self.others().unwrap_or(Taken::UNKNOWN)),
            Err(_) => reserve(Taken::UNKNOWN),
        }
    }

    /// Says what this run has.
    pub(super) fn say(&self, taken: Taken) -> io::Result<()> {
        let said = Said { run: self.run.clone(), day: today(), spent: taken.spent, held: taken.held };
        let file = self.file();
        fs::create_dir_all(self.folder())?;
        let fresh = file.with_extension("new");
        fs::write(&fresh, serde_json::to_vec(&said)?)?;
        fs::rename(fresh, file)
    }

    fn others(&self) -> io::Result<Taken> {
        let today = today();
        let mut ended = store::spent_since(&self.store, &today).map_err(io::Error::other)?;
        ended.remove(&self.run);
        let mut all = Taken::default();
        for entry in fs::read_dir(self.folder())? {
            let path = entry?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let Some(said) = read(&path)? else { continue };
            if said.day != today {
                // Of another day; if it cannot go, it does not matter.
                let _ = fs::remove_file(&path);
                continue;
            }
            if said.run == self.run {
                continue;
            }
            let ended = ended.remove(&said.run).unwrap_or_default();
            let (spent, held) = match lock::holder(&self.store, &said.run) {
                Some(_) => (said.spent, said.held),
                None => (said.spent.saturating_add(said.held), 0),
            };
            all.spent = all.spent.saturating_add(spent.max(ended));
            all.held = all.held.saturating_add(held);
        }
        all.spent = ended.into_values().fold(all.spent, i64::saturating_add);
        Ok(all)
    }

    fn lock(&self) -> io::Result<File> {
        fs::create_dir_all(self.folder())?;
        let lock = File::options().write(true).create(true).truncate(false).open(self.folder().join("lock"))?;
        let end = Instant::now() + PATIENCE;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(Duration::from_millis(1)),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn folder(&self) -> PathBuf {
        self.store.with_file_name("day")
    }

    fn file(&self) -> PathBuf {
        let name: String =
            self.run.chars().map(|c| if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' }).collect();
        self.folder().join(format!("{name}.json"))
    }
}

/// What a run says; nothing where its file has gone.
fn read(path: &Path) -> io::Result<Option<Said>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn today() -> String {
    clock::now().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::run::lock::RunLock;

    fn taken(spent: i64, held: i64) -> Taken {
        Taken { spent, held }
    }

    #[test]
    fn what_others_hold_counts_as_held_while_they_run_and_as_spent_after() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("runs.db");
        let (one, other) = (Day::new(store.clone(), "one"), Day::new(store.clone(), "other/2"));
        assert_eq!(one.alone(|others| others), Taken::default());
        let lock = RunLock::take(&store, "other/2").unwrap().unwrap();
        other.say(taken(5, 7)).unwrap();
        one.say(taken(1, 2)).unwrap();
        assert_eq!(one.alone(|others| others), taken(5, 7));
        assert_eq!(other.alone(|others| others), taken(3, 0), "the one is not running");
        drop(lock);
        assert_eq!(one.alone(|others| others), taken(12, 0));
        // What nobody told is not forgotten when it goes on.
        assert_eq!(other.before(), 12);
    }

    #[test]
    fn what_is_of_another_day_does_not_count_and_what_is_damaged_is_beyond_every_budget() {
        let folder = tempfile::tempdir().unwrap();
        let day = Day::new(folder.path().join("runs.db"), "one");
        day.say(taken(1, 1)).unwrap();
        let old = r#"{"run": "old", "day": "2020-01-01", "spent": 9, "held": 9}"#;
        fs::write(folder.path().join("day/old.json"), old).unwrap();
        assert_eq!(day.alone(|others| others), Taken::default());
        assert!(!folder.path().join("day/old.json").exists());
        fs::write(folder.path().join("day/torn.json"), &old[..20]).unwrap();
        assert_eq!(day.alone(|others| others), Taken::UNKNOWN);
    }
}
