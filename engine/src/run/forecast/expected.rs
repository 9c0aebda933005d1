//! What is expected of one step.

use std::sync::Arc;

use super::{
    super::{auto::Ahead, render::StepValue, schedule::Ending},
    said::{Cause, Verdict},
};
use crate::models::estimate::Estimate;

/// What is expected of a step, and how the scope goes on.
pub(super) struct Expected {
    pub(super) verdict: Verdict,
    pub(super) cause: Cause,
    pub(super) reason: String,
    pub(super) ending: Ending,
    /// What templates see of it, where that is known.
    pub(super) value: Option<Arc<StepValue>>,
    /// It has a value, which is read when somebody takes it.
    pub(super) is_unread: bool,
    pub(super) goto: Option<usize>,
    /// How its AUTO tags stand.
    pub(super) auto: Vec<Ahead>,
    /// What its models may take.
    pub(super) estimate: Option<Estimate>,
}

impl Expected {
    pub(super) fn acts(cause: Cause, reason: impl Into<String>) -> Self {
        let (verdict, ending) = (Verdict::Run, Ending::Succeeded);
        Self {
            verdict,
            cause,
            reason: reason.into(),
            ending,
            value: None,
            is_unread: false,
            goto: None,
            auto: Vec::new(),
            estimate: None,
        }
    }

    pub(super) fn unknown(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Unknown, ..Self::acts(Cause::Unknown, reason) }
    }

    pub(super) fn fails(reason: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ending: Ending::Failed, ..Self::acts(Cause::Failing, reason) }
    }
}
