//! `generateContent`, as Google's Gemini API refuses it.

use serde_json::{Value, json};

use super::{Refusal, Sent, each_schema, given, image_type, items, unknown};

const FIELDS: &[&str] =
    &["contents", "systemInstruction", "generationConfig", "tools", "toolConfig", "safetySettings", "cachedContent"];
const CONFIG: &[&str] = &[
    "temperature",
    "topP",
    "topK",
    "candidateCount",
    "maxOutputTokens",
    "stopSequences",
    "seed",
    "responseMimeType",
    "responseSchema",
    "responseJsonSchema",
    "thinkingConfig",
    "presencePenalty",
    "frequencyPenalty",
    "mediaResolution",
];

pub(super) fn check(sent: &Sent<'_>) -> Result<(), Refusal> {
    let Some((model, method)) = sent.path.split_once("/v1beta/models/").and_then(|(_, named)| named.split_once(':'))
    else {
        return page();
    };
    if sent.method != "POST" || !["generateContent", "streamGenerateContent"].contains(&method) {
        return page();
    }
    // A key in the address would stand in logs.
    if sent.query.contains("key=") {
        return invalid("The key stands in the address, where logs keep it.");
    }
    let key = sent.header("x-goog-api-key");
    if sent.lacks_key(key) {
        return error(
            403,
            "PERMISSION_DENIED",
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other \
             form of API consumer identity to call this API.",
            json!([]),
        );
    }
    if sent.is_wrong_key(key) {
        let info = json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID",
            "domain": "googleapis.com", "metadata": {"service": "generativelanguage.googleapis.com"},
        });
        return error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", json!([info]));
    }
    let body = sent.body;
    if !sent.has_json_type() || !sent.is_json || !body.is_object() {
        return invalid("Invalid JSON payload received. Unexpected token.");
    }
    if (method == "streamGenerateContent") != (sent.query == "alt=sse") {
        return invalid("Invalid JSON payload received. Unknown name \"alt\": Cannot bind query parameter.");
    }
    if !sent.has_model(model) {
        let message = format!(
            "models/{model} is not found for API version v1beta, or is not supported for {method}. Call ListModels to see \
             the list of available models and their supported methods."
        );
        return error(404, "NOT_FOUND", &message, json!([]));
    }
    if let Some(name) = unknown(body, FIELDS) {
        return no_field(name, "");
    }
    let config = &body["generationConfig"];
    if let Some(name) = unknown(config, CONFIG) {
        return no_field(name, " at 'generation_config'");
    }
    contents(body)?;
    answered(body["contents"].as_array().map(Vec::as_slice).unwrap_or_default(), model)?;
    numbers(config)?;
    schema(config)?;
    tools(body)
}

/// Whatever is no address of the API.
fn page() -> Result<(), Refusal> {
    let body = "<!DOCTYPE html><html lang=en><title>Error 404 (Not Found)!!1</title>".to_owned();
    Err(Refusal { status: 404, content_type: "text/html; charset=UTF-8", body })
}

fn error(status: u16, name: &str, message: &str, details: Value) -> Result<(), Refusal> {
    let mut error = json!({"code": status, "message": message, "status": name});
    if details != json!([]) {
        error["details"] = details;
    }
    Err(Refusal::json(status, &json!({"error": error})))
}

fn invalid(message: &str) -> Result<(), Refusal> {
    error(400, "INVALID_ARGUMENT", message, json!([]))
}

fn no_field(name: &str, at: &str) -> Result<(), Refusal> {
    let description = format!("Invalid JSON payload received. Unknown name \"{name}\"{at}: Cannot find field.");
    let details = json!([{
        "@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"description": description}],
    }]);
    error(400, "INVALID_ARGUMENT", &description, details)
}

fn parts(parts: &Value, at: &str) -> Result<(), Refusal> {
    let Some(parts) = items(parts) else {
        return invalid(&format!("* GenerateContentRequest.{at}.parts: contents.parts must not be empty."));
    };
    for (index, part) in parts.iter().enumerate() {
        let at = format!("{at}.parts[{index}]");
        let data = ["text", "inlineData", "fileData", "functionCall", "functionResponse"];
        if let Some(name) = unknown(part, &[&data[..], &["thoughtSignature", "thought"]].concat()) {
            return no_field(name, &format!(" at '{at}'"));
        }
        let text = part["text"].as_str();
        if text.is_some_and(str::is_empty) || data.iter().filter(|name| part.get(**name).is_some()).count() != 1 {
            return invalid(&format!(
                "* GenerateContentRequest.{at}.data: required oneof field 'data' must have one initialized field"
            ));
        }
        called(part, &at)?;
        let Some(data) = given(part, "inlineData") else { continue };
        let kind = data["mimeType"].as_str().unwrap_or_default();
        if image_type(data["data"].as_str().unwrap_or_default()) != Some(kind) {
            return invalid(
                "Unable to process input image. Please retry or report in \
                            https://developers.generativeai.google/guide/troubleshooting",
            );
        }
        if kind == "image/gif" {
            return invalid(&format!("Unsupported MIME type: {kind}"));
        }
    }
    Ok(())
}

/// A call, or what came of one.
fn called(part: &Value, at: &str) -> Result<(), Refusal> {
    for (name, shown, object) in
        [("functionCall", "function_call", "args"), ("functionResponse", "function_response", "response")]
    {
        let Some(call) = given(part, name) else { continue };
        if let Some(field) = unknown(call, &["name", "id", object]) {
            return no_field(field, &format!(" at '{at}.{shown}'"));
        }
        if call["name"].as_str().is_none_or(str::is_empty) {
            return invalid(&format!("* GenerateContentRequest.{at}.{shown}.name: Name cannot be empty."));
        }
        if given(call, object).is_some_and(|value| !value.is_object())
            || (object == "response" && call[object].is_null())
        {
            let value = &call[object];
            return invalid(&format!(
                "Invalid value at '{at}.{shown}.{object}' (type.googleapis.com/google.protobuf.Struct), {value}"
            ));
        }
    }
    Ok(())
}

/// As many results as calls, right after them; and each first call with what the model signed it with, where it
/// signs them.
fn answered(contents: &[Value], model: &str) -> Result<(), Refusal> {
    let parts = |index: usize, name: &'static str| {
        let parts = contents.get(index).and_then(|content| content["parts"].as_array()).into_iter().flatten();
        parts.filter(move |part| part.get(name).is_some())
    };
    for index in 0..contents.len() {
        let calls = parts(index, "functionCall").count();
        if calls > 0 && parts(index + 1, "functionResponse").count() != calls {
            return invalid(
                "Please ensure that the number of function response parts is equal to the number of function call parts of the \
                 function call turn.",
            );
        }
        if parts(index, "functionResponse").count() > 0 && (index == 0 || parts(index - 1, "functionCall").count() == 0)
        {
            return invalid("Please ensure that function response turn comes immediately after a function call turn.");
        }
        let is_signed = parts(index, "functionCall").next().is_none_or(|part| part["thoughtSignature"].is_string());
        if model.starts_with("gemini-3") && !is_signed {
            return invalid(
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work \
                 correctly, and missing thought_signature may lead to degraded model performance.",
            );
        }
    }
    Ok(())
}

fn contents(body: &Value) -> Result<(), Refusal> {
    if let Some(system) = given(body, "systemInstruction") {
        parts(&system["parts"], "system_instruction")?;
    }
    let Some(contents) = items(&body["contents"]) else {
        return invalid("* GenerateContentRequest.contents: contents is not specified");
    };
    for (index, content) in contents.iter().enumerate() {
        let role = content["role"].as_str().unwrap_or("user");
        if !["user", "model"].contains(&role) {
            return invalid("Please use a valid role: user, model.");
        }
        if (index == 0 && role != "user") || (index > 0 && contents[index - 1]["role"] == role) {
            return invalid("Please ensure that multiturn requests alternate between user and model.");
        }
        if let Some(name) = unknown(content, &["role", "parts"]) {
            return no_field(name, &format!(" at 'contents[{index}]'"));
        }
        parts(&content["parts"], &format!("contents[{index}]"))?;
    }
    if contents.last().is_some_and(|last| last["role"] == "model") {
        return invalid("Please ensure that multiturn requests ends with a user role or a function response.");
    }
    Ok(())
}

fn numbers(config: &Value) -> Result<(), Refusal> {
    let at =
        |name: &str, what: &str| invalid(&format!("* GenerateContentRequest.generation_config.{name}: {name} {what}"));
    if let Some(value) = given(config, "temperature")
        && value.as_f64().is_none_or(|value| !(0.0..=2.0).contains(&value))
    {
        return at("temperature", "must be in the range [0.0, 2.0].");
    }
    if given(config, "maxOutputTokens").is_some_and(|value| value.as_u64().is_none_or(|value| value == 0)) {
        return at("max_output_tokens", "must be positive.");
    }
    // It is an int32.
    if given(config, "seed").is_some_and(|value| value.as_i64().is_none_or(|seed| i32::try_from(seed).is_err())) {
        let value = &config["seed"];
        return invalid(&format!("Invalid value at 'generation_config.seed' (TYPE_INT32), {value}"));
    }
    Ok(())
}

fn schema(config: &Value) -> Result<(), Refusal> {
    let Some(schema) = given(config, "responseJsonSchema") else { return Ok(()) };
    if config["responseMimeType"] != "application/json" {
        return invalid("Response schema is only supported with response mime type: 'application/json'");
    }
    let mut wrong = None;
    each_schema(schema, "response_json_schema", &mut |fields, place| {
        if fields.contains_key("$ref") && fields.keys().any(|name| !name.starts_with('$')) {
            wrong = Some(format!(
                "* GenerateContentRequest.generation_config.{place}: if `$ref` is set, no other fields may be set"
            ));
        }
    });
    wrong.map_or(Ok(()), |wrong| invalid(&wrong))
}

fn tools(body: &Value) -> Result<(), Refusal> {
    let declared =
        body["tools"].as_array().into_iter().flatten().filter_map(|tool| tool["functionDeclarations"].as_array());
    for (index, function) in declared.flatten().enumerate() {
        if let Some(name) =
            unknown(function, &["name", "description", "parametersJsonSchema", "parameters", "response"])
        {
            return no_field(name, &format!(" at 'tools[0].function_declarations[{index}]'"));
        }
        if given(function, "parametersJsonSchema").is_some_and(|schema| schema["type"] != "object") {
            return invalid(&format!(
                "* GenerateContentRequest.tools[0].function_declarations[{index}].parameters_json_schema: parameters schema \
                 should be of type OBJECT."
            ));
        }
        let is_name = |name: &str| {
            name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
                && name.len() <= 64
                && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "_.-:".contains(letter))
        };
        if !function["name"].as_str().is_some_and(is_name) {
            return invalid(&format!(
                "* GenerateContentRequest.tools[0].function_declarations[{index}].name: Invalid function name. Must start \
                 with a letter or an underscore."
            ));
        }
    }
    Ok(())
}
