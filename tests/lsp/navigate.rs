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
    assert_eq!(linked["ranges"], json!(places));

    let prepared = server.request("textDocument/prepareRename", params.clone());
    assert_eq!(prepared, json!({ "range": places[1], "placeholder": "first" }));
    params["newName"] = json!("start");
    let edits: Vec<Value> = places.iter().map(|range| json!({ "range": range, "newText": "start" })).collect();
    assert_eq!(server.request("textDocument/rename", params.clone()), json!({ "changes": { uri: edits } }));
    params["newName"] = json!("second");
    let refused = server.request_error("textDocument/rename", params);
    assert_eq!(
        refused["message"],
        "`second` means something else here already, or cannot be told from it; choose another name"
    );
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
