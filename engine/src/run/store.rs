//! What a run leaves behind (design §0.6).

/// Where runs, intents, outcomes and events are kept.
pub trait Store: Send + Sync {}
