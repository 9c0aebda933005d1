//! The ledger is what the provider says it counted, to the token and to the billionth of a dollar: a table of the
//! shapes that usage comes in. The sums were made by hand of the prices of the table.

use serde_json::Value;

use crate::{
    catalog,
    models::{
        Usage,
        kind::{self, Kind},
        price,
    },
};

/// The provider, its model, what it says of its usage; then tokens (asked, answered, read from the cache, written to
/// it, of the answered those of reasoning), billionths of a dollar, and whether all of it is known.
type Row = (&'static Kind, &'static str, &'static str, Option<[u64; 5]>, i64, bool);

#[rustfmt::skip]
const ROWS: [Row; 75] = [
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 0, "completion_tokens": 0}"#, Some([0, 0, 0, 0, 0]), 0, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 1, "completion_tokens": 0}"#, Some([1, 0, 0, 0, 0]), 150, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 0, "completion_tokens": 1}"#, Some([0, 1, 0, 0, 0]), 600, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 1, "completion_tokens": 1}"#, Some([1, 1, 0, 0, 0]), 750, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 7, "completion_tokens": 3}"#, Some([7, 3, 0, 0, 0]), 2850, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 999, "completion_tokens": 1}"#, Some([999, 1, 0, 0, 0]), 150_450, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 100000, "completion_tokens": 16384}"#, Some([100_000, 16_384, 0, 0, 0]), 24_830_400, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 0}}"#, Some([100, 20, 0, 0, 0]), 27_000, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 40}}"#, Some([60, 20, 40, 0, 0]), 24_000, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 100}}"#, Some([0, 20, 100, 0, 0]), 19_500, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 2006, "completion_tokens": 300, "prompt_tokens_details": {"cached_tokens": 1920}}"#, Some([86, 300, 1920, 0, 0]), 336_900, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 1, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 1}}"#, Some([0, 1, 1, 0, 0]), 675, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 10, "cache_write_tokens": 5}}"#, Some([85, 20, 10, 5, 0]), 25_500, false),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 10, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 30}}"#, Some([0, 20, 30, 0, 0]), 14_250, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 10, "completion_tokens": 100, "completion_tokens_details": {"reasoning_tokens": 90}}"#, Some([10, 100, 0, 0, 90]), 510_000, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 10, "completion_tokens": 100, "completion_tokens_details": {"reasoning_tokens": 100}}"#, Some([10, 100, 0, 0, 100]), 510_000, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 10, "completion_tokens": 100, "completion_tokens_details": {"reasoning_tokens": 0}}"#, Some([10, 100, 0, 0, 0]), 510_000, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 50, "completion_tokens": 4096, "completion_tokens_details": {"reasoning_tokens": 4000}}"#, Some([50, 4096, 0, 0, 4000]), 20_530_000, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 1000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 100}}"#, Some([500, 10, 400, 100, 0]), 695_000, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 1000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 1000}}"#, Some([0, 10, 0, 1000, 0]), 1_300_000, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 1000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 999, "cache_write_tokens": 1}}"#, Some([0, 10, 999, 1, 0]), 101_200, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 272000, "completion_tokens": 10}"#, Some([272_000, 10, 0, 0, 0]), 272_050_000, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 272001, "completion_tokens": 10}"#, Some([272_001, 10, 0, 0, 0]), 544_077_000, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 300000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 299999}}"#, Some([1, 10, 299_999, 0, 0]), 30_076_900, true),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 300000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 1000}}"#, Some([299_000, 10, 0, 1000, 0]), 598_075_000, false),
    (&kind::OPENAI, "gpt-6.1-terra", r#"{"prompt_tokens": 300000, "completion_tokens": 2000, "prompt_tokens_details": {"cached_tokens": 100000}, "completion_tokens_details": {"reasoning_tokens": 1500}}"#, Some([200_000, 2000, 100_000, 0, 1500]), 425_000_000, true),
    (&kind::OPENAI, "gpt-6-luna", r#"{"prompt_tokens": 3, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}}"#, Some([2, 3, 1, 0, 0]), 1710, true),
    (&kind::OPENAI, "gpt-6-luna", r#"{"prompt_tokens": 272001, "completion_tokens": 0}"#, Some([272_001, 0, 0, 0, 0]), 54_400_200, true),
    (&kind::OPENAI, "gpt-5.4", r#"{"prompt_tokens": 11, "completion_tokens": 7, "prompt_tokens_details": {"cached_tokens": 5}, "completion_tokens_details": {"reasoning_tokens": 6}}"#, Some([6, 7, 5, 0, 6]), 121_250, true),
    (&kind::OPENAI, "gpt-5.4", r#"{"prompt_tokens": 272001, "completion_tokens": 1}"#, Some([272_001, 1, 0, 0, 0]), 1_360_027_500, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 9}"#, Some([9, 0, 0, 0, 0]), 1350, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 9, "prompt_cache_hit_tokens": 4, "completion_tokens": 1}"#, Some([5, 1, 4, 0, 0]), 1650, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": null, "completion_tokens_details": null}"#, Some([9, 2, 0, 0, 0]), 2550, true),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": null}}"#, Some([9, 2, 0, 0, 0]), 2550, true),
    (&kind::OPENAI, "gpt-4o-mini", "null", None, 0, false),
    (&kind::OPENAI, "gpt-4o-mini", "{}", None, 0, false),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": -1, "completion_tokens": 2}"#, None, 0, false),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"prompt_tokens": "9"}"#, None, 0, false),
    (&kind::OPENAI, "gpt-4o-mini", r#"{"completion_tokens": 5}"#, None, 0, false),
    (&kind::OPENAI, "gpt-4o-mini", "[]", None, 0, false),
    (&kind::OPENAI, "nobody-knows", r#"{"prompt_tokens": 5, "completion_tokens": 5}"#, Some([5, 5, 0, 0, 0]), 0, false),
    (&kind::ANTHROPIC, "claude-sonnet-4-20250514", r#"{"input_tokens": 0, "output_tokens": 0}"#, Some([0, 0, 0, 0, 0]), 0, true),
    (&kind::ANTHROPIC, "claude-sonnet-4-20250514", r#"{"input_tokens": 1, "output_tokens": 1}"#, Some([1, 1, 0, 0, 0]), 18_000, true),
    (&kind::ANTHROPIC, "claude-sonnet-4-20250514", r#"{"input_tokens": 12, "output_tokens": 34}"#, Some([12, 34, 0, 0, 0]), 546_000, true),
    (&kind::ANTHROPIC, "claude-sonnet-4-20250514", r#"{"input_tokens": 25, "output_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}"#, Some([25, 100, 0, 0, 0]), 1_575_000, true),
    (&kind::ANTHROPIC, "claude-sonnet-4-20250514", r#"{"input_tokens": 25, "output_tokens": 100, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 5000}"#, Some([25, 100, 5000, 0, 0]), 3_075_000, true),
    (&kind::ANTHROPIC, "claude-sonnet-4-20250514", r#"{"input_tokens": 25, "output_tokens": 100, "cache_creation_input_tokens": 5000, "cache_read_input_tokens": 0}"#, Some([25, 100, 0, 5000, 0]), 20_325_000, true),
    (&kind::ANTHROPIC, "claude-sonnet-4-20250514", r#"{"input_tokens": 25, "output_tokens": 100, "cache_creation_input_tokens": 456, "cache_read_input_tokens": 123}"#, Some([25, 100, 123, 456, 0]), 3_321_900, true),
    (&kind::ANTHROPIC, "claude-sonnet-4-20250514", r#"{"input_tokens": 0, "output_tokens": 1, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 199999}"#, Some([0, 1, 199_999, 0, 0]), 60_014_700, true),
    (&kind::ANTHROPIC, "claude-sonnet-4-20250514", r#"{"input_tokens": 3, "output_tokens": 64000, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}"#, Some([3, 64_000, 0, 0, 0]), 960_009_000, true),
    (&kind::ANTHROPIC, "claude-haiku-4-5", r#"{"input_tokens": 10, "output_tokens": 5}"#, Some([10, 5, 0, 0, 0]), 35_000, true),
    (&kind::ANTHROPIC, "claude-haiku-4-5", r#"{"input_tokens": 10, "output_tokens": 5, "cache_creation_input_tokens": 9, "cache_read_input_tokens": 7}"#, Some([10, 5, 7, 9, 0]), 46_950, true),
    (&kind::ANTHROPIC, "claude-haiku-4-5", r#"{"input_tokens": 200000, "output_tokens": 64000}"#, Some([200_000, 64_000, 0, 0, 0]), 520_000_000, true),
    (&kind::ANTHROPIC, "claude-haiku-4-5", r#"{"input_tokens": 10}"#, Some([10, 0, 0, 0, 0]), 10_000, true),
    (&kind::ANTHROPIC, "claude-haiku-4-5", r#"{"input_tokens": 10, "output_tokens": 1, "cache_read_input_tokens": null, "cache_creation_input_tokens": null}"#, Some([10, 1, 0, 0, 0]), 15_000, true),
    (&kind::ANTHROPIC, "claude-haiku-4-5", r#"{"input_tokens": 10, "output_tokens": 1, "cache_creation_input_tokens": 4, "cache_creation": {"ephemeral_5m_input_tokens": 4}}"#, Some([10, 1, 0, 4, 0]), 20_000, true),
    (&kind::ANTHROPIC, "claude-haiku-4-5", "null", None, 0, false),
    (&kind::ANTHROPIC, "claude-haiku-4-5", r#"{"output_tokens": 4}"#, None, 0, false),
    (&kind::GEMINI, "gemini-2.5-pro", r#"{"promptTokenCount": 0, "candidatesTokenCount": 0}"#, Some([0, 0, 0, 0, 0]), 0, true),
    (&kind::GEMINI, "gemini-2.5-pro", r#"{"promptTokenCount": 4, "candidatesTokenCount": 2}"#, Some([4, 2, 0, 0, 0]), 25_000, true),
    (&kind::GEMINI, "gemini-2.5-pro", r#"{"promptTokenCount": 4, "candidatesTokenCount": 2, "thoughtsTokenCount": 100}"#, Some([4, 102, 0, 0, 100]), 1_025_000, true),
    (&kind::GEMINI, "gemini-2.5-pro", r#"{"promptTokenCount": 1000, "candidatesTokenCount": 2, "thoughtsTokenCount": 100, "cachedContentTokenCount": 900}"#, Some([100, 102, 900, 0, 100]), 1_257_500, true),
    (&kind::GEMINI, "gemini-2.5-pro", r#"{"promptTokenCount": 200000, "candidatesTokenCount": 1}"#, Some([200_000, 1, 0, 0, 0]), 250_010_000, true),
    (&kind::GEMINI, "gemini-2.5-pro", r#"{"promptTokenCount": 200001, "candidatesTokenCount": 1, "thoughtsTokenCount": 9, "cachedContentTokenCount": 1}"#, Some([200_000, 10, 1, 0, 9]), 500_150_250, true),
    (&kind::GEMINI, "gemini-2.5-flash", r#"{"promptTokenCount": 7, "candidatesTokenCount": 3, "thoughtsTokenCount": 1, "cachedContentTokenCount": 2}"#, Some([5, 4, 2, 0, 1]), 11_560, true),
    (&kind::GEMINI, "gemini-2.5-pro", r#"{"promptTokenCount": 8}"#, Some([8, 0, 0, 0, 0]), 10_000, true),
    (&kind::GEMINI, "gemini-2.5-pro", r#"{"promptTokenCount": 8, "thoughtsTokenCount": 50}"#, Some([8, 50, 0, 0, 50]), 510_000, true),
    (&kind::GEMINI, "gemini-2.5-pro", "null", None, 0, false),
    (&kind::HUGGING_FACE, "openai/gpt-oss-120b", r#"{"prompt_tokens": 8, "completion_tokens": 4}"#, Some([8, 4, 0, 0, 0]), 4760, true),
    (&kind::HUGGING_FACE, "openai/gpt-oss-120b", r#"{"prompt_tokens": 8, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}}"#, Some([5, 4, 3, 0, 0]), 4010, false),
    (&kind::HUGGING_FACE, "org/unlisted", r#"{"prompt_tokens": 8, "completion_tokens": 4}"#, Some([8, 4, 0, 0, 0]), 0, false),
    (&kind::HUGGING_FACE, "openai/gpt-oss-120b", "null", None, 0, false),
    (&kind::OLLAMA, "llama3.1", r#"{"prompt_eval_count": 26, "eval_count": 298}"#, Some([26, 298, 0, 0, 0]), 0, true),
    (&kind::OLLAMA, "llama3.1", r#"{"prompt_eval_count": 26}"#, Some([26, 0, 0, 0, 0]), 0, true),
    (&kind::OLLAMA, "llama3.1", "{}", None, 0, false),
];

/// An answer with this usage, as the provider gives it.
fn reply(kind: &Kind, usage: &str) -> Value {
    let whole = match kind.name {
        "anthropic" => format!(r#"{{"content": [{{"type": "text", "text": "x"}}], "usage": {usage}}}"#),
        "google" => {
            format!(r#"{{"candidates": [{{"content": {{"parts": [{{"text": "x"}}]}}}}], "usageMetadata": {usage}}}"#)
        }
        "ollama" => format!(r#"{{"message": {{"content": "x"}}, {}"#, usage.trim_start_matches('{')),
        _ => format!(r#"{{"choices": [{{"message": {{"content": "x"}}}}], "usage": {usage}}}"#),
    };
    // Without a count, a comma is left over.
    serde_json::from_str(&whole.replace(", }", "}")).unwrap_or_else(|error| panic!("{error}: {whole}"))
}

#[test]
fn the_ledger_is_the_usage_to_the_token_and_to_the_billionth() {
    let table = &catalog::registry().models;
    for (kind, model, said, tokens, nano_usd, known) in ROWS {
        let answer = (kind.dialect.read)(&reply(kind, said)).unwrap_or_else(|error| panic!("{model} {said}: {error}"));
        let counted = |usage: Usage| {
            assert_eq!(usage.requests, 1);
            let Usage { input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens, .. } =
                usage;
            [input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens]
        };
        let cost = price::cost(table, kind.name, (model, model), answer.usage.as_ref());
        let made = (answer.usage.map(counted), cost.nano_usd, cost.known);
        assert_eq!(made, (tokens, nano_usd, known), "{} {model} {said}", kind.name);
    }
}
