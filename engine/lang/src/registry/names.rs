//! Names inside templates: filters, tests, globals, runtime names, loop variables.

use super::{Registry, Target, ValueType};

/// A filter or function parameter list, for hover and signature help.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signature {
    /// Parameters in order: name, type word, default as text (`None` = required).
    pub params: &'static [(&'static str, &'static str, Option<&'static str>)],
    /// Takes any number of further positional arguments.
    pub variadic: bool,
    /// What comes out, as a type word.
    pub returns: &'static str,
}

/// A template filter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FilterSpec {
    /// Its name.
    pub name: &'static str,
    /// What it does (Markdown; the first line is the summary).
    pub doc: &'static str,
    /// Its arguments, the filtered value left out.
    pub signature: Signature,
}

/// A template test (`is …`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TestSpec {
    /// Its name.
    pub name: &'static str,
    /// What it asks.
    pub doc: &'static str,
    /// Its arguments.
    pub signature: Signature,
}

/// A global function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GlobalSpec {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its arguments.
    pub signature: Signature,
    /// What to use instead, if it is deprecated.
    pub deprecated: Option<&'static str>,
}

/// A name every template sees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuntimeName {
    /// Its name, e.g. `execution`.
    pub name: &'static str,
    /// What it holds.
    pub doc: &'static str,
    /// Its fields, if it is an object: name and doc.
    pub fields: &'static [(&'static str, &'static str)],
    /// What to use instead, if it is deprecated (`current_timestamp` → `execution.timestamp`).
    pub deprecated: Option<&'static str>,
}

/// The loops that bind names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LoopConstruct {
    /// `for_each` (and `foreach`).
    ForEach,
    /// `while` / `until`.
    While,
    /// `action_loop`.
    ActionLoop,
    /// `create_parallel_queue`.
    Queue,
}

/// A name a loop binds in its body (reference §4.5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoopVariable {
    /// Its name, without `$`.
    pub name: &'static str,
    /// What it holds.
    pub doc: &'static str,
    /// Its type; `None` = any.
    pub value_type: Option<ValueType>,
}

/// All filters, by name.
pub fn filters() -> &'static [FilterSpec] {
    &[]
}

/// All tests, by name.
pub fn tests() -> &'static [TestSpec] {
    &[]
}

/// All global functions, by name.
pub fn globals() -> &'static [GlobalSpec] {
    &[]
}

/// All runtime names.
pub fn runtime_names() -> &'static [RuntimeName] {
    &[]
}

/// The names `construct` binds in its body.
pub fn loop_variables(construct: LoopConstruct) -> &'static [LoopVariable] {
    let _ = construct;
    &[]
}

/// The names bound in the condition of `construct` itself (`while`, `until`).
pub fn condition_variables(construct: LoopConstruct) -> &'static [LoopVariable] {
    let _ = construct;
    &[]
}

pub(super) fn resolve<'r>(
    registry: &'r Registry,
    tool: Option<&str>,
    action: Option<&str>,
    operation_parameter: Option<&str>,
) -> Target<'r> {
    let _ = (registry, tool, action, operation_parameter);
    Target::Unknown
}
