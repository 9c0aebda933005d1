//! What a scalar says: its decoded text with a map back to the source, and its typed value.

use std::borrow::Cow;

use text_size::{TextRange, TextSize};

use super::tree::{CoreTag, NodeId, NodeKind, ScalarStyle, Tree};

mod decode;
pub(crate) use decode::decode;

mod json;
pub(crate) use json::{mapping_problems, merged_entries, to_json};

/// The content of a scalar and, for each place in it, the place in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The content: quotes, escapes, folding and block indentation undone. Inside an unquoted
    /// template region or AUTO tag it is the source to the byte.
    pub text: Cow<'a, str>,
    /// `(offset in text, offset in source)` where a run of equal bytes begins, ascending.
    pub(crate) runs: Runs,
    /// Just after the content in the source.
    pub(crate) end: TextSize,
}

/// The runs of a [`Decoded`]: most scalars have one, which needs no memory of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Runs {
    One([(TextSize, TextSize); 1]),
    Many(Vec<(TextSize, TextSize)>),
}

impl Runs {
    /// The text as it stands from `source` on.
    pub(crate) fn from(source: TextSize) -> Self {
        Self::One([(TextSize::new(0), source)])
    }
}

impl std::ops::Deref for Runs {
    type Target = [(TextSize, TextSize)];

    fn deref(&self) -> &Self::Target {
        match self {
            Self::One(run) => run,
            Self::Many(runs) => runs,
        }
    }
}

impl Decoded<'_> {
    /// The source place of a place in [`Self::text`].
    pub fn source_offset(&self, offset: TextSize) -> TextSize {
        let index = self.runs.partition_point(|(text, _)| *text <= offset);
        match index.checked_sub(1).and_then(|at| self.runs.get(at)) {
            Some((text, source)) => (*source + (offset - *text)).min(self.end),
            None => self.end,
        }
    }

    /// The source range of a range of [`Self::text`].
    pub fn source_range(&self, range: TextRange) -> TextRange {
        let start = self.source_offset(range.start());
        if range.is_empty() {
            return TextRange::empty(start);
        }
        let last = self.source_offset(range.end() - TextSize::new(1)) + TextSize::new(1);
        TextRange::new(start, last.max(start).min(self.end.max(start)))
    }

    /// The place in [`Self::text`] of a source offset inside the scalar.
    pub fn text_offset(&self, source: TextSize) -> Option<TextSize> {
        let index = self.runs.partition_point(|(_, at)| *at <= source).checked_sub(1)?;
        let (text, at) = self.runs[index];
        let limit = self.runs.get(index + 1).map_or(TextSize::of(&*self.text), |(text, _)| *text);
        Some((text + (source - at)).min(limit))
    }
}

/// A scalar's value by the YAML 1.2 core schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Scalar<'a> {
    /// `null`, `~`, or nothing.
    Null,
    /// `true` / `false`.
    Bool(bool),
    /// Decimal, `0x…` or `0o…`.
    Int(i64),
    /// Also `.inf` and `.nan`.
    Float(f64),
    /// Anything else.
    Text(Cow<'a, str>),
}

pub(crate) fn typed(tree: &Tree, id: NodeId) -> Option<Scalar<'_>> {
    let tag = tree.property(id).and_then(|property| property.tag);
    match tree.kind(id) {
        NodeKind::Missing if tag == Some(CoreTag::Text) => Some(Scalar::Text(Cow::Borrowed(""))),
        NodeKind::Missing => Some(Scalar::Null),
        NodeKind::Scalar(style) => {
            let text = decode(tree, id).text;
            if tag == Some(CoreTag::Text) || (style != ScalarStyle::Plain && tag.is_none()) {
                return Some(Scalar::Text(text));
            }
            let value = plain_value(&text);
            let fits = match tag {
                None => true,
                Some(CoreTag::Null) => value == Some(Scalar::Null),
                Some(CoreTag::Bool) => matches!(value, Some(Scalar::Bool(_))),
                Some(CoreTag::Int) => matches!(value, Some(Scalar::Int(_))),
                Some(CoreTag::Float) => matches!(value, Some(Scalar::Float(_) | Scalar::Int(_))),
                Some(CoreTag::Text) => false,
            };
            Some(match value.filter(|_| fits) {
                Some(Scalar::Int(value)) if tag == Some(CoreTag::Float) => Scalar::Float(value as f64),
                Some(value) => value,
                None => Scalar::Text(text),
            })
        }
        _ => None,
    }
}

/// What a plain scalar means by the core schema; `None` for text.
fn plain_value(text: &str) -> Option<Scalar<'static>> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Scalar::Null),
        "true" | "True" | "TRUE" => return Some(Scalar::Bool(true)),
        "false" | "False" | "FALSE" => return Some(Scalar::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Some(Scalar::Float(f64::NAN)),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Some(Scalar::Float(f64::INFINITY)),
        "-.inf" | "-.Inf" | "-.INF" => return Some(Scalar::Float(f64::NEG_INFINITY)),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return digits
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit())
            .then(|| i64::from_str_radix(digits, 16).ok().map(Scalar::Int))?;
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return digits
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| i64::from_str_radix(digits, 8).ok().map(Scalar::Int))?;
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return None;
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(Scalar::Int).or_else(|_| text.parse().map(Scalar::Float)).ok();
    }
    is_float(digits).then(|| text.parse().ok().map(Scalar::Float))?
}

fn is_float(digits: &str) -> bool {
    let (mantissa, exponent) = match digits.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['-', '+']).unwrap_or(exponent))),
        None => (digits, None),
    };
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    number(whole)
        && number(part)
        && !(whole.is_empty() && part.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && number(exponent))
}
