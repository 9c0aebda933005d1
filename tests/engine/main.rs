//! Runs whole pipelines through the engine, in a directory of their own.

mod actions;
mod contract;
mod control_flow;
mod failures;
mod hardening;
mod recorded;
mod support;
mod values;
