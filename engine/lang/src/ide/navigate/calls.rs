//! What feeds a step, and what it feeds.

use text_size::{TextRange, TextSize};

use super::collect;
use crate::{
    analysis::Analysis,
    graph::Edge,
    ide::{Symbol, symbols},
    model::StepIndex,
};

/// A step beside another, and where the one names the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The other step.
    pub step: Symbol,
    /// The places that make one wait for the other, in the step that waits.
    pub ranges: Vec<TextRange>,
}

/// The step at `offset`: the one named there, else the innermost around it.
pub fn step_at(analysis: &Analysis, offset: TextSize) -> Option<Symbol> {
    let all = super::occurrences(analysis);
    let named = super::occurrence_at(&all, offset).and_then(|found| match found.target {
        super::Target::Step(index) => Some(index),
        _ => None,
    });
    symbol(analysis, named.or_else(|| collect::innermost(analysis, offset))?)
}

/// The steps that feed the step at `offset`: those it waits for.
pub fn feeders(analysis: &Analysis, offset: TextSize) -> Vec<Call> {
    let Some(step) = collect::innermost(analysis, offset) else { return Vec::new() };
    gather(analysis, analysis.graph().incoming(step).iter().map(|edge| (edge.from, edge)))
}

/// The steps that the step at `offset` feeds: those that wait for it.
pub fn fed(analysis: &Analysis, offset: TextSize) -> Vec<Call> {
    let Some(step) = collect::innermost(analysis, offset) else { return Vec::new() };
    let edges = analysis.graph().edges.iter();
    gather(analysis, edges.filter(|edge| edge.from == step).map(|edge| (edge.to, edge)))
}

fn gather<'g>(analysis: &Analysis, edges: impl Iterator<Item = (StepIndex, &'g Edge)>) -> Vec<Call> {
    let mut found: Vec<(StepIndex, Call)> = Vec::new();
    for (index, edge) in edges {
        match found.iter_mut().find(|(known, _)| *known == index) {
            Some((_, call)) => call.ranges.push(edge.range),
            None => {
                let Some(step) = symbol(analysis, index) else { continue };
                found.push((index, Call { step, ranges: vec![edge.range] }));
            }
        }
    }
    found.into_iter().map(|(_, call)| call).collect()
}

fn symbol(analysis: &Analysis, index: StepIndex) -> Option<Symbol> {
    let steps = analysis.pipeline().all_steps();
    steps.get(index.0 as usize).map(|step| symbols::step(step))
}
