//! What the AUTO tags of a step took, in what the step comes to.

use std::sync::Arc;

use super::{Call, Done, StepEnd};
use crate::{
    models::Served,
    plan::StepPlan,
    run::auto::{self, Stage, Taken},
};

/// Answers the tags of this stage; the step and its names are those with the answers from then on. What the
/// step comes to where they are not answered.
pub(super) async fn fill(
    call: &mut Call,
    step: &mut Arc<StepPlan>,
    stage: Stage,
    taken: &mut Taken,
) -> Result<(), Box<Done>> {
    match Box::pin(auto::fill(&call.cx, step, &call.names, &call.path, stage, taken)).await {
        Ok((filled, names)) => {
            (*step, call.names) = (filled, names);
            Ok(())
        }
        Err(failure) => {
            let cancelled = call.cx.cancel.is_cancelled();
            let done = Done { failure: Some(failure).filter(|_| !cancelled), cancelled, ..Done::default() };
            Err(Box::new(with(done, std::mem::take(taken))))
        }
    }
}

/// What a step came to, with what its tags took.
pub(super) fn with(done: Done, taken: Taken) -> Done {
    let Taken { told, spent, listener: _ } = taken;
    let served = match spent {
        Some(spent) => Served::after(Some(*spent), done.served),
        None => done.served,
    };
    Done { served, auto: [told, done.auto].concat(), ..done }
}

/// The same for a step that was passed over.
pub(super) fn charged(mut end: StepEnd, taken: Taken) -> StepEnd {
    let document = Arc::make_mut(&mut end.document);
    if let Some(spent) = taken.spent {
        (document.usage, document.cost) = (spent.usage, spent.cost);
    }
    document.auto = taken.told;
    end
}
