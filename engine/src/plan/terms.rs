//! What a pipeline and its steps say about the models they ask: what those must be able to do, what follows
//! where one is not available, and what it may cost.

use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;
use serde_json::Value;

/// The terms of a step, or of a pipeline.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Terms {
    /// `requires_model` as written, unless it says `none`.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::program::written")]
    pub requires: Option<Value>,
    /// `requires_model: none`.
    pub needs_none: bool,
    /// `fallback`; `None` leaves it to who is above.
    pub fallback: Option<Vec<String>>,
    /// The most it may cost.
    pub budget: Budget,
}

/// The most that models may cost, in billionths of a dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Budget {
    /// The run; of a step, the step.
    pub run: Option<i64>,
    /// Each step.
    pub step: Option<i64>,
    /// All runs of a day.
    pub day: Option<i64>,
}

impl Terms {
    /// None, which most steps share.
    pub(super) fn usual() -> Arc<Self> {
        static USUAL: LazyLock<Arc<Terms>> = LazyLock::new(Arc::default);
        Arc::clone(&USUAL)
    }

    /// These, shared with all that have none.
    pub(super) fn shared(self) -> Arc<Self> {
        if self == Self::default() { Self::usual() } else { Arc::new(self) }
    }

    /// These, as those of a pipeline that runs beneath another one.
    #[must_use]
    pub fn beneath(&self, above: &Self) -> Self {
        let fallback = self.fallback.clone().or_else(|| above.fallback.clone());
        Self { fallback, ..self.clone() }
    }

    /// Reads the keys of a step or of the root.
    pub(super) fn read(keys: &IndexMap<String, Value>) -> Self {
        Self::of(|key| keys.get(key).cloned())
    }

    /// Reads what `key` gives.
    pub(super) fn of(key: impl Fn(&str) -> Option<Value>) -> Self {
        let requires = key("requires_model").filter(|value| !matches!(value, Value::Null | Value::Bool(false)));
        let needs_none = requires.as_ref().and_then(Value::as_str) == Some("none");
        Self {
            requires: requires.filter(|_| !needs_none),
            needs_none,
            fallback: key("fallback").and_then(|value| match value {
                Value::Array(items) => Some(items.iter().filter_map(Value::as_str).map(str::to_owned).collect()),
                Value::String(one) => Some(vec![one]),
                _ => None,
            }),
            budget: key("budget").map(|value| Budget::read(&value)).unwrap_or_default(),
        }
    }
}

impl Budget {
    /// A number of dollars, or one for each of `run`, `step` and `day`.
    fn read(value: &Value) -> Self {
        match value {
            Value::Object(parts) => Self {
                run: parts.get("run").and_then(nano),
                step: parts.get("step").and_then(nano),
                day: parts.get("day").and_then(nano),
            },
            value => Self { run: nano(value), ..Self::default() },
        }
    }

    /// Nothing is limited.
    pub fn is_open(self) -> bool {
        self == Self::default()
    }
}

/// Dollars in billionths, rounded down.
fn nano(value: &Value) -> Option<i64> {
    value.as_f64().and_then(dollars)
}

/// Dollars in billionths, rounded down; `None` where it is no amount.
pub fn dollars(amount: f64) -> Option<i64> {
    // What is written in decimals is meant as decimals: 0.1 is 100 000 000 billionths.
    let nano = (amount * 1e9 + 1e-3).floor();
    (amount.is_finite() && amount >= 0.0 && nano < 9e18).then_some(nano as i64)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Terms {
        let Value::Object(keys) = value else { panic!("an object") };
        Terms::read(&keys.into_iter().collect())
    }

    #[test]
    fn budgets_are_read_to_the_billionth() {
        let budget = |value: Value| read(json!({ "budget": value })).budget;
        assert_eq!(budget(json!(0.1)), Budget { run: Some(100_000_000), ..Budget::default() });
        let parts = Budget { run: Some(1), step: Some(29), day: Some(3_000_000_000) };
        assert_eq!(budget(json!({"run": 0.000000001, "step": 0.000000029, "day": 3})), parts);
        assert!(budget(json!("much")).is_open() && budget(json!(-1)).is_open());
    }

    #[test]
    fn no_model_is_needed_only_where_that_is_said() {
        assert!(read(json!({"requires_model": "none"})).needs_none);
        assert_eq!(read(json!({"requires_model": false})), Terms::default());
        assert_eq!(read(json!({"requires_model": true})).requires, Some(json!(true)));
        assert_eq!(read(json!({"fallback": ["a/b"]})).fallback, Some(vec!["a/b".to_owned()]));
    }
}
