//! Filters and tests over any value: those the language has beyond minijinja's, and those that mean
//! something else here (reference §4.2).

use minijinja::{
    Environment, Error, ErrorKind, Value,
    value::{Kwargs, ValueKind},
};
use serde_json::Value as Json;

use super::convert::{is_absent, text_of, to_json};

/// Names minijinja has and the language has not.
const FOREIGN_FILTERS: [&str; 4] = ["bool", "chain", "lines", "zip"];

pub(super) fn add(environment: &mut Environment<'static>) {
    for name in FOREIGN_FILTERS {
        environment.remove_filter(name);
    }
    environment.add_filter("default", default);
    environment.add_filter("d", default);
    environment.add_filter("length", length);
    environment.add_filter("count", length);
    environment.add_filter("int", int);
    environment.add_filter("float", float);
    environment.add_filter("round", round);
    environment.add_filter("join", join);
    environment.add_filter("last", last);
    environment.add_filter("split", split);
    environment.add_filter("string", |value: &Value| text_of(value));
    environment.add_filter("tojson", tojson);
    for name in ["to_json", "json_encode", "json"] {
        environment.add_filter(name, pretty_json);
    }
    environment.add_filter("from_json", parse_json);
    environment.add_filter("loop_get", |items: Value, index: i64| item_at(&items, index));
    environment.add_filter("next_in_loop", |items: Value, index: i64| item_at(&items, index.saturating_add(1)));
    environment.add_filter("prev_in_loop", |items: Value, index: i64| item_at(&items, index.saturating_sub(1)));
    environment.add_filter("random", random);
    environment.add_filter("shell_raw", |value: &Value| super::command::raw(value));

    environment.add_test("defined", |value: &Value| !is_absent(value));
    environment.add_test("undefined", |value: &Value| is_absent(value));
    environment.add_test("callable", |value: &Value| value.kind() == ValueKind::Plain && value.as_object().is_some());
    environment.add_test("divisibleby", |value: i128, by: i128| by != 0 && value % by == 0);
}

/// `default(value, fallback="", boolean=false)`: also for what a skipped step would have given.
fn default(value: Value, fallback: Option<Value>, boolean: Option<bool>, options: Kwargs) -> Result<Value, Error> {
    let fallback = fallback.or(options.get("default_value")?).unwrap_or_else(|| Value::from(""));
    let boolean = boolean.or(options.get("boolean")?).unwrap_or(false);
    options.assert_all_used()?;
    Ok(if is_absent(&value) || (boolean && !value.is_true()) { fallback } else { value })
}

/// A bare step counts as what it stands for.
fn plain(value: &Value) -> Result<Value, Error> {
    match value.downcast_object_ref::<super::StepValue>() {
        Some(step) if !step.is_skipped() => Ok(step.plain()),
        _ if is_absent(value) => text_of(value).map(Value::from),
        _ => Ok(value.clone()),
    }
}

fn length(value: &Value) -> Result<usize, Error> {
    let value = plain(value)?;
    if let Some(text) = value.as_str() {
        return Ok(text.chars().count());
    }
    value.len().ok_or_else(|| invalid(format!("a {} has no length", value.kind())))
}

fn int(value: &Value) -> Result<Value, Error> {
    let value = plain(value)?;
    if let Some(text) = value.as_str() {
        let digits = text.trim().replace('_', "");
        return digits
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| invalid(format!("the text `{text}` is no whole number")));
    }
    match value.kind() {
        ValueKind::Bool => Ok(Value::from(i64::from(value.is_true()))),
        ValueKind::Number if value.is_integer() => Ok(value),
        ValueKind::Number => {
            let number = f64::try_from(value)?.trunc();
            if number.abs() < 9.0e18 {
                Ok(Value::from(number as i64))
            } else {
                Err(invalid("the number is too large".to_owned()))
            }
        }
        kind => Err(invalid(format!("a {kind} is no number"))),
    }
}

fn float(value: &Value) -> Result<f64, Error> {
    let value = plain(value)?;
    if let Some(text) = value.as_str() {
        return text.trim().parse().map_err(|_| invalid(format!("the text `{text}` is no number")));
    }
    match value.kind() {
        ValueKind::Bool => Ok(f64::from(u8::from(value.is_true()))),
        ValueKind::Number => f64::try_from(value),
        kind => Err(invalid(format!("a {kind} is no number"))),
    }
}

/// Python's `round`: to even; without digits a whole number comes out.
fn round(value: &Value, digits: Option<i32>, options: Kwargs) -> Result<Value, Error> {
    let digits = digits.or(options.get("precision")?).or(options.get("ndigits")?);
    options.assert_all_used()?;
    if value.is_integer() && digits.is_none_or(|digits| digits >= 0) {
        return Ok(value.clone());
    }
    if value.kind() != ValueKind::Number {
        return Err(invalid(format!("a {} cannot be rounded; make it a number with `float` first", value.kind())));
    }
    let number = f64::try_from(value.clone())?;
    match digits {
        None => Ok(Value::from(number.round_ties_even() as i64)),
        Some(digits) if digits < 0 => {
            let unit = 10_f64.powi(-digits.max(-300));
            Ok(Value::from((number / unit).round_ties_even() * unit))
        }
        // Printing rounds by the exact binary value, as Python does.
        Some(digits) => {
            Ok(Value::from(format!("{number:.*}", digits.min(300) as usize).parse::<f64>().unwrap_or(number)))
        }
    }
}

fn join(value: &Value, separator: Option<&str>) -> Result<String, Error> {
    let value = plain(value)?;
    if !value.is_true() {
        return Ok(String::new());
    }
    let items: Vec<String> = match value.as_str() {
        Some(text) => text.chars().map(String::from).collect(),
        None => value.try_iter()?.map(|item| text_of(&item)).collect::<Result<_, _>>()?,
    };
    Ok(items.join(separator.unwrap_or(", ")))
}

fn last(value: &Value) -> Result<Value, Error> {
    let value = plain(value)?;
    if let Some(text) = value.as_str() {
        return Ok(text.chars().next_back().map_or(Value::from(()), |last| Value::from(last.to_string())));
    }
    Ok(value.try_iter()?.last().unwrap_or_else(|| Value::from(())))
}

fn split(value: &Value, separator: Option<&str>) -> Vec<String> {
    match plain(value).ok().as_ref().and_then(Value::as_str) {
        Some(text) => text.split(separator.unwrap_or(" ")).map(str::to_owned).collect(),
        None => Vec::new(),
    }
}

/// Jinja's `tojson`: sorted keys, safe inside HTML.
fn tojson(value: &Value, indent: Option<usize>, options: Kwargs) -> Result<Value, Error> {
    let indent = indent.or(options.get("indent")?);
    options.assert_all_used()?;
    let mut json = to_json(value)?;
    json.sort_all_objects();
    let text = match indent {
        Some(indent) => indented(&json, indent)?,
        None => super::convert::json_text(&json),
    };
    let safe = text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026").replace('\'', "\\u0027");
    Ok(Value::from_safe_string(safe))
}

fn pretty_json(value: &Value) -> Result<String, Error> {
    indented(&to_json(value)?, 2)
}

fn indented(json: &Json, indent: usize) -> Result<String, Error> {
    let indent = " ".repeat(indent.min(16));
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(indent.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    serde::Serialize::serialize(json, &mut serializer).map_err(|error| invalid(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| invalid(error.to_string()))
}

fn parse_json(value: &Value) -> Result<Value, Error> {
    let value = plain(value)?;
    let parsed = value.as_str().and_then(|text| serde_json::from_str::<Json>(text).ok());
    Ok(parsed.map_or(value, |json| super::from_json(&json)))
}

fn item_at(items: &Value, index: i64) -> Result<Value, Error> {
    let items: Vec<Value> = items.try_iter()?.collect();
    let found = usize::try_from(index).ok().and_then(|index| items.get(index));
    Ok(found.cloned().unwrap_or_else(|| Value::from(())))
}

fn random(value: &Value) -> Result<Value, Error> {
    use std::hash::{BuildHasher, RandomState};
    let items: Vec<Value> = plain(value)?.try_iter()?.collect();
    if items.is_empty() {
        return Ok(Value::UNDEFINED);
    }
    let drawn = RandomState::new().hash_one(items.len()) as usize;
    Ok(items[drawn % items.len()].clone())
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}
