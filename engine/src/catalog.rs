//! The one list of tools, actions and models, folded into a [`Registry`]. Nothing else lists them.

use std::sync::{Arc, LazyLock};

use lang::registry::Registry;

static REGISTRY: LazyLock<Arc<Registry>> = LazyLock::new(|| Arc::new(Registry::default()));

/// Everything this version knows.
pub fn registry() -> Arc<Registry> {
    Arc::clone(&REGISTRY)
}
