//! How long the router takes to choose a model: `cargo run --release -p orc-engine --example router`. It prints, it
//! does not judge.

#![expect(clippy::print_stdout, reason = "it prints figures")]

use std::{collections::BTreeMap, hint::black_box, time::Instant};

use engine::{
    catalog,
    models::{Need, router::decide},
};

fn main() {
    let registry = catalog::registry();
    let keys = ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "HF_TOKEN"];
    let environment: BTreeMap<String, String> = keys.map(|key| (key.to_owned(), "key".to_owned())).into();
    let wanted = serde_json::json!({"expertise": "medium", "capabilities": ["tools"], "task": "summarise"});
    let need = Need { prompt: 4000, answer: Some(1000), ..Need::of(Some(&wanted)) };
    let choose = || decide(&registry.models, &environment, false, &need).map(|decision| decision.model);
    let mut micros: Vec<f64> = (0..2000)
        .map(|_| {
            let start = Instant::now();
            black_box(choose()).ok();
            start.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    micros.sort_by(f64::total_cmp);
    let at = |part: f64| micros[((micros.len() - 1) as f64 * part) as usize];
    println!("{:?}: p50 {:.1} µs, p99 {:.1} µs", choose(), at(0.5), at(0.99));
}
