//! `docs/corpus.md`: what the checker says about the corpus, beside py-orc's own verdicts.

#![expect(clippy::format_push_string, reason = "a small page")]

use std::{collections::BTreeMap, fs};

use lang::check::{Severity, codes};

use super::{Row, analyse, manifest, root, updating};

/// What was found in one file.
struct Found {
    row: Row,
    errors: BTreeMap<String, usize>,
    warnings: usize,
    others: usize,
}

fn found(row: Row) -> Found {
    let analysis = analyse(&row);
    let mut found = Found { row, errors: BTreeMap::new(), warnings: 0, others: 0 };
    for diagnostic in analysis.diagnostics() {
        match diagnostic.severity {
            Severity::Error => *found.errors.entry(diagnostic.code.to_string()).or_default() += 1,
            Severity::Warning => found.warnings += 1,
            Severity::Information | Severity::Hint => found.others += 1,
        }
    }
    found
}

fn page() -> String {
    let all: Vec<Found> = manifest().into_iter().map(found).collect();
    let clean = |found: &&Found| found.errors.is_empty();
    let count = |want: &dyn Fn(&Found) -> bool| all.iter().filter(|found| want(found)).count();
    let mut page = String::from(
        "# The corpus\n\n\
         What `orc validate` says about 90 pipelines of the public repository ContextLab/orchestrator, beside py-orc's own verdicts.\n\
         The diagnostics of each file stand in `tests/corpus/expected`; a test keeps them and this page fresh (`UPDATE_EXPECT=1 cargo test -p orc-engine --test corpus`).\n\n",
    );
    page.push_str("| | files | without errors here | with errors here |\n|---|---|---|---|\n");
    let mut line = |name: &str, want: &dyn Fn(&Row) -> bool| {
        let good = count(&|found| want(&found.row) && clean(&found));
        let bad = count(&|found| want(&found.row) && !clean(&found));
        page.push_str(&format!("| {name} | {} | {good} | {bad} |\n", good + bad));
    };
    line("all", &|_| true);
    line("py-orc validates and runs", &|row| row.validates && row.runs);
    line("py-orc runs, but does not validate", &|row| !row.validates && row.runs);
    line("py-orc refuses altogether, the file being YAML", &|row| !row.validates && !row.runs && row.parses);
    line("no YAML", &|row| !row.parses);

    page.push_str("\n## Errors by kind\n\n| code | what | files | places |\n|---|---|---|---|\n");
    let mut kinds: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for found in &all {
        for (code, places) in &found.errors {
            let kind = kinds.entry(code).or_default();
            kind.0 += 1;
            kind.1 += places;
        }
    }
    for (code, (files, places)) in kinds {
        let summary = code.parse().ok().and_then(codes::code).map_or("", |spec| spec.summary);
        page.push_str(&format!("| {code} | {summary} | {files} | {places} |\n"));
    }

    page.push_str("\n## File by file\n\n| file | py-orc validates | py-orc runs | errors | warnings | hints |\n|---|---|---|---|---|---|\n");
    let word = |yes: bool| if yes { "yes" } else { "no" };
    for found in &all {
        let errors: Vec<String> = found.errors.iter().map(|(code, count)| format!("{code}×{count}")).collect();
        page.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            found.row.path,
            word(found.row.validates),
            word(found.row.runs),
            if errors.is_empty() { "–".to_owned() } else { errors.join(" ") },
            found.warnings,
            found.others
        ));
    }
    page
}

#[test]
fn the_summary_in_the_docs_is_fresh() {
    let file = root().join("docs/corpus.md");
    let new = page();
    if updating() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &new).unwrap();
    }
    let old = fs::read_to_string(&file).unwrap_or_default();
    assert_eq!(old, new, "docs/corpus.md is stale; UPDATE_EXPECT=1 rewrites it");
}
