//! A cell's value: when it is missing, which number it is, how two compare.

use std::cmp::Ordering;

use serde_json::Value;

/// A number as it was written: whole numbers stay exact.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Number {
    /// A whole number.
    Whole(i64),
    /// Any other.
    Real(f64),
}

impl Number {
    /// As a floating point number.
    pub(super) fn real(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Real(number) => number,
        }
    }

    /// As a JSON value.
    pub(super) fn value(self) -> Value {
        match self {
            Self::Whole(number) => Value::from(number),
            Self::Real(number) => Value::from(number),
        }
    }
}

/// Nothing, null or empty text.
pub(super) fn is_missing(cell: Option<&Value>) -> bool {
    match cell {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.trim().is_empty(),
        Some(_) => false,
    }
}

/// The number a cell is, or spells.
pub(super) fn number(cell: &Value) -> Option<Number> {
    match cell {
        Value::Number(number) => number.as_i64().map(Number::Whole).or_else(|| number.as_f64().map(Number::Real)),
        Value::String(text) => spelled(text.trim()),
        _ => None,
    }
}

fn spelled(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse() {
        return Some(Number::Whole(whole));
    }
    // `nan` and `inf` are words, not numbers.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|real: &f64| digits && real.is_finite()).map(Number::Real)
}

/// Whether two cells have the same value. Text counts as the number or truth value it is compared with.
pub(super) fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::String(left), Value::String(right)) => left == right,
        (Value::Number(_), Value::Number(_) | Value::String(_)) | (Value::String(_), Value::Number(_)) => {
            compare(left, right) == Some(Ordering::Equal)
        }
        (Value::Bool(truth), Value::String(text)) | (Value::String(text), Value::Bool(truth)) => {
            truth_of(text) == Some(*truth)
        }
        _ if is_missing(Some(left)) => is_missing(Some(right)),
        _ => left == right,
    }
}

/// The truth value a text spells.
pub(super) fn truth_of(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Some(true),
        "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// The order of two cells: as numbers where both are one, else as text; `None` if they have no order.
pub(super) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return order(left, right);
    }
    match (left, right) {
        (Value::String(left), Value::String(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// The order of two numbers.
pub(super) fn order(left: Number, right: Number) -> Option<Ordering> {
    match (left, right) {
        (Number::Whole(left), Number::Whole(right)) => Some(left.cmp(&right)),
        _ => left.real().partial_cmp(&right.real()),
    }
}

/// What a group has in common: equal for equal values. `1` and `1.0` are equal, `1` and `"1"` are not.
pub(super) fn key(cell: Option<&Value>) -> String {
    match cell {
        None => "null".to_owned(),
        Some(Value::Number(number)) => match number.as_f64() {
            Some(real) if real.fract() == 0.0 && real.abs() < 9e15 => format!("{real:.0}"),
            _ => number.to_string(),
        },
        Some(cell) => cell.to_string(),
    }
}

/// A cell as a message shows it.
pub(super) fn shown(cell: &Value) -> String {
    const LONGEST: usize = 40;
    let text = match cell {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn text_spells_numbers_but_words_do_not() {
        assert_eq!(number(&json!(" 42 ")), Some(Number::Whole(42)));
        assert_eq!(number(&json!("-1.5e2")), Some(Number::Real(-150.0)));
        for word in ["", "nan", "inf", "infinity", "1,000", "12 kg"] {
            assert_eq!(number(&json!(word)), None, "{word}");
        }
        assert_eq!(number(&json!(true)), None);
    }

    #[test]
    fn equality_reads_text_as_what_it_is_compared_with() {
        assert!(same(&json!("120.0"), &json!(120)));
        assert!(same(&json!("True"), &json!(true)));
        assert!(same(&json!(""), &json!(null)));
        assert!(!same(&json!("120.0"), &json!("120")));
        assert!(!same(&json!("abc"), &json!(true)));
    }

    #[test]
    fn order_is_numeric_where_both_are_numbers() {
        assert_eq!(compare(&json!("9"), &json!("10")), Some(Ordering::Less));
        assert_eq!(compare(&json!("2024-02-01"), &json!("2024-01-31")), Some(Ordering::Greater));
        assert_eq!(compare(&json!("abc"), &json!(1)), None);
        assert_eq!(compare(&json!(9007199254740993_i64), &json!(9007199254740992_i64)), Some(Ordering::Greater));
    }
}
