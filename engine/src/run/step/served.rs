//! Who answered a step, in its document.

use crate::{
    models::{Recorded, Reused, Served},
    run::document::StepDocument,
};

/// Says in the document who answered, and what that took.
pub(super) fn tell_served(document: &mut StepDocument, served: Option<Served>) {
    let Some(Served { provider, model, usage, cost, requested, reused, tool_calls }) = served else { return };
    document.tool_calls = tool_calls;
    // Without a name they are the models of its parts, or of its tags.
    if let Some(told) = reused.and_then(|reused| reused.told(!model.is_empty())) {
        document.cache = Some(told);
    }
    document.requested_model = requested;
    (document.usage, document.cost) = (usage, cost);
    document.model = Some(model).filter(|model| !model.is_empty());
    document.provider = Some(provider).filter(|provider| !provider.is_empty());
}

/// What [`tell_served`] said.
pub(super) fn served_by(document: &StepDocument) -> Option<Served> {
    let (model, provider) = document.model.clone().zip(document.provider.clone())?;
    let reused = document.cache.as_ref().and_then(Recorded::of).map(|recorded| Box::new(Reused::Recorded(recorded)));
    Some(Served {
        provider,
        model,
        usage: document.usage,
        cost: document.cost.clone(),
        requested: document.requested_model.clone(),
        reused,
        tool_calls: document.tool_calls.clone(),
    })
}
