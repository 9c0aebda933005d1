//! Whatever ends a run of the editor ends all of it, and the store says so.

use std::process::Command;

use serde_json::{Value, json};

use crate::{brood, support::TestServer};

/// A server with a run whose processes are all there, and the run's id.
fn running() -> (TestServer, String) {
    let mut server = TestServer::start_with(json!({
        "capabilities": { "textDocument": { "diagnostic": {} }, "window": { "workDoneProgress": true } },
        "initializationOptions": { "trusted": true },
    }));
    brood::prepare(server.folder.path());
    server.open("p.orc.yaml", brood::PIPELINE);
    let argument = json!({ "command": "orc.run", "arguments": [{ "uri": server.uri("p.orc.yaml") }] });
    let answer = server.request("workspace/executeCommand", argument);
    server.server_request("window/workDoneProgress/create", Value::Null);
    brood::wait_for_all(server.folder.path());
    (server, answer["runId"].as_str().unwrap().to_owned())
}

/// The last event says how the run ended; nothing is left of it but the server.
fn ended_in_order(mut server: TestServer, run: &str) {
    let last = loop {
        let event = server.notification("orc/runEvent");
        if event["type"] == "run.finished" {
            break event;
        }
    };
    assert_eq!(last["data"]["exit_code"], 130);
    brood::assert_cancelled(&last["data"]["result"]);
    while server.notification("$/progress")["value"]["kind"] != "end" {}
    let message = server.notification("window/showMessage");
    assert!(message["message"].as_str().unwrap().starts_with("■ Long cancelled"), "{message}");
    assert_eq!(brood::living(server.folder.path(), Some(server.id())), Vec::<String>::new());
    assert_eq!(stored(&server), [(run.to_owned(), "cancelled".to_owned())]);
    server.finish();
}

/// The server is gone; the run ends by itself, in order.
fn ends_by_itself(server: &TestServer, run: &str) {
    let living = || brood::living(server.folder.path(), None);
    brood::until(|| living().is_empty(), || living().join("\n"));
    assert_eq!(stored(server), [(run.to_owned(), "cancelled".to_owned())]);
    let logs = orc(server, &["runs", "logs", run, "--format", "jsonl"]);
    let last: Value = serde_json::from_str(logs.lines().last().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["data"]["exit_code"]), (&json!("run.finished"), &json!(130)));
    brood::assert_cancelled(&last["data"]["result"]);
}

fn orc(server: &TestServer, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
    let output = command.args(arguments).current_dir(server.folder.path()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// The runs and how they ended.
fn stored(server: &TestServer) -> Vec<(String, String)> {
    let runs: Value = serde_json::from_str(&orc(server, &["runs", "list", "--format", "json"])).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    runs.as_array().unwrap().iter().map(|run| (text(&run["id"]), text(&run["status"]))).collect()
}

#[test]
fn the_command_leaves_nothing_behind() {
    let (mut server, run) = running();
    let argument = json!({ "command": "orc.cancel", "arguments": [{ "runId": run }] });
    server.request("workspace/executeCommand", argument);
    ended_in_order(server, &run);
}

#[test]
fn cancelling_the_progress_leaves_nothing_behind() {
    let (mut server, run) = running();
    server.notify("window/workDoneProgress/cancel", json!({ "token": run }));
    ended_in_order(server, &run);
}

#[test]
fn the_run_of_a_killed_server_ends_in_order() {
    let (mut server, run) = running();
    server.kill();
    ends_by_itself(&server, &run);
}

#[test]
fn the_run_of_a_server_whose_editor_hangs_up_ends_in_order() {
    let (mut server, run) = running();
    server.hang_up();
    ends_by_itself(&server, &run);
}

#[test]
fn the_run_of_a_server_that_exits_ends_in_order() {
    let (mut server, run) = running();
    assert_eq!(server.exit(true).code(), Some(0));
    ends_by_itself(&server, &run);
}
