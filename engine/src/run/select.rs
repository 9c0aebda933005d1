//! Runs that are confined to some steps (contract §5.5).

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::store::{LastWord, StoredAttempt, StoredRun};
use crate::{
    changes::Changes,
    plan::{Plan, Program, Scope, StepPlan, program::Routes},
};

/// What a run is confined to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// In which way.
    pub mode: Mode,
    /// The id of a step of the root.
    pub step: String,
}

/// The ways to confine a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The step alone, with what it needs.
    Step,
    /// The step and all that follows from it.
    From,
    /// The step and all it needs, from the beginning.
    Until,
}

impl Selection {
    /// The positions of the steps that are meant, what they need included; an error that names the
    /// step if there is none of that id.
    fn kept(&self, scope: &Scope) -> Result<BTreeSet<usize>, String> {
        if !scope.steps.iter().any(|step| step.id == self.step) {
            let ids = scope.steps.iter().map(|step| &*step.id);
            let hint = lang::registry::did_you_mean(&self.step, ids.clone());
            let hint = hint.map_or_else(
                || format!("; the steps are {}", ids.map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ")),
                |id| format!("; did you mean `{id}`?"),
            );
            return Err(format!("the pipeline has no step `{}` at its root{hint}", self.step));
        }
        let asked = self.asked(scope);
        let mut open: Vec<usize> = (0..scope.steps.len()).filter(|at| asked.contains(&scope.steps[*at].id)).collect();
        let mut kept: BTreeSet<usize> = open.iter().copied().collect();
        while let Some(step) = open.pop() {
            // A handler of a step is no dependency, but the step may need it.
            let tasks = scope.steps[step].handlers.iter().filter_map(|handler| handler.task.as_deref());
            let handlers = tasks.filter_map(|task| scope.steps.iter().position(|step| step.id == task));
            for needed in scope.dependencies[step].iter().copied().chain(handlers) {
                if kept.insert(needed) {
                    open.push(needed);
                }
            }
        }
        Ok(kept)
    }

    /// The ids of the steps that were asked for by name.
    fn asked(&self, scope: &Scope) -> BTreeSet<String> {
        match self.mode {
            Mode::From => scope.with_dependants(|step| step.id == self.step),
            Mode::Step | Mode::Until => BTreeSet::from([self.step.clone()]),
        }
    }

    /// Whether it takes what an earlier run came to.
    pub fn reuses(&self) -> bool {
        self.mode != Mode::Until
    }

    /// The plan without the steps that are not meant. It has no outputs: they speak of the whole.
    pub fn apply(&self, mut plan: Plan) -> Result<Plan, String> {
        let program = &plan.program;
        let kept: Vec<usize> = self.kept(&program.scope)?.into_iter().collect();
        let place: HashMap<usize, usize> = kept.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        let at = |target: Option<usize>| target.and_then(|target| place.get(&target).copied());
        let steps = kept.iter().map(|old| {
            let step = &program.scope.steps[*old];
            let routes = Routes {
                on_success: at(step.routes.on_success),
                on_false: at(step.routes.on_false),
                on_failure: at(step.routes.on_failure),
                goto: step.routes.goto.clone(),
            };
            Arc::new(StepPlan { routes, ..(**step).clone() })
        });
        let steps: Vec<Arc<StepPlan>> = steps.collect();
        let dependencies = kept.iter().map(|old| {
            program.scope.dependencies[*old].iter().filter_map(|dependency| place.get(dependency).copied()).collect()
        });
        let left_out = program.scope.steps.iter().enumerate().filter(|(at, _)| !place.contains_key(at));
        let left_out: BTreeSet<String> = left_out.map(|(_, step)| step.id.clone()).collect();
        let levels = program.levels.iter().map(|level| level.iter().filter(|id| !left_out.contains(*id)).cloned());
        let levels = levels.map(Iterator::collect).filter(|level: &Vec<String>| !level.is_empty()).collect();
        let scope = Arc::new(Scope { dependencies: dependencies.collect(), steps, left_out });
        let program = Program { scope, levels, outputs: indexmap::IndexMap::new(), ..(**program).clone() };
        plan.program = Arc::new(program);
        Ok(plan)
    }

    /// The ends of `run` that can be used again in `plan`, by id: successes of steps that are needed
    /// and not asked for, and that say the same as then, as do all that they wait for. None where all runs
    /// from the beginning. Files that they read are not looked at.
    pub fn reusable(
        &self,
        plan: &Plan,
        run: &StoredRun,
        attempts: &[StoredAttempt],
        changes: &Changes,
    ) -> HashMap<String, LastWord> {
        // A default that is a template is another one in each run, for all we know.
        if !self.reuses() || changes.root || Value::Object(plan.inputs.clone()) != run.inputs {
            return HashMap::new();
        }
        let mut ends: HashMap<String, LastWord> = HashMap::new();
        for attempt in attempts {
            let counts = |last: &&LastWord| last.document.success && !last.redacted && !attempt.forgotten;
            if let Some(last) = attempt.last.as_ref().filter(counts) {
                ends.insert(attempt.step.clone(), last.clone());
            }
        }
        let scope = &plan.program.scope;
        let asked = self.asked(scope);
        let differs: BTreeSet<&String> = changes.changed.iter().chain(&changes.added).collect();
        let fresh = scope.with_dependants(|step| {
            asked.contains(&step.id) || differs.contains(&step.id) || !ends.contains_key(&step.id)
        });
        let known: BTreeSet<&str> = scope.steps.iter().map(|step| &*step.id).collect();
        ends.retain(|id, _| !fresh.contains(id) && known.contains(&**id));
        ends
    }
}
