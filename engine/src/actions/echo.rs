//! `echo`: a text, rendered; what `debug` was. As a sentence (`echo …`) it takes no parameters and
//! needs no entry in the registry.

use lang::registry::{ActionSpec, Effect};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Action, Computes};
use crate::{
    catalog::ActionBuilder,
    tools::{Outcome, ToolCx, ToolError, ToolFuture, params},
};

/// The action.
#[derive(Debug, Clone, Copy)]
pub(super) struct Echo;

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// The text.
    #[schemars(with = "String")]
    message: Value,
}

impl Action for Echo {
    fn spec(&self) -> ActionSpec {
        ActionBuilder::new::<Params, String>(
            "echo",
            "Gives back a text. Use it to show a value or to name one.",
            Effect::Pure,
        )
        .open_params()
        .example(
            "
- id: note
  action: echo
  parameters:
    message: \"{{ read.result.size }} bytes\"
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
    let params: Params = params::read("echo", params)?;
    Ok(super::echo(&params::text(&params.message)))
}
