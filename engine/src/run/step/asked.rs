//! What the AUTO tags of a step took, in what the step comes to.

use std::sync::Arc;

use super::{Call, Done, StepEnd, attempts, close};
use crate::{
    models::Served,
    plan::StepPlan,
    run::{
        auto::{self, Filled, Stage, Taken},
        journal::Batch,
        past,
        perform::failure,
    },
};

/// Answers the tags of this stage; the step and its names are those with the answers from then on. What the
/// step comes to where they are not answered.
pub(super) async fn fill(
    call: &mut Call,
    step: &mut Arc<StepPlan>,
    stage: Stage,
    taken: &mut Taken,
) -> Result<(), Box<Done>> {
    match answered(call, step, stage, taken).await {
        Ok((filled, names)) => {
            (*step, call.names) = (filled, names);
            Ok(())
        }
        Err(done) => Err(Box::new(with(done, std::mem::take(taken)))),
    }
}

/// The step with the answers to its tags, which may take as long as the step itself.
async fn answered(call: &Call, step: &Arc<StepPlan>, stage: Stage, taken: &mut Taken) -> Result<Filled, Done> {
    let filling = Box::pin(auto::fill(&call.cx, step, &call.names, &call.path, stage, taken));
    let filled = match step.timeout {
        Some(limit) => tokio::time::timeout(limit, filling).await,
        None => Ok(filling.await),
    };
    let (failure, timed_out) = match filled {
        Ok(Ok(filled)) => return Ok(filled),
        Ok(Err(failure)) => (failure, false),
        Err(_) => {
            let (path, seconds) = (&call.path, step.timeout.unwrap_or_default().as_secs_f64());
            let late =
                format!("the `<AUTO>` of `{path}` was not answered within {seconds} s; raise the step's `timeout`");
            (failure("TimeoutError", late), true)
        }
    };
    let cancelled = call.cx.cancel.is_cancelled();
    Err(Done { failure: Some(failure).filter(|_| !cancelled), cancelled, timed_out, ..Done::default() })
}

/// The attempt has come to its end with tags that were not answered: what was said in it is no answer to who asks
/// again.
pub(super) fn close_unanswered(call: &Call, done: &Done) {
    if let Some(failed) = done.failure.as_ref().filter(|_| !done.cancelled) {
        let mut batch = Batch::default();
        close(&call.cx, &mut batch, &call.path, "failed", past::failed_value(failed, done));
        call.cx.journal.post(batch);
    }
}

/// One more attempt after a handler: of the step with its answers, where it has them; else they are asked for anew
/// first, and kept for the next.
pub(super) async fn attempt_again(call: &Call, step: &Arc<StepPlan>, filled: &mut Option<Filled>) -> Box<Done> {
    let mut taken = Taken::default();
    let (step, names) = match filled {
        Some(filled) => filled,
        None => match answered(call, step, Stage::Work, &mut taken).await {
            Ok(answers) => filled.insert(answers),
            Err(done) => {
                let done = with(done, taken);
                close_unanswered(call, &done);
                return Box::new(done);
            }
        },
    };
    let done = attempts(&call.cx, step, names, &call.path, None).await;
    Box::new(with(*done, taken))
}

/// What a step came to, with what its tags took.
pub(super) fn with(done: Done, taken: Taken) -> Done {
    let Taken { told, spent, .. } = taken;
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
