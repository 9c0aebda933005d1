//! How long a `timeout` or a `delay` is.

use std::time::Duration;

use serde_json::Value;

/// Reads a number of seconds, or text like `500ms`, `30s`, `5m`, `1h`. `None` for anything else.
pub(crate) fn read(value: &Value) -> Option<Duration> {
    match value {
        Value::Number(number) => seconds(number.as_f64()?),
        Value::String(text) => {
            let text = text.trim();
            let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
            let number: f64 = text[..digits].parse().ok()?;
            let unit = match text[digits..].trim() {
                "" | "s" => 1.0,
                "ms" => 0.001,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return None,
            };
            seconds(number * unit)
        }
        _ => None,
    }
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_seconds_and_texts_have_units() {
        assert_eq!(read(&json!(2)), Some(Duration::from_secs(2)));
        assert_eq!(read(&json!(0.5)), Some(Duration::from_millis(500)));
        assert_eq!(read(&json!("500ms")), Some(Duration::from_millis(500)));
        assert_eq!(read(&json!("30s")), Some(Duration::from_secs(30)));
        assert_eq!(read(&json!("5m")), Some(Duration::from_mins(5)));
        assert_eq!(read(&json!("soon")), None);
        assert_eq!(read(&json!(-1)), None);
    }
}
