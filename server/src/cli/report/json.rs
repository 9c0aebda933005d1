//! The JSON format of contract §3.

use lang::check::{Diagnostic, Fix};
use serde_json::{Value, json};

use super::{Checked, Place, Report};
use crate::pages;

/// One document and a line end.
pub(super) fn render(report: &Report) -> String {
    let diagnostics: Vec<Value> = report
        .checked
        .iter()
        .flat_map(|checked| checked.analysis.diagnostics().iter().map(move |diagnostic| value(checked, diagnostic)))
        .collect();
    let counts = report.counts();
    let document = json!({
        "diagnostics": diagnostics,
        "summary": {
            "files": report.checked.len(),
            "errors": counts.errors,
            "warnings": counts.warnings,
            "information": counts.information,
            "hints": counts.hints,
            "not_pipelines": report.not_pipelines,
            "unreadable": report.unreadable,
        },
    });
    format!("{document:#}\n")
}

fn value(checked: &Checked, diagnostic: &Diagnostic) -> Value {
    let related: Vec<Value> = diagnostic
        .related
        .iter()
        .map(|related| match checked.other(related) {
            Some(other) => Place::of(&other.analysis, related.range)
                .json(&[("file", json!(other.file)), ("message", json!(related.message))], &[]),
            None => Place::of(&checked.analysis, related.range).json(&[("message", json!(related.message))], &[]),
        })
        .collect();
    Place::of(&checked.analysis, diagnostic.range).json(
        &[
            ("file", json!(checked.file)),
            ("code", json!(diagnostic.code.to_string())),
            ("severity", json!(pages::severity_name(diagnostic.severity))),
            ("message", json!(diagnostic.message)),
        ],
        &[
            ("related", Value::Array(related)),
            ("fix", diagnostic.fixes.first().map_or(Value::Null, |fix| fix_value(checked, fix))),
            ("url", json!(pages::url(diagnostic.code))),
        ],
    )
}

fn fix_value(checked: &Checked, fix: &Fix) -> Value {
    let edits = fix.edits.iter();
    let edits: Vec<Value> = edits
        .map(|edit| Place::of(&checked.analysis, edit.range).json(&[], &[("new_text", json!(edit.new_text))]))
        .collect();
    json!({ "title": fix.title, "edits": edits })
}
