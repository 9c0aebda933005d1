//! Declared and given inputs → values, or every problem at once (contract §2.5).

use std::collections::{HashMap, HashSet};

use lang::{
    analysis::Analysis,
    model::{Input, InputForm},
    registry::did_you_mean,
    template::{self, Reading},
};
use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::Given;

/// Checked inputs.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    /// The values, in order of declaration.
    pub(super) values: Map<String, Value>,
    /// Names whose default holds a template, each after those it refers to.
    pub(super) templates: Vec<String>,
}

/// A declared input, free of the syntax tree.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Declared {
    pub(super) name: String,
    /// `type` as written.
    type_name: Option<String>,
    required: bool,
    pub(super) secret: bool,
    /// The value of the default, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::program::written")]
    default: Option<Value>,
    /// The declaration's own settings; none in the bare form, where the value is no declaration.
    settings: Map<String, Value>,
}

/// The inputs that the pipeline declares, in order.
pub(super) fn declared(analysis: &Analysis) -> Vec<Declared> {
    let value = |node| analysis.parse().tree.to_json(node).unwrap_or_default();
    let inputs = analysis.pipeline().inputs.iter();
    let declared = inputs.map(|(name, input)| Declared {
        name: name.clone(),
        type_name: input.type_name.as_ref().map(|name| name.value.clone()),
        required: input.required,
        secret: input.secret,
        default: input.default.map(value),
        settings: settings(analysis, input),
    });
    declared.collect()
}

pub(super) fn check(declared: &[Declared], given: &[(String, Given)]) -> Result<Inputs, Vec<String>> {
    let mut problems = Vec::new();
    let mut values: HashMap<&str, &Given> = HashMap::new();
    for (name, value) in given {
        if declared.iter().any(|input| input.name == *name) {
            values.insert(name, value);
        } else {
            problems.push(undeclared(name, declared.iter().map(|input| &*input.name)));
        }
    }
    let mut inputs = Inputs::default();
    let mut templates = Vec::new();
    for input in declared {
        let name = &input.name;
        match values.get(name.as_str()) {
            Some(given) => {
                let value = read(given, input);
                problems.extend(misfits(&value, input));
                inputs.values.insert(name.clone(), value);
            }
            None => match &input.default {
                Some(value) => {
                    if holds_template(value) {
                        templates.push(name.clone());
                    } else if !value.is_null() {
                        // A default of null says that the input may be left out.
                        problems.extend(misfits(value, input));
                    }
                    inputs.values.insert(name.clone(), value.clone());
                }
                None if input.required => {
                    problems.push(format!("input `{name}` is required; give it with `-i {name}=…`"));
                }
                None => {}
            },
        }
    }
    match in_order(&templates, &inputs.values) {
        Ok(order) => inputs.templates = order,
        Err(problem) => problems.push(problem),
    }
    if problems.is_empty() { Ok(inputs) } else { Err(problems) }
}

fn undeclared<'n>(name: &str, declared: impl Iterator<Item = &'n str> + Clone) -> String {
    if let Some(near) = did_you_mean(name, declared.clone()) {
        return format!("unknown input `{name}`; did you mean `{near}`?");
    }
    let names: Vec<String> = declared.map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        format!("unknown input `{name}`; this pipeline declares no inputs")
    } else {
        format!("unknown input `{name}`; this pipeline declares {}", names.join(", "))
    }
}

fn settings(analysis: &Analysis, input: &Input) -> Map<String, Value> {
    if input.form == InputForm::Bare {
        return Map::new();
    }
    match analysis.parse().tree.to_json(input.node) {
        Some(Value::Object(settings)) => settings,
        _ => Map::new(),
    }
}

fn read(given: &Given, input: &Declared) -> Value {
    match given {
        Given::Value(value) => value.clone(),
        Given::Text(text) if type_of(input) == Some("string") => Value::String(text.clone()),
        Given::Text(text) => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
    }
}

/// The declared type by its usual word; `None` = any.
fn type_of(input: &Declared) -> Option<&'static str> {
    let word = input.type_name.as_ref()?.to_lowercase();
    Some(match &*word {
        "string" | "str" | "text" => "string",
        "integer" | "int" => "integer",
        "number" | "float" | "double" => "number",
        "boolean" | "bool" => "boolean",
        "array" | "list" => "array",
        "object" | "dict" | "map" | "mapping" => "object",
        _ => return None,
    })
}

/// What is wrong with `value` for this declaration.
fn misfits(value: &Value, input: &Declared) -> Vec<String> {
    let Declared { name, settings, .. } = input;
    let shown = if input.secret { "the secret that was given".to_owned() } else { shown(value) };
    if let Some(wanted) = type_of(input)
        && !is(value, wanted)
    {
        let article = if matches!(wanted, "integer" | "array" | "object") { "an" } else { "a" };
        let hint = match wanted {
            "array" => format!("; write JSON, as in `-i {name}='[\"a\", \"b\"]'`"),
            "object" => format!("; write JSON, as in `-i {name}='{{\"key\": 1}}'`"),
            "boolean" => "; write `true` or `false`".to_owned(),
            _ => String::new(),
        };
        return vec![format!("input `{name}` must be {article} {wanted}, not {shown}{hint}")];
    }
    let mut problems = Vec::new();
    let choices = settings.get("enum").or_else(|| settings.get("choices")).and_then(Value::as_array);
    if let Some(choices) = choices
        && !choices.contains(value)
    {
        let texts: Vec<String> =
            choices.iter().map(|choice| choice.as_str().map_or(choice.to_string(), str::to_owned)).collect();
        let near = value.as_str().and_then(|text| did_you_mean(text, texts.iter().map(String::as_str)));
        let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
        let list: Vec<String> = texts.iter().map(|text| format!("`{text}`")).collect();
        problems.push(format!("input `{name}` must be one of {}, not {shown}{hint}", list.join(", ")));
    }
    let (lowest, highest) = limits(settings);
    if let Some(number) = value.as_f64() {
        if let Some(lowest) = lowest.filter(|lowest| number < *lowest) {
            problems.push(format!("input `{name}` must be at least {lowest}, not {shown}"));
        }
        if let Some(highest) = highest.filter(|highest| number > *highest) {
            problems.push(format!("input `{name}` must be at most {highest}, not {shown}"));
        }
    }
    if let (Some(pattern), Some(text)) = (settings.get("pattern").and_then(Value::as_str), value.as_str()) {
        match Regex::new(pattern) {
            Ok(regex) if !regex.is_match(text) => {
                problems.push(format!("input `{name}` must match `{pattern}`, not {shown}"));
            }
            Ok(_) => {}
            Err(_) => problems.push(format!("the pattern of input `{name}` is no regular expression: `{pattern}`")),
        }
    }
    problems
}

fn is(value: &Value, wanted: &str) -> bool {
    match wanted {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

/// `minimum`/`min`, `maximum`/`max`, and `range` as `[low, high]`, `{min, max}` or `low-high`.
fn limits(settings: &Map<String, Value>) -> (Option<f64>, Option<f64>) {
    let number = |settings: &Map<String, Value>, names: [&str; 2]| {
        names.iter().find_map(|name| settings.get(*name).and_then(Value::as_f64))
    };
    let mut low = number(settings, ["minimum", "min"]);
    let mut high = number(settings, ["maximum", "max"]);
    match settings.get("range") {
        Some(Value::Array(pair)) => {
            low = low.or_else(|| pair.first().and_then(Value::as_f64));
            high = high.or_else(|| pair.get(1).and_then(Value::as_f64));
        }
        Some(Value::Object(range)) => {
            low = low.or_else(|| number(range, ["minimum", "min"]));
            high = high.or_else(|| number(range, ["maximum", "max"]));
        }
        Some(Value::String(text)) => {
            if let Some((from, to)) = text.split_once("..").or_else(|| around_dash(text)) {
                low = low.or_else(|| from.trim().parse().ok());
                high = high.or_else(|| to.trim().parse().ok());
            }
        }
        _ => {}
    }
    (low, high)
}

/// The two numbers around the dash of `low-high`; a dash at the start is the sign of `low`.
fn around_dash(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let dash = text.char_indices().skip(1).find(|(_, c)| *c == '-')?.0;
    Some((&text[..dash], &text[dash + 1..]))
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), |text| format!("\"{text}\""));
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{short}`")
}

fn holds_template(value: &Value) -> bool {
    match value {
        Value::String(text) => !template::is_plain(text),
        Value::Array(items) => items.iter().any(holds_template),
        Value::Object(fields) => fields.values().any(holds_template),
        _ => false,
    }
}

/// Orders the names so that each comes after those its template uses, or names a cycle.
fn in_order(templates: &[String], values: &Map<String, Value>) -> Result<Vec<String>, String> {
    let uses: HashMap<&str, Vec<&str>> = templates
        .iter()
        .map(|name| {
            let mut roots = HashSet::new();
            collect_roots(&values[name], &mut roots);
            (name.as_str(), templates.iter().map(String::as_str).filter(|other| roots.contains(*other)).collect())
        })
        .collect();
    let mut done: Vec<&str> = Vec::new();
    let mut rest: Vec<&str> = templates.iter().map(String::as_str).collect();
    while !rest.is_empty() {
        let (ready, waiting): (Vec<&str>, Vec<&str>) =
            rest.iter().partition(|name| uses[**name].iter().all(|used| done.contains(used)));
        if ready.is_empty() {
            let names: Vec<String> = waiting.iter().map(|name| format!("`{name}`")).collect();
            return Err(format!(
                "the defaults of the inputs {} refer to each other in a circle; give one of them a value",
                names.join(", ")
            ));
        }
        done.extend(ready);
        rest = waiting;
    }
    Ok(done.into_iter().map(str::to_owned).collect())
}

/// The inputs a value's templates use: `x`, `inputs.x`, `parameters.x`.
fn collect_roots(value: &Value, roots: &mut HashSet<String>) {
    match value {
        Value::String(text) => {
            for reference in template::parse(text, Reading::Template).references {
                if matches!(&*reference.root, "inputs" | "parameters")
                    && let Some(template::AccessKind::Field(name)) = reference.path.first().map(|access| &access.kind)
                {
                    roots.insert(name.clone());
                }
                roots.insert(reference.root);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_roots(item, roots)),
        Value::Object(fields) => fields.values().for_each(|field| collect_roots(field, roots)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_range_may_have_limits_below_zero() {
        let range = |text: &str| limits(&Map::from_iter([("range".to_owned(), json!(text))]));
        assert_eq!(range("1-10"), (Some(1.0), Some(10.0)));
        assert_eq!(range("-5-10"), (Some(-5.0), Some(10.0)));
        assert_eq!(range("-10 - -5"), (Some(-10.0), Some(-5.0)));
    }
}
