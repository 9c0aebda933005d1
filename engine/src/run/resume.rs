//! What going on with a run means: which run, what of it stands, what would act again.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use lang::{
    analysis::Analysis,
    registry::{Effect, Registry, Target},
};

use super::{
    step::HANDLER,
    store::{Store, StoredAttempt, StoredRun},
};
use crate::plan::{self, Program, Scope, StepPlan};

/// Finds a run of `store` by its id, a beginning that only it has, or `latest`; an error for people otherwise.
pub fn find(store: &dyn Store, wanted: &str) -> Result<StoredRun, String> {
    known(store, &find_id(store, wanted)?)
}

/// The run of `store` with this id; an error for people if there is none.
pub fn known(store: &dyn Store, id: &str) -> Result<StoredRun, String> {
    store.run(id).map_err(|error| error.to_string())?.ok_or_else(|| no_run(id))
}

fn no_run(wanted: &str) -> String {
    format!("there is no run `{wanted}` here; `orc runs list` names them")
}

/// The id of the run that [`find`] finds.
pub fn find_id(store: &dyn Store, wanted: &str) -> Result<String, String> {
    let ids = store.run_ids().map_err(|error| error.to_string())?;
    let found: Vec<&String> = match wanted {
        "latest" => {
            let latest = ids.first();
            vec![latest.ok_or_else(|| "there is no run here yet; start one with `orc run`".to_owned())?]
        }
        _ => match ids.iter().find(|id| *id == wanted) {
            Some(id) => vec![id],
            None => ids.iter().filter(|id| id.starts_with(wanted)).collect(),
        },
    };
    match found.as_slice() {
        [id] => Ok((*id).clone()),
        [] => Err(no_run(wanted)),
        several => {
            let ids: Vec<String> = several.iter().take(3).map(|id| format!("`{id}`")).collect();
            let more = if several.len() > 3 { " and more" } else { "" };
            Err(format!("`{wanted}` may be {}{more}; write more of the id", ids.join(", ")))
        }
    }
}

/// A step that had begun to act when the run was broken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interrupted {
    /// Its path, e.g. `loop[2].step`.
    pub step: String,
    /// What running it does to the world.
    pub effect: Effect,
}

impl Interrupted {
    /// Whether it may simply run again (contract §5.2, §6.4).
    pub fn may_run_again(&self) -> bool {
        !matches!(self.effect, Effect::Effectful)
    }
}

/// The steps that had an intent and no outcome, by path. A step that was stopped with the run counts
/// as one; a loop does not act itself. `attempts` are in the order in which a store gives them.
pub fn interrupted(steps: &Steps, registry: &Registry, attempts: &[StoredAttempt]) -> Vec<Interrupted> {
    let last = newest(attempts);
    let is_open = |attempt: &&StoredAttempt| {
        !attempt.forgotten
            && attempt.intended
            && attempt.attempt > 0
            && matches!(attempt.status.as_deref(), None | Some("cancelled"))
    };
    let open: Vec<&StoredAttempt> = last.iter().copied().filter(is_open).collect();
    if open.is_empty() {
        return Vec::new();
    }
    // What is beneath a step that came to its end has no part in what follows.
    let ended = kept(&last);
    let open = open.into_iter().filter(|attempt| !above(&attempt.step).any(|above| ended.contains(above)));
    open.filter_map(|attempt| acted(steps, registry, attempt)).collect()
}

/// The steps that came to an end of which too little is kept, because there was a secret in it. They act
/// again when the run is resumed. `attempts` are in the order in which a store gives them.
pub fn redacted(steps: &Steps, registry: &Registry, attempts: &[StoredAttempt]) -> Vec<Interrupted> {
    let last = newest(attempts);
    let is_lost = |attempt: &&StoredAttempt| !attempt.forgotten && attempt.attempt > 0 && attempt.is_redacted();
    let lost: Vec<&StoredAttempt> = last.iter().copied().filter(is_lost).collect();
    if lost.is_empty() {
        return Vec::new();
    }
    let known = kept(&last);
    let is_part_of_known = |path: &str| {
        let handled = path.rsplit_once(HANDLER).map(|(path, _)| path);
        above(path).chain(handled).any(|above| known.contains(above))
    };
    let lost = lost.into_iter().filter(|attempt| !is_part_of_known(&attempt.step));
    lost.filter_map(|attempt| acted(steps, registry, attempt)).collect()
}

/// The last attempt of each step, by path.
fn newest(attempts: &[StoredAttempt]) -> Vec<&StoredAttempt> {
    let mut last: Vec<&StoredAttempt> = Vec::with_capacity(attempts.len());
    for attempt in attempts {
        match last.last_mut() {
            Some(before) if before.step == attempt.step => *before = attempt,
            _ => last.push(attempt),
        }
    }
    last
}

/// The paths of the steps that came to an end that is kept.
fn kept<'a>(last: &[&'a StoredAttempt]) -> HashSet<&'a str> {
    let kept = last.iter().filter(|attempt| has_ended(attempt) && !attempt.is_redacted());
    kept.map(|attempt| &*attempt.step).collect()
}

fn has_ended(attempt: &StoredAttempt) -> bool {
    !attempt.forgotten && attempt.last.is_some() && attempt.status.as_deref() != Some("cancelled")
}

/// What the attempt does to the world; nothing for a loop.
fn acted(steps: &Steps, registry: &Registry, attempt: &StoredAttempt) -> Option<Interrupted> {
    let (path, handler) = match attempt.step.rsplit_once(HANDLER) {
        Some((path, number)) => (path, number.parse::<usize>().ok()),
        None => (&*attempt.step, None),
    };
    let step = steps.at(path)?;
    let effect = match handler {
        Some(number) => {
            let action = step.handlers.get(number)?.action.as_deref()?;
            effect_of(&registry.resolve(None, Some(action), None))
        }
        None => effect(registry, step)?,
    };
    Some(Interrupted { step: attempt.step.clone(), effect })
}

/// The paths of the loops around a path: `a[0].b[1].c` → `a`, `a[0].b`.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices("].").map(|(end, _)| {
        let start = path[..end].rfind('[').unwrap_or(end);
        &path[..start]
    })
}

/// The steps of a run, those of the pipelines that its steps ran included.
#[derive(Debug)]
pub struct Steps {
    root: Arc<Scope>,
    children: HashMap<String, Arc<Scope>>,
}

impl Steps {
    /// The steps of `program`, and of what its steps ran in `attempts`.
    pub fn new(program: &Program, registry: &Arc<Registry>, attempts: &[StoredAttempt]) -> Self {
        let read = |attempt: &StoredAttempt| {
            let child = attempt.child.as_ref()?;
            let name = child.file.as_deref().unwrap_or("inline");
            let analysis = Analysis::new(Arc::clone(registry), name, &child.source);
            Some((attempt.step.clone(), plan::scope(&analysis)))
        };
        let counting = attempts.iter().filter(|attempt| !attempt.forgotten);
        Self { root: Arc::clone(&program.scope), children: counting.filter_map(read).collect() }
    }

    /// The step that `path` names.
    pub fn at(&self, path: &str) -> Option<&StepPlan> {
        let id = path.rsplit_once("].").map_or(path, |(_, id)| id);
        let id = id.split('[').next().unwrap_or_default();
        self.around(path)?.steps.iter().find(|step| step.id == id).map(|step| &**step)
    }

    /// The scope in which the step that `path` names stands.
    pub(crate) fn around(&self, path: &str) -> Option<&Scope> {
        let mut scope = &*self.root;
        let mut begins = 0;
        for (end, _) in path.match_indices("].") {
            let open = begins + path[begins..end].find('[')?;
            let step = scope.steps.iter().find(|step| step.id == path[begins..open])?;
            scope = match step.kind.body() {
                Some(body) => body,
                None => self.children.get(&path[..open])?,
            };
            begins = end + 2;
        }
        Some(scope)
    }
}

/// What running the step does to the world; `None` for a loop.
pub fn effect(registry: &Registry, step: &StepPlan) -> Option<Effect> {
    target(registry, step).map(|target| effect_of(&target))
}

/// What cannot be told before it is rendered may do anything.
pub(crate) fn effect_of(target: &Target<'_>) -> Effect {
    match target {
        Target::Operation { operation: Some(operation), .. } => operation.effect,
        Target::Action(action) => action.effect,
        Target::Echo { .. } => Effect::Pure,
        Target::FileProse => Effect::Idempotent,
        Target::Auto => Effect::Model,
        Target::Operation { operation: None, .. } | Target::Unknown => Effect::Effectful,
    }
}

/// What the step names; none for a loop.
pub(crate) fn target<'r>(registry: &'r Registry, step: &'r StepPlan) -> Option<Target<'r>> {
    if step.kind.has_steps() {
        return None;
    }
    let operation = step.parameters.get("action").and_then(|value| value.as_str());
    Some(registry.resolve(step.tool.as_deref(), step.action.as_deref(), operation))
}

/// The tool or action of the step that this version cannot execute, in words; none if it can, or if that
/// cannot be told before it is rendered.
pub fn missing(registry: &Registry, step: &StepPlan) -> Option<String> {
    match target(registry, step)? {
        Target::Operation { tool, .. } if !tool.available => Some(format!("the tool `{}`", tool.name)),
        Target::Action(action) if !action.available => Some(format!("the action `{}`", action.name)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loops_around_a_path() {
        assert_eq!(above("a[0].b[1].c").collect::<Vec<_>>(), ["a", "a[0].b"]);
        assert_eq!(above("a").count(), 0);
    }
}
