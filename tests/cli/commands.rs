//! The small commands.

use serde_json::Value;

use crate::support::Folder;

#[test]
fn version_is_name_and_number() {
    let ended = Folder::new().orc(&["--version"]);
    assert_eq!((ended.code, ended.stdout), (Some(0), format!("orc {}\n", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn a_wrong_option_is_a_usage_error() {
    assert_eq!(Folder::new().orc(&["validate", "--frmat", "json", "a"]).code, Some(2));
}

#[test]
fn every_code_has_a_page() {
    let folder = Folder::new();
    let list = folder.orc(&["explain"]);
    assert_eq!(list.code, Some(0));
    for line in list.stdout.lines() {
        let code = line.split_whitespace().next().unwrap();
        let page = folder.orc(&["explain", code]);
        assert_eq!(page.code, Some(0), "{code}");
        assert!(page.stdout.starts_with(&format!("# {code} – ")), "{}", page.stdout);
    }
}

#[test]
fn an_unknown_code_is_refused() {
    let ended = Folder::new().orc(&["explain", "ORC999"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.starts_with("error: unknown code `ORC999`; "), "{}", ended.stderr);
}

#[test]
fn schemas_are_json() {
    for document in ["pipeline", "result", "events", "config"] {
        let ended = Folder::new().orc(&["schema", document]);
        assert_eq!(ended.code, Some(0));
        let schema: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert!(schema.is_object(), "{document}");
    }
}

#[test]
fn tools_are_listed_and_shown() {
    let folder = Folder::new();
    let list = folder.orc(&["tools", "list", "--format", "json"]);
    let list: Value = serde_json::from_str(&list.stdout).unwrap();
    for tool in list["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        let shown = folder.orc(&["tools", "show", name]);
        assert_eq!(shown.code, Some(0));
        assert!(shown.stdout.starts_with(name), "{}", shown.stdout);
    }
    folder
        .orc(&["tools", "show", "filesytem"])
        .refused("error: unknown tool or action `filesytem`; did you mean `filesystem`? `orc tools list` lists all");
}

#[test]
fn doctor_leaves_nothing_behind() {
    let folder = Folder::new();
    let ended = folder.orc(&["doctor"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn models_are_listed_with_limits_and_prices_and_one_is_shown() {
    let folder = Folder::new();
    let list = folder.orc(&["models", "list", "anthropic"]).stdout;
    let mut lines = list.lines();
    assert_eq!(
        lines.next().unwrap().split_whitespace().collect::<Vec<_>>(),
        ["model", "context", "in", "$/M", "out", "$/M"]
    );
    assert!(lines.clone().any(|line| line.starts_with("anthropic/claude-sonnet-4-5 ")), "{list}");
    assert!(lines.all(|line| line.starts_with("anthropic/") || line.starts_with("prices of 20")), "{list}");
    let shown = folder.orc(&["models", "show", "openai/gpt-5-mini", "--format", "json"]).stdout;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["models"][0]["name"], "gpt-5-mini");
    assert!(shown["models"][0]["price"]["input"].as_f64().unwrap() > 0.0, "{shown}");
    folder
        .orc(&["models", "show", "openai/gpt-5-mimi"])
        .refused("error: unknown model `openai/gpt-5-mimi`; did you mean `openai/gpt-5-mini`?");
    let refused = folder.orc(&["models", "list", "nobody"]);
    assert!(refused.stderr.starts_with("error: unknown provider `nobody`; the providers are "), "{refused:?}");
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ended = Folder::new().orc(&["completions", shell]);
        assert!(ended.stdout.contains("resume") && ended.code == Some(0), "{shell}");
    }
}
