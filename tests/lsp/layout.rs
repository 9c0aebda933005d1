//! Layout over the protocol.

use serde_json::json;

use crate::support::TestServer;

#[test]
fn a_document_a_range_and_a_new_line_are_laid_out() {
    let mut server = TestServer::start(json!({ "textDocument": { "diagnostic": {} } }));
    server.open("a.orc.yaml", "id:   a\nsteps:\n  - id: s\n    action:  generate\n    parameters:\n\n");
    let mut params = server.document("a.orc.yaml");
    params["options"] = json!({ "tabSize": 4, "insertSpaces": true });
    let space = |line: u32, from: u32, to: u32| json!({ "start": { "line": line, "character": from }, "end": { "line": line, "character": to } });
    let first = json!({ "range": space(0, 3, 6), "newText": " " });
    let second = json!({ "range": space(3, 11, 13), "newText": " " });
    let end = json!({ "range": { "start": { "line": 4, "character": 15 }, "end": { "line": 6, "character": 0 } }, "newText": "\n" });
    assert_eq!(server.request("textDocument/formatting", params.clone()), json!([first, second, end]));
    let mut range = params.clone();
    range["range"] = space(3, 0, 1);
    assert_eq!(server.request("textDocument/rangeFormatting", range), json!([second]));
    params["position"] = json!({ "line": 5, "character": 0 });
    params["ch"] = json!("\n");
    assert_eq!(
        server.request("textDocument/onTypeFormatting", params),
        json!([{ "range": space(5, 0, 0), "newText": "      " }])
    );
    server.finish();
}
