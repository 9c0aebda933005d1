//! `--limit`: at most so many steps that use one tool or one provider of models at a time, and all others go on.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::Folder;

/// A command that puts down when it begins and when it ends, with `between`.
fn counted(between: &str) -> String {
    format!(
        "tool: terminal, action: execute, timeout: 60, parameters: {{command: 'echo + >> log; {between} echo - >> log'}}"
    )
}

/// How many of the counted commands were under way at most.
fn most_at_once(folder: &Folder) -> (usize, usize) {
    let log = folder.read("log");
    let mut now = 0;
    let most = log.lines().map(|line| {
        if line == "+" {
            now += 1;
        } else {
            now -= 1;
        }
        now
    });
    let most = most.max().unwrap();
    (most, log.lines().count() / 2)
}

#[test]
fn a_tool_is_used_as_often_at_once_as_allowed_and_other_steps_go_on_meanwhile() {
    // The first two meet, so both act at once; they end when a step has ended that is declared behind all that
    // wait for the tool, and there is one place besides theirs.
    let meets = |own: &str, other: &str| {
        counted(&format!("touch {own}; until [ -e {other} ] && [ -e go.txt ]; do sleep 0.01; done;"))
    };
    let one = counted("");
    let folder = Folder::with(
        "p.orc.yaml",
        format!(
            "id: p
steps:
  - {{id: a, {}}}
  - {{id: b, {}}}
  - {{id: c, {one}}}
  - {{id: d, {one}}}
  - {{id: e, {one}}}
  - id: each
    for_each: [1, 2, 3, 4]
    max_parallel: 4
    steps: [{{id: f, {one}}}]
  - {{id: before, action: echo, parameters: {{message: go}}}}
  - {{id: go, tool: filesystem, action: write, parameters: {{path: go.txt, content: '{{{{ before.result }}}}'}}}}
",
            meets("a", "b"),
            meets("b", "a"),
        ),
    );
    let ended = folder.orc(&["run", "p.orc.yaml", "--limit", "terminal=2", "--max-concurrency", "3"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(most_at_once(&folder), (2, 9));
}

#[test]
fn the_limit_holds_across_loops_and_when_the_run_goes_on() {
    let one = counted("sleep 0.02;");
    let folder = Folder::with(
        "p.orc.yaml",
        format!(
            "id: p
steps:
  - {{id: ask, tool: user-prompt, action: prompt, parameters: {{prompt: Go on?, input_type: boolean}}}}
  - {{id: a, dependencies: [ask], {one}}}
  - id: each
    dependencies: [ask]
    for_each: [1, 2, 3]
    max_parallel: 3
    steps: [{{id: b, {one}}}, {{id: c, {one}}}]
"
        ),
    );
    let waiting = folder.orc(&["run", "p.orc.yaml", "--limit", "terminal=1", "--max-concurrency", "8"]);
    assert_eq!(waiting.code, Some(3), "{waiting:?}");
    let ended = folder.orc(&["runs", "approve", "latest", "ask", "--answer", "yes"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(most_at_once(&folder), (1, 7));
}

const ASKS: &str = "\
id: p
inputs: {model: {type: string, default: simulated/small}}
steps:
  - {id: a, action: generate, parameters: {prompt: one, model: simulated/small}}
  - {id: b, action: generate, parameters: {prompt: two, model: simulated/large}}
  - {id: c, action: generate, parameters: {prompt: three, model: openai/gpt-4o}}
  - id: each
    for_each: [1, 2, 3]
    max_parallel: 3
    steps: [{id: d, action: generate, parameters: {prompt: '{{ item }}', model: '{{ inputs.model }}'}}]
";

/// The most steps of the root that had started and not ended.
fn most_under_way(events: &str) -> usize {
    let mut under_way = BTreeSet::new();
    let mut most = 0;
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let step = event["step"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap() {
            "step.started" if ["a", "b", "c"].contains(&&*step) => {
                under_way.insert(step);
            }
            "step.finished" => {
                under_way.remove(&step);
            }
            _ => {}
        }
        most = most.max(under_way.len());
    }
    most
}

#[test]
fn a_provider_is_asked_as_often_at_once_as_allowed() {
    let folder = Folder::with("p.orc.yaml", ASKS);
    let most = |limits: &[&str]| {
        let run = ["run", "p.orc.yaml", "--simulate", "--no-store", "--format", "jsonl", "--max-concurrency", "8"];
        let ended = folder.orc(&[&run, limits].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        most_under_way(&ended.stdout)
    };
    assert_eq!(most(&[]), 3);
    assert_eq!(most(&["--limit", "simulated=1"]), 1);
    // A model that is named with its provider counts there, simulated or not.
    assert_eq!(most(&["--limit", "simulated=1", "--limit", "openai=1"]), 2);
}

#[test]
fn what_cannot_be_limited_is_refused() {
    let folder = Folder::with("p.orc.yaml", ASKS);
    let refused = |limit: &str| {
        let ended = folder.orc(&["run", "p.orc.yaml", "--limit", limit]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        ended.stderr.lines().next().unwrap().to_owned()
    };
    let begins = |limit: &str| format!("error: invalid value '{limit}' for '--limit <NAME=N>': ");
    for (limit, problem) in [
        ("terminal", "it needs a name, `=` and a number"),
        ("terminal=0", "`0` is no number from 1 on"),
        ("terminal=many", "`many` is no number from 1 on"),
        ("termnal=1", "`termnal` is neither a tool nor a provider of models; did you mean `terminal`?"),
        (
            "pipeline-executor=1",
            "steps with `pipeline-executor` only wait for the steps of another pipeline; limit what those use",
        ),
    ] {
        assert_eq!(refused(limit), begins(limit) + problem);
    }
}
