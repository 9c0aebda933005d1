//! Loops, order and concurrency.

use engine::run::{RunConfig, Store, store::SqliteStore};
use expect_test::expect;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::Workspace;

#[test]
fn for_each_runs_its_body_per_item_and_dependants_wait_for_all() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
inputs: {langs: [de, fr]}
steps:
  - id: each
    for_each: '{{ langs }}'
    max_parallel: 2
    steps:
      - {id: save, tool: filesystem, action: write, parameters: {path: 'o/{{ item }}.txt', content: '{{ index }}/{{ length }} {{ $item }}'}}
      - {id: read, tool: filesystem, action: read, parameters: {path: '{{ save.result.path }}'}}
  - {id: after, action: 'echo {{ each.count }} {{ each.result.results[1].read.result.content }}'}
",
        &[],
    );
    assert_eq!(workspace.read("o/de.txt"), "0/2 de");
    assert_eq!(workspace.read("o/fr.txt"), "1/2 fr");
    assert_eq!(ran.result("after"), &json!("2 1/2 fr"));
    expect![[r#"
        {
          "count": 2,
          "results": [
            {
              "save": {
                "result": {
                  "action": "write",
                  "path": "o/de.txt",
                  "size": 6
                },
                "success": true,
                "error": null
              },
              "read": {
                "result": {
                  "action": "read",
                  "path": "o/de.txt",
                  "content": "0/2 de",
                  "size": 6
                },
                "success": true,
                "error": null
              }
            },
            {
              "save": {
                "result": {
                  "action": "write",
                  "path": "o/fr.txt",
                  "size": 6
                },
                "success": true,
                "error": null
              },
              "read": {
                "result": {
                  "action": "read",
                  "path": "o/fr.txt",
                  "content": "1/2 fr",
                  "size": 6
                },
                "success": true,
                "error": null
              }
            }
          ],
          "succeeded": 2,
          "failed": 0
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(ran.result("each")).expect("JSON"));
}

#[test]
fn for_each_takes_lists_json_text_and_results_but_no_other_text() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        r#"name: p
steps:
  - {id: source, tool: terminal, action: execute, parameters: {command: "printf '[\"p\", \"q\"]'"}}
  - {id: from_result, for_each: "{{ source.result.stdout | from_json }}", action: "echo <{{ item }}>"}
  - {id: from_list, for_each: [1, 2, 3], action: "echo {{ item + 1 }}"}
  - {id: from_json, for_each: '["x"]', action: "echo {{ item }}"}
  - {id: from_text, for_each: "{{ source.result.stdout }}!", action: "echo {{ item }}", on_failure: continue}
"#,
        &[],
    );
    let items = |id: &str| {
        ran.result(id)["results"]
            .as_array()
            .map(|all| all.iter().map(|one| one[id]["result"].clone()).collect::<Vec<_>>())
    };
    assert_eq!(items("from_result"), Some(vec![json!("<p>"), json!("<q>")]));
    assert_eq!(items("from_list"), Some(vec![json!("2"), json!("3"), json!("4")]));
    assert_eq!(items("from_json"), Some(vec![json!("x")]));
    expect![[
        r#"`for_each` must be a list, not the text `["p", "q"]!`; write `[a, b]`, or a template that gives a list"#
    ]]
    .assert_eq(ran.step("from_text").error.as_deref().unwrap_or_default());
}

#[test]
fn the_sibling_of_a_loop_over_results_runs() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
steps:
  - {id: first, action: echo one}
  - {id: each, for_each: '{{ [first.result] }}', action: 'echo {{ item }}'}
  - {id: sibling, action: echo two, dependencies: [first]}
",
        &[],
    );
    assert_eq!(ran.summary(), "first: completed\neach: completed\nsibling: completed\nrun: completed, exit 0");
}

#[test]
fn a_failed_iteration_stops_the_loop_unless_its_step_continues() {
    let pipeline = |policy: &str| {
        format!(
            "name: p
steps:
  - id: each
    for_each: [0, 3, 0]
    on_failure: continue
    steps:
      - {{id: work, tool: terminal, action: execute, parameters: {{command: 'exit {{{{ item }}}}'}}{policy}}}
"
        )
    };
    let workspace = Workspace::new();
    let counts = |policy: &str| {
        let ran = workspace.run(&pipeline(policy), &[]);
        let result = ran.result("each");
        (result["count"].clone(), result["succeeded"].clone(), result["failed"].clone())
    };
    assert_eq!(counts(""), (json!(3), json!(1), json!(1)));
    assert_eq!(counts(", on_failure: continue"), (json!(3), json!(2), json!(1)));
}

#[test]
fn while_is_checked_before_and_until_after_and_the_history_is_seen() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
steps:
  - id: counted
    while: '{{ iteration < 3 }}'
    steps:
      - {id: n, action: 'echo {{ iteration }}'}
  - id: stopped
    while: 'true'
    until: \"{{ n2.result == '1' }}\"
    max_iterations: 5
    steps:
      - {id: n2, action: 'echo {{ iteration }}'}
  - id: limited
    while: 'true'
    max_iterations: 2
    action: echo again
  - {id: last, action: 'echo {{ counted.iterations[-1].n.result }}'}
",
        &[],
    );
    let ended = |id: &str| (ran.result(id)["count"].clone(), ran.result(id)["terminated_by"].clone());
    assert_eq!(ended("counted"), (json!(3), json!("while")));
    assert_eq!(ended("stopped"), (json!(2), json!("until")));
    assert_eq!(ended("limited"), (json!(2), json!("max_iterations")));
    assert_eq!(ran.result("last"), &json!("2"));
    assert_eq!(ran.document.exit_code(), 0);
}

/// Each waits for a file that only the other side's follower writes: with a barrier, neither ends.
#[test]
fn a_step_starts_when_its_own_dependencies_end() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
steps:
  - {id: quick, action: echo go}
  - {id: slow, tool: terminal, action: execute, timeout: 20, parameters: {command: 'until test -e follower; do sleep 0.01; done'}}
  - {id: follower, tool: filesystem, action: write, parameters: {path: follower, content: '{{ quick.result }}'}}
",
        &[],
    );
    assert_eq!(ran.document.exit_code(), 0, "{}", ran.summary());
}

#[test]
fn no_more_steps_act_at_a_time_than_allowed() {
    let workspace = Workspace::new();
    let mut config = workspace.config();
    config.max_concurrency = Some(2);
    let command = "echo + >> log; ls >/dev/null; echo - >> log";
    let step =
        |n: u8| format!("  - {{id: s{n}, tool: terminal, action: execute, parameters: {{command: '{command}'}}}}");
    let steps: Vec<String> = (0..6).map(step).collect();
    let pipeline = format!("name: p\nsteps:\n{}\n", steps.join("\n"));
    workspace.run_with(&pipeline, &[], config, &CancellationToken::new());
    let mut now = 0;
    let most = workspace.read("log").lines().fold(0, |most: i32, line| {
        now += if line == "+" { 1 } else { -1 };
        most.max(now)
    });
    assert!((1..=2).contains(&most), "{most}");
}

#[test]
fn events_are_numbered_without_gaps_and_end_with_the_document() {
    let workspace = Workspace::new();
    let ran = workspace.run("name: p\nsteps:\n  - {id: a, action: echo hi}\n", &[]);
    let seen: Vec<String> = ran
        .events
        .iter()
        .map(|event| {
            format!("{} {}", event.seq, serde_json::to_value(event.kind).expect("JSON").as_str().unwrap_or_default())
        })
        .collect();
    assert_eq!(seen, ["1 run.started", "2 step.ready", "3 step.started", "4 step.finished", "5 run.finished"]);
    assert_eq!(ran.events[4].data["result"], serde_json::to_value(&ran.document).expect("JSON"));
}

#[test]
fn what_happened_is_kept_before_it_is_told() {
    let workspace = Workspace::new();
    let mut config = workspace.config();
    let file = workspace.root().join(".orc/runs.db").into_std_path_buf();
    config.store = Some(file.clone());
    let ran =
        workspace.run_with("name: p\nsteps:\n  - {id: a, action: echo hi}\n", &[], config, &CancellationToken::new());
    let kept = SqliteStore::open(&file).expect("the store opens").events(&ran.document.execution_id);
    assert_eq!(kept.expect("the events are read"), ran.events);
    assert_eq!(workspace.read(".orc/.gitignore"), "*\n");
}

#[test]
fn routes_go_forward_and_goto_may_be_a_template() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
inputs: {where: c}
steps:
  - {id: a, action: echo a, goto: '{{ where }}'}
  - {id: b, action: echo b, dependencies: [a]}
  - {id: c, action: echo c, dependencies: [b]}
",
        &[],
    );
    assert_eq!(ran.summary(), "a: completed\nb: skipped\nc: completed\nrun: completed, exit 0");
}

#[test]
fn action_loops_and_queues_run_their_items() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
steps:
  - id: again
    action_loop:
      - {action: 'echo {{ iteration }}', name: say}
    until: '{{ iteration >= 2 }}'
  - id: queue
    create_parallel_queue:
      on: '[\"x\", \"y\"]'
      max_parallel: 2
      action_loop:
        - {action: 'echo {{ item }}', name: say}
",
        &[],
    );
    assert_eq!(ran.result("again")["iterations_completed"], json!(2), "{}", ran.summary());
    assert_eq!(ran.result("again")["final_results"]["say"]["result"], json!("1"));
    assert_eq!(ran.result("queue")["successful_items"], json!(2));
    assert_eq!(ran.result("queue")["results"][1]["result"]["say"]["result"], json!("y"));
}

#[test]
fn loops_nest_and_the_inner_sees_the_outer_item() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
steps:
  - id: outer
    for_each: [1, 2]
    loop_name: rows
    steps:
      - id: inner
        for_each: [a, b]
        steps:
          - {id: cell, tool: filesystem, action: write, parameters: {path: '{{ $rows.item }}{{ item }}.txt', content: '{{ loop_var(\"rows\", \"index\") }}'}}
",
        &[],
    );
    assert_eq!(ran.document.exit_code(), 0, "{}", ran.summary());
    assert_eq!(workspace.read("2b.txt"), "1");
}

#[test]
fn a_timeout_ends_a_step_at_once_with_all_it_started() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
steps:
  - {id: a, tool: terminal, action: execute, timeout: 300ms, on_failure: continue, parameters: {command: 'sleep 30 & echo $! > child; wait'}}
  - id: gone
    tool: terminal
    action: execute
    dependencies: [a]
    parameters:
      # A killed process may stay as a zombie until its new parent looks at it.
      command: case \"$(ps -o stat= -p $(cat child))\" in ''|Z*) echo gone;; *) echo alive;; esac
",
        &[],
    );
    assert!(ran.step("a").timed_out, "{}", ran.summary());
    assert_eq!(ran.result("gone")["stdout"], json!("gone\n"));
}

#[test]
fn what_a_template_writes_of_a_number_is_one_where_no_text_is_taken() {
    let text = "id: p
inputs: {short: {type: boolean, default: true}}
steps:
  - id: asked
    action: generate
    parameters:
      prompt: hello
      max_tokens: >-
        {%- if short -%}20
        {%- else -%}40
        {%- endif -%}
  - id: wrong
    action: generate
    parameters: {prompt: hello, max_tokens: '{{ 1 }}{{ 0 }} or so'}
    on_failure: continue
";
    let workspace = Workspace::new();
    let config = RunConfig { simulate: true, ..workspace.config() };
    let ran = workspace.run_with(text, &[], config, &CancellationToken::new());
    assert_eq!(ran.summary().lines().next(), Some("asked: completed"), "{}", ran.summary());
    assert_eq!(
        ran.step("wrong").error.as_deref(),
        Some("the parameter `max_tokens` of `generate` does not fit: invalid type: string \"10 or so\", expected u64")
    );
}
