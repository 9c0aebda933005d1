//! Expressions over the columns of a row.

use lang::registry::did_you_mean;
use serde_json::{Map, Value};

use super::{cell, failure, table::Row};
use crate::{
    expression::Expressions,
    tools::{ToolCx, ToolError},
};

mod numbers;

/// Evaluates expressions over rows with these columns.
pub(super) struct Formulas<'t> {
    expressions: Expressions,
    columns: &'t [String],
    cx: &'t ToolCx,
}

impl<'t> Formulas<'t> {
    /// Expressions that know `columns`.
    pub(super) fn new(columns: &'t [String], cx: &'t ToolCx) -> Self {
        Self { expressions: Expressions::new(), columns, cx }
    }

    /// The value of `expression` for a row.
    pub(super) fn evaluate(&self, expression: &str, row: &Row, number: usize) -> Result<Value, ToolError> {
        self.check_cancelled()?;
        let names = self.names(expression, row, number)?;
        self.expressions.evaluate(expression, &names).map_err(|reason| self.wrong(expression, number, &reason))
    }

    /// Whether `expression` holds for a row.
    pub(super) fn holds(&self, expression: &str, row: &Row, number: usize) -> Result<bool, ToolError> {
        self.check_cancelled()?;
        let names = self.names(expression, row, number)?;
        self.expressions.holds(expression, &names).map_err(|reason| self.wrong(expression, number, &reason))
    }

    /// Every column, null where the row lacks it, and the whole as `row`. Text that is calculated
    /// with is read as a number.
    fn names(&self, expression: &str, row: &Row, number: usize) -> Result<Map<String, Value>, ToolError> {
        let calculated = numbers::calculated(expression);
        let mut names = Map::new();
        for column in self.columns {
            let mut value = row.get(column).cloned().unwrap_or_default();
            if value.is_string() && calculated.contains(column) {
                value = Self::spelled(expression, column, &value, number)?;
            }
            names.insert(column.clone(), value);
        }
        if !names.contains_key("row") {
            let whole = Value::Object(names.clone());
            names.insert("row".to_owned(), whole);
        }
        Ok(names)
    }

    fn spelled(expression: &str, column: &str, text: &Value, number: usize) -> Result<Value, ToolError> {
        if cell::is_missing(Some(text)) {
            return Ok(Value::Null);
        }
        cell::number(text).map(cell::Number::value).ok_or_else(|| {
            failure(format!(
                "`{expression}` needs a number, but row {number} has `{}` in the column `{column}`; filter such rows \
                 out or correct them",
                cell::shown(text)
            ))
        })
    }

    fn check_cancelled(&self) -> Result<(), ToolError> {
        if self.cx.cancel.is_cancelled() {
            return Err(ToolError::new("CancelledError", "the work on the rows was cancelled"));
        }
        Ok(())
    }

    fn wrong(&self, expression: &str, number: usize, reason: &str) -> ToolError {
        let undefined = reason.split_once("` is undefined").and_then(|(before, _)| before.rsplit('`').next());
        if let Some(name) = undefined.filter(|name| !self.columns.iter().any(|column| column == name)) {
            let message = match did_you_mean(name, self.columns.iter().map(String::as_str)) {
                Some(near) => format!("unknown column `{name}` in `{expression}`; did you mean `{near}`?"),
                None => format!("unknown column `{name}` in `{expression}`; there are `{}`", self.columns.join("`, `")),
            };
            return failure(message);
        }
        failure(format!("`{expression}` has no value for row {number}: {reason}"))
    }
}
