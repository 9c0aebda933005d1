#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

fn request(model: &str, prompt: &str, schema: Option<Value>) -> Request {
    Request { model: model.to_owned(), prompt: prompt.to_owned(), schema, ..Request::default() }
}

fn value(schema: Value) -> Result<Value, String> {
    answer(&request("m", "p", Some(schema))).map(|response| response.value).map_err(|error| error.to_string())
}

#[test]
fn text_is_labelled_and_the_same_every_time() {
    let asked = request("openai/gpt-5", "\n  Say hello\nto the world", None);
    let first = answer(&asked).unwrap();
    assert_eq!(first, answer(&asked).unwrap());
    let text = first.value.as_str().unwrap();
    assert!(text.starts_with("[simulated openai/gpt-5] Say hello… (#"), "{text}");
    assert_eq!((first.provider.as_str(), first.model.as_str()), ("simulated", "openai/gpt-5"));
    assert_eq!(first.usage.unwrap().input_tokens, 7);
    let seeded = Request { seed: Some(1), ..asked.clone() };
    assert_ne!(first.value, answer(&seeded).unwrap().value);
    let short = Request { max_tokens: Some(3), ..asked };
    assert_eq!(answer(&short).unwrap().value, "[simulated o");
}

#[test]
fn a_schema_is_fitted() {
    let schema = json!({
        "type": "object",
        "properties": {
            "kind": {"enum": ["b", "a"]},
            "score": {"type": "integer", "minimum": 3, "maximum": 9, "multipleOf": 4},
            "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
            "name": {"type": "string", "minLength": 20, "maxLength": 22},
            "code": {"type": "string", "pattern": "^ORD-[0-9]{6}(a|b)+$"},
            "day": {"type": "string", "format": "date"},
            "tags": {"type": "array", "items": {"enum": ["x", "y"]}, "minItems": 2, "uniqueItems": true},
            "maybe": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/point"}]}
        },
        "required": ["kind", "score", "extra"],
        "$defs": {"point": {"allOf": [
            {"properties": {"x": {"const": 1}}},
            {"properties": {"y": {"type": ["null", "string"]}}, "required": ["y"]}
        ]}}
    });
    assert_eq!(
        value(schema).unwrap(),
        json!({
            "kind": "b", "score": 4, "share": 0.5, "name": "simulated name......", "code": "ORD-111111a",
            "day": "2000-01-01", "tags": ["x", "y"], "maybe": {"x": 1, "y": "simulated y"}, "extra": "simulated extra"
        })
    );
}

#[test]
fn recursion_ends_where_it_may() {
    let schema = json!({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {
        "name": {"type": "string"}, "child": {"$ref": "#/$defs/node"}}, "required": ["name"]}}});
    assert!(value(schema).unwrap()["child"]["name"].is_string());
    let endless = json!({"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "required": ["n"],
        "properties": {"n": {"$ref": "#/$defs/n"}}}}});
    assert_eq!(
        value(endless).unwrap_err(),
        "the simulated model cannot make a value for this schema: it refers to itself without an end at `n`"
    );
}

#[test]
fn what_cannot_be_fitted_is_said() {
    let schema = json!({"type": "object", "properties": {"n": {"type": "integer", "minimum": 5, "maximum": 4}}, "required": ["n"]});
    assert_eq!(
        value(schema).unwrap_err(),
        "the simulated model cannot make a value for this schema: no whole number fits `n`"
    );
}
