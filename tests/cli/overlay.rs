//! `models.yaml`: what the person and the workspace say about models, in checks, lists and runs.

use serde_json::{Value, json};

use crate::{
    models::fake::{Fake, Reply},
    support::{Ended, Folder},
};

const CANARY: &str = "canary-0123456789abcdef";

const ASKS: &str = "\
id: asks
steps:
  - {id: a, action: generate, parameters: {prompt: 'Hello?', model: quick}}
";

fn answer() -> Reply {
    Reply::Json(
        200,
        json!({
            "model": "big",
            "choices": [{"message": {"content": "Hello."}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 100, "completion_tokens": 20},
        }),
    )
}

/// Runs with a configuration of its own in `config`, and state in `state`.
fn orc(folder: &Folder, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let (config, state) = (folder.path().join("config"), folder.path().join("state"));
    let own = [("XDG_CONFIG_HOME", config.to_str().unwrap()), ("XDG_STATE_HOME", state.to_str().unwrap())];
    let ended = folder.orc_with(&[&own[..], variables].concat(), arguments);
    assert!(!format!("{ended:?}").contains(CANARY), "{ended:?}");
    ended
}

#[test]
fn a_model_of_the_persons_own_server_is_asked_by_its_alias_at_its_price() {
    let fake = Fake::new(vec![answer()]);
    let folder = Folder::with("p.orc.yaml", ASKS);
    let own = format!(
        "models:\n  - {{source: lab, endpoint: '{}', key_env: LAB_SECRET}}\n  - {{source: lab, name: big, alias: quick, \
         price: {{input: 1, output: 2}}}}\n",
        fake.base("/v1")
    );
    folder.write("config/orc/models.yaml", own);
    // The workspace knows better what an answer costs, and nothing of the rest.
    folder.write("models.yaml", "models: [{source: lab, name: big, price: {output: 3}}]");
    let ended = orc(&folder, &[("LAB_SECRET", CANARY)], &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let step = &document["steps"]["a"];
    assert_eq!((&step["provider"], &step["model"]), (&json!("lab"), &json!("big")));
    assert_eq!(step["cost"]["nano_usd"], 100 * 1000 + 20 * 3000);
    let asked = fake.asked();
    assert_eq!(asked[0].body["model"], "big");
    assert_eq!(asked[0].header("authorization"), Some(&*format!("Bearer {CANARY}")));
}

#[test]
fn a_workspace_sends_no_key_elsewhere_unless_it_is_trusted() {
    let fake = Fake::new(vec![answer()]);
    let folder = Folder::with("p.orc.yaml", ASKS);
    let base = fake.base("/v1");
    folder
        .write("models.yaml", format!("models:\n- source: openai\n  name: big\n  alias: quick\n  endpoint: {base}\n"));
    let key = [("OPENAI_API_KEY", CANARY)];
    let ended = orc(&folder, &key, &["run", "p.orc.yaml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let step = &document["steps"]["a"];
    assert_eq!(step["error_type"], "AuthenticationError");
    let message = format!(
        "models.yaml:5:13: this workspace would have the key in `OPENAI_API_KEY` sent to {}, and it is not trusted; if \
         that is right, say `orc trust`",
        base.trim_end_matches("/v1")
    );
    assert_eq!(step["error"], message);
    assert_eq!(fake.asked().len(), 0);
    let trusted = orc(&folder, &[], &["trust"]);
    assert_eq!(trusted.code, Some(0), "{trusted:?}");
    assert_eq!(orc(&folder, &key, &["run", "p.orc.yaml"]).code, Some(0));
    assert_eq!(fake.asked().len(), 1);
}

#[test]
fn a_workspace_chooses_no_other_variable_as_key() {
    let fake = Fake::new(vec![answer()]);
    let folder = Folder::with("p.orc.yaml", ASKS);
    folder.write("models.yaml", "models: [{source: openai, name: big, alias: quick, key_env: MY_TOKEN}]");
    let base = fake.base("/v1");
    let variables = [("MY_TOKEN", CANARY), ("OPENAI_BASE_URL", &*base)];
    let ended = orc(&folder, &variables, &["run", "p.orc.yaml"]);
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let error = document["steps"]["a"]["error"].as_str().unwrap();
    assert!(error.starts_with("models.yaml:1:61: this workspace would have the key in `MY_TOKEN` sent to "), "{error}");
    assert_eq!(fake.asked().len(), 0);
}

#[test]
fn what_is_wrong_with_the_file_is_said_with_its_place_by_every_command() {
    let folder = Folder::with("p.orc.yaml", ASKS);
    folder.write("models.yaml", "models:\n  - source: openai\n    name: big\n    prise: {input: 1}\n");
    let wrong = "models.yaml:4:5: unknown key `prise`; did you mean `price`?";
    for arguments in [&["run", "p.orc.yaml"][..], &["plan", "p.orc.yaml"], &["validate", "p.orc.yaml"], &["models"]] {
        let ended = orc(&folder, &[], arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?} {ended:?}");
        assert!(ended.stderr.contains(wrong), "{arguments:?} {ended:?}");
    }
}

#[test]
fn checks_and_lists_know_the_models_of_the_workspace() {
    let folder = Folder::with("sub/p.orc.yaml", ASKS);
    let unknown = orc(&folder, &[], &["validate", "sub/p.orc.yaml"]);
    assert!(unknown.stdout.contains("ORC501"), "{unknown:?}");
    folder.write("models.yaml", "models: [{source: lab, name: big, alias: quick, context: 9000}]");
    let known = orc(&folder, &[], &["validate", "sub/p.orc.yaml", "--deny", "warnings"]);
    assert_eq!(known.code, Some(0), "{known:?}");
    let shown = orc(&folder, &[], &["models", "show", "quick"]);
    assert!(shown.stdout.starts_with("lab/big\n  context    9000 tokens\n"), "{shown:?}");
    let listed = orc(&folder, &[], &["models", "list", "lab"]);
    assert_eq!(listed.stdout.lines().nth(1), Some("lab/big       9000          ?          ?"));
}
