//! The language server, driven as an editor drives it: the real binary over standard input and
//! output, every message accounted for.
#![expect(clippy::unwrap_used, reason = "tests")]

mod actions;

mod auto;

mod expense;

mod support;
mod surroundings;

mod layout;
mod lifecycle;
mod reading;

mod navigate;
mod ordering;

mod cancel;

mod completion;

mod diagnostics;

mod pure;
mod runs;
mod settings;

#[cfg(unix)]
mod standing;
#[cfg(unix)]
mod together;

#[cfg(target_os = "linux")]
#[path = "../cli/brood.rs"]
mod brood;
#[cfg(target_os = "linux")]
mod stopping;
