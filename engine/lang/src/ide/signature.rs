//! Signature help: the filter, test or global whose arguments are being written.

use text_size::TextSize;

use crate::{
    analysis::Analysis,
    registry::{Signature, names},
    syntax::cursor::{self, Slot},
    template::{Segment, SegmentKind},
};

/// A signature, and which of its parameters the cursor is at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureHelp {
    /// The whole, e.g. `default(default_value="", boolean=false) -> any`.
    pub label: String,
    /// What it does (Markdown).
    pub doc: String,
    /// Each parameter's place in the label, in bytes, start and end.
    pub parameters: Vec<(usize, usize)>,
    /// The parameter that the cursor is at, if the signature has so many.
    pub active: Option<usize>,
}

/// The call around `offset`, innermost.
pub fn signature(analysis: &Analysis, offset: TextSize) -> Option<SignatureHelp> {
    let tree = &analysis.parse().tree;
    let node = tree.node_at(offset);
    let template = analysis.templates().get(&node);
    let text = analysis.text();
    // A bare condition is an expression from end to end; what is not closed runs to the end of its line.
    let start = template.and_then(|template| {
        let decoded = tree.decoded(node);
        let inside = |segment: &&Segment| {
            let code = matches!(segment.kind, SegmentKind::Expression | SegmentKind::Statement | SegmentKind::Unclosed);
            code && decoded.source_range(segment.range).contains_inclusive(offset)
        };
        template.segments.iter().find(inside).map(|segment| decoded.source_range(segment.range).start())
    });
    let start = match start {
        Some(start) => start,
        None if is_condition(analysis, offset) => tree.range(node).start(),
        None => return None,
    };
    let call = open_call(text.get(usize::from(start)..usize::from(offset))?)?;
    let (lead, signature, doc) = called(&call)?;
    Some(help(&call, lead, signature, doc))
}

/// Whether the value at `offset` is an expression without being told so by braces.
fn is_condition(analysis: &Analysis, offset: TextSize) -> bool {
    let conditions = ["condition", "if", "while", "until", "while_condition"];
    matches!(cursor::cursor(analysis.parse(), offset).slot, Slot::Value { key } if conditions.contains(&&*key))
}

/// A call whose parenthesis is still open.
struct Call<'t> {
    name: &'t str,
    /// What stands before the name, blanks left out.
    before: &'t str,
    /// How many arguments end before the cursor.
    arguments: usize,
    /// The name of the argument at the cursor, if it is given by name.
    keyword: Option<&'t str>,
}

fn open_call(text: &str) -> Option<Call<'_>> {
    // The brackets that are open at the end, and where the argument after each comma begins.
    let mut open: Vec<(usize, Vec<usize>)> = Vec::new();
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'') => quote = Some(character),
            (None, '(' | '[' | '{') => open.push((at, vec![at + 1])),
            (None, ')' | ']' | '}') => drop(open.pop()),
            (None, ',') => {
                if let Some((_, arguments)) = open.last_mut() {
                    arguments.push(at + 1);
                }
            }
            _ => {}
        }
    }
    let (at, arguments) = open.iter().rev().find(|(at, _)| text[*at..].starts_with('('))?;
    let before = text[..*at].trim_end();
    let word = |character: char| character.is_alphanumeric() || character == '_';
    let name = &before[before.trim_end_matches(word).len()..];
    let last = &text[*arguments.last()?..];
    let keyword = last.split_once('=').map(|(name, _)| name.trim()).filter(|name| name.chars().all(word));
    let before = before[..before.len() - name.len()].trim_end();
    (!name.is_empty()).then_some(Call { name, before, arguments: arguments.len() - 1, keyword })
}

/// What is called, and how it is written before its name.
fn called(call: &Call<'_>) -> Option<(&'static str, Signature, &'static str)> {
    if call.before.ends_with('|') {
        let found = names::filter(call.name)?;
        return Some(("", found.signature, found.doc));
    }
    let word = call.before.rsplit(|character: char| !character.is_alphanumeric()).next();
    if matches!(word, Some("is")) || call.before.ends_with("is not") {
        let found = names::test(call.name)?;
        return Some(("is ", found.signature, found.doc));
    }
    if call.before.ends_with('.') {
        return None;
    }
    let found = names::global(call.name)?;
    Some(("", found.signature, found.doc))
}

fn help(call: &Call<'_>, lead: &str, signature: Signature, doc: &str) -> SignatureHelp {
    let mut label = format!("{lead}{}(", call.name);
    let mut parameters = Vec::new();
    for (name, type_word, default) in signature.params {
        if !parameters.is_empty() {
            label.push_str(", ");
        }
        let start = label.len();
        label.extend([*name, ": ", *type_word]);
        if let Some(default) = default {
            label.extend([" = ", *default]);
        }
        parameters.push((start, label.len()));
    }
    if signature.variadic {
        label.push_str(if parameters.is_empty() { "…" } else { ", …" });
    }
    label.extend([") → ", signature.returns]);
    let by_name = call.keyword.and_then(|name| signature.params.iter().position(|param| param.0 == name));
    let active = by_name.or(Some(call.arguments)).filter(|at| *at < parameters.len());
    SignatureHelp { label, doc: doc.to_owned(), parameters, active }
}
