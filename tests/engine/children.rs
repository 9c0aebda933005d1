//! Steps that run another pipeline.

use engine::run::{EventKind, RunConfig};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::support::{Ran, Workspace};

const CHILD: &str = "\
id: child
inputs:
  who: {type: string, required: true}
  times: {type: integer, default: 1}
steps:
  - {id: greet, action: echo, parameters: {message: 'hello {{ who }} ×{{ times }}'}}
  - {id: keep, tool: filesystem, action: write, parameters: {path: '{{ output_path }}/{{ who }}.txt', content: '{{ greet.result }}'}}
outputs: {text: '{{ greet.result }}', path: '{{ keep.result.path }}'}
";

fn with_child() -> Workspace {
    let workspace = Workspace::new();
    std::fs::write(workspace.root().join("child.orc.yaml"), CHILD).expect("a file");
    workspace
}

fn parent(parameters: &str) -> String {
    format!(
        "id: p\nsteps:\n  - id: c\n    tool: pipeline-executor\n    action: execute\n    parameters: {{{parameters}}}\n"
    )
}

fn paths(ran: &Ran) -> Vec<&str> {
    let started = ran.events.iter().filter(|event| event.kind == EventKind::StepStarted);
    started.filter_map(|event| event.step.as_deref()).collect()
}

/// The result without what differs each time.
fn result(ran: &Ran, step: &str) -> Value {
    let mut result = ran.result(step).clone();
    result.as_object_mut().expect("an object").shift_remove("execution_time").expect("a time");
    result
}

#[test]
fn a_file_runs_as_a_step_and_its_steps_are_steps_of_the_run() {
    let workspace = with_child();
    let ran = workspace.run(&parent("pipeline: child.orc.yaml, inputs: {who: Ada, times: 2}"), &[]);
    assert_eq!(ran.document.status, "completed", "{}", ran.summary());
    assert_eq!(
        result(&ran, "c"),
        json!({
            "pipeline_id": "child",
            "outputs": {"text": "hello Ada ×2", "path": "output/p/sub_pipelines/child/Ada.txt"},
            "steps_executed": 2, "recursion_depth": 1, "call_stack": ["p"], "success": true, "error": null,
        })
    );
    assert_eq!(workspace.read("output/p/sub_pipelines/child/Ada.txt"), "hello Ada ×2");
    assert_eq!(paths(&ran), ["c", "c[0].greet", "c[0].keep"]);
}

#[test]
fn a_pipeline_may_be_named_by_its_id_and_outputs_are_renamed() {
    let workspace = with_child();
    let text = parent("pipeline: child, inputs: {who: Ada}, output_mapping: {text: said}")
        + "  - {id: d, action: echo, parameters: {message: '<{{ c.result.outputs.said }}>'}}\n";
    let ran = workspace.run(&text, &[]);
    assert_eq!(ran.result("c")["outputs"], json!({"said": "hello Ada ×1"}), "{}", ran.summary());
    assert_eq!(ran.result("d"), &json!("<hello Ada ×1>"));
}

#[test]
fn templates_of_a_pipeline_that_is_written_in_the_step_are_the_childs() {
    let text = "id: p
inputs: {who: {type: string, default: parent}, n: {type: integer, default: 1}}
steps:
  - id: c
    tool: pipeline-executor
    action: execute
    parameters:
      inputs: {who: 'child of {{ who }}'}
      pipeline: |
        id: inner
        inputs: {who: {type: string}, n: {type: integer}}
        steps:
          - {id: a, action: echo, parameters: {message: '{{ who }} {{ n }}'}}
        outputs: {text: '{{ a.result }}'}
";
    let workspace = Workspace::new();
    // `n` is not given: it is that of the parent.
    let ran = workspace.run(text, &[("n", json!(7))]);
    assert_eq!(ran.result("c")["outputs"], json!({"text": "child of parent 7"}), "{}", ran.summary());
    let alone = text.replace("      inputs: {who: 'c", "      inherit_context: false\n      inputs: {who: 'c");
    let ran = workspace.run(&alone.replace("n: {type: integer}}", "n: {type: integer, default: 3}}"), &[]);
    assert_eq!(ran.result("c")["outputs"], json!({"text": "child of parent 3"}), "{}", ran.summary());
}

#[test]
fn inputs_are_checked_before_the_child_begins() {
    let workspace = with_child();
    let ran = workspace.run(&parent("pipeline: '{{ \"child\" }}.orc.yaml', inputs: {who: 5, times: many}"), &[]);
    assert_eq!(ran.step("c").error_type.as_deref(), Some("ValueError"));
    assert_eq!(
        ran.step("c").error.as_deref(),
        Some("input `who` must be a string, not `5`; input `times` must be an integer, not `\"many\"`")
    );
    assert_eq!(paths(&ran), ["c"]);
}

const BROKEN: &str = "\
id: broken
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - {id: b, tool: filesystem, action: read, parameters: {path: nowhere}, dependencies: [a]}
  - {id: d, action: echo, parameters: {message: two}, dependencies: [b]}
outputs: {a: '{{ a.result }}'}
";

#[test]
fn a_child_that_fails_fails_its_step_unless_that_says_otherwise() {
    let workspace = Workspace::new();
    std::fs::write(workspace.root().join("broken.yaml"), BROKEN).expect("a file");
    let after = "  - {id: after, action: echo, parameters: {message: '{{ c.result.success }}'}}\n";
    let ran = workspace.run(&(parent("pipeline: broken.yaml") + after), &[]);
    let why = "step `b` failed: cannot read `nowhere`: there is no such file or directory";
    assert_eq!(
        ran.summary(),
        format!("c: failed – the pipeline `broken` failed: {why}\nafter: not_run\nrun: failed, exit 1")
    );
    assert_eq!(ran.step("c").error_type.as_deref(), Some("PipelineError"));
    assert_eq!(ran.result("c")["outputs"], json!({"a": "one"}));

    let ran = workspace.run(&(parent("pipeline: broken.yaml, error_handling: continue") + after), &[]);
    assert_eq!(ran.summary(), "c: completed\nafter: completed\nrun: completed, exit 0");
    assert_eq!((&ran.result("c")["error"], ran.result("after")), (&json!(why), &json!("false")));

    let retry = "pipeline: broken.yaml, error_handling: retry, retry_count: 2, retry_delay: 0";
    let ran = workspace.run(&parent(retry), &[]);
    assert_eq!((ran.step("c").attempts, ran.document.exit_code()), (3, 1));
    let started = ["c", "c[0].a", "c[0].b"];
    assert_eq!(paths(&ran), [started, started, started].concat());
}

#[test]
fn a_child_with_errors_says_where_they_are() {
    let workspace = Workspace::new();
    std::fs::write(workspace.root().join("bad.yaml"), "id: bad\nsteps:\n  - {id: a, action: ech}\n").expect("a file");
    let ran = workspace.run(&parent("pipeline: '{{ \"bad\" }}.yaml'"), &[]);
    assert_eq!(
        ran.step("c").error.as_deref(),
        Some("the pipeline has errors: bad.yaml:3:21: unknown action `ech`; did you mean `echo`?")
    );
    let ran = workspace.run(&parent("pipeline: '{{ \"none\" }}.yaml'"), &[]);
    assert_eq!(
        ran.step("c").error.as_deref(),
        Some("the pipeline `none.yaml` does not exist beside this one or in the working directory")
    );
}

#[test]
fn a_pipeline_that_runs_itself_comes_to_an_end() {
    let workspace = Workspace::new();
    let text =
        "id: p\nsteps:\n  - {id: c, tool: pipeline-executor, action: execute, parameters: {pipeline: self.yaml}}\n";
    std::fs::write(workspace.root().join("self.yaml"), text.replace("id: p", "id: self")).expect("a file");
    let ran = workspace.run(text, &[]);
    let error = ran.step("c").error.clone().unwrap_or_default();
    assert!(error.contains("pipelines run each other more than 10 deep: p → self → self"), "{error}");
    assert_eq!(paths(&ran).len(), 10);
}

#[test]
fn children_stand_in_loops_and_share_the_places_of_the_run() {
    let workspace = with_child();
    let text = "id: p
steps:
  - id: l
    for_each: [a, b, c, d]
    max_parallel: 4
    steps:
      - {id: c, tool: pipeline-executor, action: execute, parameters: {pipeline: child.orc.yaml, inputs: {who: '{{ item }}'}}}
outputs: {all: '{{ l.result.results }}'}
";
    let config = RunConfig { max_concurrency: Some(1), ..workspace.config() };
    let ran = workspace.run_with(text, &[], config, &CancellationToken::new());
    assert_eq!(ran.document.status, "completed", "{}", ran.summary());
    let said: Vec<&Value> = (0..4).map(|at| &ran.output("all")[at]["c"]["result"]["outputs"]["text"]).collect();
    assert_eq!(said, ["hello a ×1", "hello b ×1", "hello c ×1", "hello d ×1"]);
    let mut names: Vec<&str> = paths(&ran);
    names.sort_unstable();
    assert_eq!(names[..4], ["l", "l[0].c", "l[0].c[0].greet", "l[0].c[0].keep"]);
}

#[test]
#[cfg(unix)]
fn what_takes_too_long_is_stopped_with_all_it_runs() {
    let workspace = Workspace::new();
    let child = "id: slow\nsteps:\n  - {id: s, tool: terminal, action: execute, parameters: {command: 'sleep 60'}}\n";
    std::fs::write(workspace.root().join("slow.yaml"), child).expect("a file");
    let ran = workspace.run(&parent("pipeline: slow.yaml, timeout: 0.2"), &[]);
    assert_eq!(
        (ran.step("c").error_type.as_deref(), ran.step("c").timed_out),
        (Some("TimeoutError"), true),
        "{}",
        ran.summary()
    );
}
