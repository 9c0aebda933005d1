//! The chat of Ollama.

use super::*;

fn reply(text: &str, stopped: &str) -> Value {
    json!({
        "model": "llama3.2:1b", "created_at": "2026-11-28T02:00:00Z",
        "message": {"role": "assistant", "content": text}, "done": true, "done_reason": stopped,
        "total_duration": 1_000_000, "prompt_eval_count": 12, "eval_count": 5,
    })
}

#[test]
fn a_prompt_goes_there_and_the_own_machine_is_not_paid() {
    let (asked, response) = exchange(&kind::OLLAMA, "", &full("llama3.2:1b"), reply("Hello.", "stop"));
    assert_eq!(asked.line, "POST /api/chat");
    assert_eq!(asked.header("authorization"), None);
    assert_body(
        &asked,
        json!({
            "model": "llama3.2:1b",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}],
            "stream": false,
            "options": {"temperature": 0.5, "num_predict": 50, "seed": 7},
        }),
    );
    let usage = Usage { requests: 1, input_tokens: 12, output_tokens: 5, ..Usage::default() };
    assert_eq!((response.value, response.usage), (json!("Hello."), Some(usage)));
    assert_eq!((response.cost.nano_usd, response.cost.known), (0, true));
}

#[test]
fn a_schema_is_sent_as_format() {
    let (asked, response) = exchange(&kind::OLLAMA, "", &scored("m"), reply("{\"score\": 7}", "stop"));
    assert_eq!(asked.body["format"], closed());
    assert_eq!(response.value, json!({"score": 7}));
}

#[test]
fn an_answer_that_was_cut_off_is_no_value() {
    let (_, response) = exchange(&kind::OLLAMA, "", &scored("m"), reply("{\"sc", "length"));
    assert_eq!(useless(&response), "TruncatedError: the answer of `m` was cut off; set `max_tokens` higher");
}
