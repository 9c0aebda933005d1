//! Calls wait their turn where a provider's limits are declared or it wants to be left alone: together with all
//! other runs of the person on this machine, through a small file per server in orc's state folder.
//!
//! The file is replaced as a whole, under a lock that the end of a process takes away, however it ends. Nobody
//! reserves a turn that is to come, so that one that was killed while it waited leaves nothing behind. Where the
//! folder cannot be used, this process counts alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use lang::registry::overlay::RateLimits;
use sha2::{Digest as _, Sha256};
use tokio::time::{Instant, sleep};

use super::window::{Turn, Window};
use crate::{
    home,
    run::cache::hex,
    tools::{OutputSink, output::Stream},
};

/// How long others may hold the lock, which they do for a moment, before this process counts alone.
const PATIENCE: Duration = Duration::from_secs(2);
/// Between two looks at a lock that is held.
const LOOK: Duration = Duration::from_millis(2);

/// The files whose locks others held too long. They are tried once for each call, without waiting, until they are free.
static GIVEN_UP: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// The turns of one call at one server.
#[derive(Debug)]
pub(super) struct Turns {
    /// Whom it waits for, for people.
    pub(super) who: String,
    /// Provider and address.
    server: String,
    file: Option<PathBuf>,
    limits: RateLimits,
    /// About how many tokens the call takes.
    tokens: u64,
    /// When the step ends.
    until: Option<Instant>,
    /// Who is told of a wait.
    told: Option<OutputSink>,
    /// The turn that was taken last, and one; 0 = none.
    taken: AtomicU64,
}

/// Why a call gets no turn in time.
#[derive(Debug)]
pub(super) struct TooLong(pub(super) String);

impl Turns {
    /// Those of a call to `server` (provider and address).
    pub(super) fn new(
        (who, server): (String, String),
        environment: &BTreeMap<String, String>,
        (limits, tokens): (RateLimits, u64),
        (until, told): (Option<Instant>, Option<OutputSink>),
    ) -> Self {
        let folder = home::state(|name| environment.get(name).map(PathBuf::from));
        let file = folder.map(|folder| folder.join("limits").join(&hex(&Sha256::digest(&server))[..16]));
        Self { who, server, file, limits, tokens, until, told, taken: AtomicU64::new(0) }
    }

    /// Waits until the call may be made; at most `longest`, or as long as its step has. Nothing is waited for that
    /// would take longer.
    pub(super) async fn wait(&self, longest: Duration) -> Result<(), TooLong> {
        let end = Instant::now() + longest;
        let mut is_told = false;
        loop {
            let wait = match self.turn().await {
                Ok(turn) => {
                    self.taken.store(turn + 1, Ordering::Relaxed);
                    return Ok(());
                }
                Err(wait) => wait,
            };
            let left = end.saturating_duration_since(Instant::now());
            let (left, whose) = match self.left() {
                Some(of_step) if of_step < left => (of_step, "the step has"),
                _ => (left, "a call may wait"),
            };
            let seconds = wait.as_secs_f64().ceil();
            let limits = self.limits();
            if wait >= left {
                return Err(TooLong(format!(
                    "{} has no turn for this call before {seconds} s have passed ({limits}), which is longer than \
                     {whose}; raise its `timeout`, or ask less at a time",
                    self.who
                )));
            }
            if !is_told {
                self.tell(&format!("waiting {seconds} s for a turn at {} ({limits})\n", self.who));
                is_told = true;
            }
            sleep(wait).await;
        }
    }

    /// Takes a turn if there is one without waiting.
    pub(super) async fn has_one_now(&self) -> bool {
        let turn = self.turn().await;
        if let Ok(turn) = turn {
            self.taken.store(turn + 1, Ordering::Relaxed);
        }
        turn.is_ok()
    }

    /// How long the step has that waits.
    pub(super) fn left(&self) -> Option<Duration> {
        self.until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// The call took so many tokens.
    pub(super) async fn correct(&self, took: u64) {
        let Some(turn) = self.taken.swap(0, Ordering::Relaxed).checked_sub(1) else { return };
        let Some(most) = self.limits.tokens_per_minute else { return };
        let guessed = self.tokens.min(most);
        if took != guessed {
            self.change(|window, _| window.correct(turn, guessed, took)).await;
        }
    }

    /// The provider wants to be left alone so long, by everybody.
    pub(super) async fn leave_alone(&self, wait: Duration) {
        if !wait.is_zero() {
            self.change(|window, now| window.leave_alone(now, wait)).await;
        }
    }

    async fn turn(&self) -> Result<Turn, Duration> {
        if self.limits.is_empty() {
            // Nothing is counted, only what the provider said.
            let window = match &self.file {
                Some(file) => self.read(file),
                None => memory(&self.server, |window| window.clone()),
            };
            let now = now();
            return window.is_left_alone(now).map_or(Ok(now / 1000), Err);
        }
        self.change(|window, now| window.take(now, self.limits, self.tokens)).await
    }

    /// Changes what is known of the server, which nobody else does meanwhile.
    async fn change<T>(&self, change: impl Fn(&mut Window, u64) -> T) -> T {
        let alone = || memory(&self.server, |window| change(window, now()));
        let Some(file) = &self.file else { return alone() };
        let lock = match locked(file).await {
            Ok(lock) => lock,
            Err(error) => {
                self.warn(&format!("the limits of {} cannot be shared with other runs: {error}", self.who));
                return alone();
            }
        };
        let mut window = self.read(file);
        let result = change(&mut window, now());
        if let Err(error) = write(file, &window) {
            self.warn(&format!("the limits of {} cannot be shared with other runs: {error}", self.who));
            return alone();
        }
        drop(lock);
        result
    }

    /// What the file says; nothing where it is none of ours.
    fn read(&self, file: &Path) -> Window {
        let bytes = match fs::read(file.with_extension("json")) {
            Ok(bytes) => bytes,
            Err(error) => {
                if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) {
                    self.warn(&format!("what other runs asked {} is not known: {error}", self.who));
                }
                return Window::default();
            }
        };
        serde_json::from_slice(&bytes).unwrap_or_else(|error| {
            let shown = file.with_extension("json");
            self.warn(&format!(
                "`{}` is damaged ({error}), so that what other runs asked {} in the last minute is not counted",
                shown.display(),
                self.who
            ));
            Window::default()
        })
    }

    /// Says what is wrong with the file, once for each server.
    fn warn(&self, text: &str) {
        static SAID: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
        let Some(file) = &self.file else { return };
        if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(file.clone()) {
            self.tell(&format!("{text}\n"));
        }
    }

    fn tell(&self, text: &str) {
        if let Some(told) = &self.told {
            told.send(Stream::Stderr, text);
        }
    }

    /// Why it waits.
    fn limits(&self) -> String {
        let RateLimits { requests_per_minute, tokens_per_minute } = self.limits;
        let requests = requests_per_minute.map(|most| format!("{most} requests a minute"));
        let tokens = tokens_per_minute.map(|most| format!("{most} tokens a minute"));
        let all: Vec<String> = requests.into_iter().chain(tokens).collect();
        if all.is_empty() { "it wants to be left alone".to_owned() } else { all.join(", ") }
    }
}

fn now() -> u64 {
    u64::try_from(Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// What this process counts alone.
fn memory<T>(server: &str, look: impl FnOnce(&mut Window) -> T) -> T {
    static ALONE: Mutex<BTreeMap<String, Window>> = Mutex::new(BTreeMap::new());
    look(ALONE.lock().unwrap_or_else(PoisonError::into_inner).entry(server.to_owned()).or_default())
}

/// The lock of the file, which its holder's end gives back.
async fn locked(file: &Path) -> io::Result<File> {
    let path = file.with_extension("lock");
    let open = || File::options().write(true).create(true).truncate(false).open(&path);
    let lock = match open() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(file.parent().unwrap_or(file))?;
            open()?
        }
        opened => opened?,
    };
    let given_up = || GIVEN_UP.lock().unwrap_or_else(PoisonError::into_inner);
    let end = Instant::now() + PATIENCE;
    loop {
        match lock.try_lock() {
            Ok(()) => {
                given_up().remove(file);
                return Ok(lock);
            }
            Err(TryLockError::Error(error)) => return Err(error),
            // Somebody else of this process may have waited for all of it meanwhile.
            Err(TryLockError::WouldBlock) if Instant::now() >= end || given_up().contains(file) => {
                given_up().insert(file.to_owned());
                return Err(io::Error::new(io::ErrorKind::WouldBlock, format!("`{}` is held", path.display())));
            }
            Err(TryLockError::WouldBlock) => sleep(LOOK).await,
        }
    }
}

/// All of it, or nothing changes. Not forced to the disk: after a fall of the machine a minute has passed.
fn write(file: &Path, window: &Window) -> io::Result<()> {
    let fresh = file.with_extension("new");
    fs::write(&fresh, serde_json::to_vec(window)?)?;
    fs::rename(fresh, file.with_extension("json"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::sync::Arc;

    use super::*;

    /// Turns of a server with so many requests a minute, whose file is in this folder, and what they tell.
    fn turns(folder: &Path, most: u64) -> (Turns, Arc<Mutex<String>>) {
        let environment = BTreeMap::from([("XDG_STATE_HOME".to_owned(), folder.to_str().unwrap().to_owned())]);
        let said = Arc::new(Mutex::new(String::new()));
        let sink = {
            let said = Arc::clone(&said);
            OutputSink::new(move |stream, text: &str| {
                assert_eq!(stream, Stream::Stderr);
                said.lock().unwrap().push_str(text);
            })
        };
        let limits = RateLimits { requests_per_minute: Some(most), tokens_per_minute: Some(1000) };
        let who = ("the lab".to_owned(), "lab http://lab".to_owned());
        (Turns::new(who, &environment, (limits, 10), (None, Some(sink))), said)
    }

    fn file(folder: &Path, extension: &str) -> PathBuf {
        let (turns, _) = turns(folder, 1);
        turns.file.unwrap().with_extension(extension)
    }

    const SHORT: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn a_file_is_shared_and_one_that_is_damaged_is_said_and_not_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let (first, said) = turns(folder.path(), 1);
        first.wait(SHORT).await.unwrap();
        let (second, _) = turns(folder.path(), 1);
        let error = second.wait(SHORT).await.unwrap_err().0;
        assert!(error.starts_with("the lab has no turn for this call before "), "{error}");
        assert!(error.ends_with(
            " s have passed (1 requests a minute, 1000 tokens a minute), which is longer than a call may wait; raise its \
             `timeout`, or ask less at a time"
        ), "{error}");
        first.correct(70).await;
        let text = fs::read_to_string(file(folder.path(), "json")).unwrap();
        assert!(text.contains("\"requests\":1,\"tokens\":70"), "{text}");
        assert_eq!(*said.lock().unwrap(), "");
        // Half of it, as after a fall of the machine.
        fs::write(file(folder.path(), "json"), &text[..text.len() / 2]).unwrap();
        let (third, said) = turns(folder.path(), 1);
        third.wait(SHORT).await.unwrap();
        let said = said.lock().unwrap().clone();
        assert!(
            said.contains(".json` is damaged (") && said.ends_with("in the last minute is not counted\n"),
            "{said}"
        );
        assert!(second.wait(SHORT).await.is_err(), "it counts again");
    }

    #[tokio::test]
    async fn what_was_killed_while_it_wrote_blocks_nobody() {
        let folder = tempfile::tempdir().unwrap();
        turns(folder.path(), 9).0.wait(SHORT).await.unwrap();
        // What it leaves: a lock that nobody holds, and half a file under another name.
        fs::write(file(folder.path(), "new"), "{\"not_bef").unwrap();
        let (next, said) = turns(folder.path(), 9);
        next.wait(SHORT).await.unwrap();
        assert_eq!(*said.lock().unwrap(), "");
        let text = fs::read_to_string(file(folder.path(), "json")).unwrap();
        assert_eq!(text.matches("requests").count(), text.matches("tokens").count(), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_that_is_held_for_ever_is_waited_for_a_moment_only() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("orc/limits")).unwrap();
        let held = File::create(file(folder.path(), "lock")).unwrap();
        held.lock().unwrap();
        let (turns, said) = turns(folder.path(), 1);
        turns.wait(SHORT).await.unwrap();
        let said = said.lock().unwrap().clone();
        assert!(said.starts_with("the limits of the lab cannot be shared with other runs: "), "{said}");
        assert!(said.ends_with(".lock` is held\n"), "{said}");
        assert!(turns.wait(SHORT).await.is_err(), "this process counts alone");
        // Nobody waits for the lock again, not with what a call took either.
        let before = Instant::now();
        for _ in 0..12 {
            let (next, said) = self::turns(folder.path(), 100);
            next.wait(SHORT).await.unwrap();
            next.correct(70).await;
            assert_eq!(*said.lock().unwrap(), "", "it is said once");
        }
        assert_eq!(before.elapsed(), Duration::ZERO);
        // Once it is free all share it again.
        drop(held);
        let (next, _) = self::turns(folder.path(), 100);
        next.wait(SHORT).await.unwrap();
        let text = fs::read_to_string(file(folder.path(), "json")).unwrap();
        assert!(text.contains("\"requests\":1,"), "{text}");
    }
}
