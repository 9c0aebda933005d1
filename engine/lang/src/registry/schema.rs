//! JSON Schema (as `schemars` makes it of a parameter struct) → [`super::ParamSpec`] and
//! [`super::FieldSpec`]; and the registry → the JSON Schema files in `schemas/`.
//!
//! This is no validator: it reads what our own structs say and is total on anything else.

use serde_json::{Map, Value};

use super::{FieldSpec, OutputSpec, ParamKind, ParamSpec, ValueType};

pub mod pipeline;
pub use pipeline::pipeline_schema;

/// `$ref` chains and nesting beyond this are cut off, so that a recursive type ends.
const MAX_DEPTH: usize = 8;

/// The parameters that `schema` (an object schema) describes: properties in order, the required
/// ones first, with `description`, `type`, `enum`, `default`, `minimum`/`maximum`, and our own
/// `x-kind`, `x-aliases`, `x-instead` and `x-deprecated`.
pub fn params(schema: &Value) -> Vec<ParamSpec> {
    Shape::read(schema, schema, 0).params
}

/// The result fields that `schema` (an object schema) describes.
pub fn fields(schema: &Value) -> Vec<FieldSpec> {
    Shape::read(schema, schema, 0).params.iter().map(field).collect()
}

/// The whole output that `schema` describes: an object's fields, or a scalar. It is open if the
/// schema allows further properties or says nothing about its type; `x-primary` names the primary
/// field.
pub fn output(schema: &Value) -> OutputSpec {
    let shape = Shape::read(schema, schema, 0);
    let is_object = shape.types.contains(&ValueType::Object);
    OutputSpec {
        fields: shape.params.iter().map(field).collect(),
        open: shape.open || shape.types.is_empty(),
        primary: schema.get("x-primary").and_then(Value::as_str).map(str::to_owned),
        scalar: !is_object && !shape.types.is_empty(),
        aliases: Vec::new(),
    }
}

/// What one schema says, `$ref` and unions folded in.
#[derive(Default)]
struct Shape {
    doc: String,
    types: Vec<ValueType>,
    choices: Vec<Value>,
    default: Option<Value>,
    range: (Option<f64>, Option<f64>),
    kind: ParamKind,
    items: Option<Box<ParamSpec>>,
    params: Vec<ParamSpec>,
    open: bool,
    aliases: Vec<String>,
    instead: Option<String>,
    deprecated: Option<String>,
}

impl Shape {
    fn read(root: &Value, schema: &Value, depth: usize) -> Self {
        let Some(object) = schema.as_object().filter(|_| depth <= MAX_DEPTH) else {
            return Self { open: true, ..Self::default() };
        };
        let mut shape = Self::default();
        if let Some(target) = object.get("$ref").and_then(|reference| referenced(root, reference)) {
            shape = Self::read(root, target, depth + 1);
        }
        for keyword in ["allOf", "anyOf", "oneOf"] {
            if let Some(branches) = object.get(keyword).and_then(Value::as_array) {
                shape.unite(branches.iter().filter(|branch| !is_null(branch)).map(|b| Self::read(root, b, depth + 1)));
            }
        }
        shape.read_own(root, object, depth);
        shape
    }

    fn read_own(&mut self, root: &Value, object: &Map<String, Value>, depth: usize) {
        if let Some(doc) = object.get("description").and_then(Value::as_str) {
            self.doc = paragraphs(doc);
        }
        let types = object.get("type").map(value_types).unwrap_or_default();
        if !types.is_empty() {
            self.types = types;
        }
        let choices = match (object.get("enum").and_then(Value::as_array), object.get("const")) {
            (Some(values), _) => values.iter().filter(|value| !value.is_null()).cloned().collect(),
            (None, Some(value)) => vec![value.clone()],
            (None, None) => Vec::new(),
        };
        if !choices.is_empty() {
            if self.types.is_empty() {
                self.types = types_of(&choices);
            }
            self.choices = choices;
        }
        self.default = object.get("default").filter(|value| !value.is_null()).cloned().or(self.default.take());
        let number = |key: &str| object.get(key).and_then(Value::as_f64);
        self.range = (number("minimum").or(self.range.0), number("maximum").or(self.range.1));
        self.kind = object.get("x-kind").and_then(Value::as_str).map_or(self.kind, kind);
        if let Some(Value::Array(aliases)) = object.get("x-aliases") {
            self.aliases = aliases.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        }
        if let Some(other) = object.get("x-instead").and_then(Value::as_str) {
            self.instead = Some(other.to_owned());
        }
        if let Some(reason) = object.get("x-deprecated").and_then(Value::as_str) {
            self.deprecated = Some(reason.to_owned());
        }
        if let Some(items) = object.get("items") {
            self.items = Some(Box::new(Self::read(root, items, depth + 1).param("item", false)));
        }
        self.read_properties(root, object, depth);
    }

    fn read_properties(&mut self, root: &Value, object: &Map<String, Value>, depth: usize) {
        let required: Vec<&str> =
            object.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        if let Some(properties) = object.get("properties").and_then(Value::as_object) {
            let read = properties.iter().map(|(name, schema)| {
                Self::read(root, schema, depth + 1).param(name, required.contains(&name.as_str()))
            });
            self.params = read.collect();
            self.params.sort_by_key(|param| !param.required);
        }
        self.open = match object.get("additionalProperties") {
            Some(Value::Bool(more)) => *more,
            Some(_) => true,
            None => self.open || (self.params.is_empty() && self.types.contains(&ValueType::Object)),
        };
        if self.types.is_empty() && !object.contains_key("type") && self.params.is_empty() {
            self.open = true;
        }
    }

    /// Takes up the branches of a union: any type of any branch is allowed; the values form a
    /// closed list only if every branch has one.
    fn unite(&mut self, branches: impl Iterator<Item = Self>) {
        let mut closed_list = true;
        let mut any_type = false;
        for branch in branches {
            any_type |= branch.types.is_empty();
            closed_list &= !branch.choices.is_empty();
            self.types.extend(branch.types.iter().filter(|t| !self.types.contains(t)).copied().collect::<Vec<_>>());
            self.choices.extend(branch.choices);
            self.items = self.items.take().or(branch.items);
            if self.params.is_empty() {
                self.params = branch.params;
            }
            self.open |= branch.open;
            self.range = (self.range.0.or(branch.range.0), self.range.1.or(branch.range.1));
            if self.kind == ParamKind::Plain {
                self.kind = branch.kind;
            }
            if self.doc.is_empty() && branch.default.is_none() {
                self.doc = branch.doc;
            }
        }
        if any_type {
            self.types.clear();
        }
        if !closed_list {
            self.choices.clear();
        }
    }

    fn param(self, name: &str, required: bool) -> ParamSpec {
        ParamSpec {
            name: name.to_owned(),
            doc: self.doc,
            types: self.types,
            // Where another one may stand in its place, Rust has to call it optional.
            required: (required || self.instead.is_some()) && self.default.is_none(),
            instead: self.instead,
            default: self.default,
            choices: self.choices,
            range: self.range,
            kind: self.kind,
            items: self.items,
            fields: self.params,
            open_fields: self.open,
            aliases: self.aliases,
            deprecated: self.deprecated,
        }
    }
}

fn field(param: &ParamSpec) -> FieldSpec {
    let items = param.items.as_deref();
    FieldSpec {
        name: param.name.clone(),
        doc: param.doc.clone(),
        types: param.types.clone(),
        fields: param.fields.iter().map(field).collect(),
        items: items.map(|item| item.fields.iter().map(field).collect()).unwrap_or_default(),
        open: param.open_fields || items.is_some_and(|item| item.open_fields),
    }
}

fn referenced<'s>(root: &'s Value, reference: &Value) -> Option<&'s Value> {
    root.pointer(reference.as_str()?.strip_prefix('#')?)
}

fn is_null(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("null") || schema.get("const").is_some_and(Value::is_null)
}

fn value_types(types: &Value) -> Vec<ValueType> {
    match types {
        Value::String(name) => value_type(name).into_iter().collect(),
        Value::Array(names) => names.iter().filter_map(Value::as_str).filter_map(value_type).collect(),
        _ => Vec::new(),
    }
}

fn value_type(name: &str) -> Option<ValueType> {
    Some(match name {
        "string" => ValueType::String,
        "integer" => ValueType::Integer,
        "number" => ValueType::Number,
        "boolean" => ValueType::Boolean,
        "array" => ValueType::Array,
        "object" => ValueType::Object,
        _ => return None,
    })
}

fn types_of(values: &[Value]) -> Vec<ValueType> {
    let mut types = Vec::new();
    for value in values {
        let of = match value {
            Value::String(_) => ValueType::String,
            Value::Bool(_) => ValueType::Boolean,
            Value::Number(number) if number.is_f64() => ValueType::Number,
            Value::Number(_) => ValueType::Integer,
            Value::Array(_) => ValueType::Array,
            Value::Object(_) => ValueType::Object,
            Value::Null => continue,
        };
        if !types.contains(&of) {
            types.push(of);
        }
    }
    types
}

fn kind(name: &str) -> ParamKind {
    match name {
        "model" => ParamKind::Model,
        "read-path" => ParamKind::ReadPath,
        "write-path" => ParamKind::WritePath,
        "data" => ParamKind::Data,
        "command" => ParamKind::Command,
        "prompt" => ParamKind::Prompt,
        "json-schema" => ParamKind::JsonSchema,
        "pipeline" => ParamKind::Pipeline,
        "url" => ParamKind::Url,
        "image" => ParamKind::Image,
        "tool" => ParamKind::Tool,
        _ => ParamKind::Plain,
    }
}

/// A doc comment's lines, those of one paragraph joined. List items and indented code stay on lines
/// of their own.
pub fn paragraphs(doc: &str) -> String {
    let mut text = String::with_capacity(doc.len());
    for line in doc.lines() {
        let starts_anew = line.is_empty() || line.starts_with([' ', '-', '*', '#', '|', '`', '>']);
        if !text.is_empty() {
            text.push(if starts_anew || text.ends_with('\n') { '\n' } else { ' ' });
        }
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests;
