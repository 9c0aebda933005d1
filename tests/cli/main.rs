//! The command line, driven as a person drives it: the real binary, its exact output and exit codes.
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

mod fix;

mod fmt;

mod formats;

mod hostile;

mod agreement;
mod audit;

mod auto;
mod commands;

#[cfg(unix)]
mod predecessor;

mod run;

mod resume;

mod person;
mod plan;

mod outlines;

mod corpus_runs;

#[cfg(unix)]
mod crash;

#[cfg(target_os = "linux")]
mod brood;
#[cfg(target_os = "linux")]
mod calls;
mod cancel;

#[cfg(unix)]
mod secrets;

#[cfg(unix)]
mod counted;

#[cfg(unix)]
mod events;

#[cfg(unix)]
mod fault;

mod telemetry;

#[cfg(unix)]
mod limits;

#[cfg(unix)]
mod models;
mod overlay;
mod routing;

#[cfg(unix)]
mod delegation;

#[cfg(unix)]
mod keys;

#[cfg(unix)]
mod cost;

#[cfg(unix)]
mod estimate;

#[cfg(unix)]
mod corpus_costs;

#[cfg(unix)]
mod answers;

#[cfg(unix)]
mod conversation;

#[cfg(unix)]
mod canaries;

#[cfg(unix)]
mod paid;

#[cfg(unix)]
mod streaming;

#[cfg(unix)]
mod tape;

#[cfg(unix)]
mod together;

#[cfg(unix)]
mod turns;

#[cfg(unix)]
mod check;

#[cfg(unix)]
mod upgrade;

#[cfg(unix)]
mod damage;
