//! Messages, as Anthropic refuses them.

use serde_json::{Value, json};

use super::{Refusal, Sent, each_schema, given, image_type, items, unknown};

const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "stream",
    "tools",
    "tool_choice",
    "thinking",
    "metadata",
    "service_tier",
    "container",
    "output_config",
];

/// The longest answers of models whose are short.
const LONGEST: [(&str, u64); 4] = [
    ("claude-3-haiku-20240307", 4096),
    ("claude-3-opus-20240229", 4096),
    ("claude-3-5-haiku-20241022", 8192),
    ("claude-3-5-sonnet-20241022", 8192),
];

pub(super) fn check(sent: &Sent<'_>) -> Result<(), Refusal> {
    if !sent.path.ends_with("/v1/messages") {
        return error(404, "not_found_error", "Not Found");
    }
    if sent.method != "POST" {
        return error(405, "invalid_request_error", "Method Not Allowed");
    }
    let key = sent.header("x-api-key");
    if sent.lacks_key(key) {
        return error(401, "authentication_error", "x-api-key header is required");
    }
    if sent.is_wrong_key(key) {
        return error(401, "authentication_error", "invalid x-api-key");
    }
    match sent.header("anthropic-version") {
        "2023-06-01" | "2023-01-01" => {}
        "" => return invalid("anthropic-version: header is required"),
        other => return invalid(&format!("anthropic-version: \"{other}\" is not a valid version")),
    }
    if !sent.has_json_type() {
        return invalid("content-type: must be application/json");
    }
    let body = sent.body;
    if !sent.is_json || !body.is_object() {
        return invalid("The request body is not valid JSON: expected value: line 1 column 1 (char 0)");
    }
    for name in ["model", "max_tokens", "messages"] {
        if given(body, name).is_none() {
            return invalid(&format!("{name}: Field required"));
        }
    }
    if let Some(name) = unknown(body, FIELDS) {
        return invalid(&format!("{name}: Extra inputs are not permitted"));
    }
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return invalid("model: String should have at least 1 character");
    };
    if !sent.has_model(model) {
        return error(404, "not_found_error", &format!("model: {model}"));
    }
    numbers(body, model)?;
    match &body["system"] {
        Value::Null => {}
        Value::String(text) if !text.trim().is_empty() => {}
        Value::Array(blocks) if blocks.iter().all(|block| block["type"] == "text") => {}
        _ => return invalid("system: text content blocks must be non-empty"),
    }
    messages(&body["messages"])?;
    calls(body)?;
    tools(body)
}

fn error(status: u16, of: &str, message: &str) -> Result<(), Refusal> {
    let error = json!({"type": of, "message": message});
    let body = json!({"type": "error", "error": error, "request_id": "req_011CTest"});
    Err(Refusal::json(status, &body))
}

fn invalid(message: &str) -> Result<(), Refusal> {
    error(400, "invalid_request_error", message)
}

/// Whether the model is one of those that take no sampling parameters: 4.7 and later.
fn is_set(model: &str) -> bool {
    let mut numbers = model.split('-').filter_map(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(4), Some(minor)) => (7..100).contains(&minor),
        (Some(major), _) => (5..100).contains(&major),
        (None, _) => false,
    }
}

fn numbers(body: &Value, model: &str) -> Result<(), Refusal> {
    match body["max_tokens"].as_u64() {
        None => return invalid("max_tokens: Input should be a valid integer"),
        Some(0) => return invalid("max_tokens: Input should be greater than or equal to 1"),
        Some(tokens) => {
            let longest = LONGEST.into_iter().find(|(name, _)| *name == model);
            if let Some((_, most)) = longest.filter(|(_, most)| *most < tokens) {
                return invalid(&format!(
                    "max_tokens: {tokens} > {most}, which is the maximum allowed number of output tokens for {model}"
                ));
            }
        }
    }
    match given(body, "temperature").map(Value::as_f64) {
        None => Ok(()),
        Some(None) => invalid("temperature: Input should be a valid number"),
        Some(Some(hot)) if hot > 1.0 => invalid("temperature: Input should be less than or equal to 1"),
        Some(Some(cold)) if cold < 0.0 => invalid("temperature: Input should be greater than or equal to 0"),
        Some(Some(_)) if is_set(model) => invalid("`temperature` is deprecated for this model."),
        Some(Some(_)) => Ok(()),
    }
}

fn messages(messages: &Value) -> Result<(), Refusal> {
    let Some(messages) = items(messages) else { return invalid("messages: at least one message is required") };
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role == "system" {
            return invalid(
                "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \
                 \"system\" as an input message role.",
            );
        }
        if !["user", "assistant"].contains(&role) {
            return invalid(&format!("messages.{index}.role: Input should be 'user' or 'assistant'"));
        }
        if index == 0 && role != "user" {
            return invalid("messages: first message must use the \"user\" role");
        }
        // The API joins them; whoever sends them counts turns in another way.
        if index > 0 && messages[index - 1]["role"] == role {
            return invalid(&format!(
                "messages: roles must alternate between \"user\" and \"assistant\", but found multiple \"{role}\" roles in \
                 a row"
            ));
        }
        if let Some(name) = unknown(message, &["role", "content"]) {
            return invalid(&format!("messages.{index}.{name}: Extra inputs are not permitted"));
        }
        content(&message["content"], index, role)?;
    }
    if messages.last().is_some_and(|last| last["role"] != "user") {
        return invalid(
            "This model does not support assistant message prefill. The conversation must end with a user message.",
        );
    }
    Ok(())
}

fn content(content: &Value, index: usize, role: &str) -> Result<(), Refusal> {
    let blocks = match content {
        Value::String(text) if text.is_empty() => {
            return invalid(&format!("messages.{index}: all messages must have non-empty content"));
        }
        Value::String(text) if text.trim().is_empty() => {
            return invalid("messages: text content blocks must contain non-whitespace text");
        }
        Value::String(_) => return Ok(()),
        Value::Null => return invalid(&format!("messages.{index}.content: Field required")),
        other => items(other),
    };
    let Some(blocks) = blocks else {
        return invalid(&format!("messages.{index}: all messages must have non-empty content"));
    };
    for (place, block) in blocks.iter().enumerate() {
        let at = format!("messages.{index}.content.{place}");
        match block["type"].as_str() {
            Some("text") if block["text"].as_str().is_none_or(|text| text.trim().is_empty()) => {
                return invalid("messages: text content blocks must be non-empty");
            }
            Some("text") => {}
            Some("image") if role != "user" => {
                return invalid(&format!("{at}: Image blocks are only allowed in user turns"));
            }
            Some("image") => image(&block["source"], &at)?,
            Some("tool_use" | "tool_result" | "thinking" | "document") => {}
            _ => return invalid(&format!("{at}.type: Input tag does not match any of the expected tags")),
        }
    }
    Ok(())
}

/// Each call has its result in the next message, and each result its call in the one before.
fn calls(body: &Value) -> Result<(), Refusal> {
    let messages = body["messages"].as_array().map(Vec::as_slice).unwrap_or_default();
    let blocks =
        |index: usize| messages.get(index).and_then(|message| message["content"].as_array()).into_iter().flatten();
    let ids = |index: usize, of: &'static str, name: &'static str| -> Vec<&str> {
        blocks(index).filter(|block| block["type"] == of).filter_map(|block| block[name].as_str()).collect()
    };
    for (index, message) in messages.iter().enumerate() {
        for (place, block) in blocks(index).enumerate() {
            let at = format!("messages.{index}.content.{place}");
            match block["type"].as_str().unwrap_or_default() {
                "tool_use" if message["role"] != "assistant" => {
                    return invalid(&format!("{at}: `tool_use` blocks can only be in `assistant` messages"));
                }
                "tool_result" if message["role"] != "user" => {
                    return invalid(&format!("{at}: `tool_result` blocks can only be in `user` messages"));
                }
                "tool_use" if !block["input"].is_object() => {
                    return invalid(&format!("{at}.tool_use.input: Input should be a valid dictionary"));
                }
                "tool_use" if !block["id"].as_str().is_some_and(is_id) => {
                    return invalid(&format!("{at}.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"));
                }
                "tool_use" | "tool_result" if body["tools"].as_array().is_none_or(Vec::is_empty) => {
                    return invalid("Requests which include `tool_use` or `tool_result` blocks must define tools");
                }
                "tool_result" => {
                    let id = block["tool_use_id"].as_str().unwrap_or_default();
                    if index == 0 || !ids(index - 1, "tool_use", "id").contains(&id) {
                        return invalid(&format!(
                            "{at}: unexpected `tool_use_id` found in `tool_result` blocks: {id}. Each `tool_result` block must \
                             have a corresponding `tool_use` block in the previous message."
                        ));
                    }
                    if let Some(name) = unknown(block, &["type", "tool_use_id", "content", "is_error", "cache_control"])
                    {
                        return invalid(&format!("{at}.tool_result.{name}: Extra inputs are not permitted"));
                    }
                }
                _ => {}
            }
        }
        let answered = ids(index + 1, "tool_result", "tool_use_id");
        let open: Vec<&str> = ids(index, "tool_use", "id").into_iter().filter(|id| !answered.contains(id)).collect();
        if !open.is_empty() {
            return invalid(&format!(
                "messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after: {}. Each \
                 `tool_use` block must have a corresponding `tool_result` block in the next message.",
                open.join(", ")
            ));
        }
    }
    Ok(())
}

fn is_id(id: &str) -> bool {
    !id.is_empty() && id.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
}

fn image(source: &Value, at: &str) -> Result<(), Refusal> {
    let text = |name: &str| source[name].as_str().unwrap_or_default();
    match text("type") {
        "base64" => {
            let media_type = text("media_type");
            if !["image/jpeg", "image/png", "image/gif", "image/webp"].contains(&media_type) {
                return invalid(&format!(
                    "{at}.image.source.base64.media_type: Input should be 'image/jpeg', 'image/png', 'image/gif' or \
                     'image/webp'"
                ));
            }
            match image_type(text("data")) {
                None => invalid(&format!("{at}.image.source.base64: invalid base64 data")),
                Some(kind) if kind != media_type => invalid(&format!(
                    "{at}.image.source.base64.data: Image does not match the provided media type {media_type}"
                )),
                Some(_) => Ok(()),
            }
        }
        "url" if text("url").starts_with("https://") => Ok(()),
        "url" => invalid(&format!("{at}.image.source.url.url: Only HTTPS URLs are supported.")),
        _ => invalid(&format!("{at}.image.source: Input tag does not match any of the expected tags: 'base64', 'url'")),
    }
}

fn tools(body: &Value) -> Result<(), Refusal> {
    let tools = body["tools"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_name = |name: &str| {
        (1..=128).contains(&name.len())
            && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-".contains(letter))
    };
    let names: Vec<&Value> = tools.iter().map(|tool| &tool["name"]).collect();
    if names.iter().enumerate().any(|(index, name)| names[..index].contains(name)) {
        return invalid("tools: Tool names must be unique.");
    }
    for (index, tool) in tools.iter().enumerate() {
        if let Some(name) = unknown(tool, &["name", "description", "input_schema", "type", "cache_control"]) {
            return invalid(&format!("tools.{index}.custom.{name}: Extra inputs are not permitted"));
        }
        let at = format!("tools.{index}.custom");
        if !tool["name"].as_str().is_some_and(is_name) {
            return invalid(&format!("{at}.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'"));
        }
        let schema = &tool["input_schema"];
        if schema["type"] != "object" {
            return invalid(&format!("{at}.input_schema.type: Input should be 'object'"));
        }
        if ["oneOf", "allOf", "anyOf"].iter().any(|name| schema.get(*name).is_some()) {
            return invalid(&format!(
                "{at}.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"
            ));
        }
        let mut wrong = false;
        each_schema(schema, "", &mut |fields, _| {
            let is_key = |name: &String| {
                (1..=64).contains(&name.len())
                    && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter))
            };
            wrong |= fields.get("properties").and_then(Value::as_object).is_some_and(|all| !all.keys().all(is_key));
        });
        if wrong {
            return invalid(&format!(
                "{at}.input_schema.properties: Property keys should match pattern '^[a-zA-Z0-9_.-]{{1,64}}$'"
            ));
        }
    }
    let Some(choice) = given(body, "tool_choice") else { return Ok(()) };
    if tools.is_empty() {
        return invalid("tool_choice: tool_choice may only be specified while providing tools.");
    }
    match choice["type"].as_str() {
        Some("auto" | "any" | "none") => Ok(()),
        Some("tool") if tools.iter().any(|tool| tool["name"] == choice["name"]) => Ok(()),
        Some("tool") => {
            invalid(&format!("Tool '{}' not found in provided tools", choice["name"].as_str().unwrap_or_default()))
        }
        _ => invalid("tool_choice: Input tag does not match any of the expected tags: 'auto', 'any', 'tool', 'none'"),
    }
}
