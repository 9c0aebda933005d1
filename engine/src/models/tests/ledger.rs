//! What providers say was used, and what that is in tokens and in billionths of a dollar: one line per
//! shape of usage.

use lang::registry::{ModelList, ModelSpec, ModelTable, Price, PriceTier};
use serde_json::{Value, json};

use crate::models::{
    kind::{ANTHROPIC, GEMINI, HUGGING_FACE, Kind, OLLAMA, OPENAI},
    price,
};

/// Tokens: of the prompt, of the answer, read from the cache, written to it, and spent on reasoning.
type Tokens = [u64; 5];

/// What a provider said; the tokens, if it said them; billionths of a dollar, if the price is known.
type Line = (&'static Kind, &'static str, Value, Option<Tokens>, Option<i64>);

fn price(input: f64, output: f64, cache_read: Option<f64>, cache_write: Option<f64>) -> Price {
    Price { input: Some(input), output: Some(output), cache_read, cache_write }
}

/// In US$ per million tokens.
fn table() -> ModelTable {
    let model = |provider: &str, name: &str, price, tiers| ModelSpec {
        provider: provider.to_owned(),
        name: name.to_owned(),
        price,
        tiers,
        ..ModelSpec::default()
    };
    let tier = |above_tokens, price| PriceTier { above_tokens, price };
    let models = vec![
        model("openai", "mini", price(0.15, 0.6, Some(0.075), None), Vec::new()),
        model("openai", "thinker", price(1.25, 10.0, Some(0.125), None), Vec::new()),
        model("openai", "plain", price(2.0, 8.0, None, None), Vec::new()),
        model("openai", "written", price(1.0, 2.0, Some(0.1), Some(1.25)), Vec::new()),
        model("openai", "penny", price(0.0001, 0.0003, None, None), Vec::new()),
        model("openai", "gift", price(0.0, 0.0, Some(0.0), Some(0.0)), Vec::new()),
        model("openai", "half", Price { input: Some(1.0), ..Price::default() }, Vec::new()),
        model(
            "anthropic",
            "large",
            price(3.0, 15.0, Some(0.3), Some(3.75)),
            vec![tier(200_000, price(6.0, 22.5, Some(0.6), Some(7.5)))],
        ),
        model("anthropic", "small", price(0.8, 4.0, Some(0.08), Some(1.0)), Vec::new()),
        model(
            "google",
            "pro",
            price(1.25, 10.0, Some(0.31), None),
            vec![tier(200_000, price(2.5, 15.0, Some(0.625), None))],
        ),
        model("google", "flash", price(0.3, 2.5, Some(0.075), None), Vec::new()),
        model("ollama", "rented", price(0.1, 0.2, None, None), Vec::new()),
        model("huggingface", "open", price(0.5, 0.5, None, None), Vec::new()),
    ];
    ModelTable::new(ModelList { models, price_date: "2026-11-22".to_owned() })
}

/// A whole reply of the provider with this usage.
fn reply(kind: &Kind, usage: Value) -> Value {
    match kind.name {
        "anthropic" => json!({"content": [{"type": "text", "text": "x"}], "stop_reason": "end_turn", "usage": usage}),
        "google" => json!({"candidates": [{"content": {"parts": [{"text": "x"}]}}], "usageMetadata": usage}),
        "ollama" => {
            let mut reply = json!({"message": {"content": "x"}, "done": true});
            for (name, count) in usage.as_object().into_iter().flatten() {
                reply[name] = count.clone();
            }
            reply
        }
        _ => json!({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}], "usage": usage}),
    }
}

/// Of OpenAI and what speaks like it.
fn openai(prompt: u64, completion: u64) -> Value {
    json!({"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion})
}

fn openai_with(prompt: u64, completion: u64, cached: u64, reasoning: u64) -> Value {
    let mut usage = openai(prompt, completion);
    usage["prompt_tokens_details"] = json!({"cached_tokens": cached, "audio_tokens": 0});
    usage["completion_tokens_details"] =
        json!({"reasoning_tokens": reasoning, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0});
    usage
}

fn anthropic(input: u64, output: u64, read: u64, write: u64) -> Value {
    json!({
        "input_tokens": input, "output_tokens": output,
        "cache_read_input_tokens": read, "cache_creation_input_tokens": write,
    })
}

fn gemini(prompt: u64, answer: u64, cached: u64, thoughts: u64) -> Value {
    let mut usage = json!({"promptTokenCount": prompt, "totalTokenCount": prompt + answer + thoughts});
    // What is nought is left out.
    for (name, count) in
        [("candidatesTokenCount", answer), ("cachedContentTokenCount", cached), ("thoughtsTokenCount", thoughts)]
    {
        if count > 0 {
            usage[name] = json!(count);
        }
    }
    usage
}

fn lines() -> Vec<Line> {
    vec![
        // OpenAI: what was read from the cache is a part of the prompt, reasoning a part of the answer.
        (&OPENAI, "mini", openai(1, 0), Some([1, 0, 0, 0, 0]), Some(150)),
        (&OPENAI, "mini", openai(0, 1), Some([0, 1, 0, 0, 0]), Some(600)),
        (&OPENAI, "mini", openai(0, 0), Some([0, 0, 0, 0, 0]), Some(0)),
        (&OPENAI, "mini", openai(1000, 500), Some([1000, 500, 0, 0, 0]), Some(450_000)),
        (&OPENAI, "mini", openai(999_999_999, 0), Some([999_999_999, 0, 0, 0, 0]), Some(149_999_999_850)),
        (&OPENAI, "mini", openai_with(100, 20, 40, 0), Some([60, 20, 40, 0, 0]), Some(24_000)),
        (&OPENAI, "mini", openai_with(100, 20, 100, 0), Some([0, 20, 100, 0, 0]), Some(19_500)),
        (&OPENAI, "mini", openai_with(100, 20, 0, 0), Some([100, 20, 0, 0, 0]), Some(27_000)),
        (&OPENAI, "mini", openai_with(1, 0, 1, 0), Some([0, 0, 1, 0, 0]), Some(75)),
        (&OPENAI, "thinker", openai_with(50, 1000, 0, 960), Some([50, 1000, 0, 0, 960]), Some(10_062_500)),
        (&OPENAI, "thinker", openai_with(2048, 1000, 1920, 1000), Some([128, 1000, 1920, 0, 1000]), Some(10_400_000)),
        (&OPENAI, "plain", openai(7, 3), Some([7, 3, 0, 0, 0]), Some(38_000)),
        // What has no price of its own is not taken for free.
        (&OPENAI, "plain", openai_with(7, 3, 4, 0), Some([3, 3, 4, 0, 0]), None),
        (&OPENAI, "half", openai(7, 0), Some([7, 0, 0, 0, 0]), Some(7000)),
        (&OPENAI, "half", openai(7, 1), Some([7, 1, 0, 0, 0]), None),
        (&OPENAI, "unheard-of", openai(7, 1), Some([7, 1, 0, 0, 0]), None),
        (&OPENAI, "gift", openai_with(7, 1, 2, 0), Some([5, 1, 2, 0, 0]), Some(0)),
        // Less than a billionth is rounded once, for the whole call.
        (&OPENAI, "penny", openai(4, 0), Some([4, 0, 0, 0, 0]), Some(0)),
        (&OPENAI, "penny", openai(5, 0), Some([5, 0, 0, 0, 0]), Some(1)),
        (&OPENAI, "penny", openai(4, 1), Some([4, 1, 0, 0, 0]), Some(1)),
        (&OPENAI, "penny", openai(10, 10), Some([10, 10, 0, 0, 0]), Some(4)),
        // Servers that speak like it: OpenRouter says what was written, DeepSeek and others have names of their own.
        (
            &OPENAI,
            "written",
            json!({
                "prompt_tokens": 1000, "completion_tokens": 10, "cost": 0.95,
                "prompt_tokens_details": {"cached_tokens": 300, "cache_write_tokens": 200},
            }),
            Some([500, 10, 300, 200, 0]),
            Some(500_000 + 20_000 + 30_000 + 250_000),
        ),
        (
            &OPENAI,
            "mini",
            json!({
                "prompt_tokens": 90, "completion_tokens": 5,
                "prompt_cache_hit_tokens": 64, "prompt_cache_miss_tokens": 26,
            }),
            Some([26, 5, 64, 0, 0]),
            Some(11_700),
        ),
        (&OPENAI, "mini", json!({"prompt_tokens": 9, "completion_tokens": 2}), Some([9, 2, 0, 0, 0]), Some(2550)),
        (
            &OPENAI,
            "mini",
            json!({
                "prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": null,
                "completion_tokens_details": null,
            }),
            Some([9, 2, 0, 0, 0]),
            Some(2550),
        ),
        // Who says one half only has not said what was used.
        (&OPENAI, "mini", json!({"prompt_tokens": 9}), None, None),
        (&OPENAI, "mini", json!({"completion_tokens": 9}), None, None),
        (&OPENAI, "mini", json!({"total_tokens": 9}), None, None),
        (&OPENAI, "mini", json!({"prompt_tokens": "9", "completion_tokens": "2"}), None, None),
        (&OPENAI, "mini", json!({"prompt_tokens": -9, "completion_tokens": 2}), None, None),
        (&OPENAI, "mini", json!({"prompt_tokens": 9, "completion_tokens": null}), None, None),
        (&OPENAI, "mini", json!({}), None, None),
        (&OPENAI, "mini", Value::Null, None, None),
        (&HUGGING_FACE, "open", openai(100, 100), Some([100, 100, 0, 0, 0]), Some(100_000)),
        (&HUGGING_FACE, "open", openai_with(100, 0, 50, 0), Some([50, 0, 50, 0, 0]), None),
        (&HUGGING_FACE, "other", openai(1, 1), Some([1, 1, 0, 0, 0]), None),
        (&HUGGING_FACE, "open", Value::Null, None, None),
        // Anthropic: the parts of the prompt stand apart, and a tier counts all of them.
        (&ANTHROPIC, "large", anthropic(10, 5, 0, 0), Some([10, 5, 0, 0, 0]), Some(105_000)),
        (&ANTHROPIC, "large", anthropic(10, 0, 0, 0), Some([10, 0, 0, 0, 0]), Some(30_000)),
        (
            &ANTHROPIC,
            "large",
            anthropic(1000, 500, 2000, 100),
            Some([1000, 500, 2000, 100, 0]),
            Some(3_000_000 + 7_500_000 + 600_000 + 375_000),
        ),
        (&ANTHROPIC, "large", anthropic(0, 1, 5000, 0), Some([0, 1, 5000, 0, 0]), Some(1_515_000)),
        (&ANTHROPIC, "large", anthropic(3, 1, 0, 5000), Some([3, 1, 0, 5000, 0]), Some(9000 + 15_000 + 18_750_000)),
        (&ANTHROPIC, "large", anthropic(200_000, 1, 0, 0), Some([200_000, 1, 0, 0, 0]), Some(600_015_000)),
        (&ANTHROPIC, "large", anthropic(200_001, 1, 0, 0), Some([200_001, 1, 0, 0, 0]), Some(1_200_006_000 + 22_500)),
        (
            &ANTHROPIC,
            "large",
            anthropic(1, 10, 150_000, 50_000),
            Some([1, 10, 150_000, 50_000, 0]),
            Some(6000 + 225_000 + 90_000_000 + 375_000_000),
        ),
        (
            &ANTHROPIC,
            "large",
            anthropic(0, 10, 150_000, 50_000),
            Some([0, 10, 150_000, 50_000, 0]),
            Some(150_000 + 45_000_000 + 187_500_000),
        ),
        (&ANTHROPIC, "small", json!({"input_tokens": 7, "output_tokens": 9}), Some([7, 9, 0, 0, 0]), Some(41_600)),
        (
            &ANTHROPIC,
            "small",
            json!({
                "input_tokens": 7, "output_tokens": 9, "cache_read_input_tokens": null,
                "cache_creation_input_tokens": null, "service_tier": "standard",
            }),
            Some([7, 9, 0, 0, 0]),
            Some(41_600),
        ),
        (&ANTHROPIC, "small", json!({"input_tokens": 7}), None, None),
        (&ANTHROPIC, "small", json!({"output_tokens": 7}), None, None),
        (&ANTHROPIC, "small", Value::Null, None, None),
        (&ANTHROPIC, "next", anthropic(1, 1, 0, 0), Some([1, 1, 0, 0, 0]), None),
        // Gemini: thoughts stand beside the answer and are paid like it; what is nought is left out.
        (&GEMINI, "flash", gemini(100, 50, 0, 0), Some([100, 50, 0, 0, 0]), Some(155_000)),
        (&GEMINI, "flash", gemini(100, 50, 0, 25), Some([100, 75, 0, 0, 25]), Some(217_500)),
        (&GEMINI, "flash", gemini(100, 0, 0, 25), Some([100, 25, 0, 0, 25]), Some(92_500)),
        (&GEMINI, "flash", gemini(100, 0, 0, 0), Some([100, 0, 0, 0, 0]), Some(30_000)),
        (&GEMINI, "flash", gemini(100, 10, 64, 0), Some([36, 10, 64, 0, 0]), Some(10_800 + 25_000 + 4800)),
        (&GEMINI, "pro", gemini(200_000, 10, 0, 0), Some([200_000, 10, 0, 0, 0]), Some(250_100_000)),
        (&GEMINI, "pro", gemini(200_001, 10, 0, 0), Some([200_001, 10, 0, 0, 0]), Some(500_002_500 + 150_000)),
        (
            &GEMINI,
            "pro",
            gemini(250_000, 10, 200_000, 5),
            Some([50_000, 15, 200_000, 0, 5]),
            Some(125_000_000 + 225_000 + 125_000_000),
        ),
        // What the model's own tools put into the prompt is paid like it.
        (
            &GEMINI,
            "flash",
            json!({"promptTokenCount": 10, "toolUsePromptTokenCount": 90, "candidatesTokenCount": 1}),
            Some([100, 1, 0, 0, 0]),
            Some(32_500),
        ),
        (&GEMINI, "flash", json!({"totalTokenCount": 10}), None, None),
        (&GEMINI, "flash", Value::Null, None, None),
        (&GEMINI, "later", gemini(1, 1, 0, 0), Some([1, 1, 0, 0, 0]), None),
        // Ollama, where it is not this machine.
        (
            &OLLAMA,
            "rented",
            json!({"prompt_eval_count": 26, "eval_count": 298, "eval_duration": 1}),
            Some([26, 298, 0, 0, 0]),
            Some(62_200),
        ),
        (&OLLAMA, "rented", json!({"prompt_eval_count": 26, "eval_count": 0}), Some([26, 0, 0, 0, 0]), Some(2600)),
        (&OLLAMA, "rented", json!({"prompt_eval_count": 26}), None, None),
        (&OLLAMA, "rented", json!({"eval_count": 298}), None, None),
        (&OLLAMA, "rented", Value::Null, None, None),
        (&OLLAMA, "mine", json!({"prompt_eval_count": 1, "eval_count": 1}), Some([1, 1, 0, 0, 0]), None),
    ]
}

#[test]
fn what_is_told_is_counted_to_the_token_and_the_billionth() {
    let (table, lines) = (table(), lines());
    assert!(lines.len() >= 60, "{} shapes", lines.len());
    let mut wrong = Vec::new();
    for (kind, model, told, tokens, nano) in lines {
        let shown = format!("{}/{model} {told}", kind.name);
        let answer = (kind.dialect.read)(&reply(kind, told)).expect("a reply");
        let usage = answer.usage;
        let counted = usage.map(|usage| {
            assert_eq!(usage.requests, 1);
            [
                usage.input_tokens,
                usage.output_tokens,
                usage.cache_read_tokens,
                usage.cache_write_tokens,
                usage.reasoning_tokens,
            ]
        });
        let cost = price::cost(&table, kind.name, (model, model), usage.as_ref());
        let paid = cost.known.then_some(cost.nano_usd);
        if (counted, paid) != (tokens, nano) {
            wrong.push(format!("{shown}\n  is {counted:?} {paid:?}\n  not {tokens:?} {nano:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
