//! `docs/corpus-runs.md`: what comes of each of the 90 real pipelines when it is fixed with
//! `orc validate --fix` and run against the simulated model. The page is derived from the runs
//! (`UPDATE_EXPECT=1` writes it anew), so that nobody can claim more than what happens.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::{Value, json};

use crate::support::{Ended, Folder};

/// How many pipelines are tried side by side.
const SIDE_BY_SIDE: usize = 3;

/// They show what comes of a failure, and exit code 1 is what the corpus asks of them.
const BY_DESIGN: &[&str] = &[
    "examples/supported/05_reported_failure.yaml",
    "examples/supported/06_failure_policy.yaml",
    "tests/golden/failure.yaml",
];

/// Inputs that name a file which a step reads; they are given one that is there.
pub(crate) const FILES: &[(&str, &str)] = &[("examples/code_optimization.yaml", "code_file")];

/// Warnings of which it is said that the step will fail: an included file, an input file that is not there,
/// a default that never applies, a command that is one word.
const FORETELL: &[&str] = &["ORC316", "ORC319", "ORC417", "ORC902"];

/// Their commands list the programs and packages of this machine, which takes as long as it takes.
pub(crate) const MACHINE: &[&str] =
    &["examples/enhanced/terminal_automation_enhanced.yaml", "examples/terminal_automation.yaml"];

/// What came of one pipeline.
struct Outcome {
    kind: &'static str,
    cause: String,
}

#[test]
fn every_pipeline_of_the_corpus_runs_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let (corpus, paths) = corpus();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let outcomes = outcomes(&corpus.join("pipelines"), &paths);
    let new = page(&paths, &outcomes);

    let file = root.join("docs/corpus-runs.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&file, &new).unwrap();
    }
    let old = fs::read_to_string(&file).unwrap_or_default().replace("\r\n", "\n");
    assert_eq!(old, new, "docs/corpus-runs.md is stale; UPDATE_EXPECT=1 writes it anew");
    // Whatever fails is foretold, or means to.
    for (path, outcome) in paths.iter().zip(&outcomes) {
        assert_ne!(outcome.kind, "fails", "{path}: {}", outcome.cause);
        assert_eq!(outcome.kind == "fails by design", BY_DESIGN.contains(path), "{path}: {}", outcome.cause);
    }
}

/// Where the corpus is, and the paths of its pipelines.
pub(crate) fn corpus() -> (PathBuf, Vec<String>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let shared = std::env::var_os("ORC_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    let corpus = shared.join("corpus");
    let manifest = fs::read_to_string(corpus.join("manifest.csv")).unwrap();
    let paths = manifest.lines().skip(1).filter_map(|line| line.split(',').next()).map(str::to_owned).collect();
    (corpus, paths)
}

/// The outcome of each, in the order of the paths.
fn outcomes(pipelines: &Path, paths: &[&str]) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(path) = paths.get(at) else { break };
            found.push((at, outcome(pipelines, path)));
        }
        found
    };
    let mut all: Vec<(usize, Outcome)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Fixes and runs one pipeline in a copy of the corpus of its own.
fn outcome(pipelines: &Path, path: &str) -> Outcome {
    if MACHINE.contains(&path) {
        let cause = "its commands list what is installed; it runs where they answer within 30 s".to_owned();
        return Outcome { kind: "asks the machine", cause };
    }
    let folder = Folder::new();
    copy(pipelines, folder.path());
    let checked = folder.orc(&["validate", "--fix", "--format", "json", path]);
    let text = folder.read(path);
    let mut given = inputs(&text);
    for (_, input) in FILES.iter().filter(|(of, _)| *of == path) {
        given[input] = json!(path);
    }
    let inputs = Folder::with("inputs.json", given.to_string());
    let inputs = inputs.path().join("inputs.json");
    // One step at a time, so that of two that fail it is always the same that does so first.
    let run = ["run", path, "--simulate", "--no-store", "--format", "json", "--max-concurrency", "1", "-c"];
    let ended = folder.orc(&[&run[..], &[inputs.to_str().unwrap()]].concat());
    assert!(!ended.stderr.contains("panicked"), "{path}: {}", ended.stderr);
    let (mut kind, cause) = verdict(&text, &checked, &ended);
    if kind != "runs" && BY_DESIGN.contains(&path) {
        kind = "fails by design";
    }
    // Paths of the temporary folder differ from run to run.
    let here = folder.path().to_string_lossy().into_owned();
    let real = folder.path().canonicalize().unwrap().to_string_lossy().into_owned();
    Outcome { kind, cause: cause.replace(&real, ".").replace(&here, ".") }
}

/// The files that lie beside the pipelines; new ones, since those of the corpus are read-only.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::write(target, fs::read(entry.path()).unwrap()).unwrap();
        }
    }
}

/// A plain value of the declared type for each declared input without a default.
pub(crate) fn inputs(pipeline: &str) -> Value {
    let pipeline: Value = serde_yaml::from_str(pipeline).unwrap_or_default();
    let blocks = ["inputs", "parameters"].iter().filter_map(|key| pipeline[key].as_object()).flatten();
    let needed = blocks.filter(|(_, input)| input.is_object() && input.get("default").is_none());
    let values = needed.map(|(name, input)| {
        let value = input["enum"].get(0).cloned().unwrap_or_else(|| match input["type"].as_str() {
            Some("integer" | "number" | "float") => json!(1),
            Some("boolean") => json!(true),
            Some("array" | "list") => json!(["text"]),
            Some("object" | "dict") => json!({}),
            _ => json!("text"),
        });
        (name.clone(), value)
    });
    values.collect::<serde_json::Map<_, _>>().into()
}

/// What kind of end it is, and its cause.
fn verdict(text: &str, checked: &Ended, ended: &Ended) -> (&'static str, String) {
    if ended.code == Some(0) {
        return ("runs", String::new());
    }
    let checked: Value = serde_json::from_str(&checked.stdout).unwrap_or_default();
    let mut errors: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for diagnostic in checked["diagnostics"].as_array().into_iter().flatten() {
        if diagnostic["severity"] == "error" {
            let message = diagnostic["message"].as_str().unwrap();
            errors.entry(diagnostic["code"].as_str().unwrap()).or_insert((0, message)).0 += 1;
        }
    }
    if !errors.is_empty() {
        assert_eq!(ended.code, Some(2), "a pipeline with errors ran: {ended:?}");
        let errors: Vec<String> =
            errors.iter().map(|(code, (times, first))| format!("{code}×{times} ({first})")).collect();
        return ("wrong", errors.join("; "));
    }
    let Ok(document) = serde_json::from_str::<Value>(&ended.stdout) else {
        let error = ended.stderr.lines().find(|line| line.starts_with("error")).unwrap_or(&ended.stderr);
        return if error.contains("is not a pipeline") {
            ("no pipeline", error.to_owned())
        } else {
            ("refused", error.to_owned())
        };
    };
    if ended.code == Some(3) {
        return ("waits for a person", document["error"].as_str().unwrap_or_default().to_owned());
    }
    let steps = document["steps"].as_object().into_iter().flatten();
    let mut failed =
        steps.filter(|(_, step)| step["status"] == "failed").map(|(id, step)| (id, first_line(&step["error"])));
    let (step, error) = failed
        .next()
        .map_or_else(|| (String::new(), first_line(&document["error"])), |(id, error)| (id.clone(), error));
    let tool = error.split_once("the tool `").and_then(|(_, rest)| rest.split_once("` cannot be executed"));
    match tool {
        Some((tool, _)) => ("cannot yet", format!("tool {tool}")),
        None => match foretold(text, &checked, &step, &error) {
            Some(warning) => ("wrong", format!("{warning}: {step} fails")),
            None => ("fails", format!("{step}: {error}")),
        },
    }
}

/// The warning that stands in the step that failed and says that it would.
fn foretold(text: &str, checked: &Value, step: &str, error: &str) -> Option<String> {
    let mut warnings = checked["diagnostics"].as_array().into_iter().flatten();
    let warning = warnings.find(|diagnostic| {
        let line = diagnostic["line"].as_u64().unwrap() as usize;
        let before: Vec<&str> = text.lines().take(line).collect();
        let ids = before.iter().rev().filter_map(|line| line.trim_start().strip_prefix("- id: "));
        let own = ids.take(1).any(|id| id.trim() == step || error.contains(&format!(".{}`", id.trim())));
        own && diagnostic["code"].as_str().is_some_and(|code| FORETELL.contains(&code))
    })?;
    Some(format!("{} ({})", warning["code"].as_str().unwrap(), warning["message"].as_str().unwrap()))
}

/// The first line of an error's text.
fn first_line(error: &Value) -> String {
    let text = error.as_str().or_else(|| error["message"].as_str()).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}

fn page(paths: &[&str], outcomes: &[Outcome]) -> String {
    let mut page = String::from(
        "# The corpus, run\n\n\
         What comes of each of the 90 pipelines of the corpus after `orc validate --fix`, with `orc run --simulate --no-store`\n\
         in a copy of the corpus, every required input being a plain value of its type (or a file that is there, where a step reads it),\n\
         and nobody there to answer questions.\n\
         A test runs them all and keeps this page true (`UPDATE_EXPECT=1 cargo test -p orc --test cli corpus_runs`).\n\n\
         - **runs**: to its end, exit code 0.\n\
         - **cannot yet**: it needs a tool that this version knows and does not execute.\n\
         - **wrong**: `orc validate` names what no fix mends without a person: errors, so that it does not start, or the warning\n\
           that stands in the step that then fails.\n\
         - **waits for a person**: a step asks, exit code 3.\n\
         - **refused**: no error in the file, but the run does not start with these inputs.\n\
         - **fails by design**: it shows what comes of a failure, and exit code 1 is what the corpus asks of it.\n\
         - **fails**: a step fails at run time, and nothing said so before; the test allows none.\n\
         - **asks the machine**: not run by the test, since what comes of it depends on what is installed.\n\
         - **no pipeline**: the file is another kind of document.\n\n\
         | outcome | pipelines |\n|---|---|\n",
    );
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for outcome in outcomes {
        *counts.entry(outcome.kind).or_default() += 1;
    }
    for (kind, count) in counts {
        writeln!(page, "| {kind} | {count} |").unwrap();
    }
    page.push_str("\n## Pipeline by pipeline\n\n| pipeline | outcome | cause |\n|---|---|---|\n");
    for (path, Outcome { kind, cause }) in paths.iter().zip(outcomes) {
        writeln!(page, "| {path} | {kind} | {} |", cause.replace('|', "\\|")).unwrap();
    }
    page
}
