//! What a call cost: usage times the prices of the registry, in whole billionths of a dollar.
//! Where a price is unknown the cost says so; it is never taken for free (contract §6.5).

use lang::registry::{ModelSpec, ModelTable, Price};

use super::Usage;
use crate::run::document::Cost;

/// What a call to `provider` cost. The prices are those of the `served` model, or else of the
/// `requested` one: providers answer with dated names.
pub(super) fn cost(
    table: &ModelTable,
    provider: &str,
    (served, requested): (&str, &str),
    usage: Option<&Usage>,
) -> Cost {
    let named = |name: &str| -> Option<&ModelSpec> {
        let found = table.find(&format!("{provider}/{name}"));
        found.into_iter().find(|spec| spec.provider == provider)
    };
    match (usage, named(served).or_else(|| named(requested))) {
        (Some(usage), Some(spec)) => priced(spec, usage, table.price_date()),
        _ => Cost::unknown(),
    }
}

/// The most that a call to `spec` may cost: every token of the prompt at the dearest price that it may have, every
/// token of the answer. `None` where a price is not known.
pub(super) fn worst(spec: &ModelSpec, prompt: u64, answer: u64) -> Option<i64> {
    let tiers = spec.tiers.iter().filter(|tier| prompt > tier.above_tokens).map(|tier| tier.price);
    let mut worst = 0_i64;
    for price in std::iter::once(spec.price).chain(tiers) {
        let nano = |price: f64| (price * 1e9).round() as i128;
        let input = nano(price.input?).max(price.cache_write.map_or(0, nano)).max(price.cache_read.map_or(0, nano));
        let sum = i128::from(prompt) * input + i128::from(answer) * nano(price.output?);
        worst = worst.max(i64::try_from((sum + 999_999).div_euclid(1_000_000)).unwrap_or(i64::MAX));
    }
    Some(worst)
}

fn priced(spec: &ModelSpec, usage: &Usage, date: &str) -> Cost {
    // A tier holds for the whole call.
    let prompt = usage.input_tokens.saturating_add(usage.cache_read_tokens).saturating_add(usage.cache_write_tokens);
    let tier = spec.tiers.iter().filter(|tier| prompt > tier.above_tokens).max_by_key(|tier| tier.above_tokens);
    let Price { input, output, cache_read, cache_write } = tier.map_or(spec.price, |tier| tier.price);
    let parts = [
        (usage.input_tokens, input),
        (usage.output_tokens, output),
        (usage.cache_read_tokens, cache_read),
        (usage.cache_write_tokens, cache_write),
    ];
    let mut known = true;
    let mut sum: i128 = 0;
    for (tokens, price) in parts.into_iter().filter(|(tokens, _)| *tokens > 0) {
        match price {
            // Prices have few digits: in billionths of a dollar per million tokens they are whole.
            Some(price) => sum += i128::from(tokens) * (price * 1e9).round() as i128,
            None => known = false,
        }
    }
    // Millionths of a billionth, rounded once, a half up.
    let nano = (sum + 500_000).div_euclid(1_000_000);
    Cost::of(i64::try_from(nano).unwrap_or(i64::MAX), known, Some(date.to_owned()).filter(|date| !date.is_empty()))
}

#[cfg(test)]
mod tests {
    use lang::registry::{ModelList, PriceTier};

    use super::*;

    fn table() -> ModelTable {
        let price = |input, output, cache_read, cache_write| Price {
            input: Some(input),
            output: Some(output),
            cache_read,
            cache_write,
        };
        let model = |provider: &str, name: &str, price, tiers| ModelSpec {
            provider: provider.to_owned(),
            name: name.to_owned(),
            price,
            tiers,
            ..ModelSpec::default()
        };
        let tier = PriceTier { above_tokens: 200_000, price: price(6.0, 22.5, Some(0.6), None) };
        let models = vec![
            model("openai", "small", price(0.15, 0.6, Some(0.075), None), Vec::new()),
            model("anthropic", "large", price(3.0, 15.0, Some(0.3), Some(3.75)), vec![tier]),
            model("openai", "unpriced", Price::default(), Vec::new()),
            model("groq", "openai/other", price(1.0, 1.0, None, None), Vec::new()),
        ];
        ModelTable::new(ModelList { models, price_date: "2026-11-22".to_owned() })
    }

    fn usage(input: u64, output: u64, read: u64, write: u64) -> Usage {
        Usage {
            requests: 1,
            input_tokens: input,
            output_tokens: output,
            cache_read_tokens: read,
            cache_write_tokens: write,
            reasoning_tokens: 0,
        }
    }

    /// Billionths, and whether all is known.
    fn paid(model: &str, usage: Usage) -> (i64, bool) {
        let (provider, name) = model.split_once('/').expect("a provider");
        let cost = cost(&table(), provider, (name, name), Some(&usage));
        (cost.nano_usd, cost.known)
    }

    #[test]
    fn usage_is_priced_to_the_billionth() {
        let cases = [
            ("openai/small", usage(0, 0, 0, 0), (0, true)),
            ("openai/small", usage(1, 0, 0, 0), (150, true)),
            ("openai/small", usage(0, 1, 0, 0), (600, true)),
            ("openai/small", usage(0, 0, 1, 0), (75, true)),
            ("openai/small", usage(12, 34, 56, 0), (12 * 150 + 34 * 600 + 56 * 75, true)),
            ("openai/small", usage(1_000_000, 1_000_000, 0, 0), (750_000_000, true)),
            // What has no price of its own is not taken for free.
            ("openai/small", usage(1, 0, 0, 9), (150, false)),
            ("anthropic/large", usage(1000, 500, 2000, 100), (3_000_000 + 7_500_000 + 600_000 + 375_000, true)),
            // The tier is reached by the whole prompt, and holds for the whole call.
            ("anthropic/large", usage(200_000, 0, 0, 0), (600_000_000, true)),
            ("anthropic/large", usage(200_001, 0, 0, 0), (200_001 * 6000, true)),
            ("anthropic/large", usage(1, 10, 200_000, 0), (6000 + 10 * 22_500 + 200_000 * 600, true)),
            ("anthropic/large", usage(1, 0, 200_000, 5), (6000 + 200_000 * 600, false)),
            ("openai/unpriced", usage(5, 5, 0, 0), (0, false)),
            ("openai/never-heard-of", usage(5, 5, 0, 0), (0, false)),
            // Another provider's model of that name has another price.
            ("openai/other", usage(5, 5, 0, 0), (0, false)),
        ];
        for (model, usage, expected) in cases {
            assert_eq!(paid(model, usage), expected, "{model} {usage:?}");
        }
    }

    #[test]
    fn a_dated_name_has_the_price_of_the_one_that_was_asked_for() {
        let cost = cost(&table(), "openai", ("small-2026-01-01", "small"), Some(&usage(10, 0, 0, 0)));
        assert_eq!((cost.nano_usd, &*cost.usd, cost.known), (1500, "0.0000015", true));
        assert_eq!(cost.price_date.as_deref(), Some("2026-11-22"));
    }

    #[test]
    fn usage_that_nobody_told_costs_an_unknown_amount() {
        let cost = cost(&table(), "openai", ("small", "small"), None);
        assert_eq!((cost.nano_usd, cost.known, cost.price_date), (0, false, None));
    }
}
