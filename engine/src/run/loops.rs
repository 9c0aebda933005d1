//! Steps that run a body: `for_each`, `while`/`until`, `action_loop`, `create_parallel_queue`
//! (contract §2.12, §2.13).

use std::{collections::HashMap, sync::Arc, time::Instant};

use serde_json::{Map, Value, json};
use tokio::task::JoinSet;

use super::{
    auto::{self, Taken},
    child,
    context::RunContext,
    execute::{ScopeEnd, scope},
    journal::Batch,
    perform::failure,
    render::{Frame, Names, from_json},
    schedule::Ending,
    step::Done,
};
use crate::{
    models::{Served, Spent},
    plan::{
        Scope, StepPlan,
        program::{LoopNames, StepKind},
    },
    tools::Failure,
};

/// Iterations of a `while` that names no limit, and of an `action_loop`.
const WHILE_LIMIT: u64 = 10;
const ACTION_LOOP_LIMIT: u64 = 100;
const QUEUE_PARALLEL: usize = 10;

/// Runs the whole loop once.
pub(crate) async fn run(cx: &Arc<RunContext>, step: &Arc<StepPlan>, names: &Arc<Names>, path: &str) -> Done {
    let limit = step.timeout;
    let work = Box::pin(async {
        match &*step.kind {
            StepKind::Act => Err(failure("InternalError", "this step is no loop")),
            StepKind::Child => Ok(child::run(cx, step, names, path).await),
            StepKind::ForEach { .. } | StepKind::Queue { .. } => over_items(cx, step, names, path).await,
            StepKind::While { .. } => while_loop(cx, step, names, path).await,
            StepKind::ActionLoop { .. } => action_loop(cx, step, names, path).await,
        }
    });
    let done = match limit {
        Some(limit) => match tokio::time::timeout(limit, work).await {
            Ok(done) => done,
            Err(_) => {
                let message = format!("`{path}` did not end within {} s; raise its `timeout`", limit.as_secs_f64());
                let failure = Some(failure("TimeoutError", message));
                return Done { failure, timed_out: true, ..Done::default() };
            }
        },
        None => work.await,
    };
    done.unwrap_or_else(|failure| Done { failure: Some(failure), ..Done::default() })
}

/// One iteration's end.
struct Iteration {
    results: Map<String, Value>,
    /// The first failed step and its message.
    problem: Option<String>,
    stopped: bool,
    /// A step waits for a person, and which question, for people.
    waiting: Option<String>,
    spent: Spent,
}

impl Iteration {
    fn new(end: &ScopeEnd, prefix: &str) -> Self {
        let problem = end.steps.iter().find(|step| step.ending == Ending::Failed).map(|step| {
            format!("`{prefix}{}`: {}", step.document.id, step.document.error.as_deref().unwrap_or("it failed"))
        });
        let results = end
            .steps
            .iter()
            .map(|step| {
                let value = match &*step.document.status {
                    "not_run" => json!({"status": "not_run"}),
                    _ => step.document.value.clone(),
                };
                (step.document.id.clone(), value)
            })
            .collect();
        let spent = Spent::of(end.steps.iter().map(|step| &*step.document));
        let waiting = end.steps.iter().find(|step| step.ending == Ending::Waiting);
        let waiting = waiting.map(|step| step.document.error.clone().unwrap_or_default());
        Self { results, problem, stopped: end.stopped, waiting, spent }
    }
}

async fn iteration(cx: &Arc<RunContext>, body: &Arc<Scope>, names: Arc<Names>, path: &str, index: usize) -> Iteration {
    let prefix = format!("{path}[{index}].");
    let end = scope(Arc::clone(cx), Arc::clone(body), names, prefix.clone(), Batch::default()).await;
    Iteration::new(&end, &prefix)
}

/// The names of a loop; an input of the same name wins.
fn bind(cx: &RunContext, pairs: Vec<(String, Value)>) -> HashMap<String, minijinja::Value> {
    pairs
        .into_iter()
        .filter(|(name, _)| !cx.inputs.contains(name))
        .map(|(name, value)| (name, from_json(&value)))
        .collect()
}

async fn over_items(
    cx: &Arc<RunContext>,
    step: &Arc<StepPlan>,
    names: &Arc<Names>,
    path: &str,
) -> Result<Done, Failure> {
    let no_names = LoopNames::default();
    let (written, key, max_parallel, loop_names, body, is_queue) = match &*step.kind {
        StepKind::ForEach { items, max_parallel, names, body } => (items, "for_each", max_parallel, names, body, false),
        StepKind::Queue { items, max_parallel, body } => {
            (items, "create_parallel_queue.on", max_parallel, &no_names, body, true)
        }
        _ => return Err(failure("InternalError", "this loop has no items")),
    };
    let items = list(cx.renderer.value(written, names, key)?, key)?;
    let parallel = match max_parallel {
        Some(value) => whole(&cx.renderer.value(value, names, "max_parallel")?, "max_parallel")?.max(1) as usize,
        None if is_queue => QUEUE_PARALLEL,
        None => 1,
    };
    let all_items = from_json(&Value::Array(items.clone()));
    let mut ends: Vec<Option<Iteration>> = Vec::new();
    ends.resize_with(items.len(), || None);
    let mut running: JoinSet<(usize, Iteration)> = JoinSet::new();
    let mut next = 0;
    let mut stopped = false;
    loop {
        while running.len() < parallel && next < items.len() && !stopped && !cx.cancel.is_cancelled() {
            let pairs =
                if is_queue { queue_names(&items, next, &step.id) } else { item_names(&items, next, step, loop_names) };
            let frame = Frame {
                id: step.id.clone(),
                name: loop_names.loop_name.clone().unwrap_or_else(|| step.id.clone()),
                items: Some(all_items.clone()),
            };
            let inner = names.inner(bind(cx, pairs), Some(frame));
            let (cx, body, path) = (Arc::clone(cx), Arc::clone(body), path.to_owned());
            let index = next;
            running.spawn(async move { (index, iteration(&cx, &body, inner, &path, index).await) });
            next += 1;
        }
        let Some(joined) = running.join_next().await else { break };
        let (index, end) = joined.expect("invariant: iterations catch their panics and are never aborted");
        // Behind an iteration that waits, those that run in order wait too.
        stopped |= if end.waiting.is_some() { parallel == 1 } else { end.stopped };
        ends[index] = Some(end);
    }
    let is_lost = ends.iter().flatten().any(|end| end.stopped && end.waiting.is_none());
    if let Some(waiting) = ends.iter().flatten().find_map(|end| end.waiting.clone()).filter(|_| !is_lost) {
        return Ok(Done { waiting: Some(waiting), ..Done::default() });
    }
    let failed = ends.iter().flatten().filter(|end| end.problem.is_some()).count();
    let succeeded = ends.iter().flatten().count() - failed;
    let problem = ends.iter().flatten().find_map(|end| end.problem.clone());
    let spent = Spent::sum(ends.iter().flatten().map(|end| &end.spent));
    let results: Vec<Value> = ends
        .into_iter()
        .map(|end| end.map_or_else(|| json!({"status": "not_run"}), |end| Value::Object(end.results)))
        .collect();
    let failure = problem.map(|problem| {
        failure("LoopError", format!("{failed} of {} items failed, the first in {problem}", items.len()))
    });
    let result = if is_queue {
        queue_result(&step.id, &items, results, succeeded, failed)
    } else {
        json!({"count": items.len(), "results": results, "succeeded": succeeded, "failed": failed})
    };
    Ok(Done { result, failure, served: spent.served(), cancelled: cx.cancel.is_cancelled(), ..Done::default() })
}

fn queue_result(id: &str, items: &[Value], results: Vec<Value>, succeeded: usize, failed: usize) -> Value {
    let total = items.len();
    let rate = |count: usize| if total == 0 { 0.0 } else { count as f64 / total as f64 };
    let results: Vec<Value> = results
        .into_iter()
        .zip(items)
        .enumerate()
        .map(|(index, (result, item))| {
            json!({"subtask_id": format!("{id}_{index}"), "queue_index": index, "item": item, "result": result})
        })
        .collect();
    json!({
        "parallel_queue_id": id, "total_items": total, "successful_items": succeeded, "failed_items": failed,
        "completion_rate": rate(succeeded), "failure_rate": rate(failed), "results": results,
    })
}

fn item_names(items: &[Value], index: usize, step: &StepPlan, names: &LoopNames) -> Vec<(String, Value)> {
    let length = items.len();
    let mut bound = json!({
        "item": items[index], "index": index, "is_first": index == 0, "is_last": index + 1 == length,
        "position": index + 1, "length": length, "remaining": length - index - 1,
        "has_next": index + 1 < length, "has_prev": index > 0,
    });
    let mut pairs: Vec<(String, Value)> = Vec::new();
    if let Some(name) = &names.loop_var {
        pairs.push((name.clone(), items[index].clone()));
    }
    if let Some(name) = &names.loop_name {
        let mut whole = bound.clone();
        whole["items"] = json!(items);
        pairs.push((name.clone(), whole));
    }
    bound["loop_id"] = json!(step.id);
    bound["loop_name"] = json!(names.loop_name.as_ref().unwrap_or(&step.id));
    pairs.extend(fields(bound));
    pairs
}

fn queue_names(items: &[Value], index: usize, id: &str) -> Vec<(String, Value)> {
    fields(json!({
        "item": items[index], "index": index, "is_first": index == 0, "is_last": index + 1 == items.len(),
        "queue": items, "queue_size": items.len(), "parallel_queue_id": id, "parent_task": id,
    }))
}

fn fields(value: Value) -> Vec<(String, Value)> {
    match value {
        Value::Object(fields) => fields.into_iter().collect(),
        _ => Vec::new(),
    }
}

async fn while_loop(
    cx: &Arc<RunContext>,
    step: &Arc<StepPlan>,
    names: &Arc<Names>,
    path: &str,
) -> Result<Done, Failure> {
    let StepKind::While { condition, until, max_iterations, names: loop_names, body } = &*step.kind else {
        return Err(failure("InternalError", "this loop has no condition"));
    };
    let limit = match max_iterations {
        Some(value) => whole(&cx.renderer.value(value, names, "max_iterations")?, "max_iterations")?,
        None => WHILE_LIMIT,
    };
    let mut history: Vec<Value> = Vec::new();
    let mut problem = None;
    let mut spent: Vec<Spent> = Vec::new();
    let mut taken = Taken::default();
    let mut ended_by = "max_iterations";
    let mut unclear = None;
    loop {
        let count = history.len();
        let inner =
            names.inner(bind(cx, while_names(step, loop_names, &history, count)), Some(frame(step, loop_names)));
        if cx.cancel.is_cancelled() {
            ended_by = "cancelled";
            break;
        }
        if let Some(condition) = condition {
            match auto::condition(cx, step, &inner, path, ("while", condition), &mut taken).await {
                Ok(true) => {}
                Ok(false) => {
                    ended_by = "while";
                    break;
                }
                // What the iterations came to and took stays.
                Err(failed) => {
                    (ended_by, unclear) = ("error", Some(failed));
                    break;
                }
            }
        }
        if count as u64 >= limit {
            break;
        }
        let end = iteration(cx, body, Arc::clone(&inner), path, count).await;
        if end.waiting.is_some() {
            return Ok(Done { waiting: end.waiting, ..Done::default() });
        }
        spent.push(end.spent);
        history.push(Value::Object(end.results));
        if end.problem.is_some() {
            problem = problem.or(end.problem);
            if end.stopped {
                ended_by = "failure";
                break;
            }
        }
        if let Some(until) = until {
            // The body's results are in sight; the iteration counted is the one that just ended.
            let after = inner.inner(bind(cx, while_names(step, loop_names, &history, count)), None);
            match auto::condition(cx, step, &after, path, ("until", until), &mut taken).await {
                Ok(false) => {}
                Ok(true) => {
                    ended_by = "until";
                    break;
                }
                Err(failed) => {
                    (ended_by, unclear) = ("error", Some(failed));
                    break;
                }
            }
        }
    }
    let result = json!({
        "count": history.len(), "iterations": history, "iteration_count": history.len(), "terminated_by": ended_by,
        "max_iterations_reached": ended_by == "max_iterations",
    });
    let failed = || problem.map(|problem| failure("LoopError", format!("an iteration failed in {problem}")));
    let failure = unclear.or_else(failed);
    Ok(Done {
        result,
        failure,
        served: all_spent(&spent, taken.spent),
        auto: taken.told,
        cancelled: cx.cancel.is_cancelled(),
        ..Done::default()
    })
}

fn frame(step: &StepPlan, names: &LoopNames) -> Frame {
    Frame { id: step.id.clone(), name: names.loop_name.clone().unwrap_or_else(|| step.id.clone()), items: None }
}

fn while_names(step: &StepPlan, names: &LoopNames, history: &[Value], iteration: usize) -> Vec<(String, Value)> {
    let state = json!({"iteration": iteration, "iterations": history, "iteration_count": history.len()});
    let mut pairs = fields(json!({
        "iteration": iteration, "index": iteration, "is_first": iteration == 0, "position": iteration + 1,
        "loop_id": step.id, "loop_name": names.loop_name.as_ref().unwrap_or(&step.id), "loop_state": state,
    }));
    if let Some(name) = &names.loop_name {
        pairs.push((name.clone(), state.clone()));
    }
    pairs.push((step.id.clone(), state));
    pairs
}

async fn action_loop(
    cx: &Arc<RunContext>,
    step: &Arc<StepPlan>,
    names: &Arc<Names>,
    path: &str,
) -> Result<Done, Failure> {
    let StepKind::ActionLoop { body, until, while_condition, max_iterations, break_on_error } = &*step.kind else {
        return Err(failure("InternalError", "this loop has no actions"));
    };
    let limit = match max_iterations {
        Some(value) => whole(&cx.renderer.value(value, names, "max_iterations")?, "max_iterations")?,
        None => ACTION_LOOP_LIMIT,
    };
    let clock = Instant::now();
    let mut all: Vec<Value> = Vec::new();
    let mut problem = None;
    let mut spent: Vec<Spent> = Vec::new();
    let mut taken = Taken::default();
    let mut failed = 0;
    let mut ended_by = "max_iterations";
    let mut unclear = None;
    while (all.len() as u64) < limit && !cx.cancel.is_cancelled() {
        let count = all.len();
        let mut pairs = fields(json!({
            "iteration": count, "is_first": count == 0, "loop_id": step.id, "has_previous": count > 0,
            "total_duration": clock.elapsed().as_secs_f64(), "termination_reason": "",
        }));
        if let Some(Value::Object(last)) = all.last() {
            pairs.extend(last.iter().map(|(name, value)| (format!("prev_{name}"), value.clone())));
        }
        let inner = names.inner(bind(cx, pairs), Some(frame(step, &LoopNames::default())));
        let end = iteration(cx, body, Arc::clone(&inner), path, count).await;
        if end.waiting.is_some() {
            return Ok(Done { waiting: end.waiting, ..Done::default() });
        }
        spent.push(end.spent);
        all.push(Value::Object(end.results));
        if end.problem.is_some() {
            failed += 1;
            problem = problem.or(end.problem);
            if *break_on_error {
                ended_by = "error";
                break;
            }
        }
        // The conditions count the iterations that ended.
        let after = inner.inner(bind(cx, vec![("iteration".to_owned(), json!(count + 1))]), None);
        let is_over = match until {
            Some(until) => auto::condition(cx, step, &after, path, ("until", until), &mut taken).await,
            None => Ok(false),
        };
        let is_over = match (is_over, while_condition) {
            (Ok(false), Some(goes_on)) => {
                let goes_on = auto::condition(cx, step, &after, path, ("while_condition", goes_on), &mut taken).await;
                goes_on.map(|goes_on| !goes_on)
            }
            (is_over, _) => is_over,
        };
        match is_over {
            Ok(false) => {}
            Ok(true) => {
                ended_by = "condition";
                break;
            }
            // What the iterations came to and took stays.
            Err(failed) => {
                (ended_by, unclear) = ("error", Some(failed));
                break;
            }
        }
    }
    let result = json!({
        "loop_id": step.id, "iterations_completed": all.len(), "terminated_by": ended_by,
        "total_duration": clock.elapsed().as_secs_f64(), "final_results": all.last(), "all_results": all,
    });
    let first =
        || problem.map(|problem| failure("LoopError", format!("{failed} iterations failed, the first in {problem}")));
    let failure = unclear.or_else(first);
    Ok(Done {
        result,
        failure,
        served: all_spent(&spent, taken.spent),
        auto: taken.told,
        cancelled: cx.cancel.is_cancelled(),
        ..Done::default()
    })
}

/// What the iterations took, and the tags of the loop's own conditions.
fn all_spent(iterations: &[Spent], asked: Option<Box<Served>>) -> Option<Served> {
    let asked = asked.map(Spent::from);
    Spent::sum(iterations.iter().chain(&asked)).served()
}

/// A real list, or text that is a JSON list; anything else is refused, never guessed at.
fn list(value: Value, key: &str) -> Result<Vec<Value>, Failure> {
    let shown = match value {
        Value::Array(items) => return Ok(items),
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(Value::Array(items)) => return Ok(items),
            _ => format!("the text `{}`", text.chars().take(60).collect::<String>()),
        },
        other => format!("`{}`", other.to_string().chars().take(60).collect::<String>()),
    };
    Err(failure(
        "ValueError",
        format!("`{key}` must be a list, not {shown}; write `[a, b]`, or a template that gives a list"),
    ))
}

fn whole(value: &Value, key: &str) -> Result<u64, Failure> {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    };
    number.ok_or_else(|| failure("ValueError", format!("`{key}` must be a whole number, not `{value}`")))
}
