//! What the store of the workspace holds of attempts, and that no way of trying again breaks it.

use engine::run::RunConfig;
use rusqlite::Connection;

use crate::support::{Ran, Workspace};

/// Runs with the SQLite store; the second value has a line per attempt: path, number, status.
fn recorded(pipeline: &str) -> (Ran, String) {
    let workspace = Workspace::new();
    let file = workspace.root().join("runs.db");
    let config = RunConfig { store: Some(file.clone().into()), ..workspace.config() };
    let ran = workspace.run_with(pipeline, &[], config, &tokio_util::sync::CancellationToken::new());
    let connection = Connection::open(&file).expect("the store opens");
    let mut statement = connection
        .prepare(
            "SELECT step || ' ' || attempt || iif(intent_at IS NULL, ' (no intent)', '') || ' ' || ifnull(status, 'open')
             FROM steps ORDER BY step, attempt",
        )
        .expect("the table stands");
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).expect("rows");
    let rows: Vec<String> = rows.map(|row| row.expect("a row")).collect();
    (ran, rows.join("\n"))
}

#[test]
fn the_body_of_a_loop_that_is_tried_again_counts_on() {
    let (ran, rows) = recorded(
        "name: p
steps:
  - id: l
    for_each: [1]
    retry: {retries: 1, delay: 0}
    steps:
      - {id: b, tool: terminal, action: execute, parameters: {command: exit 7}}
",
    );
    assert_eq!(ran.step("l").error_type.as_deref(), Some("LoopError"), "{}", ran.summary());
    assert_eq!(rows, "l 1 failed\nl 2 failed\nl[0].b 1 failed\nl[0].b 2 failed");
}

#[test]
fn attempts_after_a_handler_count_on() {
    let (ran, rows) = recorded(
        "name: p
steps:
  - id: a
    tool: terminal
    action: execute
    parameters: {command: exit 7}
    retry: {attempts: 2, delay: 0}
    error_handlers: [{handler_action: echo hi, retry_with_handler: true, max_handler_retries: 1}]
",
    );
    assert_eq!(ran.document.error_type.as_deref(), Some("CommandError"), "{}", ran.summary());
    assert_eq!(rows, "a 1 failed\na 2 failed\na 3 failed\na 4 failed\na!0 1 completed");
}

#[test]
fn two_actions_of_a_loop_may_share_their_name() {
    let (ran, rows) = recorded(
        "name: p
steps:
  - id: l
    action_loop: [{action: echo one, name: x}, {action: echo two, name: x}]
    until: '{{ iteration >= 1 }}'
",
    );
    assert_eq!(ran.document.status, "completed", "{}", ran.summary());
    assert_eq!(rows, "l 1 completed\nl[0].x 1 completed\nl[0].x 2 completed");
}

#[test]
fn a_handler_of_two_steps_runs_for_each() {
    let (ran, rows) = recorded(
        "name: p
steps:
  - {id: a, tool: terminal, action: execute, parameters: {command: exit 7}, error_handlers: [{handler_task_id: h}]}
  - {id: b, tool: terminal, action: execute, parameters: {command: exit 7}, error_handlers: [{handler_task_id: h}], dependencies: [a]}
  - {id: h, action: echo saved}
",
    );
    assert_eq!(ran.document.status, "completed", "{}", ran.summary());
    assert_eq!(rows, "a 1 completed\nb 1 completed\nh 1 completed\nh 2 completed");
}

#[test]
fn a_step_whose_condition_is_false_leaves_no_open_intent() {
    let (_, rows) = recorded("name: p\nsteps:\n  - {id: a, action: echo hi, condition: 'false'}\n");
    assert_eq!(rows, "a 0 (no intent) skipped");
}

#[test]
fn a_handler_that_ran_is_not_reported_as_not_run() {
    let (ran, rows) = recorded(
        "name: p
steps:
  - id: a
    tool: terminal
    action: execute
    parameters: {command: exit 7}
    error_handlers: [{handler_task_id: h, propagate_error: true}]
  - {id: h, action: echo seen}
",
    );
    assert_eq!(ran.step("h").status, "completed", "{}", ran.summary());
    assert_eq!(rows, "a 1 failed\nh 1 completed");
}

#[test]
fn a_run_that_cannot_be_recorded_still_tells_its_end() {
    let workspace = Workspace::new();
    let again = || {
        let store = Some(workspace.root().join("runs.db").into());
        let config = RunConfig { store, run_id: Some("same".to_owned()), ..workspace.config() };
        workspace.run_with(
            "name: p\nsteps:\n  - {id: a, action: echo hi}\n",
            &[],
            config,
            &tokio_util::sync::CancellationToken::default(),
        )
    };
    again();
    let ran = again();
    assert_eq!(ran.document.error_type.as_deref(), Some("StoreError"));
    let told: Vec<_> = ran.events.iter().map(|event| (event.seq, event.kind)).collect();
    assert_eq!(told, [(1, engine::run::EventKind::RunFinished)]);
}
