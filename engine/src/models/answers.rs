//! Answers that were paid for are used again (docs/models.md): an answer is stored before its step comes to an
//! end, so that a run that is killed in between does not ask again when it is resumed; and what is asked without
//! chance – at temperature 0, with a seed, or where the step says `cache: true` – is asked once by all steps and
//! runs of a workspace.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, Weak},
};

use serde_json::json;
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
        store::{Record, SqliteStore, sqlite::KeptAnswer},
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
    here: Mutex<BTreeMap<String, (String, Response)>>,
    /// What is being asked right now: the same is not sent twice at a time.
    flights: Mutex<BTreeMap<String, Weak<AsyncMutex<()>>>>,
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
            here: Mutex::default(),
            flights: Mutex::default(),
        }
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
        let key = key(&json!([provider.name(), provider.place(), asked]));
        let shared = self.is_shared(caller, request);
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
        if !shared && caller.attempt <= 1 {
            return None;
        }
        let mut reader = lock(&self.reader);
        if reader.is_none() {
            // What cannot be read is asked for: that is always right.
            *reader = SqliteStore::open_to_read(file).ok();
        }
        let found = reader.as_ref()?.kept_answer(key, (&self.run, &caller.step), shared).ok().flatten()?;
        let KeptAnswer { run, is_own, answer } = found;
        let response: Response = serde_json::from_str(&answer).ok()?;
        // What the step was answered before the run was broken off, this run pays.
        Some(if is_own { response } else { Self::again(run, response) })
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
    }
}
