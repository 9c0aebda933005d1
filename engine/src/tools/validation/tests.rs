use serde_json::{Value, json};

use super::Validation;
use crate::tools::fixture::World;

fn person() -> Value {
    json!({
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name"],
    })
}

fn ok(operation: &str, params: Value) -> Value {
    World::new().ok(&Validation, operation, params)
}

fn failure(operation: &str, params: Value) -> String {
    World::new().failure(&Validation, operation, params)
}

#[test]
fn fitting_data_is_valid() {
    assert_eq!(
        ok("validate", json!({"data": {"name": "Ada", "age": 36}, "schema": person()})),
        json!({"valid": true, "errors": [], "warnings": [], "data": {"name": "Ada", "age": 36}, "mode": "strict"})
    );
}

#[test]
fn json_text_counts_as_what_it_holds_unless_text_is_asked_for() {
    let text = r#"{"name": "Ada"}"#;
    assert_eq!(ok("validate", json!({"data": text, "schema": person()}))["data"], json!({"name": "Ada"}));
    assert_eq!(ok("validate", json!({"data": text, "schema": {"type": "string"}}))["data"], json!(text));
}

#[test]
fn a_schema_may_be_json_text() {
    assert_eq!(ok("validate", json!({"data": 1, "schema": "{\"type\": \"integer\"}"}))["valid"], json!(true));
}

#[test]
fn strict_data_that_does_not_fit_is_a_reported_failure_with_the_result() {
    let params = json!({"data": {"age": "36"}, "schema": person()});
    let outcome = World::new().run(&Validation, "validate", params).expect("reports");
    let failure = outcome.failure.expect("fails");
    assert_eq!(failure.error_type, "ValidationError");
    assert_eq!(
        failure.message,
        "the data does not fit the schema: \"name\" is a required property; `age`: \"36\" is not of type \"integer\""
    );
    assert_eq!(
        outcome.result,
        json!({
            "valid": false,
            "errors": [
                {
                    "message": "\"name\" is a required property",
                    "path": "",
                    "schema_path": "required",
                    "instance": {"age": "36"},
                    "validator": "required",
                    "severity": "error",
                },
                {
                    "message": "\"36\" is not of type \"integer\"",
                    "path": "age",
                    "schema_path": "properties.age.type",
                    "instance": "36",
                    "validator": "type",
                    "severity": "error",
                },
            ],
            "warnings": [],
            "data": {"age": "36"},
            "mode": "strict",
        })
    );
}

#[test]
fn the_failure_names_five_problems_and_counts_the_rest() {
    let schema = json!({"items": {"type": "integer"}});
    assert_eq!(
        failure("validate", json!({"data": ["a", "b", "c", "d", "e", "f", "g"], "schema": schema})),
        "ValidationError: the data does not fit the schema: `0`: \"a\" is not of type \"integer\"; \
         `1`: \"b\" is not of type \"integer\"; `2`: \"c\" is not of type \"integer\"; \
         `3`: \"d\" is not of type \"integer\"; `4`: \"e\" is not of type \"integer\"; and 2 more"
    );
}

#[test]
fn lenient_converts_and_warns() {
    assert_eq!(
        ok("validate", json!({"data": {"name": 7, "age": "36"}, "schema": person(), "mode": "LENIENT"})),
        json!({
            "valid": true,
            "errors": [],
            "warnings": ["`name`: 7 was converted to \"7\"", "`age`: \"36\" was converted to 36"],
            "data": {"name": "7", "age": 36},
            "mode": "lenient",
        })
    );
}

#[test]
fn lenient_reports_what_cannot_be_converted_without_failing() {
    let result = ok("validate", json!({"data": {"name": "Ada", "age": "old"}, "schema": person(), "mode": "lenient"}));
    assert_eq!(
        (&result["valid"], &result["data"]["age"], &result["warnings"]),
        (&json!(false), &json!("old"), &json!([]))
    );
}

#[test]
fn conversions_lose_nothing() {
    let convert = |data: Value, wanted: &str| {
        ok("validate", json!({"data": data, "schema": {"type": wanted}, "mode": "lenient"}))["data"].clone()
    };
    assert_eq!(convert(json!("1.5"), "number"), json!(1.5));
    assert_eq!(convert(json!("4.0"), "integer"), json!(4));
    assert_eq!(convert(json!("4.5"), "integer"), json!("4.5"));
    assert_eq!(convert(json!("yes"), "boolean"), json!(true));
    assert_eq!(convert(json!(2), "boolean"), json!(2));
    assert_eq!(convert(json!(""), "null"), json!(null));
    assert_eq!(convert(json!("nan"), "number"), json!("nan"));
    assert_eq!(convert(json!("[1]"), "array"), json!([1]));
    assert_eq!(convert(json!(true), "string"), json!("true"));
}

#[test]
fn report_only_reports() {
    let result = ok("validate", json!({"data": {"age": "36"}, "schema": person(), "mode": "report_only"}));
    assert_eq!((&result["valid"], &result["mode"]), (&json!(false), &json!("report_only")));
    assert_eq!(result["errors"].as_array().map(Vec::len), Some(2));
}

#[test]
fn csv_checks_every_row() {
    let params = json!({"data": "name,age\nAda,36\nBob,old\n", "schema": person(), "mode": "CSV"});
    let outcome = World::new().run(&Validation, "validate", params).expect("reports");
    assert_eq!(
        outcome.failure.expect("fails").message,
        "the data does not fit the schema: `1.age`: \"old\" is not of type \"integer\""
    );
    assert_eq!(outcome.result["rows_validated"], json!(2));
    assert_eq!(outcome.result["data"], json!([{"name": "Ada", "age": 36}, {"name": "Bob", "age": "old"}]));
}

#[test]
fn null_is_data() {
    assert_eq!(ok("validate", json!({"data": null, "schema": {"type": "null"}}))["valid"], json!(true));
    assert_eq!(ok("infer_schema", json!({"data": null})), json!({"schema": {"type": "null"}}));
    assert_eq!(
        failure("validate", json!({"schema": {}})),
        "ParameterError: `validation.validate` needs the parameter `data`"
    );
}

#[test]
fn wrong_modes_and_schemas_are_named() {
    assert_eq!(
        failure("validate", json!({"data": 1, "schema": {}, "mode": "leniant"})),
        "ParameterError: unknown mode `leniant` of `validation.validate`; did you mean `lenient`?"
    );
    assert_eq!(
        failure("validate", json!({"data": 1, "schema": {"type": "text"}})),
        "SchemaError: the parameter `schema` is no JSON Schema at `type`: \"text\" is not valid under any of the \
         schemas listed in the 'anyOf' keyword"
    );
    assert_eq!(
        failure("validate", json!({"data": 1, "schema": "{"})),
        "ParameterError: `schema` is text but no JSON: EOF while parsing an object at line 1 column 1"
    );
}

#[test]
fn formats_are_checked() {
    let fits = |format: &str, text: &str| {
        ok("validate", json!({"data": text, "schema": {"type": "string", "format": format}, "mode": "report_only"}))["valid"]
            == json!(true)
    };
    assert!(fits("email", "a@example.com") && !fits("email", "a"));
    assert!(fits("model-id", "openai/gpt-4o") && !fits("model-id", "gpt-4o"));
    assert!(fits("tool-name", "filesystem") && !fits("tool-name", "filesistem"));
    assert!(fits("task-ref", "read-data") && !fits("task-ref", "2 steps"));
}

#[test]
fn references_never_leave_the_schema() {
    let message = failure("validate", json!({"data": 1, "schema": {"$ref": "https://example.com/a.json"}}));
    assert!(message.starts_with("SchemaError: the parameter `schema` is no JSON Schema"), "{message}");
    let own = json!({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}});
    assert_eq!(ok("validate", json!({"data": 1, "schema": own}))["valid"], json!(true));
}

#[test]
fn extraction_says_that_it_cannot() {
    assert_eq!(
        failure("extract_structured", json!({"text": "Ada, 36", "schema": person()})),
        "NotAvailableError: this version of orc cannot execute `validation.extract_structured`; \
         ask with the action `generate_structured`"
    );
}

#[test]
fn a_schema_is_inferred_from_all_rows() {
    assert_eq!(
        ok("infer_schema", json!({"data": "[{\"id\": 1, \"tags\": [\"a\"]}, {\"id\": 2.5, \"note\": null}]"})),
        json!({"schema": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "id": {"type": "number"},
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "note": {"type": "null"},
                },
                "required": ["id"],
            },
        }})
    );
    assert_eq!(
        ok("infer_schema", json!({"data": [null, "a", 1]})),
        json!({"schema": {"type": "array", "items": {"type": ["string", "integer", "null"]}}})
    );
}

#[test]
fn quality_is_rated_without_failing() {
    assert_eq!(
        ok("quality_check", json!({"data": [{"a": 1, "b": "x"}, {"a": "2", "b": ""}]})),
        json!({
            "score": 0.708_333_333_333_333_3,
            "completeness": 0.75,
            "consistency": 2.0 / 3.0,
            "accuracy": null,
            "threshold": 0.8,
            "passed": false,
            "rows": 2,
            "issues": ["`a` holds values of the types number, string", "`b` is empty in 1 of 2 rows"],
        })
    );
    assert_eq!(
        ok("quality_check", json!({"data": "a,b\n1,2\n", "schema": {"required": ["a", "c"]}, "threshold": 0.5})),
        json!({
            "score": 2.0 / 3.0,
            "completeness": 1.0,
            "consistency": 1.0,
            "accuracy": 0.0,
            "threshold": 0.5,
            "passed": true,
            "rows": 1,
            "issues": ["1 of 1 rows do not fit the schema"],
        })
    );
    assert_eq!(
        failure("quality_check", json!({"data": [1]})),
        "ParameterError: the parameter `data` of `validation.quality_check` needs rows: a list of mappings, a mapping, \
         or JSON or CSV text of them; it is a list with an item of type integer"
    );
}
