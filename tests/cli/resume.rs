//! `orc resume`, `orc runs`, and runs that are confined to some steps.

use serde_json::Value;

use crate::support::{Ended, Folder};

const PIPELINE: &str = "\
id: p
name: p
inputs:
  who: {type: string, default: world}
steps:
  - id: a
    tool: filesystem
    action: write
    parameters: {path: a.txt, content: 'hello {{ who }}'}
  - id: b
    tool: filesystem
    action: read
    parameters: {path: '{{ a.result.path }}'}
    dependencies: [a]
  - id: c
    tool: filesystem
    action: read
    parameters: {path: wanted.txt}
    dependencies: [b]
  - id: d
    action: echo
    parameters: {message: '{{ b.result.content }} and {{ c.result.content }}'}
    dependencies: [b, c]
outputs:
  text: '{{ d.result }}'
";

fn document(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn statuses(document: &Value) -> String {
    let steps = document["steps"].as_object().unwrap();
    steps.iter().map(|(id, step)| format!("{id} {}", step["status"].as_str().unwrap())).collect::<Vec<_>>().join(", ")
}

/// The steps that acted in the last run, or since it was resumed.
fn acted(folder: &Folder) -> Vec<String> {
    let events = folder.orc(&["runs", "logs", "--format", "jsonl"]).stdout;
    let mut acted = Vec::new();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        match event["type"].as_str().unwrap() {
            "run.started" => acted.clear(),
            "step.started" => acted.push(event["step"].as_str().unwrap().to_owned()),
            _ => {}
        }
    }
    acted
}

/// A run whose step `c` failed for want of a file that is there now.
fn failed() -> Folder {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    let ended = folder.orc(&["run", "p.orc.yaml"]);
    assert_eq!(statuses(&document(&ended)), "a completed, b completed, c failed, d not_run");
    folder.write("wanted.txt", "more");
    folder
}

#[test]
fn what_failed_runs_again_and_what_ended_does_not() {
    let folder = failed();
    let resumed = folder.orc(&["resume", "latest", "--retry-failed"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_eq!(document(&resumed)["outputs"]["text"], "hello world and more");
    assert_eq!(acted(&folder), ["c", "d"]);
    assert!(resumed.stderr.contains("  keep   a, b – ended before\n  run    c, d – again: it failed"), "{resumed:?}");
}

#[test]
fn without_being_asked_a_failure_stands() {
    let folder = failed();
    let resumed = folder.orc(&["resume", "latest"]);
    assert_eq!(resumed.code, Some(1), "{resumed:?}");
    assert_eq!(statuses(&document(&resumed)), "a completed, b completed, c failed, d not_run");
    assert_eq!(acted(&folder), Vec::<String>::new());
}

#[test]
fn a_changed_pipeline_needs_a_word_and_a_comment_none() {
    let folder = failed();
    folder.write("p.orc.yaml", format!("# a remark\n{PIPELINE}"));
    assert_eq!(folder.orc(&["resume", "latest", "--retry-failed"]).code, Some(0));
    let folder = failed();
    folder.write(
        "p.orc.yaml",
        PIPELINE.replace("hello", "bye").replace("id: d", "id: e").replace("d.result", "e.result"),
    );
    let refused = folder.orc(&["resume", "latest", "--retry-failed"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("the pipeline is not what it was when the run began"), "{refused:?}");
}

#[test]
fn what_changed_runs_again_with_all_that_waits_for_it() {
    let folder = failed();
    folder.write("p.orc.yaml", PIPELINE.replace("hello {{ who }}", "bye {{ who }}"));
    let resumed = folder.orc(&["resume", "latest", "--allow-changes"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_eq!(document(&resumed)["outputs"]["text"], "bye world and more");
    assert_eq!(acted(&folder), ["a", "b", "c", "d"]);
    assert!(resumed.stderr.contains("  run    a – changed since\n"), "{resumed:?}");
}

#[test]
fn a_run_is_named_by_its_id_its_beginning_or_latest() {
    let folder = failed();
    let list = folder.orc(&["runs", "list", "--format", "json"]);
    let runs: Vec<Value> = serde_json::from_str(&list.stdout).unwrap();
    let id = runs[0]["id"].as_str().unwrap();
    assert_eq!((runs.len(), &runs[0]["status"], &runs[0]["pipeline"]), (1, &"failed".into(), &"p".into()));
    assert_eq!(runs[0]["cost"]["nano_usd"], 0);
    for name in [id, &id[..6], "latest"] {
        assert_eq!(folder.orc(&["runs", "show", name]).code, Some(0), "{name}");
    }
    folder.orc(&["resume", "nothing"]).refused("error: there is no run `nothing` here; `orc runs list` names them");
    let nowhere = Folder::new().orc(&["resume", "latest"]);
    nowhere.refused("error: there is no run here yet: `.orc/runs.db` is missing; start one with `orc run`");
}

#[test]
fn a_run_shows_what_its_steps_came_to_and_what_can_be_done() {
    let folder = failed();
    let shown = folder.orc(&["runs", "show"]).stdout;
    let steps: Vec<&str> = shown.lines().skip(2).collect();
    assert_eq!(&steps[..3], ["  who = \"world\"", "  a  completed", "  b  completed"]);
    assert!(steps[3].starts_with("  c  failed  "), "{shown}");
    assert!(steps[4].ends_with("--retry-failed` runs what failed again"), "{shown}");
}

#[test]
fn what_began_again_is_said_and_is_no_difference() {
    let folder = failed();
    assert_eq!(folder.orc(&["resume", "latest", "--retry-failed"]).code, Some(0));
    let shown = folder.orc(&["runs", "show"]).stdout;
    let of_c: Vec<&str> = shown.lines().filter(|line| line.starts_with("  c ")).collect();
    assert_eq!(of_c.len(), 2, "{shown}");
    assert!(of_c[0].starts_with("  c  failed") && of_c[0].ends_with("  began again since"), "{shown}");
    assert_eq!(of_c[1], "  c  completed  attempt 2");
    folder.orc(&["run", "p.orc.yaml"]);
    let runs: Vec<Value> = serde_json::from_str(&folder.orc(&["runs", "list", "--format", "json"]).stdout).unwrap();
    let compared = folder.orc(&["runs", "diff", runs[1]["id"].as_str().unwrap(), "latest"]).stdout;
    assert!(!compared.contains("\n  c\n"), "{compared}");
}

#[test]
fn a_file_that_is_gone_is_said_and_the_text_of_the_run_goes_on() {
    let folder = failed();
    std::fs::remove_file(folder.path().join("p.orc.yaml")).unwrap();
    let resumed = folder.orc(&["resume", "latest", "--retry-failed"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert!(resumed.stderr.starts_with("`p.orc.yaml` cannot be read: "), "{resumed:?}");
    assert_eq!(document(&resumed)["outputs"]["text"], "hello world and more");
}

#[test]
fn what_has_errors_now_is_shown_with_its_source() {
    let folder = failed();
    folder.write("p.orc.yaml", PIPELINE.replace("dependencies: [b, c]", "dependencies: [b, cc]"));
    let refused = folder.orc(&["resume", "latest"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("p.orc.yaml:23:23"), "{refused:?}");
}

#[test]
fn a_goto_to_a_step_that_is_left_out_ends_there() {
    let text = "\
id: p
name: p
steps:
  - {id: s, action: echo, parameters: {message: d}}
  - {id: a, action: echo, parameters: {message: x}, dependencies: [s], goto: '{{ s.result }}'}
  - {id: b, action: echo, parameters: {message: x}, dependencies: [a]}
  - {id: d, action: echo, parameters: {message: x}, dependencies: [b]}
";
    let folder = Folder::with("p.orc.yaml", text);
    let ended = folder.orc(&["run", "p.orc.yaml", "--until", "b"]);
    assert_eq!(
        (ended.code, statuses(&document(&ended))),
        (Some(0), "s completed, a completed, b completed".to_owned())
    );
}

#[test]
fn a_preview_changes_nothing_in_the_store() {
    let folder = failed();
    let files = || -> Vec<(String, Vec<u8>)> {
        let names = ["runs.db", "runs.db-wal"].map(str::to_owned);
        names
            .into_iter()
            .map(|name| (name.clone(), std::fs::read(folder.path().join(".orc").join(name)).unwrap()))
            .collect()
    };
    let before = files();
    let planned = folder.orc(&["plan", "p.orc.yaml", "--step", "c"]);
    assert!(planned.stdout.contains("reuse  unchanged since the run p_"), "{planned:?}");
    assert!(files() == before);
}

#[test]
fn two_runs_are_compared_step_by_step() {
    let folder = failed();
    folder.orc(&["run", "p.orc.yaml", "-i", "who=you"]);
    let runs: Vec<Value> = serde_json::from_str(&folder.orc(&["runs", "list", "--format", "json"]).stdout).unwrap();
    let shown = folder.orc(&["runs", "diff", runs[1]["id"].as_str().unwrap()]).stdout;
    assert!(shown.contains("  inputs  {\"who\":\"world\"} → {\"who\":\"you\"}\n"), "{shown}");
    assert!(shown.contains("\n  b\n    - "), "{shown}");
    assert_eq!(folder.orc(&["runs", "diff", "latest", "latest"]).stdout.lines().nth(1), Some("  the same"));
}

#[test]
fn how_long_a_step_took_is_no_difference_between_runs() {
    let text = "\
id: p
steps:
  - {id: a, tool: terminal, action: execute, parameters: {command: 'test -e once || { touch once; sleep 0.05; }; echo hi'}}
";
    let folder = Folder::with("p.orc.yaml", text);
    let took = || {
        let ended = folder.orc(&["run", "p.orc.yaml"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let document = document(&ended);
        (document["execution_id"].as_str().unwrap().to_owned(), document["steps"]["a"]["value"].clone())
    };
    let ((one, first), (other, second)) = (took(), took());
    assert_ne!(first, second);
    let compared = folder.orc(&["runs", "diff", &one, &other]).stdout;
    assert_eq!(compared, format!("{one} → {other}\n  the same\n"));
}

#[test]
fn old_runs_are_removed_and_the_newest_stay() {
    let folder = failed();
    folder.orc(&["run", "p.orc.yaml"]);
    assert_eq!(
        folder.orc(&["runs", "prune", "--keep", "1", "--dry-run"]).stdout.lines().next(),
        Some("would remove 1 run")
    );
    assert_eq!(folder.orc(&["runs", "prune", "--keep", "1"]).stdout.lines().next(), Some("removed 1 run"));
    assert_eq!(folder.orc(&["runs", "list"]).stdout.lines().count(), 1);
}

/// Of long output the result has both ends and names the file with all of it.
#[test]
#[cfg(unix)]
fn all_of_a_long_output_is_in_a_file_that_goes_with_its_run() {
    const LONG: &str = "name: p
steps:
  - id: a
    tool: terminal
    action: execute
    parameters: {command: 'yes x | head -c 1500000; echo last'}
  - id: b
    tool: filesystem
    action: read
    parameters: {path: '{{ a.result.stdout_file }}'}
outputs:
  length: '{{ b.result.content | length }}'
";
    let folder = Folder::with("p.orc.yaml", LONG);
    let files = || {
        let root = folder.path().join(".orc/output");
        let runs = std::fs::read_dir(root).into_iter().flatten().map(|run| run.unwrap().path());
        runs.flat_map(|run| std::fs::read_dir(run).unwrap()).map(|file| file.unwrap().path()).collect::<Vec<_>>()
    };
    let ran = document(&folder.orc(&["run", "p.orc.yaml", "--no-store"]));
    assert_eq!(ran["steps"]["a"]["value"]["result"]["truncated"], true);
    assert!(!folder.path().join(".orc").exists());
    let ran = document(&folder.orc(&["run", "p.orc.yaml"]));
    let run = ran["execution_id"].as_str().unwrap();
    assert_eq!(ran["steps"]["a"]["value"]["result"]["stdout_file"], format!(".orc/output/{run}/a.stdout.txt"));
    assert_eq!(ran["outputs"]["length"], 1_500_005, "{ran:#}");
    assert_eq!(files(), [folder.path().join(format!(".orc/output/{run}/a.stdout.txt"))]);
    folder.orc(&["runs", "prune", "--keep", "0", "--dry-run"]);
    assert_eq!(files().len(), 1);
    folder.orc(&["runs", "prune", "--keep", "0"]);
    assert_eq!(files().len(), 0);
}

#[test]
fn one_step_uses_what_the_latest_run_came_to() {
    let folder = failed();
    let ended = folder.orc(&["run", "p.orc.yaml", "--step", "c"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(statuses(&document(&ended)), "a completed, b completed, c completed");
    assert_eq!(acted(&folder), ["c"]);
    assert_eq!(document(&ended)["steps"]["b"]["provenance"]["reused"], true);
    assert!(ended.stderr.contains("using the results of `a`, `b` from the run p_"), "{ended:?}");
}

#[test]
fn what_one_step_needs_runs_where_it_is_not_there_or_not_the_same() {
    let folder = Folder::with("p.orc.yaml", PIPELINE);
    folder.write("wanted.txt", "more");
    assert_eq!(folder.orc(&["run", "p.orc.yaml", "--step", "b"]).code, Some(0));
    assert_eq!(acted(&folder), ["a", "b"]);
    assert_eq!(folder.orc(&["run", "p.orc.yaml", "--step", "b", "-i", "who=you"]).code, Some(0));
    assert_eq!(acted(&folder), ["a", "b"], "other inputs");
    folder.write("p.orc.yaml", PIPELINE.replace("hello", "bye"));
    assert_eq!(folder.orc(&["run", "p.orc.yaml", "--step", "b", "-i", "who=you"]).code, Some(0));
    assert_eq!(acted(&folder), ["a", "b"], "another definition");
    assert_eq!(folder.orc(&["run", "p.orc.yaml", "--step", "b", "-i", "who=you"]).code, Some(0));
    assert_eq!(acted(&folder), ["b"]);
}

#[test]
fn from_a_step_on_and_until_a_step() {
    let folder = failed();
    let ended = folder.orc(&["run", "p.orc.yaml", "--from", "c"]);
    assert_eq!(statuses(&document(&ended)), "a completed, b completed, c completed, d completed");
    assert_eq!(acted(&folder), ["c", "d"]);
    let ended = folder.orc(&["run", "p.orc.yaml", "--until", "b"]);
    assert_eq!(statuses(&document(&ended)), "a completed, b completed");
    assert_eq!(acted(&folder), ["a", "b"]);
}

#[test]
fn a_step_that_is_not_there_is_named_with_one_that_is() {
    let folder = Folder::with("p.orc.yaml", PIPELINE.replace("id: d", "id: done").replace("d.result", "done.result"));
    folder
        .orc(&["run", "p.orc.yaml", "--step", "don"])
        .refused("error: the pipeline has no step `don` at its root; did you mean `done`?");
}

#[test]
fn what_began_again_and_was_killed_begins_again() {
    let text = "\
id: p
name: p
steps:
  - id: each
    for_each: [1, 2]
    steps:
      - {id: t, tool: filesystem, action: read, parameters: {path: count.txt}}
      - {id: u, tool: filesystem, action: read, parameters: {path: wanted.txt}, dependencies: [t]}
outputs: {all: '{{ each.result.results }}'}
";
    for point in 1.. {
        let folder = Folder::with("p.orc.yaml", text);
        folder.write("count.txt", "old");
        assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(1));
        folder.write("count.txt", "new");
        folder.write("wanted.txt", "more");
        if !folder.orc_killed_at(point, &["resume", "latest", "--retry-failed"]) {
            assert!(point > 3, "only {point} points");
            break;
        }
        let mut ended = folder.orc(&["resume", "latest"]);
        // Before anything was written the failure stands, as if nobody had asked.
        if ended.code == Some(1) && point < 6 {
            ended = folder.orc(&["resume", "latest", "--retry-failed"]);
        }
        assert_eq!(ended.code, Some(0), "at {point}: {ended:?}");
        let contents = |step: &str| -> Vec<String> {
            let results = document(&ended)["outputs"]["all"].as_array().unwrap().clone();
            results.iter().map(|turn| turn[step]["result"]["content"].as_str().unwrap().to_owned()).collect()
        };
        // What had succeeded stands; what had failed and what had not begun is of now.
        assert_eq!((contents("t"), contents("u")), (vec!["old".into(), "new".into()], vec!["more".into(); 2]));
    }
}

#[test]
fn what_succeeded_in_a_loop_that_failed_stands() {
    let text = "\
id: p
name: p
steps:
  - id: each
    for_each: [1, 2]
    steps:
      - {id: t, tool: filesystem, action: write, parameters: {path: 'f{{ item }}.txt', content: x}}
      - {id: u, tool: filesystem, action: read, parameters: {path: 'wanted{{ item }}.txt'}, dependencies: [t]}
  - {id: z, action: echo, parameters: {message: '{{ each.result.count }}'}, dependencies: [each]}
";
    let folder = Folder::with("p.orc.yaml", text);
    folder.write("wanted1.txt", "x");
    assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(1));
    folder.write("wanted2.txt", "x");
    let resumed = folder.orc(&["resume", "latest", "--retry-failed"]);
    assert_eq!(resumed.code, Some(0), "{resumed:?}");
    assert_eq!(acted(&folder), ["each", "each[1].u", "z"]);
}

#[test]
fn a_change_that_was_resumed_and_killed_is_still_a_change() {
    for point in 1.. {
        let folder = failed();
        folder.write("p.orc.yaml", PIPELINE.replace("hello {{ who }}", "bye {{ who }}"));
        if !folder.orc_killed_at(point, &["resume", "latest", "--allow-changes", "--retry-failed"]) {
            assert!(point > 3, "only {point} points");
            break;
        }
        let ended = folder.orc(&["resume", "latest", "--allow-changes", "--retry-failed"]);
        assert_eq!(ended.code, Some(0), "at {point}: {ended:?}");
        assert_eq!(document(&ended)["outputs"]["text"], "bye world and more", "at {point}");
    }
}

#[test]
fn what_a_step_alone_used_is_kept_if_it_is_killed() {
    let text = "\
id: p
name: p
steps:
  - {id: a, tool: terminal, action: execute, parameters: {command: 'echo ran >> log.txt'}}
  - {id: b, tool: filesystem, action: read, parameters: {path: log.txt}, dependencies: [a]}
";
    for point in 2.. {
        let folder = Folder::with("p.orc.yaml", text);
        assert_eq!(folder.orc(&["run", "p.orc.yaml"]).code, Some(0));
        if !folder.orc_killed_at(point, &["run", "p.orc.yaml", "--step", "b"]) {
            assert!(point > 3, "only {point} points");
            break;
        }
        assert_eq!(folder.orc(&["resume", "latest"]).code, Some(0), "at {point}");
        assert_eq!(folder.read("log.txt"), "ran\n", "at {point}: `a` ran again");
    }
}

#[test]
fn a_failure_that_stopped_the_run_stops_it_again() {
    let text = "\
id: p
name: p
steps:
  - {id: a, action: echo, parameters: {message: x}}
  - {id: b, tool: filesystem, action: read, parameters: {path: missing.txt}}
  - {id: c, action: echo, parameters: {message: x}, dependencies: [a]}
";
    let folder = Folder::with("p.orc.yaml", text);
    let first = statuses(&document(&folder.orc(&["run", "p.orc.yaml", "--max-concurrency", "1"])));
    assert_eq!(first, "a completed, b failed, c not_run");
    let resumed = folder.orc(&["resume", "latest", "--max-concurrency", "4"]);
    assert_eq!((resumed.code, statuses(&document(&resumed))), (Some(1), first));
}

#[test]
fn a_run_is_resumed_where_it_worked() {
    let folder = failed();
    let other = Folder::new();
    std::fs::create_dir(other.path().join(".orc")).unwrap();
    for name in ["runs.db", "runs.db-wal"] {
        std::fs::copy(folder.path().join(".orc").join(name), other.path().join(".orc").join(name)).unwrap();
    }
    let refused = other.orc(&["resume", "latest", "--retry-failed"]);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("which is not this directory; resume it there"), "{refused:?}");
}
