//! Calls of functions in a conversation, as OpenAI refuses them: each is answered, and nothing else is.

use serde_json::Value;

use super::{
    Refusal, items,
    openai::{invalid, is_name},
};

pub(super) fn check(messages: &[Value]) -> Result<(), Refusal> {
    let mut waiting: Vec<&str> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        if message["role"] == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default();
            let Some(at) = waiting.iter().position(|known| *known == id) else {
                // Whether any were asked for is said elsewhere.
                if index == 0 || waiting.is_empty() && messages[index - 1]["role"] != "tool" {
                    return Ok(());
                }
                let text = format!(
                    "Invalid parameter: 'tool_call_id' of '{id}' not found in 'tool_calls' of previous message."
                );
                return invalid(400, &text, Some(&format!("messages.[{index}].tool_call_id")), None);
            };
            waiting.remove(at);
            continue;
        }
        unanswered(&waiting, index)?;
        if let Some(calls) = message.get("tool_calls") {
            waiting = ids(calls, index)?;
        }
    }
    unanswered(&waiting, messages.len())
}

fn unanswered(waiting: &[&str], index: usize) -> Result<(), Refusal> {
    if waiting.is_empty() {
        return Ok(());
    }
    let text = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. The \
         following tool_call_ids did not have response messages: {}",
        waiting.join(", ")
    );
    invalid(400, &text, Some(&format!("messages.[{index}].role")), None)
}

/// The ids of calls that are as they should be.
fn ids(calls: &Value, index: usize) -> Result<Vec<&str>, Refusal> {
    let at = format!("messages[{index}].tool_calls");
    let wrong = |text: String, param: &str, code: &str| invalid(400, &text, Some(param), Some(code));
    let Some(calls) = items(calls) else {
        let text = format!(
            "Invalid '{at}': empty array. Expected an array with minimum length 1, but got an empty array instead."
        );
        wrong(text, &at, "empty_array")?;
        return Ok(Vec::new());
    };
    let mut ids = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        let function = &call["function"];
        for (name, value) in [("id", &call["id"]), ("type", &call["type"]), ("function.name", &function["name"])] {
            if value.as_str().is_none_or(str::is_empty) {
                let param = format!("{at}[{place}].{name}");
                wrong(format!("Missing required parameter: '{param}'."), &param, "missing_required_parameter")?;
            }
        }
        if !function["name"].as_str().is_some_and(is_name) {
            let param = format!("{at}[{place}].function.name");
            let text = format!(
                "Invalid '{param}': string does not match pattern. Expected a string that matches the pattern \
                 '^[a-zA-Z0-9_-]+$'."
            );
            wrong(text, &param, "invalid_value")?;
        }
        if !function["arguments"].is_string() {
            let param = format!("{at}[{place}].function.arguments");
            let text = format!("Invalid type for '{param}': expected a string, but got an object instead.");
            wrong(text, &param, "invalid_type")?;
        }
        ids.push(call["id"].as_str().unwrap_or_default());
    }
    Ok(ids)
}
