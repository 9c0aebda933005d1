//! Tokens, folds, selections, hints and signatures over the protocol.

use serde_json::{Value, json};

use crate::support::TestServer;

const TEXT: &str = "name: n\ninputs:\n  count: 3\nsteps:\n- id: a\n  action: generate\n  parameters: {prompt: \"{{ count | string }}\"}\n- id: b\n  action: generate\n  parameters: {prompt: hi}\n";

fn started() -> TestServer {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("a.orc.yaml", TEXT);
    server
}

fn numbers(data: &Value) -> Vec<u64> {
    data.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

/// `before` after the edits of a delta.
fn patched(before: &[u64], delta: &Value) -> Vec<u64> {
    let mut numbers_now = before.to_vec();
    for edit in delta["edits"].as_array().unwrap().iter().rev() {
        let start = edit["start"].as_u64().unwrap() as usize;
        let gone = edit["deleteCount"].as_u64().unwrap() as usize;
        let come = edit.get("data").map(numbers).unwrap_or_default();
        numbers_now.splice(start..start + gone, come);
    }
    numbers_now
}

#[test]
fn a_delta_of_tokens_leads_to_the_same_as_all_of_them() {
    let mut server = started();
    let document = server.document("a.orc.yaml");
    let full = server.request("textDocument/semanticTokens/full", document.clone());
    let before = numbers(&full["data"]);
    // `name`, `inputs` and `count` with its declaration, each five numbers.
    assert_eq!(before[..4], [0, 0, 4, 0]);
    assert_eq!(before[10..15], [1, 2, 5, 1, 5]);
    server.change("a.orc.yaml", 2, &TEXT.replace("id: b", "id: longer\n  max_retries: 2"));
    let mut params = document.clone();
    params["previousResultId"] = full["resultId"].clone();
    let delta = server.request("textDocument/semanticTokens/full/delta", params.clone());
    let edits = delta["edits"].as_array().unwrap();
    assert!(edits.len() == 1 && edits[0]["deleteCount"].as_u64().unwrap() <= 10, "{delta}");
    let after = patched(&before, &delta);
    let fresh = server.request("textDocument/semanticTokens/full", document.clone());
    assert_eq!(numbers(&fresh["data"]), after);
    // An answer that is not known any more is answered with all of them.
    params["previousResultId"] = json!("long ago");
    let all = server.request("textDocument/semanticTokens/full/delta", params);
    assert_eq!(numbers(&all["data"]), after);
    let mut some = document;
    some["range"] = json!({ "start": { "line": 4, "character": 0 }, "end": { "line": 4, "character": 9 } });
    let within = server.request("textDocument/semanticTokens/range", some);
    assert_eq!(numbers(&within["data"]), [4, 2, 2, 0, 0, 0, 4, 1, 2, 1]);
    server.finish();
}

#[test]
fn folds_selections_hints_and_signatures_are_answered() {
    let mut server = started();
    let document = server.document("a.orc.yaml");
    let folds = server.request("textDocument/foldingRange", document.clone());
    let lines = |fold: &Value| (fold["startLine"].as_u64().unwrap(), fold["endLine"].as_u64().unwrap());
    let folds: Vec<_> = folds.as_array().unwrap().iter().map(lines).collect();
    assert_eq!(folds, [(1, 2), (3, 9), (4, 6), (7, 9)]);

    let mut params = document.clone();
    params["positions"] = json!([{ "line": 6, "character": 30 }, { "line": 99, "character": 0 }]);
    let selections = server.request("textDocument/selectionRange", params);
    let range = |line: u32, from: u32, to: u32| json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } });
    assert_eq!(selections[0]["range"], range(6, 27, 32));
    assert_eq!(selections[0]["parent"]["range"], range(6, 27, 41));
    assert_eq!(selections.as_array().unwrap().len(), 2);

    let mut params = document.clone();
    params["range"] = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 10, "character": 0 } });
    let hints = server.request("textDocument/inlayHint", params);
    let label = |hint: &Value| (hint["position"].clone(), hint["label"].as_str().unwrap().to_owned());
    let hints: Vec<_> = hints.as_array().unwrap().iter().map(label).collect();
    let at = |line: u32, character: u32| json!({ "line": line, "character": character });
    let expected = [(at(2, 7), ": integer"), (at(4, 7), "1/1 ∥ 1"), (at(7, 7), "1/1 ∥ 1")];
    assert_eq!(hints, expected.map(|(place, label)| (place, label.to_owned())));

    server.change("a.orc.yaml", 2, &TEXT.replace("| string", "| truncate("));
    let mut params = document;
    params["position"] = at(6, 44);
    let help = server.request("textDocument/signatureHelp", params);
    assert_eq!(help["activeParameter"], 0);
    assert_eq!(help["signatures"][0]["parameters"][0]["label"], json!([9, 30]));
    server.finish();
}
