//! Cycles: groups of steps that wait for each other (Tarjan), and in each the shortest ways around.

use rustc_hash::FxHashSet;

use super::{Edge, MAX_CYCLES};
use crate::model::StepIndex;

/// The edges that leave each step, as indices into the list of edges.
#[derive(Debug)]
pub(crate) struct Outgoing {
    starts: Vec<u32>,
    edges: Vec<u32>,
}

impl Outgoing {
    pub(super) fn of(&self, step: StepIndex) -> &[u32] {
        let at = step.0 as usize;
        &self.edges[self.starts[at] as usize..self.starts[at + 1] as usize]
    }
}

/// Indexes `edges` by the step they leave.
pub(super) fn outgoing(edges: &[Edge], count: usize) -> Outgoing {
    let mut starts = vec![0u32; count + 1];
    for edge in edges {
        starts[edge.from.0 as usize + 1] += 1;
    }
    for at in 0..count {
        starts[at + 1] += starts[at];
    }
    let mut next = starts.clone();
    let mut sorted = vec![0u32; edges.len()];
    for (index, edge) in edges.iter().enumerate() {
        let slot = &mut next[edge.from.0 as usize];
        sorted[*slot as usize] = index as u32;
        *slot += 1;
    }
    Outgoing { starts, edges: sorted }
}

/// The cycles of the graph, in order of their first step; see [`super::Graph::cycles`].
pub(super) fn cycles(edges: &[Edge], count: usize) -> Vec<Vec<Edge>> {
    let outgoing = outgoing(edges, count);
    let groups = groups(edges, &outgoing, count);
    let mut size = vec![0u32; count];
    for group in &groups {
        size[*group as usize] += 1;
    }
    let mut covered = vec![false; count];
    let mut listed = vec![0usize; count];
    let mut found = Vec::new();
    for step in 0..count {
        let group = groups[step];
        if size[group as usize] < 2 || covered[step] || listed[group as usize] == MAX_CYCLES {
            continue;
        }
        let cycle = shortest(edges, &outgoing, &groups, StepIndex(step as u32));
        for edge in &cycle {
            covered[edge.from.0 as usize] = true;
        }
        listed[group as usize] += 1;
        found.push(cycle);
    }
    found
}

/// The shortest way from `start` around to itself, within its group.
fn shortest(edges: &[Edge], outgoing: &Outgoing, groups: &[u32], start: StepIndex) -> Vec<Edge> {
    let mut reached_by: rustc_hash::FxHashMap<StepIndex, u32> = rustc_hash::FxHashMap::default();
    let mut queue = std::collections::VecDeque::from([start]);
    let mut seen = FxHashSet::from_iter([start]);
    while let Some(at) = queue.pop_front() {
        for index in outgoing.of(at) {
            let to = edges[*index as usize].to;
            if groups[to.0 as usize] != groups[start.0 as usize] {
                continue;
            }
            if to == start {
                let mut path = vec![edges[*index as usize].clone()];
                let mut back = at;
                while back != start {
                    let edge = &edges[reached_by[&back] as usize];
                    path.push(edge.clone());
                    back = edge.from;
                }
                path.reverse();
                return path;
            }
            if seen.insert(to) {
                reached_by.insert(to, *index);
                queue.push_back(to);
            }
        }
    }
    Vec::new()
}

/// The strongly connected component of each step, by Tarjan's algorithm without recursion.
fn groups(edges: &[Edge], outgoing: &Outgoing, count: usize) -> Vec<u32> {
    const NEW: u32 = u32::MAX;
    let mut order = vec![NEW; count];
    let mut low = vec![0u32; count];
    let mut group = vec![NEW; count];
    let mut open: Vec<u32> = Vec::new();
    let mut next_order = 0;
    let mut next_group = 0;
    for root in 0..count as u32 {
        if order[root as usize] != NEW {
            continue;
        }
        let mut path: Vec<(u32, usize)> = vec![(root, 0)];
        while let Some((at, child)) = path.last_mut() {
            let node = *at as usize;
            if *child == 0 {
                order[node] = next_order;
                low[node] = next_order;
                next_order += 1;
                open.push(*at);
            }
            let targets = outgoing.of(StepIndex(*at));
            if let Some(index) = targets.get(*child) {
                *child += 1;
                let to = edges[*index as usize].to.0;
                if order[to as usize] == NEW {
                    path.push((to, 0));
                } else if group[to as usize] == NEW {
                    low[node] = low[node].min(order[to as usize]);
                }
                continue;
            }
            let done = *at;
            path.pop();
            if let Some((parent, _)) = path.last() {
                let parent = *parent as usize;
                low[parent] = low[parent].min(low[node]);
            }
            if low[node] == order[node] {
                while let Some(member) = open.pop() {
                    group[member as usize] = next_group;
                    if member == done {
                        break;
                    }
                }
                next_group += 1;
            }
        }
    }
    group
}
