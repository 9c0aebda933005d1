//! What stands between the steps of a run and the providers: a tape that takes requests down or answers
//! them ([`super::tape`]), and answers that were paid for already ([`super::answers`]).
//!
//! A simulated model is asked directly: what it says is neither recorded nor kept (contract §6.8).

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;

use super::{ModelFuture, Provider, Request, Response, Usage, answers::Answers, simulated, tape::Tape};
use crate::{
    run::{cache::hex, document::Cost, secrets::Redactor},
    tools::{OutputSink, ToolError},
};

/// Where an answer comes from that nobody was asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reused {
    /// This run asked the same before.
    Run {
        /// The run.
        run: String,
        /// The tokens it took; `None` = the provider did not say.
        usage: Option<Usage>,
        /// What it cost.
        cost: Cost,
    },
    /// An earlier attempt of the step, which paid for it.
    Attempt {
        /// The tokens it took; `None` = the provider did not say.
        usage: Option<Usage>,
        /// What it cost.
        cost: Cost,
    },
    /// It was recorded.
    Recorded(Recorded),
}

/// What a recording took when it was made.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Recorded {
    /// What the answers took, by the file of the recording that they stand in.
    pub cassettes: BTreeMap<String, Played>,
}

/// What answers of one file of a recording took when they were made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Played {
    /// The request was sent once for all steps that asked it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
    /// Tokens; `None` = the provider did not say.
    pub usage: Option<Usage>,
    /// Money.
    pub cost: Cost,
}

impl Played {
    /// The same, and another answer.
    fn and(&mut self, other: &Self) {
        // Where one of two is not told, the sum is not known either.
        self.usage = self.usage.zip(other.usage).and_then(|(one, other)| Usage::sum([one, other]));
        self.cost = Cost::sum([&self.cost, &other.cost].into_iter());
    }
}

impl Reused {
    /// Where two answers come from; nothing where somebody was asked for one of them.
    pub(crate) fn both(first: Option<&Self>, second: Option<&Self>) -> Option<Box<Self>> {
        Some(Box::new(match (first?, second?) {
            (Self::Recorded(first), Self::Recorded(second)) => {
                let mut both = first.clone();
                both.add(second, |_| true);
                Self::Recorded(both)
            }
            (first, _) => first.clone(),
        }))
    }

    /// As the document of a step says it, in `cache`; `is_result` = its result is what was answered.
    pub(crate) fn told(&self, is_result: bool) -> Option<Value> {
        Some(match self {
            // The step has paid for it, and says so.
            Self::Attempt { .. } => return None,
            Self::Run { .. } if !is_result => return None,
            Self::Run { run, .. } => {
                json!({"hit": true, "run": run, "reason": "the same request was answered before"})
            }
            Self::Recorded(recorded) => {
                let (usage, cost) = recorded.total();
                json!({"hit": is_result, "reason": "replayed", "recorded": {
                    "usage": usage, "cost": cost, "cassettes": recorded.cassettes,
                }})
            }
        })
    }
}

impl Recorded {
    /// That of a step whose document says this in `cache`.
    pub(crate) fn of(cache: &Value) -> Option<Self> {
        Self::deserialize(cache.get("recorded")?).ok()
    }

    /// What answered several steps; `None` if nothing did.
    pub(crate) fn sum(all: impl Iterator<Item = Self>) -> Option<Self> {
        all.reduce(|mut sum, other| {
            sum.add(&other, |played| !played.once);
            sum
        })
    }

    /// Adds another. Of what is there already, only that for which this `counts` again.
    fn add(&mut self, other: &Self, counts: impl Fn(&Played) -> bool) {
        for (file, played) in &other.cassettes {
            match self.cassettes.get_mut(file) {
                Some(known) if counts(played) => known.and(played),
                Some(_) => {}
                None => drop(self.cassettes.insert(file.clone(), played.clone())),
            }
        }
    }

    /// All that it took.
    pub(crate) fn total(&self) -> (Option<Usage>, Cost) {
        let all = || self.cassettes.values();
        let known = all().all(|played| played.usage.is_some());
        let usage = Usage::sum(all().filter_map(|played| played.usage)).filter(|_| known);
        (usage, Cost::sum(all().map(|played| &played.cost)))
    }
}

/// That of one run.
pub(crate) struct Gateway {
    pub(crate) answers: Answers,
    pub(crate) tape: Option<Tape>,
    pub(crate) secrets: Arc<Redactor>,
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gateway")
    }
}

impl Gateway {
    /// The attempt `attempt` of the step at `path`, of which `cache` says whether answers may be used again.
    pub(crate) fn caller(self: &Arc<Self>, path: &str, attempt: u32, cache: Option<bool>) -> Caller {
        Caller { gateway: Arc::clone(self), step: path.to_owned(), attempt, cache, part: None }
    }
}

/// An attempt of a step, as the one who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    gateway: Arc<Gateway>,
    pub(super) step: String,
    pub(super) attempt: u32,
    pub(super) cache: Option<bool>,
    /// Which of several things that an attempt asks side by side: what one of them was answered is not asked again
    /// where another fails and the step is tried again.
    pub(super) part: Option<usize>,
}

impl Caller {
    /// The one who asks the part of this number.
    pub(super) fn part(&self, part: usize) -> Self {
        Self { part: Some(part), ..self.clone() }
    }

    /// The step came to a good end: whoever runs it again wants other answers.
    pub(crate) fn forget_parts(&self) {
        self.gateway.answers.forget_parts(&self.step);
    }

    /// `provider`, asked only for what is not there already.
    pub(crate) fn before(&self, provider: Arc<dyn Provider>) -> Arc<dyn Provider> {
        if provider.name() == simulated::NAME {
            return provider;
        }
        Arc::new(Guarded { caller: self.clone(), provider })
    }
}

#[derive(Debug)]
struct Guarded {
    caller: Caller,
    provider: Arc<dyn Provider>,
}

impl Guarded {
    async fn ask(
        &self,
        request: &Request,
        cancel: &CancellationToken,
        told: Option<&OutputSink>,
    ) -> Result<Response, ToolError> {
        let Gateway { answers, tape, secrets } = &*self.caller.gateway;
        let name = self.provider.name();
        let place = || self.provider.place();
        if let Some(response) = answers.of_attempts(&self.caller, (name, place), request) {
            return Ok(response);
        }
        let ask = || match told {
            Some(told) => self.provider.stream(request, cancel, told),
            None => self.provider.call(request, cancel),
        };
        let Some(tape) = tape else {
            let response = answers.ask(&self.caller, &*self.provider, request, ask).await?;
            answers.keep_for_attempts(&self.caller, (name, place), request, &response);
            return Ok(response);
        };
        let known = scrubbed(request, secrets)?;
        if tape.answers() {
            let response = tape.play(&self.caller.step, name, &known, answers.is_shared(&self.caller, request))?;
            answers.keep_for_attempts(&self.caller, (name, place), request, &response);
            return Ok(response);
        }
        let response = answers.ask(&self.caller, &*self.provider, request, ask).await;
        tape.record(&self.caller.step, (name, known), &response, secrets)?;
        let response = response?;
        answers.keep_for_attempts(&self.caller, (name, place), request, &response);
        Ok(response)
    }
}

impl Provider for Guarded {
    fn name(&self) -> &str {
        self.provider.name()
    }

    fn most_at_once(&self) -> Option<usize> {
        self.provider.most_at_once()
    }

    fn place(&self) -> Option<String> {
        self.provider.place()
    }

    fn call<'a>(&'a self, request: &'a Request, cancel: &'a CancellationToken) -> ModelFuture<'a> {
        Box::pin(self.ask(request, cancel, None))
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        cancel: &'a CancellationToken,
        told: &'a OutputSink,
    ) -> ModelFuture<'a> {
        Box::pin(self.ask(request, cancel, Some(told)))
    }
}

/// The request with `[secret NAME]` in place of secrets.
fn scrubbed(request: &Request, secrets: &Redactor) -> Result<Request, ToolError> {
    let mut value = value_of(request)?;
    if !secrets.value(&mut value) {
        return Ok(request.clone());
    }
    serde_json::from_value(value).map_err(unwritten)
}

/// A request as JSON.
pub(super) fn value_of(request: &Request) -> Result<Value, ToolError> {
    serde_json::to_value(request).map_err(unwritten)
}

fn unwritten(error: serde_json::Error) -> ToolError {
    ToolError::new("ValueError", format!("the request to the model is no JSON: {error}"))
}

/// The name of what is asked of a provider: the SHA-256 of it, as JSON, in hexadecimal.
pub(super) fn key(parts: &impl Serialize) -> String {
    let written = serde_json::to_vec(parts).expect("invariant: what is asked was written as JSON before");
    hex(&Sha256::digest(written))
}
