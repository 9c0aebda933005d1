//! The keyring of the system: Secret Service on Linux, Keychain on macOS, Credential Manager on Windows.
//!
//! It is looked at only in a process whose command said [`allow`], only for a key that the environment does not
//! have, and for a second at most altogether: who has no keyring, or one that does not answer, does not notice.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

/// How long a process waits for its keyring, whatever it wants of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long a person may take to open it, who wants a key to be kept there.
const PATIENCE_TO_KEEP: Duration = Duration::from_mins(1);

/// Whether this orc was built with it.
pub const IS_BUILT: bool = cfg!(feature = "keyring");

/// A place for keys, by the variable they would stand in. It may take any time.
pub trait Keyring: Send + Sync {
    /// The key, where there is one; an error where that cannot be told.
    fn get(&self, name: &str) -> Result<Option<String>, String>;
    /// Keeps a key.
    fn set(&self, name: &str, key: &str) -> Result<(), String>;
    /// Forgets a key; whether there was one.
    fn remove(&self, name: &str) -> Result<bool, String>;
}

/// A keyring that is waited for.
pub struct Reader {
    keyring: Arc<dyn Keyring>,
    state: Mutex<State>,
    /// How many keys were found so far.
    found: AtomicUsize,
}

struct State {
    /// What is left of the time to wait; nothing where it does not answer.
    patience: Duration,
    /// What was looked for, and what was there.
    known: BTreeMap<String, Option<String>>,
}

static READER: OnceLock<Reader> = OnceLock::new();

/// From now on the keyring of the system may be looked at: a command needs keys. The language server never says so.
pub fn allow() {
    READER.get_or_init(|| Reader::new(system(), PATIENCE));
}

/// The first of these variables that the keyring has a key for, and the key.
pub(crate) fn find<'n>(names: &[&'n str]) -> Option<(&'n str, String)> {
    let reader = READER.get()?;
    names.iter().find_map(|name| Some((*name, reader.get(name)?)))
}

/// Whether the keyring has a key for the variable.
pub fn has(name: &str) -> bool {
    READER.get().is_some_and(|reader| reader.get(name).is_some())
}

/// How many keys this process has of its keyring.
pub(crate) fn count() -> usize {
    READER.get().map_or(0, |reader| reader.found.load(Ordering::Relaxed))
}

/// These, by variable.
pub(crate) fn taken() -> Vec<(String, String)> {
    READER.get().map(Reader::taken).unwrap_or_default()
}

/// Keeps a key there, or says why that is not possible.
pub fn keep(name: &str, key: &str) -> Result<(), String> {
    let (name, key) = (name.to_owned(), key.to_owned());
    within(system(), PATIENCE_TO_KEEP, move |keyring| keyring.set(&name, &key))
}

/// Forgets a key that stands there; whether there was one.
pub fn forget(name: &str) -> Result<bool, String> {
    let name = name.to_owned();
    within(system(), PATIENCE_TO_KEEP, move |keyring| keyring.remove(&name))
}

impl Reader {
    /// One that waits that long, altogether.
    pub fn new(keyring: Arc<dyn Keyring>, patience: Duration) -> Self {
        let state = State { patience, known: BTreeMap::new() };
        Self { keyring, state: Mutex::new(state), found: AtomicUsize::new(0) }
    }

    /// The key for a variable. Each is looked for once.
    pub fn get(&self, name: &str) -> Option<String> {
        // Held meanwhile: who comes second has the answer without asking.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = state.known.get(name) {
            return known.clone();
        }
        if state.patience.is_zero() {
            return None;
        }
        let began = Instant::now();
        let wanted = name.to_owned();
        let found = within(Arc::clone(&self.keyring), state.patience, move |keyring| keyring.get(&wanted));
        state.patience = match found {
            Ok(_) => state.patience.saturating_sub(began.elapsed()),
            // Whatever is wrong with it, it is not asked again.
            Err(_) => Duration::ZERO,
        };
        let key = found.ok().flatten().map(|key| key.trim().to_owned()).filter(|key| !key.is_empty());
        if key.is_some() {
            self.found.fetch_add(1, Ordering::Relaxed);
        }
        state.known.insert(name.to_owned(), key.clone());
        key
    }

    fn taken(&self) -> Vec<(String, String)> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.known.iter().filter_map(|(name, key)| Some((name.clone(), key.clone()?))).collect()
    }
}

/// Does `work` on a thread of its own, which is left behind where it takes too long.
fn within<T: Send + 'static>(
    keyring: Arc<dyn Keyring>,
    patience: Duration,
    work: impl FnOnce(&dyn Keyring) -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    let (done, answer) = mpsc::channel();
    let worker = thread::Builder::new().name("orc-keyring".to_owned()).spawn(move || {
        // Nobody may be waiting any more.
        let _ = done.send(work(&*keyring));
    });
    worker.map_err(|error| error.to_string())?;
    match answer.recv_timeout(patience) {
        Ok(answer) => answer,
        Err(mpsc::RecvTimeoutError::Timeout) => Err(format!("it does not answer within {} s", patience.as_secs())),
        Err(mpsc::RecvTimeoutError::Disconnected) => Err("it broke off".to_owned()),
    }
}

#[cfg(feature = "keyring")]
fn system() -> Arc<dyn Keyring> {
    Arc::new(system::System)
}

#[cfg(not(feature = "keyring"))]
fn system() -> Arc<dyn Keyring> {
    Arc::new(Absent)
}

/// What stands in its place where orc was built without.
#[cfg(not(feature = "keyring"))]
struct Absent;

#[cfg(not(feature = "keyring"))]
const ABSENT: &str = "this orc was built without it";

#[cfg(not(feature = "keyring"))]
impl Keyring for Absent {
    fn get(&self, _: &str) -> Result<Option<String>, String> {
        Err(ABSENT.to_owned())
    }

    fn set(&self, _: &str, _: &str) -> Result<(), String> {
        Err(ABSENT.to_owned())
    }

    fn remove(&self, _: &str) -> Result<bool, String> {
        Err(ABSENT.to_owned())
    }
}

#[cfg(feature = "keyring")]
mod system {
    use keyring::{Entry, Error};

    use super::Keyring;

    /// Under which name all keys of orc stand.
    const SERVICE: &str = "orc";

    /// The keyring of the system.
    pub(super) struct System;

    impl System {
        fn entry(name: &str) -> Result<Entry, String> {
            // Why it is not there is told by the status alone.
            if let Err(error) = Entry::store_status() {
                return Err(error.to_string());
            }
            Entry::new(SERVICE, name).map_err(|error| error.to_string())
        }
    }

    impl Keyring for System {
        fn get(&self, name: &str) -> Result<Option<String>, String> {
            match Self::entry(name)?.get_password() {
                Ok(key) => Ok(Some(key)),
                Err(Error::NoEntry) => Ok(None),
                Err(error) => Err(error.to_string()),
            }
        }

        fn set(&self, name: &str, key: &str) -> Result<(), String> {
            Self::entry(name)?.set_password(key).map_err(|error| error.to_string())
        }

        fn remove(&self, name: &str) -> Result<bool, String> {
            match Self::entry(name)?.delete_credential() {
                Ok(()) => Ok(true),
                Err(Error::NoEntry) => Ok(false),
                Err(error) => Err(error.to_string()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keys in memory; what is asked for is counted. Without keys it answers nobody.
    struct Memory {
        keys: Option<BTreeMap<&'static str, &'static str>>,
        asked: AtomicUsize,
        /// Closed when the test ends.
        end: Mutex<mpsc::Receiver<()>>,
    }

    impl Keyring for Memory {
        fn get(&self, name: &str) -> Result<Option<String>, String> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let Some(keys) = &self.keys else {
                let end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
                return Err(end.recv().map_or_else(|error| error.to_string(), |()| "the end".to_owned()));
            };
            if name == "BROKEN" { Err("locked".to_owned()) } else { Ok(keys.get(name).map(|key| (*key).to_owned())) }
        }

        fn set(&self, _: &str, _: &str) -> Result<(), String> {
            Err("read only".to_owned())
        }

        fn remove(&self, _: &str) -> Result<bool, String> {
            Ok(false)
        }
    }

    fn memory(keys: Option<&[(&'static str, &'static str)]>) -> (Arc<Memory>, mpsc::Sender<()>) {
        let (sender, end) = mpsc::channel();
        let keys = keys.map(|keys| keys.iter().copied().collect());
        (Arc::new(Memory { keys, asked: AtomicUsize::new(0), end: Mutex::new(end) }), sender)
    }

    #[test]
    fn each_key_is_looked_for_once() {
        let (keyring, _end) = memory(Some(&[("A", " secret \n"), ("B", " ")]));
        let reader = Reader::new(keyring.clone(), Duration::from_mins(1));
        for _ in 0..3 {
            assert_eq!((reader.get("A"), reader.get("B"), reader.get("C")), (Some("secret".to_owned()), None, None));
        }
        assert_eq!(keyring.asked.load(Ordering::SeqCst), 3);
        assert_eq!(reader.taken(), [("A".to_owned(), "secret".to_owned())]);
    }

    #[test]
    fn one_that_does_not_answer_is_waited_for_once() {
        let (keyring, end) = memory(None);
        let reader = Reader::new(keyring.clone(), Duration::from_millis(5));
        assert_eq!((reader.get("A"), reader.get("A"), reader.get("B")), (None, None, None));
        // The one that was asked may not have begun.
        assert!(keyring.asked.load(Ordering::SeqCst) <= 1);
        drop(end);
    }

    #[test]
    fn one_that_cannot_be_used_is_as_if_it_were_not_there() {
        let (keyring, _end) = memory(Some(&[("A", "secret"), ("B", "secret")]));
        let reader = Reader::new(keyring.clone(), Duration::from_mins(1));
        assert_eq!((reader.get("A").is_some(), reader.get("BROKEN"), reader.get("B")), (true, None, None));
        assert_eq!((reader.get("A").is_some(), keyring.asked.load(Ordering::SeqCst)), (true, 2));
        let failed = within(keyring, Duration::from_mins(1), |keyring| keyring.set("A", "other"));
        assert_eq!(failed, Err("read only".to_owned()));
    }
}
