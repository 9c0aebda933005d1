//! A JSON Schema as providers take it, and answers that are to fit one.

use serde_json::{Map, Value, json};

/// The field that holds an answer that is no object.
const VALUE: &str = "value";

/// Keywords that strict structured output knows.
const STRICT: [&str; 22] = [
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
/// Forms of text that it knows.
const FORMATS: [&str; 9] = ["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];
/// How deep values may stand in each other there.
const DEPTH: usize = 10;
/// What stands beside a reference for readers only.
const REMARKS: [&str; 6] = ["title", "description", "default", "examples", "$comment", "deprecated"];

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
        let branches = ["anyOf", "oneOf", "allOf"];
        let is_wrapped = schema["type"] != "object" || branches.iter().any(|name| schema.get(*name).is_some());
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
        bare(&mut closed);
        let strict = close(&mut closed, 1);
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

/// Leaves references alone: beside one, some providers take nothing else, and remarks ask for nothing.
pub(super) fn bare(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            if fields.get("$ref").is_some_and(Value::is_string) {
                for name in REMARKS {
                    fields.shift_remove(name);
                }
            }
            fields
                .iter_mut()
                .filter(|(name, _)| !["enum", "const", "default", "examples"].contains(&&***name))
                .for_each(|(_, value)| bare(value));
        }
        Value::Array(items) => items.iter_mut().for_each(bare),
        _ => {}
    }
}

/// Forbids further properties where nothing is said of them, and names the type of values that are listed; neither
/// leaves anything that would not fit the schema as it was. Whether the result is strict.
fn close(schema: &mut Value, depth: usize) -> bool {
    let Value::Object(fields) = schema else { return false };
    if depth > DEPTH || fields.keys().any(|name| !STRICT.contains(&&**name)) {
        return false;
    }
    if fields.get("format").is_some_and(|format| !FORMATS.iter().any(|known| format == known)) {
        return false;
    }
    if fields.contains_key("$ref") {
        return fields.len() == 1;
    }
    if !fields.contains_key("type") && !fields.contains_key("anyOf") {
        let listed = match (fields.get("enum").and_then(Value::as_array), fields.get("const")) {
            (Some(values), _) => one_type(values),
            (None, Some(value)) => one_type(std::slice::from_ref(value)),
            (None, None) => None,
        };
        let Some(name) = listed else { return false };
        fields.insert("type".to_owned(), json!(name));
    }
    let is = |fields: &Map<String, Value>, name: &str| match fields.get("type") {
        Some(Value::Array(names)) => names.iter().any(|known| known == name),
        known => known.is_some_and(|known| known == name),
    };
    if is(fields, "object") || fields.contains_key("properties") {
        let empty = Map::new();
        let properties = fields.get("properties").and_then(Value::as_object).unwrap_or(&empty);
        let required = fields.get("required").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let all_required = properties.keys().all(|name| required.iter().any(|required| required == name));
        let all_known = required.iter().all(|name| name.as_str().is_some_and(|name| properties.contains_key(name)));
        let is_open = fields.get("additionalProperties").is_some_and(|further| *further != json!(false));
        if !all_required || !all_known || is_open || properties.is_empty() {
            return false;
        }
        fields.insert("additionalProperties".to_owned(), json!(false));
    }
    if is(fields, "array") && !fields.contains_key("items") {
        return false;
    }
    let groups = [("properties", depth + 1), ("$defs", 1), ("definitions", 1)];
    let below = groups.iter().all(|(group, depth)| match fields.get_mut(*group) {
        Some(Value::Object(members)) => members.values_mut().all(|member| close(member, *depth)),
        Some(_) => false,
        None => true,
    });
    let items = fields.get_mut("items").is_none_or(|items| close(items, depth + 1));
    let branches = match fields.get_mut("anyOf") {
        Some(Value::Array(branches)) => branches.iter_mut().all(|branch| close(branch, depth)),
        Some(_) => false,
        None => true,
    };
    below && items && branches
}

/// The type of these values, where all are of one that has no parts.
fn one_type(values: &[Value]) -> Option<&'static str> {
    let of = |value: &Value| match value {
        Value::String(_) => Some("string"),
        Value::Bool(_) => Some("boolean"),
        Value::Number(number) if number.is_f64() => Some("number"),
        Value::Number(_) => Some("integer"),
        _ => None,
    };
    let first = of(values.first()?)?;
    values.iter().all(|value| of(value) == Some(first)).then_some(first)
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
        let deep = (0..8).fold(json!({"type": "string"}), |items, _| json!({"type": "array", "items": items}));
        assert!(of(json!({"properties": {"a": deep}})).0.strict);
        for fields in [
            json!({"required": []}),
            json!({"required": ["a", "b"]}),
            json!({"additionalProperties": true}),
            json!({"properties": {"a": {"type": "array"}}}),
            json!({"properties": {"a": {"type": "string", "minLength": 1}}}),
            json!({"properties": {"a": {"type": "string", "default": "x"}}}),
            json!({"properties": {"a": {"type": "string", "format": "uri"}}}),
            json!({"properties": {"a": {"type": "array", "items": deep}}}),
            json!({"properties": {"a": {"$ref": "#/$defs/b", "type": "string"}}, "$defs": {"b": {"type": "string"}}}),
        ] {
            let (wire, schema) = of(fields);
            assert!(!wire.strict, "{schema}");
            assert_eq!(wire.schema, schema);
        }
    }

    #[test]
    fn what_strict_output_wants_said_is_said() {
        let schema = json!({
            "type": "object", "required": ["mood", "who"],
            "properties": {"mood": {"enum": ["good", "bad"]}, "who": {"$ref": "#/$defs/who", "description": "Whose."}},
            "$defs": {"who": {"type": "string"}},
        });
        let wire = Wire::of(&schema);
        assert!(wire.strict);
        assert_eq!(wire.schema["properties"]["mood"], json!({"enum": ["good", "bad"], "type": "string"}));
        assert_eq!(wire.schema["properties"]["who"], json!({"$ref": "#/$defs/who"}));
    }

    #[test]
    fn branches_at_the_root_are_asked_for_as_a_field() {
        for name in ["anyOf", "oneOf", "allOf"] {
            let wire = Wire::of(&json!({"type": "object", name: [{"required": ["a"]}, {"required": ["b"]}]}));
            assert_eq!(wire.schema["required"], json!(["value"]), "{name}");
            assert_eq!(wire.unwrap(json!({"value": {"a": 1}})), json!({"a": 1}));
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
