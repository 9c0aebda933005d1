//! Models that nobody named: the router's choice, the chain behind it, and what they may cost.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    models::fake::{End, Fake, Reply},
    support::{Ended, Folder},
};

/// Two models of a server on this machine, at prices of their own; the cheap one answers little.
const MODELS: &str = "\
models:
  - {source: openai, name: small, size: 4b, price: {input: 1, output: 2}, context: 5000}
  - {source: openai, name: large, size: 30b, price: {input: 10, output: 20}, context: 90000}
";

fn says(model: &str, input: u64, output: u64) -> Reply {
    Reply::Json(
        200,
        json!({
            "model": model,
            "choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": input, "completion_tokens": output},
        }),
    )
}

/// Runs orc where OpenAI is at `base`, without keys, and without what the person keeps on this machine.
pub(crate) fn orc(folder: &Folder, base: &str, arguments: &[&str]) -> Ended {
    let nowhere = folder.path().join("nothing");
    let nowhere = nowhere.to_str().unwrap();
    let keyless = [("ANTHROPIC_API_KEY", ""), ("GEMINI_API_KEY", ""), ("HF_TOKEN", ""), ("OPENAI_API_KEY", "")];
    let variables = [("OPENAI_BASE_URL", base), ("XDG_CONFIG_HOME", nowhere), ("XDG_STATE_HOME", nowhere)];
    folder.orc_with(&[&variables[..], &keyless[..]].concat(), arguments)
}

fn document(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"))
}

fn events(folder: &Folder, base: &str, kind: &str) -> Vec<Value> {
    let logs = orc(folder, base, &["runs", "logs", "latest", "--format", "jsonl"]);
    let events = logs.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    events.filter(|event| event["type"] == kind).collect()
}

fn folder(pipeline: &str) -> Folder {
    let folder = Folder::with("p.orc.yaml", pipeline);
    folder.write("models.yaml", MODELS);
    folder
}

#[test]
fn a_step_that_names_no_model_gets_one_and_its_reasons_are_told() {
    let text = "\
id: routed
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: <AUTO task=\"summarise\">any</AUTO>}}
  - {id: b, action: generate, dependencies: [a], requires_model: {max_size: 8B}, parameters: {prompt: 'Hello?'}}
";
    let fake = Fake::new(vec![says("large", 10, 5), says("small", 10, 5)]);
    let (folder, base) = (folder(text), fake.base("/v1"));
    let ended = orc(&folder, &base, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let models: Vec<Value> = fake.asked().iter().map(|asked| asked.body["model"].clone()).collect();
    assert_eq!(models, ["large", "small"]);
    let routed = events(&folder, &base, "model.routed");
    let data: Vec<&Value> = routed.iter().map(|event| &event["data"]).collect();
    assert_eq!(
        data,
        [
            &json!({
                "model": "openai/large", "strategy": "balanced", "task": "summarise", "considered": 2,
                "reasons": [
                    "balanced: the cheapest of medium-high expertise or more (medium-high)",
                    "at most $0.0200 for this call",
                ],
                "next": ["openai/small"],
            }),
            &json!({
                "model": "openai/small", "strategy": "balanced", "considered": 2,
                "reasons": [
                    "balanced: none of medium-high expertise fits; this one is of medium", "at most $0.0020 for this call",
                    "left out: 1 too large, or of unknown size",
                ],
                "next": [],
            }),
        ]
    );
}

#[test]
fn the_chain_is_followed_where_a_model_is_not_available_and_never_after_a_refused_key() {
    let text = "\
id: chained
fallback: [openai/large]
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: openai/small}}
";
    let quota = Reply::Json(429, json!({"error": {"code": "insufficient_quota", "message": "used up"}}));
    let fake = Fake::new(vec![quota, says("large", 10, 5)]);
    let (folder, base) = (folder(text), fake.base("/v1"));
    let ended = orc(&folder, &base, &["run", "p.orc.yaml"]);
    let step = &document(&ended)["steps"]["a"];
    assert_eq!((&step["model"], &step["requested_model"]), (&json!("large"), &json!("openai/small")), "{ended:?}");
    let shown = orc(&folder, &base, &["runs", "show", "latest"]).stdout;
    assert!(shown.contains("a  completed  openai/large  $0.0002"), "{shown}");

    let refused = Reply::Json(401, json!({"error": {"message": "bad key"}}));
    let fake = Fake::new(vec![refused]);
    let ended = orc(&folder, &fake.base("/v1"), &["run", "p.orc.yaml"]);
    assert_eq!(document(&ended)["steps"]["a"]["error_type"], "AuthenticationError");
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn who_does_not_answer_is_left_alone_and_the_chain_is_followed_at_once() {
    let text = "\
id: chained
fallback: [lab/large]
steps:
  - id: all
    for_each: [1, 2, 3, 4, 5, 6]
    max_parallel: 1
    action: generate
    parameters: {prompt: 'Hello {{ item }}?', model: openai/small}
";
    let broken = Fake::always(|_| Reply::With(503, &[("retry-after", "0")], json!({})));
    let lab = Fake::always(|_| says("large", 10, 5));
    let (folder, base) = (folder(text), broken.base("/v1"));
    let lab_is = format!(
        "{MODELS}  - {{source: lab, endpoint: '{}'}}\n  - {{source: lab, name: large, price: {{input: 1, output: 1}}}}\n",
        lab.base("/v1")
    );
    folder.write("models.yaml", lab_is);
    let ended = orc(&folder, &base, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Three calls with all their attempts; the others were not sent, and nobody waited for them.
    assert_eq!((broken.asked().len(), lab.asked().len()), (12, 6));
    // Another run finds out for itself.
    assert_eq!(orc(&folder, &base, &["run", "p.orc.yaml", "--no-cache"]).code, Some(0));
    assert_eq!((broken.asked().len(), lab.asked().len()), (24, 12));
}

#[test]
fn nothing_goes_from_a_free_model_to_a_paid_one() {
    let text = "\
id: chained
steps:
  - {id: a, action: generate, fallback: [openai/large], parameters: {prompt: 'Hello?', model: openai/free}}
";
    let overloaded = Reply::Json(402, json!({"error": {"message": "used up"}}));
    let fake = Fake::new(vec![overloaded]);
    let (folder, base) = (folder(text), fake.base("/v1"));
    folder
        .write("models.yaml", format!("{MODELS}  - {{source: openai, name: free, price: {{input: 0, output: 0}}}}\n"));
    let ended = orc(&folder, &base, &["run", "p.orc.yaml"]);
    let step = &document(&ended)["steps"]["a"];
    let error = step["error"].as_str().unwrap();
    assert!(
        error.ends_with(
            "`openai/large` of `fallback` is not asked: it costs money, and the model that was asked does not"
        ),
        "{error}"
    );
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn a_call_that_does_not_fit_the_budget_is_not_made() {
    let text = "\
id: dear
budget: 0.001
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: openai/small, max_tokens: 500}}
";
    let fake = Fake::new(vec![]);
    let (folder, base) = (folder(text), fake.base("/v1"));
    let ended = orc(&folder, &base, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let step = &document(&ended)["steps"]["a"];
    assert_eq!(step["error_type"], "BudgetError");
    assert_eq!(
        step["error"],
        "a call to `small` may cost up to $0.0015 (at most 550 tokens asked and 500 answered), and of the $0.0010 that \
         the run may cost $0.0010 is left; raise `--max-cost` or `budget`, or lower `max_tokens`"
    );
    assert_eq!(fake.asked().len(), 0);
}

#[test]
fn an_unknown_price_never_fits_a_budget() {
    let text =
        "id: p\nsteps:\n  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: openai/unheard-of}}\n";
    let fake = Fake::new(vec![]);
    let folder = folder(text);
    let ended = orc(&folder, &fake.base("/v1"), &["run", "p.orc.yaml", "--max-cost", "100"]);
    let step = &document(&ended)["steps"]["a"];
    assert_eq!(
        (&step["error_type"], &step["error"]),
        (
            &json!("BudgetError"),
            &json!(
                "the price of `unheard-of` is not known, so no budget allows a call; write its `price` in `models.yaml`, or \
                 name another model"
            )
        )
    );
    assert_eq!(fake.asked().len(), 0);
}

/// Numbers that look drawn and are the same each time.
fn drawn(seed: &mut u64, below: u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*seed >> 33) % below
}

/// What each call costs at worst: 8 bytes and 544 tokens around them at 1000 billionths each, 100 at 2000.
const WORST: i64 = (8 + 544) * 1000 + 100 * 2000;

/// What the server says of itself – the truth, less, nothing, or that it broke – and what that is at least taken to
/// have cost.
fn lying(seed: &mut u64) -> (Reply, i64) {
    match drawn(seed, 7) {
        0 => (Reply::Json(200, json!({"model": "small", "choices": [{"message": {"content": "x"}}]})), WORST),
        1 => (Reply::Json(503, json!({"error": {"message": "busy"}})), 0),
        2 => (Reply::Json(200, json!("nonsense")), WORST),
        3 => (Reply::Close, WORST),
        4 => (says("small", 0, 0), 0),
        _ => {
            let (asked, answered) = (1 + drawn(seed, 30), 1 + drawn(seed, 100));
            (says("small", asked, answered), i64::try_from(asked * 1000 + answered * 2000).unwrap())
        }
    }
}

#[test]
fn with_lying_and_failing_providers_nothing_is_sent_that_does_not_fit() {
    let mut refused = 0;
    for round in 0..6_u64 {
        let mut seed = 17 + round;
        let (replies, costs): (Vec<Reply>, Vec<i64>) = (0..200).map(|_| lying(&mut seed)).unzip();
        let fake = Fake::new(replies);
        let folder = folder(&many(12, "", ""));
        let cap = WORST * (2 + i64::try_from(drawn(&mut seed, 4)).unwrap());
        let dollars = format!("{:.9}", cap as f64 / 1e9);
        let ended = orc(&folder, &fake.base("/v1"), &["run", "p.orc.yaml", "--max-cost", &dollars]);
        let document = document(&ended);
        let spent = document["cost"]["nano_usd"].as_i64().unwrap();
        assert!(spent <= cap, "round {round}: {spent} of {cap}");
        // The server's log: what it was asked, each at what it said or else at its worst, fitted together.
        let asked = fake.asked().len();
        let sent: i64 = costs[..asked].iter().sum();
        assert!(asked > 0 && sent <= cap, "round {round}: {asked} calls for {sent} of {cap}");
        let steps = document["steps"].as_object().unwrap();
        refused += steps.values().filter(|step| step["error_type"] == "BudgetError").count();
    }
    assert!(refused > 0, "no round came to the end of its budget");
}

/// A piece of an answer that streams.
fn piece(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// The same of a server that takes its time: it stalls before it answers or in the middle, answers when nobody listens
/// any more, breaks off – or answers, at once or in pieces.
fn stalling(seed: &mut u64) -> (Reply, i64) {
    let begun = || piece(&json!({"model": "small", "choices": [{"delta": {"content": "He"}}]}));
    let kind = "text/event-stream";
    match drawn(seed, 9) {
        0 => (Reply::Stall, WORST),
        1 => (Reply::Pieces(kind, Vec::new(), End::Stall), WORST),
        2 => (Reply::Pieces(kind, vec![begun()], End::Stall), WORST),
        3 => (Reply::Pieces(kind, vec![begun()], End::Cut), WORST),
        4 => (Reply::Late(json!({"usage": {"prompt_tokens": 30, "completion_tokens": 100}})), 30_000 + 200_000),
        5 => {
            let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
            let usage = json!({"choices": [], "usage": {"prompt_tokens": 20, "completion_tokens": 40}});
            let pieces = vec![begun(), piece(&end), piece(&usage), "data: [DONE]\n\n".to_owned()];
            (Reply::Pieces(kind, pieces, End::Whole), 20_000 + 80_000)
        }
        _ => lying(seed),
    }
}

/// The costs of those calls that were sent, in the order they came: together they fit, and none was sent that did not
/// fit beside those before it.
fn fitted(costs: &[i64], cap: i64) {
    let mut sent = 0;
    for (index, cost) in costs.iter().enumerate() {
        sent += cost;
        // Which of those so far was let through last the server cannot know; it had to fit at its worst.
        let dearest = costs[..=index].iter().max().unwrap();
        assert!(sent - dearest + WORST <= cap, "call {index}: {costs:?} of {cap}");
    }
}

/// Steps without dependencies that each ask once, and once more where that fails.
fn many(steps: usize, root: &str, more: &str) -> String {
    let mut text = format!("id: many\nmodel: openai/small\n{root}steps:\n");
    for step in 0..steps {
        let _ = writeln!(
            text,
            "  - {{id: s{step}, action: generate, on_failure: continue{more}, retry: {{attempts: 2, delay: 0}}, parameters: \
             {{prompt: 'Hello {step}?', max_tokens: 100}}}}"
        );
    }
    text
}

#[test]
fn with_stalling_providers_and_steps_that_give_up_nothing_is_sent_that_does_not_fit() {
    let (mut refused, mut gave_up) = (0, 0);
    for round in 0..4_u64 {
        let mut seed = 91 + round;
        let (replies, costs): (Vec<Reply>, Vec<i64>) = (0..200).map(|_| stalling(&mut seed)).unzip();
        let fake = Fake::new(replies);
        let folder = folder(&many(10, "", ", timeout: 0.4"));
        let cap = WORST * (3 + i64::try_from(drawn(&mut seed, 6)).unwrap());
        let dollars = format!("{:.9}", cap as f64 / 1e9);
        let arguments = ["run", "p.orc.yaml", "--max-cost", &dollars, "--max-concurrency", "6"];
        let ended = orc(&folder, &fake.base("/v1"), &arguments);
        let document = document(&ended);
        fake.settle();
        let asked = fake.asked().len();
        assert!(asked > 0, "{ended:?}");
        fitted(&costs[..asked], cap);
        let steps = document["steps"].as_object().unwrap();
        let failed = |class: &str| steps.values().filter(|step| step["error_type"] == class).count();
        (refused, gave_up) = (refused + failed("BudgetError"), gave_up + failed("TimeoutError"));
    }
    assert!(refused > 0 && gave_up > 0, "{refused} were refused, {gave_up} gave up");
}

/// `orc run` in the folder, by a process of its own.
#[cfg(unix)]
fn start(folder: &Folder, base: &str) -> std::process::Child {
    use std::process::{Command, Stdio};
    let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
    let nowhere = folder.path().join("nothing");
    command.args(["run", "p.orc.yaml", "--no-cache"]).current_dir(folder.path());
    command.env("OPENAI_BASE_URL", base).env("OPENAI_API_KEY", "");
    command.env("XDG_CONFIG_HOME", &nowhere).env("XDG_STATE_HOME", &nowhere);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
#[cfg(unix)]
fn the_days_budget_holds_for_runs_at_once_with_what_they_have_under_way() {
    let mut refused = 0;
    for round in 0..2_u64 {
        let mut seed = 5 + round;
        let (replies, costs): (Vec<Reply>, Vec<i64>) = (0..200).map(|_| stalling(&mut seed)).unzip();
        let fake = Fake::new(replies);
        let cap = WORST * 6;
        let folder = folder(&many(5, &format!("budget: {{day: {:.9}}}\n", cap as f64 / 1e9), ", timeout: 0.4"));
        let base = fake.base("/v1");
        let runs = [(); 3].map(|()| start(&folder, &base));
        for run in runs {
            let ended = Ended::of(run.wait_with_output().unwrap());
            let document = document(&ended);
            let steps = document["steps"].as_object().unwrap();
            refused += steps.values().filter(|step| step["error_type"] == "BudgetError").count();
        }
        fake.settle();
        fitted(&costs[..fake.asked().len()], cap);
    }
    assert!(refused > 0, "no round came to the end of its budget");
}

#[test]
#[cfg(unix)]
fn what_a_run_had_under_way_that_was_killed_counts_for_the_day() {
    let fake = Fake::new(vec![Reply::Stall, says("small", 1, 1)]);
    // One call fits, and not two.
    let folder = folder(&many(1, &format!("budget: {{day: {:.9}}}\n", WORST as f64 * 1.5 / 1e9), ""));
    let base = fake.base("/v1");
    let mut first = start(&folder, &base);
    assert_eq!(fake.news.recv(), Ok("asked"));
    // It waits for what the first one may give back.
    let second = start(&folder, &base);
    first.kill().unwrap();
    first.wait().unwrap();
    let ended = Ended::of(second.wait_with_output().unwrap());
    let step = &document(&ended)["steps"]["s0"];
    assert_eq!(step["error_type"], "BudgetError", "{ended:?}");
    assert!(step["error"].as_str().unwrap().contains("that the day may cost $0.0004 is left"), "{step}");
    fake.settle();
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn the_days_budget_counts_all_runs() {
    let text = "\
id: daily
budget: {day: 0.0015}
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: openai/small, max_tokens: 100}}
";
    let fake = Fake::new(vec![says("small", 500, 100), says("small", 500, 100)]);
    let (folder, base) = (folder(text), fake.base("/v1"));
    assert_eq!(orc(&folder, &base, &["run", "p.orc.yaml"]).code, Some(0));
    assert_eq!(orc(&folder, &base, &["run", "p.orc.yaml"]).code, Some(0));
    let third = orc(&folder, &base, &["run", "p.orc.yaml"]);
    let error = document(&third)["steps"]["a"]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("of the $0.0015 that the day may cost $0.0001 is left"), "{error}");
    assert_eq!(fake.asked().len(), 2);
}

#[test]
fn the_days_budget_counts_tags_that_were_resolved_without_a_run() {
    let text = "\
id: daily
budget: {day: 0.0015}
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: openai/small, max_tokens: 100}}
";
    let tag = "\
id: other
model: openai/small
steps: [{id: say, action: echo, parameters: {message: '<AUTO choices=\"Hello., x\">Which?</AUTO>'}}]
";
    // What does not fit is paid for, too: 900 × 1000 and 50 × 2000 billionths.
    let fake = Fake::new(vec![says("small", 450, 25), says("small", 450, 25)]);
    let (folder, base) = (folder(text), fake.base("/v1"));
    folder.write("other.orc.yaml", tag);
    assert_eq!(orc(&folder, &base, &["resolve", "other.orc.yaml"]).code, Some(1));
    let refused = orc(&folder, &base, &["run", "p.orc.yaml"]);
    let error = document(&refused)["steps"]["a"]["error"].as_str().unwrap().to_owned();
    assert!(error.contains("of the $0.0015 that the day may cost $0.0005 is left"), "{error}");
    assert_eq!(fake.asked().len(), 2);
}
