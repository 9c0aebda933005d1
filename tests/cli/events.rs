//! The stream of events is what its schema says: each line of real runs of every kind fits
//! `orc schema events`, and each kind with everything that it may tell is seen.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

use jsonschema::Validator;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

use crate::support::Folder;

/// What ends in each of the ways in which steps end, but those that need somebody.
const ENDS: &str = "\
id: ends
model: simulated/small
steps:
  - {id: echo, action: echo, parameters: {message: hello}}
  - {id: noisy, tool: terminal, action: execute, parameters: {command: 'yes | head -c 300000; echo loud >&2'}}
  - {id: asked, action: generate_text, parameters: {prompt: Say hello}}
  - {id: each, for_each: [1, 2], steps: [{id: inner, action: generate_text, parameters: {prompt: 'Say {{ item }}'}}]}
  - {id: passed, action: echo, condition: 'false', parameters: {message: no}}
  - id: broken
    tool: terminal
    action: execute
    retry: {attempts: 2, delay: 0.001, backoff: fixed, jitter: false}
    on_failure: continue
    parameters: {command: 'echo once >> tries; exit 3'}
";

const ASKS: &str = "\
id: asks
steps:
  - id: ask
    tool: user-prompt
    action: prompt
    parameters: {prompt: Which language?, input_type: choice, choices: [English, German], default: German}
  - {id: gate, tool: approval-gate, action: request, dependencies: [ask], parameters: {title: Go on?, content: text}}
  - {id: after, action: echo, dependencies: [gate], parameters: {message: done}}
";

const STOPPED: &str = "\
id: stopped
steps:
  - {id: long, tool: terminal, action: execute, parameters: {command: 'echo here; sleep 600'}}
  - {id: never, action: echo, dependencies: [long], parameters: {message: no}}
";

/// Whoever reads events gets by with fields that are added later, and so does the schema. Here nothing may be told
/// that it does not know.
fn close(schema: &mut Value) {
    let data =
        ["RunStarted", "StepStarted", "StepOutput", "StepRetrying", "Approval", "StepFinished", "RunFinished", "Paid"];
    let definitions = schema["definitions"].as_object_mut().unwrap();
    for name in data {
        definitions[name]["additionalProperties"] = false.into();
    }
    for kind in schema["oneOf"].as_array_mut().unwrap() {
        kind["additionalProperties"] = false.into();
    }
}

/// Looks at events, and at what they tell.
struct Seen {
    validator: Validator,
    /// The fields of the data that were seen, by type.
    fields: BTreeMap<String, BTreeSet<String>>,
    /// The ends of steps and of runs that were seen.
    ends: BTreeSet<String>,
}

impl Seen {
    fn new() -> Self {
        let mut schema: Value = serde_json::from_str(&Folder::new().orc(&["schema", "events"]).stdout).unwrap();
        close(&mut schema);
        let validator = jsonschema::draft7::options().should_validate_formats(true).build(&schema).unwrap();
        Self { validator, fields: BTreeMap::new(), ends: BTreeSet::new() }
    }

    /// The lines fit the schema; the events.
    #[track_caller]
    fn look(&mut self, lines: &str) -> Vec<Value> {
        let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for event in &events {
            if let Some(error) = self.validator.iter_errors(event).next() {
                panic!("{}: {error}\n{event:#}", error.instance_path());
            }
            let kind = event["type"].as_str().unwrap().to_owned();
            if let Some(status) = event["data"]["status"].as_str() {
                self.ends.insert(format!("{kind} {status}"));
            }
            let fields = event["data"].as_object().into_iter().flat_map(|data| data.keys().cloned());
            self.fields.entry(kind).or_default().extend(fields);
        }
        assert!(!events.is_empty());
        events
    }
}

#[test]
fn each_event_of_real_runs_fits_the_schema_and_each_kind_is_seen_with_all_it_tells() {
    let mut seen = Seen::new();

    let folder = Folder::with("ends.orc.yaml", ENDS);
    for (arguments, code) in [(&["ends.orc.yaml"][..], 1), (&["ends.orc.yaml", "--step", "asked"], 0)] {
        let ended = folder.orc(&[&["run", "--format", "jsonl"], arguments].concat());
        assert_eq!(ended.code, Some(code), "{ended:?}");
        seen.look(&ended.stdout);
    }
    // The same again, with what can be used again.
    let again = folder.orc(&["run", "ends.orc.yaml", "--format", "jsonl"]);
    let events = seen.look(&again.stdout);
    assert!(events.iter().any(|event| event["data"]["cached"] == true), "{}", again.stdout);

    let folder = Folder::with("asks.orc.yaml", ASKS);
    let waiting = folder.orc(&["run", "asks.orc.yaml", "--format", "jsonl"]);
    assert_eq!(waiting.code, Some(3), "{waiting:?}");
    seen.look(&waiting.stdout);
    assert_eq!(folder.orc(&["runs", "approve", "latest", "ask", "--answer", "English"]).code, Some(3));
    let resumed = folder.orc(&["resume", "latest", "--yes", "--format", "jsonl"]);
    let events = seen.look(&resumed.stdout);
    assert_eq!(events[0]["data"]["resumed"], true, "{}", resumed.stdout);
    // What is kept is what was told.
    seen.look(&folder.orc(&["runs", "logs", "--format", "jsonl"]).stdout);

    seen.look(&stopped());
    let only = Folder::with(
        "p.orc.yaml",
        "id: p\nsteps:\n  - {id: a, action: echo, parameters: {message: a}}\n  - {id: b, action: echo, parameters: {message: '{{ a.result }}'}}\n",
    );
    assert_eq!(only.orc(&["run", "p.orc.yaml"]).code, Some(0));
    let events = seen.look(&only.orc(&["run", "p.orc.yaml", "--step", "b", "--format", "jsonl"]).stdout);
    assert!(events.iter().any(|event| event["data"]["reused"] == true));

    let fields: Vec<String> = seen
        .fields
        .iter()
        .map(|(kind, fields)| format!("{kind}: {}", fields.iter().cloned().collect::<Vec<_>>().join(" ")))
        .collect();
    assert_eq!(
        fields,
        [
            "approval: question",
            "run.finished: error exit_code outputs result status success",
            "run.started: file pipeline protocol resumed steps",
            "step.finished: attempts cached cost duration_ms error error_type model provider reused status success usage",
            "step.output: stream text truncated",
            "step.ready: ",
            "step.retrying: attempt delay_ms error error_type",
            "step.started: action attempt model tool",
        ]
    );
    let ends: Vec<&str> = seen.ends.iter().map(String::as_str).collect();
    assert_eq!(
        ends,
        [
            "run.finished cancelled",
            "run.finished completed",
            "run.finished failed",
            "run.finished waiting",
            "step.finished cancelled",
            "step.finished completed",
            "step.finished failed",
            "step.finished skipped",
            "step.finished waiting",
        ]
    );
}

/// The events of a run that is stopped once its first step has said something.
fn stopped() -> String {
    let folder = Folder::with("stopped.orc.yaml", STOPPED);
    let mut child = Command::new(env!("CARGO_BIN_EXE_orc"))
        .args(["run", "stopped.orc.yaml", "--format", "jsonl"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let id = Pid::from_raw(child.id().try_into().unwrap());
    let mut text = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if line.contains("\"step.output\"") {
            kill(id, Signal::SIGTERM).unwrap();
        }
        text.push_str(&line);
        text.push('\n');
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    text
}

#[test]
fn what_no_event_tells_does_not_fit_the_schema() {
    let seen = Seen::new();
    let event = serde_json::json!({
        "runId": "p_1_00000000", "seq": 3, "time": "2026-11-28T00:00:00.000Z", "type": "step.started", "step": "a",
        "data": {"attempt": 1, "action": "echo"},
    });
    assert!(seen.validator.is_valid(&event));
    let changed = |pointer: &str, value: Value| {
        let mut event = event.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap().as_object_mut().unwrap().insert(key.to_owned(), value);
        event
    };
    for wrong in [
        changed("/seq", 0.into()),
        changed("/time", "yesterday".into()),
        changed("/type", "step.begun".into()),
        changed("/type", "run.started".into()),
        changed("/type", "step.ready".into()),
        changed("/more", 1.into()),
        changed("/data/more", 1.into()),
        changed("/data/attempt", 0.into()),
        changed("/data/action", Value::Null),
        changed("/step", Value::Null),
    ] {
        assert!(!seen.validator.is_valid(&wrong), "{wrong}");
    }
}
