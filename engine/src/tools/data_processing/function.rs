//! The functions that put the values of a column together.

use serde_json::Value;

use super::{
    cell::{self, Number},
    failure, statistics,
    table::unknown,
};
use crate::tools::ToolError;

/// A function of values. Missing values do not take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// Their sum; 0 without any.
    Sum,
    /// Their mean.
    Mean,
    /// How many there are.
    Count,
    /// How many different ones there are.
    CountDistinct,
    /// The smallest, as number where all are numbers, else as text.
    Min,
    /// The largest.
    Max,
    /// The one in the middle.
    Median,
    /// The standard deviation of the sample.
    Std,
    /// The first.
    First,
    /// The last.
    Last,
}

/// Every name of every function, the canonical ones first.
const NAMES: [(&str, Function); 19] = [
    ("sum", Function::Sum),
    ("mean", Function::Mean),
    ("count", Function::Count),
    ("count_distinct", Function::CountDistinct),
    ("min", Function::Min),
    ("max", Function::Max),
    ("median", Function::Median),
    ("std", Function::Std),
    ("first", Function::First),
    ("last", Function::Last),
    ("total", Function::Sum),
    ("avg", Function::Mean),
    ("average", Function::Mean),
    ("nunique", Function::CountDistinct),
    ("distinct", Function::CountDistinct),
    ("unique", Function::CountDistinct),
    ("minimum", Function::Min),
    ("maximum", Function::Max),
    ("stddev", Function::Std),
];

impl Function {
    /// The function of this name.
    pub(super) fn named(name: &str) -> Result<Self, ToolError> {
        let found = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
        found
            .map(|(_, function)| *function)
            .ok_or_else(|| failure(unknown("function", name, NAMES.iter().map(|(known, _)| *known))))
    }

    /// Its canonical name.
    pub(super) fn name(self) -> &'static str {
        NAMES.iter().find(|(_, function)| *function == self).map_or("", |(name, _)| name)
    }

    /// Its value for the values of `column`, each with the number of its row. No values have no
    /// mean, smallest and so on: null.
    pub(super) fn of(self, column: &str, values: &[(usize, &Value)]) -> Result<Value, ToolError> {
        let first = |value: Option<&(usize, &Value)>| value.map_or(Value::Null, |(_, value)| (*value).clone());
        match self {
            Self::Count => Ok(Value::from(values.len())),
            Self::CountDistinct => {
                let distinct: std::collections::BTreeSet<String> =
                    values.iter().map(|(_, value)| cell::key(Some(value))).collect();
                Ok(Value::from(distinct.len()))
            }
            Self::First => Ok(first(values.first())),
            Self::Last => Ok(first(values.last())),
            Self::Min => self.extreme(column, values),
            Self::Max => self.extreme(column, values),
            Self::Sum | Self::Mean | Self::Median | Self::Std => {
                let numbers = self.numbers(column, values)?;
                let number = match self {
                    Self::Sum => Some(statistics::sum(&numbers)),
                    Self::Mean => statistics::mean(&numbers).map(Number::Real),
                    Self::Median => statistics::median(&numbers),
                    _ => statistics::deviation(&numbers).map(Number::Real),
                };
                match number {
                    Some(number) if !number.real().is_finite() => {
                        Err(failure(format!("the {} of `{column}` is too large", self.name())))
                    }
                    number => Ok(number.map_or(Value::Null, Number::value)),
                }
            }
        }
    }

    fn numbers(self, column: &str, values: &[(usize, &Value)]) -> Result<Vec<Number>, ToolError> {
        let numbers = values.iter().map(|(row, value)| {
            cell::number(value).ok_or_else(|| {
                failure(format!(
                    "`{}` needs numbers, but row {row} has `{}` in the column `{column}`; filter such rows out or \
                     correct them",
                    self.name(),
                    cell::shown(value)
                ))
            })
        });
        numbers.collect()
    }

    fn extreme(self, column: &str, values: &[(usize, &Value)]) -> Result<Value, ToolError> {
        let Some(((_, first), rest)) = values.split_first() else { return Ok(Value::Null) };
        let all_numbers = values.iter().all(|(_, value)| cell::number(value).is_some());
        let mut best = *first;
        for (row, value) in rest {
            // Text and numbers in one column have an order only as text.
            let order = match (best, *value) {
                (Value::String(left), Value::String(right)) if !all_numbers => Some(left.cmp(right)),
                (left, right) => cell::compare(left, right),
            };
            let Some(order) = order else {
                return Err(failure(format!(
                    "`{}` cannot compare `{}` with `{}` in row {row} of the column `{column}`",
                    self.name(),
                    cell::shown(best),
                    cell::shown(value)
                )));
            };
            if order == if self == Self::Min { std::cmp::Ordering::Greater } else { std::cmp::Ordering::Less } {
                best = value;
            }
        }
        Ok(if all_numbers { cell::number(best).map_or(Value::Null, Number::value) } else { best.clone() })
    }
}
