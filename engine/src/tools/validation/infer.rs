//! A value → a JSON Schema that it fits.

use serde_json::{Map, Value, json};

/// The schema of `data`.
pub(super) fn schema(data: &Value) -> Map<String, Value> {
    common(&[data])
}

/// The schema that all of `values` fit.
fn common(values: &[&Value]) -> Map<String, Value> {
    let mut schema = Map::new();
    match types(values).as_slice() {
        [] => {}
        [only] => {
            schema.insert("type".to_owned(), json!(only));
        }
        several => {
            schema.insert("type".to_owned(), json!(several));
        }
    }
    let objects: Vec<&Map<String, Value>> = values.iter().filter_map(|value| value.as_object()).collect();
    if !objects.is_empty() {
        let mut properties: Map<String, Value> = Map::new();
        let mut required = Vec::new();
        for name in objects.iter().flat_map(|object| object.keys()) {
            if properties.contains_key(name) {
                continue;
            }
            let inner: Vec<&Value> = objects.iter().filter_map(|object| object.get(name)).collect();
            if inner.len() == objects.len() {
                required.push(name.as_str());
            }
            properties.insert(name.clone(), Value::Object(common(&inner)));
        }
        schema.insert("properties".to_owned(), Value::Object(properties));
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
    }
    let items: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
    if !items.is_empty() {
        schema.insert("items".to_owned(), Value::Object(common(&items)));
    }
    schema
}

/// The types of `values`, in the order they come, `null` last; a number beside an integer covers it.
fn types(values: &[&Value]) -> Vec<&'static str> {
    let mut types: Vec<&'static str> = Vec::new();
    for name in values.iter().map(|value| type_of(value)) {
        if !types.contains(&name) {
            types.push(name);
        }
    }
    if types.contains(&"number") {
        types.retain(|name| *name != "integer");
    }
    types.sort_by_key(|name| *name == "null");
    types
}

/// The JSON Schema type of a value.
pub(super) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
