//! `orc cost` and `orc runs show`: what runs took, exactly, and once.

use serde_json::{Value, json};

use super::models::{
    EACH,
    fake::{Fake, Reply},
    orc, says,
};
use crate::support::{Ended, Folder};

const TWO: &str = "\
id: two
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: openai/gpt-4o-mini}}
  - id: all
    for_each: [x, y]
    action: generate
    parameters: {prompt: '{{ item }}', model: openai/gpt-4o-mini}
";

/// Asks once, with an answer that may be used again.
const SURE: &str = "\
id: sure
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: openai/gpt-4o-mini, temperature: 0}}
";

fn cost(folder: &Folder, by: &str) -> Value {
    let ended = folder.orc(&["cost", "--by", by, "--format", "json"]);
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

/// Name, calls, billionths of each row.
fn rows(cost: &Value) -> Vec<(String, u64, i64)> {
    let row = |row: &Value| {
        let name = row["name"].as_str().unwrap().to_owned();
        (name, row["usage"]["requests"].as_u64().unwrap(), row["cost"]["nano_usd"].as_i64().unwrap())
    };
    cost["rows"].as_array().unwrap().iter().map(row).collect()
}

fn ran(ended: &Ended) {
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn where_nothing_ran_nothing_was_spent() {
    let folder = Folder::new();
    let ended = folder.orc(&["cost"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(0), "no model was asked here yet\n"));
    assert!(!folder.path().join(".orc").exists());
}

#[test]
fn calls_are_summed_by_day_model_and_pipeline() {
    let fake = Fake::new((0..7).map(|_| says("Hello.")).collect());
    let folder = Folder::with("two.orc.yaml", TWO);
    folder.write("sure.orc.yaml", SURE);
    ran(&orc(&folder, &fake, &["run", "two.orc.yaml"]));
    ran(&orc(&folder, &fake, &["run", "sure.orc.yaml"]));
    // Used again: not asked, not paid.
    ran(&orc(&folder, &fake, &["run", "sure.orc.yaml"]));
    ran(&orc(&folder, &fake, &["run", "two.orc.yaml", "--simulate"]));
    assert_eq!(fake.asked().len(), 4);
    let by_pipeline = cost(&folder, "pipeline");
    assert_eq!(rows(&by_pipeline), [("two".to_owned(), 3, 3 * EACH), ("sure".to_owned(), 1, EACH)]);
    assert_eq!(rows(&cost(&folder, "model")), [("openai/gpt-4o-mini-2024-07-18".to_owned(), 4, 4 * EACH)]);
    let by_day = cost(&folder, "day");
    assert_eq!(by_day["rows"].as_array().unwrap().len(), 1);
    assert_eq!(
        by_day["total"],
        json!({
            "name": "total", "steps": 4, "usage_known": true,
            "usage": {
                "requests": 4, "input_tokens": 240, "output_tokens": 80, "cache_read_tokens": 160,
                "cache_write_tokens": 0, "reasoning_tokens": 0,
            },
            "cost": {"nano_usd": 96_000, "usd": "0.000096", "known": true, "price_date": "2026-11-22"},
        })
    );
    let text = folder.orc(&["cost", "--by", "pipeline"]).stdout;
    assert_eq!(
        text,
        "pipeline    calls       input      cached      output          cost\n\
         two             3         180         120          60     $0.000072\n\
         sure            1          60          40          20     $0.000024\n\
         total           4         240         160          80     $0.000096\n"
    );
    let csv = folder.orc(&["cost", "--by", "pipeline", "--format", "csv"]).stdout;
    assert_eq!(
        csv,
        "pipeline,steps,requests,input_tokens,output_tokens,cache_read_tokens,cache_write_tokens,reasoning_tokens,\
         usage_known,nano_usd,usd,cost_known\n\
         two,3,3,180,60,120,0,0,true,72000,0.000072,true\n\
         sure,1,1,60,20,40,0,0,true,24000,0.000024,true\n"
    );
}

#[test]
fn a_run_shows_what_each_step_cost() {
    let fake = Fake::new((0..3).map(|_| says("Hello.")).collect());
    let folder = Folder::with("two.orc.yaml", TWO);
    ran(&orc(&folder, &fake, &["run", "two.orc.yaml"]));
    let shown = folder.orc(&["runs", "show"]).stdout;
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[1].ends_with(", $0.000072"), "{shown}");
    let model = "openai/gpt-4o-mini-2024-07-18  $0.000024";
    assert_eq!(
        lines[2..],
        [
            format!("  a           completed  {model}"),
            "  all         completed".to_owned(),
            format!("  all[0].all  completed  {model}"),
            format!("  all[1].all  completed  {model}"),
        ]
    );
}

#[test]
fn what_nobody_told_is_at_least_what_is_known() {
    let silent = Reply::Json(200, json!({"choices": [{"message": {"content": "x"}, "finish_reason": "stop"}]}));
    let fake = Fake::new(vec![says("Hello."), silent]);
    let folder = Folder::with("p.orc.yaml", TWO.replace("[x, y]", "[x]"));
    ran(&orc(&folder, &fake, &["run", "p.orc.yaml"]));
    let text = folder.orc(&["cost", "--by", "pipeline"]).stdout;
    assert!(text.ends_with("total         ≥ 1        ≥ 60        ≥ 40        ≥ 20   ≥ $0.000024\n"), "{text}");
}

#[test]
fn what_attempts_and_handlers_took_counts_once() {
    let text = "\
id: p
model: openai/gpt-4o-mini
steps:
  - id: a
    action: generate_structured
    retry: 1
    parameters: {prompt: p, schema: {type: integer}}
    on_error: {action: '<AUTO>What then?</AUTO>', continue_on_error: true}
";
    // Two attempts of two calls each, all of no use, and what the handler asks.
    let fake = Fake::new((0..5).map(|_| says("seven")).collect());
    let folder = Folder::with("p.orc.yaml", text);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (fake.asked().len(), &document["cost"]["nano_usd"], &document["usage"]["requests"]),
        (5, &json!(5 * EACH), &json!(5)),
        "{document:#}"
    );
    assert_eq!(rows(&cost(&folder, "pipeline")), [("p".to_owned(), 5, 5 * EACH)]);
}

#[test]
fn what_tags_took_counts_for_their_step() {
    let text = "\
id: p
model: openai/gpt-4o-mini
steps:
  - {id: say, action: echo, parameters: {message: '<AUTO>A word?</AUTO>'}}
  - id: all
    for_each: '<AUTO type=\"array\">Two names?</AUTO>'
    action: generate
    parameters: {prompt: 'Who is {{ item }}?'}
";
    let list = "{\"value\": [\"x\", \"y\"]}";
    let fake = Fake::new(vec![says("{\"value\": \"Word.\"}"), says(list), says("X."), says("Y.")]);
    let folder = Folder::with("p.orc.yaml", text);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml", "--max-concurrency", "1"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &document["cost"]["nano_usd"]), (Some(0), &json!(4 * EACH)), "{document:#}");
    assert_eq!(rows(&cost(&folder, "pipeline")), [("p".to_owned(), 4, 4 * EACH)]);
    assert_eq!(rows(&cost(&folder, "model")), [("openai/gpt-4o-mini-2024-07-18".to_owned(), 4, 4 * EACH)]);
    let shown = folder.orc(&["runs", "show"]).stdout;
    assert!(shown.contains("  say         completed  $0.000024\n") && shown.contains(", $0.000096\n"), "{shown}");
}

#[test]
fn a_call_that_was_taken_on_and_broke_off_is_not_taken_for_free() {
    // Accepted, begun, and cut off: paid for, and nobody says how much.
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: {\"choices\":[{\"delta\":\
               {\"content\":\"Hel\"}}]}\n\n";
    let fake = Fake::new(vec![Reply::Raw(cut)]);
    let folder = Folder::with("sure.orc.yaml", SURE);
    let ended = orc(&folder, &fake, &["run", "sure.orc.yaml"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!((ended.code, &document["cost"]["known"], &document["usage"]), (Some(1), &json!(false), &Value::Null));
    assert_eq!(document["steps"]["a"]["error_type"], "ModelResponseError");
    let text = folder.orc(&["cost", "--by", "model"]).stdout;
    assert!(text.contains("openai/gpt-4o-mini      ≥ 0") && text.ends_with("≥ $0\n"), "{text}");
}

#[test]
fn what_resolving_tags_took_stands_in_the_ledger_without_a_run() {
    let text = "\
id: p
model: openai/gpt-4o-mini
steps:
  - {id: say, action: echo, parameters: {message: '<AUTO choices=\"plain, ornate\">Which style?</AUTO>'}}
  - {id: next, action: echo, parameters: {message: '<AUTO choices=\"a, b\">Which?</AUTO>'}}
";
    // The second tag is asked for twice, in vain.
    let fake = Fake::new(vec![says("{\"value\": \"plain\"}"), says("{\"value\": \"c\"}"), says("{\"value\": \"d\"}")]);
    let folder = Folder::with("p.orc.yaml", text);
    let resolved = orc(&folder, &fake, &["resolve", "p.orc.yaml"]);
    assert_eq!((resolved.code, fake.asked().len()), (Some(1), 3), "{resolved:?}");
    assert_eq!(rows(&cost(&folder, "pipeline")), [("p".to_owned(), 3, 3 * EACH)]);
    let by_model = cost(&folder, "model");
    assert_eq!(rows(&by_model), [("openai/gpt-4o-mini-2024-07-18".to_owned(), 3, 3 * EACH)]);
    assert_eq!((&by_model["total"]["steps"], &by_model["total"]["cost"]["usd"]), (&json!(2), &json!("0.000072")));
    let by_day = cost(&folder, "day");
    assert_eq!(by_day["rows"][0]["name"].as_str().unwrap().len(), "2026-11-28".len());
    assert_eq!(rows(&by_day)[0].2, 3 * EACH);
    // No run of it is there, and what is pinned costs nothing again.
    assert_eq!(folder.orc(&["runs", "list", "--format", "json"]).stdout.trim(), "[]");
    orc(&folder, &fake, &["resolve", "p.orc.yaml", "--step", "say"]);
    assert_eq!(rows(&cost(&folder, "pipeline")), [("p".to_owned(), 3, 3 * EACH)]);
}

#[test]
fn what_resolving_a_tag_took_that_broke_off_is_not_taken_for_free() {
    let text =
        "id: p\nmodel: openai/gpt-4o-mini\nsteps: [{id: say, action: echo, parameters: {message: <AUTO>What?</AUTO>}}]";
    let cut = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\ndata: {\"choices\":[{\"delta\":\
               {\"content\":\"Hel\"}}]}\n\n";
    let fake = Fake::new(vec![Reply::Raw(cut)]);
    let folder = Folder::with("p.orc.yaml", text);
    assert_eq!(orc(&folder, &fake, &["resolve", "p.orc.yaml"]).code, Some(1));
    let text = folder.orc(&["cost", "--by", "model"]).stdout;
    assert!(text.contains("openai/gpt-4o-mini      ≥ 0") && text.ends_with("≥ $0\n"), "{text}");
}
