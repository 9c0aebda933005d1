//! `orc run`, as far as the command line goes: what is refused, what goes where, exit codes.

use serde_json::Value;

use crate::support::Folder;

const PIPELINE: &str = "\
id: hello
name: Hello
inputs:
  who:
    type: string
    default: world
steps:
  - id: greet
    tool: terminal
    action: execute
    parameters:
      command: echo hello {{ who }}
outputs:
  text: \"{{ greet.result.stdout }}\"
";

#[test]
fn the_result_document_goes_to_standard_output_and_to_the_file() {
    let folder = Folder::with("a.orc.yaml", PIPELINE);
    let ended = folder.orc(&["run", "a.orc.yaml", "-i", "who=you", "-o", "out/result.json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["status"], "completed");
    assert_eq!(document["steps"]["greet"]["status"], "completed");
    assert!(document["outputs"]["text"].as_str().unwrap().starts_with("hello you"), "{document:#}");
    assert_eq!(std::fs::read_to_string(folder.path().join("out/result.json")).unwrap(), ended.stdout);
}

#[test]
fn events_are_lines_that_end_with_the_result() {
    let ended = Folder::with("a.orc.yaml", PIPELINE).orc(&["run", "a.orc.yaml", "--format", "jsonl", "--no-store"]);
    let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<u64> = events.iter().map(|event| event["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(events.first().unwrap()["type"], "run.started");
    assert_eq!(events.last().unwrap()["type"], "run.finished");
    assert_eq!(events.last().unwrap()["data"]["result"]["success"], true);
}

#[test]
fn what_models_cost_is_told_and_of_runs_without_them_nothing() {
    const ASKS: &str = "id: p\nsteps:\n  - {id: plain, action: echo hi}\n  - id: each\n    for_each: [1, 2]\n    steps:\n      \
                        - {id: ask, action: generate, parameters: {prompt: '{{ item }}'}}\n";
    let folder = Folder::with("a.orc.yaml", ASKS);
    let run = |format: &str| folder.orc(&["run", "a.orc.yaml", "--simulate", "--no-store", "--format", format]).stdout;
    let told = run("jsonl");
    let events = told.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let finished = events.filter(|event| event["type"] == "step.finished");
    let mut costs: Vec<String> = finished.map(|event| format!("{} {}", event["step"], event["data"]["cost"])).collect();
    costs.sort();
    let cost = r#"{"nano_usd":0,"known":true}"#;
    assert_eq!(
        costs,
        [
            format!("\"each\" {cost}"),
            format!("\"each[0].ask\" {cost}"),
            format!("\"each[1].ask\" {cost}"),
            "\"plain\" null".to_owned()
        ]
    );
    let first = |text: &str| text.lines().next().unwrap_or_default().to_owned();
    assert!(first(&run("text")).ends_with(" s, $0.0000"), "{}", run("text"));
    let plain =
        Folder::with("a.orc.yaml", PIPELINE).orc(&["run", "a.orc.yaml", "--no-store", "--format", "text"]).stdout;
    assert!(first(&plain).ends_with(" s"), "{plain}");
}

#[test]
fn an_announced_run_id_is_the_run_s() {
    let ended =
        Folder::with("a.orc.yaml", PIPELINE).orc(&["run", "a.orc.yaml", "--run-id", "hello_1_0000abcd", "--no-store"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["execution_id"], "hello_1_0000abcd");
}

#[test]
fn a_failed_step_ends_with_code_1_and_the_document() {
    let text = PIPELINE.replace("echo hello {{ who }}", "exit 3");
    let ended = Folder::with("a.orc.yaml", text).orc(&["run", "a.orc.yaml", "--no-store"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(document["steps"]["greet"]["status"], "failed");
}

#[test]
fn text_is_a_summary_for_people() {
    let folder = Folder::with("a.orc.yaml", PIPELINE);
    let ended = folder.orc(&["run", "a.orc.yaml", "--format", "text", "--no-store"]);
    assert!(ended.stdout.starts_with("✔ hello completed in "), "{}", ended.stdout);
    assert!(ended.stdout.ends_with("\n  ✔ greet\noutputs:\n  text: hello world\n"), "{}", ended.stdout);
}

#[test]
fn an_undeclared_input_is_refused_before_anything_runs() {
    let folder = Folder::with("a.orc.yaml", PIPELINE);
    let ended = folder.orc(&["run", "a.orc.yaml", "-i", "whom=you"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("`whom`") && ended.stderr.contains("`who`"), "{}", ended.stderr);
    assert!(!folder.path().join(".orc").exists());
}

#[test]
fn a_pipeline_with_errors_is_not_run_and_shows_them() {
    let folder = Folder::with("a.orc.yaml", format!("name: twice\n{PIPELINE}"));
    let ended = folder.orc(&["run", "a.orc.yaml"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains(" --> a.orc.yaml:3:1\n"), "{}", ended.stderr);
}

#[test]
fn a_file_that_is_no_pipeline_is_refused() {
    let ended = Folder::with("values.yaml", "a: 1\n").orc(&["run", "values.yaml"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.starts_with("error: `values.yaml` is not a pipeline: "), "{}", ended.stderr);
}

#[test]
fn a_result_file_that_cannot_be_written_is_refused_before_anything_runs() {
    let folder = Folder::with("a.orc.yaml", PIPELINE.replace("echo hello {{ who }}", "echo hello > ran.txt"));
    let ended = folder.orc(&["run", "a.orc.yaml", "-o", "."]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""));
    assert!(ended.stderr.contains("cannot write the result to `.`"), "{}", ended.stderr);
    assert!(!folder.path().join("ran.txt").exists());
}

#[test]
fn a_reader_that_has_gone_changes_neither_the_exit_code_nor_the_result_file() {
    let folder = Folder::with("a.orc.yaml", PIPELINE.replace("echo hello {{ who }}", "exit 3"));
    for format in ["json", "jsonl", "text"] {
        let code = folder.orc_unread(&["run", "a.orc.yaml", "--format", format, "-o", "result.json"]);
        assert_eq!(code, Some(1), "{format}");
        let document = std::fs::read_to_string(folder.path().join("result.json")).unwrap();
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["status"], "failed");
    }
    folder.write("bad.orc.yaml", format!("name: twice\n{PIPELINE}"));
    assert_eq!(folder.orc_unread(&["validate", "bad.orc.yaml"]), Some(2));
}
