//! The JSON Schemas of everything orc reads and writes, made from the registry and from the types
//! themselves. `schemas/` holds copies of them; `orc schema` prints them.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::Value;

use crate::{
    catalog,
    run::{audit, document::ResultDocument, event::Event},
};

/// A pipeline file.
pub fn pipeline() -> Value {
    lang::registry::schema::pipeline_schema(&catalog::registry())
}

/// The result document of a run (`-o`, `--format json`).
pub fn result() -> Value {
    of::<ResultDocument>()
}

/// One event of a run (`--format jsonl`, `orc runs logs`, `orc/runEvent`).
pub fn events() -> Value {
    of::<Event>()
}

/// A line of the audit log (`.orc/audit.jsonl`).
pub fn audit() -> Value {
    of::<audit::Entry>()
}

/// The schema of `T` in draft-07, which editors read best.
pub fn of<T: JsonSchema>() -> Value {
    SchemaSettings::draft07().into_generator().into_root_schema_for::<T>().to_value()
}
