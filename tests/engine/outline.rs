//! An outline says all that its pipeline does.

use std::{fs, path::PathBuf};

use crate::support::{outlined, planned, repository};

/// What is written and is null is something else than what is not written.
const NULLS: &str = r#"
id: nulls
inputs:
  left: {type: string, default: null}
  other: {type: number, default: 0.30000000000000004}
  chosen: {type: string, required: true, enum: [a, b]}
steps:
  - {id: a, tool: filesystem, action: read, parameters: {path: nowhere}, on_error: {fallback_value: null, error_patterns: ["no.*\\d"]}}
  - {id: b, action: echo, parameters: {message: "{{ left }}"}, retry_config: {attempts: 3, delay: 0.1, backoff: linear, jitter: true}}
  - {id: c, for_each: [1, null], action: echo, parameters: {message: x}, timeout: 1.5, on_failure: skip}
  - {id: d, while: "{{ false }}", steps: [{id: e, action: echo, parameters: {message: "x"}}]}
  - id: f
    action_loop: [{action: echo one, name: g}, {tool: filesystem, action: list, parameters: {path: .}}]
    until: "{{ true }}"
    break_on_error: true
  - {id: h, create_parallel_queue: {on: "{{ [1, 2] }}", max_parallel: 2, action_loop: [{action: echo x}]}}
  - {id: i, action: generate, parameters: {prompt: hi}, requires_model: {capabilities: [vision]}, fallback: [a/b], budget: {run: 0.1}, cache: false, on_success: k}
  - {id: j, tool: pipeline-executor, action: execute, parameters: {pipeline: "id: k\nsteps: []", error_handling: retry}}
  - {id: k, action: echo, parameters: {message: "{{ a.result }}"}, dependencies: [a, b, c]}
outputs: {one: "{{ k.result }}", none: "{{ left }}"}
"#;

/// Where the two differ, or nothing.
#[track_caller]
fn same(name: &str, text: &str, inputs: &[(&str, serde_json::Value)]) -> bool {
    let Ok(plan) = planned(text, inputs) else { return false };
    let Some(again) = outlined(&plan, inputs) else { return false };
    let all = |plan: &engine::plan::Plan| format!("{:#?}\n{:#?}", plan.inputs, plan.program);
    assert_eq!(all(&again), all(&plan), "{name}");
    true
}

#[test]
fn an_outline_loses_nothing() {
    let problem = planned(NULLS, &[("chosen", "a".into())]).err();
    assert!(same("nulls", NULLS, &[("chosen", "a".into())]), "{problem:?}");
    let mut open = vec![PathBuf::from(repository().join("../shared/corpus/pipelines"))];
    let (mut files, mut kept) = (0, 0);
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).expect("the corpus stands beside the repository") {
            let path: PathBuf = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                files += 1;
                kept += usize::from(same(&path.display().to_string(), &text, &[]));
            }
        }
    }
    assert!(files >= 90 && kept >= 10, "{kept} of {files}");
}
