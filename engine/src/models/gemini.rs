//! Google Gemini. `POST {base}/v1beta/models/{model}:generateContent`; the key stands in a header, never
//! in the address.
//!
//! A schema is sent as `responseJsonSchema`. The usage counts what was read from the cache among the
//! prompt's tokens, and thoughts apart from the answer, though they are paid like it.

use serde_json::{Map, Value, json};

use super::{
    Answer, Request, Usage,
    calls::{Function, FunctionCall, FunctionResult},
    endpoint::Key,
    kind::{Dialect, Headers, Listing, Sight},
    message::{Image, Role},
    stream::{Folded, Framing, Streaming},
    wire::{Wire, bare},
};

pub(super) const DIALECT: Dialect = Dialect {
    path,
    headers,
    hottest: 2.0,
    largest_seed: i32::MAX as u64,
    sight: SIGHT,
    body,
    read,
    stream: STREAM,
    list: LIST,
};

const LIST: Listing = Listing { path: "/v1beta/models", at: "models" };

const SIGHT: Sight = Sight { addresses: false, gif: false };

const STREAM: Streaming = Streaming { framing: Framing::Events, ask: |_| (), path: path_of_stream, fold };

fn path_of_stream(request: &Request) -> String {
    path(request).replace(":generateContent", ":streamGenerateContent?alt=sse")
}

fn path(request: &Request) -> String {
    format!("/v1beta/models/{}:generateContent", request.model.strip_prefix("models/").unwrap_or(&request.model))
}

fn headers(key: Option<&Key>) -> Headers {
    key.map(|key| ("x-goog-api-key", key.value().to_owned(), true)).into_iter().collect()
}

fn body(request: &Request, _: bool) -> Value {
    let contents: Vec<Value> = request
        .turns()
        .iter()
        .map(|turn| {
            let role = match turn.role {
                Role::User => "user",
                Role::Assistant => "model",
            };
            let data = |image: &Image| match image {
                Image::Sent { media_type, base64, .. } => {
                    json!({"inlineData": {"mimeType": media_type, "data": &**base64}})
                }
                // It is refused before it comes here: see `SIGHT`.
                Image::At { url } => json!({"fileData": {"fileUri": url}}),
            };
            let parts: Vec<Value> = match (turn.results(), turn.calls()) {
                (Some(results), _) => results.map(result).collect(),
                (None, Some(round)) => {
                    let said = Some(&round.said).filter(|text| !text.is_empty()).map(|text| json!({"text": text}));
                    said.into_iter().chain(round.calls.iter().map(call)).collect()
                }
                (None, None) => turn.images.iter().map(data).chain([json!({"text": turn.text})]).collect(),
            };
            json!({"role": role, "parts": parts})
        })
        .collect();
    let mut body = Map::new();
    if let Some(system) = &request.system {
        body.insert("systemInstruction".to_owned(), json!({"parts": [{"text": system}]}));
    }
    body.insert("contents".to_owned(), Value::Array(contents));
    if !request.tools.is_empty() {
        let declared = |Function { name, description, arguments }: &Function| json!({"name": name, "description": description, "parametersJsonSchema": arguments});
        let declared: Vec<Value> = request.tools.iter().map(declared).collect();
        body.insert("tools".to_owned(), json!([{"functionDeclarations": declared}]));
    }
    let mut config = Map::new();
    let mut set = |name: &str, value: Option<Value>| value.map(|value| config.insert(name.to_owned(), value));
    set("temperature", request.temperature.map(Value::from));
    set("maxOutputTokens", request.max_tokens.map(Value::from));
    set("seed", request.seed.map(Value::from));
    if let Some(schema) = &request.schema {
        set("responseMimeType", Some(json!("application/json")));
        let mut schema = Wire::of(schema).schema;
        bare(&mut schema);
        set("responseJsonSchema", Some(schema));
    }
    if !config.is_empty() {
        body.insert("generationConfig".to_owned(), Value::Object(config));
    }
    Value::Object(body)
}

/// A call as it is said again, with what the model signed it with.
fn call(call: &FunctionCall) -> Value {
    let mut named = json!({"name": call.name, "args": call.object()});
    if let Some(id) = call.given_id() {
        named["id"] = json!(id);
    }
    let mut part = json!({"functionCall": named});
    if let Some(signature) = &call.signature {
        part["thoughtSignature"] = json!(signature);
    }
    part
}

/// What came of it: an object by all means.
fn result((call, result): (&FunctionCall, &FunctionResult)) -> Value {
    let said = if result.is_error { "error" } else { "result" };
    let mut response = json!({"name": call.name, "response": {said: result.content}});
    if let Some(id) = call.given_id() {
        response["id"] = json!(id);
    }
    json!({"functionResponse": response})
}

fn read(reply: &Value) -> Result<Answer, String> {
    let usage = usage(&reply["usageMetadata"]);
    let model = reply["modelVersion"].as_str().map(str::to_owned);
    let blocked = reply["promptFeedback"]["blockReason"].as_str();
    let Some(candidate) = reply["candidates"].get(0) else {
        let reason = blocked.ok_or("it holds no `candidates`")?;
        let refused = Some(format!("the prompt was blocked ({reason})"));
        return Ok(Answer { model, usage, refused, ..Answer::default() });
    };
    let parts = candidate["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (thoughts, parts): (Vec<&Value>, Vec<&Value>) = parts.iter().partition(|part| part["thought"] == true);
    let stopped = candidate["finishReason"].as_str().unwrap_or_default();
    Ok(Answer {
        text: parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        value: None,
        calls: parts.iter().filter_map(|part| called(part)).collect(),
        thoughts: Vec::new(),
        model,
        usage,
        refused: match stopped {
            "SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "LANGUAGE" => {
                Some(format!("the answer was stopped ({stopped})"))
            }
            _ => None,
        },
        is_cut: stopped == "MAX_TOKENS",
        reasoned: !thoughts.is_empty() || usage.is_some_and(|usage| usage.reasoning_tokens > 0),
    })
}

/// The call that a part is.
fn called(part: &Value) -> Option<FunctionCall> {
    let call = part.get("functionCall")?;
    // Whoever needs no arguments is given none.
    let arguments = call.get("args").filter(|args| !args.is_null()).cloned().unwrap_or_else(|| json!({}));
    let signature = part["thoughtSignature"].as_str().map(str::to_owned);
    Some(FunctionCall { signature, ..FunctionCall::new(call["id"].as_str(), &call["name"], arguments) })
}

/// Replies with a part each; the last says why it stopped and what it took.
fn fold(folded: &mut Folded, piece: Value) {
    if let Some(error) = piece.get("error") {
        folded.error = Some(error.clone());
        return;
    }
    for name in ["modelVersion", "usageMetadata", "promptFeedback"] {
        if let Some(value) = piece.get(name) {
            folded.set(&[name], value.clone());
        }
    }
    folded.is_whole |= piece["promptFeedback"]["blockReason"].is_string();
    let Some(candidate) = piece["candidates"].get(0) else { return };
    for part in candidate["content"]["parts"].as_array().map(Vec::as_slice).unwrap_or_default() {
        if part.get("functionCall").is_some() {
            // Calls come whole, and stand behind thoughts and text.
            let there = folded.reply["candidates"][0]["content"]["parts"].as_array().map_or(0, Vec::len);
            folded.set(&["candidates", "0", "content", "parts", &there.max(2).to_string()], part.clone());
            folded.has_begun = true;
            continue;
        }
        // Thoughts stand apart from the answer.
        let is_thought = part["thought"] == true;
        let place = if is_thought { "0" } else { "1" };
        folded.set(&["candidates", "0", "content", "parts", place, "thought"], json!(is_thought));
        if let Some(text) = part["text"].as_str() {
            folded.append(&["candidates", "0", "content", "parts", place, "text"], text, !is_thought);
        }
    }
    if let Some(reason) = candidate.get("finishReason") {
        folded.set(&["candidates", "0", "finishReason"], reason.clone());
        folded.is_whole = true;
    }
}

fn usage(usage: &Value) -> Option<Usage> {
    let count = |name: &str| usage[name].as_u64();
    let prompt = count("promptTokenCount")?;
    let cache_read_tokens = count("cachedContentTokenCount").unwrap_or(0);
    let reasoning_tokens = count("thoughtsTokenCount").unwrap_or(0);
    Some(Usage {
        requests: 1,
        input_tokens: prompt
            .saturating_sub(cache_read_tokens)
            .saturating_add(count("toolUsePromptTokenCount").unwrap_or(0)),
        // What is nought is left out.
        output_tokens: count("candidatesTokenCount").unwrap_or(0).saturating_add(reasoning_tokens),
        cache_read_tokens,
        cache_write_tokens: 0,
        reasoning_tokens,
    })
}
