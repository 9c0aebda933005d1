//! The documentation is true: the reference is the one that the registry, the codes and the settings
//! make (`UPDATE_EXPECT=1` writes it anew), and what a page shows was tried.

#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../rules/cases.rs"]
mod cases;
mod reference;
mod support;
mod tour;
