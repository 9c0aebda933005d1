//! One step from its condition to its end: attempts, handlers, and where the scope goes on.

use std::{collections::HashMap, sync::Arc};

use futures_util::future::BoxFuture;
use indexmap::IndexMap;
use lang::{registry::Effect, template};
use serde_json::{Map, Value, json};
use tokio::time::sleep;

use super::{
    EventKind,
    auto::{self, Filled, Stage, Taken},
    cache::{self, Fingerprint, Hit, LookUp},
    clock,
    context::RunContext,
    document::Cost,
    event::{Said, StepStarted},
    execute::{Handled, StepEnd, Stopwatch, blank, lock, record, skipped},
    journal::Batch,
    loops, past,
    perform::{self, Attempt, Prepared, failure},
    render::{Names, StepValue, from_json},
    resume,
    schedule::Ending,
    store::{LastWord, Record},
};
use crate::{
    models::Served,
    plan::{
        Handler, Scope, StepPlan,
        program::{Routes, StepKind},
    },
    tools::{Failure, person::WAITING},
};

mod asked;

mod served;
use asked::{attempt_again, charged, close_unanswered, fill, with};
use served::{served_by, tell_served};

/// Between the path of a step and the number of its handler whose action is meant: `a!0`.
pub(crate) const HANDLER: char = '!';

/// What a step needs to run.
pub(crate) struct Call {
    pub(crate) cx: Arc<RunContext>,
    pub(crate) scope: Arc<Scope>,
    pub(crate) at: usize,
    pub(crate) names: Arc<Names>,
    pub(crate) path: String,
    pub(crate) handled: Handled,
}

/// What acting came to.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) result: Value,
    pub(crate) failure: Option<Failure>,
    pub(crate) attempts: u32,
    pub(crate) timed_out: bool,
    pub(crate) cancelled: bool,
    /// It waits for a person, and which question, for people.
    pub(crate) waiting: Option<String>,
    pub(crate) recovered: bool,
    pub(crate) served: Option<Served>,
    /// How its AUTO tags were answered.
    pub(crate) auto: Vec<Value>,
    /// What the result depends on, where it may be used again.
    pub(crate) fingerprint: Option<Box<Fingerprint>>,
    /// The run that made the result, where it was not made in this one, and the model it came from.
    pub(crate) cached: Option<String>,
}

/// Puts the intent and the start of a new attempt into `batch`.
pub(crate) fn announce(cx: &RunContext, batch: &mut Batch, step: &StepPlan, path: &str) {
    let attempt = cx.journal.next_attempt(path);
    if cx.journal.keeps_records() {
        batch.records.push(Record::Intent { step: path.to_owned(), attempt, time: clock::now() });
    }
    let (tool, action, model) = (step.tool.clone(), step.action.clone(), cx.model_of(step));
    let said = Said::Started(StepStarted { attempt, tool, action, model });
    batch.fact(EventKind::StepStarted, Some(path), said);
}

/// Puts what the attempt announced last came to into `batch`.
pub(crate) fn close(cx: &RunContext, batch: &mut Batch, path: &str, status: &'static str, value: Value) {
    let attempt = cx.journal.last_attempt(path);
    batch.records.push(Record::Outcome {
        step: path.to_owned(),
        attempt,
        status: status.into(),
        value,
        last: None,
        time: clock::now(),
    });
}

/// The same for what nothing will follow.
pub(crate) fn close_for_good(cx: &RunContext, batch: &mut Batch, scope: &Scope, path: &str, end: &StepEnd) {
    if !cx.journal.keeps_records() {
        return;
    }
    let document = Arc::clone(&end.document);
    let goto = end.goto.map(|target| scope.steps[target].id.clone());
    let fingerprint = end.fingerprint.clone();
    batch.records.push(Record::Outcome {
        step: path.to_owned(),
        attempt: cx.journal.last_attempt(path),
        status: document.status.clone(),
        // The last word holds it.
        value: Value::Null,
        last: Some(Box::new(LastWord { document, goto, fingerprint, redacted: false })),
        time: clock::now(),
    });
}

/// Stores the intent of a new attempt. Whether it may act: not in a run that was cancelled, or whose
/// store broke.
///
/// Boxed like all that a step does not do while it waits, so that ten thousand that wait take little memory.
fn begin<'a>(cx: &'a RunContext, step: &'a StepPlan, path: &'a str) -> BoxFuture<'a, bool> {
    Box::pin(intend(cx, step, path))
}

async fn intend(cx: &RunContext, step: &StepPlan, path: &str) -> bool {
    let mut batch = Batch::default();
    if step.kind.has_steps() && cx.journal.last_attempt(path) > 0 {
        // What an earlier attempt of the loop came to counts no more.
        cx.past.forget_beneath(path);
        batch.records.push(Record::Forget { step: path.to_owned(), itself: false, beneath: true });
    }
    announce(cx, &mut batch, step, path);
    cx.commit(batch).await;
    !cx.cancel.is_cancelled()
}

/// Whether the step is sure to take no time worth a task: an echo, or a condition that is evaluated.
pub(crate) fn is_short(cx: &RunContext, step: &StepPlan) -> bool {
    step.tool.is_none()
        && !step.kind.has_steps()
        && resume::effect(&cx.registry, step) == Some(Effect::Pure)
        && step.action.as_deref().is_some_and(template::is_plain)
}

/// Runs the step; its first intent is stored already, or (if it only computes) on its way, unless it has a condition or is a handler.
pub(crate) async fn run(mut call: Call) -> StepEnd {
    let mut step = Arc::clone(&call.scope.steps[call.at]);
    if step.is_handler {
        let done = lock(&call.handled).get(&step.id).cloned();
        return done.unwrap_or_else(|| skipped(&call.scope, call.at, "handler_not_needed"));
    }
    let watch = Stopwatch::start();
    if call.cx.cancel.is_cancelled() {
        return end(&call, &step, &watch, Done { cancelled: true, ..Done::default() });
    }
    let mut taken = Taken::default();
    if auto::has(&step, Stage::Condition)
        && let Err(done) = fill(&mut call, &mut step, Stage::Condition, &mut taken).await
    {
        return end(&call, &step, &watch, *done);
    }
    if let Some(condition) = &step.condition {
        match call.cx.renderer.condition(condition, &call.names) {
            Ok(true) => {}
            Ok(false) => return charged(skipped(&call.scope, call.at, "condition_false"), taken),
            Err(error) => {
                let mut failure = error.failure("condition");
                "ConditionError".clone_into(&mut failure.error_type);
                return end(&call, &step, &watch, with(Done { failure: Some(failure), ..Done::default() }, taken));
            }
        }
    }
    if auto::has(&step, Stage::Work)
        && let Err(mut done) = fill(&mut call, &mut step, Stage::Work, &mut taken).await
    {
        // Asking was the attempt.
        done.attempts = 1;
        if done.failure.is_some() && !done.cancelled {
            if !step.handlers.is_empty() {
                close_unanswered(&call, &done);
            }
            done = Box::pin(recover(&call, &step, None, done)).await;
        }
        return end(&call, &step, &watch, *done);
    }
    // A resumed loop goes on where it was.
    let goes_on = call.cx.past.knows(&call.path) || (step.kind.has_steps() && call.cx.past.was_begun(&call.path));
    let mut prepared = None;
    let mut fingerprint = None;
    if !goes_on {
        let may_be_cached = cache::may_be_cached(&call.cx, &step, &call.path);
        if may_be_cached {
            match cache::look_up(&call.cx, &step, &call.names) {
                LookUp::Found(hit, fingerprint) => {
                    let done = from_cache(*hit, fingerprint);
                    return routed(call, step, &watch, Box::new(done), taken).await;
                }
                LookUp::Anew(rendered, depends_on) => (prepared, fingerprint) = (Some(rendered), depends_on),
                LookUp::Nothing => {}
            }
        }
        let is_pure = prepared.as_ref().is_some_and(|prepared| prepared.effect == Effect::Pure);
        if is_pure {
            // There is no effect that could be lost: nothing waits for this to be on disk.
            let mut batch = Batch::default();
            announce(&call.cx, &mut batch, &step, &call.path);
            if is_short(&call.cx, &step) {
                call.cx.journal.post_later(batch);
            } else {
                call.cx.journal.post(batch);
            }
        } else if (may_be_cached || step.condition.is_some()) && !begin(&call.cx, &step, &call.path).await {
            return end(&call, &step, &watch, with(Done { cancelled: true, ..Done::default() }, taken));
        }
    }
    let mut done = attempts(&call.cx, &step, &call.names, &call.path, prepared).await;
    if let Some(fingerprint) = fingerprint
        && done.failure.is_none()
        && !done.cancelled
        && done.waiting.is_none()
        && cache::still_holds(&call.cx, &step, &fingerprint)
    {
        done.fingerprint = Some(fingerprint);
    }
    if done.failure.is_some() && !done.cancelled {
        let filled = Some((Arc::clone(&step), Arc::clone(&call.names)));
        done = Box::pin(recover(&call, &step, filled, done)).await;
    }
    routed(call, step, &watch, done, taken).await
}

/// The end of a step that came to `done`: where the scope goes on may be a question of its own.
async fn routed(
    mut call: Call,
    mut step: Arc<StepPlan>,
    watch: &Stopwatch,
    mut done: Box<Done>,
    mut taken: Taken,
) -> StepEnd {
    if done.failure.is_none()
        && !done.cancelled
        && done.waiting.is_none()
        && auto::has(&step, Stage::Goto)
        && let Err(failed) = fill(&mut call, &mut step, Stage::Goto, &mut taken).await
    {
        (done.failure, done.cancelled) = (failed.failure, failed.cancelled);
        done.fingerprint = None;
        taken = Taken { told: failed.auto, spent: failed.served.map(Box::new), ..Taken::default() };
    }
    end(&call, &step, watch, with(*done, taken))
}

/// What the step came to before, as what it comes to now.
fn from_cache(hit: Hit, fingerprint: Box<Fingerprint>) -> Done {
    let Hit { run, last } = hit;
    let document = last.document;
    let served = served_by(&document);
    Done {
        result: document.value["result"].clone(),
        // Nothing was spent this time.
        served: served.map(|served| Served { usage: None, cost: Cost::free(), reused: None, ..served }),
        fingerprint: Some(fingerprint),
        cached: Some(run),
        ..Done::default()
    }
}

/// Tries as often as the step says; the first intent is told already. `prepared` is what the first
/// attempt does, where it is rendered already.
///
/// What waits for long holds little: what it came to so far, and all that it does not wait in, is boxed.
async fn attempts(
    cx: &Arc<RunContext>,
    step: &Arc<StepPlan>,
    names: &Arc<Names>,
    path: &str,
    mut prepared: Option<Box<Prepared>>,
) -> Box<Done> {
    let mut attempt = 1;
    let mut tried = cx.past.take_tried(path).map(Box::new);
    // What attempts took that came to nothing.
    let mut spent: Option<Box<Served>> = None;
    if let Some(before) = tried.take_if(|tried| tried.goes_on && step.kind.has_steps()) {
        // What its body came to in this attempt is known and counts.
        attempt = before.count + 1;
        let mut batch = Batch::default();
        announce(cx, &mut batch, step, path);
        Box::pin(cx.commit(batch)).await;
    }
    loop {
        let before = tried.take();
        let stored = before.is_some();
        let mut done = match (before, &*step.kind) {
            (Some(before), _) => {
                attempt = before.count;
                before.done()
            }
            (None, StepKind::Act) => Box::pin(once(cx, step, names, path, prepared.take())).await,
            (None, _) => Box::pin(loops::run(cx, step, names, path)).await.into(),
        };
        done.attempts = attempt;
        if let Some(spent) = spent.take() {
            done.served = Served::after(Some(*spent), done.served.take());
        }
        let Some(failed) = done.failure.as_ref().filter(|_| !done.cancelled) else { return done };
        if !stored {
            let mut batch = Batch::default();
            close(cx, &mut batch, path, "failed", past::failed_value(failed, &done));
            cx.journal.post(batch);
        }
        // What cannot be rendered now cannot be rendered a moment later.
        let hopeless =
            matches!(&*failed.error_type, "UnresolvedTemplateError" | "TemplateError" | "AutoResolutionError");
        let pause = step.retry.pause(attempt, &failed.error_type, &format!("{}/{path}", cx.run_id));
        let Some(pause) = pause.filter(|_| !hopeless) else { return done };
        let mut batch = Batch::default();
        let data = json!({
            "attempt": attempt, "error": failed.message, "error_type": failed.error_type,
            "delay_ms": pause.as_millis() as u64,
        });
        batch.fact(EventKind::StepRetrying, Some(path), data);
        cx.journal.post(batch);
        tokio::select! {
            () = cx.cancel.cancelled() => done.cancelled = true,
            () = sleep(pause) => done.cancelled = !begin(cx, step, path).await,
        }
        if done.cancelled {
            return done;
        }
        // What it called counts for nothing any more.
        spent = done.served.take().map(|served| Box::new(Served { tool_calls: None, ..served }));
        attempt += 1;
    }
}

async fn once(
    cx: &Arc<RunContext>,
    step: &StepPlan,
    names: &Arc<Names>,
    path: &str,
    prepared: Option<Box<Prepared>>,
) -> Box<Done> {
    Box::new(match perform::attempt(cx, step, names, path, prepared).await {
        Attempt::Ended(outcome) => {
            let timed_out = outcome.failure.as_ref().is_some_and(|failure| failure.error_type == "TimeoutError");
            let (result, failure, served) = (outcome.result, outcome.failure, outcome.served.map(|served| *served));
            Done { result, failure, timed_out, served, ..Done::default() }
        }
        Attempt::TimedOut(failure, served) => {
            let served = served.map(|served| *served);
            Done { failure: Some(failure), timed_out: true, served, ..Done::default() }
        }
        Attempt::Cancelled(served) => Done { cancelled: true, served: served.map(|served| *served), ..Done::default() },
        Attempt::Waiting(question) => Done { waiting: Some(question), ..Done::default() },
    })
}

/// Asks the handlers in order; the first that matches and succeeds saves the step. `filled` is the step with the
/// answers to its tags, where they were answered.
async fn recover(call: &Call, step: &Arc<StepPlan>, mut filled: Option<Filled>, mut done: Box<Done>) -> Box<Done> {
    for (index, handler) in step.handlers.iter().enumerate() {
        let Some(failed) = done.failure.clone().filter(|failed| handler.matches(failed)) else { continue };
        let (result, served) = handle(call, (index, handler), &failed).await;
        // Its models were paid for this step, whatever came of it.
        done.served = Served::after(served, done.served.take());
        let Some(result) = result else { continue };
        if handler.retry_with_handler {
            for _ in 0..handler.max_retries {
                if !begin(&call.cx, step, &call.path).await {
                    done.cancelled = true;
                    return done;
                }
                let mut again = attempt_again(call, step, &mut filled).await;
                if again.failure.is_none() || again.cancelled {
                    again.recovered = !again.cancelled;
                    again.served = Served::after(done.served.take(), again.served.take());
                    again.attempts += done.attempts;
                    return again;
                }
                done.served = Served::after(done.served.take(), again.served.take());
            }
            if handler.max_retries > 0 {
                continue;
            }
        }
        done.result = match &handler.fallback {
            Some(value) => {
                let names = handling(call, &failed);
                match call.cx.renderer.value(value, &names, "fallback_value") {
                    Ok(value) => value,
                    Err(problem) => {
                        let message = format!("{}; its handler failed too: {}", failed.message, problem.message);
                        done.failure = Some(Failure { message, ..failed });
                        continue;
                    }
                }
            }
            None => result,
        };
        if !handler.propagate_error {
            done.failure = None;
            done.timed_out = false;
            done.recovered = true;
        }
        return done;
    }
    done
}

/// What the handler gives, if it succeeds, and what its own models took; a step that handles has its own
/// document.
async fn handle(call: &Call, (index, handler): (usize, &Handler), failed: &Failure) -> (Option<Value>, Option<Served>) {
    let names = handling(call, failed);
    if let Some(task) = &handler.task {
        let Some(at) = call.scope.steps.iter().position(|step| step.id == *task) else { return (None, None) };
        let watch = Stopwatch::start();
        let task = Arc::clone(&call.scope.steps[at]);
        let path = format!("{}{}", call.path.strip_suffix(&call.scope.steps[call.at].id).unwrap_or_default(), task.id);
        if let Some(end) = call.cx.past.end(&path, &call.scope, at) {
            let result = end.document.success.then(|| end.document.value["result"].clone());
            lock(&call.handled).insert(task.id.clone(), end);
            return (result, None);
        }
        if !call.cx.past.knows(&path) && !begin(&call.cx, &task, &path).await {
            return (None, None);
        }
        let mut taken = Taken::default();
        let filled = auto::fill(&call.cx, &task, &names, &path, Stage::Work, &mut taken).await;
        let (task, done) = match filled {
            Ok((task, names)) => {
                let done = Box::pin(attempts(&call.cx, &task, &names, &path, None)).await;
                (task, done)
            }
            Err(failure) => (task, Box::new(Done { failure: Some(failure), ..Done::default() })),
        };
        let done = with(*done, taken);
        let result = (done.failure.is_none() && !done.cancelled).then(|| done.result.clone());
        let handler_call = Call {
            cx: Arc::clone(&call.cx),
            scope: Arc::clone(&call.scope),
            at,
            names: Arc::clone(&call.names),
            path,
            handled: Arc::clone(&call.handled),
        };
        let mut end = end(&handler_call, &task, &watch, done);
        let mut batch = Batch::default();
        let prefix = handler_call.path.strip_suffix(&task.id).unwrap_or_default();
        record(&call.cx, &mut batch, &call.scope, prefix, &end);
        call.cx.commit(batch).await;
        end.recorded = true;
        lock(&call.handled).insert(task.id.clone(), end);
        return (result, None);
    }
    if let Some(action) = &handler.action {
        let step = StepPlan {
            action: Some(action.clone()),
            tool: None,
            parameters: IndexMap::new(),
            condition: None,
            routes: Routes::default(),
            handlers: Vec::new(),
            kind: StepKind::act(),
            ..(*call.scope.steps[call.at]).clone()
        };
        // It has attempts of its own: what it did once it need not do again when the run is resumed.
        let path = format!("{}{HANDLER}{index}", call.path);
        if let Some(end) = call.cx.past.end(&path, &call.scope, call.at) {
            let result = end.document.success.then(|| end.document.value["result"].clone());
            return (result, served_by(&end.document));
        }
        if !begin(&call.cx, &step, &path).await {
            return (None, None);
        }
        let done = *once(&call.cx, &step, &names, &path, None).await;
        let success = done.failure.is_none() && !done.cancelled;
        let status = match (success, done.cancelled) {
            (true, _) => "completed",
            (false, true) => "cancelled",
            (false, false) => "failed",
        };
        let mut document = blank(&call.scope, call.at, status);
        document.success = success;
        document.value = json!({"result": done.result, "success": success});
        let served = done.served.clone();
        tell_served(&mut document, done.served);
        let end = StepEnd {
            ending: Ending::Succeeded,
            document: Arc::new(document),
            value: None,
            goto: None,
            recorded: false,
            fingerprint: None,
        };
        let mut batch = Batch::default();
        close_for_good(&call.cx, &mut batch, &call.scope, &path, &end);
        call.cx.commit(batch).await;
        return (success.then_some(done.result), served);
    }
    // What stands as the result is rendered by the caller.
    (handler.fallback.is_some().then_some(Value::Null), None)
}

/// The names a handler sees: those of the step, and the error.
fn handling(call: &Call, failed: &Failure) -> Arc<Names> {
    let error = json!({"message": failed.message, "type": failed.error_type, "code": failed.code});
    call.names.inner(HashMap::from([("error".to_owned(), from_json(&error))]), None)
}

fn end(call: &Call, step: &StepPlan, watch: &Stopwatch, done: Done) -> StepEnd {
    let mut ending = match (&done.failure, done.cancelled) {
        (_, true) => Ending::Cancelled,
        _ if done.waiting.is_some() => Ending::Waiting,
        (Some(_), false) => Ending::Failed,
        (None, false) => Ending::Succeeded,
    };
    let mut failed = done.failure;
    let mut goto = None;
    if ending == Ending::Succeeded
        && let Some(target) = &step.routes.goto
    {
        match route(&call.cx, &call.scope, call.at, &call.names, target) {
            Ok(target) => goto = target,
            Err(problem) => {
                ending = Ending::Failed;
                failed = Some(problem);
            }
        }
    }
    let status = match ending {
        Ending::Succeeded | Ending::Skipped => "completed",
        Ending::Failed => "failed",
        Ending::Cancelled => "cancelled",
        Ending::Waiting => "waiting",
    };
    let success = ending == Ending::Succeeded;
    let mut document = blank(&call.scope, call.at, status);
    watch.fill(&mut document);
    document.success = success;
    document.attempts = done.attempts;
    document.retries = done.attempts.saturating_sub(1);
    document.timed_out = done.timed_out;
    document.auto = done.auto;
    document.cache = done.cached.map(|run| json!({"hit": true, "run": run, "reason": "nothing it depends on changed"}));
    tell_served(&mut document, done.served);
    if let Some(question) = done.waiting {
        document.error = Some(question);
        document.error_type = Some(WAITING.to_owned());
    }
    if let Some(failed) = &failed {
        document.error = Some(failed.message.clone());
        document.error_type = Some(failed.error_type.clone());
    }
    let mut value = Map::new();
    value.insert("result".to_owned(), done.result.clone());
    value.insert("success".to_owned(), json!(success));
    value.insert("error".to_owned(), json!(document.error));
    if done.recovered {
        value.insert("recovered".to_owned(), json!(true));
    }
    document.value = Value::Object(value);
    let error = failed.as_ref().map(|failed| (&*failed.error_type, &*failed.message));
    let value = StepValue::ended(status, success, &done.result, error, done.recovered, &step.output);
    StepEnd {
        ending,
        document: Arc::new(document),
        value: Some(Arc::new(value)),
        goto,
        recorded: false,
        fingerprint: done.fingerprint,
    }
}

/// The step a `goto` names.
pub(crate) fn route(
    cx: &RunContext,
    scope: &Scope,
    at: usize,
    names: &Arc<Names>,
    target: &Value,
) -> Result<Option<usize>, Failure> {
    let rendered = cx.renderer.value(target, names, "goto")?;
    let name = match &rendered {
        Value::String(name) if !name.trim().is_empty() => name.trim(),
        Value::Null | Value::String(_) => return Ok(None),
        other => return Err(failure("RoutingError", format!("`goto` must name a step, not `{other}`"))),
    };
    match scope.steps.iter().position(|step| step.id == name) {
        Some(target) if target > at => Ok(Some(target)),
        Some(_) => Err(failure("RoutingError", format!("`goto` leads back to `{name}`; it can only go forward"))),
        None if scope.left_out.contains(name) => Ok(None),
        None => Err(failure("RoutingError", format!("`goto` names the unknown step `{name}`"))),
    }
}
