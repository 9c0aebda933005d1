use lang::model::FailurePolicy;

use super::{Effect, Ending, Input, Node, Schedule, SkipReason};

/// Runs the scope with every started step ending as `endings` says (default: success), in order of
/// their start, and writes down what happened.
fn trace(nodes: Vec<Node>, limit: usize, endings: &[(usize, Ending)]) -> String {
    let mut schedule = Schedule::new(nodes, limit);
    let mut running = std::collections::VecDeque::new();
    let mut lines = Vec::new();
    let mut effects = schedule.step(Input::Begin);
    loop {
        for effect in effects {
            match effect {
                Effect::Ready(_) => {}
                Effect::Start(step) => {
                    running.push_back(step);
                    lines.push(format!("start {step}"));
                }
                Effect::Skip(step, SkipReason::Routed(by)) => lines.push(format!("skip {step} (route of {by})")),
                Effect::Skip(step, SkipReason::DependencyFailed(by)) => {
                    lines.push(format!("skip {step} ({by} failed)"));
                }
                Effect::NotRun(step) => lines.push(format!("not run {step}")),
                Effect::Finished => lines.push("finished".to_owned()),
            }
        }
        let Some(step) = running.pop_front() else { break };
        let ending = endings.iter().find(|(at, _)| *at == step).map_or(Ending::Succeeded, |(_, ending)| *ending);
        effects = schedule.step(Input::Ended { step, ending, goto: None });
    }
    lines.join(", ")
}

fn chain(count: usize) -> Vec<Node> {
    (0..count).map(|step| Node::new(if step == 0 { vec![] } else { vec![step - 1] })).collect()
}

#[test]
fn an_empty_scope_finishes_at_once() {
    assert_eq!(trace(vec![], 4, &[]), "finished");
}

#[test]
fn independent_steps_start_in_order_of_declaration() {
    let nodes = vec![Node::new(vec![]), Node::new(vec![]), Node::new(vec![0, 1])];
    assert_eq!(trace(nodes, 4, &[]), "start 0, start 1, start 2, finished");
}

#[test]
fn a_step_starts_when_its_own_dependencies_end_though_others_still_run() {
    let mut schedule = Schedule::new(vec![Node::new(vec![]), Node::new(vec![]), Node::new(vec![0])], 4);
    schedule.step(Input::Begin);
    let effects = schedule.step(Input::Ended { step: 0, ending: Ending::Succeeded, goto: None });
    assert_eq!(effects, [Effect::Ready(2), Effect::Start(2)]);
}

#[test]
fn no_more_than_the_limit_run_at_a_time() {
    let mut schedule = Schedule::new(vec![Node::new(vec![]); 5], 2);
    let starts = |effects: Vec<Effect>| effects.iter().filter(|effect| matches!(effect, Effect::Start(_))).count();
    assert_eq!(starts(schedule.step(Input::Begin)), 2);
    assert_eq!(starts(schedule.step(Input::Ended { step: 1, ending: Ending::Succeeded, goto: None })), 1);
}

#[test]
fn what_is_limited_on_its_own_keeps_nobody_else_waiting() {
    let mut nodes = vec![Node::new(vec![]); 6];
    nodes[..4].iter_mut().for_each(|node| node.lane = Some(0));
    let mut schedule = Schedule::new(nodes, 1).with_lanes(vec![2]);
    let started = |effects: Vec<Effect>| -> Vec<usize> {
        let start = |effect| if let Effect::Start(step) = effect { Some(step) } else { None };
        effects.into_iter().filter_map(start).collect()
    };
    assert_eq!(started(schedule.step(Input::Begin)), [0, 1, 4]);
    let mut end = |step| started(schedule.step(Input::Ended { step, ending: Ending::Succeeded, goto: None }));
    assert_eq!(end(4), [5]);
    assert_eq!(end(1), [2]);
    assert_eq!(end(5), [0; 0]);
    assert_eq!((end(0), end(2), end(3)), (vec![3], vec![], vec![]));
}

#[test]
fn a_loop_takes_no_place() {
    let mut nodes = vec![Node::new(vec![]); 3];
    nodes[0].takes_place = false;
    assert_eq!(Schedule::new(nodes, 1).step(Input::Begin).iter().filter(|e| matches!(e, Effect::Start(_))).count(), 2);
}

#[test]
fn the_policy_fail_lets_running_steps_finish_and_admits_no_more() {
    let nodes = vec![Node::new(vec![]), Node::new(vec![]), Node::new(vec![1]), Node::new(vec![])];
    assert_eq!(trace(nodes, 2, &[(0, Ending::Failed)]), "start 0, start 1, not run 2, not run 3, finished");
}

#[test]
fn the_policies_continue_and_retry_let_dependants_run() {
    for policy in [FailurePolicy::Continue, FailurePolicy::Retry] {
        let mut nodes = chain(3);
        nodes[0].policy = policy;
        assert_eq!(trace(nodes, 4, &[(0, Ending::Failed)]), "start 0, start 1, start 2, finished");
    }
}

#[test]
fn the_policy_skip_skips_all_that_depend_on_the_step_and_nothing_else() {
    let mut nodes = vec![Node::new(vec![]), Node::new(vec![0]), Node::new(vec![]), Node::new(vec![1, 2])];
    nodes[0].policy = FailurePolicy::Skip;
    assert_eq!(
        trace(nodes, 4, &[(0, Ending::Failed)]),
        "start 0, start 2, skip 1 (0 failed), skip 3 (0 failed), finished"
    );
}

#[test]
fn a_dependant_of_a_skipped_step_runs() {
    assert_eq!(trace(chain(2), 4, &[(0, Ending::Skipped)]), "start 0, start 1, finished");
}

/// The shape of `supported/04_conditions`: 0 gate, 1 long, 2 short, 3 mark, 4 summary.
fn two_branches() -> Vec<Node> {
    let mut nodes = chain(5);
    nodes[0].on_false = Some(2);
    nodes[1].on_success = Some(4);
    nodes
}

#[test]
fn a_route_after_a_false_condition_skips_the_steps_between() {
    assert_eq!(
        trace(two_branches(), 4, &[(0, Ending::Skipped)]),
        "start 0, skip 1 (route of 0), start 2, start 3, start 4, finished"
    );
}

#[test]
fn a_route_after_success_skips_the_steps_between() {
    assert_eq!(
        trace(two_branches(), 4, &[]),
        "start 0, start 1, skip 2 (route of 1), skip 3 (route of 1), start 4, finished"
    );
}

#[test]
fn a_route_after_failure_replaces_the_policy() {
    let mut nodes = chain(3);
    nodes[0].on_failure = Some(2);
    assert_eq!(trace(nodes, 4, &[(0, Ending::Failed)]), "start 0, skip 1 (route of 0), start 2, finished");
}

#[test]
fn a_skipped_step_never_fires_its_own_route() {
    let mut nodes = chain(4);
    nodes[0].on_success = Some(2);
    nodes[1].on_false = Some(3);
    assert_eq!(trace(nodes, 4, &[]), "start 0, skip 1 (route of 0), start 2, start 3, finished");
}

#[test]
fn goto_jumps_forward_after_a_success() {
    let mut schedule = Schedule::new(chain(3), 4);
    schedule.step(Input::Begin);
    let effects = schedule.step(Input::Ended { step: 0, ending: Ending::Succeeded, goto: Some(2) });
    assert_eq!(effects, [Effect::Skip(1, SkipReason::Routed(0)), Effect::Ready(2), Effect::Start(2)]);
}

#[test]
fn after_a_cancel_nothing_starts_and_the_rest_is_not_run() {
    let mut schedule = Schedule::new(chain(3), 4);
    schedule.step(Input::Begin);
    assert_eq!(schedule.step(Input::Cancel), []);
    let effects = schedule.step(Input::Ended { step: 0, ending: Ending::Cancelled, goto: None });
    assert_eq!(effects, [Effect::NotRun(1), Effect::NotRun(2), Effect::Finished]);
}

#[test]
fn a_long_chain_needs_no_stack() {
    let end = trace(chain(100_000), 4, &[(0, Ending::Skipped)]);
    assert!(end.ends_with("start 99999, finished"));
}

#[test]
fn who_waits_for_a_person_holds_up_only_what_depends_on_it() {
    let nodes =
        vec![Node::new(vec![]), Node::new(vec![0]), Node::new(vec![]), Node::new(vec![2]), Node::new(vec![1, 3])];
    assert_eq!(trace(nodes, 1, &[(0, Ending::Waiting)]), "start 0, start 2, start 3, not run 1, not run 4, finished");
}
