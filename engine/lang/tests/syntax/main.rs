//! The tree over real pipelines, whole and broken.

#![expect(clippy::unwrap_used, reason = "tests")]

mod damage;
mod generated;
mod hostile;
mod incremental;
mod support;
mod typing;
mod values;
