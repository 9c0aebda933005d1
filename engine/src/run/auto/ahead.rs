//! What can be said of tags before a run, and answered without one.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use lang::{
    analysis::Analysis,
    auto::{By, Hole},
};
use serde::Serialize;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::{Answers, Ledger, Listener, Question, Taken, answer, asking, fits, is_asked, only};
use crate::{
    catalog,
    changes::Changes,
    lock_file::{self, LockFile, Pin, Standing},
    models::{Served, budget::Day, simulated},
    plan::{Plan, StepPlan},
    run::{
        Earlier, Past, RunConfig, RunError, begin, clock,
        context::RunContext,
        event::AutoResolved,
        render::Names,
        store::{LastWord, SqliteStore, Store, StoreError, StoredRun, sqlite::Resolved},
    },
};

/// How a tag stands before its step runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ahead {
    /// Where it stands.
    pub position: String,
    /// `pinned`, `asked`, `stale` or `unknown`.
    pub state: &'static str,
    /// Why, for people.
    pub reason: String,
}

impl Ahead {
    /// How the tag stands; `missed` tells which step's value the question took that is not known.
    pub(crate) fn of(cx: &RunContext, hole: &Hole, names: &Arc<Names>, missed: impl Fn() -> Option<String>) -> Self {
        let ahead = |state, reason: String| Self { position: hole.position.clone(), state, reason };
        let mut answers = Answers::new(vec![hole], names);
        loop {
            let next = answers.next(cx);
            if let Some(by) = missed() {
                return ahead("unknown", format!("its question depends on what `{by}` comes to"));
            }
            match next {
                Ok(None) => return ahead("pinned", "pinned".to_owned()),
                Err(_) if hole.in_loop => return ahead("unknown", "asked in each iteration".to_owned()),
                Err(problem) => return ahead("unknown", problem.message),
                Ok(Some((inner, question))) => match (only(&inner.target.schema), question.pin) {
                    (Some(only), _) => answers.take(inner, only.clone()),
                    (None, Ok(pin)) => answers.take(inner, pin.value),
                    (None, Err(Standing::Missing)) => return ahead("asked", "a model is asked".to_owned()),
                    (None, Err(standing)) => {
                        return ahead("stale", format!("a model is asked: {}", standing.reason()));
                    }
                },
            }
        }
    }

    /// In a line about the step.
    pub fn sentence(&self) -> String {
        match self.state {
            "pinned" => format!("`<AUTO>` at `{}` is pinned", self.position),
            _ => format!("`<AUTO>` at `{}`: {}", self.position, self.reason),
        }
    }
}

/// The steps with tags, and the outputs.
fn all_asking(plan: &Plan) -> Vec<Arc<StepPlan>> {
    let program = &plan.program;
    // A run that is confined to some steps has no outputs.
    let outputs = program.asking_outputs.iter().filter(|(name, _)| program.outputs.contains_key(*name));
    asking(&program.scope.steps).into_iter().chain(outputs.map(|(_, step)| Arc::clone(step))).collect()
}

/// What the latest of `runs` of the plan's pipeline came to, as far as its steps are written as they were:
/// the questions of tags refer to it.
pub fn latest(plan: &Plan, store: &dyn Store) -> Result<Past, StoreError> {
    let is_of_it = |run: &&StoredRun| run.pipeline == plan.program.id && !run.config.simulate;
    let runs = store.runs()?;
    let Some(run) = runs.iter().find(is_of_it) else { return Ok(Past::default()) };
    let mut ends: HashMap<String, LastWord> = HashMap::new();
    for attempt in store.attempts(&run.id)? {
        let counts = |last: &LastWord| last.document.success && !last.redacted && !attempt.forgotten;
        if let Some(last) = attempt.last.filter(counts) {
            ends.insert(attempt.step, last);
        }
    }
    let before = Analysis::new(catalog::registry(), &run.file, &run.source);
    let changes = Changes::between(&before, plan.analysis());
    let others = Value::Object(plan.inputs.clone()) != run.inputs || changes.root;
    let differs: BTreeSet<&String> = changes.changed.iter().chain(&changes.added).collect();
    let fresh = plan.program.scope.with_dependants(|step| others || differs.contains(&step.id));
    ends.retain(|id, _| !fresh.contains(id));
    Ok(Past::of_other(&run.id, ends))
}

/// Why the plan may not run with `--locked`, a line per tag: what is not pinned, or is as another tag or for another
/// question, as far as that is known. What is known from before needs no pins.
pub fn unpinned(plan: &Plan, config: &RunConfig) -> Result<Vec<String>, RunError> {
    let file = config.working_dir.join(&config.file);
    let pins = LockFile::read(&lock_file::path_of(file.as_std_path()))?;
    // Earlier results are left to the run.
    let config = &RunConfig { cache: false, earlier: Earlier::default(), ..config.clone() };
    let (cx, names) = looked_at(plan, config, CancellationToken::new())?;
    let known: BTreeSet<String> = config.past.known();
    let mut found = Vec::new();
    let steps = all_asking(plan).into_iter();
    for step in steps.filter(|step| !known.contains(&step.id)) {
        for outermost in step.holes.iter().filter(|hole| is_asked(hole)) {
            let holes = outermost.with_nested().into_iter();
            let mut stale: Vec<(&str, Standing)> = holes
                .filter(|hole| hole.target.by == By::Model && only(&hole.target.schema).is_none())
                .filter_map(|hole| {
                    let body = lock_file::hash_of(&hole.source);
                    match pins.at(&hole.position).map(|pin| pin.body == body).reduce(|a, b| a || b) {
                        None => Some((&*hole.position, Standing::Missing)),
                        Some(false) => Some((&*hole.position, Standing::OtherBody)),
                        Some(true) => None,
                    }
                })
                .collect();
            if stale.is_empty() {
                stale.extend(stale_now(&cx, outermost, &names));
            }
            found.extend(stale.into_iter().map(|(position, standing)| {
                format!("the `<AUTO>` at `{position}` may not be asked for: {}", standing.reason())
            }));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Of a tag whose pins are of its text, the one in it that is asked as another question now; nothing where that
/// depends on what a step comes to, or on a file that one may write.
fn stale_now<'h>(cx: &RunContext, outermost: &'h Hole, names: &Arc<Names>) -> Option<(&'h str, Standing)> {
    let mut answers = Answers::new(vec![outermost], names);
    loop {
        names.forget_seen();
        cx.renderer.forget_files();
        // What cannot be rendered before its step runs, such as the item of a loop, is looked at then.
        let (hole, question) = answers.next(cx).ok()??;
        if names.missed().is_some() || cx.renderer.read_files() {
            return None;
        }
        match (only(&hole.target.schema), question.pin) {
            (Some(only), _) => answers.take(hole, only.clone()),
            (None, Ok(pin)) => answers.take(hole, pin.value),
            (None, Err(standing)) => return Some((&hole.position, standing)),
        }
    }
}

/// What a run that is only looked at would know, with what is known of its steps from before.
fn looked_at(
    plan: &Plan,
    config: &RunConfig,
    cancel: CancellationToken,
) -> Result<(Arc<RunContext>, Arc<Names>), RunError> {
    let (cx, names) = begin::looked_at(plan, config, cancel)?;
    let scope = &plan.program.scope;
    for (at, step) in scope.steps.iter().enumerate() {
        match cx.past.end(&step.id, scope, at).and_then(|end| end.value) {
            Some(value) => names.publish(&step.id, &value),
            None => names.hide(&step.id),
        }
    }
    Ok((cx, names))
}

/// What became of a tag that should be answered without a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answered {
    /// Where it stands.
    pub position: String,
    /// `pinned` (now), `kept` (a pin fits), `unpinned` (answered, but not kept), `not_resolved` or `failed`.
    pub outcome: &'static str,
    /// The answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// Who answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// What it cost, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// Why, where there is more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Which tags to answer, and how.
pub struct Wanted<'w> {
    /// Whether the tag of the step of this id is wanted.
    pub picks: &'w (dyn Fn(&str, &Hole) -> bool + Sync),
    /// Of a tag that is picked only the one at this position, which may stand inside it.
    pub at: Option<&'w str>,
    /// For that one, this value in place of a model's.
    pub by_hand: Option<&'w Value>,
    /// Who wants to see answers come.
    pub listener: Option<Listener>,
}

/// Who answered where a person did.
const BY_HAND: &str = "by hand";

/// Answers and pins the tags of `plan` that `wanted` picks and whose questions are known from the inputs and
/// from `config.past`. Nothing runs.
pub async fn resolve(
    plan: &Plan,
    config: &RunConfig,
    wanted: &Wanted<'_>,
    cancel: CancellationToken,
) -> Result<Vec<Answered>, RunError> {
    let (cx, names) = looked_at(plan, config, cancel)?;
    let secrets = Arc::clone(&cx.secrets);
    let mut found: Vec<Answered> = Vec::new();
    for step in all_asking(plan) {
        let holes: Vec<&Hole> =
            step.holes.iter().filter(|hole| is_asked(hole) && (wanted.picks)(&step.id, hole)).collect();
        for outermost in holes {
            let all = outermost.with_nested();
            let asked = wanted.at.and_then(|at| all.iter().copied().find(|hole| hole.position == at));
            let outermost = asked.unwrap_or(outermost);
            let mut answers = Answers::new(vec![outermost], &names);
            loop {
                names.forget_seen();
                let next = answers.next(&cx);
                let not = |reason: String| Answered {
                    position: outermost.position.clone(),
                    outcome: "not_resolved",
                    value: None,
                    model: None,
                    cost: None,
                    reason: Some(reason),
                };
                if let Some(by) = names.missed() {
                    found.push(not(format!("its question depends on what `{by}` comes to; run the pipeline")));
                    break;
                }
                let (hole, question) = match next {
                    Ok(None) => break,
                    Ok(Some(next)) => next,
                    Err(_) if outermost.in_loop => {
                        found.push(not("it is asked in each iteration of its loop; run the pipeline".to_owned()));
                        break;
                    }
                    Err(problem) => {
                        found.push(Answered { outcome: "failed", ..not(problem.message) });
                        break;
                    }
                };
                if let Some(value) = wanted.by_hand.filter(|_| wanted.at == Some(&*hole.position)) {
                    found.push(match pin(&cx, hole, &question, value).await {
                        Ok(()) => {
                            let model = Some(BY_HAND.to_owned());
                            let position = hole.position.clone();
                            let value = Some(value.clone());
                            Answered { position, outcome: "pinned", value, model, cost: None, reason: None }
                        }
                        Err(problem) => Answered { outcome: "failed", ..not(problem) },
                    });
                    break;
                }
                let listener = wanted.listener.clone().unwrap_or_else(|| Listener::new(|_| ()));
                let ledger = {
                    let (cx, position) = (Arc::clone(&cx), hole.position.clone());
                    Ledger(Arc::new(move |served| take_down(&cx, &position, served)))
                };
                let mut taken = Taken { listener: Some(listener), ledger: Some(ledger), ..Taken::default() };
                let outcome = answer(&cx, &step, &answers.names, &step.id, hole, question, &mut taken).await;
                let untold = taken.untold.take();
                match outcome {
                    Ok(value) => {
                        let told = taken.told.into_iter().filter_map(|told| answered(hole, told));
                        found.extend(told.map(|told| Answered { reason: untold.clone().or(told.reason), ..told }));
                        answers.take(hole, value);
                    }
                    Err(problem) => {
                        let reason = [problem.message].into_iter().chain(untold).collect::<Vec<_>>().join("; ");
                        found.push(Answered { position: hole.position.clone(), outcome: "failed", ..not(reason) });
                        break;
                    }
                }
            }
        }
    }
    for answered in &mut found {
        for text in [&mut answered.reason, &mut answered.model].into_iter().flatten() {
            *text = secrets.text(text);
        }
        if let Some(value) = &mut answered.value {
            secrets.value(value);
        }
    }
    Ok(found)
}

/// Keeps what a call for the tag there took: no run does. An error is for people.
fn take_down(cx: &RunContext, position: &str, served: &Served) -> Result<(), String> {
    // What was used again was paid for before, and nobody is paid for what is simulated.
    let asked = served.usage.is_some_and(|usage| usage.requests > 0) || !served.cost.known;
    let is_new = served.provider != simulated::NAME && (served.reused.is_none() || asked);
    let Some(file) = cx.store.as_deref().filter(|_| is_new) else { return Ok(()) };
    let (provider, model) = (cx.secrets.text(&served.provider), cx.secrets.text(&served.model));
    let paid = Resolved {
        at: clock::now(),
        process: Day::process(),
        pipeline: cx.pipeline.clone(),
        position: position.to_owned(),
        served: Served { provider, model, reused: None, ..served.clone() },
    };
    SqliteStore::open(file)
        .and_then(|store| store.take_down(&paid))
        .map_err(|error| format!("what it cost could not be taken down: {error}"))
}

/// Keeps a person's answer.
async fn pin(cx: &RunContext, hole: &Hole, question: &Question, value: &Value) -> Result<(), String> {
    fits(&hole.target.schema, value).map_err(|problem| format!("the value does not fit: {problem}"))?;
    if question.is_secret || cx.secrets.touches(value) {
        return Err("not pinned: it has to do with a secret".to_owned());
    }
    let pin = Pin {
        position: hole.position.clone(),
        body: question.body.clone(),
        context: question.context.clone(),
        value: value.clone(),
        model: BY_HAND.to_owned(),
        cost: None,
        date: clock::now(),
    };
    cx.pins.set(cx, &pin, hole.in_loop).await.map(drop).map_err(|error| error.to_string())
}

fn answered(hole: &Hole, told: Value) -> Option<Answered> {
    let told: AutoResolved = serde_json::from_value(told).ok()?;
    let outcome = match (&*told.by, told.pinned) {
        ("pin", _) => "kept",
        ("only", _) => return None,
        (_, true) => "pinned",
        _ => "unpinned",
    };
    Some(Answered {
        position: hole.position.clone(),
        outcome,
        value: Some(told.value),
        model: told.model,
        cost: told.cost.filter(|cost| cost.known).map(|cost| cost.usd.to_string()),
        reason: told.reason.filter(|_| outcome != "pinned"),
    })
}
