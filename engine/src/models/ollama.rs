//! The chat of Ollama. `POST {base}/api/chat`.
//!
//! A schema is sent as `format`, as it is. Nothing is read from a cache that would be paid for.

use serde_json::{Map, Value, json};

use super::{
    Answer, Request, Usage,
    calls::{FunctionCall, FunctionResult},
    endpoint::Key,
    kind::{Dialect, Headers, Listing, Sight},
    message::Image,
    openai::function,
    stream::{Folded, Framing, Streaming},
    wire::Wire,
};

pub(super) const DIALECT: Dialect = Dialect {
    path,
    headers,
    hottest: f64::INFINITY,
    largest_seed: i64::MAX as u64,
    sight: SIGHT,
    body,
    read,
    stream: STREAM,
    list: Listing { path: "/api/tags", at: "models" },
};

const SIGHT: Sight = Sight { addresses: false, gif: false };

const STREAM: Streaming = Streaming { framing: Framing::Lines, ask: |body| body["stream"] = json!(true), path, fold };

fn path(_: &Request) -> String {
    "/api/chat".to_owned()
}

fn headers(_: Option<&Key>) -> Headers {
    Vec::new()
}

fn body(request: &Request, _: bool) -> Value {
    let mut messages = Vec::new();
    if let Some(system) = &request.system {
        messages.push(json!({"role": "system", "content": system}));
    }
    messages.extend(request.turns().iter().flat_map(|turn| {
        if let Some(results) = turn.results() {
            let result = |(call, result): (&FunctionCall, &FunctionResult)| {
                json!({"role": "tool", "content": result.content, "tool_name": call.name})
            };
            return results.map(result).collect();
        }
        let mut message = json!({"role": turn.role.name(), "content": turn.text});
        let images: Vec<&str> = turn.images.iter().filter_map(Image::base64).collect();
        if !images.is_empty() {
            message["images"] = json!(images);
        }
        if let Some(round) = turn.calls() {
            let call = |call: &FunctionCall| json!({"function": {"name": call.name, "arguments": call.object()}});
            message["tool_calls"] = round.calls.iter().map(call).collect();
        }
        vec![message]
    }));
    let mut options = Map::new();
    let mut option = |name: &str, value: Option<Value>| value.map(|value| options.insert(name.to_owned(), value));
    option("temperature", request.temperature.map(Value::from));
    option("num_predict", request.max_tokens.map(Value::from));
    option("seed", request.seed.map(Value::from));
    let mut body = json!({"model": request.model, "messages": messages, "stream": false});
    if let Some(schema) = &request.schema {
        body["format"] = Wire::of(schema).schema;
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(function).collect();
    }
    if !options.is_empty() {
        body["options"] = Value::Object(options);
    }
    body
}

fn read(reply: &Value) -> Result<Answer, String> {
    let message = reply.get("message").ok_or("it holds no `message`")?;
    let call = |call: &Value| {
        let function = &call["function"];
        FunctionCall::new(call["id"].as_str(), &function["name"], FunctionCall::arguments(&function["arguments"]))
    };
    Ok(Answer {
        calls: message["tool_calls"].as_array().into_iter().flatten().map(call).collect(),
        thoughts: Vec::new(),
        text: message["content"].as_str().unwrap_or_default().to_owned(),
        value: None,
        model: reply["model"].as_str().map(str::to_owned),
        usage: usage(reply),
        refused: None,
        is_cut: reply["done_reason"] == "length",
        reasoned: message["thinking"].as_str().is_some_and(|text| !text.is_empty()),
    })
}

fn usage(reply: &Value) -> Option<Usage> {
    let (input_tokens, output_tokens) = (reply["prompt_eval_count"].as_u64()?, reply["eval_count"].as_u64()?);
    Some(Usage { requests: 1, input_tokens, output_tokens, ..Usage::default() })
}

/// A message per line, with a piece of its text; the last is `done` and says what it took.
fn fold(folded: &mut Folded, mut piece: Value) {
    if let Some(error) = piece.get("error") {
        folded.error = Some(json!({"message": error}));
        return;
    }
    let message = piece["message"].take();
    for (name, is_news) in [("content", true), ("thinking", false)] {
        if let Some(text) = message[name].as_str() {
            folded.append(&["message", name], text, is_news);
        }
    }
    // Calls come whole.
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let there = folded.reply["message"]["tool_calls"].as_array().map_or(0, Vec::len);
        folded.set(&["message", "tool_calls", &there.to_string()], call.clone());
        folded.has_begun = true;
    }
    if piece["done"] == true {
        for (name, value) in piece.as_object().into_iter().flatten().filter(|(name, _)| *name != "message") {
            folded.set(&[name], value.clone());
        }
        (folded.is_whole, folded.is_over) = (true, true);
    }
}
