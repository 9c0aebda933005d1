//! Semantic tokens: what each word of a pipeline is, beyond what YAML's own grammar tells.

use text_size::{TextRange, TextSize};

use crate::{
    analysis::Analysis,
    model::{
        KeyUse, Step,
        lower::sites,
        scope::{Binding, Scopes},
    },
    syntax::{Decoded, NodeId, NodeKind, ScalarStyle},
    template::{AccessKind, Reference, SegmentKind, Template, auto::AutoTag},
};

/// A word and what it is. On one line, not empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Its place.
    pub range: TextRange,
    /// What it is.
    pub kind: TokenKind,
    /// It stands where the thing is declared.
    pub declaration: bool,
}

/// The kinds of [`Token`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TokenKind {
    /// A key of the language.
    Key,
    /// A parameter of a tool or action.
    Parameter,
    /// The id of a step, or of an item of an action loop.
    Step,
    /// An input.
    Input,
    /// An output.
    Output,
    /// A tool.
    Tool,
    /// An action, or the operation of a tool.
    Action,
    /// A model.
    Model,
    /// A name that a loop or the template itself binds.
    Variable,
    /// A name that the engine provides (`execution`, `now`).
    Builtin,
    /// A part of a value.
    Field,
    /// A filter or a test.
    Filter,
    /// A delimiter of a template.
    Delimiter,
    /// A word of `{% … %}`.
    Keyword,
    /// `<AUTO` and `</AUTO>`.
    Auto,
    /// An attribute of an AUTO tag.
    Attribute,
}

impl TokenKind {
    /// All kinds, in order of their number.
    pub const ALL: [Self; 16] = [
        Self::Key,
        Self::Parameter,
        Self::Step,
        Self::Input,
        Self::Output,
        Self::Tool,
        Self::Action,
        Self::Model,
        Self::Variable,
        Self::Builtin,
        Self::Field,
        Self::Filter,
        Self::Delimiter,
        Self::Keyword,
        Self::Auto,
        Self::Attribute,
    ];
}

/// The tokens of a document in order of place, none of which touches another one's text.
pub fn tokens(analysis: &Analysis) -> Vec<Token> {
    if analysis.recognised().is_none() {
        return Vec::new();
    }
    let scopes = analysis.scopes();
    let mut words = Words { analysis, scopes: &scopes, found: Vec::new() };
    words.pipeline();
    for step in scopes.steps() {
        words.step(step);
    }
    let tree = &analysis.parse().tree;
    for site in analysis.sites() {
        words.template(site, &analysis.templates()[&site.node], &tree.decoded(site.node));
    }
    let mut found = words.found;
    found.sort_by_key(|token| (token.range.start(), token.range.end()));
    let mut end = TextSize::new(0);
    found.retain(|token| {
        let fits = token.range.start() >= end && !token.range.is_empty();
        let one_line = fits && !analysis.text()[token.range].contains('\n');
        end = if one_line { token.range.end() } else { end };
        one_line
    });
    found
}

struct Words<'s, 'a> {
    analysis: &'a Analysis,
    scopes: &'s Scopes<'a>,
    found: Vec<Token>,
}

impl Words<'_, '_> {
    fn add(&mut self, range: TextRange, kind: TokenKind) {
        self.found.push(Token { range, kind, declaration: false });
    }

    fn declared(&mut self, range: TextRange, kind: TokenKind) {
        self.found.push(Token { range, kind, declaration: true });
    }

    fn keys(&mut self, keys: &[KeyUse]) {
        for key in keys {
            self.add(key.range, TokenKind::Key);
        }
    }

    fn pipeline(&mut self) {
        let pipeline = self.analysis.pipeline();
        self.keys(&pipeline.keys);
        for input in pipeline.inputs.values() {
            self.declared(input.name.range, TokenKind::Input);
            self.keys(&input.keys);
        }
        for output in &pipeline.outputs {
            self.declared(output.name.range, TokenKind::Output);
        }
        self.model(&pipeline.keys);
    }

    fn step(&mut self, step: &Step) {
        self.keys(&step.keys);
        self.call(&step.keys, &step.parameters);
        if let Some(id) = &step.id {
            self.declared(id.range, TokenKind::Step);
        }
        for named in step.dependencies.iter().chain(step.routes.iter().map(|route| &route.target)) {
            self.add(named.range, TokenKind::Step);
        }
        for item in &step.items {
            self.keys(&item.keys);
            self.call(&item.keys, &item.parameters);
            if let Some(name) = &item.name {
                self.declared(name.range, TokenKind::Step);
            }
        }
    }

    /// What a step or item calls, and what it gives to it.
    fn call(&mut self, keys: &[KeyUse], parameters: &[KeyUse]) {
        for (key, kind) in [("tool", TokenKind::Tool), ("action", TokenKind::Action)] {
            let named = keys.iter().find(|used| used.name == key);
            if let Some(range) = named.and_then(|used| self.word(used.value)) {
                self.add(range, kind);
            }
        }
        for parameter in parameters {
            self.add(parameter.range, TokenKind::Parameter);
        }
        self.model(keys);
        self.model(parameters);
    }

    fn model(&mut self, keys: &[KeyUse]) {
        let named = keys.iter().find(|key| key.name == "model");
        if let Some(range) = named.and_then(|key| self.word(key.value)) {
            self.add(range, TokenKind::Model);
        }
    }

    /// The place of a scalar that is one word without quotes or template.
    fn word(&self, node: NodeId) -> Option<TextRange> {
        let tree = &self.analysis.parse().tree;
        let plain = tree.kind(node) == NodeKind::Scalar(ScalarStyle::Plain);
        let source = tree.source(node);
        (plain && !source.is_empty() && !source.contains([' ', '<', '{', '\n'])).then(|| tree.range(node))
    }

    fn template(&mut self, site: &sites::Site, template: &Template, decoded: &Decoded<'_>) {
        let place = |range: TextRange| decoded.source_range(range);
        for segment in &template.segments {
            if !matches!(segment.kind, SegmentKind::Expression | SegmentKind::Statement | SegmentKind::FileInclude) {
                continue;
            }
            self.add(place(TextRange::new(segment.range.start(), segment.inner.start())), TokenKind::Delimiter);
            self.add(place(TextRange::new(segment.inner.end(), segment.range.end())), TokenKind::Delimiter);
            if segment.kind == SegmentKind::Statement {
                let inner = &decoded.text[segment.inner];
                let lead = inner.len() - inner.trim_start().len();
                let word = inner.trim_start().split(|character: char| !character.is_ascii_alphabetic()).next();
                let start = segment.inner.start() + TextSize::new(lead as u32);
                self.add(place(TextRange::at(start, TextSize::of(word.unwrap_or_default()))), TokenKind::Keyword);
            }
        }
        for used in &template.references {
            let kind = match self.scopes.resolve(site, &used.root) {
                Some(Binding::Step(_) | Binding::State(_) | Binding::Item(..)) => TokenKind::Step,
                Some(Binding::Input(_)) => TokenKind::Input,
                Some(Binding::Loop(..) | Binding::Named(_)) => TokenKind::Variable,
                Some(Binding::Inputs | Binding::Runtime(_) | Binding::Global(_)) => TokenKind::Builtin,
                None => continue,
            };
            self.used(used, kind, decoded);
        }
        for local in &template.locals {
            self.used(&local.used, TokenKind::Variable, decoded);
        }
        for bound in &template.bound {
            self.declared(place(bound.range), TokenKind::Variable);
        }
        for used in template.filters.iter().chain(&template.tests) {
            self.add(place(used.range), TokenKind::Filter);
        }
        self.autos(&template.autos, decoded);
    }

    fn used(&mut self, used: &Reference, kind: TokenKind, decoded: &Decoded<'_>) {
        self.add(decoded.source_range(used.root_range), kind);
        for access in &used.path {
            if matches!(access.kind, AccessKind::Field(_)) {
                self.add(decoded.source_range(access.range), TokenKind::Field);
            }
        }
    }

    fn autos(&mut self, tags: &[AutoTag], decoded: &Decoded<'_>) {
        for tag in tags {
            let opened = TextRange::at(tag.opener.start(), TextSize::of("<AUTO"));
            self.add(decoded.source_range(opened), TokenKind::Auto);
            for attribute in &tag.attributes {
                self.add(decoded.source_range(attribute.name_range), TokenKind::Attribute);
            }
            self.add(
                decoded.source_range(TextRange::new(tag.opener.end() - TextSize::of(">"), tag.opener.end())),
                TokenKind::Auto,
            );
            if tag.body.end() < tag.range.end() {
                let closing = TextRange::new(tag.body.end(), tag.range.end());
                self.add(decoded.source_range(closing), TokenKind::Auto);
            }
            self.autos(&tag.nested, decoded);
        }
    }
}
