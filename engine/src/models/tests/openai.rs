//! Chat completions.

use super::*;

fn reply(message: Value, stopped: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "finish_reason": stopped, "message": message}],
        "usage": {
            "prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200,
            "prompt_tokens_details": {"cached_tokens": 600},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    })
}

fn says(text: &str) -> Value {
    reply(json!({"role": "assistant", "content": text, "refusal": null}), "stop")
}

fn exchanged(request: &Request, answer: Value) -> (Asked, Response) {
    exchange(&kind::OPENAI, "/v1", request, answer)
}

#[test]
fn a_prompt_goes_there_and_text_with_usage_and_cost_comes_back() {
    let (asked, response) = exchanged(&full("gpt-4o-mini"), says("Hello."));
    assert_eq!(asked.line, "POST /v1/chat/completions");
    assert_eq!(asked.header("authorization"), Some(&*format!("Bearer {CANARY}")));
    assert_eq!(asked.header("content-type"), Some("application/json"));
    assert_eq!(asked.header("user-agent"), Some(concat!("orc/", env!("CARGO_PKG_VERSION"))));
    assert_body(
        &asked,
        json!({
            "model": "gpt-4o-mini",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}],
            "max_tokens": 50,
            "temperature": 0.5,
            "seed": 7,
        }),
    );
    let usage = Usage {
        requests: 1,
        input_tokens: 400,
        output_tokens: 200,
        cache_read_tokens: 600,
        cache_write_tokens: 0,
        reasoning_tokens: 0,
    };
    assert_eq!((&response.value, response.usage), (&json!("Hello."), Some(usage)));
    assert_eq!((&*response.provider, &*response.model), ("openai", "gpt-4o-mini-2024-07-18"));
    // 400 × 150 + 200 × 600 + 600 × 75
    assert_eq!((response.cost.nano_usd, &*response.cost.usd), (225_000, "0.000225"));
    assert_eq!((response.cost.known, response.cost.price_date.as_deref()), (true, Some("2026-11-22")));
    assert_eq!(response.failure, None);
}

#[test]
fn what_is_not_said_is_not_sent() {
    let (asked, _) = exchanged(&request("tiny", "Hi"), says("x"));
    assert_body(&asked, json!({"model": "tiny", "messages": [{"role": "user", "content": "Hi"}]}));
}

#[test]
fn a_model_that_reasons_gets_the_parameters_it_takes() {
    let (asked, _) = exchanged(&full("gpt-5-mini"), says("x"));
    let messages = json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]);
    assert_body(&asked, json!({"model": "gpt-5-mini", "messages": messages, "max_completion_tokens": 50, "seed": 7}));
}

#[test]
fn a_schema_is_sent_and_the_value_comes_back() {
    let (asked, response) = exchanged(&scored("gpt-4o-mini"), says("{\"score\": 7}"));
    assert_eq!(
        asked.body["response_format"].to_string(),
        json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": closed()}})
            .to_string()
    );
    assert_eq!((response.value, response.failure), (json!({"score": 7}), None));
}

#[test]
fn a_schema_of_no_object_is_asked_for_as_a_field() {
    let list = Request { schema: Some(json!({"type": "array", "items": {"type": "string"}})), ..scored("gpt-4o-mini") };
    let (asked, response) = exchanged(&list, says("{\"value\": [\"a\"]}"));
    assert_eq!(asked.body["response_format"]["json_schema"]["schema"]["required"], json!(["value"]));
    assert_eq!(response.value, json!(["a"]));
}

#[test]
fn thinking_is_counted() {
    let mut answer = says("yes");
    answer["model"] = json!("o3-mini-2025-01-31");
    answer["usage"]["completion_tokens_details"]["reasoning_tokens"] = json!(150);
    let (_, response) = exchanged(&request("o3-mini", "?"), answer);
    let usage = response.usage.unwrap();
    assert_eq!((usage.output_tokens, usage.reasoning_tokens), (200, 150));
    // 400 × 1100 + 200 × 4400 + 600 × 550: thoughts are paid like the answer, and once.
    assert_eq!(response.cost.nano_usd, 1_650_000);
}

#[test]
fn usage_that_is_not_told_costs_an_unknown_amount() {
    let mut answer = says("x");
    answer.as_object_mut().unwrap().shift_remove("usage");
    let (_, response) = exchanged(&request("gpt-4o-mini", "?"), answer);
    assert_eq!((response.usage, response.cost.known), (None, false));
}

#[test]
fn a_model_nobody_has_a_price_for_is_not_free() {
    let mut answer = says("x");
    answer["model"] = json!("tiny");
    let (_, response) = exchanged(&request("tiny", "?"), answer);
    assert_eq!((response.cost.nano_usd, response.cost.known, response.cost.price_date), (0, false, None));
}

#[test]
fn answers_of_no_use_say_why_and_are_paid_for() {
    let of = |request: &Request, message: Value, stopped: &str| {
        let (_, response) = exchanged(request, reply(message, stopped));
        assert_eq!(response.cost.nano_usd, 225_000);
        useless(&response)
    };
    let short = Request { max_tokens: Some(9), ..request("m", "?") };
    assert_eq!(
        of(&short, json!({"content": null, "refusal": "I cannot\nhelp."}), "stop"),
        "RefusalError: `m` refuses to answer: I cannot help."
    );
    assert_eq!(
        of(&short, json!({"content": ""}), "content_filter"),
        "RefusalError: `m` refuses to answer: its filter stopped the answer"
    );
    assert_eq!(of(&short, json!({"content": ""}), "stop"), "EmptyAnswerError: `m` answered nothing");
    assert_eq!(
        of(&short, json!({"content": "", "reasoning_content": "hm"}), "length"),
        "TruncatedError: `m` spent all its tokens on thinking and did not answer; raise `max_tokens` (9)"
    );
    assert_eq!(
        of(&scored("m"), json!({"content": "{\"score\""}), "length"),
        "TruncatedError: the answer of `m` was cut off; set `max_tokens` higher"
    );
    assert!(of(&scored("m"), json!({"content": "seven"}), "stop").starts_with("SchemaMismatchError: it is no JSON: "));
}

#[test]
fn text_that_was_cut_off_is_text() {
    let (_, response) = exchanged(&request("m", "?"), reply(json!({"content": "Once upon"}), "length"));
    assert_eq!((response.value, response.failure), (json!("Once upon"), None));
}

#[test]
fn hugging_face_is_spoken_to_in_the_same_way() {
    let (asked, response) = exchange(&kind::HUGGING_FACE, "/v1", &request("org/name", "Hi"), says("x"));
    assert_eq!(asked.line, "POST /v1/chat/completions");
    assert_eq!(asked.header("authorization"), Some(&*format!("Bearer {CANARY}")));
    assert_eq!(asked.body["model"], "org/name");
    assert_eq!(response.provider, "huggingface");
}
