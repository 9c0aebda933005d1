//! What `{{ step }}` is (contract §2.17).

use std::{fmt, sync::Arc};

use lang::registry::OutputSpec;
use minijinja::{
    Value,
    value::{Enumerator, Object},
};
use serde_json::Value as Json;

use super::{convert, from_json};

/// A step that ended, as templates see it: `result`, `success`, `error`, `status`, and the fields of
/// its result where it has no such field itself.
#[derive(Debug)]
pub(crate) struct StepValue {
    status: &'static str,
    success: bool,
    error: Value,
    error_type: Value,
    result: Value,
    fields: Vec<(&'static str, Value)>,
    output: Option<Arc<OutputSpec>>,
}

impl StepValue {
    /// A step that acted.
    pub(crate) fn ended(
        status: &'static str,
        success: bool,
        result: &Json,
        error: Option<(&str, &str)>,
        recovered: bool,
        output: &Arc<OutputSpec>,
    ) -> Self {
        Self {
            status,
            success,
            error: error.map_or(Value::from(()), |(_, message)| Value::from(message)),
            error_type: error.map_or(Value::from(()), |(name, _)| Value::from(name)),
            result: from_json(result),
            fields: if recovered { vec![("recovered", Value::from(true))] } else { Vec::new() },
            output: Some(Arc::clone(output)),
        }
    }

    /// A step that never acted: `skipped` or `not_run`.
    pub(crate) fn absent(id: &str, status: &'static str, reason: &str) -> Self {
        let why = if status == "skipped" { "was skipped" } else { "did not run" };
        let absent = Absent { why: format!("the step `{id}` {why}").into() };
        Self {
            status,
            success: false,
            error: Value::from(()),
            error_type: Value::from(()),
            result: Value::from_object(absent),
            fields: vec![("reason", Value::from(reason))],
            output: None,
        }
    }

    /// Whether it counts as absent.
    pub(crate) fn is_skipped(&self) -> bool {
        matches!(self.status, "skipped" | "not_run")
    }

    /// What stands for the bare step: its primary field, else its whole result.
    pub(crate) fn plain(&self) -> Value {
        let primary = self.output.as_ref().and_then(|output| output.primary.as_deref());
        primary.and_then(|field| self.result_field(field)).unwrap_or_else(|| self.result.clone())
    }

    /// What a skipped step gives in place of a result.
    pub(crate) fn nothing(&self) -> &Value {
        &self.result
    }

    fn aliases(&self) -> &[(String, String)] {
        self.output.as_ref().map(|output| &*output.aliases).unwrap_or_default()
    }

    fn result_field(&self, name: &str) -> Option<Value> {
        if self.is_skipped() {
            return Some(self.result.clone());
        }
        let field = |name: &str| self.result.get_attr(name).ok().filter(|value| !value.is_undefined());
        field(name).or_else(|| {
            let (_, new) = self.aliases().iter().find(|(old, _)| old == name)?;
            field(new)
        })
    }
}

impl Object for StepValue {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match key {
            "status" => Some(Value::from(self.status)),
            // Old names of fields are read through `result` too.
            "result" if !self.aliases().is_empty() && self.result.kind() == minijinja::value::ValueKind::Map => {
                Some(Value::from_object(Aliased(Arc::clone(self))))
            }
            "result" => Some(self.result.clone()),
            "success" => Some(Value::from(self.success)),
            "error" => Some(self.error.clone()),
            _ => {
                if let Some((_, value)) = self.fields.iter().find(|(name, _)| *name == key) {
                    return Some(value.clone());
                }
                self.result_field(key).or_else(|| (key == "error_type").then(|| self.error_type.clone()))
            }
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if self.is_skipped() { Enumerator::Str(&["status"]) } else { Enumerator::Str(&["result", "success", "error"]) }
    }

    fn is_true(self: &Arc<Self>) -> bool {
        !self.is_skipped()
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_skipped() {
            return Err(fmt::Error);
        }
        f.write_str(&convert::text_of(&self.plain()).map_err(|_| fmt::Error)?)
    }
}

/// The result of a step whose fields have old names.
#[derive(Debug)]
pub(crate) struct Aliased(pub(crate) Arc<StepValue>);

impl Aliased {
    pub(crate) fn whole(&self) -> &Value {
        &self.0.result
    }
}

impl Object for Aliased {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.result_field(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        match self.0.result.try_iter() {
            Ok(keys) => Enumerator::Values(keys.collect()),
            Err(_) => Enumerator::NonEnumerable,
        }
    }
}

/// What a skipped step's result and its fields are: nothing, at any depth.
#[derive(Debug)]
pub(crate) struct Absent {
    pub(crate) why: Arc<str>,
}

impl Object for Absent {
    fn get_value(self: &Arc<Self>, _key: &Value) -> Option<Value> {
        Some(Value::from_dyn_object(Arc::clone(self)))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Empty
    }

    fn is_true(self: &Arc<Self>) -> bool {
        false
    }

    fn render(self: &Arc<Self>, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Err(fmt::Error)
    }
}
