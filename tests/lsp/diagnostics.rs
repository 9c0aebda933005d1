//! Diagnostics, pushed and pulled, never both.

use lang::check::Code;
use serde_json::{Value, json};

use crate::support::{TestServer, brief};

const BROKEN: &str = "name: a\nname: b\nsteps:\n  - id: s\n    action: echo hello\n";
const WHOLE: &str = "name: a\nsteps:\n  - id: s\n    action: echo hello\n";

fn duplicate_key(found: &[String]) -> bool {
    found.iter().any(|line| line.starts_with("2:1 ORC0"))
}

#[test]
fn a_client_that_cannot_pull_is_pushed_the_diagnostics_of_each_version() {
    let mut server = TestServer::start(json!({}));
    assert!(server.initialized["capabilities"].get("diagnosticProvider").is_none());
    server.open("a.orc.yaml", BROKEN);
    assert!(duplicate_key(&server.pushed("a.orc.yaml", 1)));
    server.change("a.orc.yaml", 2, WHOLE);
    assert!(!duplicate_key(&server.pushed("a.orc.yaml", 2)));
    server.finish();
}

#[test]
fn closing_clears_what_was_pushed() {
    let mut server = TestServer::start(json!({}));
    server.open("a.orc.yaml", BROKEN);
    assert!(duplicate_key(&server.pushed("a.orc.yaml", 1)));
    let params = server.document("a.orc.yaml");
    server.notify("textDocument/didClose", params);
    server.cleared("a.orc.yaml");
    server.finish();
}

#[test]
fn a_client_that_pulls_is_pushed_nothing() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    assert_eq!(server.initialized["capabilities"]["diagnosticProvider"]["workspaceDiagnostics"], true);
    server.open("a.orc.yaml", BROKEN);
    let params = server.document("a.orc.yaml");
    let report = server.request("textDocument/diagnostic", params.clone());
    assert_eq!(report["kind"], "full");
    assert!(duplicate_key(&brief(&report["items"])));
    server.notify("textDocument/didClose", params);
    server.finish();
}

#[test]
fn an_unchanged_document_is_reported_as_unchanged() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("a.orc.yaml", BROKEN);
    let mut params = server.document("a.orc.yaml");
    let first = server.request("textDocument/diagnostic", params.clone());
    params["previousResultId"] = first["resultId"].clone();
    assert_eq!(
        server.request("textDocument/diagnostic", params.clone()),
        json!({ "kind": "unchanged", "resultId": first["resultId"] })
    );
    server.change("a.orc.yaml", 2, WHOLE);
    assert_eq!(server.request("textDocument/diagnostic", params)["kind"], "full");
    server.finish();
}

#[test]
fn a_workspace_report_covers_every_open_document() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("b.orc.yaml", BROKEN);
    server.open("a.orc.yaml", WHOLE);
    let report = server.request("workspace/diagnostic", json!({ "previousResultIds": [] }));
    let found: Vec<(&str, &str, bool)> = report["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            let name = item["uri"].as_str().unwrap().rsplit('/').next().unwrap();
            (name, item["kind"].as_str().unwrap(), duplicate_key(&brief(&item["items"])))
        })
        .collect();
    assert_eq!(found, [("a.orc.yaml", "full", false), ("b.orc.yaml", "full", true)]);
    server.finish();
}

#[test]
fn a_severity_setting_changes_and_silences_a_code() {
    let mut server = TestServer::start(json!({}));
    server.open("a.orc.yaml", BROKEN);
    let found = server.pushed("a.orc.yaml", 1);
    let code = found.iter().find_map(|line| line.strip_prefix("2:1 ")).unwrap().to_owned();
    let params = server.document("a.orc.yaml");
    let off = json!({ "settings": { "orc": { "severity": { code: "off" } } } });
    server.notify("workspace/didChangeConfiguration", off);
    assert!(!duplicate_key(&server.pushed("a.orc.yaml", 1)));
    server.notify("textDocument/didClose", params);
    server.ignore("textDocument/publishDiagnostics");
    server.finish();
}

#[test]
fn settings_that_cannot_be_read_are_reported_and_the_old_ones_stay() {
    let mut server = TestServer::start(json!({}));
    server.notify(
        "workspace/didChangeConfiguration",
        json!({ "settings": { "orc": { "severity": { "ORC002": "of" } } } }),
    );
    let message = server.notification("window/showMessage");
    assert_eq!(message["type"], 2);
    let text = message["message"].as_str().unwrap();
    assert!(text.starts_with("the settings of `orc` cannot be read: unknown variant `of`"), "{text}");
    server.finish();
}

#[test]
fn a_setting_that_is_null_is_the_default() {
    let mut server = TestServer::start(json!({}));
    server.open("a.orc.yaml", BROKEN);
    let code = server.pushed("a.orc.yaml", 1).iter().find_map(|line| line.strip_prefix("2:1 ")).unwrap().to_owned();
    let section = json!({ "path": null, "trace": { "server": null }, "run": null, "severity": { code: "off" } });
    server.notify("workspace/didChangeConfiguration", json!({ "settings": { "orc": section } }));
    assert!(!duplicate_key(&server.pushed("a.orc.yaml", 1)));
    server.finish();
}

#[test]
fn what_is_old_or_without_use_is_tagged_and_each_code_leads_to_its_page() {
    let mut editor = TestServer::start(json!({}));
    let text = "id: p\nsteps:\n  - id: a\n    foreach: [1] # orc: ignore ORC204\n    steps: [{id: b, action: generate, parameters: {model: <AUTO>, prompt: x}}]\n";
    editor.open("a.orc.yaml", text);
    let found = editor.notification("textDocument/publishDiagnostics")["diagnostics"].take();
    let told = |found: &Value| json!([found["code"], found["tags"], found["codeDescription"]["href"]]);
    let page = |number| server::pages::url(Code(number));
    let told: Vec<Value> = found.as_array().unwrap().iter().map(told).collect();
    // 1 is drawn faint, 2 struck through.
    assert_eq!(told, [json!(["ORC801", [2], page(801)]), json!(["ORC890", [1], page(890)])]);
    editor.finish();
}

/// The reports of an answer or a part of one: name, kind, and the codes with their places.
fn reports(items: &Value) -> Vec<String> {
    let item = |item: &Value| {
        let name = item["uri"].as_str().unwrap().rsplit('/').next().unwrap();
        let kind = item["kind"].as_str().unwrap();
        let found = if item["items"].is_array() { brief(&item["items"]).join(", ") } else { String::new() };
        format!("{name} {kind} {found}").trim_end().to_owned()
    };
    items.as_array().unwrap().iter().map(item).collect()
}

/// What was reported, as the editor sends it with the next question.
fn known(items: &Value) -> Value {
    let known = |item: &Value| json!({ "uri": item["uri"], "value": item["resultId"] });
    items.as_array().unwrap().iter().filter(|item| item["resultId"].is_string()).map(known).collect()
}

fn write(server: &TestServer, name: &str, text: &str) {
    std::fs::write(server.folder.path().join(name), text).unwrap();
}

#[test]
fn a_workspace_report_covers_pipelines_that_are_not_open_and_no_other_yaml() {
    for watches in [false, true] {
        let mut server = TestServer::start(json!({
            "textDocument": { "diagnostic": {} },
            "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": watches } },
        }));
        if watches {
            server.server_request("client/registerCapability", Value::Null);
        }
        write(&server, "b.orc.yaml", BROKEN);
        write(&server, "c.orc.yaml", WHOLE);
        write(&server, "compose.yaml", "services:\n  web: {image: nginx}\n  web: {image: nginx}\n");
        server.open("a.orc.yaml", WHOLE);
        let ask = |server: &mut TestServer, previous: Value| {
            server.request("workspace/diagnostic", json!({ "previousResultIds": previous }))["items"].clone()
        };
        let first = ask(&mut server, json!([]));
        let hint = "4:13 ORC808";
        let broken = "b.orc.yaml full 2:1 ORC003, 5:13 ORC808".to_owned();
        assert_eq!(reports(&first), [format!("a.orc.yaml full {hint}"), broken, format!("c.orc.yaml full {hint}")]);
        let second = ask(&mut server, known(&first));
        assert_eq!(reports(&second), ["a.orc.yaml unchanged", "b.orc.yaml unchanged", "c.orc.yaml unchanged"]);

        write(&server, "b.orc.yaml", &format!("# mended\n{WHOLE}"));
        std::fs::remove_file(server.folder.path().join("c.orc.yaml")).unwrap();
        if watches {
            let change = |name: &str, kind: u32| json!({ "uri": server.uri(name), "type": kind });
            let changes = json!({ "changes": [change("b.orc.yaml", 2), change("c.orc.yaml", 3)] });
            server.notify("workspace/didChangeWatchedFiles", changes);
        }
        let third = ask(&mut server, known(&first));
        assert_eq!(reports(&third), ["a.orc.yaml unchanged", "b.orc.yaml full 5:13 ORC808", "c.orc.yaml full"]);
        server.finish();
    }
}

#[test]
fn a_closed_pipeline_is_reported_again_when_a_file_it_names_changes() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    let parent = "id: p\nversion: 1.0.0\nsteps:\n  - id: s\n    action: generate\n    parameters: {prompt: '{{ file:part.md }}'}\n";
    write(&server, "p.orc.yaml", parent);
    write(&server, "part.md", "hello {{ nothing }}");
    let ask = |server: &mut TestServer, previous: Value| {
        server.request("workspace/diagnostic", json!({ "previousResultIds": previous }))["items"].clone()
    };
    let first = ask(&mut server, json!([]));
    assert_eq!(reports(&first).len(), 1, "{first}");
    server.open("part.md", "hello");
    let second = ask(&mut server, known(&first));
    let second: Vec<String> = reports(&second).into_iter().filter(|report| report.starts_with("p.orc")).collect();
    assert!(second[0].starts_with("p.orc.yaml full"), "{second:?}");
    server.finish();
}

#[test]
fn with_a_token_reports_are_told_as_they_are_found() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    for number in 0..70 {
        write(&server, &format!("{number:02}.orc.yaml"), WHOLE);
    }
    let params = json!({ "previousResultIds": [], "partialResultToken": "part" });
    let answer = server.request("workspace/diagnostic", params);
    assert_eq!(answer["items"], json!([]));
    let mut counts = Vec::new();
    for _ in 0..3 {
        let part = server.notification("$/progress");
        assert_eq!(part["token"], "part");
        counts.push(part["value"]["items"].as_array().unwrap().len());
    }
    assert_eq!(counts, [32, 32, 6]);
    server.finish();
}

#[test]
fn who_has_too_many_pipelines_to_report_is_told_so_once() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    for number in 0..2002 {
        write(&server, &format!("{number:04}.orc.yaml"), "id: p\nsteps: []\n");
    }
    let mut ask = || {
        server.request("workspace/diagnostic", json!({ "previousResultIds": [] }))["items"].as_array().unwrap().len()
    };
    assert_eq!((ask(), ask()), (2000, 2000));
    let message = server.notification("window/showMessage");
    let message = message["message"].as_str().unwrap();
    assert!(message.contains("reports 2000 pipelines of this workspace and leaves 2 out"), "{message}");
    // A second message would be an unexpected one.
    server.finish();
}
