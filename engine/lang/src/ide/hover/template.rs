//! Hover inside templates and AUTO tags.

use text_size::{TextRange, TextSize};

use super::{Hover, NodeId, PathSegment, input_text, step_text};
use crate::{
    analysis::Analysis,
    ide::{
        completion::AUTO_ATTRIBUTES,
        shape::{self, Part, Shape},
        spot,
    },
    model::{
        lower::sites,
        scope::{Binding, Scopes},
    },
    registry::{LoopVariable, Signature, ValueType, names},
    template::{Access, AccessKind, Reading, Reference, auto::AutoTag},
};

/// What the name at `offset` in the template of `node` means; `path` leads to `node`.
pub(super) fn hover(analysis: &Analysis, node: NodeId, path: &[PathSegment], offset: TextSize) -> Option<Hover> {
    let template = analysis.templates().get(&node)?;
    let decoded = analysis.parse().tree.decoded(node);
    let place = |range: TextRange| decoded.source_range(range);
    let at = |range: TextRange| place(range).contains_inclusive(offset);
    let shown = |range: TextRange, markdown: String| Some(Hover { range: place(range), markdown });
    if let Some(used) = template.filters.iter().find(|used| at(used.range)) {
        let spec = names::filters().iter().find(|filter| filter.name == used.name)?;
        return shown(used.range, signature_text("| ", spec.name, &spec.signature, spec.doc));
    }
    if let Some(used) = template.tests.iter().find(|used| at(used.range)) {
        let spec = names::tests().iter().find(|test| test.name == used.name)?;
        return shown(used.range, signature_text("is ", spec.name, &spec.signature, spec.doc));
    }
    if let Some(used) = template.references.iter().find(|used| at(used.root_range) || at(used.range)) {
        let index = used.path.iter().position(|access| at(access.range));
        let length = index.map_or(0, |index| index + 1);
        let range = match index {
            Some(index) => used.root_range.cover(used.path[index].range),
            None => used.root_range,
        };
        return shown(range, name_text(analysis, node, path, used, &used.path[..length])?);
    }
    attribute(&template.autos, &at).and_then(|(range, markdown)| shown(range, markdown))
}

fn signature_text(lead: &str, name: &str, signature: &Signature, doc: &str) -> String {
    let described = signature.describe(name);
    // Without arguments a filter or test is written without parentheses.
    let described = if lead.is_empty() { described } else { described.replacen("()", "", 1) };
    format!("`{lead}{described}`\n\n{doc}")
}

/// An attribute of an AUTO tag, nested ones included.
fn attribute(tags: &[AutoTag], at: &dyn Fn(TextRange) -> bool) -> Option<(TextRange, String)> {
    tags.iter().find_map(|tag| {
        let own = tag.attributes.iter().find(|attribute| at(attribute.name_range)).and_then(|attribute| {
            let (name, doc) = AUTO_ATTRIBUTES.iter().find(|(name, _)| *name == attribute.name)?;
            Some((attribute.name_range, format!("`{name}`\n\n{doc}")))
        });
        own.or_else(|| attribute(&tag.nested, at))
    })
}

fn name_text(
    analysis: &Analysis,
    node: NodeId,
    path: &[PathSegment],
    used: &Reference,
    taken: &[Access],
) -> Option<String> {
    let scopes = Scopes::new(analysis.pipeline(), &analysis.parse().tree);
    let steps = scopes.steps();
    let key = path.iter().rev().find_map(|segment| match segment {
        PathSegment::Key(key) => Some(key.as_str()),
        PathSegment::Item { .. } => None,
    });
    let (step, place) = spot::surroundings(analysis, steps, &spot::locate(path), path, key);
    let site = sites::Site { node, reading: Reading::Template, step, place };
    let Some(binding) = scopes.resolve(&site, &used.root) else {
        // A loop's name where no loop binds it: what it would be still helps.
        let variable = shape::any_loop_variable(&used.root).filter(|_| taken.is_empty())?;
        return Some(variable_text(variable));
    };
    let mut shape = shape::of_binding(&binding);
    if taken.is_empty() {
        return match (binding, shape) {
            (Binding::Global(global), _) => Some(signature_text("", global.name, &global.signature, global.doc)),
            (Binding::Loop(_, variable), _) => Some(variable_text(variable)),
            (Binding::Named(index), _) => {
                Some(format!("loop variable `{}`\n\nNamed by the loop `{}`.", used.root, scopes.step(index).id_text()))
            }
            (Binding::Inputs, _) => {
                let runtime = names::runtime_names().iter().find(|runtime| runtime.name == used.root)?;
                Some(format!("`{}`\n\n{}", runtime.name, runtime.doc))
            }
            (Binding::Runtime(runtime), _) => {
                let instead = runtime.deprecated.map(|instead| format!("\n\nDeprecated: write `{instead}`."));
                Some(format!("`{}`\n\n{}{}", runtime.name, runtime.doc, instead.unwrap_or_default()))
            }
            (_, Some(shape)) => shape_text(analysis, &scopes, shape, ""),
            (_, None) => None,
        };
    }
    for access in taken {
        let part = match &access.kind {
            AccessKind::Field(name) => Part::Name(name),
            AccessKind::Index(_) | AccessKind::Dynamic => Part::Index,
            AccessKind::Method(_) => return None,
        };
        shape = shape.and_then(|shape| shape::follow(analysis, steps, shape, part));
    }
    let last = match &taken.last()?.kind {
        AccessKind::Field(name) => name.as_str(),
        _ => return None,
    };
    shape_text(analysis, &scopes, shape?, last)
}

fn variable_text(variable: &LoopVariable) -> String {
    let types = variable.value_type.map(|one| format!(": {}", shape::type_names(&[one]))).unwrap_or_default();
    format!("loop variable `{}`{types}\n\n{}", variable.name, variable.doc)
}

/// What is known about the thing at the end of a path, which is written `name` there.
fn shape_text(analysis: &Analysis, scopes: &Scopes<'_>, shape: Shape<'_>, name: &str) -> Option<String> {
    match shape {
        Shape::Input(name) => input_text(analysis, name),
        Shape::Step(index) => Some(step_text(analysis, scopes.step(index))),
        Shape::Item(index, item) => {
            let item = scopes.step(index).items.get(item as usize)?;
            let word = spot::describe(&spot::Actor::of_item(analysis, item).target(analysis));
            let name = item.name.as_ref().map(|name| &*name.value).unwrap_or_default();
            Some(format!("item `{name}` of the loop `{}`: `{word}`", scopes.step(index).id_text()))
        }
        Shape::Field(field) => {
            let renamed = if field.name == name { String::new() } else { format!("\n\n`{name}` is its old name.") };
            let members: Vec<String> =
                field.fields.iter().chain(&field.items).map(|member| format!("`{}`", member.name)).collect();
            let holds = match (members.is_empty(), field.types.contains(&ValueType::Array)) {
                (true, _) => String::new(),
                (false, true) => format!("\n\nEach item has {}.", members.join(", ")),
                (false, false) => format!("\n\nHas {}.", members.join(", ")),
            };
            Some(known_text(&field.name, &field.types, &field.doc) + &holds + &renamed)
        }
        Shape::Plain((name, value_type, doc)) => Some(known_text(name, &[value_type], doc)),
        Shape::Output(_) | Shape::LoopResult(_) => {
            let members: Vec<String> = shape::members(analysis, scopes.steps(), shape)
                .iter()
                .map(|member| {
                    let summary = member.doc.lines().next().unwrap_or_default();
                    format!("- `{}` ({}): {summary}", member.name, shape::type_names(&member.types))
                })
                .collect();
            Some(format!("`{name}`\n\nWhat the step gave back.\n\n{}", members.join("\n")).trim_end().to_owned())
        }
        Shape::Iterations(_) => Some(known_text(name, &[ValueType::Array], "What each iteration gave back, in order.")),
        Shape::Inputs | Shape::Steps(_) | Shape::Members(_) | Shape::Runtime(_) => None,
    }
}

fn known_text(name: &str, types: &[ValueType], doc: &str) -> String {
    let types = if types.is_empty() { "any".to_owned() } else { shape::type_names(types) };
    format!("`{name}`: {types}\n\n{doc}")
}
