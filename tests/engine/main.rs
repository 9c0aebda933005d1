//! Runs whole pipelines through the engine, in a directory of their own.

mod actions;
mod cache;
mod children;
mod contract;
mod control_flow;
#[cfg(unix)]
mod direct;
mod failures;
mod hardening;
mod honesty;

mod outline;
mod recorded;
mod records;
mod support;
mod values;
