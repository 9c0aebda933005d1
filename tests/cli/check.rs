//! `orc models check`: do the providers answer?

use serde_json::{Value, json};

use crate::{
    models::{
        CANARY,
        fake::{Fake, Reply},
        says,
    },
    support::{Ended, Folder},
};

/// Checks in a folder with this `models.yaml` and these variables; nothing else of the machine is seen.
fn check(folder: &Folder, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let (config, state) = (folder.path().join("config"), folder.path().join("state"));
    let own = [("XDG_CONFIG_HOME", config.to_str().unwrap()), ("XDG_STATE_HOME", state.to_str().unwrap())];
    let names =
        ["OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_AI_API_KEY", "HF_TOKEN"];
    let none = names.map(|name| (name, ""));
    let ended = folder.orc_with(&[&none[..], &own, variables].concat(), &[&["models", "check"], arguments].concat());
    assert!(!format!("{ended:?}").contains(CANARY), "{ended:?}");
    ended
}

fn of_json(ended: &Ended) -> Vec<Value> {
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    document["providers"].as_array().unwrap().clone()
}

/// A server of one's own, which is called `lab`, and the small one of OpenAI's.
fn two(lab: &Fake, price: &str) -> Folder {
    let folder = Folder::new();
    folder.write(
        "config/orc/models.yaml",
        format!(
            "models:\n  - {{source: lab, endpoint: '{}', key_env: LAB_KEY}}\n  - {{source: lab, name: dear, price: {{input: 9, \
             output: 9}}}}\n  - {{source: lab, name: cheap{price}}}\n  - {{source: openai, name: own, price: {{input: 1, \
             output: 1}}}}\n",
            lab.base("/v1")
        ),
    );
    folder
}

/// A list of so many models, as OpenAI gives it.
fn lists(count: usize) -> Reply {
    let models: Vec<Value> = (0..count).map(|at| json!({"id": format!("m{at}"), "object": "model"})).collect();
    Reply::Json(200, json!({"object": "list", "data": models}))
}

#[test]
fn of_each_provider_that_is_set_up_the_list_of_models_is_looked_at() {
    let (lab, openai) = (Fake::new(vec![lists(3)]), Fake::new(vec![lists(2)]));
    let ollama = Fake::new(vec![Reply::Json(200, json!({"models": [{"name": "gemma3:4b"}]}))]);
    let anthropic = Fake::new(vec![lists(1)]);
    let gemini = Fake::new(vec![Reply::Json(200, json!({"models": [{"name": "models/g"}]}))]);
    let folder = two(&lab, ", price: {input: 1, output: 2, cache_read: 1}");
    let (base, host, messages, google) = (openai.base("/v1"), ollama.base(""), anthropic.base(""), gemini.base(""));
    let variables = [
        ("LAB_KEY", CANARY),
        ("OPENAI_BASE_URL", &*base),
        ("OLLAMA_HOST", &*host),
        ("ANTHROPIC_BASE_URL", &*messages),
        ("ANTHROPIC_API_KEY", CANARY),
        ("GEMINI_BASE_URL", &*google),
        ("GEMINI_API_KEY", CANARY),
    ];
    let ended = check(&folder, &variables, &["--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let providers = of_json(&ended);
    let states: Vec<(&str, &str, &Value)> = providers
        .iter()
        .map(|one| (one["provider"].as_str().unwrap(), one["state"].as_str().unwrap(), &one["listed"]))
        .collect();
    assert_eq!(
        states,
        [
            ("openai", "ok", &json!(2)),
            ("anthropic", "ok", &json!(1)),
            ("google", "ok", &json!(1)),
            ("ollama", "ok", &json!(1)),
            ("huggingface", "not_configured", &Value::Null),
            ("lab", "ok", &json!(3)),
        ]
    );
    let lines = |fake: &Fake| fake.asked().into_iter().map(|asked| asked.line).collect::<Vec<_>>();
    assert_eq!(lines(&openai), ["GET /v1/models"]);
    assert_eq!(lines(&anthropic), ["GET /v1/models"]);
    assert_eq!(lines(&gemini), ["GET /v1beta/models"]);
    assert_eq!(lines(&ollama), ["GET /api/tags"]);
    assert_eq!(lines(&lab), ["GET /v1/models"]);
    assert_eq!(lab.asked()[0].header("authorization"), Some(&*format!("Bearer {CANARY}")));
    let one = &providers[5];
    assert_eq!(one["address"], lab.base(""));
    assert!(one["latency_ms"].is_u64() && one["cost"].is_null() && one["model"].is_null(), "{one}");
    assert_eq!(
        providers[4]["message"],
        "there is no key for Hugging Face; set `HF_TOKEN` in the environment, or keep one with `orc keys set huggingface`"
    );
    // It belongs to no run.
    assert!(!folder.path().join(".orc").exists());
}

#[test]
fn a_model_that_is_named_is_asked_one_tiny_question() {
    let lab = Fake::new(vec![says("OK.")]);
    let folder = two(&lab, ", price: {input: 1, output: 2, cache_read: 1}");
    let ended = check(&folder, &[("LAB_KEY", CANARY)], &["lab/cheap", "--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let [asked] = &lab.asked()[..] else { panic!("asked {:?}", lab.asked()) };
    assert_eq!((&asked.body["model"], &asked.body["max_tokens"]), (&json!("cheap"), &json!(16)));
    let one = &of_json(&ended)[0];
    assert_eq!((&one["usage"]["output_tokens"], &one["cost"]["nano_usd"]), (&json!(20), &json!(140_000)), "{one}");
}

#[test]
fn one_that_fails_is_told_with_its_class_after_a_single_attempt() {
    let broken = Reply::With(503, &[("retry-after", "0")], json!({"error": {"message": "down"}}));
    let (lab, openai) = (Fake::new(vec![broken]), Fake::new(vec![Reply::Json(401, json!({}))]));
    let folder = two(&lab, "");
    let base = openai.base("/v1");
    let variables = [("LAB_KEY", CANARY), ("OPENAI_BASE_URL", &*base), ("OPENAI_API_KEY", CANARY)];
    let ended = check(&folder, &variables, &["lab/cheap", "openai"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let (at_lab, at_openai) = (lab.base(""), openai.base(""));
    let lines: Vec<&str> = ended.stdout.lines().map(str::trim_end).collect();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(lines[0]), ["model", "state", "took", "models", "tokens", "cost", "address"]);
    assert_eq!(words(lines[1]), ["lab/cheap", "SystemUnavailableError", &at_lab]);
    assert_eq!(words(lines[2]), ["openai", "AuthenticationError", &at_openai]);
    assert_eq!(
        lines[3..],
        [
            &*format!("lab/cheap: the server at {at_lab} is not available for now (503): down"),
            &*format!("openai: OpenAI at {at_openai} does not accept the key in `OPENAI_API_KEY` (401); check it"),
        ]
    );
    assert_eq!((lab.asked().len(), openai.asked().len()), (1, 1));
}

#[test]
fn without_keys_nobody_is_asked_and_that_is_no_success() {
    let folder = Folder::new();
    let ended = check(&folder, &[], &[]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stdout.matches("not configured").count(), 5, "{ended:?}");
    let named = check(&folder, &[], &["anthropic"]);
    assert_eq!(named.code, Some(1), "{named:?}");
    let unknown = check(&folder, &[], &["opnai"]);
    unknown.refused("error: unknown provider or model `opnai`; did you mean `openai`?");
}

#[test]
fn a_workspace_that_is_not_trusted_gets_no_key() {
    let fake = Fake::new(vec![lists(1)]);
    let folder = Folder::with(
        "models.yaml",
        format!("models:\n- source: openai\n  endpoint: {}\n- {{source: openai, name: own}}\n", fake.base("/v1")),
    );
    let key = [("OPENAI_API_KEY", CANARY)];
    let ended = check(&folder, &key, &["openai", "--format", "json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let one = &of_json(&ended)[0];
    assert_eq!((&one["state"], &one["error_type"]), (&json!("failed"), &json!("AuthenticationError")));
    assert!(
        one["message"].as_str().unwrap().ends_with("it is not trusted; if that is right, say `orc trust`"),
        "{one}"
    );
    assert_eq!(fake.asked().len(), 0);
    let state = folder.path().join("state");
    assert_eq!(folder.orc_with(&[("XDG_STATE_HOME", state.to_str().unwrap())], &["trust"]).code, Some(0));
    assert_eq!(check(&folder, &key, &["openai"]).code, Some(0));
    assert_eq!(fake.asked().len(), 1);
}
