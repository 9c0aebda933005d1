//! What may save a failed step: `on_error` and `error_handlers` (contract §2.11, reference §2.5).

use indexmap::IndexMap;
use regex::Regex;
use serde_json::{Map, Value};

use crate::tools::Failure;

/// One handler of a step's failures.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct Handler {
    /// `handler_action`: what to do, as an `action` is written.
    pub action: Option<String>,
    /// `handler_task_id`: the step to run.
    pub task: Option<String>,
    /// `fallback_value`: what stands as the result.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "super::program::written")]
    pub fallback: Option<Value>,
    /// Classes of errors it is for; empty means any.
    pub error_types: Vec<String>,
    /// Patterns of messages it is for; empty means any.
    #[serde(with = "patterns")]
    pub error_patterns: Vec<Regex>,
    /// Codes it is for; empty means any.
    pub error_codes: Vec<String>,
    /// After the handler, the step is tried again.
    pub retry_with_handler: bool,
    /// How often that is.
    pub max_retries: u32,
    /// Lower ones are asked first.
    pub priority: f64,
    /// The step stays failed all the same.
    pub propagate_error: bool,
}

impl Handler {
    /// Reads the handlers of a step, in order of priority. `is_step` says whether a name is a step's.
    pub(crate) fn read(keys: &IndexMap<String, Value>, is_step: impl Fn(&str) -> bool) -> Vec<Self> {
        let mut handlers = Vec::new();
        for key in ["on_error", "error_handlers"] {
            match keys.get(key) {
                Some(Value::String(text)) => {
                    let mut handler = Self { priority: 100.0, ..Self::default() };
                    if is_step(text) {
                        handler.task = Some(text.clone());
                    } else {
                        handler.action = Some(text.clone());
                    }
                    handlers.push(handler);
                }
                Some(Value::Object(settings)) => handlers.extend(Self::object(settings)),
                Some(Value::Array(items)) => {
                    handlers.extend(items.iter().filter_map(Value::as_object).filter_map(Self::object));
                }
                _ => {}
            }
        }
        handlers.sort_by(|a, b| a.priority.total_cmp(&b.priority));
        handlers
    }

    fn object(settings: &Map<String, Value>) -> Option<Self> {
        let text = |name: &str| settings.get(name).and_then(Value::as_str).map(str::to_owned);
        let flag = |name: &str| settings.get(name).and_then(Value::as_bool);
        if flag("enabled") == Some(false) {
            return None;
        }
        Some(Self {
            action: text("handler_action").or_else(|| text("action")),
            task: text("handler_task_id"),
            fallback: settings.get("fallback_value").or_else(|| settings.get("fallback_result")).cloned(),
            error_types: texts(settings.get("error_types")),
            error_patterns: texts(settings.get("error_patterns"))
                .iter()
                .filter_map(|pattern| Regex::new(pattern).ok())
                .collect(),
            error_codes: texts(settings.get("error_codes")),
            retry_with_handler: flag("retry_with_handler").unwrap_or(true),
            max_retries: settings.get("max_handler_retries").and_then(Value::as_u64).unwrap_or(0).min(100) as u32,
            priority: settings.get("priority").and_then(Value::as_f64).unwrap_or(100.0),
            propagate_error: flag("propagate_error").unwrap_or(false),
        })
    }

    /// Whether it is for this failure: every kind of criterion that is given must match.
    pub fn matches(&self, failure: &Failure) -> bool {
        let type_fits = self.error_types.is_empty()
            || self.error_types.iter().any(|name| name == "*" || *name == failure.error_type);
        let pattern_fits = self.error_patterns.is_empty()
            || self.error_patterns.iter().any(|pattern| pattern.is_match(&failure.message));
        let code_fits = self.error_codes.is_empty()
            || failure.code.is_some_and(|code| self.error_codes.iter().any(|given| *given == code.to_string()));
        type_fits && pattern_fits && code_fits
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match value {
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(other) => vec![text(other)],
    }
}

/// Expressions as they are written.
mod patterns {
    use regex::Regex;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(patterns: &[Regex], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(patterns.iter().map(Regex::as_str))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Regex>, D::Error> {
        let written = Vec::<String>::deserialize(deserializer)?;
        written.iter().map(|text| Regex::new(text).map_err(D::Error::custom)).collect()
    }
}
