//! Plans and runs orc pipelines.
//!
//! Reading order: [`catalog`] (the one list of tools, actions and models) → [`tools`] and
//! [`models`] (what acts on the world) → [`files`] (what lies around a
//! pipeline) → [`plan`] (analysis + inputs → what would run; pure) →
//! [`run`] (scheduler, execution, events, store, result document).
//!
//! This crate never speaks LSP, never prints, and never invents a value.

pub mod catalog;

pub mod tools;

pub mod actions;

mod expression;

mod failpoint;

pub mod lock_file;

pub mod models;

pub mod keys;

pub mod home;

pub mod files;

pub mod plan;

pub mod kept;

pub mod changes;

pub mod run;

pub mod schema;
