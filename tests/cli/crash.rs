//! The crash matrix: pipelines of every kind are killed before and after every write of the store, every
//! start and end of a process and every file that a tool writes, then resumed.
//! The document must be that of a run that was never killed, no step that ended may run twice, and one
//! that may not simply run again must say so.
//!
//! `ORC_CRASH_ONLY=loop` takes the pipelines that are called so.
//! `ORC_CRASH_LONG=1` kills at every point, and the resumed run at every point as well; without it at
//! every fifth, which is what there is time for on each change. See docs/durability.md.

use std::collections::{BTreeMap, BTreeSet};

use engine::run::ResultDocument;
use serde_json::Value;

use crate::support::Folder;

/// Pipelines whose steps may all run again: their documents are compared. Each starts `id: p`.
pub(super) const PIPELINES: [(&str, &str); 28] = [
    (
        "chain",
        "
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - {id: b, tool: filesystem, action: write, parameters: {path: b.txt, content: '{{ a.result }} two'}, dependencies: [a]}
  - {id: c, tool: filesystem, action: read, parameters: {path: b.txt}, dependencies: [b]}
  - {id: d, action: echo, parameters: {message: '{{ c.result.content }} three'}, dependencies: [c]}
outputs: {text: '{{ d.result }}'}",
    ),
    (
        "fan",
        "
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - {id: b, tool: filesystem, action: write, parameters: {path: b.txt, content: '{{ a.result }}'}, dependencies: [a]}
  - {id: c, tool: filesystem, action: write, parameters: {path: c.txt, content: '{{ a.result }}'}, dependencies: [a]}
  - {id: d, tool: filesystem, action: write, parameters: {path: d.txt, content: '{{ a.result }}'}, dependencies: [a]}
  - {id: e, action: echo, parameters: {message: '{{ b.result.size + c.result.size + d.result.size }}'}, dependencies: [b, c, d]}
outputs: {sum: '{{ e.result }}'}",
    ),
    (
        "diamond with inputs",
        "
inputs: {who: {type: string, default: '{{ pipeline_id }}'}, n: {type: integer, default: 3}}
steps:
  - {id: a, action: echo, parameters: {message: '{{ who }}'}}
  - {id: b, action: echo, parameters: {message: '{{ a.result }} b'}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: '{{ a.result }} c'}, dependencies: [a]}
  - {id: d, action: echo, parameters: {message: '{{ b.result }} {{ c.result }} {{ n }}'}, dependencies: [b, c]}
outputs: {n: '{{ n }}', text: '{{ d.result }}'}",
    ),
    (
        "counting together",
        "
steps:
  - id: l
    for_each: [1, 2, 3]
    steps:
      - {id: add, tool: recursion-control, action: update_state, parameters: {state_key: n, increment: '{{ item }}'}}
      - {id: check, tool: recursion-control, action: check_condition, parameters: {condition: 'n > 5'}, dependencies: [add]}
  - {id: get, tool: recursion-control, action: get_state, dependencies: [l]}
outputs: {state: '{{ get.result.state }}', iterations: '{{ get.result.iterations }}'}",
    ),
    (
        "a child",
        "
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - id: c
    tool: pipeline-executor
    action: execute
    parameters:
      inputs: {x: '{{ a.result }}'}
      pipeline: |
        id: inner
        inputs: {x: {type: string}}
        steps:
          - {id: b, tool: filesystem, action: write, parameters: {path: b.txt, content: '{{ x }} two'}}
          - {id: d, tool: filesystem, action: read, parameters: {path: b.txt}, dependencies: [b]}
        outputs: {text: '{{ d.result.content }}'}
  - {id: e, action: echo, parameters: {message: '{{ c.result.outputs.text }} three'}}
outputs: {text: '{{ e.result }}'}",
    ),
    (
        "children in a loop",
        "
steps:
  - id: each
    for_each: [1, 2]
    max_parallel: 2
    steps:
      - id: c
        tool: pipeline-executor
        action: execute
        parameters:
          inputs: {n: '{{ item }}'}
          pipeline: |
            id: inner
            inputs: {n: {type: integer}}
            steps:
              - {id: w, tool: filesystem, action: write, parameters: {path: 'f{{ n }}.txt', content: '{{ n }}'}}
              - {id: l, for_each: [a, b], steps: [{id: t, action: echo, parameters: {message: '{{ item }}{{ n }}'}}], dependencies: [w]}
            outputs: {all: '{{ l.result.count }}'}
outputs: {n: '{{ each.result.count }}'}",
    ),
    (
        "a child that fails and is tried again",
        "
steps:
  - id: c
    tool: pipeline-executor
    action: execute
    on_failure: continue
    parameters:
      error_handling: retry
      retry_count: 1
      retry_delay: 0
      pipeline: |
        id: inner
        steps:
          - {id: b, tool: filesystem, action: write, parameters: {path: b.txt, content: two}}
          - {id: f, tool: filesystem, action: read, parameters: {path: nowhere}, dependencies: [b]}
  - {id: e, action: echo, parameters: {message: '{{ c.success }}'}}
outputs: {text: '{{ e.result }}'}",
    ),
    (
        "a child in a child",
        "
steps:
  - id: c
    tool: pipeline-executor
    action: execute
    parameters:
      pipeline: |
        id: inner
        steps:
          - id: d
            tool: pipeline-executor
            action: execute
            parameters:
              pipeline: |
                id: innermost
                steps:
                  - {id: w, tool: filesystem, action: write, parameters: {path: w.txt, content: deep}}
                outputs: {size: '{{ w.result.size }}'}
        outputs: {size: '{{ d.result.outputs.size }}'}
outputs: {size: '{{ c.result.outputs.size }}'}",
    ),
    (
        "loop in order",
        "
steps:
  - id: each
    for_each: [1, 2, 3]
    steps:
      - {id: t, tool: filesystem, action: write, parameters: {path: 'f{{ item }}.txt', content: '{{ item }}'}}
      - {id: r, tool: filesystem, action: read, parameters: {path: 'f{{ item }}.txt'}, dependencies: [t]}
  - {id: n, action: echo, parameters: {message: '{{ each.result.count }}'}, dependencies: [each]}
outputs: {all: '{{ each.result.results }}'}",
    ),
    (
        "loop side by side",
        "
steps:
  - id: each
    for_each: [1, 2, 3, 4]
    max_parallel: 4
    steps:
      - {id: t, action: echo, parameters: {message: '{{ item }}'}}
      - {id: u, action: echo, parameters: {message: '{{ t.result }}!'}, dependencies: [t]}
outputs: {all: '{{ each.result.results }}'}",
    ),
    (
        "loop over a result",
        "
steps:
  - {id: list, tool: data-processing, action: convert, parameters: {data: '[{\"a\": 1}, {\"a\": 2}]', from_format: json, to_format: json}}
  - id: each
    for_each: '{{ [5, 6] }}'
    action: echo
    parameters: {message: '{{ item }} of {{ length }}'}
    dependencies: [list]
outputs: {all: '{{ each.result }}'}",
    ),
    (
        "loop in a loop",
        "
steps:
  - id: outer
    for_each: [1, 2]
    steps:
      - id: inner
        for_each: [a, b]
        loop_var: letter
        steps:
          - {id: t, action: echo, parameters: {message: '{{ letter }}'}}
outputs: {all: '{{ outer.result.results }}'}",
    ),
    (
        "while",
        "
steps:
  - id: again
    while: '{{ iteration < 3 }}'
    steps:
      - {id: t, action: echo, parameters: {message: 'turn {{ iteration }}'}}
outputs: {all: '{{ again.result }}'}",
    ),
    (
        "until",
        "
steps:
  - id: again
    until: '{{ t.result == \"turn 2\" }}'
    max_iterations: 5
    steps:
      - {id: t, action: echo, parameters: {message: 'turn {{ iteration }}'}}
outputs: {all: '{{ again.result }}'}",
    ),
    (
        "queue",
        "
steps:
  - id: many
    create_parallel_queue:
      on: [1, 2, 3]
      max_parallel: 1
      action_loop:
        - {name: t, action: echo, parameters: {message: '{{ item }}'}}
outputs: {all: '{{ many.result }}'}",
    ),
    (
        "conditions",
        "
inputs: {yes: {type: boolean, default: true}}
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - {id: b, action: echo, condition: '{{ yes }}', parameters: {message: two}, dependencies: [a]}
  - {id: c, action: echo, condition: '{{ not yes }}', parameters: {message: three}, dependencies: [a]}
  - {id: d, action: echo, parameters: {message: '{{ b.result }}'}, dependencies: [b, c]}
outputs: {text: '{{ d.result }}'}",
    ),
    (
        "route",
        "
steps:
  - {id: a, action: echo, parameters: {message: one}, on_success: d}
  - {id: b, action: echo, parameters: {message: two}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: three}, dependencies: [b]}
  - {id: d, action: echo, parameters: {message: four}, dependencies: [a]}
outputs: {text: '{{ d.result }}'}",
    ),
    (
        "goto",
        "
inputs: {to: {type: string, default: d}}
steps:
  - {id: a, action: echo, parameters: {message: one}, goto: '{{ to }}'}
  - {id: b, action: echo, parameters: {message: two}, dependencies: [a]}
  - {id: d, action: echo, parameters: {message: four}, dependencies: [a]}
outputs: {text: '{{ d.result }}'}",
    ),
    (
        "failure that stops",
        "
steps:
  - {id: a, action: echo, parameters: {message: one}}
  - {id: b, tool: filesystem, action: read, parameters: {path: missing.txt}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: '{{ b.result }}'}, dependencies: [b]}",
    ),
    (
        "failure that goes on",
        "
steps:
  - {id: a, tool: filesystem, action: read, parameters: {path: missing.txt}, on_failure: continue}
  - {id: b, action: echo, parameters: {message: '{{ a.status }}'}, dependencies: [a]}
outputs: {text: '{{ b.result }}'}",
    ),
    (
        "failure that skips",
        "
steps:
  - {id: a, tool: filesystem, action: read, parameters: {path: missing.txt}, on_failure: skip}
  - {id: b, action: echo, parameters: {message: x}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: y}}
outputs: {text: '{{ c.result }}'}",
    ),
    (
        "retries",
        "
steps:
  - id: a
    tool: filesystem
    action: read
    parameters: {path: missing.txt}
    retry: {attempts: 3, delay: 0.001, backoff: fixed, jitter: false}
    on_failure: continue
  - {id: b, action: echo, parameters: {message: '{{ a.status }}'}, dependencies: [a]}
outputs: {text: '{{ b.result }}'}",
    ),
    (
        "loop that is tried again",
        "
steps:
  - id: each
    for_each: [1, 2]
    retry: {attempts: 2, delay: 0.001, backoff: fixed, jitter: false}
    on_failure: continue
    steps:
      - {id: t, action: echo, parameters: {message: '{{ item }}'}}
      - {id: u, tool: filesystem, action: read, parameters: {path: missing.txt}, dependencies: [t]}
  - {id: z, action: echo, parameters: {message: end}, dependencies: [each]}",
    ),
    (
        "handlers",
        "
steps:
  - id: a
    tool: filesystem
    action: read
    parameters: {path: missing.txt}
    on_error: [{error_types: [FileNotFoundError], handler_task_id: mend}]
  - {id: mend, action: echo, parameters: {message: 'instead of {{ error.type }}'}}
  - {id: b, action: echo, parameters: {message: '{{ a.result }}'}, dependencies: [a]}
  - id: c
    tool: filesystem
    action: read
    parameters: {path: missing.txt}
    on_error: {fallback_value: nothing}
  - id: d
    tool: filesystem
    action: read
    parameters: {path: missing.txt}
    on_error: {handler_action: 'echo mended'}
outputs: {text: '{{ b.result }} {{ c.result }} {{ d.result }}'}",
    ),
    (
        "model",
        "
steps:
  - {id: a, action: generate, parameters: {prompt: one}, model: simulated/simulated}
  - {id: b, action: generate, parameters: {prompt: 'after {{ a.result }}'}, model: simulated/simulated, dependencies: [a]}
outputs: {text: '{{ b.result }}'}",
    ),
    (
        "files in a row",
        "
steps:
  - {id: f1, tool: filesystem, action: write, parameters: {path: f1.txt, content: 'one'}}
  - {id: f2, tool: filesystem, action: write, parameters: {path: f2.txt, content: '{{ f1.result.size }} and more'}, dependencies: [f1]}
  - {id: f3, tool: filesystem, action: write, parameters: {path: f3.txt, content: '{{ f2.result.size }} and more'}, dependencies: [f2]}
  - {id: f4, tool: filesystem, action: write, parameters: {path: f4.txt, content: '{{ f3.result.size }} and more'}, dependencies: [f3]}
  - {id: f5, tool: filesystem, action: write, parameters: {path: f5.txt, content: '{{ f4.result.size }} and more'}, dependencies: [f4]}
  - {id: f6, tool: filesystem, action: write, parameters: {path: f6.txt, content: '{{ f5.result.size }} and more'}, dependencies: [f5]}
  - {id: f7, tool: filesystem, action: write, parameters: {path: f7.txt, content: '{{ f6.result.size }} and more'}, dependencies: [f6]}
outputs: {size: '{{ f7.result.size }}'}",
    ),
    (
        "files in a loop",
        "
steps:
  - id: each
    for_each: [1, 2, 3, 4, 5, 6, 7]
    max_parallel: 2
    steps:
      - {id: w, tool: filesystem, action: write, parameters: {path: 'w{{ item }}.txt', content: '{{ item }}'}}
  - {id: n, action: echo, parameters: {message: '{{ each.result.count }}'}, dependencies: [each]}
outputs: {all: '{{ each.result.results }}'}",
    ),
    (
        "files in a child",
        "
steps:
  - id: c
    tool: pipeline-executor
    action: execute
    parameters:
      pipeline: |
        id: inner
        steps:
          - {id: g1, tool: filesystem, action: write, parameters: {path: g1.txt, content: 'one'}}
          - {id: g2, tool: filesystem, action: write, parameters: {path: g2.txt, content: '{{ g1.result.size }} and more'}, dependencies: [g1]}
          - {id: g3, tool: filesystem, action: write, parameters: {path: g3.txt, content: '{{ g2.result.size }} and more'}, dependencies: [g2]}
          - {id: g4, tool: filesystem, action: write, parameters: {path: g4.txt, content: '{{ g3.result.size }} and more'}, dependencies: [g3]}
          - {id: g5, tool: filesystem, action: write, parameters: {path: g5.txt, content: '{{ g4.result.size }} and more'}, dependencies: [g4]}
          - {id: g6, tool: filesystem, action: write, parameters: {path: g6.txt, content: '{{ g5.result.size }} and more'}, dependencies: [g5]}
        outputs: {size: '{{ g6.result.size }}'}
outputs: {size: '{{ c.result.outputs.size }}'}",
    ),
];

pub(super) fn long() -> bool {
    std::env::var_os("ORC_CRASH_LONG").is_some()
}

/// The document without what differs between any two runs.
pub(super) fn normalized(text: &str) -> Value {
    let document: ResultDocument = serde_json::from_str(text).unwrap();
    let mut value = serde_json::to_value(document.normalized()).unwrap();
    without_times(&mut value);
    value
}

/// Results may say how long something took.
fn without_times(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.shift_remove("execution_time");
            object.shift_remove("response_time");
            object.values_mut().for_each(without_times);
        }
        Value::Array(items) => items.iter_mut().for_each(without_times),
        _ => {}
    }
}

pub(super) fn folder(text: &str) -> Folder {
    Folder::with("p.orc.yaml", format!("id: p\nname: p{text}\n"))
}

/// How often each step came to an end for good.
pub(super) fn ends(folder: &Folder) -> BTreeMap<String, usize> {
    let events = folder.orc(&["runs", "logs", "--format", "jsonl"]).stdout;
    let mut ends = BTreeMap::new();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["type"] == "step.finished" {
            *ends.entry(event["step"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    ends
}

/// How often each step, or action of a handler, succeeded.
pub(super) fn successes(folder: &Folder) -> BTreeMap<String, usize> {
    let shown: Value = serde_json::from_str(&folder.orc(&["runs", "show", "--format", "json"]).stdout).unwrap();
    let mut found = BTreeMap::new();
    for attempt in shown["steps"].as_array().unwrap().iter().filter(|attempt| attempt["status"] == "completed") {
        *found.entry(attempt["step"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    found
}

/// Whether it was killed before the run was known: then nothing was done, and nothing is lost.
#[track_caller]
pub(super) fn is_unknown(folder: &Folder) -> bool {
    let listed = folder.orc(&["runs", "list", "--format", "json"]);
    if listed.stdout.trim() != "[]" {
        return false;
    }
    let entries = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| !matches!(&**name, ".orc" | "p.orc.yaml"));
    assert_eq!(names, Vec::<String>::new(), "something was done before the run was known");
    true
}

/// Kills `text` at every `every`-th point from `first` on; the number of points it was killed at.
fn matrix(name: &str, text: &str, (first, every): (u32, u32)) -> u32 {
    let whole = folder(text);
    let ended = whole.orc(&["run", "p.orc.yaml"]);
    assert!(matches!(ended.code, Some(0 | 1)), "{name}: {ended:?}");
    let (code, wanted) = (ended.code, normalized(&ended.stdout));
    let (wanted_ends, wanted_successes) = (ends(&whole), successes(&whole));
    let mut points = 0;
    for point in (first..).step_by(every as usize) {
        let broken = folder(text);
        if !broken.orc_killed_at(point, &["run", "p.orc.yaml"]) {
            break;
        }
        points += 1;
        if is_unknown(&broken) {
            let again = broken.orc(&["run", "p.orc.yaml"]);
            assert_eq!((again.code, normalized(&again.stdout)), (code, wanted.clone()), "{name} at {point}");
            continue;
        }
        for second in 1.. {
            if !long() || !broken.orc_killed_at(second, &["resume", "latest"]) {
                break;
            }
            points += 1;
        }
        let resumed = broken.orc(&["resume", "latest"]);
        assert_eq!(resumed.code, code, "{name} at {point}: {resumed:?}");
        assert_eq!(normalized(&resumed.stdout), wanted, "{name} at {point}:\n{}", resumed.stderr);
        assert_eq!(successes(&broken), wanted_successes, "{name} at {point}: something succeeded twice, or never");
        assert_eq!(ends(&broken), wanted_ends, "{name} at {point}: a step ended twice, or never");
    }
    points
}

#[test]
fn a_run_that_is_killed_anywhere_ends_as_if_it_had_not_been() {
    let every = if long() { 1 } else { 5 };
    let only = std::env::var("ORC_CRASH_ONLY").unwrap_or_default();
    let chosen: Vec<_> = PIPELINES.into_iter().filter(|(name, _)| name.contains(&only)).collect();
    // Each pipeline begins elsewhere, so that every kind of point is among them.
    let all = |thread: usize, threads: usize| -> u32 {
        let part = (0..).zip(&chosen).skip(thread).step_by(threads);
        part.map(|(at, (name, text))| matrix(name, text, (1 + at % every, every))).sum()
    };
    let threads = if long() { 3 } else { 2 };
    let points: u32 = std::thread::scope(|scope| {
        let parts: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn({
                    let all = &all;
                    move || all(thread, threads)
                })
            })
            .collect();
        parts.into_iter().map(|part| part.join().unwrap()).sum()
    });
    println!("{points} crash points in {} pipelines", chosen.len());
    assert!(points > 80 || !only.is_empty(), "only {points} points");
}

#[test]
fn what_may_not_run_twice_is_not_run_twice() {
    let points = refuses_twice(
        "
steps:
  - {id: a, tool: terminal, action: execute, parameters: {command: 'echo a >> log.txt'}}
  - {id: b, tool: terminal, action: execute, parameters: {command: 'echo b >> log.txt'}, dependencies: [a]}
  - {id: c, action: echo, parameters: {message: end}, dependencies: [b]}",
    );
    println!("{points} crash points in a pipeline of commands");
}

#[test]
fn nor_is_it_in_a_loop() {
    let points = refuses_twice(
        "
steps:
  - id: l
    for_each: [1]
    steps:
      - {id: a, tool: terminal, action: execute, parameters: {command: 'echo a >> log.txt'}}
      - {id: b, tool: terminal, action: execute, parameters: {command: 'echo b >> log.txt'}, dependencies: [a]}
  - {id: d, action: echo, parameters: {message: end}, dependencies: [l]}",
    );
    println!("{points} crash points in a pipeline of commands");
}

#[test]
fn nor_is_it_in_a_child() {
    let points = refuses_twice(
        "
steps:
  - id: c
    tool: pipeline-executor
    action: execute
    parameters:
      pipeline: |
        id: inner
        steps:
          - {id: a, tool: terminal, action: execute, parameters: {command: 'echo a >> log.txt'}}
          - {id: b, tool: terminal, action: execute, parameters: {command: 'echo b >> log.txt'}, dependencies: [a]}
  - {id: d, action: echo, parameters: {message: end}, dependencies: [c]}",
    );
    println!("{points} crash points in a pipeline of commands");
}

/// `text` adds the lines `a` and `b` to `log.txt` by commands, which may not simply run again.
fn refuses_twice(text: &str) -> u32 {
    let mut noticed = BTreeSet::new();
    // How many writes there are differs by a few: what waits to be written is written together.
    let mut survived = 0;
    let mut points = 0;
    for point in 1.. {
        let folder = folder(text);
        if !folder.orc_killed_at(point, &["run", "p.orc.yaml"]) {
            survived += 1;
            if survived == 3 {
                break;
            }
            continue;
        }
        points += 1;
        if is_unknown(&folder) {
            continue;
        }
        let resumed = folder.orc(&["resume", "latest"]);
        let lines = || std::fs::read_to_string(folder.path().join("log.txt")).unwrap_or_default();
        let before = lines();
        if resumed.code == Some(1) {
            for step in ["a", "b"] {
                if resumed.stderr.contains(&format!("{step}` had begun")) {
                    noticed.insert(step);
                }
            }
            assert!(resumed.stderr.contains("had begun when the run was broken off"), "at {point}: {resumed:?}");
            assert!(["", "a\n", "a\nb\n"].contains(&&*before), "at {point}: {before}");
            let resumed = folder.orc(&["resume", "latest", "--yes"]);
            assert_eq!(resumed.code, Some(0), "at {point}: {resumed:?}");
            assert!(lines().ends_with("b\n"), "at {point}: {}", lines());
        } else {
            assert_eq!((resumed.code, &*before), (Some(0), "a\nb\n"), "at {point}: {resumed:?}");
        }
    }
    assert_eq!(noticed, BTreeSet::from(["a", "b"]), "both were interrupted at some point");
    // Around each of the two commands there are three, besides those of the store.
    assert!(points > 12, "only {points} points");
    points
}
