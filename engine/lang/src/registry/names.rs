//! Names inside templates: filters, tests, globals, runtime names, loop variables.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::ValueType;

mod filters;

mod tests;

mod functions;

mod variables;

mod resolve;

#[cfg(test)]
mod specs;

pub use resolve::{ECHO_VERBS, echo_text, is_auto, is_file_prose};

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
    filters::FILTERS
}

/// The filter `name`.
pub fn filter(name: &str) -> Option<&'static FilterSpec> {
    static BY_NAME: ByName<FilterSpec> = LazyLock::new(|| filters().iter().map(|spec| (spec.name, spec)).collect());
    BY_NAME.get(name).copied()
}

/// All tests, by name.
pub fn tests() -> &'static [TestSpec] {
    tests::TESTS
}

/// The types that the filter `name` is meant for; none if any.
pub fn filter_takes(name: &str) -> &'static [ValueType] {
    match name {
        "join" | "first" | "last" | "sort" | "unique" | "map" | "select" | "reject" | "selectattr" | "rejectattr"
        | "batch" | "slice" | "sum" | "min" | "max" | "groupby" => &[ValueType::Array],
        "length" | "count" | "reverse" | "list" => &[ValueType::Array, ValueType::String, ValueType::Object],
        "items" | "dictsort" => &[ValueType::Object],
        "round" | "abs" | "int" | "float" => &[ValueType::Integer, ValueType::Number],
        "slugify" | "basename" | "truncate" | "title" | "upper" | "lower" | "capitalize" | "replace"
        | "regex_replace" | "regex_search" | "trim" | "split" | "from_json" | "wordwrap" | "indent" | "date" => {
            &[ValueType::String]
        }
        "tojson" | "to_json" | "json" | "json_encode" => &[ValueType::Array, ValueType::Object],
        _ => &[],
    }
}

/// Whether the filter `name` gives `none` where it finds nothing, which `default()` does not replace.
pub(crate) fn filter_gives_none(name: &str) -> bool {
    name == "regex_search"
}

/// The test `name`.
pub fn test(name: &str) -> Option<&'static TestSpec> {
    static BY_NAME: ByName<TestSpec> = LazyLock::new(|| tests().iter().map(|spec| (spec.name, spec)).collect());
    BY_NAME.get(name).copied()
}

/// All global functions, the most useful first.
pub fn globals() -> &'static [GlobalSpec] {
    functions::FUNCTIONS
}

/// The global function `name`.
pub fn global(name: &str) -> Option<&'static GlobalSpec> {
    static BY_NAME: ByName<GlobalSpec> = LazyLock::new(|| globals().iter().map(|spec| (spec.name, spec)).collect());
    BY_NAME.get(name).copied()
}

/// All runtime names, the deprecated ones last.
pub fn runtime_names() -> &'static [RuntimeName] {
    variables::RUNTIME_NAMES
}

/// The error that is handled, which the templates of a handler see as `error`.
pub fn handled_error() -> &'static RuntimeName {
    static ERROR: RuntimeName = variables::ERROR;
    &ERROR
}

/// The runtime name `name`.
pub fn runtime_name(name: &str) -> Option<&'static RuntimeName> {
    static BY_NAME: ByName<RuntimeName> =
        LazyLock::new(|| runtime_names().iter().map(|spec| (spec.name, spec)).collect());
    BY_NAME.get(name).copied()
}

type ByName<T> = LazyLock<FxHashMap<&'static str, &'static T>>;

/// The names `construct` binds in its body.
pub fn loop_variables(construct: LoopConstruct) -> &'static [LoopVariable] {
    variables::body(construct)
}

/// What `loop` has inside of `{% for %}`.
pub fn jinja_loop_fields() -> &'static [super::results::Known] {
    variables::JINJA_LOOP
}

/// The names bound in the condition of `construct` itself (`while`, `until`).
pub fn condition_variables(construct: LoopConstruct) -> &'static [LoopVariable] {
    variables::condition(construct)
}

impl Signature {
    /// The signature of `name` as people read it: `truncate(length=255, end='...') -> string`.
    pub fn describe(&self, name: &str) -> String {
        let mut parts: Vec<String> = self
            .params
            .iter()
            .map(|(param, kind, default)| match default {
                Some(default) => format!("{param}: {kind} = {default}"),
                None => format!("{param}: {kind}"),
            })
            .collect();
        if self.variadic {
            parts.push("…".to_owned());
        }
        format!("{name}({}) -> {}", parts.join(", "), self.returns)
    }
}

pub(super) use resolve::resolve;
