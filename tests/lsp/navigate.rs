//! From a name to its declaration, its uses and its neighbours, and another name for it.

use std::fs;

use serde_json::{Value, json};

use crate::support::TestServer;

const CHILD: &str = "id: c\ninputs:\n  topic: {type: string}\nsteps:\n  - id: find\n    action: generate\n    parameters: {prompt: \"{{ topic }}\"}\n  - id: tell\n    dependencies: [find]\n    action: generate\n    parameters: {prompt: \"{{ find.result }}\"}\n";
const PARENT: &str = "id: p\nsteps:\n  - id: s\n    tool: pipeline-executor # orc: ignore ORC411\n    parameters:\n      pipeline: c.orc.yaml\n      inputs: {topic: tea}\n";

fn start(capabilities: &Value) -> TestServer {
    let mut all = json!({ "textDocument": { "diagnostic": {} } });
    all.as_object_mut().unwrap().extend(capabilities.as_object().unwrap().clone());
    TestServer::start(all)
}

fn at(server: &TestServer, name: &str, line: u32, character: u32) -> Value {
    let mut params = server.document(name);
    params["position"] = json!({ "line": line, "character": character });
    params
}

/// `file line:from-to` of a location, from 0.
fn place(location: &Value) -> String {
    let uri = location["uri"].as_str().or_else(|| location["targetUri"].as_str()).unwrap();
    let file = uri.rsplit('/').next().unwrap();
    let range = if location["range"].is_null() { &location["targetSelectionRange"] } else { &location["range"] };
    let (start, end) = (&range["start"], &range["end"]);
    format!("{file} {}:{}-{}", start["line"], start["character"], end["character"])
}

fn places(locations: &Value) -> Vec<String> {
    locations.as_array().unwrap().iter().map(place).collect()
}

#[test]
fn a_name_leads_to_its_declaration_and_its_uses_in_all_files() {
    let mut server = start(&json!({}));
    fs::write(server.folder.path().join("p.orc.yaml"), PARENT).unwrap();
    server.open("c.orc.yaml", CHILD);
    let params = at(&server, "c.orc.yaml", 8, 20);
    assert_eq!(places(&server.request("textDocument/definition", params)), ["c.orc.yaml 4:8-12"]);
    let mut params = at(&server, "c.orc.yaml", 6, 30);
    params["context"] = json!({ "includeDeclaration": true });
    assert_eq!(
        places(&server.request("textDocument/references", params)),
        ["c.orc.yaml 2:2-7", "c.orc.yaml 6:29-34", "p.orc.yaml 6:15-20"]
    );
    server.open("p.orc.yaml", PARENT);
    let params = at(&server, "p.orc.yaml", 6, 16);
    assert_eq!(places(&server.request("textDocument/definition", params)), ["c.orc.yaml 2:2-7"]);
    let params = at(&server, "p.orc.yaml", 5, 18);
    assert_eq!(places(&server.request("textDocument/definition", params)), ["c.orc.yaml 0:0-0"]);
    server.finish();
}

#[test]
fn a_rename_edits_each_document_at_its_version() {
    let mut server = start(&json!({ "workspace": { "workspaceEdit": { "documentChanges": true } } }));
    fs::write(server.folder.path().join("p.orc.yaml"), PARENT).unwrap();
    server.open("c.orc.yaml", "");
    server.change("c.orc.yaml", 2, CHILD);
    let params = at(&server, "c.orc.yaml", 2, 3);
    let prepared = server.request("textDocument/prepareRename", params);
    assert_eq!(prepared["placeholder"], "topic");
    let mut params = at(&server, "c.orc.yaml", 2, 3);
    params["newName"] = json!("subject");
    let edit = server.request("textDocument/rename", params);
    let edits = edit["documentChanges"].as_array().unwrap();
    let shown: Vec<String> = edits
        .iter()
        .map(|document| {
            let uri = document["textDocument"]["uri"].as_str().unwrap();
            let edits = document["edits"].as_array().unwrap().iter();
            let edits: Vec<String> = edits
                .map(|edit| format!("{}:{}", edit["range"]["start"]["line"], edit["newText"].as_str().unwrap()))
                .collect();
            let file = uri.rsplit('/').next().unwrap();
            format!("{file} {} {}", document["textDocument"]["version"], edits.join(" "))
        })
        .collect();
    assert_eq!(shown, ["c.orc.yaml 2 2:subject 6:subject", "p.orc.yaml null 6:subject"]);
    // A reason is shown to the person.
    let mut params = at(&server, "c.orc.yaml", 4, 9);
    params["newName"] = json!("tell");
    let error = server.request_error("textDocument/rename", params);
    assert_eq!(error["message"], "a second step is called `tell`; rename one of them");
    server.finish();
}

#[test]
fn what_feeds_a_step_is_asked_for_by_its_item() {
    let mut server = start(&json!({}));
    server.open("c.orc.yaml", CHILD);
    let params = at(&server, "c.orc.yaml", 7, 9);
    let items = server.request("textDocument/prepareCallHierarchy", params);
    assert_eq!(items[0]["name"], "tell");
    let incoming = server.request("callHierarchy/incomingCalls", json!({ "item": items[0] }));
    assert_eq!(incoming[0]["from"]["name"], "find");
    let lines: Vec<&Value> =
        incoming[0]["fromRanges"].as_array().unwrap().iter().map(|range| &range["start"]["line"]).collect();
    assert_eq!(lines, [8, 10]);
    let outgoing = server.request("callHierarchy/outgoingCalls", json!({ "item": incoming[0]["from"] }));
    assert_eq!(outgoing[0]["to"]["name"], "tell");
    server.finish();
}

#[test]
fn names_are_found_over_all_pipelines() {
    let mut server = start(&json!({}));
    fs::write(server.folder.path().join("p.orc.yaml"), PARENT).unwrap();
    server.open("c.orc.yaml", CHILD);
    let found = server.request("workspace/symbol", json!({ "query": "TE" }));
    let found: Vec<String> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|symbol| format!("{} {}", symbol["name"].as_str().unwrap(), place(&symbol["location"])))
        .collect();
    assert_eq!(found, ["tell c.orc.yaml 7:8-12"]);
    server.finish();
}
