//! The one list of tools, actions and models, folded into a [`Registry`]. Nothing else lists them.

use std::sync::{Arc, LazyLock};

use lang::registry::Registry;

pub mod build;
pub use build::{ActionBuilder, ToolBuilder};

mod actions;

pub mod around;
pub use around::{Surroundings, around, around_file};

mod legacy;

mod models;

static REGISTRY: LazyLock<Arc<Registry>> = LazyLock::new(|| Arc::new(fold()));

/// Everything this version knows.
pub fn registry() -> Arc<Registry> {
    Arc::clone(&REGISTRY)
}

fn fold() -> Registry {
    Registry {
        tools: crate::tools::specs().map(|spec| (spec.name.clone(), spec.clone())).collect(),
        actions: actions::specs().into_iter().map(|spec| (spec.name.clone(), spec)).collect(),
        legacy: legacy::names(),
        models: models::table(),
    }
}
