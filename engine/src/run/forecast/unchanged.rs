//! Steps of which it is known without rendering them that nothing they depend on changed since the pipeline's
//! latest run.
//!
//! Where the text, the inputs and the program are those of that run, a pure step that takes nothing but inputs and
//! the results of such steps was rendered to the same then, and has the same fingerprint. Its value is read when
//! somebody takes it.

use std::{collections::HashMap, sync::Arc};

use lang::registry::Effect as Acts;

use super::{Cause, Ending, Expected, Forecaster, Verdict};
use crate::{
    plan::{Plan, StepPlan},
    run::{
        RunConfig,
        cache::{self, Latest},
        context::RunContext,
        render::StepValue,
        resume,
    },
};

/// What the latest run has for the steps of the root.
pub(super) struct Unchanged {
    latest: Latest,
    /// Its ends by position.
    ends: Vec<Option<usize>>,
    /// The steps that were found to be unchanged.
    found: Vec<bool>,
    /// Those of them whose value nobody took yet.
    unread: Vec<usize>,
}

impl Unchanged {
    /// Nothing where the latest run was not of the same pipeline with the same inputs.
    pub(super) fn of(cx: &RunContext, plan: &Plan, config: &RunConfig) -> Option<Self> {
        let (key, _) = plan.kept_as.as_deref().zip(plan.reads())?;
        if config.selection.is_some() || config.past.is_resumed() || !plan.template_inputs.is_empty() {
            return None;
        }
        let latest = cx.cache.as_ref()?.latest(&plan.program.id, key, &plan.inputs, &cx.secrets)?;
        let steps = &plan.program.scope.steps;
        let places: HashMap<&str, usize> = steps.iter().enumerate().map(|(at, step)| (&*step.id, at)).collect();
        let mut ends = vec![None; steps.len()];
        for (end, found) in latest.ends.iter().enumerate() {
            if let Some(at) = places.get(&*found.attempt.step) {
                ends[*at] = Some(end);
            }
        }
        Some(Self { ends, found: vec![false; steps.len()], unread: Vec::new(), latest })
    }
}

impl Forecaster<'_> {
    /// What is expected of the step, where it is unchanged.
    pub(super) fn unchanged(&mut self, at: usize) -> Option<Expected> {
        let unchanged = self.unchanged.as_mut()?;
        let end = &unchanged.latest.ends[unchanged.ends[at]?];
        let reads = self.plan.reads()?[at].as_ref()?;
        let step = &self.scope.steps[at];
        if step.condition.is_some() || !reads.iter().all(|read| unchanged.found[*read]) || !is_pure(&self.cx, step) {
            return None;
        }
        // Who takes a step that a name of the run hides takes something else.
        if !self.names.hides(&step.id) {
            unchanged.found[at] = true;
            unchanged.unread.push(at);
        }
        let reason = format!("nothing it depends on changed since the run {}", end.made_in());
        let acts = Expected::acts(Cause::Cached, reason);
        Some(Expected { verdict: Verdict::Reuse, ending: Ending::Succeeded, is_unread: true, ..acts })
    }

    /// Makes visible what the rendering of the step may take of those that are unchanged.
    pub(super) fn read_for(&mut self, at: usize) {
        let Some(unchanged) = &mut self.unchanged else { return };
        if unchanged.unread.is_empty() {
            return;
        }
        let mut wanted = std::mem::take(&mut unchanged.unread);
        if let Some(Some(reads)) = self.plan.reads().map(|reads| &reads[at]) {
            let is_read = |step: &usize| reads.binary_search(step).is_ok();
            (wanted, unchanged.unread) = wanted.into_iter().partition(is_read);
        }
        for at in wanted {
            let step = &self.scope.steps[at];
            let end = unchanged.ends[at].map(|end| &unchanged.latest.ends[end]);
            let result = end.zip(self.cx.cache.as_ref()).and_then(|(end, cache)| cache.result_of(&end.attempt));
            match result {
                Some(result) => {
                    let value = StepValue::ended("completed", true, &result, None, false, &step.output);
                    self.names.publish(&step.id, &Arc::new(value));
                }
                // It was there a moment ago.
                None => {
                    self.hidden.insert(at);
                    self.names.hide(&step.id);
                }
            }
        }
    }
}

/// Whether what the step comes to depends on what it is given alone.
fn is_pure(cx: &RunContext, step: &StepPlan) -> bool {
    cache::may_be_cached(cx, step, &step.id)
        && resume::effect(&cx.registry, step) == Some(Acts::Pure)
        && !cache::may_name_files(&cx.registry, step)
        && !step.parameters.values().any(|value| cx.secrets.touches(value))
}
