//! The settings of the editor: a page, and what VS Code is told of them, both from
//! `server::config::Settings`.

use std::fmt::Write;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};
use server::config::Settings;

use super::markdown::values;
use crate::support::{committed, root, updates};

/// One setting: its name with dots, and its schema.
struct Setting {
    name: String,
    schema: Value,
}

fn settings() -> Vec<Setting> {
    let generator = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut found = Vec::new();
    flatten("orc", &generator.into_root_schema_for::<Settings>().to_value(), &mut found);
    found
}

/// A mapping with named members is no setting of its own; its members are.
fn flatten(name: &str, schema: &Value, found: &mut Vec<Setting>) {
    match schema["properties"].as_object() {
        Some(members) => members.iter().for_each(|(key, member)| flatten(&format!("{name}.{key}"), member, found)),
        None => found.push(Setting { name: name.to_owned(), schema: schema.clone() }),
    }
}

/// The values of a closed list with what each means.
fn choices(schema: &Value) -> Vec<(&str, &str)> {
    let variants = schema["oneOf"].as_array().into_iter().flatten();
    variants.map(|it| (it["const"].as_str().unwrap(), it["description"].as_str().unwrap())).collect()
}

/// A schema in the words of VS Code's settings.
fn contributed(schema: &Value) -> Map<String, Value> {
    let mut out = Map::new();
    let choices = choices(schema);
    if choices.is_empty() {
        out.insert("type".to_owned(), schema["type"].clone());
    } else {
        out.insert("type".to_owned(), json!("string"));
        out.insert("enum".to_owned(), choices.iter().map(|(value, _)| *value).collect());
        out.insert("enumDescriptions".to_owned(), choices.iter().map(|(_, doc)| *doc).collect());
    }
    for key in ["minimum", "maximum"] {
        if let Some(value) = schema.get(key) {
            out.insert(key.to_owned(), value.clone());
        }
    }
    match schema.get("additionalProperties") {
        Some(Value::Bool(more)) => drop(out.insert("additionalProperties".to_owned(), json!(more))),
        Some(values) => drop(out.insert("additionalProperties".to_owned(), contributed(values).into())),
        None => {}
    }
    if let Some(items) = schema.get("items") {
        out.insert("items".to_owned(), contributed(items).into());
    }
    if let Some(members) = schema["properties"].as_object() {
        let member = |(name, member): (&String, &Value)| {
            let mut own = contributed(member);
            own.insert("markdownDescription".to_owned(), member["description"].clone());
            (name.clone(), own.into())
        };
        out.insert("properties".to_owned(), Value::Object(members.iter().map(member).collect()));
        out.insert("required".to_owned(), schema["required"].clone());
    }
    out
}

pub(super) fn page() -> String {
    let mut out = "# Settings\n\nAn editor sends them in the section `orc`.\nIn VS Code they stand in `settings.json` under the names below; in Neovim they are the members of `settings` in `require('orc').setup{…}`, without `orc.`.\n".to_owned();
    for Setting { name, schema } in settings() {
        let contributed = contributed(&schema);
        let types = contributed["type"].as_array().map_or_else(|| vec![&contributed["type"]], |it| it.iter().collect());
        let types: Vec<&str> = types.into_iter().map(|kind| kind.as_str().unwrap()).collect();
        let _ = write!(out, "\n## `{name}`\n\n{}, default `{}`", types.join(" or "), schema["default"]);
        if let (Some(low), Some(high)) = (contributed.get("minimum"), contributed.get("maximum")) {
            let _ = write!(out, ", {low} to {high}");
        }
        let _ = writeln!(out, ".\n\n{}", schema["description"].as_str().unwrap());
        let members = schema["items"]["properties"].as_object().into_iter().flatten();
        for (index, (member, schema)) in members.enumerate() {
            let start = if index == 0 { "\n" } else { "" };
            let _ = writeln!(out, "{start}- `{member}`: {}", schema["description"].as_str().unwrap());
        }
        let members = schema.get("additionalProperties").map(choices).unwrap_or_default();
        for (index, (value, doc)) in choices(&schema).into_iter().chain(members).enumerate() {
            let _ = writeln!(out, "{}- {}: {doc}", if index == 0 { "\n" } else { "" }, values([value]));
        }
    }
    out
}

#[test]
fn vs_code_is_told_of_these_settings() {
    let path = root().join("editors/vscode/package.json");
    let text = committed(&path);
    let mut manifest: Value = serde_json::from_str(&text).unwrap();
    let told = manifest["contributes"]["configuration"]["properties"].as_object_mut().unwrap();
    let mut fresh = Map::new();
    for Setting { name, schema } in settings() {
        let mut own = contributed(&schema);
        own.insert("default".to_owned(), schema["default"].clone());
        // Where a setting may be made is VS Code's own matter.
        let scope = told.get(&name).and_then(|old| old.get("scope")).cloned();
        own.insert("scope".to_owned(), scope.unwrap_or_else(|| json!("window")));
        own.insert("markdownDescription".to_owned(), schema["description"].clone());
        fresh.insert(name, own.into());
    }
    *told = fresh;
    let fresh = format!("{manifest:#}\n");
    if updates() && fresh != text {
        std::fs::write(&path, fresh).unwrap();
        return;
    }
    assert!(fresh == text, "the settings in editors/vscode/package.json are stale; UPDATE_EXPECT=1 rewrites them");
}
