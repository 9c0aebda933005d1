//! Actions that stand for a tool: `filesystem`, `process` (`data-processing`), `validate`
//! (`validation`). The operation stands in `parameters.action`.

use lang::registry::ActionSpec;
use serde_json::{Map, Value};

use super::Action;
use crate::{
    catalog::ActionBuilder,
    tools::{self, ToolCx, ToolError, ToolFuture},
};

/// `filesystem` as an action.
pub(super) const FILESYSTEM: ToolAction = ToolAction {
    name: "filesystem",
    tool: "filesystem",
    doc: "The tool `filesystem`; the operation stands in `parameters.action`.",
    default_operation: None,
    example: "
- id: save
  action: filesystem
  parameters: {action: write, path: output/a.txt, content: hello}
",
};

/// `process`.
pub(super) const PROCESS: ToolAction = ToolAction {
    name: "process",
    tool: "data-processing",
    doc: "The tool `data-processing`; the operation stands in `parameters.action`.",
    default_operation: None,
    example: "
- id: adults
  action: process
  parameters: {action: filter, data: people.csv, operation: {criteria: {age: {\">=\": 18}}}}
",
};

/// `validate`.
pub(super) const VALIDATE: ToolAction = ToolAction {
    name: "validate",
    tool: "validation",
    doc: "The tool `validation`; without `parameters.action` it validates.",
    default_operation: Some("validate"),
    example: "
- id: check
  action: validate
  parameters:
    data: \"{{ read.result.content }}\"
    schema: {type: object, required: [name]}
",
};

/// An action that stands for a tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct ToolAction {
    name: &'static str,
    tool: &'static str,
    doc: &'static str,
    default_operation: Option<&'static str>,
    example: &'static str,
}

impl Action for ToolAction {
    fn spec(&self) -> ActionSpec {
        let builder = match tools::find(self.tool) {
            Some(tool) => ActionBuilder::for_tool(self.name, self.doc, &tool.spec()),
            None => {
                ActionBuilder::new::<Map<String, Value>, Value>(self.name, self.doc, lang::registry::Effect::Effectful)
            }
        };
        builder.open_params().example(self.example).available().build()
    }

    fn run<'a>(&'a self, mut params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            let named = params.shift_remove("action").and_then(|action| action.as_str().map(str::to_owned));
            let Some(operation) = named.or_else(|| self.default_operation.map(str::to_owned)) else {
                let message = format!("`{}` needs the operation in the parameter `action`", self.name);
                return Err(ToolError::new("ParameterError", message));
            };
            match tools::find(self.tool) {
                Some(tool) => tool.run(&operation, params, cx).await,
                None => Err(ToolError::new("NotAvailableError", format!("there is no tool `{}`", self.tool))),
            }
        })
    }
}
