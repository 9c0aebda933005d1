//! Builders that make a [`ToolSpec`] or [`ActionSpec`] out of parameter and output structs, so that
//! a tool's file says everything about it once: the doc comments of the structs are the user's text.
//!
//! ```
//! use engine::catalog::ToolBuilder;
//! use lang::registry::Effect;
//!
//! #[derive(schemars::JsonSchema)]
//! struct Params {
//!     /// The file to read.
//!     #[schemars(extend("x-kind" = "read-path"))]
//!     path: String,
//! }
//!
//! #[derive(schemars::JsonSchema)]
//! struct Output {
//!     /// Its text.
//!     content: String,
//! }
//!
//! let spec = ToolBuilder::new("files", "Reads files.")
//!     .operation::<Params, Output>("read", "Reads a file.", Effect::Read)
//!     .primary("content")
//!     .alias("text", "content")
//!     .available()
//!     .build();
//! assert!(spec.operations[0].params[0].required);
//! ```

use lang::registry::{
    ActionSpec, Effect, FieldSpec, OperationSource, OperationSpec, OutputSpec, ParamSpec, ToolSpec, schema,
};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

/// Makes a [`ToolSpec`]. `primary`, `alias` and `open` speak of the operation named last.
#[derive(Debug, Clone)]
pub struct ToolBuilder {
    spec: ToolSpec,
}

/// Makes an [`ActionSpec`].
#[derive(Debug, Clone)]
pub struct ActionBuilder {
    spec: ActionSpec,
}

/// The parameters struct of something that takes none.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, JsonSchema)]
pub struct NoParams {}

impl ToolBuilder {
    /// A tool that cannot execute yet and takes its operation from the step's `action`.
    pub fn new(name: &str, doc: &str) -> Self {
        Self {
            spec: ToolSpec {
                name: name.to_owned(),
                doc: text(doc),
                version: 1,
                operation_source: OperationSource::Action,
                operations: Vec::new(),
                available: false,
                default_operation: None,
                example: String::new(),
            },
        }
    }

    /// Adds an operation: parameters from `P`, the result's fields from `O` (an object is closed
    /// unless it has a flattened map; text or any other value is a scalar result; `serde_json::Value`
    /// is open).
    pub fn operation<P: JsonSchema, O: JsonSchema>(mut self, name: &str, doc: &str, effect: Effect) -> Self {
        self.spec.operations.push(OperationSpec {
            name: name.to_owned(),
            doc: text(doc),
            params: schema::params(&schema_of::<P>()),
            output: schema::output(&schema_of::<O>()),
            effect,
        });
        self
    }

    /// A bare `{{ step }}` means this field.
    pub fn primary(mut self, field: &str) -> Self {
        if let Some(output) = self.last_output() {
            output.primary = Some(field.to_owned());
        }
        self
    }

    /// The result field `new` was once called `old`.
    pub fn alias(mut self, old: &str, new: &str) -> Self {
        if let Some(output) = self.last_output() {
            output.aliases.push((old.to_owned(), new.to_owned()));
        }
        self
    }

    /// The result may hold further fields, so that unknown ones are not judged.
    pub fn open(mut self) -> Self {
        if let Some(output) = self.last_output() {
            output.open = true;
        }
        self
    }

    /// The tool does one thing; the step's `action` is any word or absent.
    pub fn single(mut self) -> Self {
        self.spec.operation_source = OperationSource::Single;
        self
    }

    /// `parameters.<name>` names the operation.
    pub fn operation_in(mut self, parameter: &'static str) -> Self {
        self.spec.operation_source = OperationSource::Parameter(parameter);
        self
    }

    /// The operation taken when none is named.
    pub fn default_operation(mut self, name: &str) -> Self {
        self.spec.default_operation = Some(name.to_owned());
        self
    }

    /// Results of older versions must not be reused (part of cache keys; starts at 1).
    pub fn version(mut self, version: u32) -> Self {
        self.spec.version = version;
        self
    }

    /// A complete step, as one YAML list item.
    pub fn example(mut self, yaml: &str) -> Self {
        yaml.trim_start_matches('\n').clone_into(&mut self.spec.example);
        self
    }

    /// This version can execute it.
    pub fn available(mut self) -> Self {
        self.spec.available = true;
        self
    }

    /// The description.
    pub fn build(self) -> ToolSpec {
        self.spec
    }

    fn last_output(&mut self) -> Option<&mut OutputSpec> {
        self.spec.operations.last_mut().map(|operation| &mut operation.output)
    }
}

impl ActionBuilder {
    /// An action that cannot execute yet, with parameters from `P` and result fields from `O` (see
    /// [`ToolBuilder::operation`]).
    pub fn new<P: JsonSchema, O: JsonSchema>(name: &str, doc: &str, effect: Effect) -> Self {
        Self::with(name, doc, schema::params(&schema_of::<P>()), schema::output(&schema_of::<O>()), effect)
    }

    /// An action that stands for a tool: parameters and result are those of the operation that is
    /// chosen at the step, so that all of the tool's are legal here.
    pub fn for_tool(name: &str, doc: &str, tool: &ToolSpec) -> Self {
        let mut params: Vec<ParamSpec> = Vec::new();
        let mut fields: Vec<FieldSpec> = Vec::new();
        let mut aliases: Vec<(String, String)> = Vec::new();
        for operation in &tool.operations {
            for param in &operation.params {
                if !params.iter().any(|known| known.name == param.name) {
                    params.push(ParamSpec { required: false, ..param.clone() });
                }
            }
            for field in &operation.output.fields {
                if !fields.iter().any(|known| known.name == field.name) {
                    fields.push(field.clone());
                }
            }
            let new = operation.output.aliases.iter().filter(|alias| !aliases.contains(alias)).cloned();
            aliases.extend(new.collect::<Vec<_>>());
        }
        let output = OutputSpec {
            fields,
            open: tool.operations.iter().any(|operation| operation.output.open),
            aliases,
            ..OutputSpec::default()
        };
        let effect = tool.operations.iter().map(|operation| operation.effect).fold(Effect::Pure, wider);
        let mut builder = Self::with(name, doc, params, output, effect);
        builder.spec.tool = Some(tool.name.clone());
        builder
    }

    fn with(name: &str, doc: &str, params: Vec<ParamSpec>, output: OutputSpec, effect: Effect) -> Self {
        Self {
            spec: ActionSpec {
                name: name.to_owned(),
                doc: text(doc),
                params,
                open_params: false,
                output,
                effect,
                needs_model: effect == Effect::Model,
                internal: false,
                available: false,
                tool: None,
                example: String::new(),
            },
        }
    }

    /// A bare `{{ step }}` means this field.
    pub fn primary(mut self, field: &str) -> Self {
        self.spec.output.primary = Some(field.to_owned());
        self
    }

    /// The result field `new` was once called `old`.
    pub fn alias(mut self, old: &str, new: &str) -> Self {
        self.spec.output.aliases.push((old.to_owned(), new.to_owned()));
        self
    }

    /// The result may hold further fields, so that unknown ones are not judged.
    pub fn open(mut self) -> Self {
        self.spec.output.open = true;
        self
    }

    /// Any further parameters are legal.
    pub fn open_params(mut self) -> Self {
        self.spec.open_params = true;
        self
    }

    /// Bookkeeping of py-orc's runtime: known, never offered.
    pub fn internal(mut self) -> Self {
        self.spec.internal = true;
        self
    }

    /// A complete step, as one YAML list item.
    pub fn example(mut self, yaml: &str) -> Self {
        yaml.trim_start_matches('\n').clone_into(&mut self.spec.example);
        self
    }

    /// This version can execute it.
    pub fn available(mut self) -> Self {
        self.spec.available = true;
        self
    }

    /// The description.
    pub fn build(self) -> ActionSpec {
        self.spec
    }
}

fn schema_of<T: JsonSchema>() -> Value {
    SchemaGenerator::default().into_root_schema_for::<T>().to_value()
}

/// The effect that demands more care of the two.
fn wider(left: Effect, right: Effect) -> Effect {
    let rank = |effect| match effect {
        Effect::Pure => 0,
        Effect::Read => 1,
        Effect::Model => 2,
        Effect::Idempotent => 3,
        Effect::Human => 4,
        Effect::Effectful => 5,
    };
    if rank(right) > rank(left) { right } else { left }
}

/// A doc text without the line ends of its literal.
fn text(doc: &str) -> String {
    schema::paragraphs(doc.trim())
}
