//! Actions that need no tool: their description and their execution, and the forms of `action` that
//! are sentences (`echo …`, `write … to notes.md`, `<AUTO>…</AUTO>`).

use std::sync::{Arc, LazyLock};

use indexmap::IndexMap;
use lang::registry::ActionSpec;
use serde_json::{Map, Value};

use crate::tools::{Outcome, ToolCx, ToolError, ToolFuture};

mod generate;

mod structured;

mod analyze;

mod said;

mod offers;
pub(crate) use offers::functions;

mod rounds;
pub(crate) use rounds::LARGEST_ROUND;

mod condition;

mod echo;

mod tool_actions;

mod prose;
pub use prose::file_prose;

/// An action without a tool.
pub trait Action: Send + Sync {
    /// What it is, for the registry.
    fn spec(&self) -> ActionSpec;

    /// How it is executed, where that takes nothing but its parameters and no time.
    fn computes(&self) -> Option<Computes> {
        None
    }

    /// Executes it with rendered, checked `params`. Must stop soon after `cx.cancel` is cancelled.
    fn run<'a>(&'a self, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a>;
}

/// From rendered parameters to what comes of them.
pub type Computes = fn(Map<String, Value>) -> Result<Outcome, ToolError>;

/// How the action of this canonical name is executed, where that takes nothing but its parameters.
pub fn computes(name: &str) -> Option<Computes> {
    BY_NAME.get(name)?.1.computes()
}

/// All of them that execute, in the order completion offers them.
pub fn all() -> Vec<Arc<dyn Action>> {
    vec![
        Arc::new(generate::Generate),
        Arc::new(structured::GenerateStructured),
        Arc::new(analyze::AnalyzeText),
        Arc::new(condition::EvaluateCondition),
        Arc::new(echo::Echo),
        Arc::new(tool_actions::FILESYSTEM),
        Arc::new(tool_actions::PROCESS),
        Arc::new(tool_actions::VALIDATE),
    ]
}

/// Actions with what they are.
type Known = IndexMap<String, (ActionSpec, Arc<dyn Action>)>;

/// By name, once: a spec holds schemas, which take longer to make than most actions to run.
static BY_NAME: LazyLock<Known> = LazyLock::new(|| {
    let named = |action: Arc<dyn Action>| {
        let spec = action.spec();
        (spec.name.clone(), (spec, action))
    };
    all().into_iter().map(named).collect()
});

/// What they are, in the same order.
pub fn specs() -> impl Iterator<Item = &'static ActionSpec> {
    BY_NAME.values().map(|(spec, _)| spec)
}

/// Executes the action of this canonical name ([`lang::registry::Registry::resolve`] finds it).
pub async fn run_action(name: &str, params: Map<String, Value>, cx: &ToolCx) -> Result<Outcome, ToolError> {
    match BY_NAME.get(name) {
        Some((_, action)) => action.run(params, cx).await,
        None => {
            Err(ToolError::new("UnknownActionError", format!("this version of orc cannot execute the action `{name}`")))
        }
    }
}

/// `echo …` and its like: the rendered text after the verb is the result, quotes and all.
pub fn echo(text: &str) -> Outcome {
    Outcome::ok(Value::from(text))
}

/// An action that is one `<AUTO>…</AUTO>`: its rendered body is asked of a model.
pub async fn auto(prompt: &str, params: Map<String, Value>, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let mut params = params;
    params.insert("prompt".to_owned(), Value::from(prompt));
    generate::Generate.run(params, cx).await
}
