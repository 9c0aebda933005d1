//! `/api/chat`, as Ollama refuses it. It passes over parameters that it does not know; here they are refused, for
//! nobody would notice that they do nothing.

use serde_json::{Value, json};

use super::{Refusal, Sent, given, image_type, items, unknown};

pub(super) fn check(sent: &Sent<'_>) -> Result<(), Refusal> {
    let plain =
        |status, body: &str| Err(Refusal { status, content_type: "text/plain; charset=utf-8", body: body.to_owned() });
    if !sent.path.ends_with("/api/chat") {
        return plain(404, "404 page not found");
    }
    if sent.method != "POST" {
        return plain(405, "405 method not allowed");
    }
    let body = sent.body;
    if !sent.is_json || !sent.has_json_type() {
        return error(400, "invalid character 'p' looking for beginning of value");
    }
    if !body.is_object() {
        return error(400, "missing request body");
    }
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return error(400, "model is required");
    };
    if !sent.has_model(model) {
        return error(404, &format!("model '{model}' not found"));
    }
    let known = ["model", "messages", "tools", "format", "options", "keep_alive", "think", "stream"];
    if let Some(name) = unknown(body, &known) {
        return error(400, &format!("json: unknown field \"{name}\""));
    }
    let Some(messages) = items(&body["messages"]) else {
        return error(400, "messages are required");
    };
    for message in messages {
        message_of(message)?;
    }
    for tool in body["tools"].as_array().into_iter().flatten() {
        let function = &tool["function"];
        if tool["type"] != "function" || !function["name"].is_string() || function["parameters"]["type"] != "object" {
            return error(400, "json: cannot unmarshal into Go struct field ChatRequest.tools of type api.Tool");
        }
    }
    match &body["format"] {
        Value::Null | Value::Object(_) => {}
        Value::String(format) if format == "json" => {}
        other => {
            return error(400, &format!("invalid format: {other}; expected \"json\" or a valid JSON Schema object"));
        }
    }
    options(&body["options"])
}

fn error(status: u16, message: &str) -> Result<(), Refusal> {
    Err(Refusal::json(status, &json!({"error": message})))
}

fn message_of(message: &Value) -> Result<(), Refusal> {
    let role = message["role"].as_str().unwrap_or_default();
    if !["system", "user", "assistant", "tool"].contains(&role) {
        return error(400, &format!("invalid role: {role}, role must be one of [system, user, assistant, tool]"));
    }
    if let Some(name) = unknown(message, &["role", "content", "images", "thinking", "tool_calls", "tool_name"]) {
        return error(400, &format!("json: unknown field \"{name}\""));
    }
    if !message["content"].is_string() {
        return error(400, "json: cannot unmarshal into Go struct field Message.messages.content of type string");
    }
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        if !call["function"]["arguments"].is_object() {
            return error(
                400,
                "json: cannot unmarshal string into Go struct field ToolCallFunction.messages.tool_calls.function.arguments of \
                 type api.ToolCallFunctionArguments",
            );
        }
    }
    let images = message["images"].as_array().map(Vec::as_slice).unwrap_or_default();
    if images.iter().any(|image| image.as_str().and_then(image_type).is_none()) {
        return error(400, "illegal base64 data at input byte 0");
    }
    Ok(())
}

fn options(options: &Value) -> Result<(), Refusal> {
    let known = ["temperature", "num_predict", "num_ctx", "top_p", "top_k", "seed", "stop", "repeat_penalty"];
    if let Some(name) = unknown(options, &known) {
        return error(400, &format!("invalid option provided: {name}"));
    }
    if given(options, "temperature").is_some_and(|value| !value.is_number()) {
        return error(400, "option \"temperature\" must be of type float32");
    }
    for name in ["num_predict", "seed"] {
        if given(options, name).is_some_and(|value| !value.is_i64() && !value.is_u64()) {
            return error(400, &format!("option \"{name}\" must be of type integer"));
        }
    }
    Ok(())
}
