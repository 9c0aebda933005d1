//! The rules: what is wrong with a pipeline, where, and how to mend it.

use camino::Utf8PathBuf;
use text_size::TextRange;

use crate::{
    beside::beside,
    graph::Graph,
    model::{Pipeline, lower::sites::Site},
    registry::Registry,
    syntax::{Parse, Tree},
    template::Templates,
    text::TextEdit,
};

pub mod codes;
pub use codes::{Code, CodeSpec};
pub(crate) use edits::in_braces;
pub(crate) use ignores::Comments;
pub use ignores::is_ignored;

mod checker;
mod edits;
pub(crate) mod values;

mod auto;
mod commands;
mod control;
mod fields;
mod handlers;
mod ignores;
mod inputs;
mod keys;
mod models;
mod offers;
mod parameters;

mod paths;
mod references;
mod secrets;
mod structure;
mod templates;
mod tools;
mod yaml;

use checker::Checker;

/// What the rules read.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The tree and its problems.
    pub parse: &'a Parse,
    /// The typed pipeline.
    pub pipeline: &'a Pipeline,
    /// Parsed templates.
    pub templates: &'a Templates,
    /// Where they stand.
    pub sites: &'a [Site],
    /// The step graph.
    pub graph: &'a Graph,
    /// What exists.
    pub registry: &'a Registry,
}

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
    /// The file it is in, if that is another one.
    pub file: Option<Utf8PathBuf>,
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

impl Diagnostic {
    /// A finding of `code`, with its default severity.
    pub(crate) fn new(code: Code, range: TextRange, message: impl Into<String>) -> Self {
        let severity = codes::code(code).map_or(Severity::Error, |spec| spec.severity);
        let message = message.into();
        Self { code, severity, message, range, related: Vec::new(), fixes: Vec::new(), tag: None }
    }

    /// Adds "did you mean" with its fix, if there is a candidate.
    pub(crate) fn suggest(&mut self, candidate: Option<&str>) -> &mut Self {
        self.suggest_if(true, candidate);
        self
    }

    /// The same, with the fix only where it is `likely` to be all that is wrong.
    pub(crate) fn suggest_if(&mut self, likely: bool, candidate: Option<&str>) {
        let Some(candidate) = candidate else { return };
        self.message.extend([format!("; did you mean `{candidate}`?")]);
        if likely {
            let edit = TextEdit::replace(self.range, candidate);
            self.fix(format!("Change to `{candidate}`"), vec![edit]);
        }
    }
}

/// Runs all rules that need this document alone. [`finish`] makes a list for people of what they find.
pub(crate) fn check(facts: &Facts<'_>) -> Vec<Diagnostic> {
    if facts.pipeline.steps.len() < MANY_STEPS {
        let mut checker = Checker::new(facts);
        keys_and_structure(&mut checker);
        what_steps_do(&mut checker);
        return checker.found;
    }
    let rules = |rules: fn(&mut Checker<'_>)| {
        let mut checker = Checker::new(facts);
        rules(&mut checker);
        checker.found
    };
    let (mut found, more) = beside(|| rules(keys_and_structure), || rules(what_steps_do));
    found.extend(more);
    found
}

/// From so many steps on half of the rules are looked at on a thread of their own.
const MANY_STEPS: usize = 500;

fn keys_and_structure(checker: &mut Checker<'_>) {
    yaml::check(checker);
    if is_pipeline(checker) {
        keys::check(checker);
        structure::check(checker);
        inputs::check(checker);
        references::check(checker);
    }
}

fn what_steps_do(checker: &mut Checker<'_>) {
    if is_pipeline(checker) {
        templates::check(checker);
        tools::check(checker);
        models::check(checker);
        offers::check(checker);
        auto::check(checker);
        control::check(checker);
        handlers::check(checker);
        paths::check(checker);
        commands::check(checker);
        secrets::check(checker);
    }
}

fn is_pipeline(checker: &Checker<'_>) -> bool {
    checker.tree.is_mapping(checker.facts.pipeline.node)
}

/// `found` in order of place, without doubles, inline ignores (`# orc: ignore ORC204 [reason]`)
/// applied.
pub(crate) fn finish(tree: &Tree, mut found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    found.sort_by(|one, other| {
        let key = |diagnostic: &Diagnostic| (diagnostic.range.start(), diagnostic.range.end(), diagnostic.code);
        key(one).cmp(&key(other)).then_with(|| one.message.cmp(&other.message))
    });
    found.dedup_by(|one, other| one.range == other.range && one.code == other.code && one.message == other.message);
    ignores::apply(tree, found)
}
