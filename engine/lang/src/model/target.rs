//! What a step's or item's `tool` and `action` mean, from what is written there.

use super::{KeyUse, LoopItem, Step};
use crate::{
    registry::{OperationSource, Registry, Target},
    syntax::Tree,
    template,
};

/// What a step does.
pub fn of_step<'r>(tree: &Tree, registry: &'r Registry, step: &Step) -> Target<'r> {
    let [tool, action] = [&step.tool, &step.action].map(|word| word.as_ref().map(|word| &*word.value));
    resolve(tree, registry, tool, action, &step.parameters)
}

/// What an item of an action loop or queue does.
pub fn of_item<'r>(tree: &Tree, registry: &'r Registry, item: &LoopItem) -> Target<'r> {
    let [tool, action] = [&item.tool, &item.action].map(|word| word.as_ref().map(|word| &*word.value));
    resolve(tree, registry, tool, action, &item.parameters)
}

/// What `tool`, `action` and the operation parameter mean together.
pub fn resolve<'r>(
    tree: &Tree,
    registry: &'r Registry,
    tool: Option<&str>,
    action: Option<&str>,
    parameters: &[KeyUse],
) -> Target<'r> {
    let literal = |name: &str| {
        let parameter = parameters.iter().find(|parameter| parameter.name == name)?;
        tree.string(parameter.value).filter(|text| template::is_plain(text))
    };
    let source = tool.or(action).and_then(|name| registry.tool(name)).map(|tool| tool.operation_source);
    let operation = match source {
        Some(OperationSource::Parameter(name)) => literal(name),
        _ => literal("action"),
    };
    registry.resolve(tool, action, operation.as_deref())
}
