//! Editor features as functions of an [`crate::analysis::Analysis`] and an offset. Results are plain
//! data in the editor's words; nothing here knows the protocol.

use text_size::TextRange;

use crate::{check::Fix, text::TextEdit};

pub mod actions;
pub mod completion;
pub mod folding;
pub mod format;
pub mod hover;
pub mod inlays;
pub mod lenses;
pub mod navigate;
pub mod rename;
pub mod signature;
pub mod symbols;
pub mod tokens;

mod comments;

mod spot;

mod tests;

/// What a hover shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hover {
    /// What it is about.
    pub range: TextRange,
    /// Markdown.
    pub markdown: String,
}

/// A node of the outline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// Its name, e.g. a step's id.
    pub name: String,
    /// A word beside it, e.g. the tool and operation.
    pub detail: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All of it.
    pub range: TextRange,
    /// Its name's place, inside `range`.
    pub selection: TextRange,
    /// What is inside.
    pub children: Vec<Symbol>,
}

/// The kinds of [`Symbol`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SymbolKind {
    /// A pipeline.
    Pipeline,
    /// A group such as `inputs`, `steps`, `outputs`.
    Group,
    /// A step.
    Step,
    /// A loop step.
    Loop,
    /// An input.
    Input,
    /// An output.
    Output,
    /// A key.
    Key,
}

/// A completion item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// Shown in the list and matched against what is typed.
    pub label: String,
    /// Beside the label: a type, a default.
    pub detail: String,
    /// Markdown.
    pub documentation: String,
    /// What it is.
    pub kind: CompletionKind,
    /// What to do when it is taken.
    pub edit: TextEdit,
    /// The edit's text is a snippet with `$1` stops.
    pub snippet: bool,
    /// Ranks items: smaller first.
    pub rank: u32,
    /// Struck through.
    pub deprecated: bool,
    /// Characters that take it when they are typed: those that can follow it and nothing shorter.
    pub commits: &'static str,
}

/// The kinds of [`Completion`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CompletionKind {
    /// A key.
    Key,
    /// A value of a closed list.
    Value,
    /// A tool.
    Tool,
    /// An action or operation.
    Action,
    /// A step id.
    Step,
    /// An input, loop variable or runtime name.
    Variable,
    /// A field of a result.
    Field,
    /// A filter, test or function.
    Function,
    /// A model.
    Model,
    /// A word of the template language.
    Keyword,
    /// A file or directory.
    Path,
    /// A snippet.
    Snippet,
}

/// A command above a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lens {
    /// Where.
    pub range: TextRange,
    /// What is offered.
    pub kind: LensKind,
}

/// The kinds of [`Lens`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LensKind {
    /// Run the pipeline.
    Run,
    /// Run this step of the root alone.
    RunStep(String),
    /// Run this step of the root and all that follows from it.
    RunFrom(String),
}

/// An offered change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The change.
    pub fix: Fix,
    /// What it is for.
    pub kind: ActionKind,
    /// The index, in the document's diagnostics, of the one it is about.
    pub diagnostic: Option<usize>,
}

/// The kinds of [`Action`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActionKind {
    /// Mends a diagnostic.
    Fix,
    /// Silences one.
    Ignore,
    /// Takes something out to where it has a name.
    Extract,
    /// Writes the same in another form.
    Rewrite,
}
