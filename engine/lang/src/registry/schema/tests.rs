use expect_test::{Expect, expect};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::json;

use super::*;

/// Where the answer goes.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// One object per line.
    Jsonl,
    /// Comma-separated.
    Csv,
}

#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only the schema is looked at")]
enum Data {
    Text(String),
    Rows(Vec<Map<String, Value>>),
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only the schema is looked at")]
struct Column {
    /// Its name.
    name: String,
    /// Its width.
    width: Option<u8>,
}

#[derive(Deserialize, JsonSchema)]
#[expect(dead_code, reason = "only the schema is looked at")]
struct Params {
    /// Shown on top.
    title: Option<String>,
    /// The file that is read.
    /// It must exist.
    ///
    /// More about it.
    #[schemars(extend("x-kind" = "read-path", "x-aliases" = ["file"]))]
    path: String,
    /// How to write.
    #[serde(default = "csv")]
    format: Format,
    other_format: Option<Format>,
    #[schemars(range(min = 0, max = 100))]
    #[serde(default = "ten")]
    count: u32,
    data: Data,
    columns: Vec<Column>,
    #[schemars(extend("x-deprecated" = "use `title`"))]
    #[serde(default)]
    heading: String,
    anything: Option<Value>,
    extra: Option<Map<String, Value>>,
}

fn csv() -> Format {
    Format::Csv
}

fn ten() -> u32 {
    10
}

impl serde::Serialize for Format {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if matches!(self, Self::Csv) { "csv" } else { "jsonl" })
    }
}

fn check(params: &[ParamSpec], expected: &Expect) {
    let mut text = String::new();
    for param in params {
        line(&mut text, param, 0);
    }
    expected.assert_eq(&text);
}

fn line(text: &mut String, param: &ParamSpec, depth: usize) {
    use std::fmt::Write;
    let ParamSpec { name, doc, types, required, default, choices, range, kind, items, fields, open_fields, .. } = param;
    let _ = write!(text, "{:indent$}{name}{} {types:?}", "", if *required { "!" } else { "" }, indent = depth * 2);
    if let Some(default) = default {
        let _ = write!(text, " = {default}");
    }
    if !choices.is_empty() {
        let _ = write!(text, " of {}", Value::from(choices.clone()));
    }
    if *range != (None, None) {
        let _ = write!(text, " in {range:?}");
    }
    if *kind != ParamKind::Plain {
        let _ = write!(text, " {kind:?}");
    }
    if *open_fields {
        text.push_str(" open");
    }
    if !param.aliases.is_empty() {
        let _ = write!(text, " aka {:?}", param.aliases);
    }
    if let Some(reason) = &param.deprecated {
        let _ = write!(text, " deprecated: {reason}");
    }
    let _ = writeln!(text, " # {doc:?}");
    for inner in items.iter().map(Box::as_ref).chain(fields) {
        line(text, inner, depth + 1);
    }
}

#[test]
fn parameter_struct_becomes_parameters_the_required_first() {
    check(
        &params(schema_for!(Params).as_value()),
        &expect![[r#"
        path! [String] ReadPath aka ["file"] # "The file that is read. It must exist.\n\nMore about it."
        data! [String, Array] # ""
          item [Object] open # ""
        columns! [Array] # ""
          item [Object] # ""
            name! [String] # "Its name."
            width [Integer] in (Some(0.0), Some(255.0)) # "Its width."
        title [String] # "Shown on top."
        format [String] = "csv" of ["jsonl","csv"] # "How to write."
        other_format [String] of ["jsonl","csv"] # "Where the answer goes."
        count [Integer] = 10 in (Some(0.0), Some(100.0)) # ""
        heading [String] = "" deprecated: use `title` # ""
        anything [] open # ""
        extra [Object] open # ""
    "#]],
    );
}

#[test]
fn a_recursive_type_ends() {
    let schema = json!({
        "type": "object",
        "properties": {"node": {"$ref": "#/$defs/Node"}},
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}}
    });
    let mut depth = 0;
    let mut level = params(&schema);
    while let Some(param) = level.pop() {
        depth += 1;
        level = param.fields;
    }
    assert!(depth < 10, "{depth} levels");
}

#[test]
fn output_of_an_object_is_closed_and_of_text_scalar() {
    let columns = output(schema_for!(Column).as_value());
    assert_eq!((columns.open, columns.scalar, columns.fields.len()), (false, false, 2));
    let text = output(schema_for!(String).as_value());
    assert_eq!((text.open, text.scalar), (false, true));
    let anything = output(schema_for!(Value).as_value());
    assert_eq!((anything.open, anything.scalar), (true, false));
}

#[test]
fn what_is_no_schema_gives_nothing() {
    for schema in [json!(null), json!(true), json!([]), json!({"properties": 3, "required": "x"}), json!({"$ref": "#"})]
    {
        assert!(params(&schema).is_empty(), "{schema}");
    }
}
