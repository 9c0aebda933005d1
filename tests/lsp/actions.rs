//! Code actions over the protocol.

use serde_json::{Value, json};

use crate::support::TestServer;

const TEXT: &str = "name: n\nsteps:\n- id: a\n  action: generate_text\n  parameters: {prompt: hi}\n- id: b\n  action: generate\n  parameters: {prompt: hi}\n  dependencies: [aa]\n";

fn asked(server: &mut TestServer, line: u32, character: u32, only: Option<&str>) -> Value {
    let mut params = server.document("a.orc.yaml");
    let place = json!({ "line": line, "character": character });
    params["range"] = json!({ "start": place, "end": place });
    params["context"] = json!({ "diagnostics": [] });
    if let Some(kind) = only {
        params["context"]["only"] = json!([kind]);
    }
    server.request("textDocument/codeAction", params)
}

fn titles(actions: &Value) -> Vec<(&str, &str)> {
    let actions = actions.as_array().unwrap().iter();
    actions.map(|action| (action["kind"].as_str().unwrap(), action["title"].as_str().unwrap())).collect()
}

#[test]
fn a_diagnostic_is_mended_or_silenced() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("a.orc.yaml", TEXT);
    let actions = asked(&mut server, 8, 18, Some("quickfix"));
    assert_eq!(titles(&actions), [("quickfix", "Change to `a`"), ("quickfix", "Ignore ORC201 here")]);
    let uri = server.document("a.orc.yaml")["textDocument"]["uri"].as_str().unwrap().to_owned();
    let edit = |at: usize| actions[at]["edit"]["changes"][&uri].clone();
    let range = |from: u32, to: u32| json!({ "start": { "line": 8, "character": from }, "end": { "line": 8, "character": to } });
    assert_eq!(edit(0), json!([{ "range": range(17, 19), "newText": "a" }]));
    assert_eq!(edit(1), json!([{ "range": range(0, 0), "newText": "  # orc: ignore ORC201\n" }]));
    assert_eq!(actions[0]["diagnostics"][0]["code"], "ORC201");
    server.finish();
}

#[test]
fn all_safe_fixes_are_one_action_for_those_who_ask_for_it() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("a.orc.yaml", TEXT);
    let uri = server.document("a.orc.yaml")["textDocument"]["uri"].as_str().unwrap().to_owned();
    let actions = asked(&mut server, 0, 0, Some("source.fixAll"));
    assert_eq!(titles(&actions), [("source.fixAll.orc", "Fix all that orc can mend safely")]);
    let gone = json!({ "start": { "line": 3, "character": 18 }, "end": { "line": 3, "character": 23 } });
    assert_eq!(actions[0]["edit"]["changes"][&uri], json!([{ "range": gone, "newText": "" }]));
    let others = asked(&mut server, 0, 0, None);
    assert_eq!(titles(&others), [("refactor.rewrite", "Write the file in the canonical form")]);
    server.finish();
}

#[test]
fn the_same_can_be_written_otherwise() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("a.orc.yaml", TEXT);
    let forms = asked(&mut server, 8, 5, Some("refactor"));
    assert_eq!(titles(&forms), [("refactor.rewrite", "Write one dependency on each line")]);
    let literal = asked(&mut server, 4, 24, Some("refactor"));
    assert_eq!(titles(&literal), [("refactor.extract", "Extract into the input `prompt`")]);
    server.finish();
}
