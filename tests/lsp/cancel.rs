//! Many requests at once freeze nothing, and cancelled ones are answered.

use std::fmt::Write;

use serde_json::json;

use crate::support::TestServer;

/// A pipeline of `count` steps.
fn long(count: usize) -> String {
    let mut text = "name: long\nsteps:\n".to_owned();
    for number in 0..count {
        writeln!(text, "  - id: s{number}\n    action: echo hello").unwrap();
    }
    text
}

#[test]
fn a_hundred_pending_requests_freeze_nothing() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("long.orc.yaml", &long(400));
    server.open("short.orc.yaml", &long(1));
    let params = server.document("long.orc.yaml");
    let pending: Vec<i64> = (0..100).map(|_| server.send("textDocument/documentSymbol", params.clone())).collect();
    // Edits and other requests pass while the hundred wait.
    server.change("short.orc.yaml", 2, &long(2));
    let params = server.document("short.orc.yaml");
    server.request("textDocument/documentSymbol", params);
    for id in pending {
        server.answer(id).unwrap();
    }
    server.finish();
}

#[test]
fn cancelled_requests_are_answered_as_cancelled_or_done() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("long.orc.yaml", &long(1000));
    let params = server.document("long.orc.yaml");
    let pending: Vec<i64> = (0..50).map(|_| server.send("textDocument/documentSymbol", params.clone())).collect();
    for id in &pending {
        server.notify("$/cancelRequest", json!({ "id": id }));
    }
    let cancelled = pending.into_iter().filter_map(|id| server.answer(id).err()).collect::<Vec<_>>();
    assert!(!cancelled.is_empty(), "none of 50 was cancelled");
    assert!(cancelled.iter().all(|error| error["code"] == -32800));
    server.finish();
}

#[test]
fn cancelling_an_unknown_request_is_ignored() {
    let mut server = TestServer::start(json!({}));
    server.notify("$/cancelRequest", json!({ "id": 12345 }));
    server.finish();
}
