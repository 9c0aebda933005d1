//! AUTO tags of a step that is looked at: answered where they are pinned, unknown else.

use std::sync::Arc;

use super::Forecaster;
use crate::{
    plan::StepPlan,
    run::auto::{self, Ahead, Stage},
    tools::Failure,
};

impl Forecaster<'_> {
    /// The step with the answers to its tags of this stage, as far as they are known; nothing where one is not.
    pub(super) fn filled(&self, at: usize, stage: Stage) -> Result<Option<auto::Filled>, Failure> {
        let may_change = || self.cx.renderer.read_files() && self.may_be_written_before(at);
        let missed = || self.names.missed().is_some() || may_change();
        let forget = || {
            self.names.forget_seen();
            self.cx.renderer.forget_files();
        };
        auto::fill_known(&self.cx, &self.scope.steps[at], &self.names, stage, missed, forget)
    }

    /// How the step's tags stand.
    pub(super) fn ahead(&self, step: &Arc<StepPlan>) -> Vec<Ahead> {
        let steps = auto::asking([step]);
        let asked = steps.iter().flat_map(|step| step.holes.iter()).filter(|hole| auto::is_asked(hole));
        let ahead = asked.map(|hole| {
            self.names.forget_seen();
            Ahead::of(&self.cx, hole, &self.names, || self.names.missed())
        });
        ahead.collect()
    }
}
