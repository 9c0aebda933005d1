//! Functions that a model is offered and calls, in each provider's shape.

use std::sync::Mutex;

use super::*;
use crate::{
    models::calls::{Function, FunctionCall, FunctionResult, Round},
    tools::{OutputSink, output::Stream},
};

const EVENTS: &str = "text/event-stream";

fn arguments() -> Value {
    json!({
        "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"],
        "additionalProperties": false,
    })
}

/// A request that offers `weather`.
fn offering(model: &str) -> Request {
    let weather =
        Function { name: "weather".to_owned(), description: "Tells the weather.".to_owned(), arguments: arguments() };
    Request { tools: vec![weather], ..request(model, "Where is it warmer?") }
}

fn called(id: &str, city: &str) -> FunctionCall {
    let (id, name) = (id.to_owned(), "weather".to_owned());
    FunctionCall { id, name, arguments: json!({"city": city}), signature: None }
}

/// The same after a round of two calls, of which the second failed.
fn answered(model: &str) -> Request {
    let result = |content: &str, is_error| FunctionResult { content: content.to_owned(), is_error };
    let round = Round {
        said: "I look.".to_owned(),
        thoughts: Vec::new(),
        calls: vec![called("one", "Rome"), called("two", "Oslo")],
        results: vec![result("21", false), result("no such city", true)],
    };
    Request { rounds: vec![round], ..offering(model) }
}

/// What a provider says that answers.
fn fine(kind: &Kind) -> Value {
    match kind.name {
        "anthropic" => json!({"content": [{"type": "text", "text": "fine"}], "stop_reason": "end_turn"}),
        "google" => json!({"candidates": [{"content": {"parts": [{"text": "fine"}]}, "finishReason": "STOP"}]}),
        "ollama" => json!({"message": {"content": "fine"}, "done": true, "done_reason": "stop"}),
        _ => json!({"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]}),
    }
}

/// What is sent of this request, which is answered.
fn sent(kind: &'static Kind, request: &Request) -> Value {
    let (asked, response) = exchange(kind, "", request, fine(kind));
    assert_eq!((response.value, response.failure, response.calls), (json!("fine"), None, vec![]), "{}", kind.name);
    asked.body
}

#[test]
fn functions_are_declared_as_each_provider_takes_them() {
    let (name, description) = ("weather", "Tells the weather.");
    let function = json!([{"type": "function", "function": {"name": name, "description": description, "parameters": arguments()}}]);
    for kind in [&kind::OPENAI, &kind::HUGGING_FACE, &kind::OLLAMA] {
        assert_eq!(sent(kind, &offering("m"))["tools"], function, "{}", kind.name);
    }
    let body = sent(&kind::ANTHROPIC, &offering("m"));
    let tool = json!([{"name": name, "description": description, "input_schema": arguments()}]);
    assert_eq!((&body["tools"], &body["tool_choice"]), (&tool, &Value::Null));
    let declared = json!({"name": name, "description": description, "parametersJsonSchema": arguments()});
    assert_eq!(sent(&kind::GEMINI, &offering("m"))["tools"], json!([{"functionDeclarations": [declared]}]));
}

#[test]
fn calls_and_what_came_of_them_are_told_again() {
    let call = |id: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": "weather", "arguments": arguments}});
    for kind in [&kind::OPENAI, &kind::HUGGING_FACE] {
        let messages = json!([
            {"role": "user", "content": "Where is it warmer?"},
            {"role": "assistant", "content": "I look.", "tool_calls": [
                call("one", "{\"city\":\"Rome\"}"), call("two", "{\"city\":\"Oslo\"}"),
            ]},
            {"role": "tool", "tool_call_id": "one", "content": "21"},
            {"role": "tool", "tool_call_id": "two", "content": "no such city"},
        ]);
        assert_eq!(sent(kind, &answered("m"))["messages"], messages, "{}", kind.name);
    }
    let messages = json!([
        {"role": "user", "content": "Where is it warmer?"},
        {"role": "assistant", "content": [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "one", "name": "weather", "input": {"city": "Rome"}},
            {"type": "tool_use", "id": "two", "name": "weather", "input": {"city": "Oslo"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "one", "content": "21"},
            {"type": "tool_result", "tool_use_id": "two", "content": "no such city", "is_error": true},
        ]},
    ]);
    assert_eq!(sent(&kind::ANTHROPIC, &answered("m"))["messages"], messages);
    let contents = json!([
        {"role": "user", "parts": [{"text": "Where is it warmer?"}]},
        {"role": "model", "parts": [
            {"text": "I look."},
            {"functionCall": {"name": "weather", "args": {"city": "Rome"}, "id": "one"}},
            {"functionCall": {"name": "weather", "args": {"city": "Oslo"}, "id": "two"}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "weather", "response": {"result": "21"}, "id": "one"}},
            {"functionResponse": {"name": "weather", "response": {"error": "no such city"}, "id": "two"}},
        ]},
    ]);
    assert_eq!(sent(&kind::GEMINI, &answered("m"))["contents"], contents);
    let messages = json!([
        {"role": "user", "content": "Where is it warmer?"},
        {"role": "assistant", "content": "I look.", "tool_calls": [
            {"function": {"name": "weather", "arguments": {"city": "Rome"}}},
            {"function": {"name": "weather", "arguments": {"city": "Oslo"}}},
        ]},
        {"role": "tool", "content": "21", "tool_name": "weather"},
        {"role": "tool", "content": "no such city", "tool_name": "weather"},
    ]);
    assert_eq!(sent(&kind::OLLAMA, &answered("m"))["messages"], messages);
}

/// An answer that says `I look.` and calls twice.
fn calling(kind: &Kind) -> Value {
    let (rome, oslo) = (json!({"city": "Rome"}), json!({"city": "Oslo"}));
    match kind.name {
        "anthropic" => json!({"stop_reason": "tool_use", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"},
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "one", "name": "weather", "input": rome},
            {"type": "tool_use", "id": "two", "name": "weather", "input": oslo},
        ]}),
        "google" => json!({"candidates": [{"finishReason": "STOP", "content": {"parts": [
            {"text": "I look."},
            {"functionCall": {"name": "weather", "args": rome}, "thoughtSignature": "s"},
            {"functionCall": {"name": "weather", "args": oslo}},
        ]}}]}),
        "ollama" => json!({"done": true, "done_reason": "stop", "message": {"content": "I look.", "tool_calls": [
            {"function": {"name": "weather", "arguments": rome}}, {"function": {"name": "weather", "arguments": oslo}},
        ]}}),
        _ => json!({"choices": [{"finish_reason": "tool_calls", "message": {"content": "I look.", "tool_calls": [
            {"id": "one", "type": "function", "function": {"name": "weather", "arguments": rome.to_string()}},
            {"id": "two", "type": "function", "function": {"name": "weather", "arguments": oslo.to_string()}},
        ]}}]}),
    }
}

/// The same piece by piece.
fn pieces(kind: &Kind) -> (&'static str, Vec<String>) {
    let events = |pieces: &[Value]| pieces.iter().map(|piece| format!("data: {piece}\n\n")).collect();
    let delta = |index: usize, delta: Value| json!({"type": "content_block_delta", "index": index, "delta": delta});
    let input = |index, text: &str| delta(index, json!({"type": "input_json_delta", "partial_json": text}));
    let start =
        |index: usize, block: Value| json!({"type": "content_block_start", "index": index, "content_block": block});
    let stop = |index: usize| json!({"type": "content_block_stop", "index": index});
    let tool = |id: &str| json!({"type": "tool_use", "id": id, "name": "weather", "input": {}});
    match kind.name {
        "anthropic" => (
            EVENTS,
            events(&[
                json!({"type": "message_start", "message": {"content": []}}),
                start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
                delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
                delta(0, json!({"type": "signature_delta", "signature": "s"})),
                stop(0),
                start(1, json!({"type": "text", "text": ""})),
                delta(1, json!({"type": "text_delta", "text": "I look."})),
                stop(1),
                start(2, tool("one")),
                input(2, ""),
                input(2, "{\"city\": \"Ro"),
                input(2, "me\"}"),
                stop(2),
                start(3, tool("two")),
                input(3, "{\"city\": \"Oslo\"}"),
                stop(3),
                json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}),
                json!({"type": "message_stop"}),
            ]),
        ),
        "google" => {
            let part = |part: Value| json!({"candidates": [{"content": {"parts": [part]}}]});
            let mut last = part(json!({"functionCall": {"name": "weather", "args": {"city": "Oslo"}}}));
            last["candidates"][0]["finishReason"] = json!("STOP");
            let signed = json!({
                "functionCall": {"name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "s",
            });
            (EVENTS, events(&[part(json!({"text": "I "})), part(json!({"text": "look."})), part(signed), last]))
        }
        "ollama" => {
            let call = |city: &str| {
                json!({"message": {"content": "", "tool_calls": [
                {"function": {"name": "weather", "arguments": {"city": city}}},
            ]}, "done": false})
            };
            let said = json!({"message": {"content": "I look."}, "done": false});
            let last = json!({"message": {"content": ""}, "done": true, "done_reason": "stop"});
            let lines = [said, call("Rome"), call("Oslo"), last].iter().map(|piece| format!("{piece}\n")).collect();
            ("application/x-ndjson", lines)
        }
        _ => {
            let delta = |delta: Value| json!({"choices": [{"delta": delta, "finish_reason": null}]});
            let call = |call: Value| delta(json!({"tool_calls": [call]}));
            let first = |index: usize, id: &str| {
                call(
                    json!({"index": index, "id": id, "type": "function", "function": {"name": "weather", "arguments": ""}}),
                )
            };
            let more = |index: usize, text: &str| call(json!({"index": index, "function": {"arguments": text}}));
            (
                EVENTS,
                events(&[
                    delta(json!({"role": "assistant", "content": "I look."})),
                    first(0, "one"),
                    more(0, "{\"city\":\"Ro"),
                    first(1, "two"),
                    more(1, "{\"city\":\"Oslo\"}"),
                    more(0, "me\"}"),
                    json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}),
                ]),
            )
        }
    }
}

#[track_caller]
fn assert_calls(kind: &Kind, response: Response) {
    let signed =
        |call: FunctionCall, signature: Option<&str>| FunctionCall { signature: signature.map(str::to_owned), ..call };
    let (expected, thoughts) = match kind.name {
        "anthropic" => {
            let thought = json!({"type": "thinking", "thinking": "hm", "signature": "s"});
            ([called("one", "Rome"), called("two", "Oslo")], vec![thought])
        }
        "google" => ([signed(called("orc_call_0_0", "Rome"), Some("s")), called("orc_call_0_1", "Oslo")], vec![]),
        "ollama" => ([called("orc_call_0_0", "Rome"), called("orc_call_0_1", "Oslo")], vec![]),
        _ => ([called("one", "Rome"), called("two", "Oslo")], vec![]),
    };
    assert_eq!(response.failure, None, "{}", kind.name);
    assert_eq!((&response.value, &response.calls[..]), (&json!("I look."), &expected[..]), "{}", kind.name);
    assert_eq!(response.thoughts, thoughts, "{}", kind.name);
}

#[test]
fn calls_come_back_whole() {
    for kind in kind::KINDS {
        assert_calls(kind, exchange(kind, "", &offering("m"), calling(kind)).1);
    }
}

/// What came of an answer in pieces, and what was told of it on the way.
fn streamed(kind: &'static Kind, pieces: (&'static str, Vec<String>)) -> (Response, String) {
    let fake = fake(kind, vec![Reply::Pieces(pieces.0, pieces.1, End::Whole)]);
    let told: Arc<Mutex<String>> = Arc::default();
    let sink = OutputSink::new({
        let told = Arc::clone(&told);
        move |stream, text| {
            assert_eq!(stream, Stream::Model);
            told.lock().unwrap().push_str(text);
        }
    });
    let remote = Remote::new(kind, environment(kind, &fake.base(""))).within(PATIENT);
    let response = block_on(remote.stream(&offering("m"), &CancellationToken::new(), &sink)).unwrap();
    let told = told.lock().unwrap().clone();
    (response, told)
}

#[test]
fn calls_that_come_in_pieces_are_put_together_and_not_told_as_text() {
    for kind in kind::KINDS {
        let (response, told) = streamed(kind, pieces(kind));
        assert_eq!(told, "I look.", "{}", kind.name);
        assert_calls(kind, response);
    }
}

#[test]
fn calls_that_are_not_numbered_are_told_apart_by_their_ids() {
    let call = |id: &str, arguments: &str| {
        let call = json!({"id": id, "function": {"name": "weather", "arguments": arguments}});
        format!("data: {}\n\n", json!({"choices": [{"delta": {"tool_calls": [call]}}]}))
    };
    let end = format!("data: {}\n\n", json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}));
    let all = vec![call("one", "{\"city\": \"Rome\"}"), call("two", "{\"city\": \"Oslo\"}"), end];
    let (response, _) = streamed(&kind::OPENAI, (EVENTS, all));
    assert_eq!(response.calls, [called("one", "Rome"), called("two", "Oslo")]);
}

#[test]
fn calls_are_told_apart_where_all_have_the_same_number_or_none_at_all() {
    let piece = |call: Value| format!("data: {}\n\n", json!({"choices": [{"delta": {"tool_calls": [call]}}]}));
    let end = format!("data: {}\n\n", json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]}));
    let first = |id: &str| json!({"index": 0, "id": id, "function": {"name": "weather", "arguments": "{\"city\": "}});
    let more = |text: &str| json!({"index": 0, "function": {"arguments": text}});
    let pieces = [first("one"), more("\"Rome\"}"), first("two"), more("\"Os"), more("lo\"}")];
    let all = pieces.into_iter().map(piece).chain([end.clone()]).collect();
    let (response, _) = streamed(&kind::OPENAI, (EVENTS, all));
    assert_eq!(response.calls, [called("one", "Rome"), called("two", "Oslo")]);

    let whole = |city: &str| json!({"function": {"name": "weather", "arguments": {"city": city}}});
    let all = vec![piece(whole("Rome")), piece(whole("Oslo")), end];
    let (response, _) = streamed(&kind::OPENAI, (EVENTS, all));
    let cities: Vec<&Value> = response.calls.iter().map(|call| &call.arguments["city"]).collect();
    assert_eq!(cities, ["Rome", "Oslo"]);
}

#[test]
fn a_call_without_arguments_has_none() {
    let call = json!({"message": {"content": "", "tool_calls": [
        {"function": {"name": "weather"}}, {"function": {"name": "weather", "arguments": "{\"city\": \"Rome\"}"}},
    ]}, "done": true, "done_reason": "stop"});
    let (response, _) = streamed(&kind::OLLAMA, ("application/x-ndjson", vec![format!("{call}\n")]));
    let arguments: Vec<&Value> = response.calls.iter().map(|call| &call.arguments).collect();
    assert_eq!(arguments, [&json!({}), &json!({"city": "Rome"})]);
}

#[test]
fn what_a_model_signed_and_thought_goes_back_to_it() {
    let next = |kind: &'static Kind, model: &str| {
        let first = exchange(kind, "", &offering(model), calling(kind)).1;
        let results =
            first.calls.iter().map(|_| FunctionResult { content: "21".to_owned(), is_error: false }).collect();
        let round = Round { said: "I look.".to_owned(), thoughts: first.thoughts, calls: first.calls, results };
        sent(kind, &Request { rounds: vec![round], ..offering(model) })
    };
    // The fake refuses what is not signed.
    assert_eq!(
        next(&kind::GEMINI, "gemini-3-pro")["contents"][1]["parts"][1],
        json!({"functionCall": {"name": "weather", "args": {"city": "Rome"}}, "thoughtSignature": "s"})
    );
    assert_eq!(
        next(&kind::ANTHROPIC, "m")["messages"][1]["content"][0],
        json!({"type": "thinking", "thinking": "hm", "signature": "s"})
    );
}

#[test]
fn arguments_that_are_no_object_are_kept_as_they_came() {
    let reply = |arguments: &str| {
        json!({"choices": [{"finish_reason": "tool_calls", "message": {"content": null, "tool_calls": [
            {"id": "one", "type": "function", "function": {"name": "weather", "arguments": arguments}},
        ]}}]})
    };
    let arguments = |text: &str| exchange(&kind::OPENAI, "", &offering("m"), reply(text)).1.calls[0].arguments.clone();
    assert_eq!(arguments("{\"city\": "), json!("{\"city\": "));
    assert_eq!(arguments("[1]"), json!("[1]"));
    assert_eq!(arguments(""), json!({}));
    // Who takes nothing but objects is sent one.
    let round = |kind: &'static Kind| {
        let call = FunctionCall { arguments: json!("{\"city\": "), ..called("one", "") };
        let result = FunctionResult { content: "no JSON".to_owned(), is_error: true };
        let round = Round { said: String::new(), thoughts: Vec::new(), calls: vec![call], results: vec![result] };
        sent(kind, &Request { rounds: vec![round], ..offering("m") })
    };
    assert_eq!(round(&kind::OPENAI)["messages"][1]["tool_calls"][0]["function"]["arguments"], "{\"city\": ");
    assert_eq!(round(&kind::OPENAI)["messages"][1]["content"], Value::Null);
    assert_eq!(round(&kind::ANTHROPIC)["messages"][1]["content"][0]["input"], json!({}));
    assert_eq!(round(&kind::GEMINI)["contents"][1]["parts"][0]["functionCall"]["args"], json!({}));
    assert_eq!(round(&kind::OLLAMA)["messages"][1]["tool_calls"][0]["function"]["arguments"], json!({}));
}

#[test]
fn ids_and_names_that_cannot_be_sent_again_are_mended() {
    let call =
        |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": "{}"}});
    let reply = json!({"choices": [{"finish_reason": "tool_calls", "message": {"tool_calls": [
        call("one", "the weather"), call("one", "weather"), call("three", ""),
    ]}}]});
    let (_, response) = exchange(&kind::OPENAI, "", &answered("m"), reply);
    let told: Vec<_> = response.calls.iter().map(|call| (&*call.id, &*call.name)).collect();
    assert_eq!(told, [("orc_call_1_0", "the_weather"), ("orc_call_1_1", "weather"), ("three", "unnamed")]);
}

#[test]
fn a_call_that_was_cut_off_is_not_made() {
    let mut reply = calling(&kind::OPENAI);
    reply["choices"][0]["finish_reason"] = json!("length");
    let (_, response) = exchange(&kind::OPENAI, "", &Request { max_tokens: Some(9), ..offering("m") }, reply);
    assert_eq!(useless(&response), "TruncatedError: `m` was cut off as it called a tool; raise `max_tokens` (9)");
    assert_eq!(response.calls, []);
}

#[test]
fn what_was_not_offered_is_no_call() {
    for kind in kind::KINDS {
        let mut reply = calling(kind);
        if kind.name == "openai" {
            reply["choices"][0]["message"]["content"] = Value::Null;
        }
        let (_, response) = exchange(kind, "", &request("m", "?"), reply);
        assert_eq!(response.calls, [], "{}", kind.name);
        match kind.name {
            "openai" => assert_eq!(useless(&response), "EmptyAnswerError: `m` answered nothing"),
            _ => assert_eq!(response.value, "I look.", "{}", kind.name),
        }
    }
}

#[test]
fn a_model_that_calls_none_is_not_asked() {
    let fake = fake(&kind::OPENAI, Vec::new());
    let told = failed(ask_at(&kind::OPENAI, &fake.base(""), &offering("gpt-5-chat-latest"), PATIENT));
    assert_eq!(
        (told.as_str(), fake.asked()),
        (
            "ParameterError: `gpt-5-chat-latest` calls no tools; name another model, leave it to the router, or say \
             `capabilities: [tools]` of it in `models.yaml`",
            Vec::new()
        )
    );
}

#[test]
fn a_request_without_tools_is_written_as_ever() {
    assert_eq!(serde_json::to_value(request("m", "Hi")).unwrap(), json!({"model": "m", "prompt": "Hi"}));
}
