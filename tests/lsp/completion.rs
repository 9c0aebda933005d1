//! Completion over the protocol.

use serde_json::{Value, json};

use crate::support::TestServer;

const TEXT: &str = "name: n\nsteps:\n- id: s\n  action: generate\n  \n";

fn keys(server: &mut TestServer) -> Vec<Value> {
    server.open("a.orc.yaml", TEXT);
    let mut params = server.document("a.orc.yaml");
    params["position"] = json!({ "line": 4, "character": 2 });
    server.request("textDocument/completion", params).as_array().unwrap().clone()
}

fn named<'v>(items: &'v [Value], label: &str) -> &'v Value {
    items.iter().find(|item| item["label"] == label).unwrap()
}

#[test]
fn documentation_comes_when_it_is_asked_for_by_those_who_can_ask() {
    let properties = json!({ "completionItem": { "resolveSupport": { "properties": ["documentation"] } } });
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {}, "completion": properties } }));
    let items = keys(&mut server);
    assert!(items.iter().all(|item| item.get("documentation").is_none()), "{items:#?}");
    let resolved = server.request("completionItem/resolve", named(&items, "parameters").clone());
    let text = resolved["documentation"]["value"].as_str().unwrap();
    server.finish();

    let mut plain = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    let items = keys(&mut plain);
    assert_eq!(named(&items, "parameters")["documentation"]["value"], text);
    plain.finish();
}

#[test]
fn an_item_that_is_not_known_any_more_stays_as_it_is() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    let item = json!({ "label": "x", "data": { "list": 99, "item": 3 } });
    assert_eq!(server.request("completionItem/resolve", item.clone()), item);
    server.finish();
}
