//! `recursion-control`: counters that end a recursion.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Outcome, Tool, ToolCx, ToolError, ToolFuture, params, success, unknown_operation};
use crate::{catalog::ToolBuilder, expression::Expressions, run::lock};

/// Its canonical name.
pub(crate) const NAME: &str = "recursion-control";

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecursionControl;

/// Counters and flags of one context.
#[derive(Debug, Clone)]
struct Context {
    values: Map<String, Value>,
    iterations: u64,
    /// How often it changed, so that the last of its stored states can be told.
    revision: u64,
    began: Instant,
}

impl Default for Context {
    fn default() -> Self {
        Self { values: Map::new(), iterations: 0, revision: 0, began: Instant::now() }
    }
}

/// The state that the steps of one run share, by the name of the context.
///
/// A change is kept with the result of the step that made it; a run that goes on takes its state from
/// those ([`Recursion::remember`]). A change whose step did not come to its end never was.
#[derive(Debug, Clone, Default)]
pub(crate) struct Recursion(Arc<Mutex<BTreeMap<String, Context>>>);

impl Recursion {
    /// Takes in what a step of this tool came to before.
    pub(crate) fn remember(&self, result: &Value) {
        let state = result.get("state").or_else(|| result.get("full_state")).and_then(Value::as_object);
        let number = |name: &str| result.get(name).and_then(Value::as_u64);
        let context = result.get("context_id").and_then(Value::as_str);
        let (Some(values), Some(context), Some(revision)) = (state, context, number("revision")) else { return };
        let mut contexts = lock(&self.0);
        let known = contexts.entry(context.to_owned()).or_default();
        if revision >= known.revision {
            known.values.clone_from(values);
            known.iterations = number("iterations").unwrap_or_default();
            known.revision = revision;
        }
    }

    /// Changes a context, which is empty where nobody used it yet.
    fn change<T>(&self, context: &str, change: impl FnOnce(&mut Context) -> T) -> T {
        let mut contexts = lock(&self.0);
        let context = contexts.entry(context.to_owned()).or_default();
        context.revision += 1;
        change(context)
    }
}

impl Tool for RecursionControl {
    fn spec(&self) -> ToolSpec {
        spec()
    }

    fn run<'a>(&'a self, operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            match operation {
                "check_condition" => check(params::read(NAME, params)?, cx),
                "update_state" => update(params::read(NAME, params)?, cx),
                "get_state" => get(params::read(NAME, params)?, cx),
                "reset" => reset(params::read(NAME, params)?, cx),
                other => Err(unknown_operation(&spec(), other)),
            }
        })
    }
}

fn context_of(named: Option<&str>, cx: &ToolCx) -> String {
    match named {
        Some("auto") => cx.run_id.clone(),
        Some(name) => name.to_owned(),
        None => "default".to_owned(),
    }
}

fn check(params: CheckParams, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let context_id = context_of(params.context_id.as_deref(), cx);
    let depth = cx.above.len() as u64;
    let limit = params.max_iterations.unwrap_or(1000);
    let deepest = params.depth_limit.unwrap_or(10);
    cx.recursion.change(&context_id, |context| {
        context.iterations += 1;
        let seconds = context.began.elapsed().as_secs_f64();
        let late = params.time_limit.filter(|limit| *limit > 0.0 && seconds > *limit);
        let holds = match &params.condition {
            Some(condition) => {
                let mut names = context.values.clone();
                names.insert("iterations".to_owned(), json!(context.iterations));
                names.insert("depth".to_owned(), json!(depth));
                Expressions::new().holds(condition, names).map_err(|problem| {
                    ToolError::new("ValueError", format!("the condition `{condition}` cannot be evaluated: {problem}"))
                })?
            }
            None => false,
        };
        let reason = if holds {
            Some("the condition holds".to_owned())
        } else if context.iterations >= limit {
            Some(format!("{limit} iterations were counted"))
        } else if depth >= deepest {
            Some(format!("pipelines are {depth} deep"))
        } else {
            late.map(|limit| format!("{limit} s have passed"))
        };
        success(&CheckOutput {
            should_terminate: reason.is_some(),
            condition: params.condition.clone(),
            reason,
            state: context.values.clone(),
            iterations: context.iterations,
            depth,
            context_id: context_id.clone(),
            revision: context.revision,
        })
    })
}

fn update(params: UpdateParams, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let context_id = context_of(params.context_id.as_deref(), cx);
    let UpdateParams { state_key, state_value, increment, .. } = params;
    cx.recursion.change(&context_id, |context| {
        let new_value = match (increment, state_value) {
            (Some(step), _) => {
                let before = match context.values.get(&state_key) {
                    None => 0.0,
                    Some(value) => value.as_f64().ok_or_else(|| {
                        let message = format!("`{state_key}` is `{value}`, which nothing can be added to");
                        ToolError::new("ValueError", message)
                    })?,
                };
                number(before + step)
            }
            (None, Some(value)) => value,
            (None, None) => {
                let message = "give `state_value`, or `increment` to add to the value there is";
                return Err(ToolError::new("ParameterError", message));
            }
        };
        context.values.insert(state_key.clone(), new_value.clone());
        success(&UpdateOutput {
            state_key,
            new_value,
            full_state: context.values.clone(),
            iterations: context.iterations,
            context_id: context_id.clone(),
            revision: context.revision,
        })
    })
}

/// Whole numbers stay whole.
fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
}

fn get(params: GetParams, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let context_id = context_of(params.context_id.as_deref(), cx);
    let context = lock(&cx.recursion.0).get(&context_id).cloned().unwrap_or_default();
    let output = match params.state_key {
        Some(key) => GetOutput {
            exists: Some(context.values.contains_key(&key)),
            value: context.values.get(&key).cloned(),
            state_key: Some(key),
            ..GetOutput::default()
        },
        None => GetOutput {
            state: Some(context.values),
            iterations: Some(context.iterations),
            depth: Some(cx.above.len() as u64),
            call_stack: Some(cx.above.iter().map(|id| json!(id)).collect()),
            ..GetOutput::default()
        },
    };
    success(&output)
}

fn reset(params: ResetParams, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let context_id = context_of(params.context_id.as_deref(), cx);
    let revision = cx.recursion.change(&context_id, |context| {
        *context = Context { revision: context.revision, ..Context::default() };
        context.revision
    });
    success(&ResetOutput { context_id, state: Map::new(), revision })
}

/// What the registry knows about it.
fn spec() -> ToolSpec {
    ToolBuilder::new(NAME, DOC)
        .operation::<CheckParams, CheckOutput>(
            "check_condition",
            "Counts an iteration and says whether to stop.",
            Effect::Idempotent,
        )
        .operation::<UpdateParams, UpdateOutput>(
            "update_state",
            "Sets a value of the state, or adds to it.",
            Effect::Idempotent,
        )
        .operation::<GetParams, GetOutput>("get_state", "Reads one value of the state, or all of it.", Effect::Read)
        .open()
        .operation::<ResetParams, ResetOutput>("reset", "Forgets the state.", Effect::Idempotent)
        .open()
        .example(EXAMPLE)
        .available()
        .build()
}

const DOC: &str = "
Keeps counters and flags that steps of a run share, and says when a recursion must end.

The state belongs to the run: it is kept with the results of the steps, and a run that is resumed
goes on with it.
";

const EXAMPLE: &str = r#"
- id: enough
  tool: recursion-control
  action: check_condition
  parameters:
    condition: "attempts >= 3"
    max_iterations: 10
"#;

/// Parameters of `check_condition`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct CheckParams {
    /// The name of the state; `auto` is the id of the run.
    #[schemars(extend("default" = "default"))]
    pub context_id: Option<String>,
    /// Stop when this is true; names are those of the state.
    pub condition: Option<String>,
    /// Stop after this many iterations.
    #[schemars(range(min = 1), extend("default" = 1000))]
    pub max_iterations: Option<u64>,
    /// Stop at this depth of pipelines.
    #[schemars(range(min = 1), extend("default" = 10))]
    pub depth_limit: Option<u64>,
    /// Stop after this many seconds; 0 means never.
    #[schemars(range(min = 0.0), extend("default" = 0))]
    pub time_limit: Option<f64>,
}

/// Parameters of `update_state`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct UpdateParams {
    /// The value to set.
    pub state_key: String,
    /// What to set it to.
    pub state_value: Option<Value>,
    /// What to add to it, in place of `state_value`.
    pub increment: Option<f64>,
    /// The name of the state; `auto` is the id of the run.
    #[schemars(extend("default" = "default"))]
    pub context_id: Option<String>,
}

/// Parameters of `get_state`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct GetParams {
    /// The name of the state; `auto` is the id of the run.
    #[schemars(extend("default" = "default"))]
    pub context_id: Option<String>,
    /// The value to read; without it, all of the state.
    pub state_key: Option<String>,
}

/// Parameters of `reset`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ResetParams {
    /// The name of the state; `auto` is the id of the run.
    #[schemars(extend("default" = "default"))]
    pub context_id: Option<String>,
}

/// What `check_condition` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CheckOutput {
    /// Whether to stop.
    pub should_terminate: bool,
    /// The condition that was asked.
    pub condition: Option<String>,
    /// Why to stop.
    pub reason: Option<String>,
    /// The state.
    pub state: Map<String, Value>,
    /// How many iterations were counted.
    pub iterations: u64,
    /// How many pipelines are above.
    pub depth: u64,
    /// The name of the state.
    pub context_id: String,
    /// How often the state changed.
    pub revision: u64,
}

/// What `update_state` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UpdateOutput {
    /// The value that was set.
    pub state_key: String,
    /// What it is now.
    pub new_value: Value,
    /// All of the state.
    pub full_state: Map<String, Value>,
    /// How many iterations were counted.
    pub iterations: u64,
    /// The name of the state.
    pub context_id: String,
    /// How often the state changed.
    pub revision: u64,
}

/// What `get_state` gives back: one value, or all of the state.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct GetOutput {
    /// The value that was read.
    pub state_key: Option<String>,
    /// What it is.
    pub value: Option<Value>,
    /// Whether it was ever set.
    pub exists: Option<bool>,
    /// All of the state.
    pub state: Option<Map<String, Value>>,
    /// How many iterations were counted.
    pub iterations: Option<u64>,
    /// How many pipelines are above.
    pub depth: Option<u64>,
    /// The pipelines above.
    pub call_stack: Option<Vec<Value>>,
}

/// What `reset` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ResetOutput {
    /// The name of the state that was forgotten.
    pub context_id: String,
    /// What is left of it: nothing.
    pub state: Map<String, Value>,
    /// How often the state changed.
    pub revision: u64,
}
