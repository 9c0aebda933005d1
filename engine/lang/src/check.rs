//! The rules: what is wrong with a pipeline, where, and how to mend it.

use text_size::TextRange;

use crate::{analysis::Facts, text::TextEdit};

pub mod codes;
pub use codes::{Code, CodeSpec};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The pipeline cannot run.
    Error,
    /// It runs, but likely not as meant.
    Warning,
    /// Worth knowing.
    Information,
    /// A better way exists.
    Hint,
}

/// How an editor may draw it besides (LSP 3.17 `DiagnosticTag`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tag {
    /// Faded.
    Unnecessary,
    /// Struck through.
    Deprecated,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its code, e.g. `ORC204`.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// For people, in the house wording.
    pub message: String,
    /// The exact token.
    pub range: TextRange,
    /// Other places that belong to it.
    pub related: Vec<Related>,
    /// How to mend it, the best way first.
    pub fixes: Vec<Fix>,
    /// How it may be drawn.
    pub tag: Option<Tag>,
}

/// Another place a [`Diagnostic`] is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Related {
    /// What is there.
    pub message: String,
    /// Where.
    pub range: TextRange,
}

/// A way to mend a [`Diagnostic`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// For the menu: "Change to `filesystem`".
    pub title: String,
    /// What to do.
    pub edits: Vec<TextEdit>,
    /// Keeps what the pipeline means, so `--fix` may apply it unasked.
    pub safe: bool,
}

/// Runs all rules over the facts of a document. The result is in order of place, without doubles,
/// inline ignores (`# orc: ignore ORC204 [reason]`) applied.
pub fn check(facts: &Facts<'_>) -> Vec<Diagnostic> {
    let _ = facts;
    Vec::new()
}
