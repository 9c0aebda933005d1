//! `evaluate_condition`: a condition as a step of its own, whose result says whether it holds.

use lang::{
    registry::{ActionSpec, Effect, did_you_mean},
    template::condition::{Condition, condition_expression},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Action, Computes};
use crate::{
    catalog::ActionBuilder,
    expression::Expressions,
    tools::{self, Outcome, ToolCx, ToolError, ToolFuture, params},
};

/// The action.
#[derive(Debug, Clone, Copy)]
pub(super) struct EvaluateCondition;

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// The condition, as a step's `condition` has it. Not needed with `left` and `operator`.
    #[serde(default)]
    #[schemars(with = "Option<Value>")]
    condition: Option<Value>,
    /// How `left` and `right` are compared.
    #[serde(default)]
    #[schemars(extend("enum" = ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "contains"]))]
    operator: Option<String>,
    /// The value on the left of `operator`.
    #[serde(default)]
    left: Option<Value>,
    /// The value on the right of `operator`.
    #[serde(default)]
    right: Option<Value>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    /// Whether it holds.
    result: bool,
    /// The condition that was evaluated.
    condition: Value,
    /// `evaluated`.
    status: &'static str,
}

const OPERATORS: [&str; 9] = ["==", "!=", "<", "<=", ">", ">=", "in", "not in", "contains"];

impl Action for EvaluateCondition {
    fn spec(&self) -> ActionSpec {
        ActionBuilder::new::<Params, Output>(
            "evaluate_condition",
            "Evaluates a condition and keeps the answer as `result`.",
            Effect::Pure,
        )
        .primary("result")
        .example(
            "
- id: is_long
  action: evaluate_condition
  parameters:
    condition: \"{{ read.result.size > 1000 }}\"
",
        )
        .available()
        .build()
    }

    fn computes(&self) -> Option<Computes> {
        Some(compute)
    }

    fn run<'a>(&'a self, params: Map<String, Value>, _cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move { compute(params) })
    }
}

fn compute(params: Map<String, Value>) -> Result<Outcome, ToolError> {
    let Params { condition, operator, left, right } = params::read("evaluate_condition", params)?;
    let (result, condition) = match (condition, operator) {
        (_, Some(operator)) => {
            let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
            let text = format!("{left} {operator} {right}");
            (compare(&operator, &left, &right)?, Value::from(text))
        }
        (Some(condition), None) => (holds(&condition)?, condition),
        (None, None) => {
            let message = "`evaluate_condition` needs `condition`, or `left`, `operator` and `right`";
            return Err(ToolError::new("ParameterError", message));
        }
    };
    tools::success(&Output { result, condition, status: "evaluated" })
}

/// Whether a rendered condition holds: text by its words or as an expression without names, any
/// other value by its truthiness.
fn holds(condition: &Value) -> Result<bool, ToolError> {
    let text = match condition {
        Value::String(text) => text,
        other => return Ok(is_true(other)),
    };
    let failed =
        |reason: &str| ToolError::new("ConditionError", format!("cannot evaluate the condition `{text}`: {reason}"));
    match condition_expression(text) {
        Condition::Constant(value) => Ok(value),
        Condition::Expression(source) => {
            Expressions::new().holds(&source, Map::new()).map_err(|reason| failed(&reason))
        }
        Condition::Invalid(error) => Err(failed(&error.message)),
        Condition::Mixed | Condition::Auto => Err(failed("it still holds a template")),
    }
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

fn compare(operator: &str, left: &Value, right: &Value) -> Result<bool, ToolError> {
    let source = match operator {
        "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in" => format!("left {operator} right"),
        "contains" => "right in left".to_owned(),
        unknown => {
            let remedy = match did_you_mean(unknown, OPERATORS) {
                Some(name) => format!("did you mean `{name}`?"),
                None => format!("use one of `{}`", OPERATORS.join("`, `")),
            };
            return Err(ToolError::new("ParameterError", format!("unknown operator `{unknown}`; {remedy}")));
        }
    };
    Expressions::new()
        .holds(&source, json!({"left": left, "right": right}))
        .map_err(|reason| ToolError::new("ConditionError", format!("cannot compare {left} and {right}: {reason}")))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn result(params: Value) -> Result<Value, String> {
        compute(params.as_object().unwrap().clone()).map(|outcome| outcome.result).map_err(|error| error.to_string())
    }

    #[test]
    fn values_words_and_expressions_are_conditions() {
        let answer = |condition: Value| result(json!({"condition": condition})).unwrap()["result"] == json!(true);
        assert!(answer(json!(true)) && answer(json!([1])) && answer(json!("Yes")) && answer(json!("3 > 2")));
        assert!(!answer(json!(0)) && !answer(json!("off")) && !answer(json!("")) && !answer(json!("'b' in 'cd'")));
        assert_eq!(
            result(json!({"condition": "1 + 1 == 2"})).unwrap(),
            json!({"result": true, "condition": "1 + 1 == 2", "status": "evaluated"})
        );
    }

    #[test]
    fn what_cannot_be_evaluated_fails_with_the_reason() {
        assert_eq!(
            result(json!({"condition": "score > 2"})).unwrap_err(),
            "cannot evaluate the condition `score > 2`: `score` is undefined"
        );
    }

    #[test]
    fn operators_compare_two_values() {
        let answer = |left: Value, operator: &str, right: Value| {
            result(json!({"left": left, "operator": operator, "right": right})).map(|result| result["result"].clone())
        };
        assert_eq!(answer(json!(3), ">=", json!(3)).unwrap(), json!(true));
        assert_eq!(answer(json!("abc"), "contains", json!("b")).unwrap(), json!(true));
        assert_eq!(answer(json!("x"), "not in", json!(["x"])).unwrap(), json!(false));
        assert_eq!(
            answer(json!(1), "contain", json!(1)).unwrap_err(),
            "unknown operator `contain`; did you mean `contains`?"
        );
    }
}
