//! What a failure does to the others, and how steps are tried, stopped and saved.

use expect_test::{Expect, expect};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::{Workspace, planned};

fn check(pipeline: &str, expected: Expect) -> Workspace {
    let workspace = Workspace::new();
    let ran = workspace.run(pipeline, &[]);
    expected.assert_eq(&ran.summary());
    workspace
}

fn with_policy(policy: &str) -> String {
    format!(
        "name: p
steps:
  - {{id: bad, tool: terminal, action: execute, parameters: {{command: exit 7}}{policy}}}
  - {{id: next, action: echo after, dependencies: [bad]}}
  - {{id: far, action: echo far, dependencies: [next]}}
"
    )
}

#[test]
fn fail_runs_nothing_after_it_and_still_writes_the_document() {
    check(
        &with_policy(""),
        expect![[r"
        bad: failed – the command ended with exit code 7
        next: not_run
        far: not_run
        run: failed, exit 1"]],
    );
}

#[test]
fn continue_lets_dependants_run() {
    check(
        &with_policy(", on_failure: continue"),
        expect![[r"
        bad: failed – the command ended with exit code 7
        next: completed
        far: completed
        run: failed, exit 1"]],
    );
}

#[test]
fn skip_skips_dependants() {
    check(
        &with_policy(", on_failure: skip"),
        expect![[r"
        bad: failed – the command ended with exit code 7
        next: skipped
        far: skipped
        run: failed, exit 1"]],
    );
}

#[test]
fn retry_tries_three_times() {
    let workspace = Workspace::new();
    let ran = workspace.run(&with_policy(", on_failure: retry"), &[]);
    assert_eq!((ran.step("bad").attempts, ran.step("bad").retries), (3, 2));
    assert_eq!(ran.step("far").status, "completed");
    assert_eq!(ran.document.exit_code(), 1);
}

#[test]
fn a_route_continues_elsewhere() {
    check(
        &with_policy(", on_failure: far"),
        expect![[r"
        bad: failed – the command ended with exit code 7
        next: skipped
        far: completed
        run: failed, exit 1"]],
    );
}

#[test]
fn a_later_attempt_can_succeed() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
steps:
  - id: flaky
    tool: terminal
    action: execute
    retry: {attempts: 3, delay: 10ms}
    parameters: {command: 'test -e done || { touch done; exit 1; }'}
",
        &[],
    );
    assert_eq!((&*ran.step("flaky").status, ran.step("flaky").attempts), ("completed", 2));
    assert_eq!(ran.document.exit_code(), 0);
}

#[test]
fn an_undefined_name_fails_the_step_before_it_acts() {
    let workspace = check(
        "name: p
inputs:
  who: {type: string}
steps:
  - {id: say, tool: terminal, action: execute, max_retries: 3, parameters: {command: 'touch made; echo {{ who }}'}}
",
        expect![[r"
            say: failed – parameters.command: `who` is undefined
            run: failed, exit 1"]],
    );
    assert!(!workspace.exists("made"));
}

#[test]
fn a_condition_that_cannot_be_read_fails_the_step() {
    check(
        "name: p
inputs: {word: maybe}
steps:
  - {id: a, action: echo hi, condition: '{{ word }}'}
",
        expect![[r#"
            a: failed – condition: the text `maybe` is neither true nor false; compare it, as in `{{ x == "maybe" }}`
            run: failed, exit 1"#]],
    );
}

#[test]
fn auto_is_never_invented() {
    check(
        "name: p
steps:
  - {id: a, tool: filesystem, action: write, parameters: {path: a.txt, content: <AUTO>a haiku</AUTO>}}
",
        expect![[r#"
            a: failed – the `<AUTO>` at `steps.a.parameters.content` was not answered: no model is named, and there is none to choose from: set one of `OPENAI_API_KEY`, `ANTHROPIC_API_KEY`, `GEMINI_API_KEY`, `HF_TOKEN` in the environment, or list a model of your own in `models.yaml`; or write `model: provider/name`, or run with `--simulate`
            run: failed, exit 1"#]],
    );
}

#[test]
fn a_fallback_value_saves_a_step() {
    let workspace = Workspace::new();
    let ran = workspace.run(
        "name: p
steps:
  - id: bad
    tool: terminal
    action: execute
    parameters: {command: exit 7}
    on_error:
      - {error_codes: [8], fallback_value: wrong}
      - {error_codes: [7], fallback_value: 42}
  - {id: next, action: 'echo {{ bad.result }} {{ bad.recovered }}', dependencies: [bad]}
",
        &[],
    );
    assert_eq!(ran.result("bad"), &json!(42));
    assert_eq!(ran.result("next"), &json!("42 True"));
    assert_eq!(ran.document.exit_code(), 0);
}

#[test]
fn a_handler_step_runs_only_when_it_is_needed() {
    let pipeline = |code: u8| {
        format!(
            "name: p
steps:
  - {{id: work, tool: terminal, action: execute, parameters: {{command: exit {code}}}, on_error: {{handler_task_id: rescue}}}}
  - {{id: rescue, action: echo saved}}
"
        )
    };
    check(
        &pipeline(3),
        expect![[r"
        work: completed
        rescue: completed
        run: completed, exit 0"]],
    );
    check(
        &pipeline(0),
        expect![[r"
        work: completed
        rescue: skipped
        run: completed, exit 0"]],
    );
}

#[test]
fn all_wrong_inputs_are_told_at_once_and_nothing_runs() {
    let problems = planned(
        "name: p
inputs:
  count: {type: integer, minimum: 1}
  mode: {type: string, enum: [fast, slow]}
  topic: {type: string, required: true}
  code: {type: string, pattern: '^[A-Z]+$'}
steps:
  - {id: a, action: echo hi}
",
        &[("count", json!(0)), ("mode", json!("fsat")), ("code", json!("x1")), ("tpoic", json!("x"))],
    );
    expect![[r#"
        unknown input `tpoic`; did you mean `topic`?
        input `count` must be at least 1, not `0`
        input `mode` must be one of `fast`, `slow`, not `"fsat"`; did you mean `fast`?
        input `topic` is required; give it with `-i topic=…`
        input `code` must match `^[A-Z]+$`, not `"x1"`"#]]
    .assert_eq(&problems.expect_err("they do not fit"));
}

#[test]
fn defaults_may_use_other_inputs_but_not_in_a_circle() {
    let text = |base: &str| {
        format!(
            "name: p\ninputs:\n  file: '{{{{ base }}}}/x'\n  base: '{base}'\nsteps:\n  - {{id: a, action: 'echo {{{{ file }}}}'}}\n"
        )
    };
    let workspace = Workspace::new();
    assert_eq!(workspace.run(&text("root"), &[]).result("a"), &json!("root/x"));
    let problem = planned(&text("{{ file }}"), &[]).expect_err("a circle");
    expect!["the defaults of the inputs `file`, `base` refer to each other in a circle; give one of them a value"]
        .assert_eq(&problem);
}

#[test]
fn a_cancelled_run_starts_nothing_more_and_writes_its_document() {
    let workspace = Workspace::new();
    let cancel = CancellationToken::new();
    let watched = workspace.root().join("started");
    let stop = cancel.clone();
    let watcher = std::thread::spawn(move || {
        while !watched.exists() {
            std::thread::yield_now();
        }
        stop.cancel();
    });
    let ran = workspace.run_with(
        "name: p
steps:
  - {id: long, tool: terminal, action: execute, parameters: {command: 'touch started; sleep 20'}}
  - {id: next, action: echo after, dependencies: [long]}
",
        &[],
        workspace.config(),
        &cancel,
    );
    watcher.join().expect("the watcher ends");
    expect![[r"
        long: cancelled
        next: not_run
        run: cancelled, exit 130"]]
    .assert_eq(&ran.summary());
}

#[test]
fn a_fallback_value_is_rendered_and_sees_the_error() {
    let pipeline = |value: &str| {
        format!(
            "name: p
inputs: {{n: {{type: integer, default: 3}}}}
steps:
  - id: bad
    tool: terminal
    action: execute
    parameters: {{command: exit 7}}
    on_error: {{fallback_value: {value}}}
"
        )
    };
    let workspace = Workspace::new();
    let ran = workspace.run(&pipeline("{code: '{{ error.code }}', n: '{{ n + 1 }}'}"), &[]);
    assert_eq!(ran.result("bad"), &json!({"code": 7, "n": 4}));
    let ran = workspace.run(&pipeline("'{{ 1 / 0 }}'"), &[]);
    let error = ran.step("bad").error.clone().unwrap_or_default();
    assert!(error.starts_with("the command ended with exit code 7; its handler failed too: "), "{error}");
}
