//! The registry → the JSON Schema of a pipeline file.
//!
//! It is for editors without our server, so it says less than the rules do: unknown keys stay legal,
//! and every value may be a template or `<AUTO>` text.

use serde_json::{Map, Value, json};

use crate::registry::{
    ActionSpec, KeySpec, KeyStatus, OperationSource, OperationSpec, ParamSpec, Place, Registry, ToolSpec, ValueType,
    keys::keys,
};

/// The mappings that stand in `definitions`, with their names there.
const DEFINITIONS: [(Place, &str); 11] = [
    (Place::Step, "step"),
    (Place::Input, "input"),
    (Place::Output, "output"),
    (Place::LoopItem, "loopItem"),
    (Place::Queue, "queue"),
    (Place::ErrorHandler, "errorHandler"),
    (Place::Retry, "retry"),
    (Place::RequiresModel, "requiresModel"),
    (Place::Permissions, "permissions"),
    (Place::Budget, "budget"),
    (Place::Config, "config"),
];

/// Keys whose mapping has a name for each entry rather than known keys.
const NAMED: [&str; 3] = ["inputs", "parameters", "outputs"];

/// A step has one of these.
const STEP_KINDS: [&str; 8] =
    ["action", "tool", "for_each", "foreach", "while", "until", "action_loop", "create_parallel_queue"];

/// The JSON Schema (draft-07) of a pipeline file, for editors without our server.
pub fn pipeline_schema(registry: &Registry) -> Value {
    let mut definitions = Map::new();
    definitions.insert("template".to_owned(), template());
    for (place, name) in DEFINITIONS {
        let mut definition = mapping(place);
        if matches!(place, Place::Step | Place::LoopItem) {
            specialise(&mut definition, registry, place == Place::Step);
        }
        definitions.insert(name.to_owned(), Value::Object(definition));
    }
    for tool in registry.tools.values() {
        for operation in &tool.operations {
            definitions.insert(definition_name(tool, operation), parameters(&operation.params, true, ""));
        }
    }
    for action in offered(registry) {
        definitions.insert(action_definition(action), parameters(&action.params, true, ""));
    }
    let mut root = Map::new();
    root.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
    root.insert("title".to_owned(), json!("orc pipeline"));
    root.insert("description".to_owned(), json!("A pipeline of steps: tools, model calls, loops and conditions."));
    root.extend(mapping(Place::Pipeline));
    root.insert("anyOf".to_owned(), json!([{"required": ["name"]}, {"required": ["id"]}]));
    root.insert("definitions".to_owned(), Value::Object(definitions));
    Value::Object(root)
}

/// Text that is a value only when the pipeline runs.
fn template() -> Value {
    json!({"type": "string", "pattern": "\\{\\{|\\{%|<<|<AUTO"})
}

fn mapping(place: Place) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("type".to_owned(), json!("object"));
    let required: Vec<&str> = keys(place).iter().filter(|key| key.required).map(|key| key.name).collect();
    if !required.is_empty() {
        map.insert("required".to_owned(), json!(required));
    }
    let properties = keys(place).iter().map(|spec| (spec.name.to_owned(), key(place, spec)));
    map.insert("properties".to_owned(), Value::Object(properties.collect()));
    map
}

fn key(place: Place, spec: &KeySpec) -> Value {
    let mut map = Map::new();
    describe(&mut map, spec.doc);
    match spec.status {
        KeyStatus::Live | KeyStatus::Inert => {}
        KeyStatus::Deprecated { instead } => {
            map.insert("deprecationMessage".to_owned(), json!(format!("write `{instead}`")));
        }
        KeyStatus::NoEffect { instead } => {
            map.insert("deprecationMessage".to_owned(), json!(format!("has no effect; use {instead}")));
        }
    }
    if let Some(default) = spec.default {
        map.insert("default".to_owned(), plain(default, spec.types));
    }
    let alternatives = alternatives(place, spec);
    if !alternatives.is_empty() {
        map.insert("anyOf".to_owned(), Value::Array(alternatives));
    }
    Value::Object(map)
}

/// What the key's value may be; empty means anything.
fn alternatives(place: Place, spec: &KeySpec) -> Vec<Value> {
    let mut any = Vec::new();
    if !spec.choices.is_empty() {
        any.push(json!({"enum": spec.choices}));
    } else if let Some(below) = spec.below.and_then(reference) {
        let entries = json!({"if": {"type": "object"}, "then": below});
        let named = place == Place::Pipeline && NAMED.contains(&spec.name);
        let has = |value_type| spec.types.contains(&value_type);
        if named {
            any.push(json!({"type": "object", "additionalProperties": entries}));
            any.push(json!({"type": "array", "items": entries}));
        } else if has(ValueType::Object) {
            any.push(below.clone());
        }
        if has(ValueType::Array) {
            any.push(json!({"type": "array", "items": below}));
        }
        let scalars: Vec<ValueType> =
            spec.types.iter().filter(|t| !matches!(t, ValueType::Object | ValueType::Array)).copied().collect();
        if !scalars.is_empty() {
            any.push(json!({"type": scalars}));
        }
    } else if spec.types.is_empty() {
        return any;
    } else {
        any.push(json!({"type": spec.types}));
    }
    if spec.templated && !spec.types.contains(&ValueType::String) {
        any.push(json!({"$ref": "#/definitions/template"}));
    }
    any
}

fn reference(place: Place) -> Option<Value> {
    let (_, name) = DEFINITIONS.iter().find(|(of, _)| *of == place)?;
    Some(json!({"$ref": format!("#/definitions/{name}")}))
}

/// Completes `tool` and `action`, and looks at the parameters of what they mean together.
fn specialise(definition: &mut Map<String, Value>, registry: &Registry, whole_step: bool) {
    let tools: Vec<&str> = registry.tools.keys().map(String::as_str).collect();
    let actions: Vec<&str> = offered(registry).map(|action| action.name.as_str()).collect();
    for (name, values) in [("tool", tools), ("action", actions)] {
        if let Some(Value::Object(property)) = definition.get_mut("properties").and_then(|all| all.get_mut(name)) {
            property.insert("anyOf".to_owned(), json!([{"enum": values}, {"type": "string"}]));
        }
    }
    let mut cases: Vec<Value> = registry.tools.values().flat_map(tool_cases).collect();
    cases.extend(offered(registry).map(action_case));
    if whole_step {
        let needed = STEP_KINDS.map(|key| json!({"required": [key]}));
        cases.push(json!({"anyOf": needed}));
    }
    definition.insert("allOf".to_owned(), Value::Array(cases));
}

fn tool_cases(tool: &ToolSpec) -> Vec<Value> {
    let is_tool = |more: Value| {
        let mut properties = json!({"tool": {"const": tool.name}});
        if let (Value::Object(all), Value::Object(more)) = (&mut properties, more) {
            all.extend(more);
        }
        properties
    };
    let holds =
        |operation: &OperationSpec| json!({"$ref": format!("#/definitions/{}", definition_name(tool, operation))});
    let mut about = Map::new();
    describe(&mut about, &tool.doc);
    let mut cases = Vec::new();
    match tool.operation_source {
        OperationSource::Single => {
            let parameters = tool.operations.first().map(holds);
            cases.push(json!({
                "if": {"properties": is_tool(json!({})), "required": ["tool"]},
                "then": {"properties": {"tool": about, "parameters": parameters}}
            }));
        }
        OperationSource::Action => {
            let names: Vec<&str> = tool.operations.iter().map(|operation| operation.name.as_str()).collect();
            cases.push(json!({
                "if": {"properties": is_tool(json!({})), "required": ["tool"]},
                "then": {"properties": {"tool": about, "action": {"anyOf": [
                    {"enum": names}, {"$ref": "#/definitions/template"}, {"const": tool.name}, {"const": "execute"}]}}}
            }));
            for operation in &tool.operations {
                cases.push(json!({
                    "if": {"properties": is_tool(json!({"action": {"const": operation.name}})), "required": ["tool", "action"]},
                    "then": {"properties": {"action": {"description": operation.doc}, "parameters": holds(operation)}}
                }));
            }
        }
        OperationSource::Parameter(name) => {
            let names: Vec<&str> = tool.operations.iter().map(|operation| operation.name.as_str()).collect();
            let chosen = json!({name: {"anyOf": [{"enum": names}, {"$ref": "#/definitions/template"}]}});
            cases.push(json!({
                "if": {"properties": is_tool(json!({})), "required": ["tool"]},
                "then": {"properties": {"tool": about, "parameters": {"properties": chosen}}}
            }));
            for operation in &tool.operations {
                let named = json!({"parameters": {"type": "object", "required": [name],
                    "properties": {name: {"const": operation.name}}}});
                cases.push(json!({
                    "if": {"properties": is_tool(named), "required": ["tool", "parameters"]},
                    "then": {"properties": {"parameters": holds(operation)}}
                }));
            }
        }
    }
    cases
}

fn action_case(action: &ActionSpec) -> Value {
    let mut about = Map::new();
    describe(&mut about, &action.doc);
    json!({
        "if": {"properties": {"action": {"const": action.name}}, "required": ["action"], "not": {"required": ["tool"]}},
        "then": {"properties": {
            "action": about,
            "parameters": {"$ref": format!("#/definitions/{}", action_definition(action))}
        }}
    })
}

fn offered(registry: &Registry) -> impl Iterator<Item = &ActionSpec> {
    registry.actions.values().filter(|action| !action.internal)
}

fn definition_name(tool: &ToolSpec, operation: &OperationSpec) -> String {
    format!("{}.{}", tool.name, operation.name)
}

fn action_definition(action: &ActionSpec) -> String {
    format!("action.{}", action.name)
}

/// An object with `params`. Required ones may be given by an old name, or by what stands in their place.
fn parameters(params: &[ParamSpec], open: bool, doc: &str) -> Value {
    let mut map = Map::new();
    describe(&mut map, doc);
    map.insert("type".to_owned(), json!("object"));
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut either = Vec::new();
    for spec in params {
        properties.insert(spec.name.clone(), param(spec));
        for alias in &spec.aliases {
            let mut old = param(spec);
            if let Value::Object(old) = &mut old {
                old.insert("deprecationMessage".to_owned(), json!(format!("write `{}`", spec.name)));
            }
            properties.insert(alias.clone(), old);
        }
        if spec.required && spec.aliases.is_empty() && spec.instead.is_none() {
            required.push(spec.name.as_str());
        } else if spec.required {
            let names = std::iter::once(&spec.name).chain(&spec.aliases).chain(&spec.instead);
            either.push(json!({"anyOf": names.map(|name| json!({"required": [name]})).collect::<Vec<_>>()}));
        }
        if let Some(other) = &spec.instead {
            either.push(json!({"not": {"required": [spec.name, other]}}));
        }
    }
    if !required.is_empty() {
        map.insert("required".to_owned(), json!(required));
    }
    if !either.is_empty() {
        map.insert("allOf".to_owned(), Value::Array(either));
    }
    map.insert("properties".to_owned(), Value::Object(properties));
    if !open {
        map.insert("additionalProperties".to_owned(), json!(false));
    }
    Value::Object(map)
}

fn param(spec: &ParamSpec) -> Value {
    let mut map = Map::new();
    describe(&mut map, &spec.doc);
    if let Some(default) = &spec.default {
        map.insert("default".to_owned(), default.clone());
    }
    if let Some(reason) = &spec.deprecated {
        map.insert("deprecationMessage".to_owned(), json!(reason));
    }
    if !spec.types.is_empty() || !spec.choices.is_empty() {
        let mut any = vec![literal(spec)];
        if !spec.types.contains(&ValueType::String) || !spec.choices.is_empty() {
            any.push(json!({"$ref": "#/definitions/template"}));
        }
        map.insert("anyOf".to_owned(), Value::Array(any));
    }
    Value::Object(map)
}

/// The parameter's value where it is no template.
fn literal(spec: &ParamSpec) -> Value {
    let mut map = Map::new();
    if !spec.choices.is_empty() {
        map.insert("enum".to_owned(), json!(spec.choices));
        return Value::Object(map);
    }
    map.insert("type".to_owned(), json!(spec.types));
    if let Some(minimum) = spec.range.0 {
        map.insert("minimum".to_owned(), json!(minimum));
    }
    if let Some(maximum) = spec.range.1 {
        map.insert("maximum".to_owned(), json!(maximum));
    }
    if let Some(items) = &spec.items {
        map.insert("items".to_owned(), param(items));
    }
    if !spec.fields.is_empty()
        && let Value::Object(members) = parameters(&spec.fields, true, "")
    {
        map.extend(members.into_iter().filter(|(name, _)| name != "type"));
    }
    Value::Object(map)
}

/// The text, for editors that read Markdown and those that do not.
fn describe(map: &mut Map<String, Value>, doc: &str) {
    if !doc.is_empty() {
        map.insert("description".to_owned(), json!(doc));
        if doc.contains('`') {
            map.insert("markdownDescription".to_owned(), json!(doc));
        }
    }
}

/// A default as it stands in the table of keys, as a value of the key's type.
fn plain(yaml: &str, types: &[ValueType]) -> Value {
    if types.contains(&ValueType::String) && !types.contains(&ValueType::Integer) {
        return json!(yaml);
    }
    serde_json::from_str(yaml).unwrap_or_else(|_| json!(yaml))
}
