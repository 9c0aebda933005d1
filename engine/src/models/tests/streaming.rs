//! Answers in pieces: what is asked, what is told on the way, and what goes wrong on it.

use std::sync::Mutex;

use super::*;
use crate::tools::{OutputSink, output::Stream};

const EVENTS: &str = "text/event-stream; charset=utf-8";

/// What came of a call, what was told of the answer on the way, and what the server was asked.
struct Streamed {
    result: Result<Response, ToolError>,
    told: String,
    asked: Vec<Asked>,
    base: String,
}

impl Streamed {
    /// The text and the tokens: of what is new, read from a cache, in the answer, and in thinking.
    #[track_caller]
    fn good(self) -> (Value, Option<[u64; 4]>) {
        let response = self.result.unwrap();
        assert_eq!(response.failure, None);
        let tokens = response
            .usage
            .map(|usage| [usage.input_tokens, usage.cache_read_tokens, usage.output_tokens, usage.reasoning_tokens]);
        (response.value, tokens)
    }

    /// How often it was asked, what it says of the failure and what was told before it.
    fn trouble(self) -> (usize, String, String) {
        (self.asked.len(), failed(self.result).replace(&self.base, "<base>"), self.told)
    }
}

fn stream_within(kind: &'static Kind, replies: Vec<Reply>, request: &Request, limits: Limits) -> Streamed {
    let fake = fake(kind, replies);
    let base = fake.base("");
    let told: Arc<Mutex<String>> = Arc::default();
    let sink = OutputSink::new({
        let told = Arc::clone(&told);
        move |stream, text| {
            assert_eq!(stream, Stream::Model);
            told.lock().unwrap().push_str(text);
        }
    });
    let remote = Remote::new(kind, environment(kind, &base)).within(limits);
    let result = block_on(remote.stream(request, &CancellationToken::new(), &sink));
    let told = told.lock().unwrap().clone();
    Streamed { result, told, asked: fake.asked(), base }
}

fn stream(kind: &'static Kind, replies: Vec<Reply>, request: &Request) -> Streamed {
    stream_within(kind, replies, request, PATIENT)
}

fn events(pieces: &[Value]) -> Vec<String> {
    pieces.iter().map(|piece| format!("event: {}\ndata: {piece}\n\n", piece["type"].as_str().unwrap_or("x"))).collect()
}

fn lines(pieces: &[Value]) -> Vec<String> {
    pieces.iter().map(|piece| format!("{piece}\n")).collect()
}

/// A good answer of a provider that says `Hello, you.`, piece by piece.
fn hello(kind: &Kind) -> (&'static str, Vec<String>) {
    match kind.name {
        "anthropic" => (
            EVENTS,
            events(&[
                json!({"type": "message_start", "message": {
                    "model": "served", "content": [], "stop_reason": null,
                    "usage": {"input_tokens": 9, "cache_read_input_tokens": 3, "output_tokens": 1},
                }}),
                json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
                json!({"type": "ping"}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello, "}}),
                json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "you."}}),
                json!({"type": "content_block_stop", "index": 0}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}}),
                json!({"type": "message_stop"}),
            ]),
        ),
        "google" => (
            EVENTS,
            events(&[
                json!({"candidates": [{"content": {"parts": [{"text": "hm", "thought": true}]}}], "modelVersion": "served"}),
                json!({"candidates": [{"content": {"parts": [{"text": "Hello, "}]}}]}),
                json!({
                    "candidates": [{"content": {"parts": [{"text": "you."}]}, "finishReason": "STOP"}],
                    "usageMetadata": {
                        "promptTokenCount": 12, "cachedContentTokenCount": 3, "candidatesTokenCount": 4,
                        "thoughtsTokenCount": 1,
                    },
                }),
            ]),
        ),
        "ollama" => (
            "application/x-ndjson",
            lines(&[
                json!({"model": "served", "message": {"role": "assistant", "content": "Hello, "}, "done": false}),
                json!({"model": "served", "message": {"role": "assistant", "content": "you."}, "done": false}),
                json!({
                    "model": "served", "message": {"role": "assistant", "content": ""}, "done": true,
                    "done_reason": "stop", "prompt_eval_count": 9, "eval_count": 5,
                }),
            ]),
        ),
        _ => {
            let mut pieces = events(&[
                json!({"model": "served", "choices": [{"delta": {"role": "assistant", "content": ""}, "finish_reason": null}]}),
                json!({"model": "served", "choices": [{"delta": {"content": "Hello, "}, "finish_reason": null}], "usage": null}),
                json!({"model": "served", "choices": [{"delta": {"content": "you."}, "finish_reason": null}]}),
                json!({"model": "served", "choices": [{"delta": {}, "finish_reason": "stop"}]}),
                json!({"model": "served", "choices": [], "usage": {
                    "prompt_tokens": 12, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 3},
                    "completion_tokens_details": {"reasoning_tokens": 1},
                }}),
            ]);
            pieces.push("data: [DONE]\n\n".to_owned());
            (EVENTS, pieces)
        }
    }
}

/// The answer up to the piece that holds `Hello, `.
fn begun(kind: &Kind, end: End) -> Reply {
    let (content_type, pieces) = hello(kind);
    let first = pieces.iter().position(|piece| piece.contains("Hello, ")).unwrap();
    Reply::Pieces(content_type, pieces[..=first].to_vec(), end)
}

fn whole(kind: &Kind) -> Reply {
    let (content_type, pieces) = hello(kind);
    Reply::Pieces(content_type, pieces, End::Whole)
}

#[test]
fn every_provider_answers_in_pieces_that_are_told_as_they_come() {
    for kind in kind::KINDS {
        let streamed = stream(kind, vec![whole(kind)], &request("m", "?"));
        assert_eq!(streamed.told, "Hello, you.", "{}", kind.name);
        assert_eq!(streamed.result.as_ref().unwrap().model, "served", "{}", kind.name);
        let tokens = match kind.name {
            "anthropic" => [9, 3, 5, 0],
            "ollama" => [9, 0, 5, 0],
            _ => [9, 3, 5, 1],
        };
        assert_eq!(streamed.good(), (json!("Hello, you."), Some(tokens)), "{}", kind.name);
    }
}

#[test]
fn each_is_asked_for_pieces_in_its_own_way() {
    let asked = |kind: &'static Kind| stream(kind, vec![whole(kind)], &request("m", "?")).asked.remove(0);
    for kind in [&kind::OPENAI, &kind::HUGGING_FACE] {
        let body = asked(kind).body;
        assert_eq!((&body["stream"], &body["stream_options"]), (&json!(true), &json!({"include_usage": true})));
    }
    assert_eq!(asked(&kind::ANTHROPIC).body["stream"], true);
    assert_eq!(asked(&kind::OLLAMA).body["stream"], true);
    let gemini = asked(&kind::GEMINI);
    assert_eq!(gemini.line, "POST /v1beta/models/m:streamGenerateContent?alt=sse");
    assert!(gemini.body.get("stream").is_none());
}

#[test]
fn a_value_is_put_together_from_its_pieces() {
    let pieces = events(&[
        json!({"type": "message_start", "message": {"model": "m", "content": [], "usage": {"input_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {
            "type": "tool_use", "id": "x", "name": "answer", "input": {},
        }}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "{\"sco"}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": "re\": 7}"}}),
        json!({"type": "content_block_stop", "index": 0}),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 4}}),
        json!({"type": "message_stop"}),
    ]);
    let streamed = stream(&kind::ANTHROPIC, vec![Reply::Pieces(EVENTS, pieces, End::Whole)], &scored("m"));
    assert_eq!(streamed.told, "{\"score\": 7}");
    assert_eq!(streamed.good(), (json!({"score": 7}), Some([1, 0, 4, 0])));
}

#[test]
fn a_stream_that_is_cut_after_it_began_is_not_asked_for_again() {
    for kind in kind::KINDS {
        for end in [End::Cut, End::Whole] {
            let (asked, failure, told) =
                stream(kind, vec![begun(kind, end), whole(kind)], &request("m", "?")).trouble();
            assert_eq!((asked, &*told), (1, "Hello, "), "{}: {failure}", kind.name);
            let start = format!("ModelResponseError: the answer of {} at <base> was cut off: ", kind.label);
            assert!(failure.starts_with(&start), "{failure}");
        }
    }
}

#[test]
fn a_stream_that_ends_before_anything_came_is_asked_for_again() {
    for kind in kind::KINDS {
        for end in [End::Cut, End::Whole] {
            let nothing = Reply::Pieces(hello(kind).0, Vec::new(), end);
            let streamed = stream(kind, vec![nothing, whole(kind)], &request("m", "?"));
            assert_eq!((streamed.asked.len(), &*streamed.told), (2, "Hello, you."), "{}", kind.name);
        }
    }
}

#[test]
fn what_is_garbled_is_said() {
    for kind in kind::KINDS {
        let garbage = if kind.name == "ollama" { "{\"message\": \n" } else { "data: {\"choices\": \n\n" };
        let garbled = Reply::Pieces(hello(kind).0, vec![garbage.to_owned()], End::Whole);
        let (asked, failure, _) = stream(kind, vec![garbled, whole(kind)], &request("m", "?")).trouble();
        let start = format!("ModelResponseError: {} at <base> answered with what is no JSON (", kind.label);
        assert!(asked == 1 && failure.starts_with(&start), "{asked}× {failure}");
    }
}

#[test]
fn what_is_no_text_is_said_in_pieces_and_whole() {
    let bytes = |pieces: Vec<String>| {
        let text = pieces.concat();
        let (before, after) = text.split_once("you.").unwrap();
        [before.as_bytes(), b"\xff\xfe", after.as_bytes()].concat()
    };
    for kind in kind::KINDS {
        let (content_type, pieces) = hello(kind);
        let garbled = Reply::Bytes(content_type, bytes(pieces));
        let (asked, failure, _) = stream(kind, vec![garbled, whole(kind)], &request("m", "?")).trouble();
        let message = format!("ModelResponseError: {} at <base> answered with what is no text in UTF-8", kind.label);
        assert_eq!((asked, failure), (1, message));
        let garbled = Reply::Bytes("application/json", b"{\"message\": \"\xff\"}".to_vec());
        let (asked, failure, _) = stream(kind, vec![garbled, whole(kind)], &request("m", "?")).trouble();
        let start = format!("ModelResponseError: {} at <base> answered with what is no JSON (", kind.label);
        assert!(asked == 1 && failure.starts_with(&start), "{asked}× {failure}");
    }
}

#[test]
fn events_that_nobody_knows_are_passed_over() {
    for kind in kind::KINDS {
        let strange = match kind.name {
            "ollama" => vec!["{\"news\": [1]}\n".to_owned()],
            _ => vec![
                "event: telemetry\ndata: {\"type\": \"telemetry\", \"delta\": {\"x\": 1}, \"choices\": []}\n\n"
                    .to_owned(),
                ": keep alive\n\n".to_owned(),
                "retry: 3000\n\n".to_owned(),
            ],
        };
        let (content_type, pieces) = hello(kind);
        let pieces = pieces.into_iter().flat_map(|piece| strange.iter().cloned().chain([piece])).collect();
        let streamed = stream(kind, vec![Reply::Pieces(content_type, pieces, End::Whole)], &request("m", "?"));
        assert_eq!(streamed.told, "Hello, you.", "{}", kind.name);
        assert_eq!(streamed.good().0, "Hello, you.");
    }
}

#[test]
fn a_stream_that_stalls_is_left_at_its_deadline() {
    let short = Duration::from_millis(50);
    for kind in kind::KINDS {
        let idle = Limits { idle: short, ..PATIENT };
        let (asked, failure, told) =
            stream_within(kind, vec![begun(kind, End::Stall), whole(kind)], &request("m", "?"), idle).trouble();
        let message =
            format!("ModelResponseError: {} at <base> stopped in its answer: nothing came for 0.05 s", kind.label);
        assert_eq!((asked, failure, &*told), (1, message, "Hello, "));
        // The first piece has a deadline of its own.
        let first = Limits { silence: short, ..PATIENT };
        let nothing = Reply::Pieces(hello(kind).0, Vec::new(), End::Stall);
        let (asked, failure, told) =
            stream_within(kind, vec![nothing, whole(kind)], &request("m", "?"), first).trouble();
        let message = format!("TimeoutError: {} at <base> did not answer within 0.05 s", kind.label);
        assert_eq!((asked, failure, &*told), (1, message, ""));
    }
}

#[test]
fn an_error_within_a_stream_is_of_its_class_and_asked_again_only_before_the_first_token() {
    let overloaded = |kind: &Kind| -> String {
        match kind.name {
            "anthropic" => {
                events(&[json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})])
                    .remove(0)
            }
            "ollama" => lines(&[json!({"error": "Overloaded"})]).remove(0),
            _ => events(&[json!({"error": {"code": 503, "message": "Overloaded"}})]).remove(0),
        }
    };
    for kind in kind::KINDS {
        let early = || Reply::Pieces(hello(kind).0, vec![overloaded(kind)], End::Whole);
        let streamed = stream(kind, vec![early(), early(), whole(kind)], &request("m", "?"));
        assert_eq!((streamed.asked.len(), &*streamed.told), (3, "Hello, you."), "{}", kind.name);

        let storm = (0..5).map(|_| early()).collect();
        let (asked, failure, _) = stream(kind, storm, &request("m", "?")).trouble();
        let message =
            format!("SystemUnavailableError: {} at <base> did not answer: Overloaded (4 attempts)", kind.label);
        assert_eq!((asked, failure), (4, message));

        let Reply::Pieces(content_type, mut pieces, end) = begun(kind, End::Whole) else { panic!() };
        pieces.push(overloaded(kind));
        let late = Reply::Pieces(content_type, pieces, end);
        let (asked, failure, told) = stream(kind, vec![late, whole(kind)], &request("m", "?")).trouble();
        let message = format!("ModelResponseError: {} at <base> broke its answer off: Overloaded", kind.label);
        assert_eq!((asked, failure, &*told), (1, message, "Hello, "));
    }
}

#[test]
fn an_answer_that_had_begun_and_takes_too_long_is_no_call_that_another_model_may_take_over() {
    let limits = Limits { total: Duration::from_millis(300), ..PATIENT };
    for kind in kind::KINDS {
        let slow = begun(kind, End::Stall);
        let (asked, failure, told) = stream_within(kind, vec![slow, whole(kind)], &request("m", "?"), limits).trouble();
        let message = format!("ModelResponseError: the answer of {} at <base> was not whole within 0.3 s", kind.label);
        assert_eq!((asked, failure, &*told), (1, message, "Hello, "));
    }
}

#[test]
fn storms_before_the_answer_are_weathered() {
    for kind in kind::KINDS {
        for status in [429, 500, 502, 503, 529] {
            let refused = || Reply::Json(status, json!({}));
            let streamed = stream(kind, vec![refused(), refused(), refused(), whole(kind)], &request("m", "?"));
            assert_eq!((streamed.asked.len(), &*streamed.told), (4, "Hello, you."), "{} {status}", kind.name);
        }
    }
}

#[test]
fn only_the_usage_is_missing_where_a_whole_answer_loses_its_end() {
    let pieces = hello(&kind::OPENAI).1[..4].to_vec();
    for end in [End::Cut, End::Whole] {
        let streamed = stream(&kind::OPENAI, vec![Reply::Pieces(EVENTS, pieces.clone(), end)], &request("m", "?"));
        assert_eq!(streamed.good(), (json!("Hello, you."), None));
    }
}

#[test]
fn who_does_not_stream_is_understood_all_the_same() {
    let plain = || json!({"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]});
    let streamed = stream(&kind::OPENAI, vec![Reply::Json(200, plain())], &request("m", "?"));
    assert_eq!(streamed.told, "");
    assert_eq!(streamed.good(), (json!("fine"), None));
    // An organisation that may not stream this model.
    let refusal = json!({"error": {
        "message": "Your organization must be verified to stream this model.", "type": "invalid_request_error",
        "param": "stream", "code": "unsupported_value",
    }});
    let streamed =
        stream(&kind::OPENAI, vec![Reply::Json(400, refusal), Reply::Json(200, plain())], &request("m", "?"));
    let asked: Vec<&Value> = streamed.asked.iter().map(|asked| &asked.body["stream"]).collect();
    assert_eq!(asked, [&json!(true), &Value::Null]);
    assert_eq!(streamed.good(), (json!("fine"), None));
}
