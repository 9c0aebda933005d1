//! JSON Schema (as `schemars` makes it of a parameter struct) → [`super::ParamSpec`]; and the
//! registry → the JSON Schema files in `schemas/`.

use serde_json::Value;

use super::{FieldSpec, ParamSpec, Registry};

/// The parameters that `schema` (an object schema) describes: properties in order, `description`,
/// `type`, `enum`, `default`, `minimum`/`maximum`, and our own `x-kind`, `x-aliases`, `x-deprecated`.
pub fn params(schema: &Value) -> Vec<ParamSpec> {
    let _ = schema;
    Vec::new()
}

/// The result fields that `schema` (an object schema) describes.
pub fn fields(schema: &Value) -> Vec<FieldSpec> {
    let _ = schema;
    Vec::new()
}

/// The JSON Schema (draft-07) of a pipeline file, for editors without our server.
pub fn pipeline_schema(registry: &Registry) -> Value {
    let _ = registry;
    Value::Null
}
