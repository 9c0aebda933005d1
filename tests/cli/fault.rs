//! A store that cannot be written: the disk is full, or fails, at every write there is. The run says so,
//! does nothing more that it could not account for, and can be resumed once there is room.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    crash::{PIPELINES, ends, folder, long, normalized, successes},
    support::{Ended, Folder},
};

/// What SQLite says of each fault.
const FAULTS: [(&str, &str); 2] = [("full", "database or disk is full"), ("io", "disk I/O error")];

/// The pipelines that are run on each change.
const SOME: [&str; 4] = ["chain", "a child", "loop side by side", "handlers"];

/// What stands in the store, read past the program.
fn stored(folder: &Folder, sql: &str) -> Vec<String> {
    let store = Connection::open(folder.path().join(".orc/runs.db")).unwrap();
    let mut rows = store.prepare(sql).unwrap();
    rows.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[track_caller]
fn is_sound(folder: &Folder, place: &str) {
    assert_eq!(stored(folder, "PRAGMA integrity_check"), ["ok"], "{place}");
}

/// Whether the store failed the run; then it says what, where and what to do.
#[track_caller]
fn failed(ended: &Ended, said: &str, place: &str) -> bool {
    ended.in_order();
    if !ended.stderr.contains(said) {
        return false;
    }
    // A store that cannot even be made is no run that failed: nothing was started.
    let started = !ended.stdout.is_empty();
    assert_eq!(ended.code, Some(if started { 1 } else { 2 }), "{place}: {ended:?}");
    for part in [".orc/runs.db`", "check that the directory can be written and has space, or run with `--no-store`"] {
        assert!(ended.stderr.contains(part), "{place}: `{part}` in {}", ended.stderr);
    }
    true
}

/// Whether the store knows a run.
fn is_known(folder: &Folder) -> bool {
    folder.orc(&["runs", "list", "--format", "json"]).stdout.trim() != "[]"
}

/// Goes on with the run, or begins again where the store knows of none.
#[track_caller]
fn go_on(folder: &Folder, failed: &Ended, place: &str) -> Ended {
    let known = is_known(folder);
    assert_eq!(failed.stderr.contains("then `orc resume p_"), known, "{place}: {}", failed.stderr);
    folder.orc(if known { &["resume", "latest"] } else { &["run", "p.orc.yaml"] })
}

#[test]
fn a_store_that_cannot_be_written_fails_the_run_and_loses_nothing() {
    let mut faults = 0;
    for (name, text) in PIPELINES.into_iter().filter(|(name, _)| long() || SOME.contains(name)) {
        let whole = folder(text);
        let ended = whole.orc(&["run", "p.orc.yaml"]);
        let (code, wanted) = (ended.code, normalized(&ended.stdout));
        let (wanted_ends, wanted_successes) = (ends(&whole), successes(&whole));
        for write in 1.. {
            // Each write fails in one way; in the long form in both.
            let kinds = FAULTS.iter().enumerate().filter(|(at, _)| long() || write % 2 == *at);
            let mut reached = false;
            for (_, (kind, said)) in kinds {
                let place = format!("{name}, write {write}, {kind}");
                let broken = folder(text);
                let ended = broken.orc_with(&[("ORC_FAIL_AT", &format!("{write}:{kind}"))], &["run", "p.orc.yaml"]);
                if !failed(&ended, said, &place) {
                    assert_eq!((ended.code, normalized(&ended.stdout)), (code, wanted.clone()), "{place}");
                    continue;
                }
                reached = true;
                faults += 1;
                is_sound(&broken, &place);
                let resumed = go_on(&broken, &ended, &place);
                assert_eq!(resumed.code, code, "{place}: {resumed:?}");
                assert_eq!(normalized(&resumed.stdout), wanted, "{place}: {}", resumed.stderr);
                assert_eq!(successes(&broken), wanted_successes, "{place}: something succeeded twice, or never");
                assert_eq!(ends(&broken), wanted_ends, "{place}: a step ended twice, or never");
                is_sound(&broken, &place);
            }
            if !reached {
                break;
            }
        }
    }
    println!("{faults} failed writes");
    assert!(faults > 12, "only {faults}");
}

#[test]
fn nothing_is_done_that_could_not_be_written_down_before() {
    let text = "
steps:
  - {id: a, tool: terminal, action: execute, parameters: {command: 'echo a >> log.txt'}}
  - id: l
    for_each: [1, 2]
    max_parallel: 2
    steps:
      - {id: b, tool: terminal, action: execute, parameters: {command: 'echo \"l[{{ index }}].b\" >> log.txt'}}
    dependencies: [a]
  - id: c
    tool: pipeline-executor
    action: execute
    dependencies: [l]
    parameters:
      pipeline: |
        id: inner
        steps:
          - {id: d, tool: terminal, action: execute, parameters: {command: 'echo \"c[0].d\" >> log.txt'}}
          - {id: e, tool: terminal, action: execute, parameters: {command: 'exit 3'}, dependencies: [d], on_failure: continue, error_handlers: [{handler_action: 'echo seen'}]}
  - {id: f, tool: terminal, action: execute, parameters: {command: 'echo f >> log.txt'}, dependencies: [c]}";
    let every = BTreeSet::from(["a", "l[0].b", "l[1].b", "c[0].d", "f"].map(str::to_owned));
    let done = |folder: &Folder| -> Vec<String> {
        let text = std::fs::read_to_string(folder.path().join("log.txt")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    };
    let mut interrupted = 0;
    for write in 1.. {
        let (kind, said) = FAULTS[write % 2];
        let place = format!("write {write}, {kind}");
        let broken = folder(text);
        let ended = broken.orc_with(&[("ORC_FAIL_AT", &format!("{write}:{kind}"))], &["run", "p.orc.yaml"]);
        if !failed(&ended, said, &place) {
            assert_eq!(ended.code, Some(0), "{place}: {ended:?}");
            assert!(write > 5, "only {write} writes");
            break;
        }
        is_sound(&broken, &place);
        let before = done(&broken);
        if is_known(&broken) {
            let intended = stored(&broken, "SELECT DISTINCT step FROM steps WHERE intent_at IS NOT NULL");
            assert!(before.iter().all(|step| intended.contains(step)), "{place}: {before:?} of {intended:?}");
        } else {
            assert_eq!(before, Vec::<String>::new(), "{place}");
        }
        let mut resumed = go_on(&broken, &ended, &place);
        if resumed.code == Some(1) {
            assert!(resumed.stderr.contains("had begun when the run was broken off"), "{place}: {resumed:?}");
            assert_eq!(done(&broken), before, "{place}: nobody allowed it");
            interrupted += 1;
            resumed = broken.orc(&["resume", "latest", "--yes"]);
        } else {
            assert_eq!(done(&broken).len(), every.len(), "{place}: {:?}", done(&broken));
        }
        assert_eq!(resumed.code, Some(0), "{place}: {resumed:?}");
        assert_eq!(done(&broken).into_iter().collect::<BTreeSet<_>>(), every, "{place}");
        is_sound(&broken, &place);
    }
    assert!(interrupted > 2, "{interrupted}");
}

#[test]
fn who_follows_the_events_learns_why_it_failed() {
    let (_, text) = PIPELINES[0];
    for write in 2..5 {
        let broken = folder(text);
        let fault = [("ORC_FAIL_AT", &*write.to_string())];
        let ended = broken.orc_with(&fault, &["run", "p.orc.yaml", "--format", "jsonl"]);
        let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let last = events.last().unwrap();
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert_eq!(last["type"], "run.finished", "{ended:?}");
        let end = &last["data"];
        assert_eq!((&end["status"], &end["exit_code"], &end["success"]), (&json!("failed"), &json!(1), &json!(false)));
        assert_eq!((&end["result"]["status"], &end["result"]["error_type"]), (&json!("failed"), &json!("StoreError")));
        let error = end["error"].as_str().unwrap();
        assert!(error.contains("the run could not be recorded: `") && error.contains("is full"), "{error}");
        assert!(ended.stderr.contains(error), "{ended:?}");
        let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
        assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    }
}

/// No file may grow beyond `blocks` of 512 bytes, as on a disk that is full.
fn with_room_for(folder: &Folder, blocks: u32) -> Ended {
    let mut shell = Command::new("sh");
    // The signal would be another way to be killed; refused writes are what a full disk does.
    let script = format!("trap '' XFSZ; ulimit -f {blocks} && exec {} run p.orc.yaml", env!("CARGO_BIN_EXE_orc"));
    shell.args(["-c", &script]).current_dir(folder.path()).stdin(Stdio::null());
    Ended::of(shell.output().unwrap())
}

#[test]
fn a_place_that_is_really_full_is_found_out_at_any_size() {
    let mut steps = String::new();
    for number in 1..20 {
        let before = number - 1;
        steps += &format!(
            "  - {{id: s{number}, tool: filesystem, action: write, parameters: {{path: s{number}.txt, content: '{{{{ s{before}.result.size }}}} and more'}}, dependencies: [s{before}]}}\n"
        );
    }
    let text = format!(
        "\nsteps:\n  - {{id: s0, tool: filesystem, action: write, parameters: {{path: s0.txt, content: x}}}}\n{steps}outputs: {{size: '{{{{ s19.result.size }}}}'}}"
    );
    let whole = folder(&text).orc(&["run", "p.orc.yaml"]);
    assert_eq!(whole.code, Some(0), "{whole:?}");
    let wanted = normalized(&whole.stdout);
    let mut resumed_runs = 0;
    let mut blocks = 0;
    loop {
        let place = format!("{blocks} blocks");
        let full = folder(&text);
        let ended = with_room_for(&full, blocks);
        if ended.code == Some(0) {
            break;
        }
        ended.in_order();
        assert!(matches!(ended.code, Some(1 | 2)), "{place}: {ended:?}");
        assert!(ended.stderr.contains("check that the directory can be written and has space"), "{place}: {ended:?}");
        let known = full.path().join(".orc/runs.db").exists() && is_known(&full);
        resumed_runs += u32::from(known);
        if full.path().join(".orc/runs.db").exists() {
            is_sound(&full, &place);
        }
        let resumed = full.orc(if known { &["resume", "latest"] } else { &["run", "p.orc.yaml"] });
        assert_eq!(normalized(&resumed.stdout), wanted, "{place}: {}", resumed.stderr);
        is_sound(&full, &place);
        blocks = if blocks < 64 { blocks + 16 } else { blocks * 3 / 2 };
    }
    assert!(resumed_runs > 2, "{resumed_runs}, up to {blocks} blocks");
}

/// Nothing in it waits for the disk, but so much is not computed that is not kept.
#[test]
fn a_long_loop_of_steps_that_only_compute_stops_where_the_store_is_broken() {
    let text = "
id: p
steps:
  - id: loop
    for_each: '{{ range(2000) | list }}'
    max_parallel: 1
    steps:
      - {id: a, action: echo, parameters: {message: '{{ item }}'}}
";
    let folder = Folder::with("p.orc.yaml", text);
    let ended = folder.orc_with(&[("ORC_FAIL_AT", "4")], &["run", "p.orc.yaml", "--no-cache", "--format", "json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["error_type"], "StoreError");
    assert_ne!(document["steps"]["loop"]["status"], "completed", "all of it was computed");
}
