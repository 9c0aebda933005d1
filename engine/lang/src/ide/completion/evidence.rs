//! What the text around the cursor says about which of many names is meant: the fields that follow, the
//! words beside it, what is used already. It only orders what is offered; it hides nothing.

use std::cmp::Reverse;

use rustc_hash::{FxHashMap, FxHashSet};
use text_size::TextRange;

use super::Request;
use crate::{
    model::{KeyUse, StepIndex},
    registry::{ParamSpec, Place, Signature, Target, ValueType, usage},
    shape::{Followed, Member, Part, Shape, Shapes},
};

/// What is known of the place of a name in a template.
pub(super) struct Evidence {
    /// The fields that follow, e.g. `.result.content`.
    path: Vec<String>,
    /// Words nearby, each with its weight.
    words: Vec<(String, u32)>,
    /// Roots of the references of the same step.
    used: FxHashSet<String>,
}

/// How much a word counts: before the braces on the same line, as the key of the value, in the id of
/// the step.
const LABEL: u32 = 6;
const KEY: u32 = 5;
const ID: u32 = 2;

impl Evidence {
    /// Of the place `word`, in the step `own`.
    pub(super) fn at(request: &Request<'_>, word: TextRange, own: Option<StepIndex>) -> Self {
        let text = request.analysis.text();
        let line = super::line_around(text, word.start());
        let (before, after) = (&text[line.start().into()..word.start().into()], &text[word.end().into()..]);
        let mut words = Vec::new();
        let mut add = |text: &str, weight: u32| words.extend(parts(text).map(|part| (part, weight)));
        let label = before.rsplit_once("{{").or_else(|| before.rsplit_once("{%")).map_or("", |(label, _)| label);
        // What stands before an earlier expression belongs to that one.
        let label = label.rsplit_once("}}").map_or(label, |(_, label)| label);
        let label = if label.trim().is_empty() { line_above(text, line) } else { label };
        add(label, LABEL);
        add(request.cursor.key.as_deref().or(request.last_key()).unwrap_or_default(), KEY);
        let analysis = request.analysis;
        if let Some(own) = own {
            let scopes = analysis.scopes();
            add(scopes.step(own).id_text(), ID);
        }
        let mut used = FxHashSet::default();
        for site in analysis.sites().iter().filter(|site| site.step == own) {
            if !analysis.parse().tree.range(site.node).contains_inclusive(word.start()) {
                let references = analysis.templates()[&site.node].references.iter();
                used.extend(references.map(|reference| reference.root.clone()));
            }
        }
        Self { path: fields_after(after), words, used }
    }

    /// Whether a field follows, so that a plain value is not what is meant.
    pub(super) fn has_path(&self) -> bool {
        !self.path.is_empty()
    }

    /// Whether what follows can be followed from `shape`.
    pub(super) fn fits<'a>(&self, shapes: &Shapes<'_, 'a>, shape: Shape<'a>) -> bool {
        let mut at = shape;
        for field in &self.path {
            let Followed::To(next) = shapes.follow(at, Part::Name(field)) else { return false };
            at = next;
        }
        true
    }

    /// Whether the step uses `name` elsewhere.
    pub(super) fn is_used(&self, name: &str) -> bool {
        self.used.contains(name)
    }

    /// How much `name` is like the words nearby, from 0.
    pub(super) fn likeness(&self, name: &str) -> u32 {
        let (mut score, mut count) = (0, 0);
        for part in parts(name) {
            count += 1;
            let best = self.words.iter().filter(|(word, _)| *word == part).map(|(_, weight)| *weight).max();
            score += best.unwrap_or_default();
        }
        (score * 12).checked_div(count).unwrap_or_default()
    }
}

/// The fields at the beginning of `after`: `.result.content | length` → `result`, `content`.
pub(super) fn fields_after(after: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = after;
    while let Some(field) = rest.strip_prefix('.') {
        let end = field.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(field.len());
        if end == 0 {
            break;
        }
        found.push(field[..end].to_owned());
        rest = &field[end..];
    }
    found
}

/// The path that is filtered, before the bar at the end of `before`; empty for any other expression.
pub(super) fn path_before_bar(before: &str) -> Vec<String> {
    let before = before.trim_end().strip_suffix('|').map_or("", str::trim_end);
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let start =
        before.rfind(|c: char| !is_path(c)).map_or(0, |at| at + before[at..].chars().next().map_or(1, char::len_utf8));
    let path = &before[start..];
    let whole = path.split('.').all(|part| part.starts_with(|c: char| c.is_alphabetic() || c == '_'));
    if whole { path.split('.').map(str::to_owned).collect() } else { Vec::new() }
}

/// The kind of a literal argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Literal {
    Text,
    Number,
    Other,
}

/// The arguments behind the place of a filter.
pub(super) enum Arguments {
    /// No parenthesis follows.
    None,
    /// One does; the kind of the first argument, and whether there are more.
    Some { first: Option<Literal>, count: usize },
}

impl Arguments {
    pub(super) fn read(after: &str) -> Self {
        let Some(inside) = after.trim_start_matches(' ').strip_prefix('(') else { return Self::None };
        let inside = &inside[..inside.find(')').unwrap_or(inside.len())];
        let count = if inside.trim().is_empty() { 0 } else { inside.split(',').count() };
        let first = inside.trim_start().chars().next().map(|first| match first {
            '\'' | '"' | '\\' => Literal::Text,
            '0'..='9' | '-' => Literal::Number,
            _ => Literal::Other,
        });
        Self::Some { first, count }
    }

    /// Whether a function can be called so.
    pub(super) fn fit(&self, signature: &Signature) -> Fit {
        let least = signature.params.iter().filter(|(_, _, default)| default.is_none()).count();
        match self {
            // `default` may stand alone, which says nothing.
            Self::None
                if least > 0 || signature.params.first().is_some_and(|(name, _, _)| *name == "default_value") =>
            {
                Fit::Later
            }
            Self::None => Fit::Now,
            Self::Some { first, count } => {
                let many = *count >= least.max(1) && (signature.variadic || *count <= signature.params.len());
                let takes = signature.params.first().map_or("any", |(_, takes, _)| takes);
                let kind = match first {
                    Some(Literal::Text) => !matches!(takes, "integer" | "number" | "boolean"),
                    Some(Literal::Number) => takes != "string",
                    Some(Literal::Other) | None => true,
                };
                if many && kind { Fit::Now } else { Fit::Never }
            }
        }
    }
}

/// Whether a function can be called with what stands behind its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It can.
    Now,
    /// It can, once arguments are typed.
    Later,
    /// It cannot.
    Never,
}

/// What kind of value a field must have, as what stands behind it and before it says.
pub(super) struct Wanted {
    path: Vec<String>,
    types: &'static [ValueType],
    asked: bool,
}

impl Wanted {
    /// Of the field `word`, in a statement or condition or not.
    pub(super) fn of(text: &str, word: TextRange, asks: bool) -> Self {
        const LIST: &[ValueType] = &[ValueType::Array];
        const MANY: &[ValueType] = &[ValueType::Array, ValueType::String, ValueType::Object];
        const NUMBER: &[ValueType] = &[ValueType::Integer, ValueType::Number];
        const TEXT: &[ValueType] = &[ValueType::String];
        const FLAG: &[ValueType] = &[ValueType::Boolean];
        let after = &text[word.end().into()..];
        let path = fields_after(after);
        let behind = after[path.iter().map(|field| field.len() + 1).sum::<usize>()..].trim_start_matches(' ');
        let before = &text[..word.start().into()];
        let expression = before.rfind(['{', '\n', '(']).map_or(before, |at| &before[at..]);
        let looped = expression.rsplit_once(" in ").is_some_and(|(_, value)| !value.trim().contains(' '));
        let compared = ["==", "!=", ">=", "<=", ">", "<"].iter().find_map(|sign| behind.strip_prefix(sign));
        let types = match compared.map(str::trim_start) {
            Some(other) if other.starts_with(['\'', '"', '\\']) => TEXT,
            Some(other) if other.starts_with(|c: char| c.is_ascii_digit()) => NUMBER,
            Some(other) if other.starts_with("true") || other.starts_with("false") => FLAG,
            Some(_) => &[],
            None => match behind.strip_prefix('|').map(str::trim_start) {
                _ if behind.starts_with('[') => LIST,
                Some(filter) => {
                    let name = filter.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
                    if name == "length" { MANY } else { crate::registry::names::filter_takes(name) }
                }
                None if looped && expression.contains("for ") => LIST,
                None => &[],
            },
        };
        let asked = asks && path.is_empty() && (types.is_empty() || types == TEXT || types == FLAG);
        Self { path, types, asked }
    }

    /// Whether it is asked whether something went well.
    pub(super) fn is_asked(&self) -> bool {
        self.asked
    }

    /// 0 for a field that fits what stands around it, 1 for one that may, 2 for one that does not.
    pub(super) fn class<'a>(&self, shapes: &Shapes<'_, 'a>, member: &Member<'a>) -> u32 {
        let mut at = member.shape;
        for field in &self.path {
            match shapes.follow(at, Part::Name(field)) {
                Followed::To(next) => at = next,
                Followed::Unknown => return 1,
                Followed::Missing => return 2,
            }
        }
        let types = shapes.types(at);
        if self.types.is_empty() {
            return 0;
        }
        match types.as_slice() {
            [] => 1,
            types if types.iter().any(|one| self.types.contains(one)) => 0,
            _ => 2,
        }
    }
}

/// How keys are written: in which order, and which ones this file uses.
pub(super) struct Habits {
    order: &'static [&'static str],
    /// The places in the order of the keys before and behind the cursor.
    before: Option<usize>,
    behind: Option<usize>,
    /// How often each key stands in mappings of this kind.
    counts: FxHashMap<String, u32>,
    /// What the step lacks for what it does.
    lacks: Option<&'static str>,
}

impl Habits {
    /// Of the mapping of kind `place` at the cursor.
    pub(super) fn of(request: &Request<'_>, place: Place) -> Self {
        let order = usage::order(place);
        let (before, behind) = neighbours(request);
        let at = |key: Option<&str>| key.and_then(|key| order.iter().position(|known| *known == key));
        let mut counts: FxHashMap<String, u32> = FxHashMap::default();
        let pipeline = request.analysis.pipeline();
        let mut count = |keys: &[KeyUse]| {
            for key in keys {
                *counts.entry(key.name.clone()).or_default() += 1;
            }
        };
        match place {
            Place::Step => pipeline.all_steps().iter().for_each(|step| count(&step.keys)),
            Place::Input => pipeline.inputs.values().for_each(|input| count(&input.keys)),
            _ => {}
        }
        Self { order, before: at(before), behind: at(behind), counts, lacks: lacks(request, place) }
    }

    /// The smaller the likelier.
    pub(super) fn rank(&self, key: &str) -> (bool, bool, Reverse<u32>) {
        let place = self.order.iter().position(|known| *known == key);
        let inside = place.is_some_and(|place| {
            self.before.is_none_or(|before| before < place) && self.behind.is_none_or(|behind| place < behind)
        });
        // A key that two of three others have is a habit.
        (self.lacks != Some(key), !inside, Reverse(self.counts.get(key).copied().unwrap_or_default()))
    }
}

/// The key that a step must have to do what it says: a tool for an operation, an operation for a tool.
fn lacks(request: &Request<'_>, place: Place) -> Option<&'static str> {
    if place != Place::Step {
        return None;
    }
    let stands = |name: &str| request.cursor.siblings.iter().any(|key| key == name);
    let (tool, action) = (stands("tool"), stands("action"));
    let target = request.target();
    match (tool, action) {
        (false, true) if target == Target::Unknown => Some("tool"),
        (true, false) => match target {
            Target::Operation { operation: None, .. } => Some("action"),
            _ => None,
        },
        _ => None,
    }
}

/// The keys just before and just behind the cursor's line in the same mapping.
fn neighbours<'a>(request: &Request<'a>) -> (Option<&'a str>, Option<&'a str>) {
    let text = request.analysis.text();
    let column = request.cursor.indent as usize;
    let line = super::line_around(text, request.cursor.word.start());
    let own = &text[line];
    // The column of what stands on a line, behind the dash of an item.
    let content = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let key =
        |line: &'a str| line.trim_start_matches([' ', '-']).split(':').next().map(|key| key.trim_matches(['"', '\'']));
    let spoken = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let begins = |line: &str| line.trim_start().starts_with("- ");
    let above = text[..line.start().into()].lines().rev().filter(spoken).find(|line| content(line) <= column);
    let above = above.filter(|line| content(line) == column && !begins(own)).and_then(key);
    let below = text[line.end().into()..].lines().filter(spoken).find(|line| content(line) <= column);
    let below = below.filter(|line| content(line) == column && !begins(line)).and_then(key);
    (above, below)
}

/// How well `params` fit the parameters that stand at the step: those that have no place there, then
/// those that are required and missing, then those that have one.
pub(super) fn fit(params: &[ParamSpec], written: &[KeyUse]) -> (usize, usize, Reverse<usize>) {
    let known = |key: &&KeyUse| params.iter().any(|param| param.name == key.name || param.aliases.contains(&key.name));
    let matched = written.iter().filter(known).count();
    let missing = params.iter().filter(|param| {
        let stands = |key: &KeyUse| {
            key.name == param.name || param.aliases.contains(&key.name) || param.instead.as_ref() == Some(&key.name)
        };
        param.required && !written.iter().any(stands)
    });
    (written.len() - matched, missing.count(), Reverse(matched))
}

/// The last line with words above `line`.
fn line_above(text: &str, line: TextRange) -> &str {
    let above = text[..line.start().into()].trim_end();
    &above[above.rfind('\n').map_or(0, |end| end + 1)..]
}

/// The words of a name or a sentence, in lower case and singular.
fn parts(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|part| part.len() > 1).map(|part| {
        let part = part.to_lowercase();
        match part.strip_suffix('s') {
            Some(stem) if stem.len() > 2 && !stem.ends_with('s') => stem.to_owned(),
            _ => part,
        }
    })
}

/// How many words two names share.
pub(super) fn shared(one: &str, other: &str) -> usize {
    let words: FxHashSet<String> = parts(other).collect();
    parts(one).filter(|part| words.contains(part)).count()
}
