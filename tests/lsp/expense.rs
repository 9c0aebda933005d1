//! What a run may cost, in the editor: told from the text and the store, without asking anybody.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{auto::fake::Fake, support::TestServer};

const TEXT: &str = "\
id: p
model: openai/gpt-4o-mini
steps:
  - {id: say, action: generate, parameters: {prompt: 'Hello, how are you?', max_tokens: 100}}
  - {id: write, tool: filesystem, action: write, parameters: {path: x.txt, content: '{{ say.result }}'}}
";

fn start(fake: &Fake) -> TestServer {
    let base = fake.base("/v1");
    let variables = [("OPENAI_BASE_URL", &*base), ("OPENAI_API_KEY", "canary-0123456789abcdef")];
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut server = TestServer::start_seeing(
        folder,
        json!({ "capabilities": { "textDocument": { "diagnostic": {} } } }),
        &variables,
    );
    server.open("p.orc.yaml", TEXT);
    server
}

fn hover(server: &mut TestServer, line: u32) -> String {
    let mut params = server.document("p.orc.yaml");
    params["position"] = json!({ "line": line, "character": 11 });
    let hover = server.request("textDocument/hover", params);
    hover["contents"]["value"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_hover_of_a_step_says_what_it_may_cost_and_at_which_prices() {
    let fake = Fake::new(Vec::new());
    let mut server = start(&fake);
    let told = hover(&mut server, 3);
    let expected = "A run that asks the model: ≈ $0.000062 ($0.000001 … $0.000071), prices of 2026-11-22  \n3 to 70 tokens are sent, 1 to \
                    100 come back; about 100, as long as answers usually are.";
    assert!(told.ends_with(expected), "{told}");
    assert!(!hover(&mut server, 4).contains("A run that"), "a step that asks no model costs nothing");
    server.finish();
    assert_eq!(fake.connections(), 0);
}

#[test]
fn the_estimate_of_a_run_is_there_for_programs() {
    let fake = Fake::new(Vec::new());
    let mut server = start(&fake);
    let argument = json!({ "uri": server.uri("p.orc.yaml") });
    let command = json!({ "command": "orc.estimate", "arguments": [argument] });
    let told = server.request("workspace/executeCommand", command);
    let steps: Vec<&String> = told["steps"].as_object().unwrap().keys().collect();
    assert_eq!(steps, ["say"]);
    assert_eq!(told["steps"]["say"], told["estimate"]);
    assert_eq!(told["estimate"]["output_tokens"], json!({"low": 1, "expected": 100, "high": 100}));
    assert_ne!(told["estimate"]["nano_usd"]["high"], Value::Null);
    server.finish();
    assert_eq!(fake.connections(), 0);
}
