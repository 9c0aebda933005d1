//! Conversations and images, in each provider's shape.

use super::*;
use crate::models::message::{Image, Message, Role};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and so on";
const BASE64: &str = "iVBORw0KGgogYW5kIHNvIG9u";

fn conversation(model: &str) -> Request {
    let said = |role, content: &str| Message { role, content: content.to_owned() };
    let messages = vec![said(Role::User, "Hello."), said(Role::Assistant, "Yes?"), said(Role::User, "Why?")];
    Request { system: Some("Be brief.".to_owned()), messages, ..request(model, "") }
}

fn seeing(model: &str, images: Vec<Image>) -> Request {
    Request { images, ..request(model, "What is this?") }
}

fn png() -> Image {
    Image::of(PNG).unwrap()
}

/// What a provider says to anything.
fn fine(kind: &Kind) -> Value {
    match kind.name {
        "anthropic" => json!({"content": [{"type": "text", "text": "fine"}], "stop_reason": "end_turn"}),
        "google" => json!({"candidates": [{"content": {"parts": [{"text": "fine"}]}, "finishReason": "STOP"}]}),
        "ollama" => json!({"message": {"content": "fine"}, "done": true, "done_reason": "stop"}),
        _ => json!({"choices": [{"message": {"content": "fine"}, "finish_reason": "stop"}]}),
    }
}

/// What is sent of this request, which is answered.
fn sent(kind: &'static Kind, request: &Request) -> Value {
    let (asked, response) = exchange(kind, "", request, fine(kind));
    assert_eq!((response.value, response.failure), (json!("fine"), None));
    asked.body
}

#[test]
fn a_conversation_is_sent_by_turns() {
    for kind in [&kind::OPENAI, &kind::HUGGING_FACE, &kind::OLLAMA] {
        let messages = json!([
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello."},
            {"role": "assistant", "content": "Yes?"}, {"role": "user", "content": "Why?"},
        ]);
        assert_eq!(sent(kind, &conversation("m"))["messages"], messages, "{}", kind.name);
    }
    let body = sent(&kind::ANTHROPIC, &conversation("m"));
    let messages = json!([
        {"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Why?"},
    ]);
    assert_eq!((&body["system"], &body["messages"]), (&json!("Be brief."), &messages));
    let body = sent(&kind::GEMINI, &conversation("m"));
    let contents = json!([
        {"role": "user", "parts": [{"text": "Hello."}]}, {"role": "model", "parts": [{"text": "Yes?"}]},
        {"role": "user", "parts": [{"text": "Why?"}]},
    ]);
    assert_eq!(
        (&body["systemInstruction"], &body["contents"]),
        (&json!({"parts": [{"text": "Be brief."}]}), &contents)
    );
}

#[test]
fn images_are_sent_before_the_text() {
    for kind in [&kind::OPENAI, &kind::HUGGING_FACE] {
        let parts = json!([
            {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{BASE64}")}},
            {"type": "text", "text": "What is this?"},
        ]);
        assert_eq!(sent(kind, &seeing("m", vec![png()]))["messages"][0]["content"], parts, "{}", kind.name);
    }
    assert_eq!(
        sent(&kind::ANTHROPIC, &seeing("m", vec![png()]))["messages"][0]["content"],
        json!([
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": BASE64}},
            {"type": "text", "text": "What is this?"},
        ])
    );
    assert_eq!(
        sent(&kind::GEMINI, &seeing("m", vec![png()]))["contents"][0]["parts"],
        json!([{"inlineData": {"mimeType": "image/png", "data": BASE64}}, {"text": "What is this?"}])
    );
    assert_eq!(
        sent(&kind::OLLAMA, &seeing("m", vec![png()]))["messages"][0],
        json!({"role": "user", "content": "What is this?", "images": [BASE64]})
    );
}

#[test]
fn images_go_with_the_last_message() {
    let body = sent(&kind::ANTHROPIC, &Request { images: vec![png()], ..conversation("m") });
    let kinds: Vec<bool> = (0..3).map(|index| body["messages"][index]["content"].is_array()).collect();
    assert_eq!(kinds, [false, false, true]);
}

#[test]
fn an_address_is_sent_where_the_provider_fetches_it() {
    let at = || Image::At { url: "https://example.org/a.png".to_owned() };
    assert_eq!(
        sent(&kind::OPENAI, &seeing("m", vec![at()]))["messages"][0]["content"][0],
        json!({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}})
    );
    assert_eq!(
        sent(&kind::ANTHROPIC, &seeing("m", vec![at()]))["messages"][0]["content"][0],
        json!({"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}})
    );
    for kind in [&kind::GEMINI, &kind::OLLAMA] {
        let fake = fake(kind, Vec::new());
        let told = failed(ask_at(kind, &fake.base(""), &seeing("m", vec![at()]), PATIENT));
        let message = "fetches no images from addresses; give a file or a `data:` URL";
        assert_eq!((told, fake.asked()), (format!("ParameterError: {} {message}", kind.label), Vec::new()));
    }
}

#[test]
fn what_cannot_be_seen_is_not_sent() {
    let refused = |kind: &'static Kind, model: &str, image: Image| {
        let fake = fake(kind, Vec::new());
        let told = failed(ask_at(kind, &fake.base(""), &seeing(model, vec![image]), PATIENT));
        assert_eq!(fake.asked(), []);
        told
    };
    assert_eq!(
        refused(&kind::OPENAI, "gpt-3.5-turbo", png()),
        "ParameterError: `gpt-3.5-turbo` reads no images; name another model, leave it to the router, or say \
         `capabilities: [vision]` of it in `models.yaml`"
    );
    let gif = Image::of(b"GIF89a!").unwrap();
    assert_eq!(refused(&kind::GEMINI, "m", gif), "ParameterError: Google Gemini reads no GIF; convert it to PNG");
}

#[test]
fn a_request_without_them_is_written_as_ever() {
    assert_eq!(serde_json::to_value(request("m", "Hi")).unwrap(), json!({"model": "m", "prompt": "Hi"}));
    let written = serde_json::to_string(&seeing("m", vec![png()])).unwrap();
    assert!(!written.contains(BASE64) && written.contains("\"sha256\""), "{written}");
}
