//! What is being typed inside a template, however broken the text is.

use text_size::{TextRange, TextSize};

use super::{
    Origin, Segment, SegmentKind, explain,
    lex::{self, Token, TokenKind},
    scan,
    walk::Walk,
};

/// What is being typed inside a template.
#[derive(Debug, Clone, PartialEq)]
pub struct ExprContext {
    /// What kind of name belongs there.
    pub expects: Expects,
    /// The word around the cursor, which a completion replaces.
    pub word: TextRange,
    /// The part of the word before the cursor.
    pub prefix: String,
    /// Inside `{% %}` rather than `{{ }}`.
    pub statement: bool,
    /// Names bound by the `{% for %}`/`{% set %}` before the cursor that are still in scope, with
    /// where their value comes from.
    pub locals: Vec<(String, Option<Origin>)>,
}

/// The kind of name that belongs at a place in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expects {
    /// A variable or function.
    Name,
    /// A field of the path before the dot, e.g. `["step", "result"]`; an index is its digits.
    Field(Vec<String>),
    /// A filter, after `|`.
    Filter,
    /// A test, after `is`.
    Test,
    /// A statement word, just after `{%`.
    Statement,
    /// Nothing (inside a string literal, or where a new name is bound).
    Nothing,
}

/// What stands at `offset` inside `{{ }}` or `{% %}`, closed or not.
pub(super) fn context_at(text: &str, offset: TextSize) -> Option<ExprContext> {
    let segments = scan::template_segments(text);
    let segment = segments.iter().find(|segment| holds(text, segment, offset))?;
    let statement = text[segment.range].starts_with("{%");
    let locals = locals(text, &segments, offset);
    Some(ExprContext { statement, locals, ..inside(text, segment, offset, statement) })
}

/// What stands at `offset` of a bare expression, as conditions may be.
pub(super) fn bare_context_at(text: &str, offset: TextSize) -> ExprContext {
    let range = TextRange::up_to(TextSize::of(text));
    inside(text, &Segment { kind: SegmentKind::Expression, range, inner: range }, offset, false)
}

fn holds(text: &str, segment: &Segment, offset: TextSize) -> bool {
    let opener = segment.range.start() + TextSize::new(2);
    match segment.kind {
        SegmentKind::Expression | SegmentKind::Statement => {
            opener <= offset && offset + TextSize::new(2) <= segment.range.end()
        }
        SegmentKind::Unclosed => {
            let tag = &text[segment.range];
            (tag.starts_with("{{") || tag.starts_with("{%")) && opener <= offset && offset <= segment.range.end()
        }
        _ => false,
    }
}

fn inside(text: &str, segment: &Segment, offset: TextSize, statement: bool) -> ExprContext {
    let tokens = lex::tokens(text, segment.inner);
    let before: Vec<Token> = tokens.iter().copied().take_while(|token| token.range.end() < offset).collect();
    let at = tokens.iter().find(|token| token.range.end() >= offset && token.range.start() <= offset);
    let mut word = TextRange::empty(offset);
    let mut preceding = before;
    if let Some(token) = at {
        match token.kind {
            TokenKind::Name => word = token.range,
            TokenKind::Quoted { closed } => {
                let inside = token.range.start() < offset && (offset < token.range.end() || !closed);
                if inside {
                    return nothing(word);
                }
            }
            TokenKind::Number if token.range.start() < offset => return nothing(word),
            _ => {}
        }
        if token.kind != TokenKind::Name && token.range.end() == offset {
            preceding.push(*token);
            if let Some(next) = tokens.iter().find(|next| next.range.start() == offset && next.kind == TokenKind::Name)
            {
                word = next.range;
            }
        }
    }
    let prefix = text[TextRange::new(word.start(), offset)].to_owned();
    if preceding.last().is_some_and(|last| &text[last.range] == "$" && last.range.end() == word.start()) {
        word = TextRange::new(word.start() - TextSize::new(1), word.end());
        preceding.pop();
    }
    let expects = expects(text, &preceding, statement);
    ExprContext { expects, word, prefix, statement: false, locals: Vec::new() }
}

fn nothing(word: TextRange) -> ExprContext {
    ExprContext { expects: Expects::Nothing, word, prefix: String::new(), statement: false, locals: Vec::new() }
}

fn expects(text: &str, preceding: &[Token], statement: bool) -> Expects {
    let words: Vec<&str> = preceding.iter().map(|token| &text[token.range]).collect();
    if statement {
        match words.as_slice() {
            [] => return Expects::Statement,
            ["for", rest @ ..] if !rest.contains(&"in") => return Expects::Nothing,
            ["set" | "macro", rest @ ..] if !rest.contains(&"=") => return Expects::Nothing,
            ["filter"] => return Expects::Filter,
            _ => {}
        }
    }
    match words.as_slice() {
        [.., "|"] => Expects::Filter,
        [.., "is"] | [.., "is", "not"] => Expects::Test,
        [.., "."] => path_before_dot(text, &preceding[..preceding.len() - 1]),
        _ => Expects::Name,
    }
}

/// The path that ends the tokens, read backwards: names, dots and literal subscripts.
fn path_before_dot(text: &str, tokens: &[Token]) -> Expects {
    let mut path: Vec<String> = Vec::new();
    let mut rest = tokens;
    loop {
        match rest {
            [before @ .., name] if name.kind == TokenKind::Name => {
                path.push(text[name.range].to_owned());
                match before {
                    [earlier @ .., dot] if &text[dot.range] == "." => rest = earlier,
                    _ => break,
                }
            }
            [before @ .., number] if number.kind == TokenKind::Number => {
                path.push(text[number.range].to_owned());
                match before {
                    [earlier @ .., dot] if &text[dot.range] == "." => rest = earlier,
                    _ => return Expects::Nothing,
                }
            }
            [before @ .., open, inner, close] if &text[open.range] == "[" && &text[close.range] == "]" => {
                path.push(text[inner.range].trim_matches(['\'', '"']).to_owned());
                rest = before;
            }
            [before @ .., open, minus, number, close]
                if &text[open.range] == "[" && &text[minus.range] == "-" && &text[close.range] == "]" =>
            {
                path.push(format!("-{}", &text[number.range]));
                rest = before;
            }
            _ => return Expects::Nothing,
        }
    }
    path.reverse();
    Expects::Field(path)
}

/// The names that are bound at `offset`.
pub(super) fn locals_at(text: &str, offset: TextSize) -> Vec<String> {
    locals(text, &scan::template_segments(text), offset).into_iter().map(|(name, _)| name).collect()
}

/// The names bound by the statements before `offset` whose body is still open there.
fn locals(text: &str, segments: &[Segment], offset: TextSize) -> Vec<(String, Option<Origin>)> {
    let mut walk = Walk::new(text);
    for segment in segments.iter().filter(|segment| segment.range.end() <= offset) {
        if segment.kind != SegmentKind::Statement {
            continue;
        }
        let tokens = lex::tokens(text, segment.inner);
        match tokens.first().map(|token| &text[token.range]) {
            Some(word @ ("for" | "with" | "macro")) => {
                let item = if word == "for" { value_behind(text, segment, &tokens, "in", &mut walk) } else { None };
                walk.open_scope();
                bind(text, segment, &mut walk, item.map(Origin::item));
            }
            Some("endfor" | "endwith" | "endmacro") => walk.close_scope(),
            Some("set") => {
                let value = value_behind(text, segment, &tokens, "=", &mut walk);
                bind(text, segment, &mut walk, value);
            }
            _ => {}
        }
    }
    walk.visible_locals()
}

/// Binds what the statement binds; a single name to `origin`.
fn bind(text: &str, segment: &Segment, walk: &mut Walk<'_>, origin: Option<Origin>) {
    let names = explain::targets(text, segment.inner);
    let single = names.iter().filter(|name| **name != "loop").count() == 1;
    for name in names {
        walk.bind_to(name, None, origin.clone().filter(|_| single && name != "loop"));
    }
}

/// Where the value of the expression behind the first `word` of a statement comes from.
fn value_behind(text: &str, segment: &Segment, tokens: &[Token], word: &str, walk: &mut Walk<'_>) -> Option<Origin> {
    let start = tokens.iter().find(|token| &text[token.range] == word)?.range.end();
    let normal = scan::normalise(text);
    walk.set_base(start);
    walk.origin_of(&normal[TextRange::new(start, segment.inner.end())])
}
