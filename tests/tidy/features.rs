//! What `docs/features.md` says orc can do is shown by tests that are there.

use std::{fs, path::Path};

use crate::support::{none, root};

#[test]
fn every_feature_names_tests_that_show_it() {
    let docs = root().join("docs");
    let page = fs::read_to_string(docs.join("features.md")).expect("the page is there");
    let mut complaints = Vec::new();
    let mut rows = 0;
    for line in page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [feature, own, shown, ..] = cells[..] else { panic!("not a row: {line}") };
        rows += 1;
        let tests: Vec<(&str, &str)> = shown
            .split("[`")
            .skip(1)
            .filter_map(|link| link.strip_suffix(',').unwrap_or(link).split_once("`]("))
            .collect();
        let word = own.split([':', ',', ' ']).next().unwrap_or_default();
        match (word, tests.is_empty()) {
            ("yes" | "partly", false) | ("no" | "untested", true) => {}
            ("yes" | "partly", true) => complaints.push(format!("{feature}: `{word}`, and no test shows it")),
            _ => complaints.push(format!("{feature}: `{own}`, but tests are named")),
        }
        for (name, rest) in tests {
            let path = rest.split(')').next().unwrap_or_default();
            let text = fs::read_to_string(docs.join(path)).unwrap_or_default();
            // The tests of the editors are no functions; they are called by sentences.
            let there = if Path::new(path).extension().is_some_and(|extension| extension == "rs") {
                has_test(&text, name)
            } else {
                text.contains(&format!("'{name}'"))
            };
            if !there {
                complaints.push(format!("{feature}: no test `{name}` in {path}"));
            }
        }
    }
    none(&complaints);
    assert!(rows > 60, "{rows} rows were read");
}

/// Whether `name` is a test: the first function behind one of the marks.
fn has_test(text: &str, name: &str) -> bool {
    let mut declared = text.split("#[test]").skip(1).filter_map(|rest| rest.split_once("fn "));
    declared.any(|(_, rest)| rest.strip_prefix(name).is_some_and(|rest| rest.starts_with('(')))
}
