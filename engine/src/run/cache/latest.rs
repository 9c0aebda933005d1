//! What the latest run of a pipeline came to, as far as it is sure to be what the cache would find.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
};

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Cache, Word, WordCache};
use crate::run::{execute::lock, secrets::Redactor, store::sqlite::Attempt};

/// Earlier results that are looked up while the pipeline is still read.
#[derive(Debug, Clone, Default)]
pub struct Earlier(Arc<Mutex<Option<JoinHandle<Option<Cache>>>>>);

impl Earlier {
    /// Opens the store `file`, of whose runs the latest of the pipeline file `name` is probably asked for, if any is.
    pub fn open(file: &Path, name: Option<&str>) -> Self {
        let (file, name): (PathBuf, Option<String>) = (file.to_owned(), name.map(str::to_owned));
        let open = move || {
            let mut cache = Cache::open(&file, None)?;
            cache.guess = Mutex::new(name.and_then(|name| cache.guessed(&name)));
            Some(cache)
        };
        // Without a thread it is opened when it is asked for.
        Self(Arc::new(Mutex::new(thread::Builder::new().name("earlier".to_owned()).spawn(open).ok())))
    }

    /// What was opened, to the first who asks; `None` where nothing was.
    #[expect(clippy::option_option, reason = "nothing was opened, or there is nothing")]
    pub(crate) fn take(&self) -> Option<Option<Cache>> {
        lock(&self.0).take()?.join().ok()
    }
}

/// The ends of a run, and the secrets that none of them holds.
#[derive(Debug)]
pub(super) struct Guess {
    run: String,
    ends: Vec<KnownEnd>,
    secrets: Redactor,
}

/// What the latest run came to.
pub(crate) struct Latest {
    /// The ends of its steps.
    pub(crate) ends: Vec<KnownEnd>,
}

/// The end of a step.
#[derive(Debug)]
pub(crate) struct KnownEnd {
    pub(crate) attempt: Attempt,
    /// The run that made it, if it is another one.
    made_in: Option<String>,
}

impl KnownEnd {
    /// The run that made it.
    pub(crate) fn made_in(&self) -> &str {
        self.made_in.as_deref().unwrap_or(&self.attempt.run)
    }
}

impl Cache {
    /// The ends of steps of the root in the latest run of the pipeline that are the newest under their keys; nothing
    /// where that run had another outline or other inputs, or holds what is a secret now.
    pub(crate) fn latest(
        &self,
        pipeline: &str,
        outline: &str,
        inputs: &Map<String, Value>,
        secrets: &Redactor,
    ) -> Option<Latest> {
        let run = lock(&self.store).latest_of(pipeline, outline).ok().flatten()?;
        // As the hash of what is rendered sees them: the order of keys and the sign of zero count.
        let (before, now) = (json!(run.inputs).to_string(), json!(inputs).to_string());
        if before != now || secrets.is_in(&now) {
            return None;
        }
        let guess = lock(&self.guess).take();
        let guess = guess.filter(|guess| guess.run == run.id && secrets.knows_the_same(&guess.secrets));
        let ends = match guess {
            Some(guess) => guess.ends,
            None => self.ends(&run.id, &run.started_at, secrets)?,
        };
        Some(Latest { ends })
    }

    /// Those of the latest run of the file `name`.
    fn guessed(&self, name: &str) -> Option<Guess> {
        let (run, started_at) = lock(&self.store).latest_of_file(name).ok().flatten()?;
        let secrets = Redactor::of_environment();
        Some(Guess { ends: self.ends(&run, &started_at, &secrets)?, run, secrets })
    }

    fn ends(&self, run: &str, started_at: &str, secrets: &Redactor) -> Option<Vec<KnownEnd>> {
        let known = self.known.as_ref()?;
        let store = lock(&self.store);
        // What ended before the run began is older than what the run came to.
        let earlier: HashSet<String> = store.ended_before(started_at).ok()?.into_iter().collect();
        let own = known.values().filter_map(|attempts| {
            let is_newest =
                |own: &&Attempt| attempts.iter().all(|other| other.run == own.run || earlier.contains(&other.run));
            attempts.iter().find(|attempt| attempt.run == run).filter(is_newest)
        });
        let newest: HashSet<(&str, u32)> = own.map(|own| (&*own.step, own.number)).collect();
        let mut found = Vec::with_capacity(newest.len());
        let mut holds_secret = false;
        let told = store.ends_of(run, |step, number, last| {
            if newest.contains(&(step, number)) {
                holds_secret |= secrets.is_in(last);
                let attempt = Attempt { run: run.to_owned(), step: step.to_owned(), number };
                found.push(KnownEnd { attempt, made_in: made_in(last)? });
            }
            Some(())
        });
        told.ok()?;
        (!holds_secret).then_some(found)
    }

    /// The result that the attempt came to.
    pub(crate) fn result_of(&self, attempt: &Attempt) -> Option<Value> {
        let word = lock(&self.store).word_of(attempt).ok().flatten()?;
        Some(serde_json::from_str::<Word>(&word).ok()?.document.value.result)
    }
}

/// The run that made what a step's last word says, if it is another one; `None` where it cannot be read.
#[expect(clippy::option_option, reason = "that nothing was used again is known, what cannot be read is not")]
fn made_in(last: &str) -> Option<Option<String>> {
    // Most made it themselves.
    if !last.contains(r#""cache":{"#) {
        return Some(None);
    }
    let word: WordOfCache = serde_json::from_str(last).ok()?;
    Some(word.document.cache.and_then(|cache| cache.run))
}

/// What [`made_in`] reads of a step's last word.
#[derive(Deserialize)]
struct WordOfCache {
    document: DocumentOfCache,
}

#[derive(Deserialize)]
struct DocumentOfCache {
    cache: Option<WordCache>,
}
