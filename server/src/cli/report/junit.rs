//! JUnit XML: a suite per file, a failed case per error or warning.

use std::fmt::Write;

use lang::check::Severity;

use super::{Place, Report};
use crate::pages;

/// One document and a line end.
pub(super) fn render(report: &Report) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"orc\">\n");
    for checked in &report.checked {
        let failed: Vec<_> =
            checked.analysis.diagnostics().iter().filter(|found| found.severity <= Severity::Warning).collect();
        let name = escape(&checked.file);
        let tests = failed.len().max(1);
        let _ = writeln!(
            text,
            "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{}\" errors=\"0\">",
            failed.len()
        );
        if failed.is_empty() {
            let _ = writeln!(text, "    <testcase classname=\"{name}\" name=\"valid\"/>");
        }
        for found in failed {
            let place = Place::of(&checked.analysis, found.range);
            let code = found.code;
            let message = escape(&found.message);
            let severity = pages::severity_name(found.severity);
            let _ = writeln!(
                text,
                "    <testcase classname=\"{name}\" name=\"{code} {}:{}\">\n      <failure type=\"{severity}\" message=\"{message}\"/>\n    </testcase>",
                place.line, place.column
            );
        }
        text.push_str("  </testsuite>\n");
    }
    if !report.unreadable.is_empty() {
        let count = report.unreadable.len();
        let _ = writeln!(text, "  <testsuite name=\"unreadable\" tests=\"{count}\" failures=\"0\" errors=\"{count}\">");
        for message in &report.unreadable {
            let message = escape(message);
            let _ = writeln!(
                text,
                "    <testcase classname=\"unreadable\" name=\"{message}\"><error message=\"{message}\"/></testcase>"
            );
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

/// Escapes for an attribute; characters XML cannot hold are replaced.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\r' => escaped.push_str("&#13;"),
            '\t' => escaped.push_str("&#9;"),
            other if other.is_control() || matches!(other, '\u{fffe}' | '\u{ffff}') => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}
