//! Edits are applied in the order of the wire, and a request sees what was written before it.

use serde_json::{Value, json};

use crate::support::TestServer;

/// A pipeline with one step called `id`.
fn pipeline(id: &str) -> String {
    format!("name: {id}\nsteps:\n  - id: {id}\n    action: echo hello\n")
}

fn names(symbols: &Value, found: &mut Vec<String>) {
    for symbol in symbols.as_array().into_iter().flatten() {
        found.push(symbol["name"].as_str().unwrap().to_owned());
        names(&symbol["children"], found);
    }
}

#[test]
fn a_request_between_edits_sees_exactly_the_edits_before_it() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("a.orc.yaml", &pipeline("s1"));
    let mut asked = Vec::new();
    for version in 2..=30 {
        server.change("a.orc.yaml", version, &pipeline(&format!("s{version}")));
        let params = server.document("a.orc.yaml");
        asked.push((version, server.send("textDocument/documentSymbol", params)));
    }
    for (version, id) in asked {
        let mut found = Vec::new();
        names(&server.answer(id).unwrap(), &mut found);
        assert!(found.contains(&format!("s{version}")), "version {version} saw {found:?}");
    }
    server.finish();
}

#[test]
fn incremental_edits_are_applied_in_wire_order() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("a.orc.yaml", "name: x\nsteps:\n  - id: \n    action: echo hello\n");
    for (at, character) in "abcdefghijklmnopqrstuvwxyz".chars().enumerate() {
        let place = json!({ "line": 2, "character": 8 + at });
        let change = json!([{ "range": { "start": place, "end": place }, "text": character.to_string() }]);
        server.change_with("a.orc.yaml", 2 + at as i32, change);
    }
    let params = server.document("a.orc.yaml");
    let mut found = Vec::new();
    names(&server.request("textDocument/documentSymbol", params), &mut found);
    assert!(found.contains(&"abcdefghijklmnopqrstuvwxyz".to_owned()), "{found:?}");
    server.finish();
}

#[test]
fn columns_count_in_the_negotiated_unit() {
    for (encoding, column) in [("utf-8", 15), ("utf-16", 12), ("utf-32", 11)] {
        let mut server = TestServer::start(json!({
            "general": { "positionEncodings": [encoding] },
            "textDocument": { "diagnostic": {} },
        }));
        server.open("a.orc.yaml", "name: x\nsteps:\n  - {id: é🎈}\n");
        // `é` is 2, 1, 1 units wide, the balloon 4, 2, 1.
        let at = json!({ "line": 2, "character": column });
        server.change_with("a.orc.yaml", 2, json!([{ "range": { "start": at, "end": at }, "text": "z" }]));
        let params = server.document("a.orc.yaml");
        let mut found = Vec::new();
        names(&server.request("textDocument/documentSymbol", params), &mut found);
        assert!(found.contains(&"é🎈z".to_owned()), "{encoding}: {found:?}");
        server.finish();
    }
}
