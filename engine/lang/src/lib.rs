//! The orc pipeline language as pure functions: text in, plain data out.
//!
//! Reading order: [`text`] (offsets and positions) → [`syntax`] (a tree for any text) →
//! [`template`] (`{{ }}`, `{% %}` and `<AUTO>` inside scalars) → [`registry`] (what actions, tools,
//! keys, filters and models exist) → [`model`] (the pipeline with spans) → [`shape`] (what
//! values look like) → [`graph`] (edges and order) → [`check`] (diagnostics) → [`analysis`] (all of it for one document,
//! among the files of its [`workspace`]) → [`auto`] (AUTO tags as typed holes) → [`ide`] (editor
//! features over an analysis).
//!
//! Nothing here reads a file, opens a connection, asks the clock or panics on input.

pub mod beside;

pub mod text;

pub mod syntax;

pub mod template;

pub mod registry;

pub mod model;

pub mod shape;

pub mod graph;

pub mod check;

pub mod analysis;

pub mod workspace;

pub mod auto;

pub mod ide;
