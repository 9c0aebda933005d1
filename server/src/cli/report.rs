//! Diagnostics of any number of files in the formats people and machines ask for.

use std::sync::Arc;

use clap::ValueEnum;
use lang::{
    analysis::Analysis,
    check::{Related, Severity},
    text::{Encoding, Position, TextRange},
};
use serde_json::{Value, json};

mod github;

mod json;

mod junit;

mod sarif;

mod text;

/// A format of diagnostics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people, with the source.
    Text,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// JUnit XML, for test reports.
    Junit,
}

/// An analysed file.
#[derive(Debug)]
pub(crate) struct Checked {
    /// As the user named it.
    pub(crate) file: String,
    /// The analysis.
    pub(crate) analysis: Arc<Analysis>,
}

impl Checked {
    /// The file that `related` is in, if it is another one and can still be read.
    fn other(&self, related: &Related) -> Option<Self> {
        let path = related.file.as_ref()?;
        let workspace = self.analysis.workspace()?;
        let analysis = workspace.files.analysis(path)?;
        Some(Self { file: workspace.shown(path).to_string(), analysis })
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Pipelines.
    pub(crate) checked: Vec<Checked>,
    /// Files that are no pipelines.
    pub(crate) not_pipelines: Vec<String>,
    /// Why other files could not be read.
    pub(crate) unreadable: Vec<String>,
}

/// How many of each severity.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    pub(crate) information: usize,
    pub(crate) hints: usize,
}

impl Report {
    /// Renders the report; `colour` concerns text alone.
    pub(crate) fn render(&self, format: Format, colour: bool) -> String {
        match format {
            Format::Text => text::render(self, colour),
            Format::Json => json::render(self),
            Format::Sarif => sarif::render(self),
            Format::Github => github::render(self),
            Format::Junit => junit::render(self),
        }
    }

    /// Counts the diagnostics.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for diagnostic in self.checked.iter().flat_map(|checked| checked.analysis.diagnostics()) {
            match diagnostic.severity {
                Severity::Error => counts.errors += 1,
                Severity::Warning => counts.warnings += 1,
                Severity::Information => counts.information += 1,
                Severity::Hint => counts.hints += 1,
            }
        }
        counts
    }
}

/// A range as people count: lines and characters from 1, the end exclusive.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) line: u32,
    pub(crate) column: u32,
    pub(crate) end_line: u32,
    pub(crate) end_column: u32,
}

impl Place {
    /// The place of `range` in the text of `analysis`.
    pub(crate) fn of(analysis: &Analysis, range: TextRange) -> Self {
        let at = |offset| analysis.lines().position(analysis.text(), offset, Encoding::Utf32);
        let (start, end): (Position, Position) = (at(range.start()), at(range.end()));
        Self { line: start.line + 1, column: start.column + 1, end_line: end.line + 1, end_column: end.column + 1 }
    }

    /// `{line, column, end_line, end_column}` and the fields of `more` around it.
    fn json(self, before: &[(&str, Value)], after: &[(&str, Value)]) -> Value {
        let place = [
            ("line", json!(self.line)),
            ("column", json!(self.column)),
            ("end_line", json!(self.end_line)),
            ("end_column", json!(self.end_column)),
        ];
        let fields = before.iter().chain(&place).chain(after);
        Value::Object(fields.map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }
}

/// `1 error`, `2 errors`.
pub(crate) fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}
