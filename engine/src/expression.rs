//! Expressions over values that are known already: calculated columns, filter conditions, and the
//! action `evaluate_condition`. The language is that of templates, with a few functions of Python.

use jiff::civil::DateTime;
use minijinja::{
    Environment, Error, ErrorKind, UndefinedBehavior,
    value::{Kwargs, Serde},
};
use serde::Serialize;
use serde_json::Value;

/// How much one evaluation may do.
const FUEL: u64 = 1_000_000;

/// A compiled expression's home.
#[derive(Debug)]
pub(crate) struct Expressions(Environment<'static>);

impl Expressions {
    /// The functions that expressions know.
    pub(crate) fn new() -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        for (function, filter) in
            [("len", "length"), ("sum", "sum"), ("min", "min"), ("max", "max"), ("abs", "abs"), ("sorted", "sort")]
        {
            environment.add_function(function, move |state: &mut minijinja::State<'_, '_>, value: minijinja::Value| {
                state.apply_filter(filter, &[value])
            });
        }
        environment.add_function("str", |value: minijinja::Value| value.to_string());
        environment.add_function("int", |state: &mut minijinja::State<'_, '_>, value: minijinja::Value| {
            state.apply_filter("int", &[value])
        });
        environment.add_function("float", |state: &mut minijinja::State<'_, '_>, value: minijinja::Value| {
            state.apply_filter("float", &[value])
        });
        environment.add_function(
            "round",
            |state: &mut minijinja::State<'_, '_>, value: minijinja::Value, digits: Option<i32>, _rest: Kwargs| {
                state.apply_filter("round", &[value, minijinja::Value::from(digits.unwrap_or(0))])
            },
        );
        environment.add_function("DATE_FORMAT", date_format);
        environment.add_global("json", minijinja::context! { loads => minijinja::Value::from_function(loads) });
        Self(environment)
    }

    /// The value of `source` where `names` are known; the error says what is wrong with it.
    pub(crate) fn evaluate(&self, source: &str, names: impl Serialize) -> Result<Value, String> {
        let expression = self.0.compile_expression(source).map_err(|error| reason(&error))?;
        let value = expression.eval(Serde(names)).map_err(|error| reason(&error))?;
        serde_json::to_value(&value).map_err(|error| error.to_string())
    }

    /// Whether `source` holds.
    pub(crate) fn holds(&self, source: &str, names: impl Serialize) -> Result<bool, String> {
        let expression = self.0.compile_expression(source).map_err(|error| reason(&error))?;
        expression.eval(Serde(names)).map(|value| value.is_true()).map_err(|error| reason(&error))
    }
}

fn reason(error: &Error) -> String {
    let kind = error.kind();
    match (error.detail(), kind) {
        (_, ErrorKind::OutOfFuel) => "it takes too long".to_owned(),
        (Some(detail), _) => detail.to_owned(),
        (None, kind) => kind.to_string(),
    }
}

fn loads(text: minijinja::Value) -> Result<minijinja::Value, Error> {
    match text.as_str() {
        Some(json) => serde_json::from_str::<Value>(json)
            .map(|value| minijinja::Value::from(Serde(value)))
            .map_err(|error| Error::new(ErrorKind::InvalidOperation, format!("it is no JSON: {error}"))),
        None => Ok(text),
    }
}

/// A date's text in another form, by the letters of `strftime`.
fn date_format(date: minijinja::Value, format: &str) -> Result<String, Error> {
    let text = date.as_str().unwrap_or_default();
    let failed = |message: String| Error::new(ErrorKind::InvalidOperation, message);
    let date = read_date(text).ok_or_else(|| failed(format!("`{text}` is no date")))?;
    jiff::fmt::strtime::format(format, date).map_err(|error| failed(error.to_string()))
}

/// A date, with or without a time and an offset, in the usual forms.
pub(crate) fn read_date(text: &str) -> Option<DateTime> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<jiff::Timestamp>() {
        return Some(moment.to_zoned(jiff::tz::TimeZone::UTC).datetime());
    }
    if let Ok(date) = text.parse::<DateTime>() {
        return Some(date);
    }
    ["%Y/%m/%d", "%m/%d/%Y", "%d.%m.%Y"]
        .into_iter()
        .find_map(|form| jiff::civil::Date::strptime(form, text).ok())
        .map(|date| date.to_datetime(jiff::civil::Time::midnight()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::json;

    use super::*;

    #[test]
    fn expressions_keep_types_and_know_python_functions() {
        let expressions = Expressions::new();
        let names = json!({"q": 3, "p": 2.5, "d": "2024-03-09", "s": "[1, 2]"});
        let value = |source: &str| expressions.evaluate(source, &names).unwrap();
        assert_eq!(value("q * p"), json!(7.5));
        assert_eq!(value("DATE_FORMAT(d, '%Y-%m')"), json!("2024-03"));
        assert_eq!(value("sum(json.loads(s)) + len(json.loads(s))"), json!(5));
        assert_eq!(value("round(p * 1.111, 2)"), json!(2.78));
        assert_eq!(value("str(q) + '!'"), json!("3!"));
        assert_eq!(value("d.startswith('2024')"), json!(true));
        assert!(expressions.holds("q > 2 and 'a' in 'abc'", &names).unwrap());
        assert_eq!(expressions.evaluate("none_such > 1", &names).unwrap_err(), "`none_such` is undefined");
    }
}
