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
