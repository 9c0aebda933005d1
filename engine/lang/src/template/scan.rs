//! A resilient scanner over text with templates in it: finds the pieces, whatever is unclosed.

use std::borrow::Cow;

use text_size::{TextRange, TextSize};

use super::Segment;

/// Splits `text` into its pieces, which tile it.
pub fn segments(text: &str) -> Vec<Segment> {
    let _ = text;
    Vec::new()
}

/// What is being typed inside a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprContext {
    /// What kind of name belongs there.
    pub expects: Expects,
    /// The word around the cursor, which a completion replaces.
    pub word: TextRange,
    /// The part of the word before the cursor.
    pub prefix: String,
    /// Inside `{% %}` rather than `{{ }}`.
    pub statement: bool,
    /// Names bound by the `{% for %}`/`{% set %}` before the cursor that are still in scope.
    pub locals: Vec<String>,
}

/// The kind of name that belongs at a place in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expects {
    /// A variable or function.
    Name,
    /// A field of the path before the dot, e.g. `["step", "result"]`.
    Field(Vec<String>),
    /// A filter, after `|`.
    Filter,
    /// A test, after `is`.
    Test,
    /// A statement word, just after `{%`.
    Statement,
    /// Nothing (inside a string literal).
    Nothing,
}

pub(super) fn context_at(text: &str, offset: TextSize) -> Option<ExprContext> {
    let _ = (text, offset);
    None
}

pub(super) fn normalise(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}
