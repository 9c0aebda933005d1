//! What a call of a model takes without orc: `cargo run --release -p orc-engine --example transport -- URL COUNT AT_ONCE`
//! sends the same request as `tests/bench/calls.py` has orc send, reads the answer as JSON, and does nothing else. It
//! prints, it does not judge.

#![expect(clippy::print_stdout, reason = "it prints figures")]

use std::error::Error;

use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, count, at_once] = &arguments[..] else { return Err("usage: transport URL COUNT AT_ONCE".into()) };
    let (count, at_once): (usize, usize) = (count.parse()?, at_once.parse()?);
    engine::models::prepare_tls();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let ask = |item: usize| {
        let body = json!({
            "model": "gpt-4o-mini", "messages": [{"role": "user", "content": format!("Say {item}")}],
            "max_completion_tokens": 100, "stream": true, "stream_options": {"include_usage": true},
        });
        let request = client.post(url).header("content-type", "application/json").body(body.to_string());
        async move {
            let bytes = request.send().await?.error_for_status()?.bytes().await?;
            let answer: Value = serde_json::from_slice(&bytes)?;
            let tokens = answer["usage"]["completion_tokens"].as_u64();
            tokens.ok_or_else(|| Box::<dyn Error>::from("an answer without usage"))
        }
    };
    let mut answers = stream::iter((0..count).map(ask)).buffer_unordered(at_once);
    let mut tokens = 0;
    while let Some(answer) = answers.next().await {
        tokens += answer?;
    }
    println!("{tokens}");
    Ok(())
}
