//! Hover inside templates and AUTO tags.

use text_size::{TextRange, TextSize};

use super::{Hover, NodeId, PathSegment, input_text, step_text};
use crate::{
    analysis::Analysis,
    auto,
    ide::{
        completion::{AUTO_ATTRIBUTES, type_names},
        spot,
    },
    model::{Step, lower::sites, scope::Binding, target},
    registry::{LoopConstruct, LoopVariable, Signature, ValueType, names, results},
    shape::{Followed, Part, Shape, Shapes},
    template::{Access, AccessKind, LocalUse, Reading, Reference, auto::AutoTag},
};

/// What the name at `offset` in the template of `node` means; `path` leads to `node`.
pub(super) fn hover(analysis: &Analysis, node: NodeId, path: &[PathSegment], offset: TextSize) -> Option<Hover> {
    let template = analysis.templates().get(&node)?;
    let decoded = analysis.parse().tree.decoded(node);
    let place = |range: TextRange| decoded.source_range(range);
    let at = |range: TextRange| place(range).contains_inclusive(offset);
    let shown = |range: TextRange, markdown: String| Some(Hover { range: place(range), markdown });
    if let Some(used) = template.filters.iter().find(|used| at(used.range)) {
        let spec = names::filter(&used.name)?;
        return shown(used.range, signature_text("| ", spec.name, &spec.signature, spec.doc));
    }
    if let Some(used) = template.tests.iter().find(|used| at(used.range)) {
        let spec = names::test(&used.name)?;
        return shown(used.range, signature_text("is ", spec.name, &spec.signature, spec.doc));
    }
    // The path up to the access at the cursor, and its place.
    let taken = |used: &Reference| {
        let length = used.path.iter().position(|access| at(access.range)).map_or(0, |index| index + 1);
        let range = used.path[..length].last().map_or(used.root_range, |last| used.root_range.cover(last.range));
        (length, range)
    };
    if let Some(used) = template.references.iter().find(|used| at(used.root_range) || at(used.range)) {
        let (length, range) = taken(used);
        return shown(range, name_text(analysis, node, path, used, &used.path[..length])?);
    }
    if let Some(local) = template.locals.iter().find(|local| at(local.used.root_range) || at(local.used.range)) {
        let (length, range) = taken(&local.used);
        return shown(range, local_text(analysis, node, path, local, &local.used.path[..length])?);
    }
    if let Some((range, markdown)) = attribute(&template.autos, &at) {
        return shown(range, markdown);
    }
    let is_tag = |tag: &AutoTag| at(tag.range);
    if !template.autos.iter().any(is_tag) {
        return None;
    }
    let hole = auto::at(analysis, offset)?;
    Some(Hover { range: hole.range, markdown: auto::markdown(&hole) })
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
    let scopes = analysis.scopes();
    let site = site(analysis, scopes.steps(), node, path);
    let Some(binding) = scopes.resolve(&site, &used.root) else {
        // A loop's name where no loop binds it: what it would be still helps.
        let variable = any_loop_variable(&used.root).filter(|_| taken.is_empty())?;
        return Some(variable_text(variable));
    };
    let shapes = analysis.shapes(&scopes);
    let shape = shapes.of_binding(&binding);
    if taken.is_empty() {
        return match binding {
            Binding::Global(global) => Some(signature_text("", global.name, &global.signature, global.doc)),
            Binding::Loop(_, variable) => Some(variable_text(variable)),
            Binding::Named(index) => {
                Some(format!("loop variable `{}`\n\nNamed by the loop `{}`.", used.root, scopes.step(index).id_text()))
            }
            Binding::Inputs => {
                let runtime = names::runtime_name(&used.root)?;
                Some(format!("`{}`\n\n{}", runtime.name, runtime.doc))
            }
            Binding::Runtime(runtime) => {
                let instead = runtime.deprecated.map(|instead| format!("\n\nDeprecated: write `{instead}`."));
                Some(format!("`{}`\n\n{}{}", runtime.name, runtime.doc, instead.unwrap_or_default()))
            }
            Binding::Step(_) | Binding::State(_) | Binding::Item(..) | Binding::Input(_) => {
                shape_text(analysis, &shapes, shape, "")
            }
        };
    }
    path_text(analysis, &shapes, shape, taken)
}

/// What the last of `taken`, followed from `start`, is.
fn path_text<'a>(
    analysis: &'a Analysis,
    shapes: &Shapes<'_, 'a>,
    start: Shape<'a>,
    taken: &[Access],
) -> Option<String> {
    let AccessKind::Field(last) = &taken.last()?.kind else { return None };
    let mut at = start;
    for access in taken {
        let Followed::To(next) = shapes.follow(at, Part::of(&access.kind)) else { return None };
        at = next;
    }
    shape_text(analysis, shapes, at, last)
}

/// A name that the template itself binds, or what is taken from it.
fn local_text(
    analysis: &Analysis,
    node: NodeId,
    path: &[PathSegment],
    local: &LocalUse,
    taken: &[Access],
) -> Option<String> {
    let scopes = analysis.scopes();
    let shapes = analysis.shapes(&scopes);
    let site = site(analysis, scopes.steps(), node, path);
    let Some(origin) = &local.origin else {
        let [Access { kind: AccessKind::Field(name), .. }] = taken else {
            return taken.is_empty().then(|| format!("`{}`\n\nBound by this template.", local.used.root));
        };
        let known = results::known(names::jinja_loop_fields(), name);
        return known.filter(|_| local.used.root == "loop").map(|(name, one, doc)| known_text(name, &[one], doc));
    };
    let shape = shapes.of_origin(&site, origin);
    if !taken.is_empty() {
        return path_text(analysis, &shapes, shape, taken);
    }
    let types = shapes.types(shape);
    let members: Vec<String> = shapes.members(shape).iter().map(|member| format!("`{}`", member.name)).collect();
    let has = if members.is_empty() { String::new() } else { format!("\n\nHas {}.", members.join(", ")) };
    Some(known_text(&local.used.root, &types, "Bound by this template.") + &has)
}

fn site(analysis: &Analysis, steps: &[&Step], node: NodeId, path: &[PathSegment]) -> sites::Site {
    let key = path.iter().rev().find_map(|segment| match segment {
        PathSegment::Key(key) => Some(key.as_str()),
        PathSegment::Item { .. } => None,
    });
    let (step, place) = spot::surroundings(analysis, steps, &spot::locate(path), path, key);
    sites::Site { node, reading: Reading::Template, step, place }
}

/// The loop variable `name` of any construct, for places where no loop is in sight.
fn any_loop_variable(name: &str) -> Option<&'static LoopVariable> {
    use LoopConstruct::{ActionLoop, ForEach, Queue, While};
    [ForEach, While, ActionLoop, Queue]
        .into_iter()
        .flat_map(names::loop_variables)
        .find(|variable| variable.name == name)
}

fn variable_text(variable: &LoopVariable) -> String {
    let types = variable.value_type.map(|one| format!(": {}", one.name())).unwrap_or_default();
    format!("loop variable `{}`{types}\n\n{}", variable.name, variable.doc)
}

/// What is known about the thing at the end of a path, which is written `name` there.
fn shape_text<'a>(analysis: &'a Analysis, shapes: &Shapes<'_, 'a>, shape: Shape<'a>, name: &str) -> Option<String> {
    match shape {
        Shape::Input(input) => input_text(analysis, &input.name.value),
        Shape::Step(index) | Shape::Turn(index) | Shape::State(index) => {
            Some(step_text(analysis, shapes.scopes.step(index)))
        }
        Shape::Item(index, item) => {
            let item = shapes.scopes.step(index).items.get(item as usize)?;
            let word = spot::describe(&target::of_item(shapes.tree, shapes.registry, item));
            let name = item.name.as_ref().map(|name| &*name.value).unwrap_or_default();
            Some(format!("item `{name}` of the loop `{}`: `{word}`", shapes.scopes.step(index).id_text()))
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
        Shape::Plain(_) | Shape::Written { .. } | Shape::Iterations(_) => {
            Some(known_text(name, &shapes.types(shape), shapes.doc(shape)))
        }
        Shape::Output(_) | Shape::LoopResult(_) => {
            let members: Vec<String> = shapes
                .members(shape)
                .iter()
                .map(|member| format!("- `{}` {}", member.name, member_text(shapes, member.shape)))
                .collect();
            Some(format!("`{name}`\n\nWhat the step gave back.\n\n{}", members.join("\n")).trim_end().to_owned())
        }
        Shape::Any
        | Shape::Inputs
        | Shape::Steps(_)
        | Shape::ItemOf(_)
        | Shape::Each { .. }
        | Shape::Loop(_)
        | Shape::Runtime(_) => None,
    }
}

/// The type of a member and the first line about it.
pub(super) fn member_text<'a>(shapes: &Shapes<'_, 'a>, member: Shape<'a>) -> String {
    let summary = shapes.doc(member).lines().next().unwrap_or_default();
    format!("({}): {summary}", type_names(&shapes.types(member)))
}

fn known_text(name: &str, types: &[ValueType], doc: &str) -> String {
    let types = if types.is_empty() { "any".to_owned() } else { type_names(types) };
    format!("`{name}`: {types}\n\n{doc}")
}
