//! Runs started from the editor: trust first, an id at once, events, lenses, cancellation.

use serde_json::{Value, json};

use crate::support::TestServer;

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
      command: echo hello {{ who }} > greeting.txt
";

fn command(name: &str, argument: Value) -> Value {
    json!({ "command": name, "arguments": [argument] })
}

/// A server for a client that pulls diagnostics, so that only the run speaks.
fn start(trusted: Option<bool>) -> TestServer {
    TestServer::start_with(json!({
        "capabilities": { "textDocument": { "diagnostic": {} } },
        "initializationOptions": { "trusted": trusted },
    }))
}

/// Reads the events of a run to its end; each is called `type step`.
fn events(server: &mut TestServer, run: &str) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let event = server.notification("orc/runEvent");
        assert_eq!(event["runId"], run);
        let kind = event["type"].as_str().unwrap().to_owned();
        let step = event["step"].as_str().map_or_else(String::new, |step| format!(" {step}"));
        seen.push(format!("{kind}{step}"));
        if kind == "run.finished" {
            return seen;
        }
    }
}

fn lens_titles(server: &mut TestServer, name: &str) -> Vec<String> {
    let params = server.document(name);
    let lenses = server.request("textDocument/codeLens", params);
    lenses.as_array().unwrap().iter().map(|lens| lens["command"]["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn nothing_runs_in_a_folder_that_is_not_trusted() {
    for (trusted, remedy) in [(None, "run the command `orc.trust`"), (Some(false), "trust the workspace in the editor")]
    {
        let mut server = start(trusted);
        server.open("a.orc.yaml", PIPELINE);
        let argument = json!({ "uri": server.uri("a.orc.yaml") });
        let error = server.request_error("workspace/executeCommand", command("orc.run", argument));
        assert_eq!(error["code"], -32803);
        assert_eq!(error["data"], json!({ "reason": "untrusted" }));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("is not trusted") && message.ends_with(remedy), "{message}");
        assert!(!server.folder.path().join("greeting.txt").exists());
        server.finish();
    }
}

#[test]
fn a_run_takes_the_open_text_and_the_inputs_and_reports_its_end() {
    let mut server = start(Some(true));
    server.open("sub/a.orc.yaml", PIPELINE);
    assert_eq!(lens_titles(&mut server, "sub/a.orc.yaml"), ["▶ Run", "▷ Run step", "▷ Run from here"]);
    let argument = json!({ "uri": server.uri("sub/a.orc.yaml"), "inputs": { "who": "you" } });
    let answer = server.request("workspace/executeCommand", command("orc.run", argument));
    let run = answer["runId"].as_str().unwrap().to_owned();
    let seen = events(&mut server, &run);
    assert_eq!(seen.first().unwrap(), "run.started");
    assert!(seen.contains(&"step.finished greet".to_owned()), "{seen:?}");
    let message = server.notification("window/showMessage");
    assert_eq!(message["type"], 3);
    assert!(message["message"].as_str().unwrap().starts_with("✔ Hello completed "), "{message}");
    assert_eq!(std::fs::read_to_string(server.folder.path().join("greeting.txt")).unwrap(), "hello you\n");
    let titles = lens_titles(&mut server, "sub/a.orc.yaml");
    assert!(titles[0].starts_with("✔ completed ") && titles[0].ends_with(" s — ▶ Run again"), "{titles:?}");
    server.finish();
}

#[test]
fn trusting_the_folder_lets_it_run_and_is_remembered() {
    let mut server = start(None);
    server.open("a.orc.yaml", PIPELINE);
    let argument = json!({ "uri": server.uri("a.orc.yaml") });
    server.request("workspace/executeCommand", command("orc.trust", argument.clone()));
    let answer = server.request("workspace/executeCommand", command("orc.run", argument));
    events(&mut server, answer["runId"].as_str().unwrap());
    server.ignore("window/showMessage");
    let kept = std::fs::read_to_string(server.folder.path().join(".state/orc/trusted.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept, json!({ "folders": [server.folder.path().canonicalize().unwrap()] }));
    server.finish();
}

#[test]
fn a_failed_run_says_where_and_why() {
    let mut server = start(Some(true));
    server.open("a.orc.yaml", &PIPELINE.replace("echo hello {{ who }} > greeting.txt", "exit 3"));
    let argument = json!({ "uri": server.uri("a.orc.yaml") });
    let answer = server.request("workspace/executeCommand", command("orc.run", argument));
    events(&mut server, answer["runId"].as_str().unwrap());
    let message = server.notification("window/showMessage");
    assert_eq!(message["type"], 1);
    assert!(message["message"].as_str().unwrap().starts_with("✘ Hello failed at `greet`: "), "{message}");
    let titles = lens_titles(&mut server, "a.orc.yaml");
    assert!(titles[0].starts_with("✘ failed at `greet`: "), "{titles:?}");
    server.finish();
}

#[test]
fn progress_is_shown_and_cancelling_it_cancels_the_run() {
    let mut server = TestServer::start_with(json!({
        "capabilities": { "textDocument": { "diagnostic": {} }, "window": { "workDoneProgress": true } },
        "initializationOptions": { "trusted": true },
    }));
    server.open("a.orc.yaml", &PIPELINE.replace("echo hello {{ who }} > greeting.txt", "sleep 600"));
    let argument = json!({ "uri": server.uri("a.orc.yaml") });
    let answer = server.request("workspace/executeCommand", command("orc.run", argument));
    let created = server.server_request("window/workDoneProgress/create", Value::Null);
    assert_eq!(created["token"], answer["runId"]);
    let begin = server.notification("$/progress");
    assert_eq!(begin["value"]["kind"], "begin");
    assert_eq!(begin["value"]["cancellable"], true);
    assert_eq!(lens_titles(&mut server, "a.orc.yaml")[0], "● running — ■ Cancel");
    server.notify("window/workDoneProgress/cancel", json!({ "token": answer["runId"] }));
    events(&mut server, answer["runId"].as_str().unwrap());
    while server.notification("$/progress")["value"]["kind"] != "end" {}
    let message = server.notification("window/showMessage");
    assert!(message["message"].as_str().unwrap().starts_with("■ Hello cancelled"), "{message}");
    let error = server.request_error("workspace/executeCommand", command("orc.cancel", answer));
    assert!(error["message"].as_str().unwrap().ends_with("is going on; it has ended, or another server started it"));
    server.finish();
}

#[test]
fn inputs_that_do_not_fit_are_refused_at_once() {
    let mut server = start(Some(true));
    server.open("a.orc.yaml", PIPELINE);
    let argument = json!({ "uri": server.uri("a.orc.yaml"), "inputs": { "whom": "you" } });
    let error = server.request_error("workspace/executeCommand", command("orc.run", argument));
    assert!(error["message"].as_str().unwrap().contains("`whom`"), "{error}");
    server.finish();
}

#[test]
fn an_unknown_command_is_refused_by_name() {
    let mut server = start(Some(true));
    let error = server.request_error("workspace/executeCommand", command("orc.fly", json!({})));
    let expected = "unknown command `orc.fly`; the commands are `orc.run`, `orc.runStep`, `orc.runFrom`, `orc.resume`, `orc.approve`, `orc.cancel`, `orc.plan`, `orc.graph`, `orc.estimate`, `orc.resolveAuto`, `orc.pinAuto`, `orc.unpinAuto`, `orc.trust`, `orc.explain`";
    assert_eq!(error["message"], expected);
    server.finish();
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_does_not_outlive_its_server() {
    let mut server = start(Some(true));
    server.open("a.orc.yaml", &PIPELINE.replace("echo hello {{ who }} > greeting.txt", "echo $$ > pid; sleep 600"));
    let argument = json!({ "uri": server.uri("a.orc.yaml") });
    server.request("workspace/executeCommand", command("orc.run", argument));
    while server.notification("orc/runEvent")["type"] != "step.started" {}
    let file = server.folder.path().join("pid");
    let pid = loop {
        match std::fs::read_to_string(&file) {
            Ok(text) if text.ends_with('\n') => break text.trim().to_owned(),
            _ => std::thread::yield_now(),
        }
    };
    assert_eq!(server.exit(true).code(), Some(0));
    // The step's shell ends soon; a test that hangs here has found a leak.
    while std::path::Path::new("/proc").join(&pid).join("fd").read_dir().is_ok_and(|mut open| open.next().is_some()) {
        std::thread::yield_now();
    }
}

#[test]
fn trust_in_the_workspace_is_no_trust_in_what_its_paths_and_links_lead_to() {
    let mut server = start(Some(true));
    let evil = tempfile::tempdir().unwrap();
    std::fs::write(evil.path().join("p.orc.yaml"), PIPELINE).unwrap();
    std::os::unix::fs::symlink(evil.path().join("p.orc.yaml"), server.folder.path().join("link.orc.yaml")).unwrap();
    std::os::unix::fs::symlink(evil.path(), server.folder.path().join("linked")).unwrap();
    let evil_name = evil.path().file_name().unwrap().to_str().unwrap();
    for name in [&format!("..%2F{evil_name}/p.orc.yaml"), "link.orc.yaml", "linked/p.orc.yaml"] {
        let uri = format!("{}/{name}", server.uri("").trim_end_matches('/'));
        let argument = json!({ "uri": uri });
        let error = server.request_error("workspace/executeCommand", command("orc.run", argument));
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("is not trusted") || message.contains("name it without `..`"), "{message}");
    }
    assert!(!evil.path().join("greeting.txt").exists());
    server.finish();
}

#[test]
fn what_the_editor_does_not_trust_the_command_cannot_trust() {
    let mut server = start(Some(false));
    let argument = json!({ "uri": server.uri("a.orc.yaml") });
    let error = server.request_error("workspace/executeCommand", command("orc.trust", argument));
    assert!(error["message"].as_str().unwrap().ends_with("trust it in the editor"), "{error}");
    assert!(!server.folder.path().join(".state/orc/trusted.json").exists());
    server.finish();
}

#[test]
fn a_stored_document_that_is_no_regular_file_is_refused() {
    let mut server = start(Some(true));
    let _socket = std::os::unix::net::UnixListener::bind(server.folder.path().join("a.orc.yaml")).unwrap();
    let argument = json!({ "uri": server.uri("a.orc.yaml") });
    let error = server.request_error("workspace/executeCommand", command("orc.run", argument));
    assert!(error["message"].as_str().unwrap().contains("is no regular file"), "{error}");
    server.finish();
}

#[test]
fn a_concurrency_of_zero_is_refused_at_once() {
    let mut server = start(Some(true));
    server.open("a.orc.yaml", PIPELINE);
    let argument = json!({ "uri": server.uri("a.orc.yaml"), "options": { "maxConcurrency": 0 } });
    let error = server.request_error("workspace/executeCommand", command("orc.run", argument));
    assert!(error["message"].as_str().unwrap().contains("nonzero"), "{error}");
    server.finish();
}

const CHAIN: &str = "\
id: chain
name: Chain
steps:
  - id: a
    tool: filesystem
    action: write
    parameters: {path: a.txt, content: one}
  - id: b
    tool: filesystem
    action: read
    parameters: {path: wanted.txt}
    dependencies: [a]
  - id: c
    action: echo
    parameters: {message: '{{ b.result.content }}'}
    dependencies: [b]
";

/// The steps that acted.
fn acted(seen: &[String]) -> Vec<&str> {
    seen.iter().filter_map(|event| event.strip_prefix("step.started ")).collect()
}

#[test]
fn a_step_runs_alone_or_with_what_follows_from_it() {
    let mut server = start(Some(true));
    server.open("a.orc.yaml", CHAIN);
    std::fs::write(server.folder.path().join("wanted.txt"), "more").unwrap();
    let mut run = |name: &str, step: &str| {
        let argument = json!({ "uri": server.uri("a.orc.yaml"), "step": step });
        let answer = server.request("workspace/executeCommand", command(name, argument));
        let seen = events(&mut server, answer["runId"].as_str().unwrap());
        server.ignore("window/showMessage");
        seen
    };
    assert_eq!(acted(&run("orc.runStep", "a")), ["a"]);
    assert_eq!(acted(&run("orc.runStep", "b")), ["b"]);
    assert_eq!(acted(&run("orc.runFrom", "b")), ["b", "c"]);
    assert_eq!(acted(&run("orc.run", "c")), ["c"]);
    let argument = json!({ "uri": server.uri("a.orc.yaml"), "step": "d" });
    let error = server.request_error("workspace/executeCommand", command("orc.runStep", argument));
    assert!(error["message"].as_str().unwrap().starts_with("the pipeline has no step `d` at its root"), "{error}");
    server.finish();
}

#[test]
fn a_run_that_was_broken_off_goes_on() {
    let mut server = start(Some(true));
    server.open("a.orc.yaml", CHAIN);
    std::fs::write(server.folder.path().join("a.orc.yaml"), CHAIN).unwrap();
    let argument = json!({ "uri": server.uri("a.orc.yaml") });
    let answer = server.request("workspace/executeCommand", command("orc.run", argument));
    let run = answer["runId"].as_str().unwrap().to_owned();
    assert_eq!(acted(&events(&mut server, &run)), ["a", "b"]);
    server.ignore("window/showMessage");
    let argument = json!({ "runId": run });
    let answer = server.request("workspace/executeCommand", command("orc.resume", argument));
    assert_eq!(answer["runId"], run.as_str());
    assert_eq!(acted(&events(&mut server, &run)), Vec::<&str>::new(), "what failed stands");
    server.ignore("window/showMessage");
    let error = server.request_error("workspace/executeCommand", command("orc.resume", json!({ "runId": "x" })));
    assert_eq!(error["message"], "there is no run `x` here; `orc runs list` names them");
    server.finish();
}

#[test]
fn a_hover_shows_what_a_step_came_to_last() {
    let mut server = start(Some(true));
    server.open("a.orc.yaml", CHAIN);
    let hover = |server: &mut TestServer, line: u32, character: u32| {
        let position = json!({ "line": line, "character": character });
        let params = json!({ "textDocument": { "uri": server.uri("a.orc.yaml") }, "position": position });
        let hover = server.request("textDocument/hover", params);
        hover["contents"]["value"].as_str().unwrap_or_default().to_owned()
    };
    let before = hover(&mut server, 3, 8);
    assert!(!before.contains("Last run"), "{before}");
    assert!(!server.folder.path().join(".orc").exists(), "a hover makes no store");
    std::fs::write(server.folder.path().join("wanted.txt"), "more ``` and more").unwrap();
    let argument = json!({ "uri": server.uri("a.orc.yaml") });
    let answer = server.request("workspace/executeCommand", command("orc.run", argument));
    let run = answer["runId"].as_str().unwrap().to_owned();
    events(&mut server, &run);
    server.ignore("window/showMessage");
    // The id of `c`, and the reference to `b` in its message.
    let shown = hover(&mut server, 12, 8);
    assert!(shown.contains(&format!(", `{run}`\n````text\nmore ``` and more\n````")), "{shown}");
    let shown = hover(&mut server, 14, 30);
    assert!(shown.contains("Last run: completed at ") && shown.contains("\"content\": \"more"), "{shown}");
    server.finish();
}

#[test]
fn a_graph_is_drawn_without_trust_and_shows_how_steps_stand() {
    let mut server = start(None);
    server.open("a.orc.yaml", CHAIN);
    let uri = server.uri("a.orc.yaml");
    let graph = |server: &mut TestServer, format: &str| {
        let argument = json!({ "uri": uri, "format": format });
        server.request("workspace/executeCommand", command("orc.graph", argument))["text"].as_str().unwrap().to_owned()
    };
    let mermaid = graph(&mut server, "mermaid");
    assert!(mermaid.contains("s0 --> s1\n  s1 --> s2\n") && !mermaid.contains("class "), "{mermaid}");
    assert!(graph(&mut server, "svg").starts_with("<svg "));
    server.request("workspace/executeCommand", command("orc.trust", json!({ "uri": uri })));
    let answer = server.request("workspace/executeCommand", command("orc.run", json!({ "uri": uri })));
    events(&mut server, answer["runId"].as_str().unwrap());
    server.ignore("window/showMessage");
    let mermaid = graph(&mut server, "mermaid");
    assert!(mermaid.contains("  class s0 completed\n") && mermaid.contains("  class s1 failed\n"), "{mermaid}");
    let plan = server.request("workspace/executeCommand", command("orc.plan", json!({ "uri": uri, "step": "b" })));
    assert_eq!(plan["stages"], json!([["a"], ["b"]]));
    server.finish();
}
