//! A step that is hard to stop: its command starts processes that ignore what asks them to end, one of them
//! in a session of its own, one that gave up its environment and its parent besides.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::Value;

/// How long something may take; only what is broken is that slow.
const PATIENCE: Duration = Duration::from_mins(1);

/// A step before it, the step, a step after it.
pub(crate) const PIPELINE: &str = "\
id: long
name: Long
steps:
  - id: before
    tool: terminal
    action: execute
    parameters: {command: echo before >> before.log}
  - id: brood
    tool: terminal
    action: execute
    parameters: {command: sh brood.sh, timeout: 0}
    dependencies: [before]
  - id: after
    tool: terminal
    action: execute
    parameters: {command: echo after >> after.log}
    dependencies: [brood]
";

/// What the step runs. It ends by itself where there is a file `enough`.
const SCRIPT: &str = "\
[ -e enough ] && exit 0
trap '' TERM INT HUP
setsid sh stay.sh session &
sh -c 'env -i PATH=\"$PATH\" setsid sh stay.sh orphan & exit' &
sh stay.sh group &
while :; do sleep 1; done
";

const STAY: &str = "\
trap '' TERM INT HUP
: > began-$1
while :; do sleep 1; done
";

/// Writes the scripts into `folder`.
pub(crate) fn prepare(folder: &Path) {
    fs::write(folder.join("brood.sh"), SCRIPT).unwrap();
    fs::write(folder.join("stay.sh"), STAY).unwrap();
}

/// Waits until all its processes are there.
#[track_caller]
pub(crate) fn wait_for_all(folder: &Path) {
    let names = ["session", "orphan", "group"];
    until(|| names.iter().all(|name| folder.join(format!("began-{name}")).exists()), || "no processes".to_owned());
}

/// Waits for something that must come true; `otherwise` says what is so instead.
#[track_caller]
pub(crate) fn until(is_so: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{}", otherwise());
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The living processes that work in `folder`, but for `except`.
pub(crate) fn living(folder: &Path, except: Option<u32>) -> Vec<String> {
    let folder = folder.canonicalize().unwrap();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let here = processes.filter(|process| fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == folder));
    let others = here.filter(|process| except.is_none_or(|id| process.file_name() != id.to_string().as_str()));
    others
        .map(|process| {
            let words = fs::read_to_string(process.path().join("cmdline")).unwrap_or_default();
            format!("{} {}", process.file_name().display(), words.replace('\0', " "))
        })
        .collect()
}

/// Whether `document` is that of the run that was cancelled in its second step.
#[track_caller]
pub(crate) fn assert_cancelled(document: &Value) {
    let status = |step: &str| document["steps"][step]["status"].as_str().unwrap().to_owned();
    assert_eq!(document["status"], "cancelled", "{document}");
    assert_eq!([status("before"), status("brood"), status("after")], ["completed", "cancelled", "not_run"]);
}
