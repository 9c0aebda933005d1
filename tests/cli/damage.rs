//! Stores that cannot be used are found before anything is done, said, and left as they are; never does a
//! run begin as if there had been none.

use std::{
    fs,
    os::unix::{
        fs::{MetadataExt as _, PermissionsExt as _},
        process::CommandExt as _,
    },
    process::{Command, Stdio},
};

use rusqlite::Connection;

use crate::support::{Ended, Folder};

const PIPELINE: &str = "
id: p
name: p
steps:
  - {id: a, tool: filesystem, action: write, parameters: {path: a.txt, content: one}}
  - {id: b, tool: filesystem, action: write, parameters: {path: b.txt, content: two}, dependencies: [a]}
";

/// A folder with the store of eight runs, all of it in the database or much of it in the log.
fn with_runs(in_log: bool) -> Folder {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    for _ in 0..8 {
        assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(0));
    }
    if !in_log {
        let store = Connection::open(folder.path().join(".orc/runs.db")).unwrap();
        store.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    }
    fs::remove_file(folder.path().join("a.txt")).unwrap();
    fs::remove_file(folder.path().join("b.txt")).unwrap();
    folder
}

fn bytes(folder: &Folder, name: &str) -> Vec<u8> {
    fs::read(folder.path().join(".orc").join(name)).unwrap_or_default()
}

/// Everything that opens the store refuses it in these words, and nothing happened.
#[track_caller]
fn refused(folder: &Folder, words: &[&str]) {
    let before = ["runs.db", "runs.db-wal"].map(|name| bytes(folder, name));
    for arguments in [&["run", "p.orc.yaml"][..], &["resume", "latest"], &["runs", "list"]] {
        let ended = folder.orc(arguments);
        ended.in_order();
        assert!(matches!(ended.code, Some(1 | 2)), "{arguments:?}: {ended:?}");
        for word in words {
            assert!(ended.stderr.contains(word), "{arguments:?}: `{word}` in {}", ended.stderr);
        }
    }
    assert!(!folder.path().join("a.txt").exists(), "a step ran");
    assert!(before == ["runs.db", "runs.db-wal"].map(|name| bytes(folder, name)), "the store was changed");
    let without = folder.orc(&["run", "p.orc.yaml", "--no-store"]);
    assert_eq!(without.code, Some(0), "what the error advises works: {without:?}");
}

#[test]
fn what_is_no_store() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    folder.write(".orc/runs.db", "this is no database, but long enough to look at: ".repeat(40));
    refused(&folder, &[".orc/runs.db` is not a run store of orc (file is not a database)", "move it away"]);
}

#[test]
fn the_store_of_another_program() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    fs::create_dir(folder.path().join(".orc")).unwrap();
    let other = Connection::open(folder.path().join(".orc/runs.db")).unwrap();
    other.execute_batch("CREATE TABLE t (x); PRAGMA journal_mode = WAL").unwrap();
    drop(other);
    refused(&folder, &["is not a run store of orc (it holds another program's tables)"]);
}

#[test]
fn the_store_of_a_newer_version() {
    let folder = with_runs(false);
    Connection::open(folder.path().join(".orc/runs.db")).unwrap().pragma_update(None, "user_version", 99).unwrap();
    refused(&folder, &["was written by a newer orc (format 99", "update orc"]);
}

#[test]
fn a_store_that_was_cut_off() {
    let keeps: [fn(u64) -> u64; 6] =
        [|_| 100, |_| 512, |_| 4096, |length| length / 2, |length| length - 4096, |length| length - 1];
    for keep in keeps {
        let folder = with_runs(false);
        // Not always the same: times have more or fewer digits.
        let keep = keep(bytes(&folder, "runs.db").len() as u64);
        let file = fs::OpenOptions::new().write(true).open(folder.path().join(".orc/runs.db")).unwrap();
        file.set_len(keep).unwrap();
        refused(&folder, &[".orc/runs.db` is ", "move it"]);
    }
}

#[test]
fn a_store_that_is_empty_or_gone_while_its_log_is_there() {
    let folder = with_runs(true);
    fs::OpenOptions::new().write(true).open(folder.path().join(".orc/runs.db")).unwrap().set_len(0).unwrap();
    let words =
        ["is damaged (it is empty or gone, and its log is not); move it and the files beside it (`runs.db-wal`"];
    refused(&folder, &words);
    fs::remove_file(folder.path().join(".orc/runs.db")).unwrap();
    let ended = folder.orc(&["run", "p.orc.yaml"]);
    assert!(ended.stderr.contains(words[0]), "{ended:?}");
    assert!(!bytes(&folder, "runs.db-wal").is_empty());
}

#[test]
fn a_store_with_damaged_pages_is_not_gone_on_with() {
    let folder = with_runs(false);
    let mut whole = bytes(&folder, "runs.db");
    let last = whole.len() - 4096;
    for page in (4096..=last).step_by(4096).skip(1) {
        whole[page..page + 512].fill(0xa5);
    }
    folder.write(".orc/runs.db", &whole);
    refused(&folder, &["is damaged (database disk image is malformed)", "move it and the files beside it"]);
}

/// A page that is damaged is either none of the run's, or the run does not go on.
#[test]
fn a_damaged_page_is_never_taken_for_steps_that_have_not_run() {
    let folder = with_runs(false);
    let whole = bytes(&folder, "runs.db");
    let mut refusals = 0;
    for page in (4096..whole.len()).step_by(4096) {
        let mut damaged = whole.clone();
        damaged[page..page + 512].fill(0xa5);
        folder.write(".orc/runs.db", &damaged);
        for log in ["runs.db-wal", "runs.db-shm"] {
            fs::remove_file(folder.path().join(".orc").join(log)).ok();
        }
        let resumed = folder.orc(&["resume", "latest"]);
        resumed.in_order();
        if resumed.code != Some(0) {
            assert!(resumed.stderr.contains("is damaged ("), "page {}: {resumed:?}", page / 4096);
            refusals += 1;
        }
        assert!(!folder.path().join("a.txt").exists(), "page {}: a step ran again", page / 4096);
    }
    assert!(refusals > 0 && refusals < whole.len() / 4096 - 1, "{refusals}");
}

#[test]
fn a_log_that_was_damaged_loses_what_it_held_and_nothing_else() {
    let folder = with_runs(false);
    assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(0));
    let mut log = bytes(&folder, "runs.db-wal");
    // The last page of it, with its header of 24 bytes.
    let last = log.len() - (24 + 4096);
    log[last..].fill(0xa5);
    folder.write(".orc/runs.db-wal", &log);
    let listed: serde_json::Value =
        serde_json::from_str(&folder.orc(&["runs", "list", "--format", "json"]).stdout).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), 9);
    assert!(listed[1..].iter().all(|run| run["status"] == "completed"), "{listed:?}");
    // The last run is known up to the damage, so it goes on there.
    let resumed = folder.orc(&["resume", "latest"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
}

#[test]
fn a_place_that_is_no_directory() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    folder.write(".orc", "a file");
    let ended = folder.orc(&["run", "p.orc.yaml"]);
    assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
    assert!(ended.stderr.contains("/.orc/") && ended.stderr.contains("--no-store"), "{ended:?}");
    assert!(!folder.path().join("a.txt").exists());

    let folder = Folder::with("p.orc.yaml", PIPELINE);
    fs::create_dir_all(folder.path().join(".orc/runs.db")).unwrap();
    let ended = folder.orc(&["run", "p.orc.yaml"]);
    assert!(matches!(ended.code, Some(1 | 2)), "{ended:?}");
    assert!(ended.stderr.contains("/.orc/") && ended.stderr.contains("--no-store"), "{ended:?}");
    assert!(!folder.path().join("a.txt").exists());
}

/// Runs `orc` as somebody whom permissions bind, which root is not.
fn bound(folder: &Folder, arguments: &[&str]) -> Ended {
    let program = folder.path().join("orc");
    if !program.exists() {
        fs::copy(env!("CARGO_BIN_EXE_orc"), &program).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder.path()).stdin(Stdio::null());
    if folder.path().metadata().unwrap().uid() == 0 {
        command.uid(65534).gid(65534);
    }
    Ended::of(command.output().unwrap())
}

#[test]
fn a_store_that_may_not_be_written() {
    let folder = with_runs(false);
    let mode = |name: &str, mode| {
        fs::set_permissions(folder.path().join(name), fs::Permissions::from_mode(mode)).unwrap();
    };
    // Steps may write, the store may not.
    for (name, bits) in [("", 0o777), (".orc", 0o555), (".orc/runs.db", 0o444)] {
        mode(name, bits);
    }
    for log in ["runs.db-wal", "runs.db-shm"] {
        fs::remove_file(folder.path().join(".orc").join(log)).ok();
    }
    let before = bytes(&folder, "runs.db");
    for arguments in [&["run", "p.orc.yaml"][..], &["resume", "latest"]] {
        let ended = bound(&folder, arguments);
        ended.in_order();
        assert!(matches!(ended.code, Some(1 | 2)), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("/.orc/"), "{arguments:?}: {ended:?}");
        assert!(ended.stderr.contains("check that the directory can be written"), "{arguments:?}: {ended:?}");
    }
    assert!(!folder.path().join("a.txt").exists(), "a step ran");
    assert!(before == bytes(&folder, "runs.db"));
    assert_eq!(bound(&folder, &["run", "p.orc.yaml", "--no-store"]).code, Some(0));
    mode(".orc", 0o755);
}
