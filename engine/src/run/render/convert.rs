//! Between template values and JSON, and from either to text.

use minijinja::{
    Error, ErrorKind, Value,
    value::{Serde, ValueKind},
};
use serde_json::{Map, Number, Value as Json};

use super::step_value::{Absent, Aliased, StepValue};

/// A JSON value as templates see it.
pub(crate) fn from_json(value: &Json) -> Value {
    Value::from(Serde(value))
}

/// Whether a value stands for nothing: undefined, or of a step that was skipped.
pub(crate) fn is_absent(value: &Value) -> bool {
    value.is_undefined()
        || value.downcast_object_ref::<Absent>().is_some()
        || value.downcast_object_ref::<StepValue>().is_some_and(StepValue::is_skipped)
}

/// A template value as JSON. A bare step is what it stands for; nothing undefined gets through.
pub(crate) fn to_json(value: &Value) -> Result<Json, Error> {
    if let Some(step) = value.downcast_object_ref::<StepValue>() {
        return if step.is_skipped() { to_json(step.nothing()) } else { to_json(&step.plain()) };
    }
    if let Some(aliased) = value.downcast_object_ref::<Aliased>() {
        return to_json(aliased.whole());
    }
    if let Some(absent) = value.downcast_object_ref::<Absent>() {
        return Err(Error::new(
            ErrorKind::UndefinedError,
            format!("{}, so it has no result; guard it with `default(…)` or `is defined`", absent.why),
        ));
    }
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => number(value)?,
        ValueKind::String => Json::String(value.to_str().map_or_else(|| value.to_string(), |text| text.to_string())),
        ValueKind::Seq | ValueKind::Iterable => {
            Json::Array(value.try_iter()?.map(|item| to_json(&item)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let mut fields = Map::new();
            for key in value.try_iter()? {
                let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                fields.insert(name, to_json(&value.get_item(&key)?)?);
            }
            Json::Object(fields)
        }
        _ => Json::String(value.to_string()),
    })
}

/// The text a value prints as: text as it is, lists and mappings as JSON.
pub(crate) fn text_of(value: &Value) -> Result<String, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.to_owned());
    }
    if is_absent(value) && !value.is_undefined() {
        return to_json(value).map(|json| json_text(&json));
    }
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => match to_json(value)? {
            Json::String(text) => Ok(text),
            Json::Null => Ok("None".to_owned()),
            json => Ok(json_text(&json)),
        },
        _ => Ok(value.to_string()),
    }
}

/// JSON on one line with a blank after `,` and `:`.
pub(crate) fn json_text(value: &Json) -> String {
    let mut text = String::new();
    write_json(value, &mut text);
    text
}

fn write_json(value: &Json, text: &mut String) {
    match value {
        Json::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                write_json(item, text);
            }
            text.push(']');
        }
        Json::Object(fields) => {
            text.push('{');
            for (index, (key, field)) in fields.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                text.push_str(&Json::from(key.as_str()).to_string());
                text.push_str(": ");
                write_json(field, text);
            }
            text.push('}');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// JSON knows no infinity, and neither it nor a store keeps integers beyond 64 bits.
fn number(value: &Value) -> Result<Json, Error> {
    let unfit = |why: &str| Error::new(ErrorKind::InvalidOperation, format!("the number {value} {why}"));
    if value.is_integer() {
        if let Some(number) = value.as_i64() {
            return Ok(Json::from(number));
        }
        return u64::try_from(value.clone()).map(Json::from).map_err(|_| unfit("does not fit into 64 bits"));
    }
    let number = f64::try_from(value.clone())?;
    Number::from_f64(number).map(Json::Number).ok_or_else(|| unfit("is not finite, so it is no result"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn numbers_that_json_cannot_hold_are_errors() {
        assert_eq!(to_json(&Value::from(u64::MAX)).unwrap(), Json::from(u64::MAX));
        assert_eq!(to_json(&Value::from(1.5)).unwrap(), Json::from(1.5));
        assert!(to_json(&Value::from(f64::NAN)).is_err());
        assert!(to_json(&Value::from(f64::INFINITY)).is_err());
        assert!(to_json(&Value::from(u128::from(u64::MAX) + 1)).is_err());
    }
}
