//! Chat completions, as OpenAI refuses them, and the router of Hugging Face.

use serde_json::{Value, json};

use super::{Api, Refusal, Sent, called, each_schema, given, image_type, items, strict, unknown};

const FIELDS: &[&str] = &[
    "model",
    "messages",
    "temperature",
    "top_p",
    "n",
    "stop",
    "seed",
    "max_tokens",
    "max_completion_tokens",
    "response_format",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "reasoning_effort",
    "stream",
    "stream_options",
    "user",
    "frequency_penalty",
    "presence_penalty",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "metadata",
    "store",
    "service_tier",
    "verbosity",
    "prompt_cache_key",
    "safety_identifier",
];
const ROLES: [&str; 6] = ["system", "developer", "user", "assistant", "tool", "function"];

pub(super) fn check(sent: &Sent<'_>) -> Result<(), Refusal> {
    if !sent.path.ends_with("/chat/completions") {
        return invalid(404, &format!("Invalid URL ({} {})", sent.method, sent.path), None, None);
    }
    if sent.method != "POST" {
        let message =
            "Not allowed to GET on /v1/chat/completions. (HINT: Perhaps you meant to use a different HTTP method?)";
        return invalid(405, message, None, None);
    }
    key(sent)?;
    if !sent.has_json_type() {
        let kind = sent.header("content-type");
        let message = format!(
            "Unsupported content type: '{kind}'. This API method only accepts 'application/json' requests, but you \
             specified the header 'Content-Type: {kind}'. Please try again with a supported content type."
        );
        return invalid(400, &message, None, Some("unsupported_content_type"));
    }
    let body = sent.body;
    if !sent.is_json || !body.is_object() {
        let message = "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
                       library correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)";
        return invalid(400, message, None, None);
    }
    let Some(model) = body["model"].as_str().filter(|model| !model.is_empty()) else {
        return invalid(400, "you must provide a model parameter", None, None);
    };
    if let Some(name) = unknown(body, FIELDS) {
        return invalid(400, &format!("Unknown parameter: '{name}'."), Some(name), Some("unknown_parameter"));
    }
    if !sent.has_model(model) {
        return no_model(sent, model);
    }
    messages(&body["messages"])?;
    numbers(body, model)?;
    if let Some(format) = given(body, "response_format") {
        response_format(format)?;
    }
    if given(body, "stream_options").is_some() && body["stream"] != true {
        let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
        return invalid(400, message, Some("stream_options"), None);
    }
    tools(body)
}

pub(super) fn invalid(status: u16, message: &str, param: Option<&str>, code: Option<&str>) -> Result<(), Refusal> {
    let error = json!({"message": message, "type": "invalid_request_error", "param": param, "code": code});
    Err(Refusal::json(status, &json!({"error": error})))
}

fn key(sent: &Sent<'_>) -> Result<(), Refusal> {
    let header = sent.header("authorization");
    let key = header.strip_prefix("Bearer ").unwrap_or_default();
    let is_missing = sent.lacks_key(key) || (key.is_empty() && !header.is_empty());
    if sent.api == Api::HuggingFace && (is_missing || sent.is_wrong_key(key)) {
        return Err(Refusal::json(401, &json!({"error": "Invalid username or password."})));
    }
    if is_missing {
        let message = "You didn't provide an API key. You need to provide your API key in an Authorization header using \
                       Bearer auth (i.e. Authorization: Bearer YOUR_KEY).";
        return invalid(401, message, None, None);
    }
    if sent.is_wrong_key(key) {
        let shown: String = key.chars().take(8).collect();
        let message = format!(
            "Incorrect API key provided: {shown}****. You can find your API key at \
             https://platform.openai.com/account/api-keys."
        );
        return invalid(401, &message, None, Some("invalid_api_key"));
    }
    Ok(())
}

fn no_model(sent: &Sent<'_>, model: &str) -> Result<(), Refusal> {
    if sent.api == Api::HuggingFace {
        let message = format!("The requested model '{model}' is not supported by any provider you have enabled.");
        return invalid(400, &message, Some("model"), Some("model_not_supported"));
    }
    let message = format!("The model `{model}` does not exist or you do not have access to it.");
    invalid(404, &message, None, Some("model_not_found"))
}

fn messages(messages: &Value) -> Result<(), Refusal> {
    if messages.is_null() {
        let message = "Missing required parameter: 'messages'.";
        return invalid(400, message, Some("messages"), Some("missing_required_parameter"));
    }
    let Some(messages) = items(messages) else {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array \
                       instead.";
        return invalid(400, message, Some("messages"), Some("empty_array"));
    };
    called::check(messages)?;
    let mut calls = false;
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if !ROLES.contains(&role) {
            let text = format!(
                "Invalid value: '{role}'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and \
                 'developer'."
            );
            return invalid(400, &text, Some(&format!("messages[{index}].role")), Some("invalid_value"));
        }
        if role == "tool" && !calls {
            let text = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with \
                        'tool_calls'.";
            return invalid(400, text, Some(&format!("messages.[{index}].role")), None);
        }
        calls = message.get("tool_calls").is_some() || (calls && role == "tool");
        let fields = ["role", "content", "name", "refusal", "tool_calls", "tool_call_id"];
        if let Some(name) = unknown(message, &fields) {
            let param = format!("messages[{index}].{name}");
            return invalid(400, &format!("Unknown parameter: '{param}'."), Some(&param), Some("unknown_parameter"));
        }
        content(&message["content"], index, role, calls)?;
    }
    Ok(())
}

fn content(content: &Value, index: usize, role: &str, calls: bool) -> Result<(), Refusal> {
    let param = format!("messages.[{index}].content");
    match content {
        Value::String(_) => return Ok(()),
        Value::Null if role == "assistant" && calls => return Ok(()),
        Value::Array(_) => {}
        _ => {
            let message = "Invalid value for 'content': expected a string, got null.";
            return invalid(400, message, Some(&param), None);
        }
    }
    let Some(parts) = items(content) else {
        let message = format!("Invalid 'messages[{index}].content': empty array.");
        return invalid(400, &message, Some(&param), Some("empty_array"));
    };
    for (place, part) in parts.iter().enumerate() {
        let of = part["type"].as_str().unwrap_or_default();
        let is_good = match of {
            "text" => part["text"].is_string() && unknown(part, &["type", "text"]).is_none(),
            "image_url" => {
                if role != "user" {
                    let message = format!(
                        "Invalid 'messages[{index}]'. Image URLs are only allowed for messages with role 'user', but this \
                         message with role '{role}' contains an image URL."
                    );
                    return invalid(400, &message, Some(&format!("messages[{index}]")), Some("invalid_value"));
                }
                image(&part["image_url"])?;
                unknown(part, &["type", "image_url"]).is_none()
            }
            _ => false,
        };
        if !is_good {
            let message = format!("Invalid value: '{of}'. Supported values are: 'text' and 'image_url'.");
            let param = format!("messages[{index}].content[{place}].type");
            return invalid(400, &message, Some(&param), Some("invalid_value"));
        }
    }
    Ok(())
}

fn image(image: &Value) -> Result<(), Refusal> {
    let url = image["url"].as_str().unwrap_or_default();
    let is_shown = url.strip_prefix("data:").map_or_else(
        || url.starts_with("https://") || url.starts_with("http://"),
        |data| data.split_once(";base64,").is_some_and(|(kind, data)| image_type(data) == Some(kind)),
    );
    if is_shown && unknown(image, &["url", "detail"]).is_none() {
        return Ok(());
    }
    let message = "You uploaded an unsupported image. Please make sure your image has of one the following formats: ['png', \
                   'jpeg', 'gif', 'webp'].";
    invalid(400, message, None, Some("invalid_image_format"))
}

/// Whether the model thinks first, and takes less for it.
fn thinks(model: &str) -> bool {
    let series = |prefix: &str| {
        let digits: String = model.strip_prefix(prefix)?.chars().take_while(char::is_ascii_digit).collect();
        digits.parse::<u32>().ok()
    };
    series("o").is_some() || (series("gpt-").is_some_and(|series| series >= 5) && !model.contains("-chat"))
}

fn numbers(body: &Value, model: &str) -> Result<(), Refusal> {
    let thinks = thinks(model);
    if thinks && given(body, "max_tokens").is_some() {
        let message = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return invalid(400, message, Some("max_tokens"), Some("unsupported_parameter"));
    }
    if given(body, "max_tokens").is_some() && given(body, "max_completion_tokens").is_some() {
        let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
        return invalid(400, message, Some("max_tokens"), Some("invalid_parameter_combination"));
    }
    for name in ["max_tokens", "max_completion_tokens", "seed"] {
        let Some(value) = given(body, name) else { continue };
        if !value.is_i64() && !value.is_u64() {
            let message = format!("Invalid type for '{name}': expected an integer, but got {value} instead.");
            return invalid(400, &message, Some(name), Some("invalid_type"));
        }
        if name != "seed" && value.as_i64().is_none_or(|value| value < 1) {
            let message = format!(
                "Invalid '{name}': integer below minimum value. Expected a value >= 1, but got {value} instead."
            );
            return invalid(400, &message, Some(name), Some("integer_below_min_value"));
        }
    }
    let Some(value) = given(body, "temperature") else { return Ok(()) };
    let Some(temperature) = value.as_f64() else {
        let message = format!("Invalid type for 'temperature': expected a decimal, but got {value} instead.");
        return invalid(400, &message, Some("temperature"), Some("invalid_type"));
    };
    if thinks && (temperature - 1.0).abs() > f64::EPSILON {
        let message = format!(
            "Unsupported value: 'temperature' does not support {value} with this model. Only the default (1) value is \
             supported."
        );
        return invalid(400, &message, Some("temperature"), Some("unsupported_value"));
    }
    let (edge, sign, code) = if temperature > 2.0 {
        ("above maximum", "<= 2", "decimal_above_max_value")
    } else if temperature < 0.0 {
        ("below minimum", ">= 0", "decimal_below_min_value")
    } else {
        return Ok(());
    };
    let message =
        format!("Invalid 'temperature': decimal {edge} value. Expected a value {sign}, but got {value} instead.");
    invalid(400, &message, Some("temperature"), Some(code))
}

pub(super) fn is_name(name: &str) -> bool {
    let is_known = |letter: char| letter.is_ascii_alphanumeric() || "_-".contains(letter);
    !name.is_empty() && name.len() <= 64 && name.chars().all(is_known)
}

fn response_format(format: &Value) -> Result<(), Refusal> {
    let param = Some("response_format");
    match format["type"].as_str() {
        Some("text" | "json_object") => return Ok(()),
        Some("json_schema") => {}
        other => {
            let message = format!(
                "Invalid value: '{}'. Supported values are: 'json_object', 'json_schema', and 'text'.",
                other.unwrap_or_default()
            );
            return invalid(400, &message, Some("response_format.type"), Some("invalid_value"));
        }
    }
    let described = &format["json_schema"];
    let name = described["name"].as_str().unwrap_or_default();
    if !is_name(name) {
        let message = "Invalid 'response_format.json_schema.name': string does not match pattern. Expected a string that \
                       matches the pattern '^[a-zA-Z0-9_-]+$'.";
        return invalid(400, message, Some("response_format.json_schema.name"), Some("invalid_value"));
    }
    if let Some(name) = unknown(described, &["name", "description", "schema", "strict"]) {
        let param = format!("response_format.json_schema.{name}");
        return invalid(400, &format!("Unknown parameter: '{param}'."), Some(&param), Some("unknown_parameter"));
    }
    let schema = &described["schema"];
    let problem = if described["strict"] == true {
        strict::problem(schema)
    } else {
        let is_object = schema["type"] == "object";
        (!is_object).then(|| "schema must be a JSON Schema of 'type: \"object\"', got another one.".to_owned())
    };
    match problem {
        Some(problem) => invalid(400, &format!("Invalid schema for response_format '{name}': {problem}"), param, None),
        None => Ok(()),
    }
}

/// Of the lists of a schema one that does not say of what.
fn without_items(schema: &Value) -> Option<String> {
    let mut wrong = None;
    each_schema(schema, "", &mut |fields, place| {
        if fields.get("type").is_some_and(|of| of == "array") && !fields.contains_key("items") {
            let names = place.split('.').filter(|name| !name.is_empty()).map(|name| format!("'{name}'"));
            wrong = Some(format!("In context=({}), array schema missing items.", names.collect::<Vec<_>>().join(", ")));
        }
    });
    wrong
}

fn tools(body: &Value) -> Result<(), Refusal> {
    let Some(tools) = given(body, "tools") else {
        return match given(body, "tool_choice") {
            Some(_) => invalid(
                400,
                "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
                Some("tool_choice"),
                None,
            ),
            None => Ok(()),
        };
    };
    let Some(tools) = items(tools) else {
        let message = "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array \
                       instead.";
        return invalid(400, message, Some("tools"), Some("empty_array"));
    };
    for (index, tool) in tools.iter().enumerate() {
        let function = &tool["function"];
        if let Some(name) = unknown(function, &["name", "description", "parameters", "strict"]) {
            let param = format!("tools[{index}].function.{name}");
            return invalid(400, &format!("Unknown parameter: '{param}'."), Some(&param), Some("unknown_parameter"));
        }
        let name = function["name"].as_str().unwrap_or_default();
        if tool["type"] != "function" || !is_name(name) {
            let message = format!("Missing required parameter: 'tools[{index}].function.name'.");
            return invalid(400, &message, Some("tools"), Some("missing_required_parameter"));
        }
        let problem = match (given(function, "parameters"), function["strict"] == true) {
            (Some(schema), true) => strict::problem(schema),
            (Some(schema), false) if schema["type"] != "object" => {
                Some("schema must be a JSON Schema of 'type: \"object\"'.".to_owned())
            }
            (Some(schema), false) => without_items(schema),
            _ => None,
        };
        if let Some(problem) = problem {
            let message = format!("Invalid schema for function '{name}': {problem}");
            let param = format!("tools[{index}].function.parameters");
            return invalid(400, &message, Some(&param), Some("invalid_function_parameters"));
        }
    }
    Ok(())
}
