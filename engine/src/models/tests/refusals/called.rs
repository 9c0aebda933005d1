//! Calls of functions that providers refuse.

use super::*;
use crate::models::calls::{Function, FunctionCall, FunctionResult, Round};

/// A request that offers a function which was called once and answered.
fn answered(model: &str) -> Request {
    let arguments = json!({"type": "object", "properties": {"city": {"type": "string"}}});
    let (name, description) = ("weather".to_owned(), "Tells the weather.".to_owned());
    let arguments_given = json!({"city": "Rome"});
    let call = FunctionCall { id: "one".to_owned(), name: name.clone(), arguments: arguments_given, signature: None };
    let result = FunctionResult { content: "21".to_owned(), is_error: false };
    let round = Round { said: String::new(), thoughts: Vec::new(), calls: vec![call], results: vec![result] };
    Request { tools: vec![Function { name, description, arguments }], rounds: vec![round], ..request(model, "?") }
}

#[test]
fn openai_refuses_calls() {
    let kind = &kind::OPENAI;
    let good = || Sent::by_orc(kind, &answered("m"));
    let call = "/messages/1/tool_calls/0";
    let messages = || -> Vec<Value> {
        let body: Value = serde_json::from_str(&good().body).unwrap();
        body["messages"].as_array().unwrap().clone()
    };
    let user = json!({"role": "user", "content": "Hi"});
    assert_refused(
        kind,
        vec![
            (
                good().with("/messages", json!(messages()[..2])),
                "400 An assistant message with 'tool_calls' must be followed by tool messages responding to each \
                 'tool_call_id'. The following tool_call_ids did not have response messages: one",
            ),
            (
                good().with("/messages", json!([messages()[0], messages()[1], user, messages()[2]])),
                "400 An assistant message with 'tool_calls' must be followed by tool messages",
            ),
            (
                good().with("/messages/2/tool_call_id", json!("two")),
                "400 Invalid parameter: 'tool_call_id' of 'two' not found in 'tool_calls' of previous message.",
            ),
            (
                good().with("/messages", json!([messages()[0], messages()[2]])),
                "400 Invalid parameter: messages with role 'tool' must be a response to a preceeding message",
            ),
            (
                good().with(&format!("{call}/id"), json!("")),
                "400 Missing required parameter: 'messages[1].tool_calls[0].id'.",
            ),
            (
                good().with(&format!("{call}/function/arguments"), json!({})),
                "400 Invalid type for 'messages[1].tool_calls[0].function.arguments': expected a string",
            ),
            (
                good().with(&format!("{call}/function/name"), json!("the weather")),
                "400 Invalid 'messages[1].tool_calls[0].function.name': string does not match pattern.",
            ),
            (good().with("/messages/1/tool_calls", json!([])), "400 Invalid 'messages[1].tool_calls': empty array."),
            (good().with("/tools", json!([])), "400 Invalid 'tools': empty array."),
            (
                good().with("/tools/0/function/parameters", json!({"type": "string"})),
                "400 Invalid schema for function 'weather': schema must be a JSON Schema of 'type: \"object\"'",
            ),
            (
                good().with("/tools/0/function/parameters/properties/city", json!({"type": "array"})),
                "400 Invalid schema for function 'weather': In context=('properties', 'city'), array schema missing items.",
            ),
            (
                good().with("/tools/0/function/arguments", json!({})),
                "400 Unknown parameter: 'tools[0].function.arguments'.",
            ),
        ],
    );
}

#[test]
fn anthropic_refuses_calls() {
    let kind = &kind::ANTHROPIC;
    let good = || Sent::by_orc(kind, &answered("m"));
    let (used, result) = ("/messages/1/content/0", "/messages/2/content/0");
    assert_refused(
        kind,
        vec![
            (
                good().with("/messages/2/content", json!("Hi")),
                "400 messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: one.",
            ),
            (
                good().with(&format!("{result}/tool_use_id"), json!("two")),
                "400 messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: one.",
            ),
            (
                good().with("/messages/1/content", json!("Hi")),
                "400 messages.2.content.0: unexpected `tool_use_id` found in `tool_result` blocks: one.",
            ),
            (
                good().with(
                    "/messages/0/content",
                    json!([{"type": "tool_use", "id": "x", "name": "weather", "input": {}}]),
                ),
                "400 messages.0.content.0: `tool_use` blocks can only be in `assistant` messages",
            ),
            (
                good().with(&format!("{used}/input"), json!("{}")),
                "400 messages.1.content.0.tool_use.input: Input should be a valid dictionary",
            ),
            (
                good().with(&format!("{used}/id"), json!("a b")),
                "400 messages.1.content.0.tool_use.id: String should match pattern",
            ),
            (
                good().without("tools"),
                "400 Requests which include `tool_use` or `tool_result` blocks must define tools",
            ),
            (
                good().with(&format!("{result}/error"), json!(true)),
                "400 messages.2.content.0.tool_result.error: Extra inputs are not permitted",
            ),
            (
                good().with("/tools/0/input_schema", json!({"type": "string"})),
                "400 tools.0.custom.input_schema.type: Input should be 'object'",
            ),
            (
                good().with("/tools/0/parameters", json!({})),
                "400 tools.0.custom.parameters: Extra inputs are not permitted",
            ),
        ],
    );
}

#[test]
fn gemini_refuses_calls() {
    let kind = &kind::GEMINI;
    let good = || Sent::by_orc(kind, &answered("m"));
    let (call, response) = ("/contents/1/parts/0/functionCall", "/contents/2/parts/0/functionResponse");
    assert_refused(
        kind,
        vec![
            (
                good().with("/contents/2/parts", json!([{"text": "Hi"}])),
                "400 Please ensure that the number of function response parts is equal to the number of function call parts",
            ),
            (
                good().with("/contents/1/parts", json!([{"text": "Hi"}])),
                "400 Please ensure that function response turn comes immediately after a function call turn.",
            ),
            (
                good().with(&format!("{response}/response"), json!("21")),
                "400 Invalid value at 'contents[2].parts[0].function_response.response'",
            ),
            (
                good().with(&format!("{call}/name"), json!("")),
                "400 * GenerateContentRequest.contents[1].parts[0].function_call.name: Name cannot be empty.",
            ),
            (
                good().with(&format!("{call}/arguments"), json!({})),
                "400 Invalid JSON payload received. Unknown name \"arguments\" at 'contents[1].parts[0].function_call'",
            ),
            (
                good().with("/tools/0/functionDeclarations/0/parametersJsonSchema", json!({"type": "string"})),
                "400 * GenerateContentRequest.tools[0].function_declarations[0].parameters_json_schema: parameters schema \
                 should be of type OBJECT.",
            ),
            (
                good().with("/tools/0/functionDeclarations/0/name", json!("1 weather")),
                "400 * GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name.",
            ),
        ],
    );
}

#[test]
fn ollama_refuses_calls() {
    let kind = &kind::OLLAMA;
    let good = || Sent::by_orc(kind, &answered("m"));
    assert_refused(
        kind,
        vec![
            (
                good().with("/messages/1/tool_calls/0/function/arguments", json!("{}")),
                "400 json: cannot unmarshal string into Go struct field ToolCallFunction.",
            ),
            (
                good().with("/tools/0/function/parameters", json!([])),
                "400 json: cannot unmarshal into Go struct field ChatRequest.tools of type api.Tool",
            ),
            (good().with("/messages/2/tool_call_id", json!("one")), "400 json: unknown field \"tool_call_id\""),
        ],
    );
}
