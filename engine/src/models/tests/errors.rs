//! What goes wrong on the way: what is tried again, what is not, and what is said.

use std::net::TcpListener;

use lang::registry::overlay::RateLimits;

use super::*;
use crate::tools::OutputSink;

fn good() -> Reply {
    Reply::Json(200, json!({"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]}))
}

fn error(code: &str, message: &str) -> Value {
    json!({"error": {"message": message, "type": code, "param": null, "code": code}})
}

/// What comes of these answers, and how often the server was asked.
fn asked_with(
    kind: &'static Kind,
    replies: Vec<Reply>,
    limits: Limits,
) -> (Result<Response, ToolError>, usize, String) {
    let fake = fake(kind, replies);
    let result = ask_at(kind, &fake.base(""), &request("m", "?"), limits);
    (result, fake.asked().len(), fake.base(""))
}

/// The failure after these answers, with how often the server was asked before it.
fn trouble(kind: &'static Kind, replies: Vec<Reply>) -> String {
    let (result, count, base) = asked_with(kind, replies, PATIENT);
    let text = failed(result).replace(&base, "<base>");
    assert!(!text.contains("canary"), "{text}");
    format!("{count}× {text}")
}

/// How often the server was asked before it was fine.
fn recovered(replies: Vec<Reply>) -> usize {
    let (result, count, _) = asked_with(&kind::OPENAI, replies, PATIENT);
    assert_eq!(result.unwrap().value, "fine");
    count
}

#[test]
fn what_waiting_does_not_help_is_said_at_once() {
    let of = |status, body| trouble(&kind::OPENAI, vec![Reply::Json(status, body), good()]);
    assert_eq!(
        of(401, error("invalid_api_key", "Incorrect API key provided: sk-canar*******cdef.")),
        "1× AuthenticationError: OpenAI at <base> does not accept the key in `OPENAI_API_KEY` (401); check it"
    );
    assert_eq!(
        of(403, error("unsupported_country", "Not here.")),
        "1× AuthenticationError: OpenAI at <base> does not allow this (403): Not here."
    );
    assert_eq!(
        of(404, error("model_not_found", "The model `m` does not exist")),
        "1× ModelNotFoundError: OpenAI at <base> does not have the model `m`, or is not found at this address (404): The \
         model `m` does not exist; check `model` and `OPENAI_BASE_URL`"
    );
    assert_eq!(
        of(400, error("context_length_exceeded", "too long")),
        "1× ContextLengthError: the prompt is too long for `m` (400): too long"
    );
    assert_eq!(
        of(400, error("invalid_request_error", &format!("with {CANARY} in it"))),
        "1× ModelRequestError: OpenAI at <base> refuses the request (400): with [secret OPENAI_API_KEY] in it"
    );
    assert_eq!(
        of(429, error("insufficient_quota", "You exceeded your current quota.")),
        "1× QuotaError: the account at OpenAI at <base> is used up (429): You exceeded your current quota."
    );
}

#[test]
fn the_errors_of_anthropic_are_its_own() {
    let of = |status, name: &str, message: &str| {
        let body = || json!({"type": "error", "error": {"type": name, "message": message}});
        trouble(&kind::ANTHROPIC, (0..4).map(|_| Reply::Json(status, body())).collect())
    };
    assert_eq!(
        of(400, "invalid_request_error", "Your credit balance is too low"),
        "1× QuotaError: the account at Anthropic at <base> is used up (400): Your credit balance is too low"
    );
    assert_eq!(
        of(529, "overloaded_error", "Overloaded"),
        "4× SystemUnavailableError: Anthropic at <base> is not available for now (529): Overloaded (4 attempts)"
    );
    assert_eq!(
        of(429, "rate_limit_error", "slow down"),
        "4× RateLimitError: Anthropic at <base> takes no more requests for now (429): slow down (4 attempts)"
    );
}

#[test]
fn what_may_pass_is_tried_again() {
    for status in [408, 429, 500, 502, 503, 504, 529] {
        assert_eq!(recovered(vec![Reply::Json(status, json!({})), good()]), 2, "{status}");
    }
    let three = || Reply::Json(503, json!({}));
    assert_eq!(recovered(vec![three(), three(), three(), good()]), 4);
}

#[test]
fn a_connection_that_breaks_before_the_answer_is_made_anew() {
    assert_eq!(recovered(vec![Reply::Close, good()]), 2);
}

#[test]
fn an_answer_that_broke_was_paid_for_and_is_not_asked_for_again() {
    let of = |text| trouble(&kind::OPENAI, vec![Reply::Raw(text), good()]);
    let cut = of("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"choices\"");
    assert!(cut.starts_with("1× ModelResponseError: the answer of OpenAI at <base> was cut off: "), "{cut}");
    let garbled = of("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{\"choices");
    let told = "1× ModelResponseError: OpenAI at <base> answered with what is no JSON (";
    assert!(garbled.starts_with(told), "{garbled}");
    assert_eq!(
        of("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"),
        "1× ModelResponseError: the answer of OpenAI at <base> is not understood: it holds no `choices`"
    );
}

#[test]
fn the_server_says_when_to_come_back() {
    let busy = |headers| Reply::With(429, headers, json!({}));
    assert_eq!(recovered(vec![busy(&[("retry-after", "0")]), good()]), 2);
    assert_eq!(recovered(vec![busy(&[("retry-after", "Sat, 28 Nov 2020 02:00:00 GMT")]), good()]), 2);
    let late = |headers| trouble(&kind::OPENAI, vec![busy(headers), good()]);
    assert_eq!(
        late(&[("retry-after", "3600")]),
        "1× RateLimitError: OpenAI at <base> takes no more requests for now (429); it wants to be asked again in 3600 s, \
         which is longer than a call may take"
    );
    let date = late(&[("Retry-After", "Fri, 28 Nov 2980 02:00:00 GMT")]);
    assert!(date.starts_with("1× RateLimitError: ") && date.ends_with("longer than a call may take"), "{date}");
}

#[test]
fn a_wait_that_is_longer_than_the_step_has_is_not_begun() {
    let busy = Reply::With(429, &[("retry-after", "90")], json!({}));
    let fake = fake(&kind::OPENAI, vec![busy, good()]);
    let until = tokio::time::Instant::now() + Duration::from_mins(1);
    let remote = Remote::new(&kind::OPENAI, environment(&kind::OPENAI, &fake.base(""))).within(PATIENT).until(until);
    let told = failed(block_on(remote.call(&request("m", "?"), &CancellationToken::new())));
    assert!(
        told.starts_with("RateLimitError: ")
            && told.contains("(429); it wants to be asked again in 90 s, and the step has ")
            && told.ends_with(" s left; raise its `timeout`"),
        "{told}"
    );
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn google_says_it_in_the_body() {
    let body = json!({"error": {
        "code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "3600s"}],
    }});
    assert_eq!(
        trouble(&kind::GEMINI, vec![Reply::Json(429, body)]),
        "1× RateLimitError: Google Gemini at <base> takes no more requests for now (429): slow down; it wants to be asked \
         again in 3600 s, which is longer than a call may take"
    );
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let limits = Limits { silence: Duration::from_millis(50), ..PATIENT };
    let (result, count, base) = asked_with(&kind::OPENAI, vec![Reply::Stall, good()], limits);
    let expected = format!("TimeoutError: OpenAI at {base} did not answer within 0.05 s");
    assert_eq!((failed(result), count), (expected, 1));
}

#[test]
fn all_attempts_together_have_one_deadline() {
    let limits = Limits { total: Duration::from_millis(50), ..PATIENT };
    let (result, count, base) = asked_with(&kind::OPENAI, vec![Reply::Stall, good()], limits);
    let expected = format!("TimeoutError: OpenAI at {base} did not answer within 0.05 s");
    assert_eq!((failed(result), count), (expected, 1));
}

#[test]
fn nobody_at_the_address() {
    let base = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let told = failed(ask_at(&kind::OLLAMA, &base, &request("m", "?"), PATIENT));
    assert!(told.starts_with(&format!("NetworkError: Ollama {base} cannot be reached: ")), "{told}");
    assert!(told.ends_with("; check the network and `OLLAMA_HOST` (4 attempts)"), "{told}");
}

#[test]
fn a_redirect_gets_neither_key_nor_prompt() {
    let elsewhere = Fake::new(vec![good()]);
    let to: &'static str = Box::leak(elsewhere.base("/v1/chat/completions").into_boxed_str());
    let headers: &'static [(&str, &str)] = Box::leak(vec![("location", to)].into_boxed_slice());
    for status in [301, 302, 307, 308] {
        let told = trouble(&kind::OPENAI, vec![Reply::With(status, headers, json!({}))]);
        assert_eq!(
            told,
            format!(
                "1× ModelRequestError: OpenAI at <base> leads to {} ({status}), where neither key nor prompt is sent; if \
                 that is meant, set `OPENAI_BASE_URL` to it",
                elsewhere.base("")
            )
        );
    }
    assert_eq!(elsewhere.connections(), 0);
}

#[test]
fn a_key_that_cannot_be_one_is_not_shown() {
    let fake = Fake::new(Vec::new());
    let mut variables = (*environment(&kind::OPENAI, &fake.base(""))).clone();
    variables.insert("OPENAI_API_KEY".to_owned(), format!("{CANARY}\nx"));
    let remote = Remote::new(&kind::OPENAI, Arc::new(variables)).within(PATIENT);
    let result = block_on(remote.call(&request("m", "?"), &CancellationToken::new()));
    assert_eq!(
        failed(result),
        "AuthenticationError: the key in `OPENAI_API_KEY` holds characters that no key has; check it"
    );
    assert_eq!(fake.asked(), []);
}

#[test]
fn who_did_not_answer_three_calls_is_left_alone_and_one_call_finds_out_later() {
    let broken = || Reply::Json(503, json!({}));
    // Two calls with four attempts each, one that is answered, and three that are not; then the probes.
    let replies = (0..8).map(|_| broken()).chain([good()]).chain((0..13).map(|_| broken()));
    let fake = Fake::new(replies.chain([good(), good()]).collect());
    let base = fake.base("");
    let ask = |limits| ask_at(&kind::OPENAI, &base, &request("m", "?"), limits);
    let told = |limits| failed(ask(limits)).replace(&base, "<base>");
    let busy = "SystemUnavailableError: OpenAI at <base> is not available for now (503)";
    for _ in 0..2 {
        assert_eq!(told(PATIENT), format!("{busy} (4 attempts)"));
    }
    assert_eq!(ask(PATIENT).unwrap().value, "fine");
    let hurried = Limits { breaker: breaker::Rules { pause: Duration::ZERO, ..PATIENT.breaker }, ..PATIENT };
    for limits in [PATIENT, PATIENT, hurried] {
        assert_eq!(told(limits), format!("{busy} (4 attempts)"));
    }
    assert_eq!(fake.asked().len(), 21);
    // The pause is over at once: a call finds out with one attempt, and then the pause is long.
    assert_eq!(told(PATIENT), busy);
    for _ in 0..3 {
        let error = ask(PATIENT).unwrap_err();
        assert!(error.0.retryable, "{error}");
        assert_eq!(
            failed(Err(error)).replace(&base, "<base>"),
            "SystemUnavailableError: OpenAI at <base> did not answer 4 calls in a row, so that this one was not sent; it \
             is asked again in 3600 s"
        );
    }
    assert_eq!(fake.asked().len(), 22, "who is left alone is not asked");
    // Another server of the same provider is another one.
    let (result, count, _) = asked_with(&kind::OPENAI, vec![good()], PATIENT);
    assert_eq!((result.unwrap().value, count), (json!("fine"), 1));
}

#[test]
fn a_server_that_answers_again_is_asked_as_before() {
    let broken = || Reply::Json(503, json!({}));
    let fake = Fake::new((0..12).map(|_| broken()).chain([good(), broken(), good()]).collect());
    let hurried = Limits { breaker: breaker::Rules { failures: 3, pause: Duration::ZERO }, ..PATIENT };
    let ask = || ask_at(&kind::OPENAI, &fake.base(""), &request("m", "?"), hurried);
    for _ in 0..3 {
        assert!(failed(ask()).ends_with("(4 attempts)"));
    }
    assert_eq!(ask().unwrap().value, "fine");
    // No probe any more: it is tried again.
    assert_eq!(ask().unwrap().value, "fine");
    assert_eq!(fake.asked().len(), 15);
}

#[test]
fn who_waits_for_a_turn_is_told_and_lets_go_when_it_is_stopped() {
    let fake = Fake::new(vec![good(), good()]);
    let (sender, said) = std::sync::mpsc::channel();
    let told = OutputSink::new(move |_, text: &str| sender.send(text.to_owned()).unwrap());
    let limits = RateLimits { requests_per_minute: Some(1), tokens_per_minute: None };
    let environment = environment(&kind::OPENAI, &fake.base(""));
    let patient = Limits { total: Duration::from_hours(1), ..PATIENT };
    let remote = Remote::new(&kind::OPENAI, environment).within(patient).limited(limits, told);
    let asked = request("m", "?");
    assert!(block_on(remote.call(&asked, &CancellationToken::new())).is_ok());
    let cancel = CancellationToken::new();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| block_on(remote.call(&asked, &cancel)));
        let said = said.recv().unwrap();
        assert!(said.starts_with("waiting ") && said.ends_with("(1 requests a minute)\n"), "{said}");
        cancel.cancel();
        assert_eq!(failed(asking.join().unwrap()), "CancelledError: the call to the model was cancelled");
    });
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn who_would_find_out_and_waits_for_a_turn_keeps_nobody_else_from_it() {
    let fake = Fake::new(vec![Reply::Json(503, json!({})), good()]);
    let (sender, said) = std::sync::mpsc::channel();
    let told = OutputSink::new(move |_, text: &str| sender.send(text.to_owned()).unwrap());
    let one = RateLimits { requests_per_minute: Some(1), tokens_per_minute: None };
    let rules = breaker::Rules { failures: 1, pause: Duration::ZERO };
    let once = Limits { total: Duration::from_hours(1), attempts: 1, breaker: rules, ..PATIENT };
    let remote = || Remote::new(&kind::OPENAI, environment(&kind::OPENAI, &fake.base(""))).within(once);
    let limited = remote().limited(one, told);
    let asked = request("m", "?");
    // It takes the only turn of the minute, and is not answered: the next call is to find out.
    assert!(failed(block_on(limited.call(&asked, &CancellationToken::new()))).starts_with("SystemUnavailableError: "));
    let cancel = CancellationToken::new();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| block_on(limited.call(&asked, &cancel)));
        assert!(said.recv().unwrap().starts_with("waiting "));
        assert_eq!(block_on(remote().call(&asked, &CancellationToken::new())).unwrap().value, "fine");
        cancel.cancel();
        assert_eq!(failed(waiting.join().unwrap()), "CancelledError: the call to the model was cancelled");
    });
    assert_eq!(fake.asked().len(), 2);
}

#[test]
fn an_attempt_that_may_be_paid_makes_the_cost_unknown_however_the_last_one_ends() {
    let replies = vec![Reply::Close, Reply::Json(401, error("invalid_api_key", "no"))];
    let (result, count, _) = asked_with(&kind::OPENAI, replies, PATIENT);
    let ToolError(failure) = result.unwrap_err();
    assert_eq!((count, failure.error_type.as_str()), (2, "AuthenticationError"));
    assert_eq!(failure.unpriced.as_deref(), Some("openai/m"));
}

#[test]
fn only_who_is_busy_is_left_alone() {
    let refused = Reply::With(401, &[("retry-after", "300")], error("invalid_api_key", "no"));
    let fake = fake(&kind::OPENAI, vec![refused, good()]);
    let hasty = Limits { total: Duration::from_mins(1), ..PATIENT };
    let ask = || ask_at(&kind::OPENAI, &fake.base(""), &request("m", "?"), hasty);
    assert!(failed(ask()).starts_with("AuthenticationError: "));
    assert_eq!(ask().unwrap().value, "fine");
}

#[test]
fn who_waits_for_another_turn_is_told_why_there_is_another_attempt() {
    let fake = fake(&kind::OPENAI, vec![Reply::Json(500, error("server_error", "broken"))]);
    let limits = RateLimits { requests_per_minute: Some(1), tokens_per_minute: None };
    let hasty = Limits { total: Duration::from_secs(1), ..PATIENT };
    let environment = environment(&kind::OPENAI, &fake.base(""));
    let remote =
        Remote::new(&kind::OPENAI, environment).within(hasty).limited(limits, OutputSink::new(|_, _: &str| ()));
    let why = failed(block_on(remote.call(&request("m", "?"), &CancellationToken::new())));
    let (before, after) = why.split_once("; for another attempt, ").unwrap_or_else(|| panic!("{why}"));
    assert!(before.starts_with("SystemUnavailableError: ") && before.ends_with("(500): broken"), "{why}");
    assert!(after.contains("has no turn for this call before "), "{why}");
}
