//! Edges, cycles and levels of small pipelines.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;

use crate::{
    analysis::Analysis,
    graph::{Edge, MAX_CYCLES},
    model::StepIndex,
    registry::Registry,
};

fn analyse(steps: &str) -> Analysis {
    Analysis::new(Arc::new(Registry::default()), "test.orc.yaml", &format!("name: test\nsteps:\n{steps}"))
}

fn id(analysis: &Analysis, step: StepIndex) -> String {
    analysis.pipeline().all_steps()[step.0 as usize].id_text().to_owned()
}

/// Each edge as `waiting<first`.
fn edges(analysis: &Analysis, edges: &[Edge]) -> Vec<String> {
    edges.iter().map(|edge| format!("{}<{}", id(analysis, edge.to), id(analysis, edge.from))).collect()
}

fn levels(analysis: &Analysis) -> Vec<Vec<String>> {
    let levels = analysis.graph().levels.iter();
    levels.map(|level| level.iter().map(|step| id(analysis, *step)).collect()).collect()
}

#[test]
fn templates_conditions_and_lists_make_steps_wait() {
    let analysis = analyse(
        "- {id: d, action: x, condition: 'c.success', depends_on: 'a, b'}\n\
         - {id: a, action: x}\n\
         - {id: b, action: x, parameters: {text: ['{{ a.result }}']}}\n\
         - {id: c, action: x}\n",
    );
    assert_eq!(edges(&analysis, &analysis.graph().edges), ["d<a", "d<b", "d<c", "b<a"]);
    assert_eq!(levels(&analysis), [vec!["a", "c"], vec!["b"], vec!["d"]]);
}

#[test]
fn what_a_body_needs_from_outside_makes_the_loop_wait() {
    let analysis = analyse(
        "- {id: a, action: x}\n\
         - id: l\n  for_each: [1]\n  steps:\n  \
         - {id: one, action: x, parameters: {text: '{{ a }}'}}\n  \
         - {id: two, action: x, parameters: {text: '{{ one.result }}'}}\n\
         - {id: z, action: x, parameters: {text: '{{ l.result.count }}'}}\n",
    );
    assert_eq!(edges(&analysis, &analysis.graph().edges), ["l<a", "two<one", "z<l"]);
    assert_eq!(levels(&analysis), [["a"], ["l"], ["z"]]);
}

#[test]
fn a_cycle_is_told_by_its_shortest_path_and_left_out_of_the_levels() {
    let analysis = analyse(
        "- {id: a, action: x, dependencies: [c]}\n\
         - {id: b, action: x, dependencies: [a]}\n\
         - {id: c, action: x, dependencies: [b, a]}\n\
         - {id: d, action: x}\n",
    );
    let cycles: Vec<Vec<String>> = analysis.graph().cycles.iter().map(|cycle| edges(&analysis, cycle)).collect();
    assert_eq!(cycles, [vec!["c<a", "a<c"], vec!["c<b", "a<c", "b<a"]]);
    assert_eq!(levels(&analysis), [["d"]]);
}

#[test]
fn routes_lead_forward_and_make_nobody_wait() {
    let analysis = analyse(
        "- {id: a, action: x, on_failure: b}\n\
         - {id: b, action: x, dependencies: [a], on_success: a}\n",
    );
    assert_eq!(edges(&analysis, &analysis.graph().routes), ["b<a"]);
    assert_eq!(edges(&analysis, &analysis.graph().edges), ["b<a"]);
}

#[test]
fn every_step_that_waits_for_every_other_lists_few_cycles() {
    let names: Vec<String> = (0..100).map(|number| format!("s{number}")).collect();
    let all = names.join(", ");
    let steps: Vec<String> =
        names.iter().map(|name| format!("- {{id: {name}, action: x, dependencies: [{all}]}}\n")).collect();
    let analysis = analyse(&steps.concat());
    assert_eq!(analysis.graph().cycles.len(), MAX_CYCLES);
    assert!(analysis.graph().cycles.iter().all(|cycle| cycle.len() == 2));
}

#[test]
fn a_long_chain_has_a_level_for_each_step() {
    let mut steps = "- {id: s0, action: x}\n".to_owned();
    for number in 1..2000 {
        steps.extend([format!("- {{id: s{number}, action: x, dependencies: [s{}]}}\n", number - 1)]);
    }
    let analysis = analyse(&steps);
    assert_eq!(analysis.graph().levels.len(), 2000);
    let last = analysis.pipeline().steps.last().unwrap().index;
    assert!(analysis.graph().waits_for(last, StepIndex(0)));
}
