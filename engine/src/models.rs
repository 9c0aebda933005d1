//! Models: asking a provider, and what that took.
//!
//! Providers are OpenAI and what speaks like it, Anthropic, Google Gemini, Ollama, Hugging Face
//! (docs/models.md), and `simulated`, which is deterministic, free and labelled, and chosen only by name or
//! by `--simulate` (contract §6.1). Only a run asks: nothing here is called by the checker or the editor.

use std::{borrow::Cow, collections::BTreeMap, ffi::OsString, pin::Pin, sync::Arc};

use lang::registry::ModelTable;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::{
    run::document::Cost,
    tools::{Failure, OutputSink, ToolCx, ToolError, output::Stream},
};

mod answers;
pub(crate) use answers::Answers;

mod anthropic;

mod breaker;

pub mod calls;
use calls::{Function, FunctionCall, Round};

pub mod budget;
pub use budget::Purse;

mod chain;

pub mod check;

mod endpoint;

pub mod estimate;

pub(crate) mod tokens;

mod gateway;
pub(crate) use gateway::{Caller, Gateway};
pub use gateway::{Played, Recorded, Reused};

mod gemini;

mod kind;

pub mod message;
use message::{Image, Message, Role, Turn};

mod need;
pub use need::Need;

mod ollama;

mod openai;

mod price;

mod remote;

pub mod router;

pub mod simulated;
pub use simulated::Simulated;

mod spent;
pub use spent::{Served, Spent, Usage};

mod stream;

pub mod tape;

mod transport;
pub use transport::prepare_tls;

mod trouble;

mod turns;

mod window;

mod wire;

#[cfg(test)]
#[expect(dead_code, reason = "the tests of the command line use all of it")]
mod fake;

#[cfg(test)]
mod tests;

/// What is asked. As it is written in a cassette: a field that is not given is not there.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Model name as the provider knows it.
    pub model: String,
    /// What the model is told before the prompt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The prompt; empty where there are messages.
    pub prompt: String,
    /// What was said so far, by turns, in place of a prompt; the last is the user's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// Images that go with the last of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Image>,
    /// Functions that it may call before it answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Function>,
    /// What it called so far, after the last of what was said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rounds: Vec<Round>,
    /// The JSON Schema the answer must fit, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schema: Option<Value>,
    /// Largest answer in tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Sampling temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Sampling seed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// An earlier answer that did not fit the schema.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correction: Option<Correction>,
}

/// An answer that did not fit, and why: it is asked for once more.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Correction {
    /// The answer.
    pub answer: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Request {
    /// What is said, by whom: the prompt or the messages, and what followed.
    fn turns(&self) -> Vec<Turn<'_>> {
        let turn = |role, text| Turn { role, text, images: &[], round: None };
        let mut turns: Vec<Turn<'_>> = match &self.messages[..] {
            [] => vec![turn(Role::User, Cow::Borrowed(&*self.prompt))],
            said => said.iter().map(|message| turn(message.role, Cow::Borrowed(&*message.content))).collect(),
        };
        if let Some(last) = turns.last_mut() {
            last.images = &self.images;
        }
        for round in &self.rounds {
            let one = |role, text| Turn { role, text, images: &[], round: Some(round) };
            turns.push(one(Role::Assistant, Cow::Borrowed(&*round.said)));
            turns.push(one(Role::User, Cow::Borrowed("")));
        }
        if let Some(Correction { answer, problem }) = &self.correction {
            turns.push(turn(Role::Assistant, Cow::Borrowed(answer)));
            let again = format!("This does not fit the schema: {problem}. Give the whole answer again.");
            turns.push(turn(Role::User, Cow::Owned(again)));
        }
        turns
    }

    /// All that is said to the model, as one text.
    fn said(&self) -> String {
        let turns = self.turns();
        let texts = self.system.as_deref().into_iter().chain(turns.iter().map(|turn| &*turn.text));
        texts.collect::<Vec<_>>().join("\n\n")
    }
}

/// What a provider's answer holds, read but not judged.
#[derive(Debug, Clone, PartialEq, Default)]
struct Answer {
    /// The text.
    text: String,
    /// The value, where the provider gives one that is no text.
    value: Option<Value>,
    /// The functions that it calls.
    calls: Vec<FunctionCall>,
    /// What it thought, where the provider wants to see that again.
    thoughts: Vec<Value>,
    /// The model that served it.
    model: Option<String>,
    /// Tokens spent; `None` = the provider did not say.
    usage: Option<Usage>,
    /// It will not answer, and why.
    refused: Option<String>,
    /// It was cut off at the largest answer.
    is_cut: bool,
    /// It thought before it answered.
    reasoned: bool,
}

/// What came back.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Response {
    /// The answer: text, or a value that fits the schema.
    pub value: Value,
    /// Functions that are to be called before it answers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<FunctionCall>,
    /// What it thought before it called them, as the provider wants to see it again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub thoughts: Vec<Value>,
    /// Provider and model that served it.
    pub provider: String,
    /// The served model.
    pub model: String,
    /// Tokens spent; `None` = the provider did not say.
    pub usage: Option<Usage>,
    /// What it cost.
    pub cost: Cost,
    /// Why the answer is of no use, where it is none: it was paid for all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// The model that was asked first, as `provider/name`, where another one answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested: Option<String>,
    /// Where it comes from, where nobody was asked for it now.
    #[serde(skip)]
    pub reused: Option<Box<Reused>>,
}

impl Response {
    /// This after a call of which nobody said what it took.
    pub(crate) fn and_unpriced(self) -> Self {
        let cost = Cost::sum([&self.cost, &Cost::unknown()].into_iter());
        Self { usage: None, cost, ..self }
    }
}

/// The future a call is.
pub type ModelFuture<'a> = Pin<Box<dyn Future<Output = Result<Response, ToolError>> + Send + 'a>>;

/// How many calls a provider at the other end of a network is asked to answer at a time.
const REMOTE: usize = 16;

/// A provider of models.
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// Its name, e.g. `simulated`.
    fn name(&self) -> &str;

    /// How many steps of a run may ask it at a time, unless the run says otherwise; nothing where it does not mind.
    fn most_at_once(&self) -> Option<usize> {
        Some(REMOTE)
    }

    /// Where it is, where that may be one of several places: another one may answer otherwise.
    fn place(&self) -> Option<String> {
        None
    }

    /// Asks a model once. What may pass is tried again by the provider, within its own deadline.
    fn call<'a>(&'a self, request: &'a Request, cancel: &'a CancellationToken) -> ModelFuture<'a>;

    /// The same, with the text of the answer told to `told` as it comes, where the provider can do that.
    fn stream<'a>(
        &'a self,
        request: &'a Request,
        cancel: &'a CancellationToken,
        _told: &'a OutputSink,
    ) -> ModelFuture<'a> {
        self.call(request, cancel)
    }
}

/// All providers of this version.
pub fn all() -> Vec<Arc<dyn Provider>> {
    let nowhere = Arc::new(BTreeMap::new());
    let remote = |kind| Arc::new(remote::Remote::new(kind, Arc::clone(&nowhere))) as Arc<dyn Provider>;
    kind::KINDS.into_iter().map(remote).chain([Arc::new(Simulated) as Arc<dyn Provider>]).collect()
}

/// Which providers can be asked in this environment, with their addresses; of the others their names and
/// what is missing. Nobody is contacted.
pub fn readiness(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Vec<Result<String, (&'static str, String)>> {
    let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    let environment = environment.filter_map(text).collect();
    let ready = kind::KINDS.into_iter().map(|kind| match endpoint::Endpoint::of(kind, &environment) {
        Ok(endpoint) => Ok(trouble::who(kind, &endpoint)),
        Err(error) => Err((kind.label, error.to_string())),
    });
    ready.collect()
}

/// A provider that wants a key.
#[derive(Debug, Clone, Copy)]
pub struct Keyed {
    /// Its name in `provider/model`.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// The variables that its key may stand in; the first that is set wins.
    pub variables: &'static [&'static str],
}

/// The providers that want a key.
pub fn keyed() -> Vec<Keyed> {
    let keyed = kind::KINDS.into_iter().filter(|kind| kind.needs_key());
    keyed.map(|kind| Keyed { name: kind.name, label: kind.label, variables: kind.keys }).collect()
}

/// The simulated provider, where it answers for a step's model: for `--simulate`, and for models that are
/// named `simulated/…`.
pub fn stand_in(model: Option<&str>, simulate: bool) -> Option<Arc<dyn Provider>> {
    (simulate || model.is_some_and(is_simulated)).then(|| Arc::new(Simulated) as Arc<dyn Provider>)
}

/// The name of the provider that answers for a step's model, where there is one.
pub fn provider_name(table: &ModelTable, model: &str, simulate: bool) -> Option<String> {
    if simulate || is_simulated(model) {
        return Some(simulated::NAME.to_owned());
    }
    kind::serving(table, model).ok().map(|service| service.provider)
}

/// Where the model would be asked: provider and address; nothing where it cannot be. Nobody is contacted.
pub(crate) fn place_of(
    table: &ModelTable,
    model: &str,
    environment: &BTreeMap<String, String>,
    is_trusted: bool,
) -> Option<String> {
    let service = kind::serving(table, model).ok()?;
    let endpoint = endpoint::Endpoint::at(service.kind, &service.host, environment, is_trusted).ok()?;
    Some(format!("{} {}", service.provider, endpoint.url("")))
}

/// Whether nobody is paid for the model, because this machine serves it. Nobody is contacted.
pub(crate) fn is_unpaid(
    table: &ModelTable,
    model: &str,
    environment: &BTreeMap<String, String>,
    is_trusted: bool,
) -> bool {
    let Ok(service) = kind::serving(table, model) else { return false };
    let endpoint = || endpoint::Endpoint::at(service.kind, &service.host, environment, is_trusted);
    service.kind.name == kind::OLLAMA.name && endpoint().is_ok_and(|endpoint| endpoint.is_local)
}

/// Asks the model that `named` (a parameter) or else the step names: `cx.models` where the step has one,
/// else the provider that serves it. Without a provider this is a `NoModelError`, never a guess.
///
/// An answer that does not fit the schema is asked for once more, with what is wrong with it. What was
/// spent on an answer of no use stands in the response, with the reason as its `failure`.
pub async fn ask(named: Option<&str>, request: Request, cx: &ToolCx) -> Result<Response, ToolError> {
    ask_by(cx.caller.as_ref(), named, request, cx).await
}

/// The same for one of several things that an attempt asks side by side, by its number: where another one fails and
/// the step is tried again, what this one was answered is not asked again.
pub(crate) async fn ask_part(
    part: usize,
    named: Option<&str>,
    request: Request,
    cx: &ToolCx,
) -> Result<Response, ToolError> {
    let caller = cx.caller.as_ref().map(|caller| caller.part(part));
    ask_by(caller.as_ref(), named, request, cx).await
}

async fn ask_by(
    caller: Option<&Caller>,
    named: Option<&str>,
    request: Request,
    cx: &ToolCx,
) -> Result<Response, ToolError> {
    // What an AUTO tag leaves open, the router has decided by now.
    let is_name = |name: &&str| !name.trim().is_empty() && !name.trim_start().starts_with("<AUTO");
    let model = named.filter(is_name).or_else(|| cx.model.as_deref().filter(is_name)).unwrap_or_default();
    let one = |provider: Arc<dyn Provider>, request: Request| async move {
        let provider = match caller {
            Some(caller) => caller.before(provider),
            None => provider,
        };
        tokio::select! {
            biased;
            () = cx.cancel.cancelled() => Err(ToolError::new("CancelledError", "the call to the model was cancelled")),
            response = fitting(&*provider, request, cx) => response,
        }
    };
    match stand_in(Some(model), false).or_else(|| cx.models.clone()) {
        Some(provider) => one(provider, Request { model: model.to_owned(), ..request }).await,
        None => chain::ask(model, request, cx, one).await,
    }
}

/// Asks, and asks once more where the answer does not fit the schema.
async fn fitting(provider: &dyn Provider, request: Request, cx: &ToolCx) -> Result<Response, ToolError> {
    let Some(schema) = &request.schema else { return told(provider, &request, cx).await };
    let validator = jsonschema::options().offline().build(schema).map_err(|error| {
        ToolError::new("ParameterError", format!("`schema` is no JSON Schema that can be checked: {error}"))
    })?;
    let misfit = |response: &Response| match &response.failure {
        Some(failure) if failure.error_type == remote::MISFIT => Some(failure.message.clone()),
        Some(_) => None,
        None => {
            let error = validator.validate(&response.value).err()?;
            let place = error.instance_path().to_string();
            Some(if place.is_empty() { error.to_string() } else { format!("{error} (at `{place}`)") })
        }
    };
    let first = told(provider, &request, cx).await?;
    let Some(problem) = misfit(&first) else { return Ok(first) };
    if let Some(told) = &cx.on_output {
        // What is told from now on is another answer.
        told.send(Stream::Stderr, &format!("the answer does not fit: {problem}; asked once more\n"));
    }
    let answer = crate::tools::params::text(&first.value);
    let again = Request { correction: Some(Correction { answer, problem }), ..request.clone() };
    let mut second = match told(provider, &again, cx).await {
        Ok(second) => second,
        // The first answer was paid for, and perhaps the second.
        Err(ToolError(failure)) => {
            let first = if failure.unpriced.is_some() { first.and_unpriced() } else { first };
            return Ok(Response { failure: Some(failure), ..first });
        }
    };
    if let Some(problem) = misfit(&second) {
        let message = format!("`{}` was asked twice, and its answer does not fit the schema: {problem}", request.model);
        second.failure = Some(ToolError::new(remote::MISFIT, message).0);
    }
    // Where one of two is not told, the sum is not known either.
    second.usage = first.usage.zip(second.usage).and_then(|(first, second)| Usage::sum([first, second]));
    second.cost = Cost::sum([&first.cost, &second.cost].into_iter());
    second.reused = Reused::both(first.reused.as_deref(), second.reused.as_deref());
    Ok(second)
}

/// Asks, and tells the answer as it comes where somebody listens.
fn told<'a>(provider: &'a dyn Provider, request: &'a Request, cx: &'a ToolCx) -> ModelFuture<'a> {
    match &cx.on_output {
        Some(told) => provider.stream(request, &cx.cancel, told),
        None => provider.call(request, &cx.cancel),
    }
}

fn is_simulated(model: &str) -> bool {
    model.strip_prefix(simulated::NAME).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':']))
}
