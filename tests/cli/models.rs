//! Runs that ask a provider's server: what it is sent, what the document says, what never leaves.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::support::{Ended, Folder};

#[path = "../../engine/src/models/fake.rs"]
#[expect(dead_code, reason = "the tests of the engine use all of it")]
pub(crate) mod fake;
pub(crate) use fake::{Asked, End, Fake, Reply};

pub(crate) const CANARY: &str = "canary-0123456789abcdef";

const ASKS: &str = "\
id: asks
model: openai/gpt-4o-mini
steps:
  - id: text
    action: generate
    parameters: {prompt: 'Hello?', system_prompt: Be brief., max_tokens: 50}
  - id: rating
    action: generate_structured
    dependencies: [text]
    parameters:
      prompt: 'Rate: {{ text.result }}'
      temperature: 0.1
      schema: {type: object, properties: {score: {type: integer}}, required: [score]}
  - id: mood
    action: analyze_text
    dependencies: [rating]
    parameters: {text: 'Score {{ rating.result.score }}', prompt: 'As JSON, please.', model: gpt-4o-mini}
outputs:
  score: '{{ rating.result.score }}'
";

const LOOP: &str = "\
id: each
steps:
  - id: all
    for_each: [a, b]
    action: generate
    parameters: {prompt: '{{ item }}', model: openai/gpt-4o-mini}
";

const ONE: &str = "\
id: one
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: openai/gpt-4o-mini}}
";

pub(crate) fn says(text: &str) -> Reply {
    Reply::Json(
        200,
        json!({
            "model": "gpt-4o-mini-2024-07-18",
            "choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 40},
            },
        }),
    )
}

/// 60 × 150 + 20 × 600 + 40 × 75 billionths of a dollar.
pub(crate) const EACH: i64 = 24_000;

pub(crate) fn variables(fake: &Fake) -> [(&'static str, String); 2] {
    [("OPENAI_BASE_URL", fake.base("/v1")), ("OPENAI_API_KEY", CANARY.to_owned())]
}

pub(crate) fn orc(folder: &Folder, fake: &Fake, arguments: &[&str]) -> Ended {
    let variables = variables(fake);
    let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let ended = folder.orc_with(&variables, arguments);
    assert!(!format!("{ended:?}").contains(CANARY), "{ended:?}");
    keyless(folder.path(), CANARY);
    ended
}

/// No file beneath holds the key.
pub(crate) fn keyless(directory: &Path, key: &str) {
    for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            keyless(&entry.path(), key);
        } else {
            let bytes = fs::read(entry.path()).unwrap();
            let found = bytes.windows(key.len()).any(|part| part == key.as_bytes());
            assert!(!found, "{}", entry.path().display());
        }
    }
}

/// `orc run` while it runs.
fn begun(folder: &Folder, fake: &Fake) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
    command.args(["run", "p.orc.yaml"]).current_dir(folder.path()).envs(variables(fake));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

pub(crate) fn document(ended: &Ended) -> Value {
    serde_json::from_str(&ended.stdout).unwrap()
}

#[test]
fn steps_ask_and_the_document_says_who_answered_and_what_it_cost() {
    let fake = Fake::new(vec![says("Hello."), says("{\"score\": 7}"), says("```json\n{\"mood\": \"good\"}\n```")]);
    let folder = Folder::with("p.orc.yaml", ASKS);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let document = document(&ended);
    assert_eq!(document["outputs"]["score"], 7);
    assert_eq!(document["steps"]["mood"]["value"]["result"], json!({"mood": "good"}));
    let usage = json!({
        "requests": 1, "input_tokens": 60, "output_tokens": 20, "cache_read_tokens": 40, "cache_write_tokens": 0,
        "reasoning_tokens": 0,
    });
    let cost = json!({"nano_usd": EACH, "usd": "0.000024", "known": true, "price_date": "2026-11-22"});
    for step in ["text", "rating", "mood"] {
        let step = &document["steps"][step];
        assert_eq!((&step["provider"], &step["model"]), (&json!("openai"), &json!("gpt-4o-mini-2024-07-18")));
        assert_eq!((&step["usage"], &step["cost"]), (&usage, &cost));
    }
    assert_eq!(document["usage"]["requests"], 3);
    let sum = json!({"nano_usd": 3 * EACH, "usd": "0.000072", "known": true, "price_date": "2026-11-22"});
    assert_eq!(document["cost"], sum);
    let asked = fake.asked();
    let told: Vec<&Value> = asked.iter().map(|asked| &asked.body["messages"]).collect();
    assert_eq!(
        told,
        [
            &json!([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello?"}]),
            &json!([{"role": "user", "content": "Rate: Hello."}]),
            &json!([{"role": "user", "content": "As JSON, please.\n\nScore 7"}]),
        ]
    );
    assert!(asked.iter().all(|asked| asked.header("authorization") == Some(&*format!("Bearer {CANARY}"))));
    let runs: Value = serde_json::from_str(&folder.orc(&["runs", "list", "--format", "json"]).stdout).unwrap();
    assert_eq!(runs[0]["cost"], sum);
}

#[test]
fn a_loop_costs_what_its_steps_cost() {
    let fake = Fake::new(vec![says("x"), says("y")]);
    let ended = orc(&Folder::with("p.orc.yaml", LOOP), &fake, &["run", "p.orc.yaml"]);
    let document = document(&ended);
    for cost in [&document["steps"]["all"]["cost"], &document["cost"]] {
        assert_eq!((&cost["nano_usd"], &cost["known"]), (&json!(2 * EACH), &json!(true)), "{ended:?}");
    }
}

#[test]
fn attempts_that_came_to_nothing_are_paid_for_too() {
    let step = "action: generate_structured\n    retry: 1\n    parameters: {prompt: p, model: gpt-4o-mini, schema: {type: \
                integer}}\n";
    let folder = Folder::with("p.orc.yaml", format!("id: p\nsteps:\n  - id: a\n    {step}"));
    let fake = Fake::new(vec![says("seven"), says("eight"), says("{\"value\": 9}")]);
    let document = document(&orc(&folder, &fake, &["run", "p.orc.yaml"]));
    let step = &document["steps"]["a"];
    assert_eq!((&step["value"]["result"], &step["attempts"]), (&json!(9), &json!(2)), "{document:#}");
    assert_eq!((&step["usage"]["requests"], &document["cost"]["nano_usd"]), (&json!(3), &json!(3 * EACH)));
}

#[test]
fn a_price_that_nobody_knows_is_not_nothing() {
    let mine = json!({
        "model": "mine", "choices": [{"message": {"content": "x"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1},
    });
    let fake = Fake::new(vec![Reply::Json(200, mine)]);
    let folder = Folder::with("p.orc.yaml", ONE.replace("gpt-4o-mini", "mine"));
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let cost = json!({"nano_usd": 0, "usd": "0", "known": false, "price_date": null});
    assert_eq!(document(&ended)["cost"], cost, "{ended:?}");
}

#[test]
fn a_step_fails_with_what_the_provider_says_and_without_the_key() {
    let body = json!({"error": {"message": format!("no such thing as {CANARY}"), "code": "bad"}});
    let fake = Fake::new(vec![Reply::Json(400, body)]);
    let folder = Folder::with("p.orc.yaml", ONE);
    let ended = orc(&folder, &fake, &["run", "p.orc.yaml"]);
    let step = &document(&ended)["steps"]["a"];
    let message =
        format!("OpenAI at {} refuses the request (400): no such thing as [secret OPENAI_API_KEY]", fake.base(""));
    assert_eq!(
        (ended.code, &step["error_type"], &step["error"]),
        (Some(1), &json!("ModelRequestError"), &json!(message))
    );
}

#[test]
fn a_missing_key_is_named() {
    let folder = Folder::with("p.orc.yaml", ONE);
    let ended = folder.orc_with(
        &[("OPENAI_BASE_URL", ""), ("OPENAI_API_KEY", ""), ("XDG_CONFIG_HOME", "/nowhere")],
        &["run", "p.orc.yaml"],
    );
    let step = &document(&ended)["steps"]["a"];
    assert_eq!(
        (&step["error_type"], &step["error"]),
        (
            &json!("AuthenticationError"),
            &json!(
                "there is no key for OpenAI; set `OPENAI_API_KEY` in the environment, or keep one with `orc keys set openai`"
            )
        )
    );
}

#[test]
fn a_simulated_run_asks_nobody() {
    let fake = Fake::new(Vec::new());
    let ended = orc(&Folder::with("p.orc.yaml", ASKS), &fake, &["run", "p.orc.yaml", "--simulate"]);
    assert_eq!((ended.code, fake.connections()), (Some(0), 0), "{ended:?}");
}

#[test]
fn a_run_that_is_stopped_lets_go_of_the_call() {
    let fake = Fake::new(vec![Reply::Stall]);
    let folder = Folder::with("p.orc.yaml", ONE);
    let mut child = begun(&folder, &fake);
    assert_eq!(fake.news.recv(), Ok("asked"));
    kill(Pid::from_raw(child.id().try_into().unwrap()), Signal::SIGTERM).unwrap();
    assert_eq!(fake.news.recv(), Ok("gone"));
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_run_that_was_killed_in_a_call_asks_again_when_it_goes_on() {
    let fake = Fake::new(vec![Reply::Stall, says("Hello.")]);
    let folder = Folder::with("p.orc.yaml", ONE);
    let mut child = begun(&folder, &fake);
    assert_eq!(fake.news.recv(), Ok("asked"));
    child.kill().unwrap();
    child.wait().unwrap();
    let ended = orc(&folder, &fake, &["resume", "latest"]);
    let document = document(&ended);
    assert_eq!((ended.code, &document["steps"]["a"]["value"]["result"]), (Some(0), &json!("Hello.")));
    assert_eq!((fake.asked().len(), &document["cost"]["nano_usd"]), (2, &json!(EACH)));
}

#[test]
fn doctor_says_which_providers_can_be_asked_and_asks_none() {
    let fake = Fake::new(Vec::new());
    let base = fake.base("/v1");
    let ended = Folder::new().orc_with(
        &[
            ("OPENAI_BASE_URL", &*base),
            ("OPENAI_API_KEY", ""),
            ("ANTHROPIC_API_KEY", ""),
            ("ANTHROPIC_BASE_URL", ""),
            ("XDG_CONFIG_HOME", "/nowhere"),
        ],
        &["doctor"],
    );
    let ours = format!("– models of OpenAI at {}: nothing is missing, not tried\n", fake.base(""));
    assert!(ended.stdout.contains(&ours), "{}", ended.stdout);
    let theirs = "– models of Anthropic: there is no key for Anthropic; set `ANTHROPIC_API_KEY` in the environment, or keep one with `orc keys set anthropic`\n";
    assert!(ended.stdout.contains(theirs), "{}", ended.stdout);
    assert_eq!(fake.connections(), 0);
}
