//! An instant as templates see it: `now()`, and what `date` formats.

use std::{fmt, sync::Arc};

use jiff::{Timestamp, civil, tz::TimeZone};
use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Enumerator, Object, ObjectRepr},
};

/// A moment in UTC.
#[derive(Debug, Clone)]
pub(crate) struct DateTime(civil::DateTime);

impl DateTime {
    pub(crate) fn now() -> Self {
        Self(TimeZone::UTC.to_datetime(Timestamp::now()))
    }

    /// Reads `now`, an RFC 3339 instant, or a date with or without a time.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("now") {
            return Some(Self::now());
        }
        if let Ok(instant) = text.parse::<Timestamp>() {
            return Some(Self(TimeZone::UTC.to_datetime(instant)));
        }
        text.parse::<civil::DateTime>()
            .or_else(|_| text.parse::<civil::Date>().map(|date| date.at(0, 0, 0, 0)))
            .ok()
            .map(Self)
    }

    /// Formats by `strftime` directives.
    pub(crate) fn format(&self, format: &str) -> Result<String, Error> {
        let zoned = self.0.to_zoned(TimeZone::UTC).map_err(|error| invalid(error.to_string()))?;
        jiff::fmt::strtime::format(format, &zoned)
            .map_err(|error| invalid(format!("the date format `{format}` is not understood: {error}")))
    }
}

impl Object for DateTime {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        Some(match key.as_str()? {
            "year" => Value::from(self.0.year()),
            "month" => Value::from(self.0.month()),
            "day" => Value::from(self.0.day()),
            "hour" => Value::from(self.0.hour()),
            "minute" => Value::from(self.0.minute()),
            "second" => Value::from(self.0.second()),
            "microsecond" => Value::from(self.0.subsec_nanosecond() / 1000),
            _ => return None,
        })
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args) {
            ("strftime", [format]) => self
                .format(format.as_str().ok_or_else(|| invalid("`strftime` takes a text".to_owned()))?)
                .map(Value::from),
            ("isoformat", []) => self.format("%Y-%m-%dT%H:%M:%S%.6f").map(Value::from),
            ("date", []) => self.format("%Y-%m-%d").map(Value::from),
            ("time", []) => self.format("%H:%M:%S%.6f").map(Value::from),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.format("%Y-%m-%d %H:%M:%S%.6f").map_err(|_| fmt::Error)?)
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}
