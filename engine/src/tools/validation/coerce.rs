//! Values of the wrong type → the type the schema asks for, where nothing is lost.

use jsonschema::{JsonType, Validator, error::TypeKind, error::ValidationErrorKind};
use serde_json::{Number, Value};

use super::check::dotted;

/// Schemas that contradict themselves would go round for ever.
const ROUNDS: usize = 4;

/// Converts in place; says what it did, in the order of the data.
pub(super) fn coerce(validator: &Validator, data: &mut Value) -> Vec<String> {
    let mut warnings = Vec::new();
    for _ in 0..ROUNDS {
        let found: Vec<(String, Value)> = validator
            .iter_errors(data)
            .filter_map(|error| {
                let ValidationErrorKind::Type { kind } = error.kind() else { return None };
                let instance = error.instance();
                let converted = match kind {
                    TypeKind::Single(wanted) => convert(instance, *wanted),
                    TypeKind::Multiple(wanted) => wanted.iter().find_map(|wanted| convert(instance, wanted)),
                }?;
                Some((error.instance_path().as_str().to_owned(), converted))
            })
            .collect();
        if found.is_empty() {
            break;
        }
        for (pointer, converted) in found {
            let Some(place) = data.pointer_mut(&pointer) else { continue };
            let path = dotted(&pointer);
            let at = if path.is_empty() { String::new() } else { format!("`{path}`: ") };
            warnings.push(format!("{at}{place} was converted to {converted}"));
            *place = converted;
        }
    }
    warnings
}

fn convert(value: &Value, wanted: JsonType) -> Option<Value> {
    match (value, wanted) {
        (Value::String(text), JsonType::Integer) => {
            let text = text.trim();
            text.parse::<i64>().ok().map(Value::from).or_else(|| whole(text.parse().ok()?))
        }
        (Value::String(text), JsonType::Number) => {
            let text = text.trim();
            let number = text.parse::<i64>().ok().map(Number::from);
            number.or_else(|| Number::from_f64(text.parse().ok()?)).map(Value::Number)
        }
        (Value::String(text), JsonType::Boolean) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "off" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        (Value::String(text), JsonType::Null) => text.trim().is_empty().then_some(Value::Null),
        (Value::String(text), JsonType::Array) => serde_json::from_str(text).ok().filter(Value::is_array),
        (Value::String(text), JsonType::Object) => serde_json::from_str(text).ok().filter(Value::is_object),
        (Value::Number(number), JsonType::Integer) => whole(number.as_f64()?),
        (Value::Number(number), JsonType::Boolean) => match number.as_i64() {
            Some(0) => Some(Value::Bool(false)),
            Some(1) => Some(Value::Bool(true)),
            _ => None,
        },
        (Value::Bool(flag), JsonType::Integer | JsonType::Number) => Some(Value::from(i64::from(*flag))),
        (Value::Number(_) | Value::Bool(_), JsonType::String) => Some(Value::String(value.to_string())),
        _ => None,
    }
}

/// A number without a fraction that a float holds exactly.
fn whole(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then(|| Value::from(number as i64))
}
