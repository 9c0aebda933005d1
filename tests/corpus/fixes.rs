//! Fixes, on every real file: each mends what it is about and breaks nothing; all of them together
//! are made once and for all.

use std::collections::{BTreeMap, BTreeSet};

use lang::{
    analysis::Analysis,
    check::{Diagnostic, Severity},
    ide::actions,
    text::apply_edits,
};

use crate::{analyse, manifest};

/// How often each thing is said.
fn said(analysis: &Analysis) -> BTreeMap<String, i64> {
    let mut said = BTreeMap::new();
    for found in analysis.diagnostics() {
        *said.entry(format!("{} {}", found.code, found.message)).or_default() += 1;
    }
    said
}

/// What is said of `after` more often than of `before`.
fn new(before: &Analysis, after: &Analysis) -> Vec<String> {
    let mut counts = said(after);
    for (what, count) in said(before) {
        *counts.entry(what).or_default() -= count;
    }
    counts.into_iter().filter(|(_, count)| *count > 0).map(|(what, _)| what).collect()
}

fn still(found: &Diagnostic, before: &Analysis, after: &Analysis) -> bool {
    let what = format!("{} {}", found.code, found.message);
    said(before).get(&what) == said(after).get(&what)
}

#[test]
fn every_fix_mends_what_it_is_about_and_adds_nothing() {
    let mut applied = 0;
    let mut wrong = Vec::new();
    for row in manifest() {
        let before = analyse(&row);
        for found in before.diagnostics() {
            for fix in &found.fixes {
                let after = before.with_text(&apply_edits(before.text(), &fix.edits));
                applied += 1;
                let place = format!("{}: {} {}: {}", row.path, found.code, found.message, fix.title);
                if still(found, &before, &after) {
                    wrong.push(format!("{place}\n    is still said"));
                }
                for new in new(&before, &after) {
                    wrong.push(format!("{place}\n    new: {new}"));
                }
            }
        }
    }
    println!("{applied} fixes applied");
    assert!(wrong.is_empty(), "{} of {applied}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn all_fixes_are_made_once_and_for_all() {
    let mut rejected = 0;
    let mut mended = Vec::new();
    let mut clean_before = 0;
    let mut rest = Vec::new();
    for row in manifest() {
        let before = analyse(&row);
        let text = actions::fix_all(&before, &|_| true);
        let after = before.with_text(&text);
        assert_eq!(actions::fix_all(&after, &|_| true), text, "{} a second time", row.path);
        assert_eq!(new(&before, &after), Vec::<String>::new(), "{}", row.path);
        let left = after.diagnostics().iter().filter(|found| found.fixes.iter().any(|fix| fix.safe));
        assert_eq!(left.count(), 0, "{}: a safe fix is left", row.path);
        if row.validates || !row.parses {
            continue;
        }
        rejected += 1;
        let errors = |analysis: &Analysis| -> BTreeSet<String> {
            let errors = analysis.diagnostics().iter().filter(|found| found.severity == Severity::Error);
            errors.map(|found| format!("{} {}", found.code, found.message)).collect()
        };
        if errors(&before).is_empty() {
            clean_before += 1;
        } else if errors(&after).is_empty() {
            mended.push(row.path);
        } else {
            let why: Vec<String> = errors(&after).into_iter().collect();
            rest.push(format!("{}\n    {}", row.path, why.join("\n    ")));
        }
    }
    println!(
        "py-orc rejects {rejected} files that are YAML: {clean_before} have no error for orc, {} are free of errors after --fix:\n{mended:#?}\nthe rest:\n{}",
        mended.len(),
        rest.join("\n")
    );
    assert_eq!((rejected, clean_before, mended.len(), rest.len()), (52, 22, 7, 23));
}
