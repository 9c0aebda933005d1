//! How well models suit a task: their grade against what is enough for it, their price against the lowest.

use super::analysis::Task;
use crate::{
    models::{
        estimate,
        router::{self, Choice, Surroundings},
    },
    run::document::dollars,
    tools::{ToolCx, ToolError},
};

/// What a model whose expertise is said to be something else loses of its quality.
const STRANGE: f64 = 0.8;

/// How much each side counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weights {
    pub(crate) cost: f64,
    pub(crate) quality: f64,
}

/// Where nobody says.
pub(crate) const USUAL: Weights = Weights { cost: 0.3, quality: 0.7 };

impl Weights {
    /// Those that are given.
    pub(crate) fn of(cost: Option<f64>, quality: Option<f64>) -> Result<Self, ToolError> {
        let weights = Self { cost: cost.unwrap_or(USUAL.cost), quality: quality.unwrap_or(USUAL.quality) };
        for (name, weight) in [("cost_weight", weights.cost), ("quality_weight", weights.quality)] {
            if !(0.0..=1.0).contains(&weight) {
                let message = format!("`{name}` is a number from 0 to 1, not {weight}");
                return Err(ToolError::new("ParameterError", message));
            }
        }
        if weights.cost + weights.quality <= 0.0 {
            let message = "`cost_weight` and `quality_weight` are both 0, so that nothing counts; raise one of them";
            return Err(ToolError::new("ParameterError", message));
        }
        Ok(weights)
    }
}

/// A model and how well it suits.
#[derive(Debug, Clone)]
pub(crate) struct Scored {
    pub(crate) choice: Choice,
    /// Between 0 and 1.
    pub(crate) score: f64,
    /// What it is expected to cost, in billionths of a dollar; `None` = its price is not known.
    pub(crate) cost: Option<u64>,
    pub(crate) reasons: Vec<String>,
}

/// The models that the router may choose for the task, those that suit best first: at least one.
pub(crate) fn scored(task: &Task, weights: Weights, cx: &ToolCx) -> Result<Vec<Scored>, ToolError> {
    let priced = priced(task, cx)?;
    let least = priced.iter().filter_map(|(_, cost)| *cost).min();
    let mut scored: Vec<Scored> = priced
        .into_iter()
        .map(|(choice, cost)| {
            let strange = if choice.is_strange { STRANGE } else { 1.0 };
            let quality = f64::from(choice.grade.min(task.enough)) / f64::from(task.enough) * strange;
            let cheapness = match (least, cost) {
                (_, Some(0)) => 1.0,
                (Some(least), Some(cost)) => least as f64 / cost as f64,
                _ => 0.0,
            };
            let sum = weights.cost * cheapness + weights.quality * quality;
            let score = (sum / (weights.cost + weights.quality) * 1e4).round() / 1e4;
            let reasons = reasons(task, &choice, cost, least);
            Scored { choice, score, cost, reasons }
        })
        .collect();
    // Whoever is equal stays as the router has them.
    scored.sort_by(|one, other| other.score.total_cmp(&one.score));
    Ok(scored)
}

/// The models that the router may choose for the task, as it ranks them, with what each is expected to cost.
pub(crate) fn priced(task: &Task, cx: &ToolCx) -> Result<Vec<(Choice, Option<u64>)>, ToolError> {
    let table = &cx.registry.models;
    let around = Surroundings { table, environment: &cx.environment, is_trusted: cx.is_trusted, simulate: cx.simulate };
    let choices = router::choices(around, &task.need)?;
    let priced = choices.into_iter().map(|choice| {
        let cost = if choice.is_free {
            Some(0)
        } else {
            estimate::expected_cost(table, &choice.model, &task.text, task.analysis.max_tokens)
        };
        (choice, cost)
    });
    Ok(priced.collect())
}

fn reasons(task: &Task, choice: &Choice, cost: Option<u64>, least: Option<u64>) -> Vec<String> {
    let shown = |nano: u64| dollars(i64::try_from(nano).unwrap_or(i64::MAX), true);
    let mut reasons = vec![format!(
        "{} expertise, and {} is enough for what is {}",
        router::level(choice.grade),
        router::level(task.enough),
        task.analysis.complexity
    )];
    if choice.suits {
        reasons.extend(task.need.field().map(|field| format!("its expertise is {field}")));
    } else if choice.is_strange {
        reasons.push("its expertise is something else".to_owned());
    }
    reasons.push(match (cost, least) {
        (Some(0), _) => "it costs nothing".to_owned(),
        (Some(cost), Some(least)) if cost > least => format!("about {}; the cheapest {}", shown(cost), shown(least)),
        (Some(cost), _) => format!("about {}, the cheapest", shown(cost)),
        (None, _) => "its price is not known".to_owned(),
    });
    reasons
}

/// An amount in US$.
pub(crate) fn usd(nano: u64) -> f64 {
    nano as f64 / 1e9
}
