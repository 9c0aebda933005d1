//! What a run would do, step by step and why, without doing any of it (contract §4, `orc plan`).
//!
//! The same scheduler, renderer and cache as in a run go through the plan; only acting is left out. What
//! a step that acts will give is not known, so what depends on it is said to be unknown, never guessed.
//! The one assumption is that what runs succeeds. Files and the store are read, nothing is written.

use std::{
    cell::OnceCell,
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::Arc,
};

use lang::{model::FailurePolicy, registry::Effect as Acts};
use tokio_util::sync::CancellationToken;

use super::{
    RunConfig, RunError,
    auto::Stage,
    begin,
    cache::{self, Fingerprint},
    context::RunContext,
    execute::{self, StepEnd},
    perform,
    render::{Names, StepValue},
    resume,
    schedule::{Effect, Ending, Input, Schedule, SkipReason},
    step,
};
use crate::{
    models::estimate::Range,
    plan::{Plan, Scope, StepPlan, program::StepKind},
};

mod said;
pub use said::{Cause, Forecast, Verdict};
use said::{one_line, said};

mod asked;

mod estimate;

mod expected;
use expected::Expected;

mod unchanged;
use unchanged::Unchanged;

/// What a run of `plan` as `config` says would do, in order of declaration.
pub fn forecast(plan: &Plan, config: &RunConfig) -> Result<Vec<Forecast>, RunError> {
    let (cx, names) = begin::looked_at(plan, config, CancellationToken::new())?;
    let secrets = Arc::clone(&cx.secrets);
    let scope = Arc::clone(&plan.program.scope);
    let mut found = Forecaster::new(cx, plan, config, scope, names).run();
    // Most have the reason of the one before.
    let mut before: Option<(String, String)> = None;
    for forecast in &mut found {
        let clean = match before.take() {
            Some((written, clean)) if written == forecast.reason => clean,
            _ => secrets.text(&forecast.reason),
        };
        let written = std::mem::replace(&mut forecast.reason, clean.clone());
        before = Some((written, clean));
        for ahead in &mut forecast.auto {
            ahead.reason = secrets.text(&ahead.reason);
        }
    }
    Ok(found)
}

struct Forecaster<'a> {
    cx: Arc<RunContext>,
    plan: &'a Plan,
    config: &'a RunConfig,
    scope: Arc<Scope>,
    names: Arc<Names>,
    found: Vec<Option<Forecast>>,
    dependants: Vec<Vec<usize>>,
    /// The steps that may write something another reads.
    writers: Vec<usize>,
    /// The steps whose routes may pass others over, with the last step they may go to.
    routed: Vec<(usize, usize)>,
    /// The steps that are passed over when a step with the policy `skip` fails.
    after_skipping: HashSet<usize>,
    /// Those of `routed` of which the target is not known.
    open_routes: BTreeSet<usize>,
    /// A step that cannot succeed stops the run.
    stopped_by: Option<usize>,
    /// The ids of the steps.
    ids: HashSet<&'a str>,
    /// The steps that will have a value, which is not known.
    hidden: HashSet<usize>,
    /// The step that the rendering of each takes before anything else, where that is sure.
    taken_first: Vec<Option<usize>>,
    /// How long the answers of steps may be that ask a model, by step.
    told: HashMap<String, Range>,
    /// What need not be rendered.
    unchanged: Option<Unchanged>,
    /// How long they were in earlier runs.
    answers: OnceCell<HashMap<String, Range>>,
}

impl<'a> Forecaster<'a> {
    fn new(cx: Arc<RunContext>, plan: &'a Plan, config: &'a RunConfig, scope: Arc<Scope>, names: Arc<Names>) -> Self {
        let mut dependants = vec![Vec::new(); scope.steps.len()];
        for (step, dependencies) in scope.dependencies.iter().enumerate() {
            for dependency in dependencies {
                dependants[*dependency].push(step);
            }
        }
        let writers = (0..scope.steps.len()).filter(|at| writes(&cx, &scope.steps[*at])).collect();
        let last = scope.steps.len().saturating_sub(1);
        let routed = scope.steps.iter().enumerate().filter_map(|(at, step)| {
            let routes = &step.routes;
            let fixed = [routes.on_success, routes.on_false].into_iter().flatten().max();
            let target = if routes.goto.is_some() { Some(last) } else { fixed };
            Some((at, target?))
        });
        let routed = routed.collect();
        let found = vec![None; scope.steps.len()];
        let open_routes = BTreeSet::new();
        let after_skipping = after_skipping(&scope, &dependants);
        let ids = plan.program.scope.steps.iter().map(|step| &*step.id).collect();
        let taken_first = plan.first_read();
        let unchanged = Unchanged::of(&cx, plan, config);
        Self {
            ids,
            hidden: HashSet::new(),
            taken_first,
            cx,
            plan,
            config,
            scope,
            names,
            found,
            dependants,
            writers,
            routed,
            after_skipping,
            open_routes,
            stopped_by: None,
            told: HashMap::new(),
            unchanged,
            answers: OnceCell::new(),
        }
    }

    fn run(mut self) -> Vec<Forecast> {
        let mut schedule = Schedule::new(execute::nodes(&self.scope), usize::MAX);
        let mut inputs = VecDeque::from([Input::Begin]);
        while let Some(input) = inputs.pop_front() {
            for effect in schedule.step(input) {
                match effect {
                    Effect::Start(at) => {
                        let mut expected = self.expect(at);
                        if matches!(expected.verdict, Verdict::Run | Verdict::Unknown) {
                            expected.auto = self.ahead(&self.scope.steps[at]);
                            let step = &self.scope.steps[at];
                            let estimate = self.with_tags(step, &expected.auto, self.estimated(step));
                            let is_sure = expected.verdict == Verdict::Run;
                            expected.estimate = estimate.map(|it| if is_sure { it } else { it.perhaps() });
                        }
                        self.go_on(at, &mut expected);
                        inputs.push_back(Input::Ended { step: at, ending: expected.ending, goto: expected.goto });
                        self.conclude(at, expected);
                    }
                    Effect::Skip(at, SkipReason::Routed(by)) => {
                        let reason = format!("`{}` goes on behind it", self.scope.steps[by].id);
                        self.pass_over(at, reason);
                    }
                    Effect::Skip(at, SkipReason::DependencyFailed(by)) => {
                        let reason = format!("`{}` fails", self.scope.steps[by].id);
                        self.pass_over(at, reason);
                    }
                    Effect::NotRun(at) => self.stop_before(at),
                    Effect::Ready(_) | Effect::Finished => {}
                }
            }
        }
        self.stop_at_failures();
        self.found.into_iter().flatten().collect()
    }

    /// Where a step fails and stops the run, only what it waited for is sure to have run by then.
    fn stop_at_failures(&mut self) {
        let failing: Vec<usize> = (0..self.found.len())
            .filter(|at| {
                let fails = self.found[*at].as_ref().is_some_and(|found| found.verdict == Verdict::Fail);
                fails && execute::stops_run(&self.scope.steps[*at])
            })
            .collect();
        let Some(first) = failing.first() else { return };
        let reason = format!("`{}` fails, and this may have run by then", self.scope.steps[*first].id);
        let mut ends_before = vec![0; self.found.len()];
        for step in &failing {
            for at in self.waited_for(*step) {
                ends_before[at] += 1;
            }
        }
        for (found, ends_before) in self.found.iter_mut().zip(ends_before) {
            let open = |found: &&mut Forecast| found.verdict != Verdict::NotRun && ends_before < failing.len();
            if let Some(found) = found.as_mut().filter(open) {
                (found.verdict, found.cause) = (Verdict::Unknown, Cause::Unknown);
                found.reason.clone_from(&reason);
            }
        }
    }

    /// Takes down what is expected of the step, and makes its value visible or unknown.
    fn conclude(&mut self, at: usize, expected: Expected) {
        let step = self.scope.steps[at].id.clone();
        match &expected.value {
            _ if self.names.hides(&step) => {}
            Some(value) => {
                self.hidden.remove(&at);
                self.names.publish(&step, value);
            }
            None if expected.is_unread => {}
            None => {
                self.hidden.insert(at);
                self.names.hide(&step);
            }
        }
        if let Some(estimate) = &expected.estimate {
            // What a tool makes of it may hold what was asked, too, and says it in its own words.
            let more = match self.scope.steps[at].tool {
                Some(_) => estimate.input_tokens + estimate.calls.times(Range::between(0, 50, 200)),
                None => Range::exactly(0),
            };
            self.told.insert(step.clone(), estimate.output_tokens + more.perhaps());
        }
        if expected.verdict == Verdict::Fail && execute::stops_run(&self.scope.steps[at]) {
            self.stopped_by = self.stopped_by.or(Some(at));
        }
        let Expected { verdict, cause, reason, auto, estimate, .. } = expected;
        let estimate = estimate.map(Box::new);
        self.found[at] = Some(Forecast { step, verdict, cause, reason, auto, estimate });
    }

    /// Where the scope goes on behind the step, if that can be known.
    fn go_on(&mut self, at: usize, expected: &mut Expected) {
        let scope = Arc::clone(&self.scope);
        if scope.steps[at].routes.goto.is_none()
            || expected.ending != Ending::Succeeded
            || expected.cause == Cause::Known
        {
            return;
        }
        let Ok(Some((step, names))) = self.filled(at, Stage::Goto) else {
            self.open_routes.insert(at);
            return;
        };
        let Some(target) = &step.routes.goto else { return };
        match self.look(&names, |cx, names| step::route(cx, &scope, at, names, target)) {
            Looked::Known(Ok(target)) => expected.goto = target,
            // An error is one when the step has acted.
            Looked::Known(Err(_)) | Looked::Unknown(_) | Looked::File => {
                self.open_routes.insert(at);
            }
        }
    }

    fn pass_over(&mut self, at: usize, reason: String) {
        if let Some(reason) = self.uncertain(at) {
            return self.conclude(at, Expected::unknown(reason));
        }
        let value = execute::skipped(&self.scope, at, &reason).value;
        let skipped = Expected { verdict: Verdict::Skip, value, ..Expected::acts(Cause::Skipped, reason) };
        self.conclude(at, skipped);
    }

    /// The run stops at a step that fails. What waits for that step never runs; what else stands there may
    /// have run by then.
    fn stop_before(&mut self, at: usize) {
        let Some(by) = self.stopped_by else {
            return self.conclude(at, Expected::unknown("the run may stop before it"));
        };
        let id = &self.scope.steps[by].id;
        let expected = if let Some(reason) = self.uncertain(at) {
            Expected::unknown(reason)
        } else if self.follows(by, at) {
            let reason = format!("`{id}` fails before it");
            Expected { verdict: Verdict::NotRun, ..Expected::acts(Cause::Failing, reason) }
        } else {
            Expected::unknown(format!("`{id}` fails, and this may have run by then"))
        };
        self.conclude(at, expected);
    }

    fn expect(&mut self, at: usize) -> Expected {
        let scope = Arc::clone(&self.scope);
        let step = &scope.steps[at];
        if let Some(end) = self.cx.past.end(&step.id, &scope, at) {
            let run = end.document.provenance.as_ref().and_then(|of| of["run"].as_str());
            let reason = match run {
                Some(run) => format!("unchanged since the run {run}"),
                None => "the run has its result".to_owned(),
            };
            let StepEnd { ending, goto, value, .. } = end;
            return Expected { verdict: Verdict::Reuse, ending, goto, value, ..Expected::acts(Cause::Known, reason) };
        }
        if step.is_handler {
            let reason = "only when it is needed as a handler";
            return Expected { ending: Ending::Skipped, ..Expected::unknown(reason) };
        }
        if let Some(by) = self.stopped_by
            && !self.follows(by, at)
        {
            let id = &scope.steps[by].id;
            return Expected::unknown(format!("`{id}` fails, and this may have run by then"));
        }
        if let Some(reason) = self.uncertain(at) {
            return Expected::unknown(reason);
        }
        if let Some(unchanged) = self.unchanged(at) {
            return unchanged;
        }
        self.read_for(at);
        if let Some(written) = &step.condition {
            let unknown = || Expected::unknown(format!("if {}", one_line(written)));
            let (filled, names) = match self.filled(at, Stage::Condition) {
                Ok(Some(filled)) => filled,
                Ok(None) => return unknown(),
                Err(problem) => return Expected::fails(problem.message),
            };
            let condition = filled.condition.as_ref().unwrap_or(written);
            match self.look(&names, |cx, names| cx.renderer.condition(condition, names)) {
                Looked::Unknown(_) => return unknown(),
                Looked::File if self.may_be_written_before(at) => return unknown(),
                Looked::File => match self.cx.renderer.condition(condition, &names) {
                    Ok(holds) => return self.on_condition(at, holds),
                    Err(error) => return Expected::fails(said(error)),
                },
                Looked::Known(Ok(holds)) => return self.on_condition(at, holds),
                Looked::Known(Err(error)) => return Expected::fails(said(error)),
            }
        }
        self.acting(at)
    }

    fn on_condition(&mut self, at: usize, holds: bool) -> Expected {
        if holds {
            return self.acting(at);
        }
        let value = execute::skipped(&self.scope, at, "condition_false").value;
        Expected {
            verdict: Verdict::Skip,
            ending: Ending::Skipped,
            value,
            ..Expected::acts(Cause::Skipped, "its condition is false")
        }
    }

    /// The step would start; whether it acts is left to see.
    fn acting(&mut self, at: usize) -> Expected {
        let scope = Arc::clone(&self.scope);
        let step = &scope.steps[at];
        if let Some(missing) = resume::missing(&self.cx.registry, step) {
            return Expected::fails(format!("{missing} cannot be executed by this version of orc"));
        }
        let asked = self.config.selection.as_ref().is_some_and(|asked| asked.reuses() && asked.step == step.id);
        if step.kind.has_steps() {
            let reason = if asked { "asked for" } else { "its steps are looked at as it runs" };
            return Expected::acts(if asked { Cause::Asked } else { Cause::EachTime }, reason);
        }
        let looked = match self.taken_first[at].filter(|taken| self.hidden.contains(taken)) {
            Some(taken) => Looked::Unknown(format!("`{}` comes to", scope.steps[taken].id)),
            None => Looked::Known(()),
        };
        let filled = match (&looked, self.filled(at, Stage::Work)) {
            (Looked::Unknown(_), Err(_)) => Some((Arc::clone(step), Arc::clone(&self.names))),
            (_, Err(problem)) => return Expected::fails(problem.message),
            (_, Ok(filled)) => filled,
        };
        let Some((step, names)) = &filled else {
            return match (asked, cache::may_be_cached(&self.cx, step, &step.id)) {
                (true, _) => Expected::acts(Cause::Asked, "asked for"),
                (false, true) => Expected::unknown("that depends on what its `<AUTO>` is answered with"),
                (false, false) => self.each_time(step),
            };
        };
        let looked = match looked {
            Looked::Unknown(by) => Looked::Unknown(by),
            _ => match self.look(names, |cx, names| perform::prepare(cx, step, names)) {
                Looked::Unknown(by) => Looked::Unknown(format!("`{by}` comes to")),
                looked => looked,
            },
        };
        let prepared = match looked {
            Looked::Unknown(by) => {
                return match (asked, cache::may_be_cached(&self.cx, step, &step.id)) {
                    (true, _) => Expected::acts(Cause::Asked, "asked for"),
                    (false, true) => Expected::unknown(format!("that depends on what {by}")),
                    (false, false) => self.each_time(step),
                };
            }
            Looked::File if self.may_be_written_before(at) => {
                let may_be_cached = cache::may_be_cached(&self.cx, step, &step.id);
                return if may_be_cached {
                    Expected::unknown("it reads a file that another step may write first")
                } else {
                    self.each_time(step)
                };
            }
            Looked::File => perform::prepare(&self.cx, step, names),
            Looked::Known(prepared) => prepared,
        };
        let prepared = match prepared {
            Ok(prepared) => prepared,
            Err(error) => return Expected::fails(error.0.message),
        };
        if asked {
            return Expected::acts(Cause::Asked, "asked for");
        }
        if !cache::may_be_cached(&self.cx, step, &step.id) {
            let result = prepared.foreseen(&perform::tool_cx(&self.cx, step));
            let ended = |result| Arc::new(StepValue::ended("completed", true, &result, None, false, &step.output));
            return Expected { value: result.map(ended), ..self.each_time(step) };
        }
        let Some(fingerprint) = cache::fingerprint(&self.cx, step, &prepared) else { return self.each_time(step) };
        if let Some(path) = fingerprint.files.keys().next()
            && self.may_be_written_before(at)
        {
            return Expected::unknown(format!("it reads `{path}`, which another step may write first"));
        }
        let cache = self.cx.cache.as_ref();
        match cache.and_then(|cache| cache.result(&self.cx.run_id, &fingerprint.key())) {
            Some((run, result)) => {
                let reason = format!("nothing it depends on changed since the run {run}");
                let value = Some(Arc::new(StepValue::ended("completed", true, &result, None, false, &step.output)));
                Expected { verdict: Verdict::Reuse, value, ..Expected::acts(Cause::Cached, reason) }
            }
            None => self.anew(step, &fingerprint),
        }
    }

    fn each_time(&self, step: &StepPlan) -> Expected {
        if self.cx.cache.is_none() && self.config.cache {
            return Expected::acts(Cause::New, "new");
        }
        match resume::effect(&self.cx.registry, step) {
            _ if step.cache == Some(false) => Expected::acts(Cause::EachTime, "`cache: false`"),
            _ if !self.config.cache => Expected::acts(Cause::EachTime, "`--no-cache`"),
            Some(Acts::Read) => Expected::acts(Cause::EachTime, "reads the world each time"),
            Some(Acts::Human) => Expected::acts(Cause::EachTime, "asks a person"),
            Some(Acts::Model) => Expected::acts(Cause::EachTime, "asks a model each time"),
            _ => Expected::acts(Cause::EachTime, "acts each time"),
        }
    }

    /// Why there is no earlier result.
    fn anew(&self, step: &StepPlan, fingerprint: &Fingerprint) -> Expected {
        let cache = self.cx.cache.as_ref();
        let before = cache.and_then(|cache| cache.before(&self.plan.program.id, &step.id));
        let Some(before) = before else { return Expected::acts(Cause::New, "new") };
        let reason = fingerprint.difference(&before);
        let watched = self.names.seen();
        let cause = if fingerprint.written != before.written || fingerprint.does != before.does {
            Cause::StepChanged
        } else if fingerprint.parameters != before.parameters {
            match watched.iter().find(|name| self.ids.contains(&***name)) {
                Some(by) => return Expected::acts(Cause::UpstreamChanged, format!("{reason}, from `{by}`")),
                None => Cause::InputChanged,
            }
        } else if fingerprint.files != before.files {
            Cause::FileChanged
        } else {
            Cause::InputChanged
        };
        Expected::acts(cause, reason)
    }

    /// Renders, and tells whether that took something which is not known yet.
    fn look<T, E>(
        &self,
        names: &Arc<Names>,
        render: impl FnOnce(&RunContext, &Arc<Names>) -> Result<T, E>,
    ) -> Looked<Result<T, E>> {
        self.names.forget_seen();
        self.cx.renderer.forget_files();
        let rendered = render(&self.cx, names);
        match (self.names.missed(), self.cx.renderer.read_files()) {
            (Some(name), _) => Looked::Unknown(name),
            (None, true) => Looked::File,
            (None, false) => Looked::Known(rendered),
        }
    }

    /// Why it is not known whether the route of another step passes over this one.
    fn uncertain(&self, at: usize) -> Option<String> {
        self.routed.iter().filter(|(from, to)| *from < at && at < *to).find_map(|(from, _)| {
            let step = &self.scope.steps[*from];
            let known = self.found[*from].as_ref();
            if !self.follows(*from, at) {
                return Some(format!("`{}` may pass over it, if it ends before this begins", step.id));
            }
            let open = known.is_none_or(|found| found.verdict == Verdict::Unknown);
            (open || self.open_routes.contains(from)).then(|| format!("`{}` may pass over it", step.id))
        })
    }

    /// Whether a step that may run before or beside this one may write a file.
    fn may_be_written_before(&self, at: usize) -> bool {
        self.writers.iter().any(|writer| {
            let acts = self.found[*writer]
                .as_ref()
                .is_none_or(|found| matches!(found.verdict, Verdict::Run | Verdict::Unknown));
            acts && *writer != at && !self.follows(at, *writer)
        })
    }

    /// The step, and all that is sure to have ended before it begins.
    fn waited_for(&self, step: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::from([step]);
        let mut open = vec![step];
        while let Some(at) = open.pop() {
            if at == step || !self.may_be_passed_over(at, step) {
                open.extend(self.scope.dependencies[at].iter().filter(|before| found.insert(**before)));
            }
        }
        found
    }

    /// Whether `later` is sure to begin after `earlier` ended: it waits for it, directly or through steps
    /// that nothing but `earlier` may pass over. Who is passed over waits for nobody any more.
    fn follows(&self, earlier: usize, later: usize) -> bool {
        let mut open = vec![earlier];
        let mut seen = BTreeSet::new();
        while let Some(at) = open.pop() {
            if at == later {
                return true;
            }
            if at == earlier || !self.may_be_passed_over(at, earlier) {
                open.extend(self.dependants[at].iter().filter(|next| seen.insert(**next)));
            }
        }
        false
    }

    /// Whether a route, or a failure with the policy `skip`, may pass over the step before all it waits for
    /// has ended; the routes of `but` do not count.
    fn may_be_passed_over(&self, at: usize, but: usize) -> bool {
        self.routed.iter().any(|(from, to)| *from != but && *from < at && at < *to) || self.after_skipping.contains(&at)
    }
}

/// What came of rendering.
enum Looked<T> {
    /// It took nothing that is not known.
    Known(T),
    /// It took the value of this step, which is not known.
    Unknown(String),
    /// It looked at a file, which may be another one by then.
    File,
}

/// The steps that wait for one with the policy `skip`, directly or through others.
fn after_skipping(scope: &Scope, dependants: &[Vec<usize>]) -> HashSet<usize> {
    let skips = |at: &usize| scope.steps[*at].policy == FailurePolicy::Skip;
    let mut open: Vec<usize> = (0..scope.steps.len()).filter(skips).flat_map(|at| dependants[at].clone()).collect();
    let mut found: HashSet<usize> = open.iter().copied().collect();
    while let Some(at) = open.pop() {
        open.extend(dependants[at].iter().filter(|next| found.insert(**next)));
    }
    found
}

/// Whether the step, or one of its body, may change what others read.
fn writes(cx: &RunContext, step: &StepPlan) -> bool {
    match (step.kind.body(), &*step.kind) {
        (Some(body), _) => body.steps.iter().any(|step| writes(cx, step)),
        (None, StepKind::Child) => true,
        (None, _) => !matches!(resume::effect(&cx.registry, step), Some(Acts::Pure | Acts::Read | Acts::Model)),
    }
}
