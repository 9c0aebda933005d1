//! The fake refuses what the providers refuse, in their words, and what orc sends passes it.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use super::*;

mod called;

/// A request as it goes over the wire.
#[derive(Clone)]
struct Sent {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Sent {
    /// The one that orc sends for `request`, which the server took.
    fn by_orc(kind: &'static Kind, request: &Request) -> Self {
        let good = Fake::with(rules(kind), vec![Reply::Json(200, json!({}))]);
        // What it makes of the answer is of no interest.
        let _ = ask_at(kind, &good.base(""), request, PATIENT);
        let asked = good.asked().remove(0);
        Self { line: asked.line, headers: asked.headers, body: asked.body.to_string() }
    }

    fn with_header(mut self, name: &str, value: Option<&str>) -> Self {
        self.headers.retain(|(known, _)| known != name);
        self.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        self
    }

    fn with(mut self, pointer: &str, value: Value) -> Self {
        let mut body: Value = serde_json::from_str(&self.body).unwrap();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value;
        self.body = body.to_string();
        self
    }

    fn without(mut self, name: &str) -> Self {
        let mut body: Value = serde_json::from_str(&self.body).unwrap();
        body.as_object_mut().unwrap().shift_remove(name).unwrap();
        self.body = body.to_string();
        self
    }

    fn to(mut self, line: &str) -> Self {
        line.clone_into(&mut self.line);
        self
    }

    fn raw(mut self, body: &str) -> Self {
        body.clone_into(&mut self.body);
        self
    }

    /// Status and body of the answer of a server with these models.
    fn send(&self, kind: &'static Kind) -> (u16, String) {
        let rules = rules(kind).serving(&["m", "gpt-5-mini", "claude-opus-4-8", "claude-3-haiku-20240307"]);
        let fake = Fake::with(rules, vec![Reply::Json(200, json!("good"))]).tried();
        let mut stream = TcpStream::connect(fake.base("").trim_start_matches("http://")).unwrap();
        let mut text = format!("{} HTTP/1.1\r\n", self.line);
        for (name, value) in self.headers.iter().filter(|(name, _)| name != "content-length") {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str(&format!("content-length: {}\r\n\r\n{}", self.body.len(), self.body));
        stream.write_all(text.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Status and message of the answer.
    fn answer(&self, kind: &'static Kind) -> String {
        let (status, body) = self.send(kind);
        let parsed: Value = serde_json::from_str(&body).unwrap_or_default();
        let message = parsed["error"]["message"].as_str().or_else(|| parsed["error"].as_str());
        format!("{status} {}", message.unwrap_or(&body))
    }
}

/// The refusal of each of these, by the beginning of its words.
#[track_caller]
fn assert_refused(kind: &'static Kind, cases: Vec<(Sent, &str)>) {
    for (sent, expected) in cases {
        let answer = sent.answer(kind);
        assert!(answer.starts_with(expected), "{}: {answer}\nis not: {expected}", kind.name);
    }
}

fn user(content: Value) -> Value {
    json!([{"role": "user", "content": content}])
}

#[test]
fn what_orc_sends_is_taken_as_it_is() {
    for kind in kind::KINDS {
        for request in [full("m"), scored("m")] {
            let sent = Sent::by_orc(kind, &request);
            assert_eq!(sent.send(kind), (200, "\"good\"".to_owned()), "{}", kind.name);
        }
    }
}

#[test]
fn a_test_fails_where_a_provider_would_refuse_what_it_asks() {
    let asked = std::panic::catch_unwind(|| {
        let fake = Fake::with(rules(&kind::OPENAI).serving(&["other"]), Vec::new());
        failed(ask_at(&kind::OPENAI, &fake.base(""), &request("m", "?"), PATIENT))
    });
    let told = asked.unwrap_err();
    let told = told.downcast_ref::<String>().unwrap();
    assert!(told.starts_with("it was asked what a provider refuses: ["), "{told}");
    assert!(told.contains("The model `m` does not exist"), "{told}");
}

#[test]
fn openai_refuses() {
    let kind = &kind::OPENAI;
    let good = || Sent::by_orc(kind, &full("m"));
    let thinks = || Sent::by_orc(kind, &full("gpt-5-mini"));
    let held = || Sent::by_orc(kind, &scored("m"));
    let schema = "/response_format/json_schema/schema";
    assert_refused(
        kind,
        vec![
            (good().without("model"), "400 you must provide a model parameter"),
            (good().without("messages"), "400 Missing required parameter: 'messages'."),
            (good().with_header("authorization", None), "401 You didn't provide an API key."),
            (good().with_header("authorization", Some("Bearer other")), "401 Incorrect API key provided: other****."),
            (good().with("/max_token", json!(9)), "400 Unknown parameter: 'max_token'."),
            (good().with("/messages/0/role", json!("model")), "400 Invalid value: 'model'. Supported values are: "),
            (
                good().with("/messages/1/role", json!("tool")),
                "400 Invalid parameter: messages with role 'tool' must be a response",
            ),
            (
                good().with("/messages/1/content", Value::Null),
                "400 Invalid value for 'content': expected a string, got null.",
            ),
            (good().with("/messages", json!([])), "400 Invalid 'messages': empty array."),
            (good().with("/temperature", json!(2.5)), "400 Invalid 'temperature': decimal above maximum value."),
            (good().with("/temperature", json!(-1)), "400 Invalid 'temperature': decimal below minimum value."),
            (
                thinks().with("/temperature", json!(0.5)),
                "400 Unsupported value: 'temperature' does not support 0.5 with this model.",
            ),
            (
                thinks().without("max_completion_tokens").with("/max_tokens", json!(9)),
                "400 Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            ),
            (
                good().with("/max_completion_tokens", json!(9)),
                "400 Setting 'max_tokens' and 'max_completion_tokens' at the same time",
            ),
            (good().with("/max_tokens", json!(0)), "400 Invalid 'max_tokens': integer below minimum value."),
            (good().with("/seed", json!(1.5)), "400 Invalid type for 'seed'"),
            (
                good().with("/stream_options", json!({})),
                "400 The 'stream_options' parameter is only allowed when 'stream' is enabled.",
            ),
            (
                held().with(&format!("{schema}/additionalProperties"), json!(true)),
                "400 Invalid schema for response_format 'answer': In context=(), 'additionalProperties' is required to be supplied and to be false.",
            ),
            (
                held().with(&format!("{schema}/required"), json!([])),
                "400 Invalid schema for response_format 'answer': In context=(), 'required' is required to be supplied and to be an array including every key in properties. Missing 'score'.",
            ),
            (
                held().with(&format!("{schema}/properties/score/default"), json!(1)),
                "400 Invalid schema for response_format 'answer': In context=('properties', 'score'), 'default' is not permitted.",
            ),
            (
                held().with(&format!("{schema}/properties/score"), json!({"type": "array"})),
                "400 Invalid schema for response_format 'answer': In context=('properties', 'score'), array schema missing items.",
            ),
            (
                held().with(&format!("{schema}/type"), json!("array")),
                "400 Invalid schema for response_format 'answer': schema must be a JSON Schema of 'type: \"object\"'",
            ),
            (
                held().with("/response_format/json_schema/name", json!("an answer")),
                "400 Invalid 'response_format.json_schema.name'",
            ),
            (
                good().with("/model", json!("other")),
                "404 The model `other` does not exist or you do not have access to it.",
            ),
            (good().to("POST /v1/completions"), "404 Invalid URL (POST /v1/completions)"),
            (good().to("GET /v1/chat/completions"), "405 Not allowed to GET on /v1/chat/completions."),
            (good().with_header("content-type", Some("text/plain")), "400 Unsupported content type: 'text/plain'."),
            (good().raw("model=m"), "400 We could not parse the JSON body of your request."),
        ],
    );
    assert_eq!(
        good().with("/model", json!("other")).send(kind),
        (404, r#"{"error":{"message":"The model `other` does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#.to_owned())
    );
}

#[test]
fn hugging_face_refuses_in_its_own_way() {
    let kind = &kind::HUGGING_FACE;
    let good = || Sent::by_orc(kind, &full("m"));
    let wrong = (401, r#"{"error":"Invalid username or password."}"#.to_owned());
    assert_eq!(good().with_header("authorization", None).send(kind), wrong);
    assert_eq!(good().with_header("authorization", Some("Bearer other")).send(kind), wrong);
    assert_eq!(
        good().with("/model", json!("org/other")).send(kind),
        (400, r#"{"error":{"message":"The requested model 'org/other' is not supported by any provider you have enabled.","type":"invalid_request_error","param":"model","code":"model_not_supported"}}"#.to_owned())
    );
    assert_refused(kind, vec![(good().without("messages"), "400 Missing required parameter: 'messages'.")]);
}

#[test]
fn anthropic_refuses() {
    let kind = &kind::ANTHROPIC;
    let good = || Sent::by_orc(kind, &full("m"));
    let held = || Sent::by_orc(kind, &scored("m"));
    let two = |first: &str, second: &str| json!([{"role": first, "content": "a"}, {"role": second, "content": "b"}]);
    assert_refused(
        kind,
        vec![
            (good().without("model"), "400 model: Field required"),
            (good().without("max_tokens"), "400 max_tokens: Field required"),
            (good().without("messages"), "400 messages: Field required"),
            (good().with_header("anthropic-version", None), "400 anthropic-version: header is required"),
            (
                good().with_header("anthropic-version", Some("2099-01-01")),
                "400 anthropic-version: \"2099-01-01\" is not a valid version",
            ),
            (good().with_header("x-api-key", None), "401 x-api-key header is required"),
            (good().with_header("x-api-key", Some("other")), "401 invalid x-api-key"),
            (good().with("/seed", json!(7)), "400 seed: Extra inputs are not permitted"),
            (good().with("/messages/0/role", json!("system")), "400 messages: Unexpected role \"system\"."),
            (
                good().with("/messages", two("assistant", "user")),
                "400 messages: first message must use the \"user\" role",
            ),
            (good().with("/messages", two("user", "user")), "400 messages: roles must alternate"),
            (
                good().with("/messages", two("user", "assistant")),
                "400 This model does not support assistant message prefill.",
            ),
            (good().with("/messages", user(json!(""))), "400 messages.0: all messages must have non-empty content"),
            (
                good().with("/messages", user(json!(" "))),
                "400 messages: text content blocks must contain non-whitespace text",
            ),
            (
                good().with("/messages", user(json!([{"type": "text", "text": ""}]))),
                "400 messages: text content blocks must be non-empty",
            ),
            (good().with("/temperature", json!(1.5)), "400 temperature: Input should be less than or equal to 1"),
            (good().with("/model", json!("claude-opus-4-8")), "400 `temperature` is deprecated for this model."),
            (
                good().with("/model", json!("claude-3-haiku-20240307")).with("/max_tokens", json!(8192)),
                "400 max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens",
            ),
            (
                held().with("/tools/0/input_schema/anyOf", json!([])),
                "400 tools.0.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level",
            ),
            (
                held().with("/tools/0/input_schema/type", json!("array")),
                "400 tools.0.custom.input_schema.type: Input should be 'object'",
            ),
            (
                held().with("/tools/0/input_schema/properties/a b", json!({})),
                "400 tools.0.custom.input_schema.properties: Property keys should match pattern",
            ),
            (held().with("/tool_choice/name", json!("other")), "400 Tool 'other' not found in provided tools"),
            (good().with("/model", json!("other")), "404 model: other"),
            (good().to("POST /v1/complete"), "404 Not Found"),
            (good().to("GET /v1/messages"), "405 Method Not Allowed"),
            (good().with_header("content-type", Some("text/plain")), "400 content-type: must be application/json"),
            (good().raw("{"), "400 The request body is not valid JSON"),
        ],
    );
    assert_eq!(
        good().with("/model", json!("other")).send(kind),
        (404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: other"},"request_id":"req_011CTest"}"#.to_owned())
    );
}

#[test]
fn gemini_refuses() {
    let kind = &kind::GEMINI;
    let good = || Sent::by_orc(kind, &full("m"));
    let held = || Sent::by_orc(kind, &scored("m"));
    let said = |role: &str, text: &str| json!({"role": role, "parts": [{"text": text}]});
    assert_refused(
        kind,
        vec![
            (good().without("contents"), "400 * GenerateContentRequest.contents: contents is not specified"),
            (good().with_header("x-goog-api-key", None), "403 Method doesn't allow unregistered callers"),
            (
                good().with_header("x-goog-api-key", Some("other")),
                "400 API key not valid. Please pass a valid API key.",
            ),
            (
                good().with("/model", json!("m")),
                "400 Invalid JSON payload received. Unknown name \"model\": Cannot find field.",
            ),
            (
                good().with("/generationConfig/max_tokens", json!(9)),
                "400 Invalid JSON payload received. Unknown name \"max_tokens\" at 'generation_config': Cannot find field.",
            ),
            (good().with("/contents/0/role", json!("assistant")), "400 Please use a valid role: user, model."),
            (
                good().with("/contents", json!([said("user", "a"), said("user", "b")])),
                "400 Please ensure that multiturn requests alternate between user and model.",
            ),
            (
                good().with("/contents", json!([said("model", "a"), said("user", "b")])),
                "400 Please ensure that multiturn requests alternate",
            ),
            (
                good().with("/contents", json!([said("user", "a"), said("model", "b")])),
                "400 Please ensure that multiturn requests ends with a user role",
            ),
            (
                good().with("/contents", json!([said("user", "")])),
                "400 * GenerateContentRequest.contents[0].parts[0].data: required oneof field 'data' must have one initialized field",
            ),
            (
                good().with("/generationConfig/temperature", json!(2.5)),
                "400 * GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].",
            ),
            (
                good().with("/generationConfig/maxOutputTokens", json!(0)),
                "400 * GenerateContentRequest.generation_config.max_output_tokens",
            ),
            (
                good().with("/generationConfig/seed", json!(1_u64 << 31)),
                "400 Invalid value at 'generation_config.seed' (TYPE_INT32), 2147483648",
            ),
            (
                held().with("/generationConfig/responseMimeType", json!("text/plain")),
                "400 Response schema is only supported with response mime type",
            ),
            (
                held().with(
                    "/generationConfig/responseJsonSchema/properties/score",
                    json!({"$ref": "#/$defs/a", "description": "x"}),
                ),
                "400 * GenerateContentRequest.generation_config.response_json_schema.properties.score: if `$ref` is set",
            ),
            (
                good().to("POST /v1beta/models/other:generateContent"),
                "404 models/other is not found for API version v1beta, or is not supported for generateContent.",
            ),
            (good().to("POST /v1/models/m:generateContent"), "404 <!DOCTYPE html>"),
            (good().to("GET /v1beta/models/m:generateContent"), "404 <!DOCTYPE html>"),
            (good().with_header("content-type", Some("text/plain")), "400 Invalid JSON payload received."),
            (good().raw("contents"), "400 Invalid JSON payload received. Unexpected token."),
        ],
    );
    let (status, body) = good().with_header("x-goog-api-key", Some("other")).send(kind);
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (status, &body["error"]["code"], &body["error"]["status"]),
        (400, &json!(400), &json!("INVALID_ARGUMENT"))
    );
    assert_eq!(body["error"]["details"][0]["reason"], "API_KEY_INVALID");
}

#[test]
fn ollama_refuses() {
    let kind = &kind::OLLAMA;
    let good = || Sent::by_orc(kind, &full("m"));
    assert_refused(
        kind,
        vec![
            (good().without("model"), "400 model is required"),
            (good().without("messages"), "400 messages are required"),
            (good().with("/max_tokens", json!(9)), "400 json: unknown field \"max_tokens\""),
            (good().with("/messages/0/role", json!("model")), "400 invalid role: model"),
            (good().with("/messages/0/content", json!([])), "400 json: cannot unmarshal into Go struct field"),
            (good().with("/options/temperature", json!("hot")), "400 option \"temperature\" must be of type float32"),
            (good().with("/options/max_tokens", json!(9)), "400 invalid option provided: max_tokens"),
            (good().with("/format", json!("yaml")), "400 invalid format: \"yaml\""),
            (good().with("/model", json!("other")), "404 model 'other' not found"),
            (good().to("POST /api/talk"), "404 404 page not found"),
            (good().to("GET /api/chat"), "405 405 method not allowed"),
            (good().with_header("content-type", Some("text/plain")), "400 invalid character"),
            (good().raw("prompt"), "400 invalid character 'p' looking for beginning of value"),
        ],
    );
    assert_eq!(
        good().with("/model", json!("other")).send(kind),
        (404, r#"{"error":"model 'other' not found"}"#.to_owned())
    );
}

#[test]
fn what_a_model_does_not_take_is_not_sent_to_it() {
    let sent = |kind: &'static Kind, request: Request| -> Value {
        serde_json::from_str(&Sent::by_orc(kind, &request).body).unwrap()
    };
    for model in ["o3", "gpt-5-mini", "gpt-6.1-sol"] {
        let body = sent(&kind::OPENAI, full(model));
        assert_eq!((&body["temperature"], &body["max_tokens"]), (&Value::Null, &Value::Null), "{model}");
        assert_eq!(body["max_completion_tokens"], 50, "{model}");
    }
    for model in ["claude-opus-4-7", "claude-opus-5-5", "claude-haiku-5-5"] {
        assert_eq!(sent(&kind::ANTHROPIC, full(model))["temperature"], Value::Null, "{model}");
    }
    assert_eq!(sent(&kind::ANTHROPIC, full("claude-haiku-4-5"))["temperature"], 0.5);
}

#[test]
fn schemas_of_all_kinds_are_taken_by_all() {
    let object = |fields: Value| json!({"type": "object", "properties": fields, "required": ["a"]});
    let schemas = [
        object(json!({"a": {"type": "string", "minLength": 2, "default": "x"}})),
        object(json!({"a": {"type": "string", "format": "uri"}})),
        object(json!({"a": {"enum": ["x", "y"]}})),
        object(json!({"a": {"enum": ["x", 1]}})),
        object(json!({"a": {"type": "array"}})),
        object(json!({"a": {}, "b": {"type": "integer"}})),
        json!({"type": "object", "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
        json!({"type": "object", "allOf": [{"required": ["a"]}]}),
        json!({"anyOf": [{"type": "string"}, {"type": "null"}]}),
        json!({
            "type": "object", "required": ["a"], "$defs": {"a": {"type": "string"}},
            "properties": {"a": {"$ref": "#/$defs/a", "description": "The first."}},
        }),
        json!({"type": "object"}),
        json!(true),
    ];
    for kind in kind::KINDS {
        for schema in &schemas {
            // Dropping the server fails where it would be refused.
            Sent::by_orc(kind, &Request { schema: Some(schema.clone()), ..request("m", "?") });
        }
    }
}

#[test]
fn a_seed_that_is_too_large_is_refused_before_it_is_sent() {
    let fake = Fake::new(Vec::new());
    let large = Request { seed: Some(1 << 31), ..request("m", "?") };
    assert_eq!(
        failed(ask_at(&kind::GEMINI, &fake.base(""), &large, PATIENT)),
        "ParameterError: Google Gemini takes seeds up to 2147483647, not 2147483648; lower `seed`"
    );
    assert_eq!(fake.asked(), []);
}
