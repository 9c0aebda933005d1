//! The tree over real pipelines, whole and broken.

#![expect(clippy::unwrap_used, reason = "tests")]

// The fuzzers test with the same texts and look for the same.
#[path = "../../../../tests/fuzz/invariants.rs"]
pub mod invariants;
#[expect(clippy::disallowed_methods, reason = "the tests read the corpus; only the library touches no files")]
#[path = "../../../../tests/fuzz/material.rs"]
pub mod material;
mod support;

mod damage;
mod generated;
mod hostile;
mod incremental;
mod typing;
mod values;
