//! Messages of Anthropic.

use super::*;

const MODEL: &str = "claude-3-5-sonnet-20241022";

fn reply(content: Value, stopped: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": MODEL,
        "content": content, "stop_reason": stopped, "stop_sequence": null,
        "usage": {
            "input_tokens": 100, "output_tokens": 20,
            "cache_creation_input_tokens": 40, "cache_read_input_tokens": 1000,
        },
    })
}

fn exchanged(request: &Request, answer: Value) -> (Asked, Response) {
    exchange(&kind::ANTHROPIC, "", request, answer)
}

#[test]
fn a_prompt_goes_there_and_text_with_usage_and_cost_comes_back() {
    let parts = json!([{"type": "text", "text": "Hello"}, {"type": "text", "text": "."}]);
    let (asked, response) = exchanged(&full(MODEL), reply(parts, "end_turn"));
    assert_eq!(asked.line, "POST /v1/messages");
    assert_eq!(asked.header("x-api-key"), Some(CANARY));
    assert_eq!(asked.header("anthropic-version"), Some("2023-06-01"));
    assert_eq!(asked.header("authorization"), None);
    assert_body(
        &asked,
        json!({
            "model": MODEL,
            "max_tokens": 50,
            "messages": [{"role": "user", "content": "Hello?"}],
            "system": "Be brief.",
            "temperature": 0.5,
        }),
    );
    let usage = Usage {
        requests: 1,
        input_tokens: 100,
        output_tokens: 20,
        cache_read_tokens: 1000,
        cache_write_tokens: 40,
        reasoning_tokens: 0,
    };
    assert_eq!((response.value, response.usage), (json!("Hello."), Some(usage)));
    assert_eq!((&*response.provider, &*response.model), ("anthropic", MODEL));
    // 100 × 3000 + 20 × 15000 + 1000 × 300 + 40 × 3750
    assert_eq!((response.cost.nano_usd, response.cost.known), (1_050_000, true));
}

#[test]
fn the_longest_answer_is_always_said() {
    let sent = |model: &str| {
        let answer = reply(json!([{"type": "text", "text": "x"}]), "end_turn");
        exchanged(&request(model, "?"), answer).0.body["max_tokens"].clone()
    };
    assert_eq!([sent(MODEL), sent("claude-3-haiku-20240307"), sent("mine")], [json!(8192), json!(4096), json!(4096)]);
}

#[test]
fn a_schema_is_that_of_a_tool_it_must_call() {
    let content = json!([{"type": "tool_use", "id": "toolu_1", "name": "answer", "input": {"score": 7}}]);
    let (asked, response) = exchanged(&scored(MODEL), reply(content, "tool_use"));
    let description = "Takes the answer. Call it once, with the whole answer.";
    let tool = json!([{"name": "answer", "description": description, "input_schema": closed()}]);
    assert_eq!(asked.body["tools"].to_string(), tool.to_string());
    assert_eq!(asked.body["tool_choice"], json!({"type": "tool", "name": "answer", "disable_parallel_tool_use": true}));
    assert_eq!((response.value, response.failure), (json!({"score": 7}), None));
}

#[test]
fn answers_of_no_use_say_why_and_are_paid_for() {
    let of = |request: &Request, content: Value, stopped: &str| {
        let (_, response) = exchanged(request, reply(content, stopped));
        assert_eq!(response.cost.nano_usd, 1_050_000);
        useless(&response)
    };
    assert_eq!(of(&request(MODEL, "?"), json!([]), "refusal"), format!("RefusalError: `{MODEL}` refuses to answer"));
    let cut = json!([{"type": "tool_use", "id": "toolu_1", "name": "answer", "input": {}}]);
    assert_eq!(
        of(&scored(MODEL), cut, "max_tokens"),
        format!("TruncatedError: the answer of `{MODEL}` was cut off; set `max_tokens` higher")
    );
    assert_eq!(
        of(&request(MODEL, "?"), json!([{"type": "thinking", "thinking": "hm"}]), "max_tokens"),
        format!(
            "TruncatedError: `{MODEL}` spent all its tokens on thinking and did not answer; set `max_tokens` higher"
        )
    );
}

#[test]
fn a_temperature_it_does_not_take_is_refused_before_it_is_asked() {
    let fake = Fake::new(Vec::new());
    let hot = Request { temperature: Some(1.5), ..request(MODEL, "?") };
    assert_eq!(
        failed(ask_at(&kind::ANTHROPIC, &fake.base(""), &hot, PATIENT)),
        "ParameterError: Anthropic takes temperatures from 0 to 1, not 1.5; lower `temperature`"
    );
    assert_eq!(fake.asked(), []);
}

#[test]
fn what_is_known_of_its_models_holds_for_no_others() {
    for (model, temperature) in
        [("claude-sonnet-4-5", json!(0.5)), ("claude-opus-4-7", Value::Null), ("qwen2.5-7b", json!(0.5))]
    {
        let warm = Request { temperature: Some(0.5), ..request(model, "?") };
        let (asked, _) = exchanged(&warm, reply(json!([{"type": "text", "text": "Hi."}]), "end_turn"));
        assert_eq!(asked.body["temperature"], temperature, "{model}");
    }
}

#[test]
fn a_value_that_is_whole_before_the_answer_was_cut_counts() {
    let call = |input: Value| json!({"type": "tool_use", "name": "answer", "input": input});
    let reply = |calls: &[Value]| json!({"model": "m", "content": calls, "stop_reason": "max_tokens"});
    let two = [call(json!({"score": 7})), call(json!({}))];
    let (_, response) = exchange(&kind::ANTHROPIC, "", &scored("m"), reply(&two));
    assert_eq!((response.value, response.failure), (json!({"score": 7}), None));
    let (_, response) = exchange(&kind::ANTHROPIC, "", &scored("m"), reply(&two[1..]));
    assert_eq!(useless(&response), "TruncatedError: the answer of `m` was cut off; set `max_tokens` higher");
}
