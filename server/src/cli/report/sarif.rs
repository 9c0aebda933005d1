//! SARIF 2.1.0, for code scanning services.

use std::{fmt::Write, path::Path};

use lang::{
    check::{Code, CodeSpec, Diagnostic, Severity, codes},
    text::TextRange,
};
use serde_json::{Value, json};

use super::{Checked, Place, Report};
use crate::pages;

/// One log with one run and a line end. The rules are those that were broken.
pub(super) fn render(report: &Report) -> String {
    let mut rules: Vec<Code> =
        report.checked.iter().flat_map(|checked| checked.analysis.diagnostics()).map(|found| found.code).collect();
    rules.sort();
    rules.dedup();
    let results: Vec<Value> = report
        .checked
        .iter()
        .flat_map(|checked| checked.analysis.diagnostics().iter().map(|found| result(checked, found, &rules)))
        .collect();
    let unreadable: Vec<Value> =
        report.unreadable.iter().map(|message| json!({ "level": "error", "message": { "text": message } })).collect();
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "orc",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().filter_map(|code| codes::code(*code)).map(rule).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": unreadable.is_empty(),
                "toolExecutionNotifications": unreadable,
            }],
            "results": results,
        }],
    });
    format!("{log:#}\n")
}

fn rule(spec: &CodeSpec) -> Value {
    json!({
        "id": spec.code.to_string(),
        "name": spec.name,
        "shortDescription": { "text": spec.summary },
        "help": { "text": spec.doc, "markdown": spec.doc },
        "helpUri": pages::url(spec.code),
        "defaultConfiguration": { "level": level(spec.severity) },
    })
}

fn result(checked: &Checked, found: &Diagnostic, rules: &[Code]) -> Value {
    let mut result = json!({
        "ruleId": found.code.to_string(),
        "level": level(found.severity),
        "message": { "text": found.message },
        "locations": [{ "physicalLocation": place(checked, found.range) }],
        "properties": { "severity": pages::severity_name(found.severity) },
    });
    if let Ok(index) = rules.binary_search(&found.code)
        && codes::code(found.code).is_some()
    {
        result["ruleIndex"] = json!(index);
    }
    if !found.related.is_empty() {
        let related = found.related.iter().enumerate();
        result["relatedLocations"] = related
            .map(|(id, related)| {
                let other = checked.other(related);
                let place = place(other.as_ref().unwrap_or(checked), related.range);
                json!({ "id": id, "message": { "text": related.message }, "physicalLocation": place })
            })
            .collect();
    }
    if !found.fixes.is_empty() {
        result["fixes"] = found
            .fixes
            .iter()
            .map(|fix| {
                let replacements: Vec<Value> = fix
                    .edits
                    .iter()
                    .map(|edit| json!({ "deletedRegion": region(checked, edit.range), "insertedContent": { "text": edit.new_text } }))
                    .collect();
                json!({
                    "description": { "text": fix.title },
                    "artifactChanges": [{ "artifactLocation": { "uri": uri(&checked.file) }, "replacements": replacements }],
                })
            })
            .collect();
    }
    result
}

fn place(checked: &Checked, range: TextRange) -> Value {
    json!({ "artifactLocation": { "uri": uri(&checked.file) }, "region": region(checked, range) })
}

fn region(checked: &Checked, range: TextRange) -> Value {
    let place = Place::of(&checked.analysis, range);
    json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endLine": place.end_line,
        "endColumn": place.end_column,
    })
}

/// SARIF has three levels; the fourth stands in `properties.severity`.
fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Information | Severity::Hint => "note",
    }
}

/// A path as a URI reference (RFC 3986): absolute ones get a scheme, what is not allowed is escaped.
fn uri(file: &str) -> String {
    let path = if cfg!(windows) { file.replace('\\', "/") } else { file.to_owned() };
    let mut uri = String::new();
    if Path::new(file).is_absolute() {
        uri.push_str(if path.starts_with('/') { "file://" } else { "file:///" });
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(byte as char),
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}
