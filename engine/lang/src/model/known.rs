//! What a text reads before the run: its words, the defaults of the inputs in it, and the places that
//! nobody can know yet.

use super::{
    Pipeline,
    lower::sites::Site,
    scope::{Binding, Scopes},
};
use crate::{
    syntax::{NodeId, Scalar, Tree},
    template::{self, AccessKind, Reference, SegmentKind, Template},
};

/// The text of a scalar as far as it can be told before the run.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    /// What it begins with.
    pub(crate) beginning: String,
    /// `beginning` is all of it.
    pub(crate) whole: bool,
    /// The inputs whose defaults stand in it, in order, each once; `output_path` if nobody declares it.
    pub(crate) inputs: Vec<String>,
}

impl Known {
    /// The whole text, if it can be told.
    pub(crate) fn text(&self) -> Option<&str> {
        self.whole.then_some(&*self.beginning)
    }
}

/// What the scalar `node` reads; `read` is its template and where it stands, if it is one.
pub(crate) fn known(
    tree: &Tree,
    pipeline: &Pipeline,
    scopes: &Scopes<'_>,
    node: NodeId,
    read: Option<(&Template, &Site)>,
) -> Known {
    let Some(text) = tree.string(node) else { return Known::default() };
    let Some((template, site)) = read else {
        let whole = template::is_plain(&text);
        return Known { beginning: if whole { text } else { String::new() }, whole, inputs: Vec::new() };
    };
    let mut known = Known { whole: true, ..Known::default() };
    for segment in &template.segments {
        match segment.kind {
            SegmentKind::Text => known.beginning.push_str(&text[segment.range]),
            SegmentKind::Comment => {}
            SegmentKind::Expression => {
                let inside = text[segment.inner].trim();
                let named = template.references.iter().find(|reference| {
                    segment.inner.contains_range(reference.range) && &text[reference.range] == inside
                });
                match named.and_then(|named| value(tree, pipeline, scopes, site, named)) {
                    Some((input, value)) => {
                        known.beginning.push_str(&value);
                        if !known.inputs.contains(&input) {
                            known.inputs.push(input);
                        }
                    }
                    None => return Known { whole: false, ..known },
                }
            }
            _ => return Known { whole: false, ..known },
        }
    }
    known.whole = template.errors.is_empty();
    known
}

/// The input that is named, and its default.
fn value(
    tree: &Tree,
    pipeline: &Pipeline,
    scopes: &Scopes<'_>,
    site: &Site,
    named: &Reference,
) -> Option<(String, String)> {
    let name = match (scopes.resolve(site, &named.root)?, &*named.path) {
        (Binding::Input(name), []) => name,
        (Binding::Inputs, [field]) => match &field.kind {
            AccessKind::Field(name) => name,
            _ => return None,
        },
        (Binding::Runtime(name), []) if name.name == "output_path" => {
            return Some((name.name.to_owned(), pipeline.output_directory()));
        }
        _ => return None,
    };
    let input = pipeline.inputs.get(name).filter(|input| !input.secret)?;
    let default = meant(tree, input.default?);
    let text = match tree.scalar(default)? {
        Scalar::Text(text) => text.into_owned(),
        Scalar::Int(number) => number.to_string(),
        _ => return None,
    };
    template::is_plain(&text).then(|| (name.to_owned(), text))
}

/// The default that is meant where a whole declaration has got into it, which ORC112 reports.
fn meant(tree: &Tree, default: NodeId) -> NodeId {
    let inner = tree.resolve(default);
    match (tree.get(inner, "type"), tree.get(inner, "default")) {
        (Some(_), Some(meant)) => tree.resolve(meant.value),
        _ => default,
    }
}
