//! Navigation over the protocol.

use std::fs;

use serde_json::{Value, json};

use crate::support::TestServer;

const TEXT: &str = "id: p\nsteps:\n  - id: first\n    action: generate\n    parameters: {prompt: hi}\n  - id: second\n    dependencies: [first]\n    action: generate\n    parameters: {prompt: \"é {{ first.result }}\"}\n";

fn span(line: u32, from: u32, to: u32) -> Value {
    json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } })
}

fn started(capabilities: Value) -> (TestServer, Value) {
    let mut capabilities = capabilities;
    capabilities["textDocument"]["diagnostic"] = json!({});
    let mut server = TestServer::start(capabilities);
    server.open("a.orc.yaml", TEXT);
    let mut params = server.document("a.orc.yaml");
    params["position"] = json!({ "line": 6, "character": 20 });
    (server, params)
}

#[test]
fn a_step_is_found_and_renamed() {
    let (mut server, mut params) = started(json!({}));
    let uri = server.uri("a.orc.yaml");
    let places = [span(2, 8, 13), span(6, 19, 24), span(8, 31, 36)];
    let definition = server.request("textDocument/definition", params.clone());
    assert_eq!(definition, json!([{ "uri": uri, "range": places[0] }]));
    params["context"] = json!({ "includeDeclaration": true });
    let references = server.request("textDocument/references", params.clone());
    let all: Vec<Value> = places.iter().map(|range| json!({ "uri": uri, "range": range })).collect();
    assert_eq!(references, json!(all));
    let marked = server.request("textDocument/documentHighlight", params.clone());
    assert_eq!(marked[0], json!({ "range": places[0], "kind": 3 }));
    assert_eq!(marked[1], json!({ "range": places[1], "kind": 2 }));
    let linked = server.request("textDocument/linkedEditingRange", params.clone());
    assert_eq!(linked, Value::Null, "a use may be typed over to name something else");
    let mut declared = params.clone();
    declared["position"] = json!({ "line": 2, "character": 10 });
    let linked = server.request("textDocument/linkedEditingRange", declared);
    assert_eq!(linked["ranges"], json!(places));

    let prepared = server.request("textDocument/prepareRename", params.clone());
    assert_eq!(prepared, json!({ "range": places[1], "placeholder": "first" }));
    params["newName"] = json!("start");
    let edits: Vec<Value> = places.iter().map(|range| json!({ "range": range, "newText": "start" })).collect();
    assert_eq!(server.request("textDocument/rename", params.clone()), json!({ "changes": { uri: edits } }));
    params["newName"] = json!("second");
    let refused = server.request_error("textDocument/rename", params);
    assert_eq!(refused["message"], "a second step is called `second`; rename one of them");
    server.finish();
}

#[test]
fn what_feeds_a_step_and_what_it_feeds() {
    let (mut server, params) = started(json!({}));
    let items = server.request("textDocument/prepareCallHierarchy", params);
    assert_eq!(items[0]["name"], "first");
    let fed = server.request("callHierarchy/outgoingCalls", json!({ "item": items[0] }));
    assert_eq!(fed[0]["to"]["name"], "second");
    assert_eq!(fed[0]["fromRanges"], json!([span(6, 19, 24), span(8, 31, 36)]));
    let feeders = server.request("callHierarchy/incomingCalls", json!({ "item": fed[0]["to"] }));
    assert_eq!(feeders[0]["from"]["name"], "first");
    server.finish();
}

#[test]
fn paths_lead_to_files_and_names_to_the_pipeline_that_declares_them() {
    let capabilities = json!({ "textDocument": { "diagnostic": {}, "definition": { "linkSupport": true } } });
    let mut server = TestServer::start(capabilities);
    fs::write(
        server.folder.path().join("child.orc.yaml"),
        "id: c\ninputs:\n  count: {type: integer, default: 1}\nsteps:\n  - id: s\n    action: generate\n    parameters: {prompt: hi}\n",
    )
    .unwrap();
    server.open(
        "a.orc.yaml",
        "id: p\nsteps:\n  - id: s\n    tool: pipeline-executor\n    parameters: {pipeline: child.orc.yaml, inputs: {count: 1}}\n",
    );
    let child = server.uri("child.orc.yaml");
    let mut params = server.document("a.orc.yaml");
    let links = server.request("textDocument/documentLink", params.clone());
    assert_eq!(links, json!([{ "range": span(4, 27, 41), "target": child }]));
    params["position"] = json!({ "line": 4, "character": 30 });
    let file = server.request("textDocument/definition", params.clone());
    assert_eq!((&file[0]["targetUri"], &file[0]["targetRange"]), (&json!(child), &span(0, 0, 0)));
    params["position"] = json!({ "line": 4, "character": 53 });
    let input = server.request("textDocument/definition", params);
    assert_eq!((&input[0]["targetUri"], &input[0]["targetRange"]), (&json!(child), &span(2, 2, 7)));
    server.finish();
}

#[test]
fn images_lead_to_their_files() {
    let (mut server, _) = started(json!({}));
    fs::write(server.folder.path().join("a.png"), "x").unwrap();
    server.open(
        "a.orc.yaml",
        "id: p\nsteps:\n  - id: s\n    action: generate\n    parameters: {prompt: hi, images: [a.png, 'data:a.png', \"a.png\"]}\n",
    );
    let links = server.request("textDocument/documentLink", server.document("a.orc.yaml"));
    let image = server.uri("a.png");
    let expected = json!([{ "range": span(4, 38, 43), "target": image }, { "range": span(4, 60, 65), "target": image }]);
    assert_eq!(links, expected);
    server.finish();
}

#[test]
fn symbols_of_all_pipelines_are_found_by_their_letters() {
    let (mut server, _) = started(json!({}));
    fs::write(
        server.folder.path().join("b.orc.yaml"),
        "id: other\nsteps:\n  - id: fast_iron\n    action: generate\n    parameters: {prompt: hi}\n",
    )
    .unwrap();
    let found = server.request("workspace/symbol", json!({ "query": "FIR" }));
    let names: Vec<(&str, &str)> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|symbol| (symbol["name"].as_str().unwrap(), symbol["containerName"].as_str().unwrap()))
        .collect();
    assert_eq!(names, [("first", "p"), ("fast_iron", "other")]);
    server.finish();
}

const CHILD: &str = "id: c\ninputs:\n  topic: {type: string}\nsteps:\n  - id: find\n    action: generate\n    parameters: {prompt: \"{{ topic }}\"}\n  - id: tell\n    dependencies: [find]\n    action: generate\n    parameters: {prompt: \"{{ find.result }}\"}\n";
const PARENT: &str = "id: p\nsteps:\n  - id: s\n    tool: pipeline-executor # orc: ignore ORC411\n    parameters:\n      pipeline: c.orc.yaml\n      inputs: {topic: tea}\n";

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
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
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
    let mut server = TestServer::start(json!({
        "textDocument": { "diagnostic": {} },
        "workspace": { "workspaceEdit": { "documentChanges": true } },
    }));
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
    server.finish();
}
