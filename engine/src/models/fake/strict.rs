//! What OpenAI's strict structured output takes of JSON Schema.

use serde_json::{Map, Value};

/// Keywords it knows. Not those of `wire.rs`: what is sent is held to them.
const KNOWN: [&str; 22] = [
    "type",
    "enum",
    "const",
    "anyOf",
    "$ref",
    "$defs",
    "definitions",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "title",
    "description",
    "pattern",
    "format",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
];
const FORMATS: [&str; 9] = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// How deep objects may stand in each other.
const DEPTH: usize = 10;

/// What is wrong with the schema.
pub(super) fn problem(schema: &Value) -> Option<String> {
    if schema.get("anyOf").is_some() || schema["type"] != "object" {
        let of = schema["type"].as_str().map_or_else(|| "None".to_owned(), |of| format!("\"{of}\""));
        return Some(format!("schema must be a JSON Schema of 'type: \"object\"', got 'type: {of}'."));
    }
    at(schema, &[], 1).err()
}

fn at(schema: &Value, place: &[String], depth: usize) -> Result<(), String> {
    let names = || place.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    let wrong = |what: String| Err(format!("In context=({}), {what}", names()));
    let Value::Object(fields) = schema else { return wrong("schema must be an object.".to_owned()) };
    for name in fields.keys() {
        if !KNOWN.contains(&&**name) {
            return wrong(format!("'{name}' is not permitted."));
        }
    }
    if let Some(format) = fields.get("format").and_then(Value::as_str).filter(|format| !FORMATS.contains(format)) {
        return wrong(format!("'{format}' is not a valid format."));
    }
    if fields.contains_key("$ref") && fields.len() > 1 {
        let others: Vec<String> =
            fields.keys().filter(|name| *name != "$ref").map(|name| format!("'{name}'")).collect();
        return wrong(format!("$ref cannot have keywords {{{}}}.", others.join(", ")));
    }
    if !["type", "$ref", "anyOf", "enum", "const"].iter().any(|name| fields.contains_key(*name)) {
        return wrong("schema must have a 'type' key.".to_owned());
    }
    let is_object = fields.get("type").is_some_and(|of| {
        of == "object" || of.as_array().is_some_and(|names| names.iter().any(|name| name == "object"))
    });
    if is_object {
        object(fields).or_else(wrong)?;
        if depth > DEPTH {
            return wrong(format!("schema exceeds the limit of {DEPTH} levels of nesting."));
        }
    }
    if fields.get("type").is_some_and(|of| of == "array") && !fields.contains_key("items") {
        return wrong("array schema missing items.".to_owned());
    }
    let below = |names: &[&str], schema: &Value, depth: usize| {
        let place: Vec<String> = place.iter().cloned().chain(names.iter().map(|name| (*name).to_owned())).collect();
        at(schema, &place, depth)
    };
    for group in ["properties", "$defs", "definitions"] {
        let depth = if group == "properties" { depth + 1 } else { 1 };
        for (name, schema) in fields.get(group).and_then(Value::as_object).into_iter().flatten() {
            below(&[group, name], schema, depth)?;
        }
    }
    if let Some(schema) = fields.get("items") {
        below(&["items"], schema, depth + 1)?;
    }
    for (index, schema) in fields.get("anyOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
        below(&["anyOf", &index.to_string()], schema, depth)?;
    }
    Ok(())
}

fn object(fields: &Map<String, Value>) -> Result<(), String> {
    if fields.get("additionalProperties") != Some(&Value::Bool(false)) {
        return Err("'additionalProperties' is required to be supplied and to be false.".to_owned());
    }
    let required = fields.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let properties = fields.get("properties").and_then(Value::as_object);
    let missing = properties.into_iter().flat_map(Map::keys).find(|name| !required.iter().any(|known| known == *name));
    if let Some(name) = missing {
        return Err(format!(
            "'required' is required to be supplied and to be an array including every key in properties. Missing \
             '{name}'."
        ));
    }
    match required.iter().filter_map(Value::as_str).find(|name| !properties.is_some_and(|all| all.contains_key(*name)))
    {
        Some(extra) => Err(format!(
            "'required' is required to be supplied and to be an array including every key in \
                                    properties. Extra required key '{extra}' supplied."
        )),
        None => Ok(()),
    }
}
