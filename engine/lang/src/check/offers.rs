//! Tools that a model is offered (419; 401, 403 and 411 as of a step's own tool). Only literals are judged.

use super::{Checker, codes, parameters};
use crate::{
    registry::{Offered, ParamKind, ParamSpec, offers::Reason},
    syntax::NodeId,
    text::TextEdit,
};

pub(super) fn check(checker: &mut Checker<'_>) {
    for step in checker.scopes.steps().to_vec() {
        let specs = parameters::specs(checker, step).unwrap_or_default();
        let offers = |spec: &ParamSpec| spec.items.as_ref().is_some_and(|item| item.kind == ParamKind::Tool);
        for parameter in &step.parameters {
            if specs.iter().any(|spec| spec.name == parameter.name && offers(spec)) {
                for item in checker.tree.items(parameter.value).collect::<Vec<_>>() {
                    one(checker, item);
                }
            }
        }
    }
}

/// A name, or `{name, actions}`.
fn one(checker: &mut Checker<'_>, item: NodeId) {
    let is_part = checker.tree.is_mapping(item);
    let name_node = if is_part { checker.tree.get(item, "name").map(|entry| entry.value) } else { Some(item) };
    let Some(name_node) = name_node.filter(|node| is_literal(checker, *node)) else { return };
    let Some(name) = checker.tree.string(name_node) else { return };
    let actions = if is_part { checker.tree.get(item, "actions") } else { None };
    let nodes = actions.map(|entry| checker.tree.items(entry.value).collect::<Vec<_>>());
    let mut named = Vec::new();
    for node in nodes.iter().flatten() {
        match checker.tree.string(*node).filter(|_| is_literal(checker, *node)) {
            Some(action) => named.push(action.trim().to_owned()),
            // Which it is, is known when the step runs.
            None => return,
        }
    }
    let named: Vec<&str> = named.iter().map(String::as_str).collect();
    let Err(refused) = Offered::of(checker.registry, name.trim(), nodes.as_ref().map(|_| &*named)) else { return };
    let node = refused.operation.and_then(|index| nodes.as_ref()?.get(index).copied()).unwrap_or(name_node);
    let range = checker.token(node);
    let code = match refused.reason {
        Reason::UnknownTool => codes::UNKNOWN_TOOL,
        Reason::UnknownOperation => codes::UNKNOWN_OPERATION,
        Reason::Acts => codes::ACTING_TOOL,
        Reason::NotAvailable => codes::NOT_AVAILABLE,
    };
    let name = name.trim().to_owned();
    let diagnostic = checker.report(code, range, refused.message);
    diagnostic.suggest(refused.candidate.as_deref());
    if !is_part && !refused.others.is_empty() {
        let narrowed = format!("{{name: {name}, actions: [{}]}}", refused.others.join(", "));
        diagnostic
            .fix(format!("Offer `{}` only", refused.others.join("`, `")), vec![TextEdit::replace(range, narrowed)]);
    }
}

fn is_literal(checker: &Checker<'_>, node: NodeId) -> bool {
    checker.tree.is_scalar(node) && !checker.is_dynamic(node) && !checker.is_null(node)
}
