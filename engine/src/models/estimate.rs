//! What calls may come to before they are made: intervals of tokens and money (contract §6.7).

use std::ops::Add;

use lang::registry::ModelTable;
use serde::Serialize;

use super::{Usage, is_simulated, kind, price, tokens};

/// From `low` over what is `expected` to `high`; without `high` nobody knows how much it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Range {
    /// At least.
    pub low: u64,
    /// About.
    pub expected: u64,
    /// At most; `None` = no bound is known.
    pub high: Option<u64>,
}

impl Range {
    /// All three; what is expected lies between the others.
    pub(crate) fn between(low: u64, expected: u64, high: u64) -> Self {
        Self { low: low.min(high), expected: expected.clamp(low.min(high), high), high: Some(high) }
    }

    /// Exactly so much.
    pub(crate) fn exactly(count: u64) -> Self {
        Self::between(count, count, count)
    }

    /// Any amount.
    pub(crate) fn open() -> Self {
        Self::default()
    }

    /// So many of it.
    pub(crate) fn times(self, count: Self) -> Self {
        Self {
            low: self.low.saturating_mul(count.low),
            expected: self.expected.saturating_mul(count.expected),
            high: self.high.zip(count.high).map(|(one, count)| one.saturating_mul(count)),
        }
    }

    /// One or the other.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            low: self.low.min(other.low),
            expected: self.expected.midpoint(other.expected),
            high: self.high.zip(other.high).map(|(one, other)| one.max(other)),
        }
    }

    /// Perhaps nothing of it.
    pub(crate) fn perhaps(self) -> Self {
        Self { low: 0, ..self }
    }
}

impl Add for Range {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            low: self.low.saturating_add(other.low),
            expected: self.expected.saturating_add(other.expected),
            high: self.high.zip(other.high).map(|(one, other)| one.saturating_add(other)),
        }
    }
}

/// What is known of the calls of a step, or of several, before they are made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Estimate {
    /// How many calls.
    pub calls: Range,
    /// Tokens of prompts.
    pub input_tokens: Range,
    /// Tokens of answers.
    pub output_tokens: Range,
    /// Billionths of a dollar; `None` = the price of a model is not known, or no model is.
    pub nano_usd: Option<Range>,
    /// The day of the prices.
    pub price_date: Option<String>,
    /// The model that will be asked, where it is one and known.
    pub model: Option<String>,
    /// What it is taken from: `history` where earlier runs say how long answers are, else `prompt`.
    pub basis: &'static str,
}

impl Estimate {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        if self.calls == Range::default() && self.basis.is_empty() {
            return other;
        }
        Self {
            calls: self.calls + other.calls,
            input_tokens: self.input_tokens + other.input_tokens,
            output_tokens: self.output_tokens + other.output_tokens,
            nano_usd: self.nano_usd.zip(other.nano_usd).map(|(one, other)| one + other),
            price_date: self.price_date.max(other.price_date),
            model: self.model.filter(|model| Some(model) == other.model.as_ref()),
            basis: if self.basis == other.basis { self.basis } else { "prompt" },
        }
    }

    /// As often as `count` says.
    pub(crate) fn times(self, count: Range) -> Self {
        Self {
            calls: self.calls.times(count),
            input_tokens: self.input_tokens.times(count),
            output_tokens: self.output_tokens.times(count),
            nano_usd: self.nano_usd.map(|nano| nano.times(count)),
            ..self
        }
    }

    /// Of calls that may not be made.
    pub(crate) fn perhaps(self) -> Self {
        Self {
            calls: self.calls.perhaps(),
            input_tokens: self.input_tokens.perhaps(),
            output_tokens: self.output_tokens.perhaps(),
            nano_usd: self.nano_usd.map(Range::perhaps),
            ..self
        }
    }

    /// In a few words, e.g. `≈ $0.0004 ($0.00011 … $0.0012)`.
    pub fn shown(&self) -> String {
        let Some(Range { low, expected, high }) = self.nano_usd else {
            return "cost unknown: the model or its price is".to_owned();
        };
        if high == Some(0) {
            return "free".to_owned();
        }
        let high = high.map_or_else(|| "no upper bound".to_owned(), rounded);
        format!("≈ {} ({} … {high})", rounded(expected), rounded(low))
    }

    /// What is expected and the most, e.g. `≈ $0.0004 … $0.0012`; nothing where the cost is not known, or there is none.
    pub fn brief(&self) -> Option<String> {
        let Range { low: _, expected, high } = self.nano_usd.filter(|nano| nano.expected > 0)?;
        let expected = rounded(expected);
        Some(match high.map(rounded) {
            Some(high) if high == expected => format!("≈ {expected}"),
            Some(high) => format!("≈ {expected} … {high}"),
            None => format!("≈ {expected} … ?"),
        })
    }
}

/// Two digits of an amount of billionths of a dollar.
pub fn rounded(nano: u64) -> String {
    let dollars = nano as f64 / 1e9;
    if nano == 0 {
        return "$0".to_owned();
    }
    let digits = usize::try_from((1.0 - dollars.log10().floor()).max(0.0) as i64).unwrap_or_default();
    let text = format!("{dollars:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("${text}")
}

/// What the protocol adds to each request, in tokens.
pub(crate) fn around() -> Range {
    Range::between(0, 10, 60)
}

/// What asking `model` for `prompt` is expected to cost, in billionths of a dollar; `None` = its price is not known.
pub(crate) fn expected_cost(table: &ModelTable, model: &str, prompt: &str, max_tokens: Option<u64>) -> Option<u64> {
    let asks = Asks {
        model: Some(model),
        is_free: false,
        input: around() + tokens::of(prompt),
        known_answer: None,
        max_tokens,
        has_schema: false,
        rounds: Rounds::NONE,
    };
    asks.estimate(table).nano_usd.map(|range| range.expected)
}

/// One call.
pub(crate) struct Asks<'a> {
    /// The model, as it is named.
    pub(crate) model: Option<&'a str>,
    /// Nobody is paid: every answer is made up, or this machine gives it.
    pub(crate) is_free: bool,
    /// Tokens of the prompt and all that goes with it.
    pub(crate) input: Range,
    /// Tokens of the answer, where earlier runs tell.
    pub(crate) known_answer: Option<Range>,
    /// The longest answer that is asked for.
    pub(crate) max_tokens: Option<u64>,
    /// An answer that does not fit is asked for once more.
    pub(crate) has_schema: bool,
    /// How many times it may call tools before it answers.
    pub(crate) rounds: Rounds,
}

/// How often a model that is offered tools is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rounds {
    /// So many times it may call some; nothing where that is not known.
    pub(crate) most: Option<u64>,
    /// How many tokens it may be told each time.
    pub(crate) told: u64,
}

impl Rounds {
    /// It is offered none.
    pub(crate) const NONE: Self = Self { most: Some(0), told: 0 };

    /// What all calls together take, of which the first takes `input` and each answers `output`: each holds what
    /// was said before it, and no more than `context`.
    fn all(self, (input, output): (Range, Range), known: bool, context: Option<u64>) -> (Range, Range, Range) {
        if self == Self::NONE {
            return (input, output, Range::exactly(1));
        }
        let most = self.most.map(|most| most.saturating_add(1));
        let calls = Range { low: 1, expected: most.unwrap_or(USUAL_ROUNDS).min(USUAL_ROUNDS), high: most };
        let later = output.expected.saturating_add(USUAL_RESULT.min(self.told));
        let more: u64 = (1..calls.expected).map(|before| before.saturating_mul(later)).fold(0, u64::saturating_add);
        let high = most.and_then(|most| {
            let first = input.high.map(|first| context.map_or(first, |context| first.min(context)));
            let last = input
                .high
                .zip(output.high)
                .map(|(input, output)| input.saturating_add(output.saturating_add(self.told).saturating_mul(most - 1)));
            let last = match (last, context) {
                (Some(last), Some(context)) => Some(last.min(context)),
                (last, context) => last.or(context),
            };
            // None takes more than the last, for which all of it is said again.
            Some(first.or(last)?.saturating_add(last?.saturating_mul(most - 1)))
        });
        let asked = Range {
            low: input.low,
            expected: input.expected.saturating_mul(calls.expected).saturating_add(more),
            high,
        };
        // Earlier runs tell what all answers came to.
        let expected = if known { output.expected } else { output.expected.saturating_mul(calls.expected) };
        let answered = Range {
            low: output.low,
            expected,
            high: output.high.zip(most).map(|(one, most)| one.saturating_mul(most)),
        };
        (asked, answered, calls)
    }
}

/// How often a model with tools is expected to be asked: it calls some once, and answers then.
const USUAL_ROUNDS: u64 = 2;

/// How long a result is expected to be, in tokens.
const USUAL_RESULT: u64 = 300;

/// How long an answer is expected to be where nobody knows, in tokens.
const USUAL_ANSWER: u64 = 300;

impl Asks<'_> {
    /// What it may come to, at the prices of `table`.
    pub(crate) fn estimate(&self, table: &ModelTable) -> Estimate {
        let named = self.model.filter(|model| !model.trim_start().starts_with("<AUTO"));
        let is_free = self.is_free || named.is_some_and(is_simulated);
        let served = named.and_then(|model| kind::serving(table, model).ok());
        let spec = served.as_ref().and_then(|service| table.exact(&service.provider, &service.model));
        let most = self.max_tokens.or_else(|| spec.and_then(|spec| spec.max_output));
        let output = match self.known_answer {
            Some(known) => Range { low: 1.min(known.low), high: most, ..known },
            None => {
                let expected = most.map_or(USUAL_ANSWER, |most| most.min(USUAL_ANSWER));
                Range { low: 1, expected, high: most }
            }
        };
        let once = (self.input, output);
        // What did not fit goes with the second request.
        let high = |one: Option<u64>, more: Option<u64>| {
            one.zip(more).map(|(one, more)| one.saturating_mul(2).saturating_add(more))
        };
        let (input_tokens, output_tokens, calls) = if self.has_schema {
            let input = Range { high: high(once.0.high, once.1.high), ..once.0 };
            (input, Range { high: once.1.high.map(|most| most.saturating_mul(2)), ..once.1 }, Range::between(1, 1, 2))
        } else {
            let context = spec.and_then(|spec| spec.context);
            self.rounds.all(once, self.known_answer.is_some(), context)
        };
        let paid = |input: u64, output: u64| {
            if is_free {
                return Some((0, None));
            }
            let usage = Usage { requests: 1, input_tokens: input, output_tokens: output, ..Usage::default() };
            let spec = spec?;
            let cost = price::cost(table, &spec.provider, (&spec.name, &spec.name), Some(&usage));
            cost.known.then(|| (u64::try_from(cost.nano_usd).unwrap_or_default(), cost.price_date))
        };
        let low = paid(input_tokens.low, output_tokens.low);
        let expected = paid(input_tokens.expected, output_tokens.expected);
        let high = input_tokens.high.zip(output_tokens.high).map(|(input, output)| paid(input, output));
        let nano_usd = low.zip(expected.clone()).map(|((low, _), (expected, _))| Range {
            low,
            expected,
            high: high.flatten().map(|(nano, _)| nano),
        });
        Estimate {
            calls,
            input_tokens,
            output_tokens,
            nano_usd,
            price_date: expected.and_then(|(_, date)| date),
            model: named.map(str::to_owned),
            basis: if self.known_answer.is_some() { "history" } else { "prompt" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_two_digits() {
        let shown = [0, 1, 150, 24_000, 1_234_567, 99_999_999, 1_500_000_000, 123_000_000_000].map(rounded);
        assert_eq!(shown, ["$0", "$0.000000001", "$0.00000015", "$0.000024", "$0.0012", "$0.1", "$1.5", "$123"]);
    }

    #[test]
    fn the_brief_form_says_what_is_expected_and_the_most() {
        let brief = |nano_usd| Estimate { nano_usd, ..Estimate::default() }.brief();
        let of = |low, expected, high| brief(Some(Range { low, expected, high }));
        assert_eq!(of(1, 1_234_567, Some(4_000_000)).as_deref(), Some("≈ $0.0012 … $0.004"));
        assert_eq!(of(1, 1_234_567, Some(1_200_001)).as_deref(), Some("≈ $0.0012"));
        assert_eq!(of(1, 1_234_567, None).as_deref(), Some("≈ $0.0012 … ?"));
        assert_eq!((of(0, 0, Some(0)), of(0, 0, None), brief(None)), (None, None, None));
    }

    #[test]
    fn what_has_no_bound_stays_without() {
        let sum = Range::between(1, 2, 3) + Range::open();
        assert_eq!((sum.low, sum.expected, sum.high), (1, 2, None));
        assert_eq!(Range::between(1, 2, 3).times(Range::between(0, 2, 4)), Range::between(0, 4, 12));
        let most = Range::exactly(u64::MAX);
        assert_eq!((most + most, most.times(most)), (most, most));
    }
}
