//! The messages of Anthropic. `POST {base}/v1/messages`.
//!
//! `max_tokens` is required, the temperature is at most 1 – none from 4.7 on –, and there is no seed; what it does
//! not take is left out. A schema
//! is that of a tool which the model must call, and which nothing executes. The usage counts tokens
//! read from and written to the cache apart from those of the prompt.

use serde_json::{Value, json};

use super::{
    Answer, Request, Usage,
    calls::{Function, FunctionCall, FunctionResult},
    endpoint::Key,
    kind::{Dialect, Headers, Listing, Sight},
    message::{Image, Turn},
    stream::{Folded, Framing, Streaming},
    wire::Wire,
};
use crate::catalog;

pub(super) const DIALECT: Dialect = Dialect {
    path,
    headers,
    hottest: 1.0,
    largest_seed: u64::MAX,
    sight: SIGHT,
    body,
    read,
    stream: STREAM,
    list: LIST,
};

/// The tool whose input is the answer.
const TOOL: &str = "answer";
/// Where its input stands as far as it came.
const PARTIAL: &str = "partial_input";

/// The longest answer where the step does not say: what the model can do, but not more than this.
const MAX_TOKENS: u64 = 8192;
/// That of a model nothing is known of.
const SAFE_MAX_TOKENS: u64 = 4096;

const LIST: Listing = Listing { path: "/v1/models", at: "data" };

const SIGHT: Sight = Sight { addresses: true, gif: true };

const STREAM: Streaming = Streaming { framing: Framing::Events, ask: |body| body["stream"] = json!(true), path, fold };

fn path(_: &Request) -> String {
    "/v1/messages".to_owned()
}

fn headers(key: Option<&Key>) -> Headers {
    let key = key.map(|key| ("x-api-key", key.value().to_owned(), true));
    [("anthropic-version", "2023-06-01".to_owned(), false)].into_iter().chain(key).collect()
}

fn body(request: &Request, _: bool) -> Value {
    let known = || {
        let registry = catalog::registry();
        let found = registry.models.find(&format!("anthropic/{}", request.model));
        found.first().and_then(|spec| spec.max_output).map_or(SAFE_MAX_TOKENS, |most| most.min(MAX_TOKENS))
    };
    let messages: Vec<Value> = request.turns().iter().map(message).collect();
    let mut body = json!({
        "model": request.model,
        "max_tokens": request.max_tokens.unwrap_or_else(known),
        "messages": messages,
    });
    if let Some(system) = &request.system {
        body["system"] = json!(system);
    }
    if let Some(temperature) = request.temperature.filter(|_| takes_temperature(&request.model)) {
        body["temperature"] = json!(temperature);
    }
    if let Some(schema) = &request.schema {
        let schema = Wire::of(schema).schema;
        let description = "Takes the answer. Call it once, with the whole answer.";
        body["tools"] = json!([{"name": TOOL, "description": description, "input_schema": schema}]);
        body["tool_choice"] = json!({"type": "tool", "name": TOOL, "disable_parallel_tool_use": true});
    } else if !request.tools.is_empty() {
        let tool = |Function { name, description, arguments }: &Function| json!({"name": name, "description": description, "input_schema": arguments});
        body["tools"] = request.tools.iter().map(tool).collect();
    }
    body
}

/// Whether the model takes a temperature, which its version tells: none does from 4.7 on.
fn takes_temperature(model: &str) -> bool {
    if !model.contains("claude") {
        return true;
    }
    let mut numbers = model.split(['-', '.', '@']).filter_map(|part| part.parse::<u32>().ok());
    // Behind a version of one number stands its date.
    match (numbers.next(), numbers.next()) {
        (Some(4), Some(minor)) => !(7..100).contains(&minor),
        (Some(major), _) => !(5..100).contains(&major),
        (None, _) => true,
    }
}

/// A turn: its text, or blocks where images go with it.
fn message(turn: &Turn<'_>) -> Value {
    let role = turn.role.name();
    if let Some(results) = turn.results() {
        let result = |(call, result): (&FunctionCall, &FunctionResult)| {
            let mut block = json!({"type": "tool_result", "tool_use_id": call.id, "content": result.content});
            if result.is_error {
                block["is_error"] = json!(true);
            }
            block
        };
        return json!({"role": role, "content": results.map(result).collect::<Vec<_>>()});
    }
    if let Some(round) = turn.calls() {
        let said = Some(&round.said).filter(|text| !text.trim().is_empty());
        let said = said.map(|text| json!({"type": "text", "text": text}));
        let call =
            |call: &FunctionCall| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.object()});
        let blocks = round.thoughts.iter().cloned().chain(said).chain(round.calls.iter().map(call));
        return json!({"role": role, "content": blocks.collect::<Vec<_>>()});
    }
    if turn.images.is_empty() {
        return json!({"role": role, "content": turn.text});
    }
    let source = |image: &Image| match image {
        Image::At { url } => json!({"type": "url", "url": url}),
        Image::Sent { media_type, base64, .. } => {
            json!({"type": "base64", "media_type": media_type, "data": &**base64})
        }
    };
    let images = turn.images.iter().map(|image| json!({"type": "image", "source": source(image)}));
    let blocks: Vec<Value> = images.chain([json!({"type": "text", "text": turn.text})]).collect();
    json!({"role": role, "content": blocks})
}

fn read(reply: &Value) -> Result<Answer, String> {
    let blocks = reply["content"].as_array().ok_or("it holds no `content`")?;
    let of_type = |name: &'static str| blocks.iter().filter(move |block| block["type"] == name);
    let text: String = of_type("text").filter_map(|block| block["text"].as_str()).collect();
    let stopped = reply["stop_reason"].as_str().unwrap_or_default();
    let mut values = of_type("tool_use").filter(|block| block["name"] == TOOL).map(|block| block["input"].clone());
    let value = values.next();
    // Where another one follows, the first was not cut off.
    let is_cut = values.next().is_none();
    let call = |block: &Value| FunctionCall::new(block["id"].as_str(), &block["name"], block["input"].clone());
    let is_thought = |block: &&Value| ["thinking", "redacted_thinking"].iter().any(|name| block["type"] == *name);
    Ok(Answer {
        value,
        calls: of_type("tool_use").map(call).collect(),
        thoughts: blocks.iter().filter(is_thought).cloned().collect(),
        refused: (stopped == "refusal").then(|| text.clone()),
        text,
        model: reply["model"].as_str().map(str::to_owned),
        usage: usage(&reply["usage"]),
        is_cut: is_cut && matches!(stopped, "max_tokens" | "model_context_window_exceeded"),
        reasoned: of_type("thinking").next().is_some(),
    })
}

/// The message without content, its blocks as they grow, what stopped it and what it took.
fn fold(folded: &mut Folded, piece: Value) {
    let index = piece["index"].as_u64().unwrap_or(0).to_string();
    let block = |name: &'static str| ["content".to_owned(), index.clone(), name.to_owned()];
    match piece["type"].as_str().unwrap_or_default() {
        "message_start" => folded.set(&[], piece["message"].clone()),
        "content_block_start" => folded.set(&["content", &index], piece["content_block"].clone()),
        "content_block_delta" => {
            let delta = &piece["delta"];
            // The input of a tool comes as text. That of the one whose input is the answer is what is told.
            let is_answer = folded.reply["content"][index.parse::<usize>().unwrap_or(0)]["name"] == TOOL;
            let parts = [
                ("text", "text", true),
                ("partial_json", PARTIAL, is_answer),
                ("thinking", "thinking", false),
                ("signature", "signature", false),
            ];
            for (name, field, is_news) in parts {
                if let Some(text) = delta[name].as_str() {
                    folded.append(&block(field).each_ref().map(String::as_str), text, is_news);
                }
            }
        }
        "content_block_stop" => {
            let there = &folded.reply["content"][index.parse::<usize>().unwrap_or(0)];
            let is_answer = there["name"] == TOOL;
            let input = there[PARTIAL].as_str().and_then(|text| {
                if is_answer { serde_json::from_str(text).ok() } else { Some(FunctionCall::read(text)) }
            });
            if let Some(input) = input {
                folded.set(&block("input").each_ref().map(String::as_str), input);
            }
        }
        "message_delta" => {
            for (name, value) in piece["delta"].as_object().into_iter().flatten() {
                folded.set(&[name], value.clone());
            }
            for (name, value) in piece["usage"].as_object().into_iter().flatten().filter(|(_, value)| !value.is_null())
            {
                folded.set(&["usage", name], value.clone());
            }
        }
        "message_stop" => (folded.is_whole, folded.is_over) = (true, true),
        "error" => folded.error = Some(piece["error"].clone()),
        _ => {}
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let count = |name: &str| usage[name].as_u64();
    Some(Usage {
        requests: 1,
        input_tokens: count("input_tokens")?,
        output_tokens: count("output_tokens")?,
        cache_read_tokens: count("cache_read_input_tokens").unwrap_or(0),
        cache_write_tokens: count("cache_creation_input_tokens").unwrap_or(0),
        reasoning_tokens: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_that_take_a_temperature() {
        for model in ["claude-3-7-sonnet-20250219", "claude-opus-4-20250514", "claude-haiku-4-5-20251001", "mine"] {
            assert!(takes_temperature(model), "{model}");
        }
        for model in ["claude-opus-4-7", "claude-opus-4-8", "claude-fable-5", "claude-sonnet-5-5"] {
            assert!(!takes_temperature(model), "{model}");
        }
    }
}
