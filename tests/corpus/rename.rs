//! Another name for each step of each file without errors: everything else stays as it is.

use lang::{
    analysis::Analysis,
    check::Severity,
    ide::rename::{self, FileEdits},
    text::apply_edits,
};

use crate::{analyse, manifest};

const FRESH: &str = "quite_another_name";

/// All diagnostics, the fresh name said as `name`.
fn said(analysis: &Analysis, name: &str) -> Vec<String> {
    let found = analysis.diagnostics().iter();
    found.map(|found| format!("{} {}", found.code, found.message).replace(FRESH, name)).collect()
}

#[test]
fn every_step_can_have_another_name() {
    let mut renamed = 0;
    for row in manifest() {
        let before = analyse(&row);
        if before.recognised().is_none() || before.diagnostics().iter().any(|found| found.severity == Severity::Error) {
            continue;
        }
        for step in before.pipeline().all_steps() {
            let Some(id) = &step.id else { continue };
            let files = rename::rename(&before, id.range.start(), FRESH)
                .unwrap_or_else(|why| panic!("{} `{}`: {why}", row.path, id.value));
            // Files beside it name no step.
            let [FileEdits { file: None, edits }] = files.as_slice() else { panic!("{}: {files:?}", row.path) };
            let after = before.with_text(&apply_edits(before.text(), edits));
            assert_eq!(said(&before, &id.value), said(&after, &id.value), "{} `{}`", row.path, id.value);
            assert!(after.pipeline().all_steps().iter().all(|step| step.id_text() != id.value));
            let edges = |analysis: &Analysis| -> Vec<(u32, u32)> {
                analysis.graph().edges.iter().map(|edge| (edge.from.0, edge.to.0)).collect()
            };
            assert_eq!(edges(&before), edges(&after), "{} `{}`", row.path, id.value);
            renamed += 1;
        }
    }
    println!("{renamed} steps renamed");
    assert!(renamed > 0);
}
