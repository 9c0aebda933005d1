//! Answers that were paid for are used again (docs/models.md): an answer is stored before its step comes to an
//! end, so that a run that is killed in between does not ask again when it is resumed; and what is asked without
//! chance – at temperature 0, with a seed, or where the step says `cache: true` – is asked once by all steps and
//! runs of a workspace.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant},
};

use tokio::sync::Mutex as AsyncMutex;

use super::{
    Caller, ModelFuture, Provider, Request, Response, Reused, Usage,
    gateway::{key, value_of},
};
use crate::{
    run::{
        RunConfig,
        cache::is_part_of,
        document::Cost,
        journal::{Batch, Journal},
        lock,
        secrets::Redactor,
        store::{
            Record, SqliteStore,
            sqlite::{KeptAnswer, Own, short},
        },
    },
    tools::ToolError,
};

/// The answers of a run, and those of earlier ones.
pub(crate) struct Answers {
    run: String,
    journal: Journal,
    secrets: Arc<Redactor>,
    /// Whether answers may be used again by others than the step that they were given to.
    shares: bool,
    /// The step that was asked for by name: it asks anew.
    fresh: Option<String>,
    /// Where they are kept; nowhere = in memory, as long as the run lasts.
    file: Option<PathBuf>,
    reader: Mutex<Option<SqliteStore>>,
    stored: Mutex<Stored>,
    here: Mutex<BTreeMap<String, (String, Response)>>,
    /// What the parts of steps were asked and answered, in any attempt.
    parts: Mutex<BTreeMap<(String, usize), Part>>,
    /// What is being asked right now: the same is not sent twice at a time.
    flights: Mutex<BTreeMap<String, Weak<AsyncMutex<()>>>>,
}

/// The keys of the answers that are stored, as far as they are known: most that is asked was never asked before, which
/// is found out here without asking the store.
#[derive(Default)]
struct Stored {
    /// Shortened; nothing where they are too many.
    keys: Option<HashSet<u64>>,
    /// When the store is to be looked at again.
    until: Option<Instant>,
}

/// How long the keys are good for: this long, and so many times as long as the look took. What a run that goes on beside
/// this one stores meanwhile is not known; two that ask the same at once do not wait for each other anyway.
const FRESH: Duration = Duration::from_millis(100);
const FRESH_BY_LOOK: u32 = 20;

/// How many keys are kept in memory at most.
const MOST_KNOWN: usize = 100_000;

/// What a part of a step was asked, of whom, and what it was answered.
struct Part {
    provider: String,
    place: Option<String>,
    request: Request,
    response: Response,
}

impl Answers {
    pub(crate) fn new(config: &RunConfig, run: &str, journal: Journal, secrets: Arc<Redactor>) -> Self {
        let asked = config.selection.as_ref().filter(|selection| selection.reuses());
        Self {
            run: run.to_owned(),
            journal,
            secrets,
            shares: config.cache,
            fresh: asked.map(|selection| selection.step.clone()),
            file: config.store.clone(),
            reader: Mutex::default(),
            stored: Mutex::default(),
            here: Mutex::default(),
            parts: Mutex::default(),
            flights: Mutex::default(),
        }
    }

    /// The answer that an earlier attempt of the step got to this part of it.
    pub(super) fn of_attempts(
        &self,
        caller: &Caller,
        (provider, place): (&str, impl FnOnce() -> Option<String>),
        request: &Request,
    ) -> Option<Response> {
        let part = caller.part.filter(|_| caller.attempt > 1)?;
        let parts = lock(&self.parts);
        let found = parts.get(&(caller.step.clone(), part))?;
        let is_same = found.provider == provider && found.request == *request && found.place == place();
        is_same.then(|| Self::of_attempt(found.response.clone()))
    }

    /// Keeps the answer for the case that the step is tried again because another part of it failed.
    pub(super) fn keep_for_attempts(
        &self,
        caller: &Caller,
        (provider, place): (&str, impl FnOnce() -> Option<String>),
        request: &Request,
        response: &Response,
    ) {
        // What is of no use is asked for again.
        let Some(part) = caller.part.filter(|_| response.failure.is_none()) else { return };
        let kept = Part {
            provider: provider.to_owned(),
            place: place(),
            request: request.clone(),
            response: response.clone(),
        };
        lock(&self.parts).insert((caller.step.clone(), part), kept);
    }

    /// Forgets what parts of the step were answered.
    pub(super) fn forget_parts(&self, step: &str) {
        lock(&self.parts).retain(|(of, _), _| of != step);
    }

    /// The answer that is there, or else that of the provider, which is kept before this returns.
    pub(super) async fn ask<'a>(
        &self,
        caller: &Caller,
        provider: &dyn Provider,
        request: &Request,
        ask: impl FnOnce() -> ModelFuture<'a>,
    ) -> Result<Response, ToolError> {
        let asked = value_of(request)?;
        // The hash of a secret that can be guessed would tell it.
        if self.secrets.touches(&asked) {
            return ask().await;
        }
        let shared = self.is_shared(caller, request);
        // Two parts that ask the same are answered each for itself.
        let part = caller.part.filter(|_| !shared);
        let key = match part {
            Some(part) => key(&(provider.name(), provider.place(), asked, part)),
            None => key(&(provider.name(), provider.place(), asked)),
        };
        let flight = shared.then(|| self.flight(&key));
        let _alone = match &flight {
            Some(flight) => Some(flight.lock().await),
            None => None,
        };
        if let Some(response) = self.find(&key, caller, shared) {
            return Ok(response);
        }
        let response = ask().await?;
        self.keep(key, caller, shared, &response).await;
        Ok(response)
    }

    /// Whether the answer stands for any other to the same request.
    pub(super) fn is_shared(&self, caller: &Caller, request: &Request) -> bool {
        let without_chance = request.temperature == Some(0.0) || request.seed.is_some();
        self.shares && !is_part_of(&caller.step, self.fresh.as_deref()) && caller.cache.unwrap_or(without_chance)
    }

    fn flight(&self, key: &str) -> Arc<AsyncMutex<()>> {
        let mut flights = lock(&self.flights);
        if let Some(flight) = flights.get(key).and_then(Weak::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| flight.strong_count() > 0);
        let flight = Arc::default();
        flights.insert(key.to_owned(), Arc::downgrade(&flight));
        flight
    }

    fn find(&self, key: &str, caller: &Caller, shared: bool) -> Option<Response> {
        let Some(file) = &self.file else {
            let here = lock(&self.here);
            // A step that asks once more wants another answer.
            let (_, response) = here.get(key).filter(|(step, _)| shared && *step != caller.step)?;
            return Some(Self::again(self.run.clone(), response.clone()));
        };
        // In the first attempt of a step nothing is there of its own.
        let is_first = caller.attempt <= 1;
        if !shared && is_first {
            return None;
        }
        let mut reader = lock(&self.reader);
        if reader.is_none() {
            // What cannot be read is asked for: that is always right.
            *reader = SqliteStore::open_to_read(file).ok();
        }
        if is_first && self.is_new(reader.as_ref()?, key) {
            return None;
        }
        let of_any_attempt = caller.part.is_some();
        let found = reader.as_ref()?.kept_answer(key, (&self.run, &caller.step), shared, of_any_attempt);
        let KeptAnswer { run, own, answer } = found.ok().flatten()?;
        let response: Response = serde_json::from_str(&answer).ok()?;
        Some(match own {
            // What the step was answered before the run was broken off, this run pays.
            Some(Own::BrokenOff) => response,
            Some(Own::Failed) => Self::of_attempt(response),
            None => Self::again(run, response),
        })
    }

    /// An answer that an attempt of the step paid which is over.
    fn of_attempt(response: Response) -> Response {
        let reused = Reused::Attempt { usage: response.usage, cost: response.cost };
        Response { usage: Some(Usage::default()), cost: Cost::free(), reused: Some(Box::new(reused)), ..response }
    }

    /// Whether nothing is stored under the key, which no other run of the workspace wrote a moment ago.
    fn is_new(&self, store: &SqliteStore, key: &str) -> bool {
        let mut stored = lock(&self.stored);
        let began = Instant::now();
        if stored.until.is_none_or(|until| began >= until) {
            // Where they cannot be told each is asked for.
            stored.keys = store.answer_keys(MOST_KNOWN).ok().flatten();
            let took = began.elapsed().saturating_mul(FRESH_BY_LOOK);
            stored.until = Some(Instant::now() + FRESH.max(took));
        }
        stored.keys.as_ref().is_some_and(|keys| !keys.contains(&short(key)))
    }

    /// An answer that another step or run paid.
    fn again(run: String, response: Response) -> Response {
        let reused = Reused::Run { run, usage: response.usage, cost: response.cost };
        Response { usage: Some(Usage::default()), cost: Cost::free(), reused: Some(Box::new(reused)), ..response }
    }

    async fn keep(&self, key: String, caller: &Caller, shared: bool, response: &Response) {
        let Ok(answer) = serde_json::to_value(response) else { return };
        if self.secrets.touches(&answer) {
            return;
        }
        if self.file.is_none() {
            if shared && response.failure.is_none() {
                lock(&self.here).insert(key, (caller.step.clone(), response.clone()));
            }
            return;
        }
        let new = short(&key);
        let mut batch = Batch::default();
        batch.records.push(Record::Answer {
            key,
            step: caller.step.clone(),
            attempt: caller.attempt,
            shared,
            answer: Box::new(answer),
        });
        // A store that breaks is noticed by the outcome of the step, which is written to it too.
        let _ = self.journal.commit(batch).await;
        if let Some(keys) = &mut lock(&self.stored).keys {
            keys.insert(new);
        }
    }
}
