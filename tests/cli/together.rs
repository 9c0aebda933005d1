//! Two runs in one workspace at once, one of which is killed or cannot write: the other does not notice, and
//! the first goes on afterwards.

use rusqlite::Connection;
use serde_json::Value;

use crate::{
    crash::{long, normalized},
    support::{Ended, Folder},
};

/// Writes files, loops, and runs a command; `p` and `q` differ in their names alone.
fn pipeline(id: &str) -> String {
    format!(
        "id: {id}
name: {id}
steps:
  - {{id: a, tool: filesystem, action: write, parameters: {{path: {id}.txt, content: one}}}}
  - id: l
    for_each: [1, 2, 3]
    max_parallel: 3
    steps:
      - {{id: t, tool: filesystem, action: write, parameters: {{path: '{id}{{{{ item }}}}.txt', content: '{{{{ item }}}}'}}}}
    dependencies: [a]
  - {{id: b, tool: filesystem, action: read, parameters: {{path: {id}.txt}}, dependencies: [l]}}
outputs: {{text: '{{{{ b.result.content }}}}', n: '{{{{ l.result.count }}}}'}}
"
    )
}

fn workspace() -> Folder {
    let folder = Folder::with("p.yaml", pipeline("p"));
    folder.write("q.yaml", pipeline("q"));
    folder
}

/// The run of the pipeline, if the store knows one.
fn run_of(folder: &Folder, pipeline: &str) -> Option<String> {
    let listed = folder.orc(&["runs", "list", "--format", "json"]);
    let listed: Value = serde_json::from_str(&listed.stdout).unwrap_or_else(|error| panic!("{error}: {listed:?}"));
    let found = listed.as_array().unwrap().iter().find(|run| run["pipeline"] == pipeline)?;
    Some(found["id"].as_str().unwrap().to_owned())
}

#[track_caller]
fn is_sound(folder: &Folder, place: &str) {
    let store = Connection::open(folder.path().join(".orc/runs.db")).unwrap();
    let said: String = store.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(said, "ok", "{place}");
}

/// Goes on with the run of the pipeline, or begins it.
fn go_on(folder: &Folder, pipeline: &str) -> Ended {
    match run_of(folder, pipeline) {
        Some(run) => folder.orc(&["resume", &run]),
        None => folder.orc(&["run", &format!("{pipeline}.yaml")]),
    }
}

fn at_once<A: Send, B>(one: impl FnOnce() -> A + Send, other: impl FnOnce() -> B) -> (A, B) {
    std::thread::scope(|scope| {
        let one = scope.spawn(one);
        let other = other();
        (one.join().unwrap(), other)
    })
}

/// What each comes to where nothing happens to it.
fn wanted() -> [(&'static str, Value); 2] {
    ["p", "q"].map(|id| {
        let ended = workspace().orc(&["run", &format!("{id}.yaml")]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        (id, normalized(&ended.stdout))
    })
}

#[test]
fn a_run_that_is_killed_does_not_hurt_the_one_beside_it() {
    let [p, q] = wanted();
    let mut points = 0;
    for point in (1..).step_by(if long() { 1 } else { 4 }) {
        let folder = workspace();
        // They make the store at once, too.
        let (killed, beside) =
            at_once(|| folder.orc_killed_at(point, &["run", "p.yaml"]), || folder.orc(&["run", "q.yaml"]));
        let place = format!("killed at {point}");
        assert_eq!((beside.code, normalized(&beside.stdout)), (Some(0), q.1.clone()), "{place}: {}", beside.stderr);
        is_sound(&folder, &place);
        if !killed {
            break;
        }
        points += 1;
        let resumed = go_on(&folder, p.0);
        assert_eq!((resumed.code, normalized(&resumed.stdout)), (Some(0), p.1.clone()), "{place}: {}", resumed.stderr);
    }
    println!("{points} crash points beside another run");
    assert!(points > 3, "only {points} points");
}

#[test]
fn two_runs_that_are_both_killed_both_go_on_at_once() {
    let wanted = wanted();
    let mut points = 0;
    for point in (1..).step_by(if long() { 1 } else { 4 }) {
        let folder = workspace();
        let kill = |file: &'static str, point: u32| folder.orc_killed_at(point, &["run", file]);
        let (one, other) = at_once(|| kill("p.yaml", point), || kill("q.yaml", point + 3));
        if !one && !other {
            break;
        }
        points += 1;
        is_sound(&folder, &format!("both killed at {point}"));
        let (one, other) = at_once(|| go_on(&folder, "p"), || go_on(&folder, "q"));
        for (resumed, (id, wanted)) in [one, other].iter().zip(&wanted) {
            let place = format!("`{id}`, both killed at {point}: {}", resumed.stderr);
            assert_eq!((resumed.code, &normalized(&resumed.stdout)), (Some(0), wanted), "{place}");
        }
        is_sound(&folder, "resumed");
    }
    println!("{points} crash points of two runs at once");
    assert!(points > 3, "only {points} points");
}

#[test]
fn a_run_that_cannot_write_does_not_hurt_the_one_beside_it() {
    let [p, q] = wanted();
    for write in (1..).step_by(if long() { 1 } else { 2 }) {
        for kind in ["full", "io"] {
            let folder = workspace();
            let fault = format!("{write}:{kind}");
            let (failed, beside) = at_once(
                || folder.orc_with(&[("ORC_FAIL_AT", &fault)], &["run", "p.yaml"]),
                || folder.orc(&["run", "q.yaml"]),
            );
            failed.in_order();
            assert_eq!((beside.code, normalized(&beside.stdout)), (Some(0), q.1.clone()), "{fault}: {}", beside.stderr);
            is_sound(&folder, &fault);
            if failed.code == Some(0) {
                assert!(write > 5, "only {write} writes");
                return;
            }
            let resumed = go_on(&folder, p.0);
            assert_eq!((resumed.code, normalized(&resumed.stdout)), (Some(0), p.1.clone()), "{fault}: {resumed:?}");
        }
    }
}

#[test]
fn of_two_that_go_on_with_one_run_one_does() {
    let [p, _] = wanted();
    for point in [10, 14, 18] {
        let folder = workspace();
        assert!(folder.orc_killed_at(point, &["run", "p.yaml"]));
        let (one, other) = at_once(|| folder.orc(&["resume", "latest"]), || folder.orc(&["resume", "latest"]));
        let both = [one, other];
        assert!(both.iter().any(|ended| ended.code == Some(0)), "{both:?}");
        for ended in &both {
            if ended.code == Some(0) {
                assert_eq!(normalized(&ended.stdout), p.1, "at {point}");
            } else {
                assert_eq!(ended.code, Some(2), "{ended:?}");
                assert!(ended.stderr.contains("is running now"), "{ended:?}");
            }
        }
        is_sound(&folder, "two that go on");
    }
}
