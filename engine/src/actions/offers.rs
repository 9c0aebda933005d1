//! `tools` of `generate`: what a model is offered.

use std::sync::Arc;

use lang::registry::{Offered, Registry, offers};
use schemars::JsonSchema;
use serde_json::{Map, Value};

use crate::{
    models::calls::Function,
    tools::{self, Tool, ToolCx, ToolError},
};

/// A tool of `tools`, for the registry.
#[derive(Debug, JsonSchema)]
#[schemars(untagged, inline, extend("x-kind" = "tool"))]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) enum ToolParam {
    /// Its name: all that it can do.
    Name(String),
    /// Some of what it can do.
    Part {
        /// The tool.
        #[schemars(extend("x-kind" = "tool"))]
        name: String,
        /// What of it; without them all that it can do.
        actions: Option<Vec<String>>,
    },
}

/// An operation that a model may call.
pub(super) struct Offer {
    /// As the model is told of it.
    pub(super) function: Function,
    /// As people call it.
    pub(super) name: String,
    tool: Arc<dyn Tool>,
    operation: String,
    fits: jsonschema::Validator,
}

/// What `tools` offers.
pub(super) fn offers(given: &Value, registry: &Registry) -> Result<Vec<Offer>, ToolError> {
    let Value::Array(items) = given else {
        return Err(wrong("`tools` is no list; write a list of names of tools, or of `{name, actions}`".to_owned()));
    };
    let mut found: Vec<Offer> = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let (name, actions) = part(item, index)?;
        let offered = Offered::of(registry, name, actions.as_deref()).map_err(|refused| {
            let near = refused.candidate.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            let class = match refused.reason {
                offers::Reason::NotAvailable => "ToolNotAvailableError",
                _ => "ParameterError",
            };
            ToolError::new(class, format!("`tools[{index}]`: {}{near}", refused.message))
        })?;
        for offered in offered {
            let name = offered.name();
            if !found.iter().any(|offer| offer.name == name) {
                found.push(Offer::of(&offered, name)?);
            }
        }
    }
    Ok(found)
}

/// The functions that `tools` makes known to a model; none where it cannot be offered.
pub(crate) fn functions(given: &Value, registry: &Registry) -> Vec<Function> {
    offers(given, registry).into_iter().flatten().map(|offer| offer.function).collect()
}

fn wrong(message: String) -> ToolError {
    ToolError::new("ParameterError", message)
}

/// The tool that is named, and what of it.
fn part(item: &Value, index: usize) -> Result<(&str, Option<Vec<&str>>), ToolError> {
    let shape = || {
        let shape = "`{name: TOOL, actions: [ACTION, …]}`";
        wrong(format!("`tools[{index}]` names no tool; write its name, or {shape} for a part of it"))
    };
    let fields = match item {
        Value::String(name) => return Ok((name.trim(), None)),
        Value::Object(fields) => fields,
        _ => return Err(shape()),
    };
    if let Some(name) = fields.keys().find(|name| !["name", "actions"].contains(&&***name)) {
        return Err(wrong(format!("`tools[{index}]` has `{name}`; it takes `name` and `actions`")));
    }
    let name = fields.get("name").and_then(Value::as_str).ok_or_else(shape)?;
    let actions = match fields.get("actions") {
        None | Some(Value::Null) => return Ok((name.trim(), None)),
        Some(Value::Array(actions)) => actions.iter().map(|action| action.as_str().map(str::trim)).collect(),
        Some(_) => None,
    };
    let actions: Vec<&str> = actions.ok_or_else(shape)?;
    if actions.is_empty() {
        return Err(wrong(format!("`tools[{index}]` offers nothing of `{name}`; name its `actions`, or leave it out")));
    }
    Ok((name.trim(), Some(actions)))
}

impl Offer {
    fn of(offered: &Offered<'_>, name: String) -> Result<Self, ToolError> {
        let missing = || ToolError::new("ToolNotAvailableError", format!("`{name}` cannot be executed"));
        let tool = tools::find(&offered.tool.name).ok_or_else(missing)?;
        let arguments = offered.arguments();
        let fits = jsonschema::options().offline().build(&arguments).map_err(|error| {
            ToolError::new(
                "InternalError",
                format!("the parameters of `{name}` are no schema ({error}); please report it"),
            )
        })?;
        let function = Function { name: offered.function(), description: offered.description(), arguments };
        Ok(Self { function, name, tool, operation: offered.operation.name.clone(), fits })
    }

    /// Does it with these arguments, as a step would; why that came to nothing otherwise.
    pub(super) async fn call(&self, arguments: &Value, cx: &ToolCx) -> Result<Value, ToolError> {
        let Value::Object(fields) = arguments else {
            return Err(wrong(format!("the arguments of `{}` are no JSON object", self.function.name)));
        };
        // Null counts as not given, as in a step.
        let given: Map<String, Value> = fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let all = Value::Object(given.clone());
        let problems: Vec<String> = self
            .fits
            .iter_errors(&all)
            .map(|error| match error.instance_path().to_string() {
                place if place.is_empty() => error.to_string(),
                place => format!("{error} (at `{place}`)"),
            })
            .collect();
        if !problems.is_empty() {
            return Err(wrong(format!(
                "the arguments of `{}` do not fit: {}",
                self.function.name,
                problems.join("; ")
            )));
        }
        let outcome = self.tool.run(&self.operation, given, cx).await?;
        match outcome.failure {
            Some(failure) => Err(ToolError(failure)),
            None => Ok(outcome.result),
        }
    }
}
