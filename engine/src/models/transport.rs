//! The way to a provider and back: one request, asked again where that is safe, inside one deadline
//! (contract §6.4).
//!
//! A call is repeated only before anything of its answer has come: what was answered is paid for.
//! Redirects are not followed, so that neither key nor prompt goes where nobody sent it. On this machine
//! no proxy stands between.

use std::{
    error::Error,
    sync::{
        LazyLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use jiff::Timestamp;
use reqwest::{
    Client, Response, StatusCode,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION},
    redirect::Policy,
};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{
    Request,
    breaker::{self, Admitted, Ending, Refused},
    budget::Hold,
    endpoint::Endpoint,
    kind::{Headers, Kind},
    stream::{self, Folded, Frames, Streaming},
    trouble::{Class, Said, clean, explain, who},
    turns::{TooLong, Turns},
};
use crate::tools::{Failure, OutputSink, ToolError, output::Stream};

mod pause;
use pause::{jitter, pause, seconds, wait};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the text of an answer may wait until it is told.
const TELLING: Duration = Duration::from_millis(100);
/// The largest answer, and how much of an error's body is read.
const LARGEST: usize = 32 << 20;
const LARGEST_ERROR: usize = 64 << 10;

/// How long a call may take, and how often it is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Until the answer begins, and between the parts of one that does not stream, which begins when it is whole.
    pub(super) silence: Duration,
    /// Between the pieces of an answer that streams, once it has begun.
    pub(super) idle: Duration,
    /// All attempts together, with the pauses between them.
    pub(super) total: Duration,
    /// Attempts in all.
    pub(super) attempts: u32,
    /// The first pause; each further one is twice as long.
    pub(super) pause: Duration,
    /// When nobody is asked any more for a while.
    pub(super) breaker: breaker::Rules,
}

/// What holds for every provider.
pub(super) const LIMITS: Limits = Limits {
    silence: Duration::from_mins(5),
    idle: Duration::from_mins(2),
    total: Duration::from_mins(10),
    attempts: 4,
    pause: Duration::from_millis(500),
    breaker: breaker::Rules { failures: 3, pause: Duration::from_secs(30) },
};

/// A request that is ready to go.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) kind: &'static Kind,
    pub(super) endpoint: &'a Endpoint,
    /// The provider's name, which is the kind's, or one of `models.yaml`.
    pub(super) provider: &'a str,
    pub(super) path: String,
    pub(super) headers: Headers,
    /// What is sent; null = nothing, it is only looked.
    pub(super) body: &'a Value,
    /// The model, for messages.
    pub(super) model: &'a str,
    /// When it may be asked.
    pub(super) turns: &'a Turns,
    /// How it is asked where the answer is to come in pieces.
    pub(super) stream: Option<Streamed<'a>>,
}

/// A request whose answer streams.
#[derive(Debug)]
pub(super) struct Streamed<'a> {
    streaming: &'static Streaming,
    path: String,
    body: Value,
    told: &'a OutputSink,
}

impl<'a> Streamed<'a> {
    /// The request with this body, whose answer is told to `told` as it comes.
    pub(super) fn new(streaming: &'static Streaming, request: &Request, body: &Value, told: &'a OutputSink) -> Self {
        let mut body = body.clone();
        (streaming.ask)(&mut body);
        Self { streaming, path: (streaming.path)(request), body, told }
    }
}

/// Why an attempt failed.
struct Trouble {
    class: Class,
    message: String,
    /// How long the provider wants to be left alone.
    wait: Option<Duration>,
    /// It was sent, and nobody knows what became of it.
    may_be_paid: bool,
    /// It answers, but not in pieces.
    refuses_stream: bool,
}

/// Why a call failed, with all its attempts.
struct Lost {
    class: Class,
    message: String,
    paid: Paid,
    /// Nothing was sent.
    is_unsent: bool,
}

/// Whether anything may have been paid for all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Paid {
    /// The last attempt, for which money is still held.
    pub(super) last: bool,
    /// Any of them.
    pub(super) any: bool,
}

impl Call<'_> {
    /// Sends it and reads the answer. An error says whether it may have been paid for all the same; what broke off
    /// is asked again only where that fits what is left of the budget. Who did not answer several calls is not asked.
    pub(super) async fn post(&self, limits: &Limits, hold: &mut Hold<'_>) -> Result<Value, (ToolError, Paid)> {
        let headers = self.headers().map_err(|error| (error, Paid::default()))?;
        let (admitted, has_turn) = self.admitted(limits).await.map_err(|error| (error, Paid::default()))?;
        let attempts = if admitted.is_probe() { 1 } else { limits.attempts };
        let answer = self.attempts(&headers, &Limits { attempts, ..*limits }, hold, has_turn).await;
        admitted.end(match &answer {
            Err(lost) if lost.is_unsent => Ending::Unknown,
            Err(lost) if lost.class.is_outage() => Ending::Failed,
            _ => Ending::Answered,
        });
        answer.map_err(|lost| (failure(lost.class, lost.message), lost.paid))
    }

    /// Lets the call through, or says why not; and whether it has a turn already. Who is to find out whether the
    /// server answers again does so at once: whoever has to wait for a turn keeps nobody else from it meanwhile.
    async fn admitted(&self, limits: &Limits) -> Result<(Admitted, bool), ToolError> {
        let admit = || Admitted::to(self.endpoint.server(self.provider), limits.breaker);
        let admitted = admit().map_err(|refused| self.left_alone(refused))?;
        if !admitted.is_probe() {
            return Ok((admitted, false));
        }
        if self.turns.has_one_now().await {
            return Ok((admitted, true));
        }
        drop(admitted);
        self.turns.wait(limits.total).await.map_err(|TooLong(message)| failure(Class::Rate, message))?;
        match admit() {
            Ok(admitted) => Ok((admitted, true)),
            Err(refused) => {
                // Nothing was sent in its turn.
                self.turns.correct(0).await;
                Err(self.left_alone(refused))
            }
        }
    }

    async fn attempts(
        &self,
        headers: &HeaderMap,
        limits: &Limits,
        hold: &mut Hold<'_>,
        mut has_turn: bool,
    ) -> Result<Value, Lost> {
        let mut deadline = Instant::now() + limits.total;
        let mut stream = self.stream.as_ref();
        let mut attempt = 1;
        // Of an attempt before.
        let mut any = false;
        let mut before: Option<(Class, String)> = None;
        loop {
            let ready = Instant::now();
            if !std::mem::take(&mut has_turn)
                && let Err(TooLong(message)) = self.turns.wait(limits.total).await
            {
                let is_unsent = before.is_none();
                // What went wrong before is why there is another turn to wait for.
                let (class, message) = match before {
                    Some((class, why)) => (class, format!("{why}; for another attempt, {message}")),
                    None => (Class::Rate, message),
                };
                return Err(Lost { class, message, paid: Paid { last: false, any }, is_unsent });
            }
            // Its own time begins when it may be sent.
            deadline += ready.elapsed();
            // What has come of an answer is paid for: it is not asked again.
            let has_begun = AtomicBool::new(false);
            let once = timeout_at(deadline, self.once(headers, stream, limits, &has_begun)).await;
            let begun = has_begun.into_inner();
            let trouble = match once {
                Ok(Ok(value)) => return Ok(value),
                Ok(Err(trouble)) => trouble,
                // Another model is not asked after this one answered.
                Err(_) if begun => {
                    let within = limits.total.as_secs_f64();
                    Trouble::new(
                        Class::Garbled,
                        format!("the answer of {} was not whole within {within} s", self.who()),
                    )
                }
                Err(_) => self.late(limits.total),
            };
            let Trouble { class, message, wait, may_be_paid, refuses_stream } = trouble;
            let may_be_paid = may_be_paid || begun;
            any |= may_be_paid;
            let lost = |class, message, last| Lost { class, message, paid: Paid { last, any }, is_unsent: false };
            // A key that is refused is not accepted later either, nor has another to wait for that.
            if let Some(wait) = wait.filter(|_| matches!(class, Class::Rate | Class::Unavailable)) {
                self.turns.leave_alone(wait).await;
            }
            if refuses_stream && stream.take().is_some() {
                continue;
            }
            if !class.may_pass() || begun || attempt >= limits.attempts {
                let tried = if attempt > 1 { format!(" ({attempt} attempts)") } else { String::new() };
                return Err(lost(class, format!("{message}{tried}"), may_be_paid));
            }
            let pause = wait.unwrap_or_else(|| pause(limits.pause, attempt, jitter()));
            if pause >= deadline.saturating_duration_since(Instant::now()) {
                let message = format!(
                    "{message}; it wants to be asked again in {} s, which is longer than a call may take",
                    pause.as_secs()
                );
                return Err(lost(class, message, may_be_paid));
            }
            // What would be no time for an answer is no time to wait for either.
            if let Some(left) = self.turns.left().filter(|left| pause >= *left) {
                let message = format!(
                    "{message}; it wants to be asked again in {} s, and the step has {} s left; raise its `timeout`",
                    pause.as_secs_f64().ceil(),
                    left.as_secs()
                );
                return Err(lost(class, message, may_be_paid));
            }
            if may_be_paid && let Err(reason) = hold.again().await {
                return Err(lost(class, format!("{message}; {reason}"), false));
            }
            before = Some((class, message));
            sleep(pause).await;
            attempt += 1;
        }
    }

    /// It did not answer several calls in a row, and is not asked for now.
    fn left_alone(&self, refused: Refused) -> ToolError {
        let again = match refused.left {
            Some(left) => format!("it is asked again in {} s", left.as_secs() + 1),
            None => "another call is finding out whether it does now".to_owned(),
        };
        let message = format!(
            "{} did not answer {} calls in a row, so that this one was not sent; {again}",
            self.who(),
            refused.failures
        );
        failure(Class::Unavailable, message)
    }

    /// One attempt.
    async fn once(
        &self,
        headers: &HeaderMap,
        stream: Option<&Streamed<'_>>,
        limits: &Limits,
        has_begun: &AtomicBool,
    ) -> Result<Value, Trouble> {
        let asked = Instant::now();
        let (path, body) = stream.map_or((&self.path, self.body), |stream| (&stream.path, &stream.body));
        let url = self.endpoint.url(path);
        let client = client(self.endpoint.is_local).map_err(|problem| Trouble::new(Class::Invalid, problem))?;
        let request = if body.is_null() { client.get(url) } else { client.post(url).body(body.to_string()) };
        let sent = request.headers(headers.clone()).send();
        let response = match timeout(limits.silence, sent).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(self.unreached(&error)),
            Err(_) => return Err(self.late(limits.silence)),
        };
        let status = response.status();
        if status.is_redirection() {
            return Err(self.redirected(&response, status));
        }
        if !status.is_success() {
            return Err(self.refused(response, limits).await);
        }
        // Who does not know how to stream answers in one piece.
        let is_whole =
            response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if let Some(stream) = stream.filter(|_| !is_whole) {
            // It was taken on: whatever becomes of it may have to be paid.
            let followed = self.follow(response, stream, limits, (asked, has_begun)).await;
            return followed.map_err(|trouble| Trouble { may_be_paid: true, ..trouble });
        }
        let bytes = self.read(response, LARGEST, limits).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let message = format!("{} answered with what is no JSON ({error})", self.who());
            Trouble::new(Class::Garbled, message)
        })
    }

    /// The reply that comes in pieces, once it is whole.
    async fn follow(
        &self,
        mut response: Response,
        stream: &Streamed<'_>,
        limits: &Limits,
        (asked, has_begun): (Instant, &AtomicBool),
    ) -> Result<Value, Trouble> {
        let mut frames = Frames::new(stream.streaming.framing);
        let mut folded = Folded::default();
        let mut told = Telling::new(stream.told);
        let mut size = 0;
        while !folded.is_over {
            let until = if folded.has_begun { Instant::now() + limits.idle } else { asked + limits.silence };
            let arrived = match timeout_at(until, response.chunk()).await {
                Ok(Ok(arrived)) => arrived,
                // Only what it took is missing.
                _ if folded.is_whole => break,
                Ok(Err(error)) => return Err(self.cut(&folded, &reason(&error))),
                Err(_) if folded.has_begun => {
                    let message = format!(
                        "{} stopped in its answer: nothing came for {} s",
                        self.who(),
                        limits.idle.as_secs_f64()
                    );
                    // Not of the class of those that never began: another model is not asked either.
                    return Err(Trouble::new(Class::Garbled, message));
                }
                Err(_) => return Err(self.late(limits.silence)),
            };
            let is_end = arrived.is_none();
            size += arrived.as_deref().map_or(0, <[u8]>::len);
            if size > LARGEST {
                let message = format!("the answer of {} is larger than {} MiB", self.who(), LARGEST >> 20);
                return Err(Trouble::new(Class::Garbled, message));
            }
            let pieces = match arrived {
                Some(bytes) => frames.push(&bytes),
                None => frames.finish().into_iter().collect(),
            };
            if frames.is_garbled && !is_end {
                let message = format!("{} answered with what is no text in UTF-8", self.who());
                return Err(Trouble::new(Class::Garbled, message));
            }
            for piece in pieces {
                if piece.trim() == "[DONE]" {
                    (folded.is_whole, folded.is_over) = (true, true);
                    break;
                }
                let piece = match serde_json::from_str(&piece) {
                    Ok(piece) => piece,
                    Err(_) if is_end => break,
                    Err(error) => {
                        let message = format!("{} answered with what is no JSON ({error})", self.who());
                        return Err(Trouble::new(Class::Garbled, message));
                    }
                };
                (stream.streaming.fold)(&mut folded, piece);
                has_begun.fetch_or(folded.has_begun, Ordering::Relaxed);
                told.take(&mut folded.news);
                if let Some(error) = &folded.error {
                    return Err(self.broken_off(error, folded.has_begun));
                }
            }
            if is_end {
                break;
            }
        }
        if folded.is_whole { Ok(folded.reply) } else { Err(self.cut(&folded, "it ended before it was whole")) }
    }

    /// The answer ended on the way. Where nothing of it had come it may be asked for again.
    fn cut(&self, folded: &Folded, why: &str) -> Trouble {
        if folded.has_begun {
            return Trouble::new(Class::Garbled, format!("the answer of {} was cut off: {why}", self.who()));
        }
        // It was accepted, so that it may be paid for.
        let message = format!("the connection to {} broke before it answered: {why}", self.who());
        Trouble { may_be_paid: true, ..Trouble::new(Class::Network, message) }
    }

    /// The provider says in its answer that something went wrong.
    fn broken_off(&self, error: &Value, has_begun: bool) -> Trouble {
        let said = Said::of(json!({ "error": error }).to_string().as_bytes(), self.endpoint);
        let why = if said.message.is_empty() { "it does not say why" } else { &said.message };
        if has_begun {
            return Trouble::new(Class::Garbled, format!("{} broke its answer off: {why}", self.who()));
        }
        let message = format!("{} did not answer: {why}", self.who());
        Trouble { may_be_paid: true, ..Trouble::new(stream::class_of(error, &said), message) }
    }

    async fn refused(&self, response: Response, limits: &Limits) -> Trouble {
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        // Where the body does not come, the status says enough.
        let body = self.read(response, LARGEST_ERROR, limits).await.unwrap_or_default();
        let said = Said::of(&body, self.endpoint);
        let class = Class::of(status, &said);
        let message = explain(self.kind, self.endpoint, self.model, status, class, &said);
        let wait = wait(&headers, Timestamp::now()).or_else(|| seconds(said.wait.as_deref()?.strip_suffix('s')?));
        let refuses_stream = status == 400 && said.refuses_stream;
        Trouble { class, message, wait, may_be_paid: false, refuses_stream }
    }

    /// The body, or as much of it as may be.
    async fn read(&self, mut response: Response, most: usize, limits: &Limits) -> Result<Vec<u8>, Trouble> {
        let is_error = !response.status().is_success();
        let mut bytes = Vec::new();
        loop {
            match timeout(limits.silence, response.chunk()).await {
                Ok(Ok(Some(chunk))) => bytes.extend_from_slice(&chunk),
                Ok(Ok(None)) => return Ok(bytes),
                // What was answered was paid for: this is not asked again.
                Ok(Err(error)) => {
                    let message = format!("the answer of {} was cut off: {}", self.who(), reason(&error));
                    return Err(Trouble::new(Class::Garbled, message));
                }
                Err(_) => return Err(self.late(limits.silence)),
            }
            if bytes.len() > most {
                if is_error {
                    return Ok(bytes);
                }
                let message = format!("the answer of {} is larger than {} MiB", self.who(), LARGEST >> 20);
                return Err(Trouble::new(Class::Garbled, message));
            }
        }
    }

    fn headers(&self) -> Result<HeaderMap, ToolError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, text, is_secret) in &self.headers {
            let mut value = HeaderValue::from_str(text).map_err(|_| {
                let variable = self.endpoint.key.as_ref().map_or("the key", |key| &*key.variable);
                let message = format!("the key in `{variable}` holds characters that no key has; check it");
                ToolError::new("AuthenticationError", message)
            })?;
            value.set_sensitive(*is_secret);
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }

    fn who(&self) -> String {
        who(self.kind, self.endpoint)
    }

    fn late(&self, limit: Duration) -> Trouble {
        let message = format!("{} did not answer within {} s", self.who(), limit.as_secs_f64());
        Trouble::new(Class::Timeout, message)
    }

    fn unreached(&self, error: &reqwest::Error) -> Trouble {
        let reason = clean(&reason(error), self.endpoint);
        let message = if error.is_connect() {
            let variable = self.kind.address_variable;
            format!(
                "{} {} cannot be reached: {reason}; check the network and `{variable}`",
                self.kind.label,
                self.endpoint.shown()
            )
        } else {
            format!("the connection to {} broke before it answered: {reason}", self.who())
        };
        Trouble { may_be_paid: !error.is_connect(), ..Trouble::new(Class::Network, message) }
    }

    fn redirected(&self, response: &Response, status: StatusCode) -> Trouble {
        let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.and_then(|to| self.endpoint.url(&self.path).join(to).ok());
        let to = to.map_or_else(|| "elsewhere".to_owned(), |to| format!("to {}", to.origin().ascii_serialization()));
        let message = format!(
            "{} leads {to} ({}), where neither key nor prompt is sent; if that is meant, set `{}` to it",
            self.who(),
            status.as_u16(),
            self.kind.address_variable
        );
        Trouble::new(Class::Invalid, message)
    }
}

/// Tells an answer as it comes: at once, and then not more often than anybody reads.
struct Telling<'a> {
    told: &'a OutputSink,
    waiting: String,
    last: Option<Instant>,
}

impl<'a> Telling<'a> {
    fn new(told: &'a OutputSink) -> Self {
        Self { told, waiting: String::new(), last: None }
    }

    fn take(&mut self, news: &mut String) {
        self.waiting.push_str(news);
        news.clear();
        if self.last.is_none_or(|last| last.elapsed() >= TELLING) {
            self.tell();
        }
    }

    fn tell(&mut self) {
        if !self.waiting.is_empty() {
            self.told.send(Stream::Model, &self.waiting);
            self.waiting.clear();
            self.last = Some(Instant::now());
        }
    }
}

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Trouble {
    fn new(class: Class, message: String) -> Self {
        let may_be_paid = matches!(class, Class::Timeout | Class::Garbled);
        Self { class, message, wait: None, may_be_paid, refuses_stream: false }
    }
}

fn failure(class: Class, message: String) -> ToolError {
    let retryable = class.may_pass() || class == Class::Timeout;
    ToolError(Failure { error_type: class.error_type().to_owned(), message, code: None, retryable, unpriced: None })
}

/// The client of all calls, which keeps connections open for the next ones.
fn client(is_local: bool) -> Result<&'static Client, String> {
    static REMOTE: LazyLock<Result<Client, String>> = LazyLock::new(|| build(false));
    static LOCAL: LazyLock<Result<Client, String>> = LazyLock::new(|| build(true));
    if is_local { &*LOCAL } else { &*REMOTE }.as_ref().map_err(Clone::clone)
}

/// Chooses the cryptography of all encrypted connections of this process, which each client needs when it is
/// made, encrypted or not.
pub fn prepare_tls() {
    // Somebody may have chosen before; either does.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn build(is_local: bool) -> Result<Client, String> {
    prepare_tls();
    let mut builder = Client::builder()
        .user_agent(concat!("orc/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .redirect(Policy::none());
    if is_local {
        builder = builder.no_proxy();
    }
    builder.build().map_err(|error| format!("no connection can be made: {}", reason(&error)))
}

/// The innermost reason, which says what happened; those around it say where, and hold the address.
fn reason(error: &reqwest::Error) -> String {
    let mut inner: &dyn Error = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
