//! The step graph: who waits for whom and why, cycles with their path, levels.
//!
//! Edges stand between steps of one scope: the root's steps, or the steps of one loop's body. What
//! a body refers to outside becomes an edge of the loop step itself. Outputs make no edges.

use rustc_hash::{FxHashMap, FxHashSet};
use text_size::TextRange;

use crate::{
    model::{
        Pipeline, StepIndex,
        lower::sites::{self, Site},
        scope::{Binding, Scopes},
    },
    syntax::Tree,
    template::Templates,
};

mod cycles;
pub(crate) use cycles::Outgoing;

/// Why an edge exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// `dependencies` / `depends_on`.
    Declared,
    /// A template of a parameter, of `action`, `location`, or of a body.
    Template,
    /// A condition, a loop or a templated route.
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

/// The edges of a pipeline.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    /// All edges, by the waiting step, then by the step it waits for; of several between two steps
    /// the declared one is first, the others follow in order of place.
    pub edges: Vec<Edge>,
    /// Where steps route to literally, by the routing step: no waiting, but the target must not
    /// start before the source has ended. Routes to unknown, own or earlier steps are left out.
    pub routes: Vec<Edge>,
    /// Cycles as paths of edges, each ending where it begins: for every group of steps that wait for
    /// each other the shortest ones, until each step of the group stands in one (at most
    /// [`MAX_CYCLES`] per group).
    pub cycles: Vec<Vec<Edge>>,
    /// Root steps by level: a step's level is one more than the highest of what it waits for. Steps
    /// on or behind cycles are left out.
    pub levels: Vec<Vec<StepIndex>>,
    /// For each step, where its edges begin and end in [`Self::edges`].
    incoming: Vec<(u32, u32)>,
}

/// How many cycles are listed per group of steps that wait for each other.
pub const MAX_CYCLES: usize = 16;

impl Graph {
    /// The steps `step` waits for, in order, each once.
    pub fn dependencies(&self, step: StepIndex) -> Vec<StepIndex> {
        let mut found: Vec<StepIndex> = self.incoming(step).iter().map(|edge| edge.from).collect();
        found.dedup();
        found
    }

    /// The edges that make `step` wait.
    pub fn incoming(&self, step: StepIndex) -> &[Edge] {
        let (start, end) = self.incoming.get(step.0 as usize).copied().unwrap_or_default();
        &self.edges[start as usize..end as usize]
    }

    /// Whether `step` waits for `other`, directly or through others.
    pub fn waits_for(&self, step: StepIndex, other: StepIndex) -> bool {
        let mut seen = FxHashSet::default();
        let mut queue = vec![step];
        while let Some(at) = queue.pop() {
            for edge in self.incoming(at) {
                if edge.from == other {
                    return true;
                }
                if seen.insert(edge.from) {
                    queue.push(edge.from);
                }
            }
        }
        false
    }

    /// All steps that wait for `step`, directly or through others, in order.
    pub fn dependants(&self, step: StepIndex) -> Vec<StepIndex> {
        let mut found: Vec<StepIndex> = self.waiting_for(&self.outgoing(), [step]).into_iter().collect();
        found.sort_unstable();
        found
    }

    /// The edges by the step they leave, for [`Self::waiting_for`].
    pub(crate) fn outgoing(&self) -> Outgoing {
        cycles::outgoing(&self.edges, self.incoming.len())
    }

    /// All steps that wait for one of `steps`, directly or through others. It takes as long as there are such.
    pub(crate) fn waiting_for(
        &self,
        outgoing: &Outgoing,
        steps: impl IntoIterator<Item = StepIndex>,
    ) -> FxHashSet<StepIndex> {
        let mut waiting = FxHashSet::default();
        let mut queue: Vec<StepIndex> = steps.into_iter().collect();
        while let Some(at) = queue.pop() {
            let next = outgoing.of(at).iter().map(|edge| self.edges[*edge as usize].to);
            queue.extend(next.filter(|to| waiting.insert(*to)));
        }
        waiting
    }
}

/// Builds the graph from a pipeline and the references in its templates.
pub fn graph(tree: &Tree, pipeline: &Pipeline, templates: &Templates, sites: &[Site]) -> Graph {
    let scopes = Scopes::new(pipeline, tree);
    let mut edges = Vec::new();
    for step in scopes.steps() {
        for dependency in &step.dependencies {
            if let Some(from) = scopes.visible_step(scopes.parent(step.index), &dependency.value)
                && let Some((from, to)) = edge(&scopes, from, step.index)
            {
                edges.push(Edge { from, to, origin: Origin::Declared, range: dependency.range });
            }
        }
    }
    for site in sites {
        template_edges(tree, templates, &scopes, *site, &mut edges);
    }
    edges.sort_by_key(|edge| {
        (edge.to, edge.from, edge.origin != Origin::Declared, edge.range.start(), edge.range.end(), edge.origin)
    });
    edges.dedup_by_key(|edge| (edge.to, edge.from, edge.range));

    let count = scopes.steps().len();
    let mut incoming = vec![(0, 0); count];
    for (at, edge) in edges.iter().enumerate() {
        let slot: &mut (u32, u32) = &mut incoming[edge.to.0 as usize];
        if slot.1 == 0 {
            slot.0 = at as u32;
        }
        slot.1 = at as u32 + 1;
    }
    let mut graph = Graph { edges, incoming, ..Graph::default() };
    graph.cycles = cycles::cycles(&graph.edges, count);
    graph.levels = levels(&graph, pipeline);
    graph.routes = routes(&graph, &scopes);
    graph
}

/// The edge that makes `to`, or the loop around it, wait for `from`; `None` if one is the other or
/// lies within it.
fn edge(scopes: &Scopes<'_>, from: StepIndex, to: StepIndex) -> Option<(StepIndex, StepIndex)> {
    let to = scopes.ancestor_in(to, scopes.parent(from))?;
    (from != to).then_some((from, to))
}

fn template_edges(tree: &Tree, templates: &Templates, scopes: &Scopes<'_>, site: Site, edges: &mut Vec<Edge>) {
    let (Some(step), Some(template)) = (site.step, templates.get(&site.node)) else { return };
    if template.references.is_empty() {
        return;
    }
    let origin = match site.place {
        sites::Place::Condition | sites::Place::Step | sites::Place::Handler => Origin::ControlFlow,
        _ => Origin::Template,
    };
    let decoded = tree.decoded(site.node);
    for reference in &template.references {
        let Some(Binding::Step(target)) = scopes.resolve(&site, &reference.root) else { continue };
        let Some((from, to)) = edge(scopes, target, step) else { continue };
        edges.push(Edge { from, to, origin, range: decoded.source_range(reference.root_range) });
    }
}

/// Kahn's algorithm over the root's steps.
fn levels(graph: &Graph, pipeline: &Pipeline) -> Vec<Vec<StepIndex>> {
    let outgoing = cycles::outgoing(&graph.edges, graph.incoming.len());
    let mut missing: FxHashMap<StepIndex, usize> =
        pipeline.steps.iter().map(|step| (step.index, graph.incoming(step.index).len())).collect();
    let mut level: Vec<StepIndex> =
        pipeline.steps.iter().map(|step| step.index).filter(|step| missing[step] == 0).collect();
    let mut levels = Vec::new();
    while !level.is_empty() {
        let mut next = Vec::new();
        for step in &level {
            for edge in outgoing.of(*step) {
                let to = graph.edges[*edge as usize].to;
                if let Some(left) = missing.get_mut(&to) {
                    *left -= 1;
                    if *left == 0 {
                        next.push(to);
                    }
                }
            }
        }
        next.sort_unstable();
        levels.push(std::mem::replace(&mut level, next));
    }
    levels
}

/// Literal routes that lead forward.
fn routes(graph: &Graph, scopes: &Scopes<'_>) -> Vec<Edge> {
    let mut routes = Vec::new();
    for step in scopes.steps().iter().filter(|step| !step.routes.is_empty()) {
        for route in &step.routes {
            let Some(target) = scopes.in_scope(scopes.parent(step.index), &route.target.value) else { continue };
            let forward = target != step.index && !graph.waits_for(step.index, target);
            if forward {
                routes.push(Edge {
                    from: step.index,
                    to: target,
                    origin: Origin::ControlFlow,
                    range: route.target.range,
                });
            }
        }
    }
    routes
}

#[cfg(test)]
mod tests;
