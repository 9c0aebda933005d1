//! Providers, spoken to over a connection.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    Provider, Request, Response, Usage, breaker,
    fake::{Asked, End, Fake, Reply, Rules},
    kind::{self, Kind},
    remote::Remote,
    transport::Limits,
};
use crate::tools::ToolError;

mod anthropic;

mod asking;

mod calls;

mod classes;

mod errors;

mod gemini;

mod ledger;

mod messages;

mod ollama;

mod openai;

mod refusals;

mod streaming;

/// A key that must turn up nowhere but in its header.
const CANARY: &str = "sk-canary-0123456789abcdef";

/// As in use, but in no hurry and with no pauses.
const PATIENT: Limits = Limits {
    silence: Duration::from_mins(1),
    idle: Duration::from_mins(1),
    total: Duration::from_mins(2),
    attempts: 4,
    pause: Duration::from_millis(1),
    breaker: breaker::Rules { failures: 3, pause: Duration::from_hours(1) },
};

fn environment(kind: &Kind, base: &str) -> Arc<BTreeMap<String, String>> {
    let address = (kind.address_variable.to_owned(), base.to_owned());
    let keys = kind.keys.iter().take(1).map(|name| ((*name).to_owned(), CANARY.to_owned()));
    Arc::new(keys.chain([address]).collect())
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// A server that answers with these, and holds whoever asks to the rules of this provider and to the key.
fn fake(kind: &Kind, replies: Vec<Reply>) -> Fake {
    Fake::with(rules(kind), replies)
}

fn rules(kind: &Kind) -> Rules {
    Rules::of(kind.name, kind.needs_key().then_some(CANARY))
}

/// Asks the provider at `base` once.
fn ask_at(kind: &'static Kind, base: &str, request: &Request, limits: Limits) -> Result<Response, ToolError> {
    let remote = Remote::new(kind, environment(kind, base)).within(limits);
    block_on(remote.call(request, &CancellationToken::new()))
}

/// Asks a server that answers with `reply`: what it was asked, and what was made of the answer.
fn exchange(kind: &'static Kind, path: &str, request: &Request, reply: Value) -> (Asked, Response) {
    let fake = fake(kind, vec![Reply::Json(200, reply)]);
    let response = ask_at(kind, &fake.base(path), request, PATIENT).unwrap();
    let [asked] = &fake.asked()[..] else { panic!("asked {:?}", fake.asked()) };
    (asked.clone(), response)
}

fn request(model: &str, prompt: &str) -> Request {
    Request { model: model.to_owned(), prompt: prompt.to_owned(), ..Request::default() }
}

/// One that uses all there is.
fn full(model: &str) -> Request {
    Request {
        system: Some("Be brief.".to_owned()),
        max_tokens: Some(50),
        temperature: Some(0.5),
        seed: Some(7),
        ..request(model, "Hello?")
    }
}

fn scored(model: &str) -> Request {
    let schema = json!({"type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"]});
    Request { schema: Some(schema), ..request(model, "Rate it.") }
}

/// The same schema as it is sent where objects are closed.
fn closed() -> Value {
    json!({
        "type": "object", "properties": {"score": {"type": "integer"}}, "required": ["score"],
        "additionalProperties": false,
    })
}

/// `class: message` of the failure of an answer.
fn useless(response: &Response) -> String {
    let failure = response.failure.as_ref().unwrap();
    format!("{}: {}", failure.error_type, failure.message)
}

/// `class: message` of a call that failed.
fn failed(result: Result<Response, ToolError>) -> String {
    let ToolError(failure) = result.unwrap_err();
    format!("{}: {}", failure.error_type, failure.message)
}

/// The order of the fields counts, too.
#[track_caller]
fn assert_body(asked: &Asked, expected: Value) {
    assert_eq!(asked.body.to_string(), expected.to_string());
}
