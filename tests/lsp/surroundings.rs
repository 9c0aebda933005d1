//! Files around a document: what an editor shows before what the disk holds, and whose diagnostics a
//! change of another file renews.

use std::fs;

use globset::Glob;
use serde_json::{Value, json};

use crate::support::{TestServer, brief};

const PARENT: &str = "id: p\nsteps:\n  - id: s\n    tool: pipeline-executor\n    parameters: {pipeline: child.orc.yaml, inputs: {count: 1}}\n";
const APART: &str = "id: q\nsteps:\n  - id: s\n    action: generate\n    parameters: {prompt: hello}\n";

fn child(input: &str) -> String {
    format!(
        "id: c\ninputs:\n  {input}: {{type: integer, default: 1}}\nsteps:\n  - id: s\n    action: generate\n    parameters: {{prompt: \"{{{{ {input} }}}}\"}}\n"
    )
}

/// Tells of a change, as an editor does of a file that it watches.
fn changed_on_disk(server: &mut TestServer, name: &str) {
    let change = json!({ "changes": [{ "uri": server.uri(name), "type": 2 }] });
    server.notify("workspace/didChangeWatchedFiles", change);
}

#[test]
fn a_change_of_a_file_renews_those_who_look_at_it_and_no_others() {
    let mut server =
        TestServer::start(json!({ "textDocument": { "publishDiagnostics": { "relatedInformation": true } } }));
    let on_disk = server.folder.path().join("child.orc.yaml");
    server.open("apart.orc.yaml", APART);
    assert_eq!(server.pushed("apart.orc.yaml", 1), Vec::<String>::new());
    server.open("parent.orc.yaml", PARENT);
    assert_eq!(server.pushed("parent.orc.yaml", 1), ["5:28 ORC412"]);

    fs::write(&on_disk, child("count")).unwrap();
    changed_on_disk(&mut server, "child.orc.yaml");
    assert_eq!(server.pushed("parent.orc.yaml", 1), Vec::<String>::new());

    // What is open counts, saved or not, and tells where it says so.
    server.open("child.orc.yaml", &child("amount"));
    assert_eq!(server.pushed("child.orc.yaml", 1), Vec::<String>::new());
    assert_eq!(server.pushed("parent.orc.yaml", 1), ["5:53 ORC415"]);
    changed_on_disk(&mut server, "child.orc.yaml");
    server.change("child.orc.yaml", 2, &child("count"));
    assert_eq!(server.pushed("child.orc.yaml", 2), Vec::<String>::new());
    assert_eq!(server.pushed("parent.orc.yaml", 1), Vec::<String>::new());
    server.change("child.orc.yaml", 3, &child("amount"));
    assert_eq!(server.pushed("child.orc.yaml", 3), Vec::<String>::new());
    assert_eq!(server.pushed("parent.orc.yaml", 1), ["5:53 ORC415"]);

    // Closed without saving, the disk counts again.
    let closed = server.document("child.orc.yaml");
    server.notify("textDocument/didClose", closed);
    server.cleared("child.orc.yaml");
    assert_eq!(server.pushed("parent.orc.yaml", 1), Vec::<String>::new());
    server.finish();
}

#[test]
fn a_file_that_a_step_reads_is_missed_until_it_is_there() {
    let mut server =
        TestServer::start(json!({ "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": true } } }));
    let registered = server.server_request("client/registerCapability", Value::Null);
    let watchers = registered["registrations"][0]["registerOptions"]["watchers"].as_array().unwrap();
    let watched: Vec<String> =
        watchers.iter().map(|watcher| watcher["globPattern"].as_str().unwrap().to_owned()).collect();
    // An editor tells of nothing but what was asked for.
    let changed_on_disk = |server: &mut TestServer, name: &str| {
        let is_watched = |glob: &String| Glob::new(glob).unwrap().compile_matcher().is_match(name);
        assert!(watched.iter().any(is_watched), "{name} is none of {watched:?}");
        changed_on_disk(server, name);
    };
    for name in ["data.csv", "data.tsv", "notes", "data.csv.gz"] {
        let reads = format!(
            "name: n\nsteps:\n  - id: s\n    tool: filesystem\n    action: read\n    parameters: {{path: {name}}}\n"
        );
        let document = format!("{name}.orc.yaml");
        server.open(&document, &reads);
        assert_eq!(server.pushed(&document, 1), ["6:24 ORC417"]);
        fs::write(server.folder.path().join(name), "a,b\n").unwrap();
        changed_on_disk(&mut server, name);
        assert_eq!(server.pushed(&document, 1), Vec::<String>::new());
        fs::remove_file(server.folder.path().join(name)).unwrap();
        changed_on_disk(&mut server, name);
        assert_eq!(server.pushed(&document, 1), ["6:24 ORC417"]);
    }
    server.finish();
}

#[test]
fn an_error_in_a_pipeline_that_is_run_is_shown_where_it_is() {
    let mut server =
        TestServer::start(json!({ "textDocument": { "publishDiagnostics": { "relatedInformation": true } } }));
    let broken = child("count").replace("generate", "generat");
    fs::write(server.folder.path().join("child.orc.yaml"), broken).unwrap();
    server.open("parent.orc.yaml", PARENT);
    let pushed = server.notification("textDocument/publishDiagnostics");
    assert_eq!(brief(&pushed["diagnostics"]), ["5:28 ORC414"]);
    let related = &pushed["diagnostics"][0]["relatedInformation"][0]["location"];
    assert_eq!(related["uri"], server.uri("child.orc.yaml"));
    assert_eq!(related["range"]["start"], json!({ "line": 5, "character": 12 }));
    server.finish();
}

#[test]
fn an_editor_that_pulls_is_asked_to_pull_again() {
    let capabilities = json!({
        "textDocument": { "diagnostic": {} },
        "workspace": { "diagnostics": { "refreshSupport": true } },
    });
    let mut server = TestServer::start(capabilities);
    server.open("parent.orc.yaml", PARENT);
    let mut params = server.document("parent.orc.yaml");
    let first = server.request("textDocument/diagnostic", params.clone());
    assert_eq!(brief(&first["items"]), ["5:28 ORC412"]);
    params["previousResultId"] = first["resultId"].clone();

    fs::write(server.folder.path().join("child.orc.yaml"), child("amount")).unwrap();
    changed_on_disk(&mut server, "child.orc.yaml");
    server.server_request("workspace/diagnostic/refresh", Value::Null);
    let second = server.request("textDocument/diagnostic", params);
    assert_eq!(brief(&second["items"]), ["5:53 ORC415"]);
    server.finish();
}

/// A folder with a pipeline `p.orc.yaml` that runs `child.orc.yaml` of its folder's root.
fn root(name: &str, input: &str) -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix(name).tempdir().unwrap();
    fs::create_dir(folder.path().join("sub")).unwrap();
    fs::write(folder.path().join("child.orc.yaml"), child(input)).unwrap();
    folder
}

#[test]
fn each_document_is_worked_on_in_its_own_workspace_folder() {
    let (one, two) = (root("one", "count"), root("two", "amount"));
    let uri = |folder: &tempfile::TempDir, name: &str| format!("file://{}/{name}", folder.path().display());
    let mut server = TestServer::spawn();
    let folders = json!([{ "uri": uri(&one, ""), "name": "one" }]);
    let params = json!({ "processId": null, "capabilities": {}, "workspaceFolders": folders });
    server.initialized = server.request("initialize", params);
    assert_eq!(server.initialized["capabilities"]["workspace"]["workspaceFolders"]["supported"], true);
    server.notify("initialized", json!({}));
    // The diagnostics of a parent that lies beneath the root, in order of folder.
    let pushed = |server: &mut TestServer, folder: &tempfile::TempDir, open: bool| {
        let uri = uri(folder, "sub/p.orc.yaml");
        if open {
            let document = json!({ "uri": uri, "languageId": "yaml", "version": 1, "text": PARENT });
            server.notify("textDocument/didOpen", json!({ "textDocument": document }));
        }
        let pushed = server.notification("textDocument/publishDiagnostics");
        assert_eq!(pushed["uri"], uri.as_str());
        brief(&pushed["diagnostics"])
    };
    assert_eq!(pushed(&mut server, &one, true), Vec::<String>::new());
    // Outside of all folders a document is worked on where it lies; there is no child.
    assert_eq!(pushed(&mut server, &two, true), ["5:28 ORC412"]);
    let added = json!({ "added": [{ "uri": uri(&two, ""), "name": "two" }], "removed": [] });
    server.notify("workspace/didChangeWorkspaceFolders", json!({ "event": added }));
    assert_eq!(pushed(&mut server, &two, false), ["5:53 ORC415"]);
    let symbols = server.request("workspace/symbol", json!({ "query": "amount" }));
    assert_eq!(symbols[0]["location"]["uri"], uri(&two, "child.orc.yaml"));
    let removed = json!({ "added": [], "removed": [{ "uri": uri(&two, ""), "name": "two" }] });
    server.notify("workspace/didChangeWorkspaceFolders", json!({ "event": removed }));
    assert_eq!(pushed(&mut server, &two, false), ["5:28 ORC412"]);
    server.finish();
}

#[test]
fn a_models_yaml_that_appears_makes_its_models_known() {
    let text = "id: q\nsteps:\n  - id: s\n    action: generate\n    parameters: {prompt: hello, model: quick}\n";
    let mut server = TestServer::start(json!({}));
    server.open("p.orc.yaml", text);
    assert_eq!(server.pushed("p.orc.yaml", 1), ["5:40 ORC501"]);
    let models = "models: [{source: lab, name: big, alias: quick}]\n";
    fs::write(server.folder.path().join("models.yaml"), models).unwrap();
    changed_on_disk(&mut server, "models.yaml");
    assert_eq!(server.pushed("p.orc.yaml", 1), Vec::<String>::new());
}
