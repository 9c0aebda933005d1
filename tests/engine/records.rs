//! Steps that count together, and steps that look at earlier runs.

use engine::run::RunConfig;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::{
    cache::kept,
    support::{Ran, Workspace},
};

const COUNT: &str = "\
id: p
steps:
  - id: loop
    while: '{{ not (loop.iterations | last).check.result.should_terminate if loop.iterations else true }}'
    max_iterations: 20
    steps:
      - {id: add, tool: recursion-control, action: update_state, parameters: {state_key: n, increment: 2}}
      - {id: check, tool: recursion-control, action: check_condition, parameters: {condition: 'n >= 6'}, dependencies: [add]}
  - {id: get, tool: recursion-control, action: get_state, parameters: {state_key: n}, dependencies: [loop]}
  - {id: all, tool: recursion-control, action: get_state, dependencies: [get]}
  - {id: reset, tool: recursion-control, action: reset, dependencies: [all]}
  - {id: gone, tool: recursion-control, action: get_state, parameters: {state_key: n}, dependencies: [reset]}
";

#[test]
fn steps_count_together_until_a_condition_holds() {
    let ran = Workspace::new().run(COUNT, &[]);
    assert_eq!(ran.document.status, "completed", "{}", ran.summary());
    assert_eq!(ran.result("loop")["count"], 3);
    let last = &ran.result("loop")["iterations"][2]["check"]["result"];
    assert_eq!((&last["reason"], &last["iterations"]), (&json!("the condition holds"), &json!(3)));
    assert_eq!((&ran.result("get")["value"], &ran.result("get")["exists"]), (&json!(6), &json!(true)));
    assert_eq!(ran.result("all")["state"], json!({"n": 6}));
    assert_eq!(ran.result("gone")["exists"], false);
}

#[test]
fn what_cannot_be_counted_is_said() {
    let step = |parameters: &str| {
        format!(
            "id: p\nsteps:\n  - {{id: a, tool: recursion-control, action: update_state, parameters: {{{parameters}}}}}\n"
        )
    };
    let error = |parameters: &str| Workspace::new().run(&step(parameters), &[]).step("a").error.clone();
    assert_eq!(
        error("state_key: n").as_deref(),
        Some("give `state_value`, or `increment` to add to the value there is")
    );
    let text = "id: p
steps:
  - {id: a, tool: recursion-control, action: update_state, parameters: {state_key: n, state_value: many}}
  - {id: b, tool: recursion-control, action: update_state, parameters: {state_key: n, increment: 1}, dependencies: [a]}
";
    let ran = Workspace::new().run(text, &[]);
    assert_eq!(ran.step("b").error.as_deref(), Some("`n` is `\"many\"`, which nothing can be added to"));
}

fn run(workspace: &Workspace, text: &str) -> Ran {
    workspace.run_with(text, &[], kept(workspace), &CancellationToken::new())
}

#[test]
fn earlier_runs_are_listed_looked_at_and_written_down() {
    let workspace = Workspace::new();
    let first = run(&workspace, "id: weekly\nsteps:\n  - {id: a, action: echo, parameters: {message: hi}}\n");
    let id = &first.document.execution_id;
    let text = "id: p
steps:
  - {id: list, tool: checkpoint, action: list, parameters: {pipeline_name: weekly}}
  - {id: look, tool: checkpoint, action: inspect, parameters: {pipeline_name: weekly}}
  - {id: text, tool: checkpoint, action: extract, parameters: {pipeline_name: weekly, output_format: json}}
  - {id: file, tool: checkpoint, action: extract, parameters: {checkpoint_file: '{{ look.result.execution_id }}', output_file: out.md}}
";
    let ran = run(&workspace, text);
    assert_eq!(ran.document.status, "completed", "{}", ran.summary());
    assert_eq!(
        (&ran.result("list")["total"], &ran.result("list")["checkpoints"][0]["execution_id"]),
        (&json!(1), &json!(id))
    );
    assert_eq!(ran.result("look")["task_summary"], json!({"completed": 1}));
    let content: Value =
        serde_json::from_str(ran.result("text")["content"].as_str().unwrap_or_default()).expect("JSON");
    assert_eq!(content["steps"]["a"]["value"]["result"], "hi");
    assert!(workspace.read("out.md").starts_with(&format!("# {id}\n\ncompleted, begun ")));
}

#[test]
fn without_a_record_there_is_nothing_to_look_at() {
    let workspace = Workspace::new();
    let text = "id: p\nsteps:\n  - {id: a, tool: checkpoint, action: inspect, parameters: {pipeline_name: none}}\n";
    let ran = workspace.run_with(text, &[], RunConfig { store: None, ..workspace.config() }, &CancellationToken::new());
    assert_eq!(
        ran.step("a").error.as_deref(),
        Some("this run keeps nothing (`--no-store`), so there are no records to look at")
    );
    let ran = run(&workspace, text);
    assert_eq!(ran.step("a").error.as_deref(), Some("there is no earlier run of the pipeline `none` here"));
}
