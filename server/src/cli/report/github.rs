//! Annotations of GitHub Actions (`::error file=…::…`).

use std::fmt::Write;

use lang::check::Severity;

use super::{Place, Report};

/// A line per diagnostic.
pub(super) fn render(report: &Report) -> String {
    let mut text = String::new();
    for checked in &report.checked {
        for found in checked.analysis.diagnostics() {
            let command = match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Information | Severity::Hint => "notice",
            };
            let place = Place::of(&checked.analysis, found.range);
            let file = property(&checked.file);
            let _ = write!(text, "::{command} file={file},line={},endLine={}", place.line, place.end_line);
            // GitHub ignores columns of a range over several lines.
            if place.line == place.end_line {
                let _ = write!(text, ",col={},endColumn={}", place.column, place.end_column);
            }
            let _ = writeln!(text, ",title={}::{}", found.code, data(&found.message));
        }
    }
    for message in &report.unreadable {
        let _ = writeln!(text, "::error::{}", data(message));
    }
    text
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
