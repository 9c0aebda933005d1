//! What is known before a run begins: the ends of steps that ran before, in this run when it is
//! resumed, in an earlier one when it is confined to some steps.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex},
};

use rustc_hash::{FxBuildHasher, FxHashMap};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    execute::{StepEnd, lock},
    render::StepValue,
    resume::Steps,
    schedule::Ending,
    step::{Done, HANDLER},
    store::{LastWord, StoredAnswer, StoredAttempt, StoredChild, StoredQuestion},
};
use crate::{
    models::Served,
    plan::Scope,
    tools::{
        Failure,
        multi_model_routing::{self, Loads},
        recursion_control::{self, Recursion},
    },
};

/// Ends and failed attempts by path (`loop[2].step`). Nothing for a run that begins.
#[derive(Debug, Default)]
pub struct Past {
    ends: Mutex<FxHashMap<String, LastWord>>,
    tried: Mutex<HashMap<String, Tried>>,
    attempts: FxHashMap<String, u32>,
    /// The pipelines that steps ran when they began last.
    children: Mutex<HashMap<String, StoredChild>>,
    /// What steps asked a person, and what was answered.
    questions: HashMap<String, (StoredQuestion, Option<StoredAnswer>)>,
    /// The steps that begin again, and whether all that is beneath them does.
    forgotten: BTreeMap<String, bool>,
    /// The steps whose ends are not kept as they were, and whether they failed.
    redacted: BTreeMap<String, bool>,
    /// The ends come from another run.
    is_other: bool,
}

/// Attempts that failed, after which more were to follow.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Tried {
    pub(crate) count: u32,
    pub(crate) last: Failure,
    pub(crate) timed_out: bool,
    /// What the last of them gave all the same.
    pub(crate) result: Value,
    pub(crate) served: Option<Served>,
    /// The attempt after them had begun.
    pub(crate) goes_on: bool,
}

impl Tried {
    /// What trying came to so far.
    pub(crate) fn done(self) -> Box<Done> {
        let Self { last, timed_out, result, served, .. } = self;
        Box::new(Done { failure: Some(last), timed_out, result, served, ..Done::default() })
    }
}

impl Past {
    /// What the run has spent on models before it was resumed, in billionths of a dollar.
    pub(crate) fn spent(&self) -> i64 {
        if self.is_other {
            return 0;
        }
        let ends = lock(&self.ends);
        // A step that holds others says the sum of theirs.
        let holders: HashSet<&str> =
            ends.keys().flat_map(|path| path.match_indices('[').map(|(at, _)| &path[..at])).collect();
        let is_own = |path: &String| !holders.contains(&**path);
        let ended = ends
            .iter()
            .filter(|(path, last)| last.document.provenance.is_none() && last.document.cache.is_none() && is_own(path));
        let ended = ended.map(|(_, last)| last.document.cost.nano_usd);
        let tried = lock(&self.tried);
        let tried = tried.values().filter_map(|tried| Some(tried.served.as_ref()?.cost.nano_usd));
        ended.chain(tried).fold(0, i64::saturating_add)
    }

    /// The past of a run that is resumed; an error that names the step whose record cannot be read.
    pub fn of_run(attempts: Vec<StoredAttempt>) -> Result<Self, String> {
        let mut past = Self::default();
        // Most steps came to their end with the first attempt.
        let mut ends = FxHashMap::with_capacity_and_hasher(attempts.len(), FxBuildHasher);
        past.attempts.reserve(attempts.len());
        let (mut tried, mut children) = (HashMap::new(), HashMap::new());
        for attempt in attempts {
            let known = past.attempts.entry(attempt.step.clone()).or_default();
            *known = (*known).max(attempt.attempt);
            if attempt.forgotten {
                continue;
            }
            let is_redacted = attempt.is_redacted();
            if is_redacted {
                past.redacted.insert(attempt.step.clone(), attempt.status.as_deref() == Some("failed"));
            } else {
                past.redacted.remove(&attempt.step);
            }
            // Where its text is not kept, it is read again.
            if let Some(child) = attempt.child.filter(|child| !child.redacted) {
                children.insert(attempt.step.clone(), *child);
            }
            if let Some(question) = attempt.question {
                past.questions.insert(attempt.step.clone(), (*question, attempt.answer.map(|answer| *answer)));
            }
            match (attempt.last, attempt.status.as_deref()) {
                // What was stopped with the run has no outcome (contract §5.2), nor has what waits.
                (Some(_), Some("cancelled" | "waiting")) => {}
                // What is not kept as it was is as if it had not been.
                _ if is_redacted => {
                    ends.remove(&attempt.step);
                    tried.remove(&attempt.step);
                }
                (Some(last), _) => {
                    ends.insert(attempt.step, last);
                }
                (None, Some("failed")) => {
                    let unreadable = |error: serde_json::Error| {
                        format!("attempt {} of `{}` cannot be read: {error}", attempt.attempt, attempt.step)
                    };
                    let last = Failure::deserialize(&attempt.value["failure"]).map_err(unreadable)?;
                    let timed_out = attempt.value["timed_out"] == json!(true);
                    let result = attempt.value["result"].clone();
                    let served = Option::deserialize(&attempt.value["served"]).map_err(unreadable)?;
                    let count = tried.get(&attempt.step).map_or(0, |tried: &Tried| tried.count) + 1;
                    tried
                        .insert(attempt.step.clone(), Tried { count, last, timed_out, result, served, goes_on: false });
                }
                (None, None) if attempt.intended => {
                    // It had begun again after it had ended.
                    ends.remove(&attempt.step);
                    if let Some(tried) = tried.get_mut(&attempt.step) {
                        tried.goes_on = true;
                    }
                }
                _ => {}
            }
        }
        tried.retain(|step, _| !ends.contains_key(step));
        past.ends = Mutex::new(ends);
        past.children = Mutex::new(children);
        past.tried = Mutex::new(tried);
        Ok(past)
    }

    /// Ends of the earlier run `run`, to be used again.
    pub fn of_other(run: &str, ends: HashMap<String, LastWord>) -> Self {
        let reused = |(step, mut end): (String, LastWord)| {
            Arc::make_mut(&mut end.document).provenance = Some(json!({"run": run, "reused": true}));
            (step, end)
        };
        Self { ends: Mutex::new(ends.into_iter().map(reused).collect()), is_other: true, ..Self::default() }
    }

    /// Forgets the ends of `steps` and of all that is beneath them: they begin again.
    pub fn forget(&mut self, steps: &BTreeSet<String>) {
        self.forgotten.extend(steps.iter().map(|step| (step.clone(), true)));
        self.drop_what_begins_again();
    }

    /// Forgets the failures, of steps of loops too, and what waited for them; what succeeded stands. The
    /// steps of the root that run again.
    pub fn forget_failed(&mut self, steps: &Steps) -> BTreeSet<String> {
        let is_step = |path: &String| !path.contains(HANDLER);
        let is_failed = |(path, end): &(&String, &LastWord)| end.document.status == "failed" && is_step(path);
        let failed: BTreeSet<String> =
            lock(&self.ends).iter().filter(is_failed).map(|(path, _)| path.clone()).collect();
        for path in &failed {
            self.forgotten.insert(path.clone(), false);
            self.forget_waiting(steps, path);
        }
        self.drop_what_begins_again();
        let root = |path: &String| path.split('[').next().unwrap_or_default().to_owned();
        self.forgotten.keys().map(root).collect()
    }

    /// Forgets what came to an end that was not kept as it was; of what failed, what waited for it too.
    pub fn forget_redacted(&mut self, steps: &Steps) {
        for (path, failed) in std::mem::take(&mut self.redacted) {
            self.forgotten.entry(path.clone()).or_insert(false);
            if failed {
                self.forget_waiting(steps, &path);
            }
        }
        self.drop_what_begins_again();
    }

    /// Forgets what waited for the step at `path`.
    fn forget_waiting(&mut self, steps: &Steps, path: &str) {
        let (prefix, id) = path.rsplit_once("].").map_or(("", path), |(_, id)| (&path[..path.len() - id.len()], id));
        let Some(body) = steps.around(path) else { return };
        for waiting in body.with_dependants(|step| step.id == id) {
            if waiting != id {
                self.forgotten.insert(format!("{prefix}{waiting}"), true);
            }
        }
    }

    /// Whether `path` begins again, so that what it was about to do does not count.
    pub fn begins_again(&self, path: &str) -> bool {
        let mut ends = path.match_indices(['[', HANDLER]).map(|(end, _)| end).chain([path.len()]);
        ends.any(|end| match self.forgotten.get(&path[..end]) {
            Some(whole) => *whole || !path[end..].starts_with('['),
            None => false,
        })
    }

    fn drop_what_begins_again(&self) {
        if self.forgotten.is_empty() {
            return;
        }
        lock(&self.ends).retain(|path, _| !self.begins_again(path));
        lock(&self.tried).retain(|path, _| !self.begins_again(path));
        // Where only the step itself begins again, what stands beneath it belongs to the pipeline that it ran.
        let all_begins_again = |path: &String| self.begins_again(&format!("{path}[0]."));
        lock(&self.children).retain(|path, _| !all_begins_again(path));
    }

    /// The steps that begin again and whether all that is beneath them does, for the record.
    pub(crate) fn forgotten(&self) -> &BTreeMap<String, bool> {
        &self.forgotten
    }

    /// The ends that come from another run, for the record.
    pub(crate) fn reused(&self) -> Vec<(String, LastWord)> {
        if !self.is_other {
            return Vec::new();
        }
        let ends = lock(&self.ends);
        let mut found: Vec<(String, LastWord)> = ends.iter().map(|(path, end)| (path.clone(), end.clone())).collect();
        found.sort_by(|one, other| one.0.cmp(&other.0));
        found
    }

    /// Forgets what is beneath the loop `path`: it begins again.
    pub(crate) fn forget_beneath(&self, path: &str) {
        let beneath = |other: &String| other.strip_prefix(path).is_some_and(|rest| rest.starts_with('['));
        lock(&self.ends).retain(|path, _| !beneath(path));
        lock(&self.tried).retain(|path, _| !beneath(path));
        lock(&self.children).retain(|other, _| other != path && !beneath(other));
    }

    /// The pipeline that the step ran when it began last, told once.
    pub(crate) fn take_child(&self, path: &str) -> Option<StoredChild> {
        lock(&self.children).remove(path)
    }

    /// The state that steps count in, as the steps before left it.
    pub(crate) fn recursion(&self) -> Recursion {
        let recursion = Recursion::default();
        for result in self.results_of(recursion_control::NAME).values() {
            recursion.remember(result);
        }
        recursion
    }

    /// How many requests were sent which way, as the steps before left it.
    pub(crate) fn loads(&self) -> Loads {
        let loads = Loads::default();
        for result in self.results_of(multi_model_routing::NAME).values() {
            loads.remember(result);
        }
        loads
    }

    /// What the steps of this run with the tool `name` came to, by path.
    fn results_of(&self, name: &str) -> BTreeMap<String, Value> {
        if self.is_other {
            return BTreeMap::new();
        }
        lock(&self.ends)
            .iter()
            .filter(|(_, end)| end.document.tool.as_deref().is_some_and(|tool| tool.replace('_', "-") == name))
            .map(|(path, end)| (path.clone(), end.document.value["result"].clone()))
            .collect()
    }

    /// What the step asked before, and what was answered since; nothing where it begins again.
    pub(crate) fn question(&self, path: &str) -> Option<&(StoredQuestion, Option<StoredAnswer>)> {
        self.questions.get(path).filter(|_| !self.begins_again(path))
    }

    /// The steps of the root whose ends are known.
    pub fn known(&self) -> BTreeSet<String> {
        lock(&self.ends).keys().filter(|path| !path.contains(['[', HANDLER])).cloned().collect()
    }

    /// Whether the end of the step of the root is known.
    pub fn is_known(&self, step: &str) -> bool {
        lock(&self.ends).contains_key(step)
    }

    /// How often each path was announced.
    pub(crate) fn attempts(&self) -> FxHashMap<String, u32> {
        self.attempts.clone()
    }

    /// Whether anything is known of `path` that keeps it from simply starting.
    pub(crate) fn knows(&self, path: &str) -> bool {
        !self.is_nothing() && self.holds(path)
    }

    /// There is no past: the run begins.
    fn is_nothing(&self) -> bool {
        self.attempts.is_empty() && !self.is_other
    }

    fn holds(&self, path: &str) -> bool {
        lock(&self.ends).contains_key(path) || lock(&self.tried).contains_key(path)
    }

    /// Whether this is the past of a run that is resumed.
    pub(crate) fn is_resumed(&self) -> bool {
        !self.attempts.is_empty()
    }

    /// Whether `path` was announced before.
    pub(crate) fn was_begun(&self, path: &str) -> bool {
        self.attempts.contains_key(path)
    }

    /// The failed attempts of `path`, told once.
    pub(crate) fn take_tried(&self, path: &str) -> Option<Tried> {
        lock(&self.tried).remove(path)
    }

    /// The end of the step of `scope` at `at`, as it was.
    pub(crate) fn end(&self, path: &str, scope: &Scope, at: usize) -> Option<StepEnd> {
        if self.is_nothing() {
            return None;
        }
        let LastWord { document, goto, fingerprint, redacted: _ } = lock(&self.ends).get(path).cloned()?;
        let step = &scope.steps[at];
        let ending = match &*document.status {
            "completed" => Ending::Succeeded,
            "failed" => Ending::Failed,
            "skipped" => Ending::Skipped,
            _ => return None,
        };
        let value = if ending == Ending::Skipped {
            StepValue::absent(&step.id, "skipped", document.value["reason"].as_str().unwrap_or_default())
        } else {
            let status = if ending == Ending::Failed { "failed" } else { "completed" };
            let error = document.error_type.as_deref().zip(document.error.as_deref());
            let recovered = document.value["recovered"] == json!(true);
            StepValue::ended(status, document.success, &document.value["result"], error, recovered, &step.output)
        };
        let goto = goto.and_then(|target| scope.steps.iter().position(|step| step.id == target));
        Some(StepEnd { ending, document, value: Some(Arc::new(value)), goto, recorded: !self.is_other, fingerprint })
    }
}

/// What is stored of a failed attempt, for [`Past::of_run`].
pub(crate) fn failed_value(failure: &Failure, done: &Done) -> Value {
    json!({
        "success": false, "error": failure.message, "result": done.result, "failure": failure,
        "timed_out": done.timed_out, "served": done.served,
    })
}
