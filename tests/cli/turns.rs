//! Limits of a provider, which all runs of a person keep together.

use std::{
    process::{Command, Stdio},
    time::Instant,
};

use serde_json::{Value, json};

use crate::{
    models::{
        fake::{Fake, Reply},
        says,
    },
    support::{Ended, Folder},
};

/// So many calls at once, none of which waits longer than 20 s.
fn calls(count: usize) -> String {
    let step = |number| {
        format!(
            "  - {{id: s{number}, action: generate, timeout: 20, on_failure: continue, parameters: {{prompt: 'Hello {number}?'}}}}\n"
        )
    };
    let steps: String = (0..count).map(step).collect();
    format!("id: calls\nmodel: openai/gpt-4o-mini\nsteps:\n{steps}")
}

/// `orc run` in the folder, with its state in it.
fn run(folder: &Folder, base: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orc"));
    command.args(["run", "p.orc.yaml", "--no-cache"]).current_dir(folder.path()).stdin(Stdio::null());
    command.env("OPENAI_BASE_URL", base).env("OPENAI_API_KEY", "").env("XDG_STATE_HOME", folder.path().join("state"));
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// The failures of a run, as `class: message`.
fn failures(ended: &Ended) -> Vec<String> {
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    let failed = document["steps"].as_object().unwrap().values().filter(|step| step["success"] == false);
    failed
        .map(|step| format!("{}: {}", step["error_type"].as_str().unwrap(), step["error"].as_str().unwrap()))
        .collect()
}

#[test]
fn two_runs_at_once_keep_the_limits_of_a_provider_together() {
    let folder = Folder::with("p.orc.yaml", calls(6));
    folder.write("models.yaml", "models:\n  - {source: openai, limits: {requests_per_minute: 4}}\n");
    let fake = Fake::always(|_| says("Hello."));
    let base = fake.base("/v1");
    let began = Instant::now();
    let runs = [run(&folder, &base).spawn().unwrap(), run(&folder, &base).spawn().unwrap()];
    let ended = runs.map(|run| Ended::of(run.wait_with_output().unwrap()));
    // Four in each minute that this may have taken: on any machine but a very slow one, in one.
    let minutes = 1 + began.elapsed().as_secs() / 60;
    let asked = fake.asked().len() as u64;
    assert!((4..=4 * minutes).contains(&asked), "{asked} calls in {minutes} min");
    let failures: Vec<String> = ended.iter().flat_map(failures).collect();
    assert_eq!(failures.len() as u64, 12 - asked, "{failures:?}");
    for text in failures {
        assert!(text.starts_with("RateLimitError: OpenAI at "), "{text}");
        assert!(text.contains(" has no turn for this call before "), "{text}");
        assert!(text.contains("(4 requests a minute), which is longer than the step has"), "{text}");
    }
    // What was asked is known to whoever comes next, in a file of the person's and not of the workspace.
    let state = std::fs::read_dir(folder.path().join("state/orc/limits")).unwrap();
    let names: Vec<String> = state.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names.iter().filter(|name| name.strip_suffix(".json").is_some()).count(), 1, "{names:?}");
}

#[test]
fn a_provider_that_wants_to_be_left_alone_is_left_alone_by_the_next_run_too() {
    let folder = Folder::with("p.orc.yaml", calls(1));
    let fake = Fake::always(|_| Reply::With(429, &[("retry-after", "3600")], json!({})));
    let base = fake.base("/v1");
    let go = || Ended::of(run(&folder, &base).output().unwrap());
    let first = failures(&go());
    assert!(first[0].contains("it wants to be asked again in 3600 s"), "{first:?}");
    assert_eq!(fake.asked().len(), 1);
    let second = failures(&go());
    assert!(second[0].starts_with("RateLimitError: OpenAI at "), "{second:?}");
    assert!(second[0].contains("(it wants to be left alone), which is longer than the step has"), "{second:?}");
    assert_eq!(fake.asked().len(), 1, "it was not asked");
}

#[test]
fn looking_asks_for_no_turn() {
    let folder = Folder::with("p.orc.yaml", calls(6));
    folder.write("models.yaml", "models:\n  - {source: openai, limits: {requests_per_minute: 4}}\n");
    let state = folder.path().join("state");
    let variables = [("XDG_STATE_HOME", state.to_str().unwrap())];
    let looks: [&[&str]; 3] =
        [&["validate", "p.orc.yaml"], &["plan", "p.orc.yaml"], &["run", "p.orc.yaml", "--simulate"]];
    for arguments in looks {
        assert_eq!(folder.orc_with(&variables, arguments).code, Some(0), "{arguments:?}");
    }
    assert!(!state.join("orc/limits").exists());
}
