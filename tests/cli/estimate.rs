//! What `orc plan` says a run may cost, and that it is so.

use serde_json::{Value, json};

use super::models::{
    fake::{Fake, Reply},
    orc,
};
use crate::support::Folder;

const PARTS: &str = "\
id: parts
model: openai/gpt-4o-mini
steps:
  - id: outline
    action: generate
    parameters: {prompt: 'Write an outline about rivers of Europe.', max_tokens: 300}
  - id: each
    for_each: [north, south]
    action: generate
    parameters: {prompt: 'About the {{ item }}: {{ outline.result }}', max_tokens: 200}
  - id: score
    action: generate_structured
    dependencies: [each]
    parameters: {prompt: 'Rate {{ outline.result }}', max_tokens: 50, schema: {type: integer}}
";

fn plan(folder: &Folder, arguments: &[&str]) -> Value {
    let arguments = [&["plan", "p.orc.yaml", "--format", "json"], arguments].concat();
    let ended = folder.orc(&arguments);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn step<'p>(plan: &'p Value, id: &str) -> &'p Value {
    plan["steps"].as_array().unwrap().iter().find(|step| step["id"] == id).unwrap()
}

/// An answer of the model with this usage.
fn answers(text: &str, prompt: u64, completion: u64) -> Reply {
    let usage = json!({"prompt_tokens": prompt, "completion_tokens": completion});
    Reply::Json(200, json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}], "usage": usage}))
}

fn holds(range: &Value, amount: i64) {
    let bound = |name: &str| range[name].as_i64().unwrap();
    assert!((bound("low")..=bound("high")).contains(&amount), "{amount} is not within {range}");
}

#[test]
fn a_plan_says_what_its_models_may_take_and_the_run_takes_no_more() {
    let fake = Fake::new(vec![
        answers("Rhine, Danube.", 16, 6),
        answers("Cold.", 20, 300 - 101),
        answers("Warm.", 20, 150),
        // Not fitting: asked for once more.
        answers("nine", 24, 3),
        answers("{\"value\": 9}", 60, 6),
    ]);
    let folder = Folder::with("p.orc.yaml", PARTS);
    let before = plan(&folder, &[]);
    let estimate = |id: &str| step(&before, id)["estimate"].clone();
    assert_eq!(estimate("outline")["calls"], json!({"low": 1, "expected": 1, "high": 1}));
    assert_eq!(estimate("outline")["output_tokens"], json!({"low": 1, "expected": 300, "high": 300}));
    assert_eq!(estimate("each")["calls"], json!({"low": 2, "expected": 2, "high": 2}));
    assert_eq!(estimate("each")["output_tokens"], json!({"low": 2, "expected": 400, "high": 400}));
    assert_eq!(estimate("score")["calls"], json!({"low": 1, "expected": 1, "high": 2}));
    assert_eq!(before["estimate"]["calls"], json!({"low": 4, "expected": 4, "high": 5}));
    assert_eq!(
        (&before["estimate"]["price_date"], &before["estimate"]["basis"]),
        (&json!("2026-11-22"), &json!("prompt"))
    );
    assert_eq!(fake.connections(), 0);

    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(ended.code, Some(0), "{document:#}");
    for id in ["outline", "each", "score"] {
        holds(&estimate(id)["nano_usd"], document["steps"][id]["cost"]["nano_usd"].as_i64().unwrap());
        holds(&estimate(id)["input_tokens"], document["steps"][id]["usage"]["input_tokens"].as_i64().unwrap());
        holds(&estimate(id)["output_tokens"], document["steps"][id]["usage"]["output_tokens"].as_i64().unwrap());
    }
    holds(&before["estimate"]["nano_usd"], document["cost"]["nano_usd"].as_i64().unwrap());

    // From now on the answers there were say how long the next are.
    let after = plan(&folder, &["--no-cache"]);
    let output = &step(&after, "outline")["estimate"]["output_tokens"];
    assert_eq!(
        (output, &step(&after, "outline")["estimate"]["basis"]),
        (&json!({"low": 1, "expected": 6, "high": 300}), &json!("history"))
    );
}

#[test]
fn what_is_not_known_has_no_upper_bound_and_says_so() {
    let text = "\
id: open
steps:
  - {id: read, tool: filesystem, action: read, parameters: {path: in.txt}}
  - {id: sum, action: generate, parameters: {prompt: 'Sum: {{ read.result.content }}', model: openai/gpt-4o-mini}}
  - {id: mine, action: generate, parameters: {prompt: p, model: openai/my-own}}
";
    let folder = Folder::with("p.orc.yaml", text);
    folder.write("in.txt", "x");
    let plan = plan(&folder, &[]);
    assert_eq!(step(&plan, "read")["estimate"], Value::Null);
    assert_eq!(step(&plan, "sum")["estimate"]["nano_usd"]["high"], Value::Null);
    assert!(step(&plan, "sum")["estimate"]["nano_usd"]["low"].as_u64() > Some(0));
    // A price that nobody knows is not nothing.
    assert_eq!(step(&plan, "mine")["estimate"]["nano_usd"], Value::Null);
    assert_eq!(plan["estimate"]["nano_usd"], Value::Null);
    let shown = folder.orc(&["plan", "p.orc.yaml"]).stdout;
    assert!(shown.contains("… no upper bound)\n"), "{shown}");
    assert!(shown.contains("cost unknown: the model or its price is\n"), "{shown}");
}

#[test]
fn what_may_be_passed_over_may_cost_nothing() {
    let text = "\
id: maybe
steps:
  - {id: first, action: generate, parameters: {prompt: p, model: openai/gpt-4o-mini}}
  - id: second
    action: generate
    if: \"{{ first.result == 'yes' }}\"
    parameters: {prompt: p, model: openai/gpt-4o-mini}
";
    let folder = Folder::with("p.orc.yaml", text);
    let plan = plan(&folder, &[]);
    assert_eq!(step(&plan, "second")["estimate"]["calls"], json!({"low": 0, "expected": 1, "high": 1}));
    assert_eq!(step(&plan, "second")["estimate"]["nano_usd"]["low"], 0);
    assert!(step(&plan, "first")["estimate"]["nano_usd"]["low"].as_u64() > Some(0));
    let free = folder.orc(&["run", "p.orc.yaml", "--simulate"]);
    assert_eq!(free.code, Some(0), "{free:?}");
}

#[test]
fn what_tags_take_and_what_the_router_chooses_counts_too() {
    let text = "\
id: tags
steps:
  - {id: say, action: echo, parameters: {message: '<AUTO>A word?</AUTO>'}, model: openai/gpt-4o-mini}
  - {id: ask, action: generate, parameters: {prompt: 'Hello?', model: '<AUTO task=\"chat\">any</AUTO>'}}
  - id: style
    action: generate
    parameters: {prompt: 'In the style <AUTO choices=\"plain, ornate\">Which?</AUTO>', model: openai/gpt-4o-mini}
  - {id: run, tool: pipeline-executor, action: execute, parameters: {pipeline: other.orc.yaml}}
";
    let folder = Folder::with("p.orc.yaml", text);
    folder.write("other.orc.yaml", "id: o\nsteps:\n  - {id: a, action: echo, parameters: {message: x}}\n");
    let arguments = ["plan", "p.orc.yaml", "--format", "json"];
    let ended = folder.orc_with(&[("OPENAI_API_KEY", "sk-test"), ("OPENAI_BASE_URL", "")], &arguments);
    let plan: Value = serde_json::from_str(&ended.stdout).unwrap();
    let estimate = |id: &str| &step(&plan, id)["estimate"];
    assert_eq!(
        (&estimate("say")["model"], &estimate("say")["calls"], &estimate("say")["output_tokens"]["expected"]),
        (&json!("openai/gpt-4o-mini"), &json!({"low": 1, "expected": 1, "high": 2}), &json!(20))
    );
    let chosen = estimate("ask")["model"].as_str().unwrap();
    assert!(chosen.starts_with("openai/") && estimate("ask")["nano_usd"]["high"].is_u64(), "{plan:#}");
    // A tag whose answers are known has a bound.
    assert!(estimate("style")["input_tokens"]["high"].is_u64(), "{plan:#}");
    // Nobody knows what another pipeline asks before it is read.
    assert_eq!(estimate("run")["nano_usd"], json!({"low": 0, "expected": 0, "high": null}));
    assert_eq!(plan["estimate"]["nano_usd"]["high"], Value::Null);
}

#[test]
fn of_branches_each_may_be_said_or_not() {
    let text = "\
id: branches
steps:
  - {id: first, action: generate, parameters: {prompt: p, model: openai/gpt-4o-mini, max_tokens: 10}}
  - id: second
    action: generate
    parameters:
      model: openai/gpt-4o-mini
      prompt: \"{% if first.result == 'yes' %}one two three four five six seven{% else %}{{ first.result }}{% endif %}\"
  - id: third
    action: generate
    parameters:
      model: openai/gpt-4o-mini
      prompt: \"{% for word in first.result %}again{% endfor %}\"
";
    let plan = plan(&Folder::with("p.orc.yaml", text), &[]);
    let input = |id: &str| &step(&plan, id)["estimate"]["input_tokens"];
    assert_eq!(input("second")["low"], 0);
    assert!(input("second")["high"].as_u64() < Some(200), "{plan:#}");
    assert_eq!(input("third")["high"], Value::Null);
}

#[test]
fn the_largest_numbers_are_no_reason_to_break_down() {
    let text = "\
id: large
steps:
  - id: all
    for_each: [1, 2, 3]
    action: generate
    parameters: {prompt: p, model: openai/gpt-4o-mini, max_tokens: 9223372036854775807}
";
    let plan = plan(&Folder::with("p.orc.yaml", text), &[]);
    assert_eq!(step(&plan, "all")["estimate"]["calls"]["high"], 3);
}
