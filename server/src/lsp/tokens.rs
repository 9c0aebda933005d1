//! Semantic tokens in the protocol's words, and what changed of them since the last answer.

use std::sync::Arc;

use dashmap::DashMap;
use lang::ide::tokens::{self, Token, TokenKind};
use tower_lsp::lsp_types::{
    SemanticToken, SemanticTokenModifier, SemanticTokenType, SemanticTokens, SemanticTokensDelta, SemanticTokensEdit,
    SemanticTokensFullDeltaResult, SemanticTokensFullOptions, SemanticTokensLegend, SemanticTokensOptions, Url,
    WorkDoneProgressOptions,
};

use super::to_proto::Converter;

/// The last answer for each open document, by its address: what a delta is made from.
#[derive(Debug, Default)]
pub(crate) struct Answered(DashMap<Url, (String, Arc<Vec<SemanticToken>>)>);

impl Answered {
    /// Forgets a closed document.
    pub(crate) fn forget(&self, uri: &Url) {
        self.0.remove(uri);
    }

    fn keep(&self, uri: &Url, id: &str, tokens: Vec<SemanticToken>) -> Arc<Vec<SemanticToken>> {
        let tokens = Arc::new(tokens);
        self.0.insert(uri.clone(), (id.to_owned(), Arc::clone(&tokens)));
        tokens
    }

    fn of(&self, uri: &Url, id: &str) -> Option<Arc<Vec<SemanticToken>>> {
        self.0.get(uri).filter(|kept| kept.0 == id).map(|kept| Arc::clone(&kept.1))
    }
}

/// The protocol's name of a kind: one that every theme has a colour for.
fn type_of(kind: TokenKind) -> SemanticTokenType {
    match kind {
        TokenKind::Key | TokenKind::Field => SemanticTokenType::PROPERTY,
        TokenKind::Parameter | TokenKind::Input => SemanticTokenType::PARAMETER,
        TokenKind::Step => SemanticTokenType::FUNCTION,
        TokenKind::Output | TokenKind::Variable | TokenKind::Builtin => SemanticTokenType::VARIABLE,
        TokenKind::Tool => SemanticTokenType::CLASS,
        TokenKind::Action | TokenKind::Filter => SemanticTokenType::METHOD,
        TokenKind::Model => SemanticTokenType::ENUM_MEMBER,
        TokenKind::Delimiter => SemanticTokenType::OPERATOR,
        TokenKind::Keyword => SemanticTokenType::KEYWORD,
        TokenKind::Auto => SemanticTokenType::MACRO,
        TokenKind::Attribute => SemanticTokenType::DECORATOR,
    }
}

/// The protocol's types that are used, each once.
fn types() -> Vec<SemanticTokenType> {
    let mut types = Vec::new();
    for kind in TokenKind::ALL {
        if !types.contains(&type_of(kind)) {
            types.push(type_of(kind));
        }
    }
    types
}

/// Bits of the modifiers, in the order of the legend.
const DECLARATION: u32 = 1;
const LIBRARY: u32 = 2;
const READONLY: u32 = 4;

/// What is offered.
pub(crate) fn options() -> SemanticTokensOptions {
    SemanticTokensOptions {
        work_done_progress_options: WorkDoneProgressOptions::default(),
        legend: SemanticTokensLegend {
            token_types: types(),
            token_modifiers: vec![
                SemanticTokenModifier::DECLARATION,
                SemanticTokenModifier::DEFAULT_LIBRARY,
                SemanticTokenModifier::READONLY,
            ],
        },
        range: Some(true),
        full: Some(SemanticTokensFullOptions::Delta { delta: Some(true) }),
    }
}

/// All tokens; `id` names this state of the document.
pub(crate) fn full(converter: &Converter<'_>, answered: &Answered, id: &str) -> SemanticTokens {
    let tokens = answered.keep(converter.uri, id, encode(converter, &tokens::tokens(converter.analysis)));
    SemanticTokens { result_id: Some(id.to_owned()), data: tokens.to_vec() }
}

/// The tokens in a range.
pub(crate) fn within(converter: &Converter<'_>, range: lang::text::TextRange) -> SemanticTokens {
    let mut found = tokens::tokens(converter.analysis);
    found.retain(|token| token.range.intersect(range).is_some());
    SemanticTokens { result_id: None, data: encode(converter, &found) }
}

/// What differs from the answer called `previous`; all tokens if that is not known any more.
pub(crate) fn delta(
    converter: &Converter<'_>,
    answered: &Answered,
    id: &str,
    previous: &str,
) -> SemanticTokensFullDeltaResult {
    let before = answered.of(converter.uri, previous);
    let all = full(converter, answered, id);
    let Some(before) = before else { return SemanticTokensFullDeltaResult::Tokens(all) };
    let after = all.data;
    let same = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let (left, right) = (&before[same..], &after[same..]);
    let tail = left.iter().rev().zip(right.iter().rev()).take_while(|(one, other)| one == other).count();
    let (gone, come) = (left.len() - tail, &right[..right.len() - tail]);
    let edit = SemanticTokensEdit {
        // Counted in numbers, of which each token has five.
        start: 5 * same as u32,
        delete_count: 5 * gone as u32,
        data: (!come.is_empty()).then(|| come.to_vec()),
    };
    let edits = if gone == 0 && come.is_empty() { Vec::new() } else { vec![edit] };
    SemanticTokensFullDeltaResult::TokensDelta(SemanticTokensDelta { result_id: Some(id.to_owned()), edits })
}

fn encode(converter: &Converter<'_>, tokens: &[Token]) -> Vec<SemanticToken> {
    let types = types();
    let numbers = TokenKind::ALL.map(|kind| types.iter().position(|known| *known == type_of(kind)).unwrap_or_default());
    let mut encoded = Vec::with_capacity(tokens.len());
    let (mut line, mut character) = (0, 0);
    for token in tokens {
        let range = converter.range(token.range);
        let delta_line = range.start.line - line;
        let delta_start = if delta_line == 0 { range.start.character - character } else { range.start.character };
        (line, character) = (range.start.line, range.start.character);
        let library = matches!(token.kind, TokenKind::Builtin | TokenKind::Filter);
        encoded.push(SemanticToken {
            delta_line,
            delta_start,
            length: range.end.character - range.start.character,
            token_type: numbers[token.kind as usize] as u32,
            token_modifiers_bitset: u32::from(token.declaration) * DECLARATION
                + u32::from(library) * LIBRARY
                + u32::from(token.kind == TokenKind::Input) * READONLY,
        });
    }
    encoded
}
