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
    start_as(fake, json!({ "textDocument": { "diagnostic": {} } }))
}

fn start_as(fake: &Fake, capabilities: Value) -> TestServer {
    let base = fake.base("/v1");
    let variables = [("OPENAI_BASE_URL", &*base), ("OPENAI_API_KEY", "canary-0123456789abcdef")];
    let folder = Arc::new(tempfile::tempdir().unwrap());
    let mut server = TestServer::start_seeing(folder, json!({ "capabilities": capabilities }), &variables);
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

/// What is reported about costs: `line:column message`.
fn warnings(items: &Value) -> Vec<String> {
    let items = items.as_array().unwrap().iter().filter(|item| item["code"] == "ORC504");
    items
        .map(|item| {
            assert_eq!((&item["severity"], &item["source"]), (&json!(2), &json!("orc")));
            let start = &item["range"]["start"];
            format!("{}:{} {}", start["line"], start["character"], item["message"].as_str().unwrap())
        })
        .collect()
}

fn pulled(server: &mut TestServer) -> Vec<String> {
    let params = server.document("p.orc.yaml");
    warnings(&server.request("textDocument/diagnostic", params)["items"])
}

#[test]
fn what_may_cost_more_than_its_budget_has_a_warning() {
    let fake = Fake::new(Vec::new());
    let mut server = start(&fake);
    assert_eq!(pulled(&mut server), [""; 0]);
    let with = |budget: &str, own: &str| {
        TEXT.replace("steps:", &format!("{budget}\nsteps:"))
            .replace("action: generate", &format!("action: generate{own}"))
    };
    let mend = "lower `max_tokens`, or raise the limit";
    let cases = [
        (with("budget: 0.00005", ""), vec!["2:0 a run may cost up to $0.000071, more than the budget of $0.00005"]),
        (with("budget: 0.0001", ""), vec![]),
        (
            with("budget: {run: 1, step: 0.00001, day: 0.00002}", ""),
            vec![
                "2:0 a run may cost up to $0.000071, more than the budget for a day of $0.00002",
                "4:9 the step may cost up to $0.000071, more than the budget for a step of $0.00001",
            ],
        ),
        // Its own budget comes before that for each step.
        (with("budget: {step: 0.00001}", ", budget: 1"), vec![]),
        (
            with("budget: 1", ", budget: 0.00007"),
            vec!["4:32 the step may cost up to $0.000071, more than its budget of $0.00007"],
        ),
        // Two digits would say that it is within.
        (
            with("budget: 0.00007049", ""),
            vec!["2:0 a run may cost up to $0.000071, more than the budget of $0.00007049"],
        ),
        (with("# orc: ignore ORC504\nbudget: 0.00005", ""), vec![]),
        (with("budget: 0.00005", ", retries: ["), vec![]),
    ];
    for (version, (text, expected)) in (2..).zip(cases) {
        server.change("p.orc.yaml", version, &text);
        let expected: Vec<String> = expected.iter().map(|told| format!("{told}; {mend}")).collect();
        assert_eq!(pulled(&mut server), expected, "{text}");
    }
    server.finish();
    assert_eq!(fake.connections(), 0);
}

#[test]
fn the_setting_limits_what_a_run_may_cost_without_a_budget() {
    let fake = Fake::new(Vec::new());
    let mut server = start(&fake);
    let configure = |server: &mut TestServer, limit: Value| {
        server.notify(
            "workspace/didChangeConfiguration",
            json!({ "settings": { "orc": { "cost": { "limit": limit } } } }),
        );
    };
    configure(&mut server, json!(0.00005));
    let told = "0:0 a run may cost up to $0.000071, more than `orc.cost.limit` of $0.00005; lower `max_tokens`, or raise the \
                limit";
    assert_eq!(pulled(&mut server), [told]);
    // Without a bound the least that it costs counts.
    let open = TEXT.replace("model:", "inputs: {file: {type: string, default: x.txt}}\nmodel:");
    let open = open.replace("'Hello, how are you?', max_tokens: 100", "'{{ write_file.result }}', max_tokens: 100");
    let read = "steps:\n  - {id: write_file, tool: terminal, action: execute, parameters: {command: ls}}";
    server.change("p.orc.yaml", 2, &open.replace("steps:", read));
    assert_eq!(pulled(&mut server), [""; 0]);
    configure(&mut server, json!(0));
    let told =
        "0:0 a run costs at least $0.0000006, more than `orc.cost.limit` of $0; lower `max_tokens`, or raise the limit";
    assert_eq!(pulled(&mut server), [told]);
    configure(&mut server, json!(-1));
    let shown = server.notification("window/showMessage");
    let why = "the settings of `orc` cannot be read: `cost.limit` is -1, which is no amount of US$; write 0 or more";
    assert_eq!(shown["message"], why);
    assert_eq!(pulled(&mut server), [told]);
    configure(&mut server, Value::Null);
    assert_eq!(pulled(&mut server), [""; 0]);
    server.finish();
    assert_eq!(fake.connections(), 0);
}

/// A text whose run may cost more than its budget.
fn over() -> String {
    TEXT.replace("steps:", "budget: 0.00005\nsteps:")
}

#[test]
fn where_an_editor_can_be_told_costs_come_after_what_the_text_says() {
    let fake = Fake::new(Vec::new());
    let mut server = start_as(
        &fake,
        json!({ "textDocument": { "diagnostic": {} }, "workspace": { "diagnostics": { "refreshSupport": true } } }),
    );
    server.change("p.orc.yaml", 2, &over());
    assert_eq!(pulled(&mut server), [""; 0]);
    server.server_request("workspace/diagnostic/refresh", Value::Null);
    assert_eq!(pulled(&mut server).len(), 1);
    let mut params = server.document("p.orc.yaml");
    params["previousResultId"] = server.request("textDocument/diagnostic", params.clone())["resultId"].clone();
    assert_eq!(server.request("textDocument/diagnostic", params)["kind"], "unchanged");
    server.finish();

    // An editor that is sent diagnostics gets them twice, and what was known stays while one types.
    let mut server = start_as(&fake, json!({}));
    assert_eq!(server.pushed("p.orc.yaml", 1), ["5:89 ORC208"]);
    server.change("p.orc.yaml", 2, &over());
    assert_eq!(server.pushed("p.orc.yaml", 2), ["6:89 ORC208"]);
    assert_eq!(server.pushed("p.orc.yaml", 2), ["6:89 ORC208", "3:1 ORC504"]);
    server.change("p.orc.yaml", 3, &format!("# what it costs\n{}", over()));
    assert_eq!(server.pushed("p.orc.yaml", 3), ["7:89 ORC208", "4:1 ORC504"]);
    server.finish();
    assert_eq!(fake.connections(), 0);
}
