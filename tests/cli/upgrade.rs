//! A store of an older format that is brought up to date by a process that dies, or has no room, on the way.

use rusqlite::Connection;
use serde_json::Value;

use crate::support::Folder;

const PIPELINE: &str = "
id: p
name: p
steps:
  - {id: a, tool: filesystem, action: write, parameters: {path: a.txt, content: one}}
  - {id: b, tool: filesystem, action: read, parameters: {path: a.txt}, dependencies: [a]}
outputs: {text: '{{ b.result.content }}'}
";

/// A workspace with a run that ended, in a store as format 2 had it.
fn old() -> Folder {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(0));
    open(&folder)
        .execute_batch(
            "ALTER TABLE steps DROP COLUMN child; ALTER TABLE steps DROP COLUMN question;
             ALTER TABLE steps DROP COLUMN answer; DROP TABLE cache; DROP TABLE answers;
             ALTER TABLE runs ADD COLUMN source TEXT NOT NULL DEFAULT '';
             UPDATE runs SET source = (SELECT source FROM sources WHERE run_id = runs.id); DROP TABLE sources;
             ALTER TABLE events DROP COLUMN told; DROP TABLE resolved; PRAGMA user_version = 2;",
        )
        .unwrap();
    std::fs::remove_file(folder.path().join("a.txt")).unwrap();
    folder
}

fn open(folder: &Folder) -> Connection {
    Connection::open(folder.path().join(".orc/runs.db")).unwrap()
}

fn format(folder: &Folder) -> i64 {
    let store = open(folder);
    let said: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok");
    store.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// The run works, and both are known.
#[track_caller]
fn works(folder: &Folder, runs: usize) {
    let ended = folder.orc(&["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!((folder.read("a.txt"), format(folder)), ("one".to_owned(), 7));
    let listed: Value = serde_json::from_str(&folder.orc(&["runs", "list", "--format", "json"]).stdout).unwrap();
    let listed = listed.as_array().unwrap();
    assert_eq!(listed.len(), runs, "{listed:?}");
    assert_eq!(listed[runs - 1]["status"], "completed");
    let store = open(folder);
    let mut texts = store.prepare("SELECT source FROM runs JOIN sources ON run_id = id").unwrap();
    let texts: Vec<String> = texts.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(texts, vec![PIPELINE; runs]);
}

#[test]
fn a_process_that_dies_on_the_way_leaves_the_old_format_or_the_new() {
    let mut seen = Vec::new();
    for point in 1.. {
        let folder = old();
        assert!(folder.orc_killed_at(point, &["run", "p.orc.yaml"]), "the run began before both formats were seen");
        let found = format(&folder);
        assert!(!folder.path().join("a.txt").exists(), "a step ran at {point}");
        if seen.last() != Some(&found) {
            seen.push(found);
        }
        works(&folder, 2);
        if found == 7 {
            break;
        }
    }
    assert_eq!(seen, [2, 7]);
}

#[test]
fn without_room_the_old_format_stays_and_nothing_runs() {
    for kind in ["full", "io"] {
        let folder = old();
        let ended = folder.orc_with(&[("ORC_FAIL_AT", &format!("1:{kind}"))], &["run", "p.orc.yaml"]);
        ended.in_order();
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains("check that the directory can be written and has space"), "{ended:?}");
        assert!(!folder.path().join("a.txt").exists());
        assert_eq!(format(&folder), 2);
        works(&folder, 2);
    }
}
