//! Completion: asks the cursor what is being typed, then the registry and the pipeline what may
//! stand there.

use std::cell::Cell;

use text_size::{TextRange, TextSize};

use super::{
    Completion, CompletionKind,
    spot::{self, Actor, Located, Spot},
};
use crate::{
    analysis::Analysis,
    registry::Target,
    syntax::cursor::{self, Cursor, PathSegment, Slot},
    text::TextEdit,
};

mod keys;
pub(super) use keys::{detail, type_names};

mod values;
pub(super) use values::AUTO_ATTRIBUTES;

mod templates;

mod evidence;

mod quotes;

mod comments;

mod snippets;
pub use snippets::without_stops;

mod paths;

/// What may be typed at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completions {
    /// What is offered.
    pub items: Vec<Completion>,
    /// There is more, which is offered once more is typed.
    pub cut: bool,
}

/// What may be typed at `offset`.
pub fn complete(analysis: &Analysis, offset: TextSize) -> Vec<Completion> {
    completions(analysis, offset).items
}

/// The same, and whether something is left out.
pub fn completions(analysis: &Analysis, offset: TextSize) -> Completions {
    let cursor = cursor::cursor(analysis.parse(), offset);
    let located = spot::locate(&cursor.path);
    let request = Request { analysis, offset, cursor: &cursor, located, cut: Cell::new(false) };
    let items = items(&request);
    Completions { items, cut: request.cut.get() }
}

fn items(request: &Request<'_>) -> Vec<Completion> {
    let cursor = request.cursor;
    if !matches!(cursor.slot, Slot::Comment | Slot::Key)
        && let Some(word) = paths::included(request)
    {
        return paths::complete(request, word, paths::Wanted::Included);
    }
    match &cursor.slot {
        Slot::Comment => comments::complete(request),
        Slot::Template => templates::complete(request, false),
        Slot::Auto => values::auto_attributes(request),
        Slot::Key => keys::complete(request),
        Slot::Value { key } => match key.as_str() {
            "condition" | "if" | "while" | "until" | "while_condition" => templates::complete(request, true),
            key => values::complete(request, key),
        },
        Slot::Item => values::items(request),
    }
}

/// What is asked.
struct Request<'a> {
    analysis: &'a Analysis,
    offset: TextSize,
    cursor: &'a Cursor,
    located: Located,
    /// Something is left out.
    cut: Cell<bool>,
}

impl<'a> Request<'a> {
    fn actor(&self) -> Option<Actor<'a>> {
        self.located.actor.map(|start| Actor::at(self.analysis, start))
    }

    /// What the step or item around the cursor does.
    fn target(&self) -> Target<'a> {
        self.actor().map_or(Target::Unknown, |actor| actor.target)
    }

    /// The last key of the path.
    fn last_key(&self) -> Option<&'a str> {
        self.cursor.path.iter().rev().find_map(|segment| match segment {
            PathSegment::Key(key) => Some(key.as_str()),
            PathSegment::Item { .. } => None,
        })
    }

    /// An item that puts the text `label` there, in quotes where YAML would read something else.
    fn word(&self, label: &str, kind: CompletionKind, rank: u32) -> Completion {
        let text = match self.cursor.quote {
            Some(quote) => quotes::inside(label, quote),
            None => quotes::plain(label, self.cursor.flow),
        };
        item(label.to_owned(), kind, self.cursor.word, self.lead() + &text, rank)
    }

    /// What is missing between a key's colon and the value that is typed at once behind it.
    fn lead(&self) -> String {
        let before = &self.analysis.text()[..usize::from(self.cursor.word.start())];
        let glued = matches!(self.cursor.slot, Slot::Value { .. }) && before.ends_with(':');
        if glued { " ".to_owned() } else { String::new() }
    }

    /// An item that replaces the word at the cursor by its label as it stands.
    fn item(&self, label: impl Into<String>, kind: CompletionKind, rank: u32) -> Completion {
        let label = label.into();
        let new_text = self.lead() + &label;
        item(label, kind, self.cursor.word, new_text, rank)
    }
}

fn item(label: String, kind: CompletionKind, word: TextRange, new_text: String, rank: u32) -> Completion {
    Completion {
        label,
        detail: String::new(),
        documentation: String::new(),
        kind,
        edit: TextEdit::replace(word, new_text),
        snippet: false,
        rank,
        deprecated: false,
        commits: "",
    }
}

/// The line on which `offset` stands.
fn line_around(text: &str, offset: TextSize) -> TextRange {
    let at = usize::from(offset);
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    TextRange::new(TextSize::new(start as u32), TextSize::new(end as u32))
}
