//! Google Gemini.

use super::*;

fn reply(parts: Value, stopped: &str) -> Value {
    json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": stopped, "index": 0}],
        "usageMetadata": {
            "promptTokenCount": 100, "candidatesTokenCount": 20, "thoughtsTokenCount": 30,
            "cachedContentTokenCount": 60, "totalTokenCount": 150,
        },
        "modelVersion": "gemini-2.5-flash",
    })
}

fn exchanged(request: &Request, answer: Value) -> (Asked, Response) {
    exchange(&kind::GEMINI, "", request, answer)
}

#[test]
fn a_prompt_goes_there_and_text_with_usage_comes_back() {
    let parts = json!([{"text": "hm", "thought": true}, {"text": "Hel"}, {"text": "lo."}]);
    let (asked, response) = exchanged(&full("gemini-2.5-flash"), reply(parts, "STOP"));
    assert_eq!(asked.line, "POST /v1beta/models/gemini-2.5-flash:generateContent");
    assert_eq!(asked.header("x-goog-api-key"), Some(CANARY));
    assert_body(
        &asked,
        json!({
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [{"role": "user", "parts": [{"text": "Hello?"}]}],
            "generationConfig": {"temperature": 0.5, "maxOutputTokens": 50, "seed": 7},
        }),
    );
    let usage = Usage {
        requests: 1,
        input_tokens: 40,
        output_tokens: 50,
        cache_read_tokens: 60,
        cache_write_tokens: 0,
        reasoning_tokens: 30,
    };
    assert_eq!((response.value, response.usage), (json!("Hello."), Some(usage)));
    assert_eq!((&*response.provider, &*response.model), ("google", "gemini-2.5-flash"));
}

#[test]
fn a_schema_is_sent_and_the_value_comes_back() {
    let answer = reply(json!([{"text": "{\"score\": 7}"}]), "STOP");
    let (asked, response) = exchanged(&scored("models/gemini-2.5-flash"), answer);
    assert_eq!(asked.line, "POST /v1beta/models/gemini-2.5-flash:generateContent");
    assert_eq!(
        asked.body["generationConfig"].to_string(),
        json!({"responseMimeType": "application/json", "responseJsonSchema": closed()}).to_string()
    );
    assert_eq!(response.value, json!({"score": 7}));
}

#[test]
fn answers_of_no_use_say_why() {
    let of = |answer: Value| useless(&exchanged(&request("g", "?"), answer).1);
    assert_eq!(
        of(json!({"promptFeedback": {"blockReason": "SAFETY"}})),
        "RefusalError: `g` refuses to answer: the prompt was blocked (SAFETY)"
    );
    assert_eq!(
        of(reply(json!([{"text": "so"}]), "SAFETY")),
        "RefusalError: `g` refuses to answer: the answer was stopped (SAFETY)"
    );
    assert_eq!(
        of(reply(json!([]), "MAX_TOKENS")),
        "TruncatedError: `g` spent all its tokens on thinking and did not answer; set `max_tokens` higher"
    );
}
