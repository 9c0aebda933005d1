//! What the models of a step will cost, before they are asked (contract §6.7): an interval, from the rendered prompt
//! where it can be rendered, and from what earlier runs took. Where nothing is known there is none.

use std::collections::BTreeMap;

use lang::registry::Effect;
use serde::Serialize;
use serde_json::Value;

use super::{context::RunContext, perform::Prepared, store::SqliteStore};
use crate::{
    models::{price_of, tokens},
    plan::StepPlan,
    tools::params::text,
};

/// Between what and what a number lies, and what it is likely to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Interval {
    /// At least.
    pub low: u64,
    /// Likely.
    pub expected: u64,
    /// At most.
    pub high: u64,
}

impl Interval {
    fn plus(self, other: Self) -> Self {
        Self {
            low: self.low.saturating_add(other.low),
            expected: self.expected.saturating_add(other.expected),
            high: self.high.saturating_add(other.high),
        }
    }
}

/// What an estimate is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The rendered prompt.
    Prompt,
    /// The rendered prompt, and how long answers were in earlier runs.
    PromptAndHistory,
    /// Earlier runs.
    History,
}

/// What a step will cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Tokens asked; about, because every provider counts in its own way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens: Option<Interval>,
    /// Tokens answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens: Option<Interval>,
    /// Billionths of a US dollar.
    pub nano_usd: Interval,
    /// The day of the prices.
    pub price_date: String,
    /// What it is made of.
    pub basis: Basis,
    /// How many earlier runs it is made of.
    pub runs: usize,
}

/// What the models of a whole pipeline will cost.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Billionths of a US dollar, of the steps of which it is known.
    pub nano_usd: Interval,
    /// The steps of which it is not known.
    pub unknown: Vec<String>,
    /// The day of the prices.
    pub price_date: String,
}

impl Total {
    /// The sum of what steps will cost; those without an estimate are not known.
    pub fn of<'e>(steps: impl Iterator<Item = (&'e str, Option<&'e Estimate>)>) -> Self {
        let mut total = Self::default();
        for (step, estimate) in steps {
            match estimate {
                Some(estimate) => {
                    total.nano_usd = total.nano_usd.plus(estimate.nano_usd);
                    total.price_date = total.price_date.max(estimate.price_date.clone());
                }
                None => total.unknown.push(step.to_owned()),
            }
        }
        total
    }
}

/// What earlier runs of a pipeline took, by step of the root.
#[derive(Debug, Default)]
pub(super) struct History {
    /// Costs of the runs in which all of it is known, in order.
    costs: BTreeMap<String, Vec<u64>>,
    /// Tokens of answers, in order.
    answers: BTreeMap<String, Vec<u64>>,
}

impl History {
    /// Reads the store, where there is one.
    pub(super) fn of(cx: &RunContext) -> Self {
        let mut history = Self::default();
        let Some(file) = cx.store.as_deref().filter(|file| file.exists()) else { return history };
        // What cannot be read is not known.
        let Ok(entries) = SqliteStore::open_to_read(file).and_then(|store| store.ledger(None)) else { return history };
        let mut runs: BTreeMap<(String, String), (u64, bool)> = BTreeMap::new();
        let own = entries.iter().filter(|entry| entry.pipeline == cx.pipeline && entry.provider != "simulated");
        for entry in own {
            let root = entry.step.split('[').next().unwrap_or_default().to_owned();
            let (cost, known) = runs.entry((root.clone(), entry.run.clone())).or_insert((0, true));
            *cost = cost.saturating_add(entry.cost.nano_usd.unsigned_abs());
            *known &= entry.cost.known;
            if root == entry.step
                && let Some(usage) = entry.usage
            {
                history.answers.entry(root).or_default().push(usage.output_tokens);
            }
        }
        for ((step, _), (cost, known)) in runs {
            if known {
                history.costs.entry(step).or_default().push(cost);
            }
        }
        for list in history.costs.values_mut().chain(history.answers.values_mut()) {
            list.sort_unstable();
        }
        history
    }

    /// What the step cost in earlier runs.
    pub(super) fn estimate(&self, cx: &RunContext, step: &str) -> Option<Estimate> {
        let costs = self.costs.get(step)?;
        Some(Estimate {
            input_tokens: None,
            output_tokens: None,
            nano_usd: spread(costs)?,
            price_date: cx.registry.models.price_date().to_owned(),
            basis: Basis::History,
            runs: costs.len(),
        })
    }
}

/// From the least to a quarter more than nine in ten, or the most there was.
fn spread(sorted: &[u64]) -> Option<Interval> {
    let (low, most) = (*sorted.first()?, *sorted.last()?);
    let at = |percent: usize| sorted[(sorted.len() - 1) * percent / 100];
    Some(Interval { low, expected: at(50), high: most.max(at(90) + at(90) / 4) })
}

/// What the step will cost whose parameters are rendered; `None` where it asks no model, or its price is not known.
pub(super) fn of(cx: &RunContext, step: &StepPlan, prepared: &Prepared, history: &History) -> Option<Estimate> {
    if prepared.effect != Effect::Model {
        return None;
    }
    let table = &cx.registry.models;
    let priced = price_of(cx, prepared.model.as_deref()?)?;
    let asked: u64 = prepared.params.iter().map(|(_, value)| tokens::of(&text(value))).sum();
    let (low, high) = tokens::spread(asked);
    // An answer that does not fit its schema is asked for once more, with itself and what is wrong with it.
    let twice = if prepared.params.contains_key("schema") { 2 } else { 1 };
    let limit = prepared.params.get("max_tokens").and_then(Value::as_u64);
    let limit = limit.or_else(|| usual_limit(cx, prepared)).or(priced.max_output)?;
    let answers = history.answers.get(&step.id).and_then(|answers| Some((spread(answers)?, answers.len())));
    let output = match answers {
        Some((seen, _)) => Interval { high: seen.high.clamp(1, limit * twice), ..seen },
        None => Interval { low: 1, expected: (limit / 3).max(1), high: limit * twice },
    };
    let input = Interval { low, expected: asked, high: if twice == 2 { 2 * high + limit } else { high } };
    let cost = |input: u64, output: u64| priced.at(input, output);
    Some(Estimate {
        nano_usd: Interval {
            low: cost(input.low, output.low)?,
            expected: cost(input.expected, output.expected)?,
            high: cost(input.high, output.high)?,
        },
        input_tokens: Some(input),
        output_tokens: Some(output),
        price_date: table.price_date().to_owned(),
        basis: if answers.is_some() { Basis::PromptAndHistory } else { Basis::Prompt },
        runs: answers.map_or(0, |(_, runs)| runs),
    })
}

/// The longest answer where the step says nothing: the default of the parameter.
fn usual_limit(cx: &RunContext, prepared: &Prepared) -> Option<u64> {
    let spec = prepared.specs(&cx.registry).iter().find(|spec| spec.name == "max_tokens")?;
    spec.default.as_ref()?.as_u64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_gives_the_least_the_middle_and_more_than_nine_in_ten() {
        let seen: Vec<u64> = (1..=11).map(|number| number * 10).collect();
        assert_eq!(spread(&seen), Some(Interval { low: 10, expected: 60, high: 125 }));
        assert_eq!(spread(&[8]), Some(Interval { low: 8, expected: 8, high: 10 }));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn a_sum_says_what_is_not_in_it() {
        let estimate = Estimate {
            input_tokens: None,
            output_tokens: None,
            nano_usd: Interval { low: 1, expected: 2, high: 3 },
            price_date: "2026-11-22".to_owned(),
            basis: Basis::History,
            runs: 1,
        };
        let total = Total::of([("a", Some(&estimate)), ("b", None), ("c", Some(&estimate))].into_iter());
        assert_eq!((total.nano_usd, total.unknown), (Interval { low: 2, expected: 4, high: 6 }, vec!["b".to_owned()]));
    }
}
