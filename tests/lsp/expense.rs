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

fn hints(server: &mut TestServer) -> Vec<(String, String)> {
    let mut params = server.document("p.orc.yaml");
    params["range"] = json!({ "start": { "line": 0, "character": 0 }, "end": { "line": 20, "character": 0 } });
    let hints = server.request("textDocument/inlayHint", params);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let hints = hints.as_array().unwrap().iter();
    hints
        .map(|hint| (format!("{} {}", hint["position"]["line"], text(&hint["label"])), text(&hint["tooltip"])))
        .collect()
}

fn labels(server: &mut TestServer) -> Vec<String> {
    hints(server).into_iter().map(|(label, _)| label).collect()
}

fn lenses(server: &mut TestServer) -> Vec<String> {
    let lenses = server.request("textDocument/codeLens", server.document("p.orc.yaml"));
    let lenses = lenses.as_array().unwrap().iter();
    lenses.map(|lens| lens["command"]["title"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn hints_behind_steps_and_a_lens_say_what_they_may_cost() {
    let fake = Fake::new(Vec::new());
    let mut server = start(&fake);
    let told = hints(&mut server);
    let labels_of: Vec<&str> = told.iter().map(|(label, _)| &**label).collect();
    assert_eq!(labels_of, ["3 1/2", "4 2/2", "3 ≈ $0.000062 … $0.000071"]);
    assert_eq!(
        told[2].1,
        "A run that asks the model: ≈ $0.000062 ($0.000001 … $0.000071), prices of 2026-11-22\n3 to 70 tokens are sent, \
         1 to 100 come back; about 100, as long as answers usually are."
    );
    let runs = ["▶ Run", "▷ Run step", "▷ Run from here", "▷ Run step", "▷ Run from here"];
    let whole = "≈ $0.000062 … $0.000071 for a run that asks the models";
    assert_eq!(lenses(&mut server), [&runs[..], &[whole]].concat());

    // Twice the step, twice the sum.
    let twice = TEXT.replace("  - {id: write", "  - {id: more, action: generate, parameters: {prompt: 'Hello, how are you?', max_tokens: 100}}\n  - {id: write");
    server.change("p.orc.yaml", 2, &twice);
    assert_eq!(labels(&mut server)[3..], ["3 ≈ $0.000062 … $0.000071", "4 ≈ $0.000062 … $0.000071"]);
    assert_eq!(lenses(&mut server)[7..], ["≈ $0.00012 … $0.00014 for a run that asks the models"]);

    // Nothing is said where there are errors, where nothing is paid, and where no price is known.
    for (version, other) in
        [(3, "id: p\nnonsense: ["), (4, "id: p\nmodel: simulated/echo"), (5, "id: p\nmodel: openai/unheard-of")]
    {
        server.change("p.orc.yaml", version, &TEXT.replace("id: p\nmodel: openai/gpt-4o-mini", other));
        let told = [labels(&mut server), lenses(&mut server)].concat();
        assert_eq!(told.iter().filter(|told| told.contains('≈')).count(), 0, "{told:?}");
    }
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
