//! A model for each of several tasks, within limits that hold for all of them.

use serde_json::{Map, Value};

use super::{Constraints, NAME, among};
use crate::{
    models::router::{Choice, not_looked_at},
    plan,
    run::document::dollars,
    tools::{
        ToolCx, ToolError, params,
        task_delegation::{SIMULATED, analysis::Task, score::priced},
    },
};

/// A task and the models that it may go to, the best by the strategy first.
#[derive(Debug)]
pub(super) struct Assigned {
    pub(super) task: Task,
    /// As it is written.
    pub(super) words: String,
    models: Vec<(Choice, Option<u64>)>,
    /// The one it goes to.
    at: usize,
    pub(super) reasons: Vec<String>,
}

impl Assigned {
    pub(super) fn model(&self) -> &str {
        &self.models[self.at].0.model
    }

    /// What it is expected to cost; `None` = its price is not known.
    pub(super) fn cost(&self) -> Option<u64> {
        self.models[self.at].1
    }

    /// The cheapest it could go to, and what that saves.
    fn saving(&self) -> Option<(usize, u64)> {
        let known = self.models.iter().enumerate().filter_map(|(at, (_, cost))| Some((at, (*cost)?)));
        let (at, least) = known.min_by_key(|(_, cost)| *cost)?;
        let saved = self.cost()?.checked_sub(least)?;
        (saved > 0).then_some((at, saved))
    }
}

/// What the limits say, in billionths of a dollar.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Limits {
    pub(super) total: Option<i64>,
    pub(super) each: Option<i64>,
    /// Seconds.
    pub(super) latency: Option<f64>,
}

impl Limits {
    pub(super) fn of(constraints: Option<Map<String, Value>>) -> Result<Self, ToolError> {
        let constraints: Constraints = params::read(&format!("{NAME}: constraints"), constraints.unwrap_or_default())?;
        let money = |name: &str, amount: Option<f64>| match amount {
            Some(amount) => plan::dollars(amount).map(Some).ok_or_else(|| {
                ToolError::new("ParameterError", format!("`{name}` is a number of dollars from 0, not {amount}"))
            }),
            None => Ok(None),
        };
        let latency = constraints.max_latency;
        if let Some(seconds) = latency.filter(|seconds| !(*seconds > 0.0 && seconds.is_finite())) {
            let message = format!("`max_latency` is a number of seconds above 0, not {seconds}");
            return Err(ToolError::new("ParameterError", message));
        }
        Ok(Self {
            total: money("total_budget", constraints.total_budget)?,
            each: money("max_budget_per_task", constraints.max_budget_per_task)?,
            latency,
        })
    }
}

/// Gives each task the best model by `strategy`. Where all together would cost more than they may, those go to their
/// cheapest model that save most by it, until it is enough.
pub(super) fn assigned(
    tasks: Vec<Value>,
    strategy: &'static str,
    models: Option<Vec<String>>,
    limits: Limits,
    usual_answer: Option<u64>,
    cx: &ToolCx,
) -> Result<Vec<Assigned>, ToolError> {
    let among = among(models, cx)?;
    let mut all = Vec::with_capacity(tasks.len());
    for (at, written) in tasks.into_iter().enumerate() {
        let (words, mut task) = read(at, written)?;
        if let (None, Some(answer)) = (task.need.answer, usual_answer) {
            task.need.answer = Some(answer);
            task.analysis.max_tokens = Some(answer);
        }
        task.need.among.clone_from(&among);
        task.need.strategy = Some(strategy.to_owned());
        task.need.cost_limit = [task.need.cost_limit, limits.each].into_iter().flatten().min();
        let mut models = priced(&task, cx).map_err(|error| of_task(at, error))?;
        if let Some(total) = limits.total {
            let least = models.iter().filter_map(|(_, cost)| *cost).min();
            models.retain(|(_, cost)| cost.is_some_and(|cost| cost <= total.unsigned_abs()));
            if models.is_empty() {
                return Err(of_task(at, beyond(least, total)));
            }
        }
        let mut reasons = vec![format!("{strategy}: the first of {} by it", models.len())];
        if cx.simulate {
            reasons.push(SIMULATED.to_owned());
        }
        let mut unknown = task.need.unknown.clone();
        unknown.extend(limits.latency.filter(|_| usual_answer.is_none()).map(|_| "max_latency".to_owned()));
        reasons.extend(not_looked_at(&unknown));
        all.push(Assigned { task, words, models, at: 0, reasons });
    }
    if let Some(limit) = limits.total {
        fit(&mut all, u64::try_from(limit).unwrap_or_default())?;
    }
    Ok(all)
}

/// No model is within the limit for all tasks.
fn beyond(least: Option<u64>, total: i64) -> ToolError {
    let limit = dollars(total, true);
    let message = match least {
        Some(least) => format!(
            "the cheapest model costs about {}, more than the `total_budget` of {limit}; raise it",
            dollars(i64::try_from(least).unwrap_or(i64::MAX), true)
        ),
        None => format!(
            "no price of the models is known, so none is within the `total_budget` of {limit}; write its `price` in \
             `models.yaml`, or leave the limit out"
        ),
    };
    ToolError::new("BudgetError", message)
}

fn fit(all: &mut [Assigned], limit: u64) -> Result<(), ToolError> {
    loop {
        // A model without a price is never among those that a limit leaves.
        let sum = all.iter().fold(0_u64, |sum, one| sum.saturating_add(one.cost().unwrap_or(u64::MAX)));
        if sum <= limit {
            return Ok(());
        }
        let savings = all.iter().enumerate().filter_map(|(at, one)| Some((at, one.saving()?)));
        // Of those that save as much the first.
        let Some((at, (to, _))) = savings.max_by_key(|(at, (_, saved))| (*saved, std::cmp::Reverse(*at))) else {
            let shown = |nano: u64| dollars(i64::try_from(nano).unwrap_or(i64::MAX), true);
            let message = format!(
                "{} tasks cost about {} with the cheapest models, more than the `total_budget` of {}; raise it, or give \
                 fewer tasks",
                all.len(),
                shown(sum),
                shown(limit)
            );
            return Err(ToolError::new("BudgetError", message));
        };
        all[at].at = to;
        "the cheapest, to stay within `total_budget`".clone_into(&mut all[at].reasons[0]);
    }
}

/// A task as it is written: text, or an object with `task`.
fn read(at: usize, written: Value) -> Result<(String, Task), ToolError> {
    let wrong = |what: &str| {
        let message = format!("task {} of `tasks` {what}; write text, or an object with `task`", at + 1);
        ToolError::new("ParameterError", message)
    };
    let (words, requirements, context) = match written {
        Value::String(words) => (words, Map::new(), None),
        Value::Object(mut fields) => {
            let words = match fields.shift_remove("task") {
                Some(Value::String(words)) => words,
                Some(_) => return Err(wrong("has a `task` that is no text")),
                None => return Err(wrong("has no `task`")),
            };
            let context = fields.shift_remove("context").filter(|value| !value.is_null());
            let mut requirements = match fields.shift_remove("requirements") {
                Some(Value::Object(requirements)) => requirements,
                _ => Map::new(),
            };
            requirements.extend(fields);
            (words, requirements, context)
        }
        other => return Err(wrong(&format!("is {}", params::brief(&other.to_string())))),
    };
    if words.trim().is_empty() {
        return Err(wrong("is empty"));
    }
    let text = match context {
        Some(context) => format!("{words}\n\n{}", params::text(&context)),
        None => words.clone(),
    };
    let task = Task::of(text, &requirements).map_err(|error| of_task(at, error))?;
    Ok((words, task))
}

/// The error, with the number of the task that it is of.
pub(super) fn of_task(at: usize, ToolError(mut failure): ToolError) -> ToolError {
    failure.message = format!("task {}: {}", at + 1, failure.message);
    ToolError(failure)
}
