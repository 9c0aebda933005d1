//! The built-in table of models and prices, read from `models.json` when somebody asks.

use lang::registry::{ModelList, ModelSpec, ModelTable, Price, PriceTier};
use serde::Deserialize;

/// Providers orc speaks to itself, then those it only knows the prices of (they are reached through
/// an OpenAI-compatible address).
const PROVIDERS: [&str; 11] = [
    "openai",
    "anthropic",
    "google",
    "ollama",
    "huggingface",
    "simulated",
    "mistral",
    "groq",
    "xai",
    "deepseek",
    "ollama-cloud",
];

/// The models that the router may choose without being told of them, by what their providers offer now: small,
/// middle and large ones. From 1 (low expertise) to 5 (very high).
const GRADES: [(&str, &str, u8); 16] = [
    ("openai", "gpt-6-luna", 2),
    ("openai", "gpt-6.1-terra", 3),
    ("openai", "gpt-6.1-sol", 4),
    ("openai", "gpt-6-astra", 5),
    ("anthropic", "claude-haiku-5-5", 2),
    ("anthropic", "claude-haiku-4-5", 3),
    ("anthropic", "claude-sonnet-5-5", 4),
    ("anthropic", "claude-opus-5-5", 5),
    ("google", "gemini-3.5-flash-lite", 2),
    ("google", "gemini-3.8-flash", 3),
    ("google", "gemini-2.5-pro", 4),
    ("google", "gemini-4-argon", 5),
    ("huggingface", "Qwen/Qwen3.5-9B", 2),
    ("huggingface", "openai/gpt-oss-120b", 3),
    ("huggingface", "deepseek-ai/DeepSeek-V4-Pro", 4),
    ("huggingface", "zai-org/GLM-5.2", 5),
];

/// The table; nothing is parsed before somebody asks.
pub(super) fn table() -> ModelTable {
    ModelTable::lazy(PROVIDERS.map(str::to_owned).to_vec(), load)
}

#[derive(Deserialize)]
struct File {
    meta: Meta,
    models: Vec<Row>,
}

#[derive(Deserialize)]
struct Meta {
    price_date: String,
}

/// A row of the file; `meta.note` in it explains the letters.
#[derive(Deserialize)]
struct Row {
    p: String,
    m: String,
    c: Option<u64>,
    o: Option<u64>,
    #[serde(rename = "$", default)]
    price: Vec<Option<f64>>,
    #[serde(default)]
    t: Vec<Vec<Option<f64>>>,
    f: Option<u8>,
    j: Option<u8>,
    v: Option<u8>,
    k: Option<String>,
    s: Option<String>,
}

fn load() -> ModelList {
    let file: File =
        serde_json::from_str(include_str!("models.json")).expect("invariant: the built-in table is read by a test");
    let mut models: Vec<ModelSpec> = file.models.into_iter().map(spec).collect();
    models.push(simulated());
    ModelList { models, price_date: file.meta.price_date }
}

fn spec(row: Row) -> ModelSpec {
    let tier = |columns: Vec<Option<f64>>| {
        let (above, prices) = columns.split_first()?;
        Some(PriceTier { above_tokens: (*above)? as u64, price: price(prices) })
    };
    let grade = GRADES.iter().find(|(provider, name, _)| *provider == row.p && *name == row.m).map(|grade| grade.2);
    ModelSpec {
        grade,
        provider: row.p,
        name: row.m,
        context: row.c,
        max_output: row.o,
        price: price(&row.price),
        tiers: row.t.into_iter().filter_map(tier).collect(),
        tools: row.f.map(|flag| flag == 1),
        json_schema: row.j.map(|flag| flag == 1),
        vision: row.v == Some(1),
        chat: row.k.is_none(),
        deprecated: row.s.is_some(),
        ..ModelSpec::default()
    }
}

/// The built-in deterministic model: free, and chosen only by name.
fn simulated() -> ModelSpec {
    ModelSpec {
        provider: "simulated".to_owned(),
        name: "simulated".to_owned(),
        price: Price { input: Some(0.0), output: Some(0.0), cache_read: Some(0.0), cache_write: Some(0.0) },
        json_schema: Some(true),
        chat: true,
        ..ModelSpec::default()
    }
}

fn price(columns: &[Option<f64>]) -> Price {
    let column = |index: usize| columns.get(index).copied().flatten();
    Price { input: column(0), output: column(1), cache_read: column(2), cache_write: column(3) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_table_has_prices_and_a_date() {
        let table = table();
        assert_eq!(table.models().len(), 456);
        assert_eq!(table.price_date(), "2026-11-22");
        let [model] = table.find("openai/gpt-4o-mini")[..] else { panic!("one model") };
        assert_eq!((model.price.input, model.price.output), (Some(0.15), Some(0.6)));
    }

    #[test]
    fn what_has_a_grade_is_there_and_can_be_priced() {
        let table = table();
        for (provider, name, grade) in GRADES {
            let spec = table.exact(provider, name).unwrap_or_else(|| panic!("{provider}/{name}"));
            assert_eq!(spec.grade, Some(grade));
            assert!(
                spec.chat && !spec.deprecated && spec.price.input.is_some() && spec.price.output.is_some(),
                "{name}"
            );
        }
    }

    #[test]
    fn every_provider_of_the_table_is_known_and_no_model_stands_twice() {
        let table = table();
        for (index, model) in table.models().iter().enumerate() {
            assert!(table.knows_provider(&model.provider), "{}", model.provider);
            let twice = table.models()[..index].iter().any(|m| m.provider == model.provider && m.name == model.name);
            assert!(!twice, "{}/{}", model.provider, model.name);
        }
    }
}
