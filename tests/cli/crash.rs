//! The crash matrix: pipelines of every kind are killed before and after every write of the store, every
//! start and end of a process and every file that a tool writes, then resumed.
//! The document must be that of a run that was never killed, no step that ended may run twice, and one
//! that may not simply run again must say so.
//!
//! `ORC_CRASH_LONG=1` kills at every point, and the resumed run at every point as well; without it at
//! every fifth, which is what there is time for on each change. `ORC_CRASH_ONLY=loop` takes the pipelines that
//! are called so. See docs/durability.md.

use std::collections::BTreeMap;

use engine::run::ResultDocument;
use serde_json::Value;

use crate::support::Folder;

mod pipelines;
pub(super) use pipelines::PIPELINES;

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
