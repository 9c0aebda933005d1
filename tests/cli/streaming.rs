//! Answers that come in pieces: what a run tells of them while they come.

use serde_json::{Value, json};

use crate::{
    models::{End, Fake, Reply, document, orc},
    support::Folder,
};

const ASKS: &str = "\
id: p
inputs:
  token: {type: string, secret: true}
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: openai/gpt-4o-mini}}
";

const TOKEN: &str = "correct-horse-battery";

/// An answer of OpenAI in these pieces.
fn pieces(texts: &[&str], end: End) -> Reply {
    let piece = |text: &&str| json!({"model": "m", "choices": [{"delta": {"content": text}, "finish_reason": null}]});
    let last = json!({"model": "m", "choices": [{"delta": {}, "finish_reason": "stop"}]});
    let usage = json!({"model": "m", "choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}});
    let mut all: Vec<String> = texts.iter().map(piece).map(|piece| format!("data: {piece}\n\n")).collect();
    if end == End::Whole {
        all.extend([format!("data: {last}\n\n"), format!("data: {usage}\n\n"), "data: [DONE]\n\n".to_owned()]);
    }
    Reply::Pieces("text/event-stream", all, end)
}

/// Runs it: the document, and the data of the events of what was said.
fn ran(replies: Vec<Reply>) -> (Value, Vec<Value>) {
    let folder = Folder::with("p.orc.yaml", ASKS);
    let token = format!("token={TOKEN}");
    let ended = orc(&folder, &Fake::new(replies), &["run", "p.orc.yaml", "-i", &token]);
    let logged = folder.orc(&["runs", "logs", "--format", "jsonl"]).stdout;
    assert!(!logged.contains(TOKEN) && !ended.stdout.contains(TOKEN), "{logged}");
    let events = logged.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let said = events.filter(|event| event["type"] == "step.output").map(|event| event["data"].clone());
    (document(&ended), said.collect())
}

/// What was said altogether.
fn text(said: &[Value]) -> String {
    assert!(said.iter().all(|data| data["stream"] == "model"), "{said:?}");
    said.iter().map(|data| data["text"].as_str().unwrap()).collect()
}

#[test]
fn an_answer_is_told_as_it_comes_without_secrets_however_they_are_cut() {
    let (document, said) = ran(vec![pieces(&["It is ", "corr", "ect-hor", "se-battery", ", no more."], End::Whole)]);
    assert_eq!(text(&said), "It is [secret token], no more.");
    assert_eq!(document["steps"]["a"]["value"]["result"], "It is [secret token], no more.");
    let usage = &document["usage"];
    assert_eq!(
        (&usage["requests"], &usage["input_tokens"], &usage["output_tokens"]),
        (&json!(1), &json!(7), &json!(3))
    );
}

#[test]
fn what_came_of_an_answer_that_was_cut_is_told_and_the_step_fails() {
    let (document, said) = ran(vec![pieces(&["It is ", "so"], End::Cut)]);
    assert_eq!(text(&said), "It is so");
    assert_eq!(document["steps"]["a"]["error_type"], "ModelResponseError");
}

#[test]
fn no_more_is_told_than_of_what_commands_print() {
    let long = "x".repeat(100 << 10);
    let (document, said) = ran(vec![pieces(&[&*long; 4], End::Whole)]);
    assert_eq!(text(&said).len(), 256 << 10);
    assert_eq!(said.last().unwrap()["truncated"], true);
    assert_eq!(document["steps"]["a"]["value"]["result"].as_str().unwrap().len(), 400 << 10);
}
