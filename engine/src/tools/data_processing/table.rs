//! Rows with the names of their columns.

use indexmap::IndexSet;
use lang::registry::did_you_mean;
use serde_json::{Map, Value};

use super::{cell, failure};
use crate::tools::ToolError;

/// A row: column → cell. A row may lack columns that others have.
pub(super) type Row = Map<String, Value>;

/// Rows, and the columns in the order in which they are met first.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Table {
    /// The names of the columns; also of those without a row.
    pub(super) columns: Vec<String>,
    /// The rows in order.
    pub(super) rows: Vec<Row>,
}

/// Members that hold the rows of an object that is no row itself.
const CONTAINERS: [&str; 4] = ["records", "rows", "data", "items"];

impl Table {
    /// A table of these rows.
    pub(super) fn of(rows: Vec<Row>) -> Self {
        let mut columns: IndexSet<&str> = IndexSet::new();
        columns.extend(rows.iter().flat_map(Map::keys).map(String::as_str));
        Self { columns: columns.into_iter().map(str::to_owned).collect(), rows }
    }

    /// The rows in `value`: a list of objects, an object with such a list in `records`, `rows`,
    /// `data` or `items`, or one object as the only row.
    pub(super) fn read(value: Value) -> Result<Self, ToolError> {
        match value {
            Value::Array(items) => Self::of_items(items),
            Value::Object(mut object) => {
                let container = CONTAINERS.into_iter().find(|name| is_rows(object.get(*name)));
                match container.and_then(|name| object.shift_remove(name)) {
                    Some(Value::Array(items)) => Self::of_items(items),
                    _ => Ok(Self::of(vec![object])),
                }
            }
            other => Err(failure(format!("the data are {}; rows are a list of objects", kind(&other)))),
        }
    }

    fn of_items(items: Vec<Value>) -> Result<Self, ToolError> {
        let rows = items.into_iter().enumerate().map(|(index, item)| match item {
            Value::Object(row) => Ok(row),
            other => Err(failure(format!(
                "row {} of the data is {}; every row is an object (column → value)",
                index + 1,
                kind(&other)
            ))),
        });
        Ok(Self::of(rows.collect::<Result<_, _>>()?))
    }

    /// The rows as a value.
    pub(super) fn value(self) -> Value {
        Value::Array(self.rows.into_iter().map(Value::Object).collect())
    }

    /// Fails if there is no column of this name. Without any column nothing is known, and nothing wrong.
    pub(super) fn require(&self, column: &str) -> Result<(), ToolError> {
        if self.columns.is_empty() || self.columns.iter().any(|known| known == column) {
            return Ok(());
        }
        Err(failure(unknown("column", column, self.columns.iter().map(String::as_str))))
    }

    /// Fails if one of these columns is not there.
    pub(super) fn require_all(&self, columns: &[String]) -> Result<(), ToolError> {
        columns.iter().try_for_each(|column| self.require(column))
    }

    /// Adds a column's name unless it is there.
    pub(super) fn add_column(&mut self, column: &str) {
        if !self.columns.iter().any(|known| known == column) {
            self.columns.push(column.to_owned());
        }
    }

    /// The cells of a column that are not missing, with the number of their row, from 1.
    pub(super) fn present<'t>(&'t self, column: &'t str) -> impl Iterator<Item = (usize, &'t Value)> {
        self.rows.iter().enumerate().filter_map(move |(index, row)| {
            let cell = row.get(column).filter(|cell| !cell::is_missing(Some(cell)))?;
            Some((index + 1, cell))
        })
    }

    /// Whether a column holds numbers, and nothing else.
    pub(super) fn is_numeric(&self, column: &str) -> bool {
        let mut cells = self.present(column).peekable();
        cells.peek().is_some() && cells.all(|(_, cell)| cell::number(cell).is_some())
    }

    /// What rows have in common in these columns.
    pub(super) fn key(row: &Row, columns: &[String]) -> Vec<String> {
        columns.iter().map(|column| cell::key(row.get(column))).collect()
    }
}

/// `unknown <what> …`, with the nearest known name or all of them.
pub(super) fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str> + Clone) -> String {
    const MOST: usize = 12;
    if let Some(near) = did_you_mean(name, known.clone()) {
        return format!("unknown {what} `{name}`; did you mean `{near}`?");
    }
    let names: Vec<&str> = known.clone().take(MOST).collect();
    let more = if known.count() > MOST { ", …" } else { "" };
    format!("unknown {what} `{name}`; there are `{}`{more}", names.join("`, `"))
}

fn is_rows(value: Option<&Value>) -> bool {
    matches!(value, Some(Value::Array(items)) if !items.is_empty() && items.iter().all(Value::is_object))
}

/// What a value is, in words.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
