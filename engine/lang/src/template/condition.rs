//! Conditions (contract §2.8): one expression in braces, bare, or mixed; a constant word; AUTO; or
//! text with templates that renders to a word. The rules and the engine read them here, so that
//! they agree.

use minijinja::machinery;
use text_size::{TextRange, TextSize};

use super::{
    Segment, SegmentKind, Shape, Template, TemplateError, auto, explain,
    lex::{self, TokenKind},
    refs, scan,
    walk::Walk,
};

/// How a condition is evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It is a constant word, or empty.
    Constant(bool),
    /// One expression. The source has the length of the text, with blanks and parentheses in place
    /// of braces, so that offsets agree.
    Expression(String),
    /// Text with templates in it: it renders to a word.
    Mixed,
    /// It holds an AUTO tag.
    Auto,
    /// It is none of these.
    Invalid(TemplateError),
}

/// The words that a condition, or what it renders to, may read: `true yes 1 on` and `false no 0 off
/// none`, in any case, or nothing.
pub fn constant_word(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" | "on" => Some(true),
        "" | "false" | "no" | "0" | "off" | "none" => Some(false),
        _ => None,
    }
}

/// How the condition `text` is evaluated.
pub fn condition_expression(text: &str) -> Condition {
    if let Some(value) = constant_word(text) {
        return Condition::Constant(value);
    }
    if text.contains("<AUTO") && !auto::tags(text).is_empty() {
        return Condition::Auto;
    }
    let segments = scan::template_segments(text);
    let has = |kind: SegmentKind| segments.iter().any(|segment| segment.kind == kind);
    if has(SegmentKind::Statement) || has(SegmentKind::FileInclude) || has(SegmentKind::Unclosed) {
        let template = refs::template(text);
        return template.errors.into_iter().next().map_or(Condition::Mixed, Condition::Invalid);
    }
    let source = expression_source(text, &segments);
    let whole = refs::whole_range(text);
    if explain::deep_tokens(&source, whole) > 1_000 {
        let message = "this condition is too long to be read; compute it in a step of its own".to_owned();
        return Condition::Invalid(TemplateError { message, range: whole });
    }
    let juxtaposed = juxtaposed(text, &segments);
    if juxtaposed.is_none() && machinery::parse_expr(&source).is_ok() {
        return Condition::Expression(source);
    }
    if !has(SegmentKind::Expression) {
        return Condition::Invalid(bare_error(text, &source));
    }
    let template = refs::template(text);
    if let Some(error) = template.errors.into_iter().next() {
        return Condition::Invalid(error);
    }
    if words_only(text, &segments) {
        return Condition::Mixed;
    }
    match machinery::parse_expr(&source) {
        Err(error) => Condition::Invalid(explain::expression(&source, whole, &error)),
        Ok(_) => Condition::Invalid(TemplateError {
            message: "an operator is missing beside this value".to_owned(),
            range: juxtaposed.unwrap_or(whole),
        }),
    }
}

/// Reads `text` as a condition.
pub(super) fn template(text: &str) -> Template {
    match condition_expression(text) {
        Condition::Constant(value) => {
            let mut plain = refs::template("");
            plain.shape = Shape::Constant(value);
            plain.segments = scan::segments(text);
            plain
        }
        Condition::Auto | Condition::Mixed => refs::template(text),
        Condition::Expression(source) => {
            let mut walk = Walk::new(text);
            if let Ok(tree) = machinery::parse_expr(&source) {
                walk.expression(&tree);
            }
            let range = refs::whole_range(text);
            let segments = match scan::segments(text) {
                found if found.iter().any(|segment| segment.kind == SegmentKind::Expression) => found,
                _ => vec![Segment { kind: SegmentKind::Expression, range, inner: range }],
            };
            refs::finish(Shape::Expression, segments, Vec::new(), walk, Vec::new())
        }
        Condition::Invalid(error) => {
            let mut broken = refs::template(text);
            if broken.errors.is_empty() {
                broken.errors.push(error);
            }
            broken
        }
    }
}

/// `text` with `(` and `)` in place of the braces, comments and `$` blanked.
fn expression_source(text: &str, segments: &[Segment]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let alone = segments.iter().filter(|segment| !is_blank(text, segment)).count() == 1;
    for segment in segments {
        let [start, end] = [segment.range.start(), segment.range.end()].map(usize::from);
        let [inner_start, inner_end] = [segment.inner.start(), segment.inner.end()].map(usize::from);
        match segment.kind {
            SegmentKind::Comment => bytes[start..end].fill(b' '),
            SegmentKind::Expression => {
                bytes[start..inner_start].fill(b' ');
                bytes[inner_end..end].fill(b' ');
                if !alone {
                    bytes[inner_start - 1] = b'(';
                    bytes[inner_end] = b')';
                }
            }
            _ => {}
        }
    }
    let mut source = String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned());
    if source.contains('$') {
        let mut bytes = source.clone().into_bytes();
        scan::blank_dollars(&source, refs::whole_range(&source), &mut bytes);
        source = String::from_utf8(bytes).unwrap_or(source);
    }
    source
}

/// The first `{{ }}` that stands directly after or before another value: as text the two are one
/// word, as an expression they would be a call.
fn juxtaposed(text: &str, segments: &[Segment]) -> Option<TextRange> {
    let visible: Vec<&Segment> =
        segments.iter().filter(|segment| segment.kind != SegmentKind::Comment && !is_blank(text, segment)).collect();
    visible
        .windows(2)
        .find(|pair| match (pair[0].kind, pair[1].kind) {
            (SegmentKind::Expression, SegmentKind::Expression) => true,
            (SegmentKind::Expression, _) => lex::tokens(text, pair[1].range)
                .first()
                .is_some_and(|token| begins_value(token.kind, &text[token.range])),
            (_, SegmentKind::Expression) => {
                lex::tokens(text, pair[0].range).last().is_some_and(|token| ends_value(token.kind, &text[token.range]))
            }
            _ => false,
        })
        .map(|pair| if pair[0].kind == SegmentKind::Expression { pair[0].range } else { pair[1].range })
}

fn begins_value(kind: TokenKind, word: &str) -> bool {
    match kind {
        TokenKind::Name => !is_operator_word(word),
        TokenKind::Number | TokenKind::Quoted { .. } => true,
        TokenKind::Sign => matches!(word, "("),
    }
}

fn ends_value(kind: TokenKind, word: &str) -> bool {
    match kind {
        TokenKind::Name => !is_operator_word(word),
        TokenKind::Number | TokenKind::Quoted { .. } => true,
        TokenKind::Sign => matches!(word, ")" | "]"),
    }
}

fn is_operator_word(word: &str) -> bool {
    matches!(word, "and" | "or" | "not" | "in" | "is" | "if" | "else")
}

/// Whether the text outside the braces could be part of a word such as `true`.
fn words_only(text: &str, segments: &[Segment]) -> bool {
    segments.iter().filter(|segment| segment.kind == SegmentKind::Text).all(|segment| {
        lex::tokens(text, segment.range).iter().all(|token| match token.kind {
            TokenKind::Name => !is_operator_word(&text[token.range]),
            TokenKind::Number => true,
            TokenKind::Quoted { .. } | TokenKind::Sign => false,
        })
    })
}

/// Why a condition without braces is no expression.
fn bare_error(text: &str, source: &str) -> TemplateError {
    let whole = refs::whole_range(text);
    let trimmed = text.trim();
    let start = TextSize::of(text) - TextSize::of(text.trim_start());
    let inner = TextRange::at(start, TextSize::of(trimmed));
    match machinery::parse_expr(source) {
        Err(error) => {
            let found = explain::expression(source, whole, &error);
            let is_prose = lex::tokens(text, inner)
                .windows(2)
                .filter(|pair| {
                    pair.iter().all(|token| token.kind == TokenKind::Name && !is_operator_word(&text[token.range]))
                })
                .count();
            if is_prose >= 2 {
                let message = "this is a sentence, not an expression; write one such as `step.result.count > 3`, or `<AUTO>…</AUTO>` to let a model decide".to_owned();
                return TemplateError { message, range: inner };
            }
            found
        }
        Ok(_) => TemplateError { message: "this is no expression".to_owned(), range: inner },
    }
}

fn is_blank(text: &str, segment: &Segment) -> bool {
    segment.kind == SegmentKind::Text && text[segment.range].trim().is_empty()
}
