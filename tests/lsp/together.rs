//! Two editors and a command line on one workspace at once. Every run waits twice until all the others have
//! come as far, so that each of them is shown to go on while the others do.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use serde_json::{Value, json};

use crate::support::TestServer;

/// Of each pipeline each editor starts this many runs, and the command line too.
const EACH: usize = 2;

const PIPELINES: [&str; 2] = ["one", "two"];

/// All runs.
const ALL: usize = 3 * EACH * PIPELINES.len();

fn pipeline(id: &str) -> String {
    format!(
        "\
id: {id}
name: Run {id}
inputs:
  who: {{type: string, required: true}}
steps:
  - id: begin
    tool: terminal
    action: execute
    parameters: {{command: 'sh meet.sh begun {{{{ who }}}}'}}
  - id: rows
    for_each: '{{{{ range(20) }}}}'
    max_parallel: 4
    steps:
      - id: row
        tool: terminal
        action: execute
        parameters: {{command: 'echo {{{{ who }}}} {{{{ item }}}}'}}
    dependencies: [begin]
  - id: end
    tool: terminal
    action: execute
    parameters: {{command: 'sh meet.sh ended {{{{ who }}}}'}}
    dependencies: [rows]
outputs:
  who: '{{{{ end.result.stdout | trim }}}}'
"
    )
}

/// Says that it came here, waits until all have, says who it is.
fn meet() -> String {
    format!(": > \"$1-$2\"\nwhile [ \"$(ls | grep -c \"^$1-\")\" -lt {ALL} ]; do sleep 0.01; done\necho \"$2\"\n")
}

fn start(folder: &Arc<tempfile::TempDir>) -> TestServer {
    let params = json!({
        "capabilities": { "textDocument": { "diagnostic": {} } },
        "initializationOptions": { "trusted": true },
    });
    TestServer::start_in(Arc::clone(folder), params)
}

/// Starts a run and returns its id.
fn begin(server: &mut TestServer, pipeline: &str, who: &str) -> String {
    let uri = server.uri(&format!("{pipeline}.orc.yaml"));
    let argument = json!({ "uri": uri, "inputs": { "who": who } });
    let answer = server.request("workspace/executeCommand", json!({ "command": "orc.run", "arguments": [argument] }));
    answer["runId"].as_str().unwrap().to_owned()
}

fn on_the_command_line(folder: &Path, pipeline: &str, who: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
    command.args(["run", &format!("{pipeline}.orc.yaml"), "--format", "json", "-i", &format!("who={who}")]);
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// Reads events until all `runs` have ended; the document of each. Events of other runs there must not be,
/// and those of each come in order and without gaps.
fn documents(server: &mut TestServer, runs: &BTreeSet<String>) -> BTreeMap<String, Value> {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut documents = BTreeMap::new();
    while documents.len() < runs.len() {
        let mut event = server.notification("orc/runEvent");
        let run = event["runId"].as_str().unwrap().to_owned();
        assert!(runs.contains(&run), "an event of another's run: {event}");
        let seq = seen.entry(run.clone()).or_default();
        *seq += 1;
        assert_eq!(event["seq"], *seq, "{event}");
        if event["type"] == "run.finished" {
            documents.insert(run, event["data"]["result"].take());
        }
    }
    for _ in runs {
        server.ignore("window/showMessage");
    }
    documents
}

/// The run did all of it, and for whom it was.
#[track_caller]
fn assert_right(document: &Value, who: &str) {
    assert_eq!((&document["status"], &document["outputs"]), (&json!("completed"), &json!({ "who": who })));
    let rows = document["steps"]["rows"]["value"]["result"]["results"].as_array().unwrap().iter();
    let said: Vec<&str> = rows.map(|row| row["row"]["result"]["stdout"].as_str().unwrap()).collect();
    assert_eq!(said, (0..20).map(|item| format!("{who} {item}\n")).collect::<Vec<_>>());
}

fn hover(server: &mut TestServer, pipeline: &str) -> String {
    let uri = server.uri(&format!("{pipeline}.orc.yaml"));
    let position = json!({ "line": 5, "character": 9 });
    let hover = server.request("textDocument/hover", json!({ "textDocument": { "uri": uri }, "position": position }));
    hover["contents"]["value"].as_str().unwrap().to_owned()
}

#[test]
fn two_editors_and_a_command_line_run_in_one_workspace_at_once() {
    let folder = Arc::new(tempfile::tempdir().unwrap());
    std::fs::write(folder.path().join("meet.sh"), meet()).unwrap();
    for id in PIPELINES {
        std::fs::write(folder.path().join(format!("{id}.orc.yaml")), pipeline(id)).unwrap();
    }
    let mut editors = [start(&folder), start(&folder)];
    let mut runs = [BTreeMap::new(), BTreeMap::new()];
    let mut children = Vec::new();
    for round in 0..EACH {
        for id in PIPELINES {
            for (at, editor) in editors.iter_mut().enumerate() {
                editor.open(&format!("{id}.orc.yaml"), &pipeline(id));
                let who = format!("editor{at}-{id}-{round}");
                runs[at].insert(begin(editor, id, &who), who);
            }
            let who = format!("line-{id}-{round}");
            children.push((on_the_command_line(folder.path(), id, &who), who));
        }
    }

    let mut ids = BTreeSet::new();
    for (editor, runs) in editors.iter_mut().zip(&runs) {
        let own: BTreeSet<String> = runs.keys().cloned().collect();
        for (run, document) in documents(editor, &own) {
            assert_eq!(document["execution_id"], run.as_str());
            assert_right(&document, &runs[&run]);
            ids.insert(run);
        }
    }
    for (child, who) in children {
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{who}");
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_right(&document, &who);
        ids.insert(document["execution_id"].as_str().unwrap().to_owned());
    }

    let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
    let listed = command.args(["runs", "list", "--format", "json"]).current_dir(folder.path()).output().unwrap();
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed.len(), ALL);
    assert!(listed.iter().all(|run| run["status"] == "completed"), "{listed:#?}");
    let stored: BTreeSet<String> = listed.iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(stored, ids);
    let store = rusqlite::Connection::open(folder.path().join(".orc/runs.db")).unwrap();
    let problems: String = store.pragma_query_value(None, "integrity_check", |row| row.get(0)).unwrap();
    assert_eq!(problems, "ok");

    // The history is that of the workspace, whoever made it: both see the same last run.
    for id in PIPELINES {
        let [one, other] = &mut editors;
        let (one, other) = (hover(one, id), hover(other, id));
        assert!(one.contains("Last run: completed at "), "{one}");
        assert_eq!(one, other);
    }
    editors.into_iter().for_each(TestServer::finish);
}
