//! The chat completions of OpenAI, which many servers speak: llama.cpp, vLLM, LM Studio, OpenRouter,
//! the Hugging Face router.
//!
//! `POST {base}/chat/completions`. A model that reasons takes `max_completion_tokens` and no temperature;
//! compatible servers know `max_tokens` only. A schema is sent as `response_format`, strictly where it
//! meets the limits of strict output. The usage counts what was read from the cache among the prompt's
//! tokens, and what was spent on reasoning among the answer's.

use serde_json::{Value, json};

use super::{
    Answer, Request, Usage,
    calls::{Function, FunctionCall, FunctionResult},
    endpoint::Key,
    kind::{Dialect, Headers, Listing, Sight},
    message::Turn,
    stream::{Folded, Framing, Streaming},
    wire::Wire,
};

pub(super) const DIALECT: Dialect = Dialect {
    path,
    headers,
    hottest: 2.0,
    largest_seed: i64::MAX as u64,
    sight: SIGHT,
    body,
    read,
    stream: STREAM,
    list: LIST,
};

const LIST: Listing = Listing { path: "/models", at: "data" };

const SIGHT: Sight = Sight { addresses: true, gif: true };

const STREAM: Streaming = Streaming {
    framing: Framing::Events,
    ask: |body| {
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
    },
    path,
    fold,
};

fn path(_: &Request) -> String {
    "/chat/completions".to_owned()
}

fn headers(key: Option<&Key>) -> Headers {
    key.map(|key| ("authorization", format!("Bearer {}", key.value()), true)).into_iter().collect()
}

/// Whether the model thinks before it answers, which its name tells: `o3`, `gpt-5` and what came after it.
fn reasons(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    let series = |prefix: &str| -> Option<u32> {
        let rest = name.strip_prefix(prefix)?;
        rest[..rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len())].parse().ok()
    };
    series("o").is_some() || (series("gpt-").is_some_and(|series| series >= 5) && !name.contains("-chat"))
}

fn body(request: &Request, is_own: bool) -> Value {
    let mut messages = Vec::new();
    if let Some(system) = &request.system {
        messages.push(json!({"role": "system", "content": system}));
    }
    messages.extend(request.turns().iter().flat_map(messages_of));
    let mut body = json!({"model": request.model, "messages": messages});
    let reasons = reasons(&request.model);
    if let Some(tokens) = request.max_tokens {
        let name = if reasons || is_own { "max_completion_tokens" } else { "max_tokens" };
        body[name] = json!(tokens);
    }
    if let Some(temperature) = request.temperature.filter(|_| !reasons) {
        body["temperature"] = json!(temperature);
    }
    if let Some(seed) = request.seed {
        body["seed"] = json!(seed);
    }
    if let Some(schema) = &request.schema {
        let Wire { schema, strict, .. } = Wire::of(schema);
        body["response_format"] =
            json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": strict, "schema": schema}});
    }
    if !request.tools.is_empty() {
        body["tools"] = request.tools.iter().map(function).collect();
    }
    body
}

/// A function as it is declared.
pub(super) fn function(function: &Function) -> Value {
    let Function { name, description, arguments } = function;
    json!({"type": "function", "function": {"name": name, "description": description, "parameters": arguments}})
}

/// The messages that a turn is: each result of a call is one of its own.
fn messages_of(turn: &Turn<'_>) -> Vec<Value> {
    if let Some(results) = turn.results() {
        let result = |(call, result): (&FunctionCall, &FunctionResult)| json!({"role": "tool", "tool_call_id": call.id, "content": result.content});
        return results.map(result).collect();
    }
    let mut message = message(turn);
    if let Some(round) = turn.calls() {
        if round.said.is_empty() {
            message["content"] = Value::Null;
        }
        let call = |call: &FunctionCall| json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.text()}});
        message["tool_calls"] = round.calls.iter().map(call).collect();
    }
    vec![message]
}

/// A turn: its text, or parts where images go with it.
fn message(turn: &Turn<'_>) -> Value {
    let role = turn.role.name();
    if turn.images.is_empty() {
        return json!({"role": role, "content": turn.text});
    }
    let images = turn.images.iter().map(|image| json!({"type": "image_url", "image_url": {"url": image.data_url()}}));
    let parts: Vec<Value> = images.chain([json!({"type": "text", "text": turn.text})]).collect();
    json!({"role": role, "content": parts})
}

fn read(reply: &Value) -> Result<Answer, String> {
    let choice = reply["choices"].get(0).ok_or("it holds no `choices`")?;
    let message = choice.get("message").ok_or("its choice holds no `message`")?;
    let refusal = message["refusal"].as_str().filter(|text| !text.is_empty());
    let stopped = choice["finish_reason"].as_str().unwrap_or_default();
    let thought = ["reasoning_content", "reasoning"].iter().any(|name| message[*name].as_str().is_some());
    let usage = usage(&reply["usage"]);
    let reasoned = thought || usage.is_some_and(|usage| usage.reasoning_tokens > 0);
    let call = |call: &Value| {
        let function = &call["function"];
        FunctionCall::new(call["id"].as_str(), &function["name"], FunctionCall::arguments(&function["arguments"]))
    };
    Ok(Answer {
        text: text(&message["content"]),
        value: None,
        calls: message["tool_calls"].as_array().into_iter().flatten().map(call).collect(),
        thoughts: Vec::new(),
        model: reply["model"].as_str().map(str::to_owned),
        usage,
        refused: match (refusal, stopped) {
            (Some(refusal), _) => Some(refusal.to_owned()),
            (None, "content_filter") => Some("its filter stopped the answer".to_owned()),
            _ => None,
        },
        is_cut: stopped == "length",
        reasoned,
    })
}

/// `data: {…}` with a `delta` each, the usage in one of its own, `data: [DONE]` at the end.
fn fold(folded: &mut Folded, piece: Value) {
    if let Some(error) = piece.get("error").filter(|error| !error.is_null()) {
        folded.error = Some(error.clone());
        return;
    }
    for name in ["model", "usage"] {
        if let Some(value) = piece.get(name).filter(|value| !value.is_null()) {
            folded.set(&[name], value.clone());
        }
    }
    let Some(choice) = piece["choices"].get(0) else { return };
    let delta = &choice["delta"];
    folded.append(&["choices", "0", "message", "content"], &text(&delta["content"]), true);
    for name in ["refusal", "reasoning_content", "reasoning"] {
        if let Some(text) = delta[name].as_str() {
            folded.append(&["choices", "0", "message", name], text, false);
        }
    }
    for call in delta["tool_calls"].as_array().into_iter().flatten() {
        let index = place_of(call, &folded.reply["choices"][0]["message"]["tool_calls"]).to_string();
        let place = |name: &'static [&'static str]| {
            ["choices", "0", "message", "tool_calls", &index]
                .into_iter()
                .chain(name.iter().copied())
                .collect::<Vec<_>>()
        };
        let function = &call["function"];
        if let Some(number) = call["index"].as_u64() {
            folded.set(&place(&["index"]), json!(number));
        }
        // The pieces after the first may repeat them, empty.
        for (name, value) in [(&["id"] as &[_], &call["id"]), (&["function", "name"], &function["name"])] {
            if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
                folded.set(&place(name), json!(text));
                folded.has_begun = true;
            }
        }
        match &function["arguments"] {
            Value::String(text) => folded.append(&place(&["function", "arguments"]), text, false),
            Value::Object(fields) => folded.set(&place(&["function", "arguments"]), json!(fields)),
            _ => {}
        }
    }
    if let Some(reason) = choice.get("finish_reason").filter(|reason| !reason.is_null()) {
        folded.set(&["choices", "0", "finish_reason"], reason.clone());
        folded.is_whole = true;
    }
}

/// Where the call belongs of which this is a piece, among those that came so far. Servers that send calls whole may not
/// number them, or all with the same number; a piece that goes on says no other id.
fn place_of(piece: &Value, so_far: &Value) -> usize {
    let so_far = so_far.as_array().map_or(&[][..], Vec::as_slice);
    let said = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let number = piece["index"].as_u64();
    let before = match number {
        Some(_) => so_far.iter().rposition(|call| call["index"].as_u64() == number),
        None => so_far.len().checked_sub(1),
    };
    let goes_on = |call: &Value| match (said(&piece["id"]), said(&call["id"])) {
        (Some(id), Some(before)) => id == before,
        (Some(_), None) => number.is_some(),
        (None, _) => number.is_some() || said(&piece["function"]["name"]).is_none(),
    };
    before.filter(|at| goes_on(&so_far[*at])).unwrap_or(so_far.len())
}

/// The text of a message: a string, or parts.
fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    // Who says one half only has not said what was used.
    let (prompt, output_tokens) = (usage["prompt_tokens"].as_u64()?, usage["completion_tokens"].as_u64()?);
    let details = &usage["prompt_tokens_details"];
    let cache_read_tokens = details["cached_tokens"].as_u64().or_else(|| usage["prompt_cache_hit_tokens"].as_u64());
    let cache_read_tokens = cache_read_tokens.unwrap_or(0);
    let cache_write_tokens = details["cache_write_tokens"].as_u64().unwrap_or(0);
    Some(Usage {
        requests: 1,
        input_tokens: prompt.saturating_sub(cache_read_tokens).saturating_sub(cache_write_tokens),
        output_tokens,
        cache_read_tokens,
        cache_write_tokens,
        reasoning_tokens: usage["completion_tokens_details"]["reasoning_tokens"].as_u64().unwrap_or(0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_that_reason() {
        for name in ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5", "gpt-5-mini", "openai/gpt-5.1", "gpt-6.1-sol"] {
            assert!(reasons(name), "{name}");
        }
        for name in
            ["gpt-4o", "gpt-4.1", "gpt-3.5-turbo", "gpt-5-chat-latest", "olmo-2", "omni", "llama-3", "gpt-oss-20b"]
        {
            assert!(!reasons(name), "{name}");
        }
    }

    #[test]
    fn usage_is_told_apart() {
        let told = json!({
            "prompt_tokens": 100, "completion_tokens": 40,
            "prompt_tokens_details": {"cached_tokens": 64},
            "completion_tokens_details": {"reasoning_tokens": 30},
        });
        let expected = Usage {
            requests: 1,
            input_tokens: 36,
            output_tokens: 40,
            cache_read_tokens: 64,
            cache_write_tokens: 0,
            reasoning_tokens: 30,
        };
        assert_eq!(usage(&told), Some(expected));
        assert_eq!(usage(&Value::Null), None);
    }
}
