//! Performs what [`super::schedule`] decides: starts steps, waits for them, stores what they came to
//! before anything acts that comes after it.

use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use futures_util::FutureExt;
use jiff::Timestamp;
use lang::registry;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    EventKind,
    cache::{self, Fingerprint},
    clock,
    context::RunContext,
    document::{Cost, StepDocument},
    event::{Data, Paid, Said, StepFinished},
    journal::Batch,
    render::{Names, StepValue},
    resume,
    schedule::{Effect, Ending, Input, Node, Schedule, SkipReason},
    step,
};
use crate::plan::{Scope, StepPlan};

/// A step's end, as the scope, the document and templates see it.
#[derive(Debug, Clone)]
pub(crate) struct StepEnd {
    pub(crate) ending: Ending,
    pub(crate) document: Arc<StepDocument>,
    pub(crate) value: Option<Arc<StepValue>>,
    pub(crate) goto: Option<usize>,
    /// The store of this run has it already.
    pub(crate) recorded: bool,
    /// What its result depends on, where it may be used again.
    pub(crate) fingerprint: Option<Box<Fingerprint>>,
}

/// The ends of all steps of a scope, in order of declaration.
#[derive(Debug)]
pub(crate) struct ScopeEnd {
    pub(crate) steps: Vec<StepEnd>,
    /// A step failed under the policy `fail`, or the run was cancelled.
    pub(crate) stopped: bool,
}

/// Steps that already ran as handlers of others.
pub(crate) type Handled = Arc<Mutex<HashMap<String, StepEnd>>>;

/// Runs the steps of `scope`. `prefix` comes before their ids in events (`loop[2].`); `first` is
/// stored together with the first intents.
pub(crate) fn scope(
    cx: Arc<RunContext>,
    scope: Arc<Scope>,
    names: Arc<Names>,
    prefix: String,
    first: Batch,
) -> Pin<Box<dyn Future<Output = ScopeEnd> + Send>> {
    Box::pin(run_scope(cx, scope, names, prefix, first))
}

async fn run_scope(
    cx: Arc<RunContext>,
    scope: Arc<Scope>,
    names: Arc<Names>,
    prefix: String,
    first: Batch,
) -> ScopeEnd {
    let mut nodes = nodes(&scope);
    cx.lanes.assign(&cx, &scope, &mut nodes);
    let mut schedule = Schedule::new(nodes, cx.limit).with_lanes(cx.lanes.sizes());
    let mut ends: Vec<Option<StepEnd>> = vec![None; scope.steps.len()];
    let mut running: JoinSet<(usize, StepEnd)> = JoinSet::new();
    let handled = Handled::default();
    let mut batch = first;
    let mut effects = schedule.step(Input::Begin);
    let mut cancelled = false;
    // Steps that may start once all that is known has been told: a failure among it may stop them.
    let mut held: Vec<usize> = Vec::new();
    loop {
        let mut started = Vec::new();
        let mut arrived: Vec<(usize, StepEnd)> = Vec::new();
        let mut done: Vec<(usize, StepEnd)> = Vec::new();
        let mut finished = false;
        let mut acts = false;
        for effect in std::mem::take(&mut effects) {
            match effect {
                Effect::Ready(at) => {
                    let path = format!("{prefix}{}", scope.steps[at].id);
                    if !cx.past.knows(&path) {
                        batch.fact(EventKind::StepReady, Some(&path), Data::nothing());
                    }
                }
                Effect::Start(at) => {
                    let step = &scope.steps[at];
                    let path = format!("{prefix}{}", step.id);
                    if let Some(end) = cx.past.end(&path, &scope, at) {
                        arrived.push((at, end));
                        continue;
                    }
                    held.push(at);
                }
                Effect::Skip(at, reason) => {
                    let reason = match reason {
                        SkipReason::Routed(by) => format!("routed by `{}`", scope.steps[by].id),
                        SkipReason::DependencyFailed(by) => format!("`{}` failed", scope.steps[by].id),
                    };
                    let ran = ran(&cx, &handled, &scope, &prefix, at);
                    let end = ran.unwrap_or_else(|| skipped(&scope, at, &reason));
                    record(&cx, &mut batch, &scope, &prefix, &end);
                    publish(&names, &end);
                    ends[at] = Some(end);
                }
                Effect::NotRun(at) => {
                    let ran = ran(&cx, &handled, &scope, &prefix, at);
                    if let Some(end) = &ran {
                        record(&cx, &mut batch, &scope, &prefix, end);
                    }
                    let end = ran.unwrap_or_else(|| not_run(&scope, at));
                    publish(&names, &end);
                    ends[at] = Some(end);
                }
                Effect::Finished => finished = true,
            }
        }
        if arrived.is_empty() {
            for at in std::mem::take(&mut held) {
                let step = &scope.steps[at];
                let path = format!("{prefix}{}", step.id);
                if schedule.is_stopped() && cx.past.is_resumed() && !cx.past.was_begun(&path) {
                    arrived.push((at, not_run(&scope, at)));
                    continue;
                }
                // What may not act at all announces itself once it is sure to.
                let is_sure = step.condition.is_none() && !step.is_handler;
                if is_sure && !cx.past.knows(&path) && !cache::may_be_cached(&cx, step, &path) {
                    step::announce(&cx, &mut batch, step, &path);
                    acts |= step.kind.has_steps() || resume::effect(&cx.registry, step) != Some(registry::Effect::Pure);
                }
                started.push(at);
            }
        }
        if !batch.records.is_empty() || !batch.facts.is_empty() {
            // What only computes may be computed again: it need not wait for the disk. Whatever acts does, and
            // with it for all that came before.
            if acts || cx.journal.is_behind() {
                cx.commit(std::mem::take(&mut batch)).await;
            } else {
                cx.journal.post(std::mem::take(&mut batch));
            }
        }
        for at in started {
            let call = step::Call {
                cx: Arc::clone(&cx),
                scope: Arc::clone(&scope),
                at,
                names: Arc::clone(&names),
                path: format!("{prefix}{}", scope.steps[at].id),
                handled: Arc::clone(&handled),
            };
            let is_short = step::is_short(&cx, &scope.steps[at]);
            let mut work = Box::pin(async move { (at, step::run(call).await) });
            // What comes to its end at once needs no task of its own.
            let ended = if is_short { (&mut work).now_or_never() } else { None };
            match ended {
                Some(end) => done.push(end),
                None => {
                    running.spawn(work);
                }
            }
        }
        if finished {
            break;
        }
        arrived.append(&mut done);
        // Where nothing waits, others get their turn all the same: who shows the events, and who cancels.
        tokio::task::coop::consume_budget().await;
        if cx.cancel.is_cancelled() && !cancelled {
            cancelled = true;
            effects = schedule.step(Input::Cancel);
        }
        let mut joined = Vec::new();
        if arrived.is_empty() {
            tokio::select! {
                biased;
                next = running.join_next() => joined.extend(next),
                () = cx.cancel.cancelled(), if !cancelled => {
                    cancelled = true;
                    effects = schedule.step(Input::Cancel);
                }
            }
        }
        while let Some(next) = running.try_join_next() {
            joined.push(next);
        }
        arrived.extend(
            joined
                .into_iter()
                .map(|joined| joined.expect("invariant: tools' panics are caught and steps are never aborted")),
        );
        arrived.sort_by_key(|(at, _)| *at);
        for (at, end) in arrived {
            if end.document.status != "not_run" {
                record(&cx, &mut batch, &scope, &prefix, &end);
            }
            publish(&names, &end);
            effects.extend(schedule.step(Input::Ended { step: at, ending: end.ending, goto: end.goto }));
            ends[at] = Some(end);
        }
    }
    let steps: Vec<StepEnd> =
        ends.into_iter().map(|end| end.expect("invariant: a finished scope has an end for each step")).collect();
    ScopeEnd {
        stopped: steps.iter().any(|end| matches!(&*end.document.status, "not_run" | "cancelled"))
            || failed_hard(&scope, &steps),
        steps,
    }
}

/// What a step that does not start came to before, as a handler or before the run was resumed.
fn ran(cx: &RunContext, handled: &Handled, scope: &Scope, prefix: &str, at: usize) -> Option<StepEnd> {
    let id = &scope.steps[at].id;
    let ran = lock(handled).get(id).cloned();
    ran.or_else(|| cx.past.end(&format!("{prefix}{id}"), scope, at))
}

/// A step failed whose policy admits nothing after it.
pub(crate) fn failed_hard(scope: &Scope, ends: &[StepEnd]) -> bool {
    ends.iter().zip(&scope.steps).any(|(end, step)| end.ending == Ending::Failed && stops_run(step))
}

/// Whether nothing more is admitted after the step failed.
pub(crate) fn stops_run(step: &StepPlan) -> bool {
    step.policy == lang::model::FailurePolicy::Fail && step.routes.on_failure.is_none()
}

pub(crate) fn nodes(scope: &Scope) -> Vec<Node> {
    scope
        .steps
        .iter()
        .zip(&scope.dependencies)
        .map(|(step, dependencies)| Node {
            dependencies: dependencies.clone(),
            policy: step.policy,
            on_success: step.routes.on_success,
            on_false: step.routes.on_false,
            on_failure: step.routes.on_failure,
            takes_place: !step.kind.has_steps(),
            lane: None,
        })
        .collect()
}

fn publish(names: &Names, end: &StepEnd) {
    if let Some(value) = &end.value {
        names.publish(&end.document.id, value);
    }
}

/// Puts a step's end into `batch`, and the news of it.
pub(crate) fn record(cx: &RunContext, batch: &mut Batch, scope: &Scope, prefix: &str, end: &StepEnd) {
    if end.recorded {
        return;
    }
    let document = &end.document;
    let path = format!("{prefix}{}", document.id);
    step::close_for_good(cx, batch, scope, &path, end);
    let said = Said::Ended(StepFinished {
        status: document.status.clone(),
        success: document.success,
        duration_ms: document.duration.map_or(0, |seconds| (seconds * 1000.0).round() as u64),
        attempts: document.attempts,
        error_type: document.error.as_ref().and(document.error_type.clone()),
        error: document.error.clone(),
        cached: document.is_reused(),
        reused: document.provenance.is_some(),
        cost: Paid::of(document),
        model: document.model.clone(),
        provider: document.provider.clone(),
        usage: document.usage,
    });
    batch.fact(EventKind::StepFinished, Some(&path), said);
}

/// A document of a step that did nothing yet.
pub(crate) fn blank(scope: &Scope, at: usize, status: &'static str) -> StepDocument {
    let step: &StepPlan = &scope.steps[at];
    StepDocument {
        id: step.id.clone(),
        action: step.action.clone().unwrap_or_default(),
        status: status.into(),
        success: false,
        value: Value::Null,
        error: None,
        error_type: None,
        tool: step.tool.clone(),
        model: None,
        provider: None,
        requested_model: None,
        started_at: None,
        completed_at: None,
        duration: None,
        retries: 0,
        timed_out: false,
        dependencies: scope.dependencies[at].iter().map(|from| scope.steps[*from].id.clone()).collect(),
        attempts: 0,
        cost: Cost::free(),
        usage: None,
        cache: None,
        auto: Vec::new(),
        tool_calls: None,
        provenance: None,
    }
}

/// A step that was passed over; that is no failure.
pub(crate) fn skipped(scope: &Scope, at: usize, reason: &str) -> StepEnd {
    let mut document = blank(scope, at, "skipped");
    document.success = true;
    document.value = json!({"status": "skipped", "reason": reason});
    let document = Arc::new(document);
    let value = Some(Arc::new(StepValue::absent(&scope.steps[at].id, "skipped", reason)));
    StepEnd { ending: Ending::Skipped, document, value, goto: None, recorded: false, fingerprint: None }
}

fn not_run(scope: &Scope, at: usize) -> StepEnd {
    let value = StepValue::absent(&scope.steps[at].id, "not_run", "the run stopped before it");
    StepEnd {
        ending: Ending::Cancelled,
        document: Arc::new(blank(scope, at, "not_run")),
        value: Some(Arc::new(value)),
        goto: None,
        recorded: false,
        fingerprint: None,
    }
}

/// Notes when a step began, and fills in its times at the end.
#[derive(Debug)]
pub(crate) struct Stopwatch {
    started: Timestamp,
    clock: Instant,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self { started: Timestamp::now(), clock: Instant::now() }
    }

    pub(crate) fn fill(&self, document: &mut StepDocument) {
        document.started_at = Some(clock::text(self.started));
        document.completed_at = Some(clock::now());
        document.duration = Some(self.clock.elapsed().as_secs_f64());
    }
}

/// Locks what no panic can leave half-written.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
