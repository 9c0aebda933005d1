//! `optimize_batch`: asks a model for each task, within limits that hold for all of them.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use futures_util::{StreamExt as _, stream};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    BatchOutput, BatchParams,
    assign::{Assigned, Limits, assigned, of_task},
    distinct,
};
use crate::{
    models::{self, Request, Response, Reused, Served},
    run::document::Cost,
    tools::{Failure, Outcome, ToolCx, ToolError, params, success, task_delegation::score::usd},
};

/// What counts most, with the strategy of the router.
const GOALS: [(&str, &str); 4] = [
    ("minimize_cost", "cost"),
    ("maximize_quality", "quality"),
    ("minimize_latency", "latency"),
    ("balanced", "balanced"),
];

/// The longest answer to a task that does not say, in tokens.
pub(super) const LONGEST_ANSWER: u64 = 1000;

/// How many are asked at a time where nobody says.
const AT_ONCE: u64 = 5;

/// How freely models answer, as for `generate`.
const TEMPERATURE: f64 = 0.7;

/// The goal and the strategy that `goal` names.
pub(super) fn goal(goal: Option<&str>) -> Result<(&'static str, &'static str), ToolError> {
    let word = match goal {
        Some(word) => params::choice("optimization_goal", word, &GOALS.map(|(goal, _)| goal))?,
        None => GOALS[0].0,
    };
    Ok(GOALS.into_iter().find(|(goal, _)| *goal == word).unwrap_or(GOALS[0]))
}

/// What would be asked of whom: the prompt, the model, the longest answer.
pub(super) fn requests(params: BatchParams, cx: &ToolCx) -> Result<(Vec<Assigned>, Limits), ToolError> {
    let (_, strategy) = goal(params.optimization_goal.as_deref())?;
    let limits = Limits::of(params.constraints)?;
    let all = assigned(params.tasks, strategy, params.models, limits, Some(LONGEST_ANSWER), cx)?;
    Ok((all, limits))
}

pub(super) async fn batch(params: BatchParams, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let at_once = params.max_concurrent.unwrap_or(AT_ONCE).clamp(1, 1000);
    let (optimization_goal, strategy) = goal(params.optimization_goal.as_deref())?;
    let (all, limits) = requests(params, cx)?;
    if let Some(total) = limits.total {
        cx.purse.limit(&cx.asking.step, total);
    }
    // Once one has failed no further one is asked; those under way are waited for, since they are paid for.
    let has_failed = AtomicBool::new(false);
    let ask = |(at, one): (usize, &Assigned)| {
        let request = Request {
            prompt: one.task.text.clone(),
            max_tokens: one.task.analysis.max_tokens,
            temperature: Some(TEMPERATURE),
            ..Request::default()
        };
        let model = one.model().to_owned();
        let has_failed = &has_failed;
        async move {
            if has_failed.load(Ordering::SeqCst) {
                return None;
            }
            let answer = in_time(models::ask_part(at, Some(&model), request, cx), &model, limits.latency).await;
            if !matches!(&answer, Ok(Response { failure: None, .. })) {
                has_failed.store(true, Ordering::SeqCst);
            }
            Some(answer)
        }
    };
    let at_once = usize::try_from(at_once).unwrap_or(usize::MAX);
    let answers: Vec<Option<Result<Response, ToolError>>> =
        stream::iter(all.iter().enumerate().map(ask)).buffered(at_once).collect().await;
    let (mut results, mut models_used) = (Vec::new(), Vec::new());
    let (mut served, mut failure): (Option<Served>, Option<Failure>) = (None, None);
    // What an attempt before this one paid.
    let mut before = Cost::free();
    for (at, answer) in answers.into_iter().enumerate() {
        let answer = match answer {
            None => continue,
            Some(Ok(response)) => Outcome::answered(response),
            Some(Err(ToolError(failure))) => Outcome::failed(Value::Null, failure),
        };
        if let (None, Some(why)) = (&failure, answer.failure) {
            failure = Some(of_task(at, ToolError(why)).0);
        }
        if let Some(now) = &answer.served {
            if let Some(Reused::Attempt { cost, .. }) = now.reused.as_deref() {
                before = Cost::sum([&before, cost].into_iter());
            }
            models_used.push(format!("{}/{}", now.provider, now.model));
        }
        served = Served::with(served, answer.served.map(|served| *served));
        results.push(answer.result);
    }
    let served = served.map(Box::new);
    if let Some(failure) = failure {
        return Ok(Outcome { result: Value::Null, failure: Some(failure), served });
    }
    if let Some(caller) = &cx.caller {
        caller.forget_parts();
    }
    let now = served.as_ref().map_or_else(Cost::free, |served| served.cost.clone());
    let cost = Cost::sum([&before, &now].into_iter());
    let total = u64::try_from(cost.nano_usd).ok().filter(|_| cost.known);
    let count = results.len() as u64;
    let outcome = success(&BatchOutput {
        results,
        total_cost: total.map(usd),
        average_cost: total.filter(|_| count > 0).map(|total| usd(total) / count as f64),
        models_used: distinct(models_used),
        strategy: strategy.to_owned(),
        optimization_goal: optimization_goal.to_owned(),
        task_count: count,
    })?;
    Ok(Outcome { served, ..outcome })
}

/// The answer, if it comes within so many seconds; what it may have cost then is not known.
async fn in_time(
    answer: impl Future<Output = Result<Response, ToolError>>,
    model: &str,
    seconds: Option<f64>,
) -> Result<Response, ToolError> {
    let limit = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let Some(limit) = limit else { return answer.await };
    match timeout(limit, answer).await {
        Ok(answer) => answer,
        Err(_) => {
            let message =
                format!("`{model}` did not answer within the `max_latency` of {} s; raise it", limit.as_secs_f64());
            let mut error = ToolError::new("TimeoutError", message);
            error.0.unpriced = Some(model.to_owned());
            Err(error)
        }
    }
}
