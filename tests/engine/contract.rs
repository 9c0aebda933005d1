//! The nine pipelines that py-orc promises: artefacts to the byte, statuses, exit codes, and the
//! normalised document (`UPDATE_EXPECT=1` writes the expectations anew).

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Ran, Workspace, repository};

fn run(workspace: &Workspace, file: &str, inputs: &[(&str, Value)]) -> Ran {
    let text = std::fs::read_to_string(repository().join("../shared/corpus/pipelines").join(file))
        .expect("the corpus lies beside the repository");
    workspace.run(&text, inputs)
}

/// Compares the normalised document with the committed one.
fn matches_expectation(ran: &Ran, name: &str) {
    let path = repository().join("tests/engine/expected").join(format!("{name}.json"));
    let found = format!("{}\n", serde_json::to_string_pretty(&ran.document.normalized()).expect("a document is JSON"));
    expect_test::expect_file![Path::new(path.as_str())].assert_eq(&found);
}

fn statuses(ran: &Ran) -> Vec<(&str, &str, bool)> {
    ran.document.steps.iter().map(|(id, step)| (&**id, &*step.status, step.success)).collect()
}

#[test]
fn hello_filesystem() {
    let workspace = Workspace::new();
    let ran = run(&workspace, "examples/supported/01_hello_filesystem.yaml", &[]);
    assert_eq!(workspace.read("output/greeting.txt"), "hello, world");
    assert_eq!(statuses(&ran), [("write_greeting", "completed", true), ("read_back", "completed", true)]);
    assert_eq!(ran.output("greeting_text"), "hello, world");
    assert_eq!(ran.document.exit_code(), 0);
    matches_expectation(&ran, "01_hello_filesystem");
}

#[test]
fn parallel_fanout_fanin() {
    let workspace = Workspace::new();
    let ran = run(&workspace, "examples/supported/02_parallel_fanout_fanin.yaml", &[]);
    assert_eq!(workspace.read("output/alpha.txt"), "alpha-value");
    assert_eq!(workspace.read("output/beta.txt"), "beta-value");
    assert_eq!(workspace.read("output/joined.txt"), "alpha-value+beta-value");
    assert!(ran.document.success);
    matches_expectation(&ran, "02_parallel_fanout_fanin");
}

#[test]
fn conditions_long_branch() {
    let workspace = Workspace::new();
    let ran = run(&workspace, "examples/supported/04_conditions.yaml", &[]);
    assert_eq!(workspace.read("output/long.txt"), "long: a reasonably long piece of text");
    assert_eq!(workspace.read("output/branch.txt"), "long");
    assert!(!workspace.exists("output/short.txt"));
    let found: Vec<&str> = statuses(&ran).into_iter().map(|(_, status, _)| status).collect();
    assert_eq!(found, ["completed", "completed", "skipped", "skipped", "completed"]);
    assert_eq!(ran.output("taken_branch"), "long");
    assert_eq!(ran.document.exit_code(), 0);
    matches_expectation(&ran, "04_conditions_long");
}

#[test]
fn conditions_short_branch() {
    let workspace = Workspace::new();
    let ran = run(&workspace, "examples/supported/04_conditions.yaml", &[("content", json!("hi"))]);
    assert_eq!(workspace.read("output/short.txt"), "short: hi");
    assert_eq!(workspace.read("output/branch.txt"), "short");
    assert!(!workspace.exists("output/long.txt"));
    let found: Vec<&str> = statuses(&ran).into_iter().map(|(_, status, _)| status).collect();
    assert_eq!(found, ["skipped", "skipped", "completed", "completed", "completed"]);
    assert_eq!(ran.output("taken_branch"), "short");
    assert_eq!(ran.document.exit_code(), 0);
    matches_expectation(&ran, "04_conditions_short");
}

#[test]
fn reported_failure() {
    let workspace = Workspace::new();
    let ran = run(&workspace, "examples/supported/05_reported_failure.yaml", &[]);
    assert_eq!(workspace.read("output/before.txt"), "this step succeeds");
    assert_eq!(workspace.read("output/after.txt"), "the run continued");
    assert_eq!(
        statuses(&ran),
        [("before", "completed", true), ("read_missing", "failed", false), ("after", "completed", true)]
    );
    assert_eq!(ran.document.exit_code(), 1);
    matches_expectation(&ran, "05_reported_failure");
}

#[test]
fn failure_policy() {
    let workspace = Workspace::new();
    let ran = run(&workspace, "examples/supported/06_failure_policy.yaml", &[]);
    assert_eq!(workspace.read("output/after.txt"), "the run continued");
    let flaky = ran.step("flaky");
    assert_eq!((&*flaky.status, flaky.attempts, flaky.retries, flaky.timed_out), ("failed", 2, 1, true));
    assert_eq!(flaky.error_type.as_deref(), Some("TimeoutError"));
    assert_eq!(ran.document.exit_code(), 1);
    matches_expectation(&ran, "06_failure_policy");
}

#[test]
fn templates_and_outputs() {
    let workspace = Workspace::new();
    let ran = run(&workspace, "examples/supported/07_templates_and_outputs.yaml", &[]);
    assert_eq!(workspace.read("output/header.md"), "# Quarterly Report\n\nBy Orchestrator\n");
    assert_eq!(workspace.read("output/report.md"), "# Quarterly Report\n\nBy Orchestrator\n\nBody of the report.\n");
    assert_eq!(ran.document.exit_code(), 0);
    matches_expectation(&ran, "07_templates_and_outputs");
}

#[test]
fn golden_basic() {
    let workspace = Workspace::new();
    let ran = run(&workspace, "tests/golden/basic.yaml", &[]);
    assert_eq!(workspace.read("golden_out/greeting.txt"), "hello world");
    assert_eq!(ran.document.exit_code(), 0);
    matches_expectation(&ran, "golden_basic");
}

#[test]
fn golden_control_flow() {
    let workspace = Workspace::new();
    let ran = run(&workspace, "tests/golden/control_flow.yaml", &[]);
    assert_eq!(workspace.read("golden_out/joined.txt"), "alpha-value+beta-value");
    assert_eq!(ran.document.exit_code(), 0);
    matches_expectation(&ran, "golden_control_flow");
}

#[test]
fn golden_failure() {
    let workspace = Workspace::new();
    let ran = run(&workspace, "tests/golden/failure.yaml", &[]);
    assert_eq!(workspace.read("golden_out/before_failure.txt"), "this step succeeds");
    assert_eq!(statuses(&ran), [("write_first", "completed", true), ("read_missing", "failed", false)]);
    assert_eq!(ran.document.exit_code(), 1);
    matches_expectation(&ran, "golden_failure");
}

/// Every step of the text under another name.
fn renamed(text: &str) -> (String, Vec<(String, String)>) {
    let mut text = text.to_owned();
    let mut names = Vec::new();
    let count = analysis_of(&text).pipeline().all_steps().len();
    for index in 0..count {
        let analysis = analysis_of(&text);
        let id = analysis.pipeline().all_steps()[index].id.clone().expect("steps of the corpus have ids");
        let fresh = format!("fresh_name_{index}");
        let files = lang::ide::rename::rename(&analysis, id.range.start(), &fresh).expect("a fresh name is free");
        names.push((fresh, id.value));
        text = lang::text::apply_edits(&text, &files[0].edits);
    }
    (text, names)
}

fn analysis_of(text: &str) -> lang::analysis::Analysis {
    lang::analysis::Analysis::new(engine::catalog::registry(), "p.yaml", text)
}

#[test]
fn a_run_under_other_names_gives_the_same_document() {
    let files = [
        "examples/supported/01_hello_filesystem.yaml",
        "examples/supported/02_parallel_fanout_fanin.yaml",
        "examples/supported/04_conditions.yaml",
        "examples/supported/05_reported_failure.yaml",
        "examples/supported/06_failure_policy.yaml",
        "examples/supported/07_templates_and_outputs.yaml",
        "tests/golden/basic.yaml",
        "tests/golden/control_flow.yaml",
        "tests/golden/failure.yaml",
    ];
    for file in files {
        let text = std::fs::read_to_string(repository().join("../shared/corpus/pipelines").join(file))
            .expect("the corpus lies beside the repository");
        let (other, names) = renamed(&text);
        assert!(!names.is_empty(), "{file}");
        let document = |text: &str| {
            let ran = Workspace::new().run(text, &[]);
            serde_json::to_string_pretty(&ran.document.normalized()).expect("a document is JSON")
        };
        let mut after = document(&other);
        for (fresh, id) in &names {
            after = after.replace(fresh, id);
        }
        assert_eq!(document(&text), after, "{file}");
    }
}
