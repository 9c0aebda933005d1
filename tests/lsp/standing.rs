//! What an editor shows of runs in any client: lenses and hints with state, duration and size, failures as
//! diagnostics, a plan that says why, a progress that names what runs, questions and their answers.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{TestServer, brief};

const CHAIN: &str = "\
id: chain
name: Chain
steps:
  - id: first
    tool: filesystem
    action: write
    parameters: {path: a.txt, content: one}
  - id: second
    tool: terminal
    action: execute
    parameters: {command: sh second.sh}
    dependencies: [first]
  - id: third
    action: echo
    parameters: {message: done}
    dependencies: [second]
";

fn start(mut capabilities: Value) -> TestServer {
    capabilities["textDocument"]["diagnostic"] = json!({});
    let options = json!({ "trusted": true });
    TestServer::start_with(json!({ "capabilities": capabilities, "initializationOptions": options }))
}

fn script(server: &TestServer, text: &str) {
    std::fs::write(server.folder.path().join("second.sh"), text).unwrap();
}

fn execute(server: &mut TestServer, command: &str, argument: Value) -> Value {
    server.request("workspace/executeCommand", json!({ "command": command, "arguments": [argument] }))
}

fn run(server: &mut TestServer) -> String {
    let argument = json!({ "uri": server.uri("a.orc.yaml") });
    execute(server, "orc.run", argument)["runId"].as_str().unwrap().to_owned()
}

/// Reads events up to the end of the run.
fn ends(server: &mut TestServer) {
    while server.notification("orc/runEvent")["type"] != "run.finished" {}
    server.ignore("window/showMessage");
}

/// Durations are other ones each time.
fn steady(text: &str) -> String {
    let is_time = |part: &str| part.ends_with(" ms") || part.ends_with(" s");
    text.split(" · ").map(|part| if is_time(part) { "TIME" } else { part }).collect::<Vec<_>>().join(" · ")
}

/// The hints that say how steps stand, as `line label`.
fn hints(server: &mut TestServer) -> Vec<String> {
    let mut params = server.document("a.orc.yaml");
    params["range"] = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let hints = server.request("textDocument/inlayHint", params);
    let hints = hints.as_array().unwrap().iter();
    let shown = hints.map(|hint| (hint["position"]["line"].clone(), hint["label"].as_str().unwrap().to_owned()));
    let standing = shown.filter(|(_, label)| !label.contains('/') && !label.starts_with(':'));
    // `✔ 12 ms` begins with the mark.
    standing
        .map(|(line, label)| {
            let (mark, rest) = label.split_once(' ').unwrap();
            format!("{line} {mark} {}", steady(rest))
        })
        .collect()
}

fn lenses(server: &mut TestServer) -> Vec<String> {
    let params = server.document("a.orc.yaml");
    let lenses = server.request("textDocument/codeLens", params);
    lenses.as_array().unwrap().iter().map(|lens| lens["command"]["title"].as_str().unwrap().to_owned()).collect()
}

/// The diagnostics of the document as `line:column code`, asked for.
fn pulled(server: &mut TestServer) -> Value {
    let params = server.document("a.orc.yaml");
    server.request("textDocument/diagnostic", params)["items"].take()
}

#[test]
fn steps_show_how_they_ran_last_with_time_and_size_whoever_ran_them() {
    let mut server = start(json!({}));
    script(&server, "echo more; exit 3");
    server.open("a.orc.yaml", CHAIN);
    assert_eq!(hints(&mut server), Vec::<String>::new());
    assert!(!server.folder.path().join(".orc").exists(), "looking makes no store");
    run(&mut server);
    ends(&mut server);
    let stand = hints(&mut server);
    assert_eq!(stand.len(), 2, "{stand:?}");
    assert!(stand[0].starts_with("3 ✔ TIME · ") && stand[0].ends_with(" B"), "{stand:?}");
    assert_eq!(stand[1], "7 ✘ failed · TIME");
    let titles = lenses(&mut server);
    assert!(titles[1].starts_with("✔ ") && titles[1].ends_with(" B — ▷ Run step"), "{titles:?}");
    assert!(titles[3].starts_with("✘ failed · ") && titles[5] == "▷ Run step", "{titles:?}");
    // The line says so too; what it does later is the newest.
    script(&server, "echo more");
    let orc = |folder: &std::path::Path| {
        std::fs::write(folder.join("a.orc.yaml"), CHAIN).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
        assert!(command.args(["run", "a.orc.yaml"]).current_dir(folder).output().unwrap().status.success());
    };
    orc(server.folder.path());
    let stand = hints(&mut server);
    assert!(stand[1].starts_with("7 ✔ TIME · ") && stand[2] == "12 ✔ TIME · 4 B", "{stand:?}");
    let titles = lenses(&mut server);
    assert!(titles[0].starts_with("✔ completed at ") && titles[0].ends_with(" — ▶ Run again"), "{titles:?}");
    // Another server knows it as well.
    let folder = std::sync::Arc::clone(&server.folder);
    server.finish();
    let capabilities = json!({ "textDocument": { "diagnostic": {} } });
    let mut server = TestServer::start_in(folder, json!({ "capabilities": capabilities }));
    server.open("a.orc.yaml", CHAIN);
    assert_eq!(hints(&mut server), stand);
    server.finish();
}

#[test]
fn hints_and_lenses_are_refreshed_while_a_run_goes_on_and_its_progress_names_what_runs() {
    let workspace = json!({ "codeLens": { "refreshSupport": true }, "inlayHint": { "refreshSupport": true } });
    let mut server = start(json!({ "workspace": workspace, "window": { "workDoneProgress": true } }));
    script(&server, "while ! [ -e enough ]; do sleep 0.01; done; echo more");
    server.open("a.orc.yaml", CHAIN);
    run(&mut server);
    server.server_request("window/workDoneProgress/create", Value::Null);
    loop {
        server.server_request("workspace/inlayHint/refresh", Value::Null);
        let stand = hints(&mut server);
        if stand.last().is_some_and(|last| last == "7 ● running") {
            assert!(stand[0].starts_with("3 ✔ TIME · "), "{stand:?}");
            break;
        }
    }
    assert_eq!(lenses(&mut server)[3], "● running — ■ Cancel");
    let progress = loop {
        let value = server.notification("$/progress")["value"].take();
        if value["message"] == "1/3 second" {
            break value;
        }
    };
    assert_eq!((&progress["percentage"], &progress["cancellable"]), (&json!(33), &json!(true)));
    std::fs::write(server.folder.path().join("enough"), "").unwrap();
    ends(&mut server);
    loop {
        server.server_request("workspace/codeLens/refresh", Value::Null);
        if lenses(&mut server)[0].starts_with("✔ completed ") {
            break;
        }
    }
    assert_eq!(hints(&mut server)[2], "12 ✔ TIME · 4 B");
    assert!(server.exit(true).success());
}

#[test]
fn a_step_that_failed_says_so_until_the_next_run_starts() {
    let mut server = start(json!({}));
    script(&server, "echo 'no such luck' >&2; exit 3");
    server.open("a.orc.yaml", CHAIN);
    assert_eq!(pulled(&mut server), json!([]));
    run(&mut server);
    ends(&mut server);
    let found = pulled(&mut server);
    assert_eq!(brief(&found), ["8:9 ORC790"]);
    assert_eq!((&found[0]["source"], &found[0]["severity"]), (&json!("orc run"), &json!(1)));
    assert_eq!(found[0]["message"], "the command ended with exit code 3: no such luck");
    // It stays at its step whatever is typed elsewhere, and goes with it.
    server.change("a.orc.yaml", 2, &CHAIN.replace("steps:", "description: more\nsteps:"));
    assert_eq!(brief(&pulled(&mut server)), ["9:9 ORC790"]);
    server.change("a.orc.yaml", 3, &CHAIN.replace("second", "another"));
    assert_eq!(pulled(&mut server), json!([]));
    server.change("a.orc.yaml", 4, CHAIN);
    script(&server, "while ! [ -e enough ]; do sleep 0.01; done; echo more");
    run(&mut server);
    assert_eq!(pulled(&mut server), json!([]), "gone as soon as the next run starts");
    std::fs::write(server.folder.path().join("enough"), "").unwrap();
    ends(&mut server);
    assert_eq!(pulled(&mut server), json!([]));
    server.finish();
}

#[test]
fn failures_are_pushed_to_editors_that_do_not_ask_and_taken_away_again() {
    let mut server = TestServer::start_with(json!({
        "capabilities": {}, "initializationOptions": { "trusted": true },
    }));
    script(&server, "exit 3");
    server.open("a.orc.yaml", CHAIN);
    assert_eq!(server.pushed("a.orc.yaml", 1), Vec::<String>::new());
    run(&mut server);
    assert_eq!(server.pushed("a.orc.yaml", 1), ["8:9 ORC790"]);
    ends(&mut server);
    script(&server, "exit 0");
    run(&mut server);
    assert_eq!(server.pushed("a.orc.yaml", 1), Vec::<String>::new());
    ends(&mut server);
    server.finish();
}

#[test]
fn failures_of_iterations_stand_at_the_step_in_the_loop_once() {
    let mut server = start(json!({}));
    let text = "\
id: loop
name: Loop
steps:
  - id: each
    for_each: [1, 2, 3]
    steps:
      - id: one
        tool: terminal
        action: execute
        parameters: {command: exit 4}
        on_failure: continue
";
    server.open("a.orc.yaml", text);
    run(&mut server);
    ends(&mut server);
    let found = pulled(&mut server);
    let inner = found.as_array().unwrap().iter().find(|found| found["range"]["start"]["line"] == 6).unwrap();
    assert_eq!(inner["message"], "the command ended with exit code 4 (the first of 3 failures)");
    server.finish();
}

/// The hints behind the ids of steps, as they are.
fn labels(server: &mut TestServer) -> Vec<String> {
    let mut params = server.document("a.orc.yaml");
    params["range"] = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 99, "character": 0 } });
    let hints = server.request("textDocument/inlayHint", params);
    let shown = hints.as_array().unwrap().iter();
    let shown = shown.map(|hint| format!("{} {}", hint["position"]["line"], hint["label"].as_str().unwrap()));
    shown.filter(|label| label.contains(" done")).collect()
}

#[test]
fn steps_in_loops_show_how_many_iterations_are_done() {
    let workspace = json!({ "inlayHint": { "refreshSupport": true } });
    let mut server = start(json!({ "workspace": workspace }));
    let text = "\
id: loop
name: Loop
steps:
  - id: each
    for_each: [1, 2, 3]
    on_failure: continue
    steps:
      - id: one
        tool: terminal
        action: execute
        parameters: {command: 'sh second.sh {{ item }}'}
        on_failure: continue
      - id: two
        action: echo
        parameters: {message: '{{ item }}'}
        dependencies: [one]
  - id: often
    while: '{{ iteration < 2 }}'
    steps:
      - id: three
        action: echo
        parameters: {message: '{{ iteration }}'}
    dependencies: [each]
";
    script(&server, "while [ $1 = 3 ] && ! [ -e enough ]; do sleep 0.01; done; test $1 != 2");
    server.open("a.orc.yaml", text);
    assert_eq!(labels(&mut server), Vec::<String>::new());
    run(&mut server);
    loop {
        server.server_request("workspace/inlayHint/refresh", Value::Null);
        let stand = labels(&mut server);
        if stand.first().is_some_and(|first| first == "7 ● 1/3 done · 1 failed · 1 running") {
            assert_eq!(stand[1..], ["12 ✔ 2/3 done"]);
            break;
        }
    }
    std::fs::write(server.folder.path().join("enough"), "").unwrap();
    ends(&mut server);
    let ended = ["7 ✘ 2/3 done · 1 failed", "12 ✔ 3/3 done", "19 ✔ 2 done"];
    assert_eq!(labels(&mut server), ended);
    // Another server reads it from the store.
    let folder = std::sync::Arc::clone(&server.folder);
    assert!(server.exit(true).success());
    let capabilities = json!({ "textDocument": { "diagnostic": {} } });
    let mut server = TestServer::start_in(folder, json!({ "capabilities": capabilities }));
    server.open("a.orc.yaml", text);
    assert_eq!(labels(&mut server), ended);
    server.finish();
}

#[test]
fn iterations_of_a_loop_that_is_tried_again_count_once() {
    let mut server = start(json!({}));
    let text = "\
id: loop
name: Loop
steps:
  - id: each
    for_each: [1, 2]
    max_parallel: 1
    retry: 1
    steps:
      - id: one
        action: echo
        parameters: {message: '{{ item }}'}
      - id: two
        tool: terminal
        action: execute
        parameters: {command: 'sh second.sh {{ item }}'}
        dependencies: [one]
";
    script(&server, "test $1 = 1 || { [ -e tried ] || { touch tried; exit 1; }; }");
    server.open("a.orc.yaml", text);
    run(&mut server);
    ends(&mut server);
    assert_eq!(labels(&mut server), ["8 ✔ 2/2 done", "11 ✔ 2/2 done"]);
    server.finish();
}

#[test]
fn the_plan_in_the_editor_is_that_of_the_command_line() {
    let mut server = start(json!({}));
    script(&server, "echo more");
    std::fs::write(server.folder.path().join("a.orc.yaml"), CHAIN).unwrap();
    server.open("a.orc.yaml", CHAIN);
    run(&mut server);
    ends(&mut server);
    let argument = json!({ "uri": server.uri("a.orc.yaml") });
    let mut plan = execute(&mut server, "orc.plan", argument);
    let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
    command.args(["plan", "a.orc.yaml", "--format", "json"]).current_dir(server.folder.path());
    let mut said: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
    for step in plan["steps"].as_array_mut().unwrap() {
        assert_eq!(step["status"].take(), "completed", "the editor also says how it stands");
    }
    assert_eq!(plan, said);
    let state = |plan: &Value| plan["steps"].as_array().unwrap().iter().map(|step| step["state"].clone()).collect();
    let states: Vec<Value> = state(&said.take());
    assert_eq!(states, ["run", "run", "reuse"]);
    assert_eq!(plan["steps"][2]["cause"], "cached");
    server.finish();
}

#[test]
fn a_step_that_asks_waits_for_the_editor_which_answers() {
    let mut server = start(json!({}));
    let text = "\
id: ask
name: Ask
steps:
  - id: who
    tool: user-prompt
    action: execute
    parameters: {prompt: Who is it?}
outputs:
  who: '{{ who.result.value }}'
";
    std::fs::write(server.folder.path().join("a.orc.yaml"), text).unwrap();
    server.open("a.orc.yaml", text);
    let run = run(&mut server);
    while server.notification("orc/runEvent")["type"] != "run.finished" {}
    let message = server.notification("window/showMessage");
    let remedy = format!("answer with the command `orc.approve`, or with `orc runs approve {run} who`");
    assert_eq!(message["message"], format!("? Ask waits for an answer to `who`: Who is it?; {remedy}"));
    assert_eq!((&message["type"], hints(&mut server)), (&json!(2), vec!["3 ? waits for an answer".to_owned()]));
    let argument = json!({ "runId": run, "step": "whom", "answer": "me" });
    let params = json!({ "command": "orc.approve", "arguments": [argument] });
    let error = server.request_error("workspace/executeCommand", params);
    assert_eq!(error["message"], "`whom` asks nothing; what asks is `who`");
    let argument = json!({ "runId": run, "answer": "me" });
    assert_eq!(execute(&mut server, "orc.approve", argument)["runId"], run.as_str());
    let last = loop {
        let event = server.notification("orc/runEvent");
        if event["type"] == "run.finished" {
            break event;
        }
    };
    assert_eq!((&last["data"]["status"], &last["data"]["outputs"]["who"]), (&json!("completed"), &json!("me")));
    server.ignore("window/showMessage");
    server.finish();
}
