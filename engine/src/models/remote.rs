//! A provider at the other end of a network, whichever it is.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

#[cfg(test)]
use lang::registry::overlay::RateLimits;
use lang::registry::{ModelSpec, Registry, overlay::Host};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    Answer, ModelFuture, Provider, Purse, Request, Response,
    budget::Asked,
    calls::{FunctionCall, tokens_of, told_apart},
    endpoint::Endpoint,
    kind::{Kind, OLLAMA, Service},
    message::Image,
    price, tokens,
    transport::{Call, LIMITS, Limits, Streamed},
    trouble::{clean, who},
    turns::Turns,
    wire::{Wire, json_of},
};
use crate::{
    catalog,
    run::document::Cost,
    tools::{Failure, OutputSink, ToolCx, ToolError},
};

/// The class of an answer that does not fit the schema; it may be asked again.
pub(super) const MISFIT: &str = "SchemaMismatchError";

/// One provider, as this environment leads to it.
#[derive(Debug)]
pub(super) struct Remote {
    kind: &'static Kind,
    /// Its name, which is the kind's, or one of `models.yaml`.
    name: String,
    host: Host,
    registry: Arc<Registry>,
    is_trusted: bool,
    environment: Arc<BTreeMap<String, String>>,
    limits: Limits,
    /// What it calls the model it was made for.
    model: String,
    purse: Arc<Purse>,
    /// The step that asks.
    step: String,
    /// When that ends, and who is told what it waits for.
    until: Option<Instant>,
    told: Option<OutputSink>,
    /// Where it is, once that was asked.
    endpoint: OnceLock<Result<Endpoint, ToolError>>,
}

impl Remote {
    pub(super) fn new(kind: &'static Kind, environment: Arc<BTreeMap<String, String>>) -> Self {
        let (name, host) = (kind.name.to_owned(), Host::default());
        Self {
            kind,
            name,
            host,
            registry: catalog::registry(),
            is_trusted: false,
            environment,
            limits: LIMITS,
            model: String::new(),
            purse: Arc::default(),
            step: String::new(),
            until: None,
            told: None,
            endpoint: OnceLock::new(),
        }
    }

    /// The one that serves a model, as the registry of a run and its environment lead to it.
    pub(super) fn of(service: Service, cx: &ToolCx) -> Self {
        Self {
            name: service.provider,
            host: service.host,
            registry: Arc::clone(&cx.registry),
            is_trusted: cx.is_trusted,
            model: service.model,
            purse: Arc::clone(&cx.purse),
            step: cx.asking.step.clone(),
            until: cx.timeout.map(|timeout| Instant::now() + timeout),
            told: cx.on_output.clone(),
            ..Self::new(service.kind, Arc::clone(&cx.environment))
        }
    }

    /// The one that serves a model, for who asks without a run.
    pub(super) fn alone(
        service: Service,
        registry: &Arc<Registry>,
        environment: &Arc<BTreeMap<String, String>>,
        is_trusted: bool,
    ) -> Self {
        Self {
            name: service.provider,
            host: service.host,
            registry: Arc::clone(registry),
            is_trusted,
            model: service.model,
            ..Self::new(service.kind, Arc::clone(environment))
        }
    }

    /// What it calls the model it was made for.
    pub(super) fn model(&self) -> &str {
        &self.model
    }

    /// The model, as `provider/name`.
    pub(super) fn called(&self) -> String {
        format!("{}/{}", self.name, self.model)
    }

    /// Nobody is paid: the person's own machine answers, or the price says so.
    pub(super) fn is_free(&self) -> bool {
        let is_own = || self.endpoint().is_ok_and(|endpoint| self.is_unpaid(endpoint));
        let price = |spec: &ModelSpec| (spec.price.input, spec.price.output) == (Some(0.0), Some(0.0));
        self.spec(&self.model).is_some_and(price) || is_own()
    }

    /// Where it is and what opens it: the environment and the person's keys are looked at once.
    fn endpoint(&self) -> Result<&Endpoint, ToolError> {
        let found = || Endpoint::at(self.kind, &self.host, &self.environment, self.is_trusted);
        self.endpoint.get_or_init(found).as_ref().map_err(Clone::clone)
    }

    /// The person's own machine answers.
    fn is_unpaid(&self, endpoint: &Endpoint) -> bool {
        self.kind.name == OLLAMA.name && endpoint.is_local
    }

    /// Why it cannot be asked this, as far as that is known.
    pub(super) fn unable(&self, request: &Request) -> Option<String> {
        let spec = self.spec(&self.model)?;
        let needed = asked(request).saturating_add(request.max_tokens.unwrap_or(0));
        if let Some(context) = spec.context.filter(|context| *context < needed) {
            return Some(format!("its context of {context} tokens is too small for about {needed}"));
        }
        if self.is_blind(&self.model, request) {
            return Some("it reads no images".to_owned());
        }
        if self.is_toolless(&self.model, request) {
            return Some("it calls no tools".to_owned());
        }
        let is_free_form = spec.json_schema == Some(false) && spec.tools != Some(true);
        (request.schema.is_some() && is_free_form).then(|| "it cannot be held to a schema".to_owned())
    }

    /// Whether it is given images that the model is not known to read.
    fn is_blind(&self, model: &str, request: &Request) -> bool {
        !request.images.is_empty() && self.spec(model).is_some_and(|spec| !spec.vision)
    }

    /// Whether it is offered functions, and the model is known to call none.
    fn is_toolless(&self, model: &str, request: &Request) -> bool {
        !request.tools.is_empty() && self.spec(model).is_some_and(|spec| spec.tools == Some(false))
    }

    fn spec(&self, model: &str) -> Option<&ModelSpec> {
        self.registry.models.exact(&self.name, model)
    }

    pub(super) fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    #[cfg(test)]
    pub(super) fn limited(self, limits: RateLimits, told: OutputSink) -> Self {
        Self { host: Host { limits, ..self.host }, told: Some(told), endpoint: OnceLock::new(), ..self }
    }

    #[cfg(test)]
    pub(super) fn until(self, until: Instant) -> Self {
        Self { until: Some(until), ..self }
    }

    /// How many models the provider lists on its first page: a call that costs nothing.
    pub(super) async fn list(&self) -> Result<usize, ToolError> {
        let kind = self.kind;
        let endpoint = self.endpoint()?;
        let who = who(kind, endpoint);
        let place = (who.clone(), endpoint.server(&self.name));
        let turns = Turns::new(place, &self.environment, (self.host.limits, 0), (None, None));
        let call = Call {
            kind,
            endpoint,
            provider: &self.name,
            turns: &turns,
            path: kind.dialect.list.path.to_owned(),
            headers: (kind.dialect.headers)(endpoint.key.as_ref()),
            body: &serde_json::Value::Null,
            model: "",
            stream: None,
        };
        let asked = Asked { spec: None, model: "", is_free: true, usual_answer: None, told: None };
        let mut hold = self.purse.hold("", &Request::default(), asked).await?;
        let reply = call.post(&self.limits, &mut hold).await.map_err(|(error, _)| error)?;
        let field = kind.dialect.list.at;
        reply[field].as_array().map(Vec::len).ok_or_else(|| {
            let message = format!("the answer of {who} is not understood: it has no list `{field}` of its models");
            ToolError::new("ModelResponseError", message)
        })
    }

    async fn ask_until(
        &self,
        cancel: &CancellationToken,
        request: &Request,
        told: Option<&OutputSink>,
    ) -> Result<Response, ToolError> {
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(ToolError::new("CancelledError", "the call to the model was cancelled")),
            response = self.ask(request, told) => response,
        }
    }

    async fn ask(&self, request: &Request, told: Option<&OutputSink>) -> Result<Response, ToolError> {
        let kind = self.kind;
        let endpoint = self.endpoint()?;
        let hottest = kind.dialect.hottest;
        if let Some(temperature) = request.temperature.filter(|temperature| *temperature > hottest) {
            let message = format!(
                "{} takes temperatures from 0 to {hottest}, not {temperature}; lower `temperature`",
                kind.label
            );
            return Err(ToolError::new("ParameterError", message));
        }
        let largest = kind.dialect.largest_seed;
        if let Some(seed) = request.seed.filter(|seed| *seed > largest) {
            let message = format!("{} takes seeds up to {largest}, not {seed}; lower `seed`", kind.label);
            return Err(ToolError::new("ParameterError", message));
        }
        if let Some(problem) = request.images.iter().find_map(|image| kind.dialect.sight.problem(image)) {
            return Err(ToolError::new("ParameterError", format!("{} {problem}", kind.label)));
        }
        if self.is_blind(&request.model, request) {
            let message = format!(
                "`{}` reads no images; name another model, leave it to the router, or say `capabilities: [vision]` of it in \
                 `models.yaml`",
                request.model
            );
            return Err(ToolError::new("ParameterError", message));
        }
        if self.is_toolless(&request.model, request) {
            let message = format!(
                "`{}` calls no tools; name another model, leave it to the router, or say `capabilities: [tools]` of it in \
                 `models.yaml`",
                request.model
            );
            return Err(ToolError::new("ParameterError", message));
        }
        let body = (kind.dialect.body)(request, endpoint.is_own(kind));
        let most = request.max_tokens.or(body["max_tokens"].as_u64()).unwrap_or_default();
        let turns = Turns::new(
            (who(kind, endpoint), endpoint.server(&self.name)),
            &self.environment,
            (self.host.limits, asked(request).saturating_add(most)),
            (self.until, self.told.clone()),
        );
        let call = Call {
            kind,
            endpoint,
            provider: &self.name,
            turns: &turns,
            path: (kind.dialect.path)(request),
            headers: (kind.dialect.headers)(endpoint.key.as_ref()),
            body: &body,
            model: &request.model,
            stream: told.map(|told| Streamed::new(&kind.dialect.stream, request, &body, told)),
        };
        let asked = Asked {
            spec: self.spec(&request.model),
            model: &request.model,
            is_free: self.is_unpaid(endpoint),
            usual_answer: body["max_tokens"].as_u64(),
            told: self.told.as_ref(),
        };
        let mut hold = self.purse.hold(&self.step, request, asked).await?;
        let reply = match call.post(&self.limits, &mut hold).await {
            Ok(reply) => reply,
            Err((mut error, paid)) => {
                if !paid.last {
                    hold.release();
                }
                if paid.any && !asked.is_free {
                    error.0.unpriced = Some(format!("{}/{}", self.name, request.model));
                }
                return Err(error);
            }
        };
        let mut answer = (kind.dialect.read)(&reply).map_err(|problem| {
            let message = format!("the answer of {} is not understood: {problem}", who(kind, endpoint));
            let mut error = ToolError::new("ModelResponseError", message);
            // It answered, whatever that is.
            error.0.unpriced = (!asked.is_free).then(|| format!("{}/{}", self.name, request.model));
            error
        })?;
        if request.tools.is_empty() {
            // Nothing was offered.
            answer.calls.clear();
        }
        let calls = told_apart(std::mem::take(&mut answer.calls), &request.rounds);
        let thoughts = if calls.is_empty() { Vec::new() } else { std::mem::take(&mut answer.thoughts) };
        let served = answer.model.clone().unwrap_or_else(|| request.model.clone());
        let cost = if self.is_unpaid(endpoint) {
            Cost::free()
        } else {
            price::cost(&self.registry.models, &self.name, (&served, &request.model), answer.usage.as_ref())
        };
        hold.settle(&cost);
        let usage = answer.usage;
        if let Some(usage) = usage {
            turns.correct(usage.all_tokens()).await;
        }
        let (value, failure) = match value_of(answer, &calls, request, endpoint) {
            Ok(value) => (value, None),
            Err(useless) => {
                let (value, failure) = *useless;
                (value, Some(failure))
            }
        };
        Ok(Response {
            value,
            // What is of no use calls nothing.
            calls: if failure.is_none() { calls } else { Vec::new() },
            thoughts,
            provider: self.name.clone(),
            model: served,
            usage,
            cost,
            failure,
            requested: None,
            reused: None,
        })
    }
}

/// About how many tokens are asked.
fn asked(request: &Request) -> u64 {
    let turns: u64 = request.turns().iter().map(|turn| tokens::of(&turn.text).expected).sum();
    let images = Image::tokens(request.images.len() as u64).expected;
    let called = if request.tools.is_empty() { 0 } else { tokens_of(&(&request.tools, &request.rounds)).expected };
    images + called + turns + request.system.as_deref().map_or(0, |text| tokens::of(text).expected)
}

impl Provider for Remote {
    fn name(&self) -> &str {
        &self.name
    }

    fn place(&self) -> Option<String> {
        Some(self.endpoint().ok()?.url("").to_string())
    }

    fn call<'a>(&'a self, request: &'a Request, cancel: &'a CancellationToken) -> ModelFuture<'a> {
        Box::pin(self.ask_until(cancel, request, None))
    }

    fn stream<'a>(
        &'a self,
        request: &'a Request,
        cancel: &'a CancellationToken,
        told: &'a OutputSink,
    ) -> ModelFuture<'a> {
        Box::pin(self.ask_until(cancel, request, Some(told)))
    }
}

/// The value that was asked for; or what came instead, and why it is of no use.
fn value_of(
    answer: Answer,
    calls: &[FunctionCall],
    request: &Request,
    endpoint: &Endpoint,
) -> Result<serde_json::Value, Box<(serde_json::Value, Failure)>> {
    let model = &request.model;
    let Answer { text, value, refused, is_cut, reasoned, .. } = answer;
    let useless = |error_type: &str, message: String| {
        Box::new((serde_json::Value::from(text.clone()), ToolError::new(error_type, message).0))
    };
    if let Some(reason) = refused {
        let reason = clean(&reason, endpoint);
        let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        return Err(useless("RefusalError", format!("`{model}` refuses to answer{why}")));
    }
    let value = value.filter(|_| request.schema.is_some());
    let is_empty = value.is_none() && text.trim().is_empty();
    let raise = match request.max_tokens {
        Some(tokens) => format!("raise `max_tokens` ({tokens})"),
        None => "set `max_tokens` higher".to_owned(),
    };
    if is_cut && is_empty && calls.is_empty() && reasoned {
        let message = format!("`{model}` spent all its tokens on thinking and did not answer; {raise}");
        return Err(useless("TruncatedError", message));
    }
    if is_cut && calls.is_empty() && (is_empty || request.schema.is_some()) {
        return Err(useless("TruncatedError", format!("the answer of `{model}` was cut off; {raise}")));
    }
    if is_cut && !calls.is_empty() {
        return Err(useless("TruncatedError", format!("`{model}` was cut off as it called a tool; {raise}")));
    }
    if !calls.is_empty() {
        return Ok(serde_json::Value::from(text));
    }
    if is_empty {
        return Err(useless("EmptyAnswerError", format!("`{model}` answered nothing")));
    }
    let Some(schema) = &request.schema else { return Ok(serde_json::Value::from(text)) };
    let value = match value {
        Some(value) => value,
        None => json_of(&text).map_err(|problem| useless(MISFIT, problem))?,
    };
    Ok(Wire::of(schema).unwrap(value))
}
