//! What stops a run stops all of it, at once and in order: Ctrl-C, SIGTERM, the end of the terminal.

use std::{
    fs::File,
    io::Write,
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    process::{Child, Command, Stdio},
};

use nix::{
    fcntl::OFlag,
    pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt},
    sys::signal::{Signal, kill, killpg},
    unistd::Pid,
};
use serde_json::Value;

use crate::{brood, support::Folder};

fn folder() -> Folder {
    let folder = Folder::with("p.orc.yaml", brood::PIPELINE);
    brood::prepare(folder.path());
    folder
}

/// `orc run` that heeds signals, whatever whoever runs the tests ignores, through `programs`.
fn run(folder: &Folder, programs: &[&str]) -> Command {
    let mut command = Command::new("env");
    command.arg("--default-signal").args(programs).arg(env!("CARGO_BIN_EXE_orc"));
    command.args(["run", "p.orc.yaml", "-o", "result.json"]).current_dir(folder.path());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// In a group of its own, with nothing to write to.
fn in_group(folder: &Folder) -> Child {
    run(folder, &[]).process_group(0).spawn().unwrap()
}

fn id(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().unwrap())
}

/// On a terminal of its own, whose other end is returned.
fn on_terminal(folder: &Folder) -> (Child, PtyMaster) {
    let terminal = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&terminal).unwrap();
    unlockpt(&terminal).unwrap();
    let name = ptsname_r(&terminal).unwrap();
    let open = || File::options().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(&name).unwrap();
    let mut command = run(folder, &["setsid", "--ctty"]);
    (command.stdin(open()).stdout(open()).stderr(open()).spawn().unwrap(), terminal)
}

/// Stops the run once its processes are there, and looks at what it leaves. How long that takes is measured by
/// `tests/bench/cancel.py`.
fn stops<T>((mut child, rest): (Child, T), folder: &Folder, stop: impl FnOnce(&Child, T)) {
    brood::wait_for_all(folder.path());
    stop(&child, rest);
    let code = child.wait().unwrap().code();
    assert_eq!(brood::living(folder.path(), None), Vec::<String>::new());
    assert_eq!(code, Some(130));
    brood::assert_cancelled(&serde_json::from_str(&folder.read("result.json")).unwrap());
    let runs: Value = serde_json::from_str(&folder.orc(&["runs", "list", "--format", "json"]).stdout).unwrap();
    assert_eq!((runs.as_array().unwrap().len(), &runs[0]["status"]), (1, &Value::from("cancelled")));
}

/// What did not come to its end goes on, and nothing else runs again.
fn goes_on(folder: &Folder) {
    folder.write("enough", "");
    let ended = folder.orc(&["resume", "latest", "--yes"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((folder.read("before.log"), folder.read("after.log")), ("before\n".to_owned(), "after\n".to_owned()));
}

#[test]
fn interrupting_the_process_stops_the_run_and_it_can_go_on() {
    let folder = folder();
    stops((in_group(&folder), ()), &folder, |child, ()| kill(id(child), Signal::SIGINT).unwrap());
    goes_on(&folder);
}

#[test]
fn interrupting_its_group_stops_the_run() {
    let folder = folder();
    stops((in_group(&folder), ()), &folder, |child, ()| killpg(id(child), Signal::SIGINT).unwrap());
}

#[test]
fn ctrl_c_on_the_terminal_stops_the_run() {
    let folder = folder();
    stops(on_terminal(&folder), &folder, |_, mut terminal| terminal.write_all(b"\x03").unwrap());
}

#[test]
fn terminating_it_stops_the_run_and_it_can_go_on() {
    let folder = folder();
    stops((in_group(&folder), ()), &folder, |child, ()| kill(id(child), Signal::SIGTERM).unwrap());
    goes_on(&folder);
}

#[test]
fn closing_the_terminal_stops_the_run_and_it_can_go_on() {
    let folder = folder();
    stops(on_terminal(&folder), &folder, |_, terminal| drop(terminal));
    goes_on(&folder);
}

#[test]
fn the_command_that_cancels_runs_stops_the_run() {
    let folder = folder();
    stops((in_group(&folder), ()), &folder, |_, ()| {
        let ended = folder.orc(&["runs", "cancel", "latest"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    });
}

#[test]
fn nohup_keeps_a_run_going_when_its_terminal_closes() {
    let folder = Folder::with("p.orc.yaml", brood::PIPELINE);
    folder.write("brood.sh", ": > began; while ! [ -e enough ]; do sleep 0.01; done");
    let mut child = run(&folder, &["nohup"]).process_group(0).spawn().unwrap();
    brood::until(|| folder.path().join("began").exists(), || "it did not begin".to_owned());
    kill(id(&child), Signal::SIGHUP).unwrap();
    folder.write("enough", "");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_server_that_a_command_leaves_behind_outlives_a_run_that_ends_by_itself() {
    let folder = folder();
    let script = "setsid sh stay.sh session > /dev/null 2>&1 &\nwhile ! [ -e began-session ]; do sleep 0.01; done";
    folder.write("brood.sh", script);
    assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(0));
    let left = brood::living(folder.path(), None);
    assert!(left.iter().any(|process| process.contains("stay.sh session")), "{left:?}");
    for process in left {
        let id: i32 = process.split(' ').next().unwrap().parse().unwrap();
        kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
    }
}
