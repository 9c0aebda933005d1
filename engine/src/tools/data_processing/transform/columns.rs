//! Changes of whole columns: their names, types and scales.

use serde_json::{Map, Value};

use super::{
    super::{
        cell::{self, Number},
        failure, statistics,
        table::{Row, Table, kind, unknown},
    },
    Scale,
};
use crate::{expression::read_date, tools::ToolError};

const TYPES: [&str; 6] = ["integer", "float", "string", "boolean", "date", "datetime"];

/// Gives columns new names, in their places.
pub(super) fn rename(table: &mut Table, mapping: &Map<String, Value>) -> Result<(), ToolError> {
    for (old, new) in mapping {
        table.require(old)?;
        let Value::String(new) = new else {
            return Err(failure(format!("the new name of `{old}` is {}; it is text", kind(new))));
        };
        let remains = |column: &String| column == new && column != old && !mapping.contains_key(column);
        if table.columns.iter().any(remains) {
            return Err(failure(format!("`{old}` cannot be renamed: there is a column `{new}` already")));
        }
    }
    let renamed = |name: &String| mapping.get(name).and_then(Value::as_str).unwrap_or(name).to_owned();
    table.columns = table.columns.iter().map(renamed).collect();
    for (index, column) in table.columns.iter().enumerate() {
        if table.columns[..index].contains(column) {
            return Err(failure(format!("two columns would be called `{column}`")));
        }
    }
    for row in &mut table.rows {
        *row = std::mem::take(row).into_iter().map(|(name, cell)| (renamed(&name), cell)).collect::<Row>();
    }
    Ok(())
}

/// Turns cells into values of a type; missing ones become null.
pub(super) fn cast(table: &mut Table, types: &Map<String, Value>) -> Result<(), ToolError> {
    for (column, wanted) in types {
        table.require(column)?;
        let Some(wanted) = wanted.as_str() else {
            return Err(failure(format!(
                "the type of `{column}` is {}; it is one of `{}`",
                kind(wanted),
                TYPES.join("`, `")
            )));
        };
        let convert = converter(wanted)?;
        for (index, row) in table.rows.iter_mut().enumerate() {
            let Some(cell) = row.get_mut(column) else { continue };
            *cell = if cell::is_missing(Some(cell)) {
                Value::Null
            } else {
                convert(cell).ok_or_else(|| {
                    failure(format!(
                        "row {} has `{}` in the column `{column}`, which is no `{wanted}`; filter such rows out or \
                         correct them",
                        index + 1,
                        cell::shown(cell)
                    ))
                })?
            };
        }
    }
    Ok(())
}

fn converter(wanted: &str) -> Result<fn(&Value) -> Option<Value>, ToolError> {
    Ok(match wanted.to_ascii_lowercase().as_str() {
        "integer" | "int" => |cell| match cell::number(cell)? {
            Number::Real(real) if real.fract() == 0.0 && real.abs() < 9e15 => Some(Value::from(real as i64)),
            Number::Real(_) => None,
            whole @ Number::Whole(_) => Some(whole.value()),
        },
        "float" | "number" | "double" => |cell| cell::number(cell).map(|number| Value::from(number.real())),
        "string" | "str" | "text" => |cell| match cell {
            Value::String(_) => Some(cell.clone()),
            other => Some(Value::from(other.to_string())),
        },
        "boolean" | "bool" => |cell| match cell {
            Value::Bool(_) => Some(cell.clone()),
            Value::String(text) => cell::truth_of(text).map(Value::from),
            Value::Number(number) => match number.as_f64() {
                Some(1.0) => Some(Value::from(true)),
                Some(0.0) => Some(Value::from(false)),
                _ => None,
            },
            _ => None,
        },
        "date" => |cell| read_date(cell.as_str()?).map(|moment| Value::from(moment.date().to_string())),
        "datetime" => |cell| read_date(cell.as_str()?).map(|moment| Value::from(moment.to_string())),
        other => return Err(failure(unknown("type", other, TYPES.into_iter()))),
    })
}

/// Brings columns of numbers to one scale; without names, all of them.
pub(super) fn normalize(table: &mut Table, columns: &[String], scale: Scale) -> Result<(), ToolError> {
    table.require_all(columns)?;
    if let Some(column) =
        columns.iter().find(|column| table.present(column).next().is_some() && !table.is_numeric(column))
    {
        return Err(failure(format!("`normalize` needs numbers, but the column `{column}` holds others")));
    }
    let columns: Vec<String> = match columns {
        [] => table.columns.iter().filter(|column| table.is_numeric(column)).cloned().collect(),
        named => named.to_vec(),
    };
    for column in columns {
        let numbers: Vec<Number> = table.present(&column).filter_map(|(_, cell)| cell::number(cell)).collect();
        let reals = || numbers.iter().map(|number| number.real());
        let (start, width) = match scale {
            Scale::MinMax => {
                let (low, high) = reals().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), n| (l.min(n), h.max(n)));
                (low, high - low)
            }
            Scale::ZScore => {
                (statistics::mean(&numbers).unwrap_or(0.0), statistics::deviation(&numbers).unwrap_or(0.0))
            }
        };
        for row in &mut table.rows {
            if let Some(number) = row.get(&column).and_then(cell::number) {
                // Numbers that are all the same are all at the start of the scale.
                let scaled = if width == 0.0 { 0.0 } else { (number.real() - start) / width };
                row.insert(column.clone(), Value::from(scaled));
            }
        }
    }
    Ok(())
}
