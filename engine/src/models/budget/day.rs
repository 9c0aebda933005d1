//! The budget of a day, which all runs of a workspace draw on: also those of other processes, with what they hold for
//! calls that are under way.
//!
//! Each run says in a file of its own, beside the store, what it has spent that day and what it holds. Who reserves
//! reads them all under a lock that the end of a process takes away. What a run held that was killed may have been
//! paid, and counts as spent for the rest of the day.

use std::{
    collections::BTreeMap,
    fs::{self, File, TryLockError},
    hash::{BuildHasher as _, RandomState},
    io,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex},
    thread,
    time::{Duration, Instant, SystemTime},
};

use serde::{Deserialize, Serialize};

use crate::run::{clock, lock, store};

/// How long others may look, which takes a moment; who waits longer does it where a cancel is heard.
const MOMENT: Duration = Duration::from_millis(50);

/// No call takes longer. What a run holds that said nothing for so long may have been paid by now.
const LONGEST_CALL: Duration = Duration::from_mins(11);

/// How long what the store says of ended steps is good for; and how many times as long as the look took.
const FRESH: Duration = Duration::from_secs(1);
const FRESH_BY_LOOK: u32 = 20;

/// A day's budget, as one run sees it.
#[derive(Debug)]
pub(crate) struct Day {
    store: PathBuf,
    run: String,
    ended: Mutex<Option<Ended>>,
    /// Whoever reserves in this process, one after the other: only other processes are looked for again and again.
    here: Mutex<()>,
}

/// What steps of runs took that have ended, which takes longer to find out the more there are.
#[derive(Debug)]
struct Ended {
    date: String,
    until: Instant,
    by_run: BTreeMap<String, i64>,
}

/// What runs have of a day's budget, in billionths of a dollar.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) spent: i64,
    /// By those that still run.
    pub(super) held: i64,
}

/// Why it cannot be told what others have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unknown {
    /// Another process looks at it, and does not come to an end.
    #[error("another process holds `{0}`; end it")]
    Busy(PathBuf),
    /// A file or the store cannot be read or written.
    #[error("{0}")]
    Broken(String),
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
        let run = if run.is_empty() { Self::process() } else { run.to_owned() };
        Self { store, run, ended: Mutex::default(), here: Mutex::default() }
    }

    /// What this process is called where it asks without a run. Numbers of processes come again, and in containers all
    /// begin with the same.
    pub(crate) fn process() -> String {
        static DRAWN: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(SystemTime::now()));
        format!("process {} {:016x}", std::process::id(), *DRAWN)
    }

    /// What this run had of the day before it was resumed, with what nobody told; at most `all` that it had spent
    /// where its steps cannot be read.
    pub(super) fn before(&self, all: i64) -> i64 {
        let today = today();
        let said = read(&self.file()).ok().flatten().filter(|said| said.day == today);
        let said = said.map_or(0, |said| said.spent.saturating_add(said.held));
        if all == 0 {
            return said;
        }
        let ended = store::spent_since(&self.store, &today);
        said.max(ended.map_or(all, |ended| ended.get(&self.run).copied().unwrap_or_default()))
    }

    /// Does `reserve` with what all others have, while none of them does so.
    pub(super) fn alone<T>(&self, reserve: impl FnOnce(Taken) -> T) -> Result<T, Unknown> {
        let _here = lock(&self.here);
        let _lock = self.lock()?;
        Ok(reserve(self.others()?))
    }

    /// Says what this run has of the day of this date.
    pub(super) fn say(&self, date: &str, taken: Taken) -> io::Result<()> {
        let said = Said { run: self.run.clone(), day: date.to_owned(), spent: taken.spent, held: taken.held };
        let file = self.file();
        let fresh = file.with_extension("new");
        let text = serde_json::to_vec(&said)?;
        in_folder(&fresh, || fs::write(&fresh, &text))?;
        fs::rename(&fresh, file)
    }

    /// What steps of other runs took that ended today. Runs that keep to the day's budget say more of themselves; of the
    /// others what is known is a moment old.
    fn ended(&self, today: &str) -> Result<BTreeMap<String, i64>, Unknown> {
        let mut known = lock(&self.ended);
        if let Some(known) = known.as_ref().filter(|known| known.date == today && Instant::now() < known.until) {
            return Ok(known.by_run.clone());
        }
        let began = Instant::now();
        let mut by_run = store::spent_since(&self.store, today).map_err(|error| Unknown::Broken(error.to_string()))?;
        by_run.remove(&self.run);
        let until = Instant::now() + FRESH.max(began.elapsed().saturating_mul(FRESH_BY_LOOK));
        *known = Some(Ended { date: today.to_owned(), until, by_run: by_run.clone() });
        Ok(by_run)
    }

    fn others(&self) -> Result<Taken, Unknown> {
        let today = today();
        let broken = |error: io::Error| Unknown::Broken(format!("`{}`: {error}", self.folder().display()));
        let mut ended = self.ended(&today)?;
        let mut all = Taken::default();
        for entry in fs::read_dir(self.folder()).map_err(broken)? {
            let path = entry.map_err(broken)?.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let damaged = |error: io::Error| {
                let path = path.display();
                Unknown::Broken(format!("`{path}`, where a run says what it has, cannot be read ({error}); remove it"))
            };
            let Some(said) = read(&path).map_err(damaged)? else { continue };
            if said.run == self.run {
                continue;
            }
            if said.day != today {
                // Of another day, which may be the next one, and pays what is held since. Who still runs says so itself
                // when that is over; what others leave goes, and if it cannot, that does not matter.
                if said.day < today && lock::holder(&self.store, &said.run).is_none() {
                    let _ = fs::remove_file(&path);
                }
                continue;
            }
            let ended = ended.remove(&said.run).unwrap_or_default();
            let is_late = || {
                let said_at = fs::metadata(&path).and_then(|file| file.modified()).ok();
                said_at.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > LONGEST_CALL)
            };
            let (spent, held) = match lock::holder(&self.store, &said.run) {
                Some(_) if !is_late() => (said.spent, said.held),
                _ => (said.spent.saturating_add(said.held), 0),
            };
            all.spent = all.spent.saturating_add(spent.max(ended));
            all.held = all.held.saturating_add(held);
        }
        all.spent = ended.into_values().fold(all.spent, i64::saturating_add);
        Ok(all)
    }

    fn lock(&self) -> Result<File, Unknown> {
        let path = self.folder().join("lock");
        let broken = |error: io::Error| Unknown::Broken(format!("`{}`: {error}", path.display()));
        let open = || File::options().write(true).create(true).truncate(false).open(&path);
        let lock = in_folder(&path, open).map_err(broken)?;
        let end = Instant::now() + MOMENT;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(lock),
                Err(TryLockError::WouldBlock) if Instant::now() < end => thread::sleep(Duration::from_millis(1)),
                Err(TryLockError::WouldBlock) => return Err(Unknown::Busy(path)),
                Err(TryLockError::Error(error)) => return Err(broken(error)),
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

/// Does it, and makes the folder of `path` first where it is missing.
fn in_folder<T>(path: &Path, act: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match act() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(path))?;
            act()
        }
        done => done,
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

#[cfg(test)]
thread_local! {
    /// The date in a test; empty = it does not matter.
    pub(super) static DATE: std::cell::Cell<&'static str> = const { std::cell::Cell::new("") };
}

/// The date, `YYYY-MM-DD`, UTC.
pub(super) fn today() -> String {
    #[cfg(test)]
    if !DATE.get().is_empty() {
        return DATE.get().to_owned();
    }
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
        assert_eq!(one.alone(|others| others), Ok(Taken::default()));
        let lock = RunLock::take(&store, "other/2").unwrap().unwrap();
        other.say(&today(), taken(5, 7)).unwrap();
        one.say(&today(), taken(1, 2)).unwrap();
        assert_eq!(one.alone(|others| others), Ok(taken(5, 7)));
        assert_eq!(other.alone(|others| others), Ok(taken(3, 0)), "the one is not running");
        drop(lock);
        assert_eq!(one.alone(|others| others), Ok(taken(12, 0)));
        // What nobody told is not forgotten when it goes on.
        assert_eq!(other.before(0), 12);
    }

    #[test]
    fn what_a_run_holds_that_is_stuck_is_taken_to_be_spent() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("runs.db");
        let (one, other) = (Day::new(store.clone(), "one"), Day::new(store.clone(), "other"));
        let _lock = RunLock::take(&store, "other").unwrap().unwrap();
        other.say(&today(), taken(5, 7)).unwrap();
        let long_ago = SystemTime::now() - LONGEST_CALL - Duration::from_secs(1);
        File::options().write(true).open(other.file()).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(one.alone(|others| others), Ok(taken(12, 0)));
    }

    #[test]
    fn what_is_of_another_day_does_not_count_and_what_is_damaged_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let day = Day::new(folder.path().join("runs.db"), "one");
        day.say(&today(), taken(1, 1)).unwrap();
        let old = r#"{"run": "old", "day": "2020-01-01", "spent": 9, "held": 9}"#;
        fs::write(folder.path().join("day/old.json"), old).unwrap();
        assert_eq!(day.alone(|others| others), Ok(Taken::default()));
        assert!(!folder.path().join("day/old.json").exists());
        fs::write(folder.path().join("day/torn.json"), &old[..20]).unwrap();
        let Err(Unknown::Broken(message)) = day.alone(|others| others) else { panic!("it is damaged") };
        assert!(message.contains("day/torn.json`") && message.ends_with("; remove it"), "{message}");
        fs::remove_file(folder.path().join("day/torn.json")).unwrap();
        let lock = File::options().write(true).open(folder.path().join("day/lock")).unwrap();
        lock.lock().unwrap();
        assert_eq!(day.alone(|others| others), Err(Unknown::Busy(folder.path().join("day/lock"))));
    }
}
