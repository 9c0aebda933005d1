//! What stands inside a text: `{{ … }}`, `{% … %}`, `{# … #}`, file inclusion and AUTO tags, with
//! the names they use. Parsing is minijinja's own, so that what is accepted here renders there; a
//! text that does not parse still yields what a lexer can see.
//!
//! Ranges are offsets into the text that was given; [`crate::syntax::Decoded`] maps them to the file.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use text_size::{TextRange, TextSize};

use crate::syntax::NodeId;

pub mod scan;

pub mod shell;

pub mod auto;

pub mod condition;

pub mod context;

mod refs;

mod walk;

mod explain;

mod lex;

mod tests;

/// How a text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reading {
    /// A template: text with `{{ }}` in it.
    Template,
    /// A condition (`condition`, `if`, `while`, `until`): one expression, bare or in braces, a mix
    /// (braces then are parentheses), or a constant word (contract §2.8).
    Condition,
}

/// What a text turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// No braces, no tag: plain text.
    Plain,
    /// Exactly one `{{ expression }}` and nothing else: keeps the expression's type.
    Expression,
    /// Text with templates in it: renders to text.
    Mixed,
    /// Exactly one AUTO tag.
    Auto,
    /// Text with AUTO tags in it.
    MixedAuto,
    /// A condition that reads as a constant.
    Constant(bool),
}

/// A parsed text.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// What it is as a whole.
    pub shape: Shape,
    /// The pieces in order; joined they are the text.
    pub segments: Vec<Segment>,
    /// Uses of names that are not bound inside the template itself, in order of place.
    pub references: Vec<Reference>,
    /// Uses of names that the template itself binds (`{% for %}`, `{% set %}`), in order of place.
    pub locals: Vec<LocalUse>,
    /// Where it binds names (`{% for %}`, `{% set %}`), in order of place.
    pub bound: Vec<Bound>,
    /// Where the whole value comes from, if the text is one expression that is a path.
    pub value: Option<Origin>,
    /// Uses of filters, in order of place.
    pub filters: Vec<NameUse>,
    /// Uses of tests.
    pub tests: Vec<NameUse>,
    /// AUTO tags, outermost only; nested ones are inside [`auto::AutoTag::nested`].
    pub autos: Vec<auto::AutoTag>,
    /// Why it does not parse, if so.
    pub errors: Vec<TemplateError>,
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// What it is.
    pub kind: SegmentKind,
    /// The piece, delimiters included.
    pub range: TextRange,
    /// Without the delimiters (`{{-`, `}}` …).
    pub inner: TextRange,
}

/// The kinds of [`Segment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SegmentKind {
    /// Literal text.
    Text,
    /// `{{ … }}`
    Expression,
    /// `{% … %}`
    Statement,
    /// `{# … #}`
    Comment,
    /// `{{ file:path }}`; `inner` is the path.
    FileInclude,
    /// `<< path >>`; `inner` is the path.
    AngleInclude,
    /// `<AUTO …>…</AUTO>`; `inner` is the body.
    Auto,
    /// An opener without its closer; runs to the end of its line.
    Unclosed,
}

/// A use of a name, e.g. `step.result.items[0]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    /// The first name, `$` excluded.
    pub root: String,
    /// Its place, `$` included.
    pub root_range: TextRange,
    /// It is written `$name` (deprecated spelling).
    pub dollar: bool,
    /// What is taken from it, in order.
    pub path: Vec<Access>,
    /// The root and its whole path.
    pub range: TextRange,
    /// Its absence is provided for: `is defined`, `default()`, `d()`, or in the branch of an
    /// `if x is defined`.
    pub guarded: bool,
    /// How many steps of `path` the guard covers: `x` and `x.a` of `x.a.b` under `if x.a is defined`
    /// is 1. Zero if nothing, or only the root, is guarded.
    pub guarded_path: usize,
    /// It is called: number of positional and keyword arguments.
    pub call: Option<CallShape>,
}

/// A use of a name that the template itself binds.
#[derive(Debug, Clone, PartialEq)]
pub struct LocalUse {
    /// The use.
    pub used: Reference,
    /// Where the name is bound, for the first time in its scope; `None` for those the language binds
    /// (`loop`).
    pub declared: Option<TextRange>,
    /// Where the bound value comes from, if that can be told.
    pub origin: Option<Origin>,
}

/// A place where a template binds a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// The name.
    pub range: TextRange,
    /// Where the same scope binds it first.
    pub first: TextRange,
}

/// Where a value comes from: a name that is not bound in the template, and what is taken from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The name.
    pub root: String,
    /// What is taken, in order; an item of a list is [`AccessKind::Dynamic`].
    pub path: Vec<AccessKind>,
}

impl Origin {
    /// An item of this value.
    pub fn item(mut self) -> Self {
        self.path.push(AccessKind::Dynamic);
        self
    }

    /// What `path` leads to from here.
    pub fn then(mut self, path: impl IntoIterator<Item = AccessKind>) -> Self {
        self.path.extend(path);
        self
    }
}

/// One step of a reference's path.
#[derive(Debug, Clone, PartialEq)]
pub struct Access {
    /// What is taken.
    pub kind: AccessKind,
    /// Its place: the name without the dot, or the subscript without the brackets.
    pub range: TextRange,
}

/// The kinds of [`Access`].
#[derive(Debug, Clone, PartialEq)]
pub enum AccessKind {
    /// `.name` or `['name']`
    Field(String),
    /// `[0]`, `[-1]`
    Index(i64),
    /// `[expression]`: some item, not known before the run.
    Dynamic,
    /// `[from:to]`: a part of the list.
    Slice,
    /// `.name(…)`: a method call.
    Method(String),
}

/// How a reference is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallShape {
    /// Positional arguments.
    pub positional: usize,
    /// Keyword arguments.
    pub keyword: usize,
    /// The whole call, closing parenthesis included.
    pub range: TextRange,
}

/// A use of a filter or test.
#[derive(Debug, Clone, PartialEq)]
pub struct NameUse {
    /// Its name.
    pub name: String,
    /// The name's place.
    pub range: TextRange,
    /// Number of arguments given, the filtered value excluded.
    pub arguments: usize,
}

/// Why a template does not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    /// For people, with the remedy where one is known.
    pub message: String,
    /// The guilty place.
    pub range: TextRange,
}

/// The parsed templates of a document by scalar node; plain scalars have none.
pub type Templates = FxHashMap<NodeId, Arc<Template>>;

/// Parses `text` read as `reading`. Never fails.
pub fn parse(text: &str, reading: Reading) -> Template {
    refs::parse(text, reading)
}

/// What `text` is and its pieces, for who renders it at once: minijinja looks into them then, and says whether
/// they parse. `None` where only [`parse`] can tell.
pub fn outline(text: &str) -> Option<(Shape, Vec<Segment>)> {
    refs::outline(text)
}

/// Whether `text` holds nothing that a template, an inclusion or an AUTO tag could begin with; a
/// cheap test that lets plain text pass untouched.
pub fn is_plain(text: &str) -> bool {
    let mut rest = text;
    while let Some(at) = rest.find(['{', '<']) {
        let tail = &rest[at..];
        let begins = matches!(tail.as_bytes(), [b'{', b'{' | b'%' | b'#', ..] | [b'<', b'<', ..]);
        if begins || tail.starts_with("<AUTO") || tail.starts_with("</AUTO") {
            return false;
        }
        rest = &tail[1..];
    }
    true
}

/// The text that minijinja parses for `text`, of the same length: `$item` becomes ` item`, and
/// `{{ file:… }}` is blank (the engine puts the file's text there before). Offsets stay true.
pub fn normalise(text: &str) -> std::borrow::Cow<'_, str> {
    scan::normalise(text)
}

/// What stands at `offset` inside a template, for completion: the innermost open `{{`/`{%` before it.
pub fn context_at(text: &str, offset: TextSize) -> Option<context::ExprContext> {
    context::context_at(text, offset)
}

/// The same for a text that is read as a condition: outside of braces it is an expression as well.
pub fn condition_context_at(text: &str, offset: TextSize) -> context::ExprContext {
    context::context_at(text, offset).unwrap_or_else(|| context::bare_context_at(text, offset))
}

/// The inside of the quotes of the first argument of the call at `call`, if that is a literal text.
pub fn literal_argument(text: &str, call: TextRange) -> Option<TextRange> {
    let tokens = lex::tokens(text, call);
    let open = tokens.iter().position(|token| &text[token.range] == "(")?;
    unquoted(text, *tokens.get(open + 1)?)
}

/// What stands between the parentheses of the filter `next`, if it is applied to just what the filter at `name`
/// gives: `…| name(…) | next(…)`.
pub(crate) fn arguments_of_next_filter(text: &str, name: TextRange, next: TextRange) -> Option<TextRange> {
    let tokens = lex::tokens(text, TextRange::new(name.end(), TextSize::of(text)));
    let word = |at: usize| tokens.get(at).map_or("", |token| &text[token.range]);
    let pipe = lex::closing(text, &tokens, 0)? + 1;
    if word(pipe) != "|" || tokens.get(pipe + 1)?.range != next {
        return None;
    }
    let close = lex::closing(text, &tokens, pipe + 2)?;
    Some(TextRange::new(tokens[pipe + 2].range.end(), tokens[close].range.start()))
}

/// The names that statements before `offset` bind and that are still in scope there.
pub fn locals_at(text: &str, offset: TextSize) -> Vec<String> {
    context::locals_at(text, offset)
}

/// The literal texts of an expression that may be its value as they stand: alone, a branch of `if …
/// else`, or what `default()` gives; the insides of their quotes.
pub fn literal_results(text: &str, expression: TextRange) -> Vec<TextRange> {
    let tokens = lex::tokens(text, expression);
    let word = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or("", |token| &text[token.range]);
    let stands = |at: &usize| {
        let before = at.checked_sub(1);
        let begins = match word(before) {
            "" | "else" => true,
            "(" => matches!(word(before.and_then(|before| before.checked_sub(1))), "default" | "d"),
            _ => false,
        };
        begins && matches!(word(Some(at + 1)), "" | "if" | ")" | "|")
    };
    (0..tokens.len()).filter(stands).filter_map(|at| unquoted(text, tokens[at])).collect()
}

/// The insides of the quotes of the arguments of the call at `call`, if all are literal texts.
pub fn literal_arguments(text: &str, call: TextRange) -> Option<Vec<TextRange>> {
    let tokens = lex::tokens(text, call);
    let open = tokens.iter().position(|token| &text[token.range] == "(")?;
    let inside = &tokens[open + 1..tokens.len().checked_sub(1)?];
    let arguments = inside.split(|token| &text[token.range] == ",");
    arguments.map(|argument| if let [only] = argument { unquoted(text, *only) } else { None }).collect()
}

/// The inside of a quoted text that needs no unescaping.
fn unquoted(text: &str, token: lex::Token) -> Option<TextRange> {
    let one = TextSize::new(1);
    let quoted = matches!(token.kind, lex::TokenKind::Quoted { closed: true });
    let inside = quoted.then(|| TextRange::new(token.range.start() + one, token.range.end() - one))?;
    (!text[inside].contains('\\')).then_some(inside)
}

/// The words that may follow `{%`.
pub fn statement_words() -> &'static [&'static str] {
    &explain::STATEMENT_WORDS
}
