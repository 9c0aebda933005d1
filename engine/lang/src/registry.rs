//! What exists: tools, actions, keys, filters, tests, globals, loop variables, models.
//!
//! The types and the language's own tables live here; the tools, actions and prices are filled in
//! by `engine::catalog`, beside the code that executes them. Schema files, completion, hover,
//! validation, docs and execution all read one [`Registry`]. The registry executes nothing.

use indexmap::IndexMap;
use rustc_hash::FxBuildHasher;
use serde_json::Value;

pub mod keys;
pub use keys::{KeySpec, KeyStatus, Place};

pub mod names;
pub use names::{FilterSpec, GlobalSpec, LoopConstruct, LoopVariable, RuntimeName, Signature, TestSpec};

pub mod money;
pub use money::Price;

pub mod models;
pub use models::{ModelList, ModelSpec, ModelTable, PriceTier};

pub mod overlay;
pub use overlay::Overlay;

pub mod schema;

pub mod types;

pub mod results;

pub mod usage;

pub mod offers;
pub use offers::Offered;

pub mod suggest;
pub use suggest::did_you_mean;

/// Things by name, in an order of their own.
pub type ByName<T> = IndexMap<String, T, FxBuildHasher>;

/// Everything the language knows. Built once per process; shared behind an `Arc`.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    /// Tools by canonical name, in the order completion offers them.
    pub tools: ByName<ToolSpec>,
    /// Actions that need no tool, by canonical name.
    pub actions: ByName<ActionSpec>,
    /// Deprecated spellings of actions, tools and operations: the closed table of contract §2.14.
    pub legacy: Vec<LegacyName>,
    /// Models and prices.
    pub models: ModelTable,
}

/// What running an operation does to the world; decides what may be cached, retried and resumed
/// (contract §5.2, §5.4). What stands at the variants is user text: it is in the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Depends on its parameters alone and changes nothing.
    Pure,
    /// Reads the world, changes nothing.
    Read,
    /// Changes the world; doing it twice is as good as once.
    Idempotent,
    /// Changes the world each time.
    Effectful,
    /// Calls a model: costs money, changes nothing.
    Model,
    /// Waits for a person.
    Human,
}

/// Where a tool takes its operation from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationSource {
    /// The step's `action` names the operation (`parameters.action` too, deprecated).
    Action,
    /// `parameters.<name>` names the operation; the step's `action` is any word.
    Parameter(&'static str),
    /// The tool does one thing; the step's `action` is any word or absent.
    Single,
}

/// A tool: what `tool:` may name.
#[derive(Debug, Clone)]
pub struct ToolSpec {
    /// Canonical name, e.g. `data-processing`.
    pub name: String,
    /// What it does, for hover and docs (Markdown; first line is the summary).
    pub doc: String,
    /// Changes whenever the same parameters may give another result; part of cache keys.
    pub version: u32,
    /// Where the operation is named.
    pub operation_source: OperationSource,
    /// At least one. A tool with [`OperationSource::Single`] has exactly one, named as `action` is
    /// usually written (`execute`, `search`).
    pub operations: Vec<OperationSpec>,
    /// Whether this version can execute it. One that cannot fails its step and says so.
    pub available: bool,
    /// The operation taken when none is named; only where the language has one (`validation` →
    /// `validate`).
    pub default_operation: Option<String>,
    /// A complete step as example (YAML, one list item).
    pub example: String,
}

/// One operation of a tool.
#[derive(Debug, Clone)]
pub struct OperationSpec {
    /// Its name, e.g. `read`.
    pub name: String,
    /// What it does.
    pub doc: String,
    /// Parameters in order of importance, the required ones first.
    pub params: Vec<ParamSpec>,
    /// What `{{ step.result }}` holds.
    pub output: OutputSpec,
    /// What running it does to the world.
    pub effect: Effect,
}

/// An action without a tool: what `action:` may name by itself.
#[derive(Debug, Clone)]
pub struct ActionSpec {
    /// Canonical name, e.g. `generate`.
    pub name: String,
    /// What it does.
    pub doc: String,
    /// Parameters, the required ones first.
    pub params: Vec<ParamSpec>,
    /// Parameters beyond `params` are legal (free-form actions).
    pub open_params: bool,
    /// What the step's result holds.
    pub output: OutputSpec,
    /// What running it does to the world.
    pub effect: Effect,
    /// Whether it calls a model.
    pub needs_model: bool,
    /// Bookkeeping of py-orc's runtime (`control_flow`, `loop_complete`, `capture_result`): known,
    /// never offered.
    pub internal: bool,
    /// Whether this version can execute it.
    pub available: bool,
    /// A tool's operation this action stands for, e.g. `process` → (`data-processing`, none).
    pub tool: Option<String>,
    /// A complete step as example.
    pub example: String,
}

/// The types a value may have; empty means any. Names are those of py-orc's declarations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ValueType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    Array,
    /// A mapping.
    Object,
}

impl ValueType {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::String, Self::Integer, Self::Number, Self::Boolean, Self::Array, Self::Object];

    /// Its name in declarations.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
        }
    }
}

/// What a parameter is about, where that is more than its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ParamKind {
    /// Nothing special.
    #[default]
    Plain,
    /// A model name.
    Model,
    /// A file or directory that is read.
    ReadPath,
    /// A file or directory that is written.
    WritePath,
    /// Values, text that holds them, or the path of a file that is read.
    Data,
    /// A shell command.
    Command,
    /// Text a model reads.
    Prompt,
    /// A JSON Schema.
    JsonSchema,
    /// A pipeline: path, id or inline YAML. Templates in it belong to the child.
    Pipeline,
    /// An address.
    Url,
    /// An image: a file that is read, a `data:` URL, or an address.
    Image,
    /// A tool that a model may call: its name, or a part of it.
    Tool,
}

/// Whether the text of a parameter of the kind [`ParamKind::Pipeline`] is a pipeline itself, not the path
/// or id of one.
pub fn is_inline_pipeline(text: &str) -> bool {
    text.trim_end().contains('\n') || text.trim_start().starts_with("id:")
}

/// Whether the text of a parameter of the kind [`ParamKind::Data`] is the path of a file: one line that
/// does not begin as JSON does.
pub fn is_path_of_data(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains('\n') && !text.trim_start().starts_with(['{', '['])
}

/// Whether the text of a parameter of the kind [`ParamKind::Image`] is the path of a file.
pub fn is_path_of_image(text: &str) -> bool {
    !text.trim().is_empty() && !["data:", "https://", "http://"].iter().any(|start| text.starts_with(start))
}

/// A parameter of an operation or action, or a member of an object parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamSpec {
    /// Its key.
    pub name: String,
    /// What it means.
    pub doc: String,
    /// Allowed types; empty means any.
    pub types: Vec<ValueType>,
    /// Must be given. A parameter with a default is never required (contract §2.14).
    pub required: bool,
    /// The parameter that is given in its place: one of the two, not both.
    pub instead: Option<String>,
    /// Taken when it is not given.
    pub default: Option<Value>,
    /// The closed list of values, if there is one.
    pub choices: Vec<Value>,
    /// Smallest and largest value of a number.
    pub range: (Option<f64>, Option<f64>),
    /// What it is about.
    pub kind: ParamKind,
    /// For an array: its items.
    pub items: Option<Box<ParamSpec>>,
    /// For an object: its members. Empty and `open_fields` means any.
    pub fields: Vec<ParamSpec>,
    /// For an object: members beyond `fields` are legal.
    pub open_fields: bool,
    /// Old spellings of the same parameter, e.g. `input_data` for `data`.
    pub aliases: Vec<String>,
    /// Why not to use it any more, if so.
    pub deprecated: Option<String>,
}

/// The shape of a step's result.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OutputSpec {
    /// Fields of the result.
    pub fields: Vec<FieldSpec>,
    /// Fields beyond `fields` may be there, so an unknown one is not judged (contract §2.17).
    pub open: bool,
    /// The field that a bare `{{ step }}` stands for; `None` renders the whole result as JSON.
    pub primary: Option<String>,
    /// The result is plain text (or any value), not an object: `{{ step.result }}` is it.
    pub scalar: bool,
    /// Old names of fields: `(old, new)`.
    pub aliases: Vec<(String, String)>,
}

/// A field of a result.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldSpec {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub doc: String,
    /// Its types; empty means any.
    pub types: Vec<ValueType>,
    /// For an object: its members (closed unless `open`).
    pub fields: Vec<FieldSpec>,
    /// For an array: the fields of each item.
    pub items: Vec<FieldSpec>,
    /// Members beyond `fields` may be there.
    pub open: bool,
}

/// A deprecated spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegacyName {
    /// As it is written in old files, e.g. `web_search`.
    pub old: String,
    /// What stands for it now.
    pub new: Replacement,
}

/// What a [`LegacyName`] stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replacement {
    /// A built-in action.
    Action(String),
    /// A tool, with its operation if that is fixed.
    Tool {
        /// The tool.
        tool: String,
        /// The operation.
        operation: Option<String>,
    },
}

/// What a step's `tool` and `action` mean together. Made by [`Registry::resolve`].
#[derive(Debug, Clone, PartialEq)]
pub enum Target<'r> {
    /// An operation of a tool.
    Operation {
        /// The tool.
        tool: &'r ToolSpec,
        /// The operation; `None` if it is missing, unknown or not known before the run.
        operation: Option<&'r OperationSpec>,
    },
    /// A built-in action.
    Action(&'r ActionSpec),
    /// `echo …`, `print …`, `display …`, `show …`, `output …`.
    Echo {
        /// The text after the verb.
        text: String,
    },
    /// `write … to notes.md` and its like (reference §3.2).
    FileProse,
    /// `<AUTO>…</AUTO>` as action: its body is the prompt.
    Auto,
    /// The tool or action is not known.
    Unknown,
}

impl PartialEq for ToolSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl PartialEq for OperationSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.params == other.params
    }
}

impl PartialEq for ActionSpec {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl ToolSpec {
    /// The operation called `name`.
    pub fn operation(&self, name: &str) -> Option<&OperationSpec> {
        self.operations.iter().find(|operation| operation.name == name)
    }
}

impl OutputSpec {
    /// The field called `name`, old names included.
    pub fn field(&self, name: &str) -> Option<&FieldSpec> {
        let name = self.aliases.iter().find(|(old, _)| old == name).map_or(name, |(_, new)| new);
        self.fields.iter().find(|field| field.name == name)
    }
}

impl Registry {
    /// The legacy entry for `name`, if it is a deprecated spelling.
    pub fn legacy(&self, name: &str) -> Option<&LegacyName> {
        self.legacy.iter().find(|legacy| legacy.old == name)
    }

    /// The tool called `name`, hyphens and underscores being equal (the second is deprecated).
    pub fn tool(&self, name: &str) -> Option<&ToolSpec> {
        self.tools.get(name).or_else(|| {
            let hyphened = name.replace('_', "-");
            self.tools.get(&hyphened)
        })
    }

    /// The built-in action called `name` (py-orc compares them trimmed and without case).
    pub fn action(&self, name: &str) -> Option<&ActionSpec> {
        let name = name.trim();
        self.actions.get(name).or_else(|| self.actions.values().find(|action| action.name.eq_ignore_ascii_case(name)))
    }

    /// What `tool` and `action` mean together (contract §2.14). `operation_parameter` is the literal
    /// of `parameters.action` (or of the tool's own operation parameter), if it is one.
    pub fn resolve(&self, tool: Option<&str>, action: Option<&str>, operation_parameter: Option<&str>) -> Target<'_> {
        names::resolve(self, tool, action, operation_parameter)
    }
}
