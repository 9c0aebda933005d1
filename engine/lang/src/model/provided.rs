//! Steps whose failure is not sure to be one of the run: they may not run at all, or the pipeline says what
//! happens when they fail.

use rustc_hash::FxHashSet;

use super::{FailurePolicy, Step, StepIndex, scope::Scopes};
use crate::{graph::Graph, registry::LoopConstruct, syntax::Tree};

/// Keys of a step that make it conditional, or say what happens when it fails.
const PROVIDES: [&str; 10] = [
    "condition",
    "if",
    "while",
    "until",
    "continue_on_error",
    "on_error",
    "error_handlers",
    "retry",
    "retry_config",
    "max_retries",
];

/// What is asked of the steps of one pipeline.
#[derive(Debug)]
pub(crate) struct Provided<'a> {
    tree: &'a Tree,
    /// The steps that others route to, that handle errors, and that a route may pass over.
    elsewhere: FxHashSet<StepIndex>,
}

impl<'a> Provided<'a> {
    pub(crate) fn new(tree: &'a Tree, graph: &Graph, scopes: &Scopes<'_>) -> Self {
        let mut elsewhere: FxHashSet<StepIndex> = graph.routes.iter().map(|route| route.to).collect();
        elsewhere.extend(scopes.steps().iter().map(|step| step.index).filter(|step| scopes.is_handler(*step)));
        let routing: Vec<StepIndex> =
            scopes.steps().iter().filter(|step| !step.routes.is_empty()).map(|step| step.index).collect();
        if !routing.is_empty() {
            elsewhere.extend(graph.waiting_for(&graph.outgoing(), routing));
        }
        Self { tree, elsewhere }
    }

    /// Whether the step may not run at all, or its failure is no surprise.
    pub(crate) fn is_for(&self, scopes: &Scopes<'_>, step: StepIndex) -> bool {
        scopes.around(step).any(|step| {
            let this = scopes.step(step);
            let goes_on = this.on_failure.as_ref().is_some_and(|policy| policy.value != FailurePolicy::Fail);
            let routes = this.routes.iter().any(|route| route.key == "on_failure");
            goes_on
                || routes
                || self.elsewhere.contains(&step)
                || self.may_be_empty(this)
                || PROVIDES.iter().any(|key| this.key(key).is_some())
        })
    }

    /// Whether it is a loop that may have no iteration; a list with something in it has one.
    fn may_be_empty(&self, step: &Step) -> bool {
        match step.loops {
            Some(LoopConstruct::ForEach) => {
                let list = step.key("for_each").or_else(|| step.key("foreach"));
                list.is_none_or(|list| self.tree.items(self.tree.resolve(list.value)).next().is_none())
            }
            Some(LoopConstruct::While | LoopConstruct::Queue) => true,
            Some(LoopConstruct::ActionLoop) | None => false,
        }
    }
}
