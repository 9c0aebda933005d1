//! The step graph: who waits for whom and why, cycles with their path, levels.

use text_size::TextRange;

use crate::{
    model::{Pipeline, StepIndex},
    syntax::Tree,
};

/// Why an edge exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Origin {
    /// `dependencies` / `depends_on`.
    Declared,
    /// A template of a parameter, of `action`, `location` or an output of the body.
    Template,
    /// A condition, loop or route.
    ControlFlow,
}

/// `to` waits for `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// The step that ends first.
    pub from: StepIndex,
    /// The step that waits.
    pub to: StepIndex,
    /// Why.
    pub origin: Origin,
    /// Where it is said: the id in the list, or the name in the template.
    pub range: TextRange,
}

/// The edges of a pipeline. Edges stand between steps of one scope (the root's steps, or one loop's
/// body); what a body refers to outside becomes an edge of the loop step itself.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// All edges in order of place; the first of several between two steps is the declared one if
    /// there is one.
    pub edges: Vec<Edge>,
    /// Each elementary cycle once, as a path of edges.
    pub cycles: Vec<Vec<Edge>>,
    /// Root steps by level: a step's level is one more than the highest of what it waits for. Steps
    /// on cycles are left out.
    pub levels: Vec<Vec<StepIndex>>,
}

impl Graph {
    /// The steps `step` waits for, in order, each once.
    pub fn dependencies(&self, step: StepIndex) -> Vec<StepIndex> {
        let mut found: Vec<StepIndex> =
            self.edges.iter().filter(|edge| edge.to == step).map(|edge| edge.from).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

/// Builds the graph from a pipeline and the references in its templates.
pub fn graph(tree: &Tree, pipeline: &Pipeline, templates: &crate::analysis::Templates) -> Graph {
    let _ = (tree, pipeline, templates);
    Graph::default()
}
