//! A JSON Schema as providers take it, and answers that are to fit one.

use serde_json::{Map, Value, json};

/// The field that holds an answer that is no object.
const VALUE: &str = "value";

/// Keywords that strict structured output does not know.
const NOT_STRICT: [&str; 10] = [
    "allOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "patternProperties",
    "dependentRequired",
    "dependentSchemas",
    "propertyNames",
];

/// A schema to send. Providers want an object at its root; another answer is asked for as a field.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Wire {
    /// The schema as it is sent.
    pub(super) schema: Value,
    /// It meets the limits of strict structured output: every object is closed, every property required.
    pub(super) strict: bool,
    is_wrapped: bool,
}

impl Wire {
    /// That of `schema`.
    pub(super) fn of(schema: &Value) -> Self {
        let is_wrapped = schema["type"] != "object" || schema.get("anyOf").is_some();
        let mut sent = if is_wrapped {
            let mut inner = schema.clone();
            let mut root =
                json!({"type": "object", "properties": {}, "required": [VALUE], "additionalProperties": false});
            for name in ["$defs", "definitions"] {
                // References lead there from the root.
                if let Some(definitions) = inner.as_object_mut().and_then(|inner| inner.shift_remove(name)) {
                    root[name] = definitions;
                }
            }
            root["properties"][VALUE] = inner;
            root
        } else {
            schema.clone()
        };
        let mut closed = sent.clone();
        let strict = close(&mut closed);
        if strict {
            sent = closed;
        }
        Self { schema: sent, strict, is_wrapped }
    }

    /// The answer in what the provider gave.
    pub(super) fn unwrap(&self, value: Value) -> Value {
        match value {
            Value::Object(mut fields) if self.is_wrapped && fields.len() == 1 && fields.contains_key(VALUE) => {
                fields.shift_remove(VALUE).unwrap_or_default()
            }
            other => other,
        }
    }
}

/// Forbids further properties where nothing is said of them, which leaves nothing that would not fit the
/// schema as it was; whether the result is strict.
fn close(schema: &mut Value) -> bool {
    let Value::Object(fields) = schema else { return false };
    if NOT_STRICT.iter().any(|keyword| fields.contains_key(*keyword)) {
        return false;
    }
    if !["type", "enum", "const", "$ref", "anyOf"].iter().any(|keyword| fields.contains_key(*keyword)) {
        return false;
    }
    let is_object = match fields.get("type") {
        Some(Value::String(name)) => name == "object",
        Some(Value::Array(names)) => names.iter().any(|name| name == "object"),
        _ => fields.contains_key("properties"),
    };
    if is_object {
        let empty = Map::new();
        let properties = fields.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required = fields.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let all_required = properties.keys().all(|name| required.iter().any(|required| required == name));
        let is_open = fields.get("additionalProperties").is_some_and(|further| *further != json!(false));
        if !all_required || is_open || properties.is_empty() {
            return false;
        }
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    let groups = ["properties", "$defs", "definitions"];
    let below = groups.iter().all(|group| match fields.get_mut(*group) {
        Some(Value::Object(members)) => members.values_mut().all(close),
        Some(_) => false,
        None => true,
    });
    let items = fields.get_mut("items").is_none_or(close);
    let branches = match fields.get_mut("anyOf") {
        Some(Value::Array(branches)) => branches.iter_mut().all(close),
        Some(_) => false,
        None => true,
    };
    below && items && branches
}

/// The JSON that `text` is, fenced as code or not; where it is none, why.
pub(super) fn json_of(text: &str) -> Result<Value, String> {
    let text = text.trim();
    let inner = text.strip_prefix("```json").or_else(|| text.strip_prefix("```")).unwrap_or(text);
    let inner = inner.strip_suffix("```").unwrap_or(inner);
    serde_json::from_str(inner.trim()).map_err(|error| format!("it is no JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_closed_where_that_is_all_that_is_missing() {
        let schema = json!({
            "type": "object",
            "properties": {"tags": {"type": "array", "items": {
                "type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"],
            }}},
            "required": ["tags"],
        });
        let wire = Wire::of(&schema);
        assert!(wire.strict);
        assert_eq!(wire.schema["additionalProperties"], json!(false));
        assert_eq!(wire.schema["properties"]["tags"]["items"]["additionalProperties"], json!(false));
    }

    #[test]
    fn what_strict_output_does_not_know_is_sent_as_it_is() {
        let of = |fields: Value| {
            let mut schema = json!({"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]});
            for (name, value) in fields.as_object().into_iter().flatten() {
                schema[name] = value.clone();
            }
            (Wire::of(&schema), schema)
        };
        assert!(of(json!({})).0.strict);
        for fields in [json!({"required": []}), json!({"additionalProperties": true}), json!({"allOf": []})] {
            let (wire, schema) = of(fields);
            assert!(!wire.strict);
            assert_eq!(wire.schema, schema);
        }
    }

    #[test]
    fn an_answer_that_is_no_object_is_asked_for_as_a_field() {
        let schema = json!({"type": "array", "items": {"$ref": "#/$defs/a"}, "$defs": {"a": {"type": "string"}}});
        let wire = Wire::of(&schema);
        let expected = json!({
            "type": "object",
            "properties": {"value": {"type": "array", "items": {"$ref": "#/$defs/a"}}},
            "required": ["value"],
            "additionalProperties": false,
            "$defs": {"a": {"type": "string"}},
        });
        assert_eq!((wire.schema.clone(), wire.strict), (expected, true));
        assert_eq!(wire.unwrap(json!({"value": ["x"]})), json!(["x"]));
        // A server that was not told of the field, or does not care.
        assert_eq!(wire.unwrap(json!(["x"])), json!(["x"]));
    }

    #[test]
    fn a_field_of_that_name_stays_where_it_was_asked_for() {
        let wire = Wire::of(&json!({"type": "object", "properties": {"value": {}}}));
        assert_eq!(wire.unwrap(json!({"value": 1})), json!({"value": 1}));
    }

    #[test]
    fn json_is_read_fenced_or_not() {
        assert_eq!(json_of("```json\n{\"a\": 1}\n```\n"), Ok(json!({"a": 1})));
        assert_eq!(json_of(" 7 "), Ok(json!(7)));
        assert!(json_of("the score is 7").is_err());
    }
}
