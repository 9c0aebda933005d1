//! Finds every name of a document.

use text_size::{TextRange, TextSize};

use super::{Occurrence, Role, Target};
use crate::{
    analysis::Analysis,
    model::{
        StepIndex,
        lower::{content_range, sites},
        scope::{Binding, Scopes},
    },
    shape::{Followed, Part, Shape, Shapes},
    syntax::{Decoded, NodeId, NodeKind},
    template::{Access, AccessKind, Reference},
};

pub(super) fn collect(analysis: &Analysis) -> Vec<Occurrence> {
    let scopes = analysis.scopes();
    let mut names = Names { analysis, scopes: &scopes, shapes: analysis.shapes(&scopes), found: Vec::new() };
    names.declarations();
    names.anchors();
    let tree = &analysis.parse().tree;
    sites::sites(tree, analysis.pipeline(), analysis.registry(), &mut |site| names.site(site));
    let mut found = names.found;
    found.sort_by(|one, other| {
        let place = |found: &Occurrence| (found.range.start(), found.range.end(), found.role);
        place(one).cmp(&place(other))
    });
    // A scalar that an alias repeats is visited more than once.
    found.dedup();
    found
}

/// For a name that a loop of the language binds (`item`, `index`): its place, and the key of the step
/// that makes the loop.
pub(super) fn loop_of_name(analysis: &Analysis, offset: TextSize) -> Option<(TextRange, TextRange)> {
    let scopes = analysis.scopes();
    let tree = &analysis.parse().tree;
    let mut found = None;
    sites::sites(tree, analysis.pipeline(), analysis.registry(), &mut |site| {
        if found.is_some() || !tree.range(site.node).contains_inclusive(offset) {
            return;
        }
        let Some(template) = analysis.templates().get(&site.node) else { return };
        let decoded = tree.decoded(site.node);
        found = template.references.iter().find_map(|reference| {
            let range = decoded.source_range(reference.root_range);
            let Binding::Loop(index, _) = scopes.resolve(&site, &reference.root)? else { return None };
            let keys = &scopes.step(index).keys;
            let loops = |name: &str| matches!(name, "for_each" | "foreach" | "while" | "until" | "action_loop");
            let key = keys.iter().find(|key| loops(&key.name)).or_else(|| keys.first())?;
            range.contains_inclusive(offset).then_some((range, key.range))
        });
    });
    found
}

struct Names<'s, 'a> {
    analysis: &'a Analysis,
    scopes: &'s Scopes<'a>,
    shapes: Shapes<'s, 'a>,
    found: Vec<Occurrence>,
}

impl<'a> Names<'_, 'a> {
    fn add(&mut self, target: Target, range: TextRange, role: Role) {
        self.found.push(Occurrence { target, range: unquoted(self.analysis.text(), range), role });
    }

    fn declarations(&mut self) {
        let pipeline = self.analysis.pipeline();
        for (name, input) in &pipeline.inputs {
            self.add(Target::Input(name.clone()), input.name.range, Role::Declaration);
        }
        for output in &pipeline.outputs {
            self.add(Target::Output(output.name.value.clone()), output.name.range, Role::Declaration);
        }
        let tree = &self.analysis.parse().tree;
        for step in self.scopes.steps().to_vec() {
            if let Some(id) = &step.id {
                self.add(Target::Step(step.index), id.range, Role::Declaration);
            }
            for (number, item) in step.items.iter().enumerate() {
                if let Some(name) = &item.name {
                    self.add(Target::Item(step.index, number as u32), name.range, Role::Declaration);
                }
            }
            for key in ["loop_name", "loop_var"].into_iter().filter_map(|key| step.key(key)) {
                if let Some(name) = tree.string(key.value) {
                    self.add(Target::Named(step.index, name), content_range(tree, key.value), Role::Declaration);
                }
            }
            let parent = self.scopes.parent(step.index);
            for dependency in &step.dependencies {
                if let Some(target) = self.scopes.visible_step(parent, &dependency.value) {
                    self.add(Target::Step(target), dependency.range, Role::Use);
                }
            }
            for route in &step.routes {
                if let Some(target) = self.scopes.in_scope(parent, &route.target.value) {
                    self.add(Target::Step(target), route.target.range, Role::Use);
                }
            }
        }
    }

    fn anchors(&mut self) {
        let tree = &self.analysis.parse().tree;
        for index in 0..tree.len() {
            let id = NodeId(index as u32);
            if let Some((_, range)) = tree.anchor(id) {
                self.add(Target::Anchor(id), range, Role::Declaration);
            }
            let target = tree.resolve(id);
            if tree.kind(id) == NodeKind::Alias && target != id {
                let range = tree.range(id);
                self.add(Target::Anchor(target), TextRange::new(range.start() + ONE, range.end()), Role::Use);
            }
        }
    }

    fn site(&mut self, site: sites::Site) {
        let analysis = self.analysis;
        let Some(template) = analysis.templates().get(&site.node) else { return };
        if template.references.is_empty() && template.locals.is_empty() {
            return;
        }
        let decoded = analysis.parse().tree.decoded(site.node);
        for used in &template.references {
            let Some(binding) = self.scopes.resolve(&site, &used.root) else { continue };
            let mut range = decoded.source_range(used.root_range);
            if used.dollar {
                range = TextRange::new((range.start() + ONE).min(range.end()), range.end());
            }
            self.root(binding, used, range);
            self.path(self.shapes.of_binding(&binding), &used.path, &decoded);
        }
        for local in &template.locals {
            if let Some(declared) = local.declared {
                let target = Target::Local(site.node, declared.start());
                self.add(target.clone(), decoded.source_range(declared), Role::Declaration);
                self.add(target, decoded.source_range(local.used.root_range), Role::Use);
            }
            if let Some(origin) = &local.origin {
                self.path(self.shapes.of_origin(&site, origin), &local.used.path, &decoded);
            }
        }
    }

    fn root(&mut self, binding: Binding<'a>, used: &Reference, range: TextRange) {
        match binding {
            Binding::Step(index) | Binding::State(index) => self.add(Target::Step(index), range, Role::Use),
            Binding::Item(index, item) => {
                // The item of the iteration before is `prev_` and its name.
                let name = self.scopes.step(index).items.get(item as usize).and_then(|item| item.name.as_ref());
                let lead = name.and_then(|name| used.root.strip_suffix(&*name.value)).unwrap_or_default();
                let start = range.start() + TextSize::of(lead);
                self.add(Target::Item(index, item), TextRange::new(start.min(range.end()), range.end()), Role::Use);
            }
            Binding::Named(index) => self.add(Target::Named(index, used.root.clone()), range, Role::Use),
            Binding::Input(name) => self.add(Target::Input(name.to_owned()), range, Role::Use),
            Binding::Loop(..) | Binding::Inputs | Binding::Runtime(_) | Binding::Global(_) => {}
        }
    }

    /// Names along a path: `inputs.x`, the steps of an iteration.
    fn path(&mut self, start: Shape<'a>, path: &[Access], decoded: &Decoded<'_>) {
        let mut shape = start;
        for access in path {
            let Followed::To(next) = self.shapes.follow(shape, Part::of(&access.kind)) else { return };
            let named = matches!(access.kind, AccessKind::Field(_));
            let target = match (shape, next) {
                (Shape::Inputs, Shape::Input(input)) => Some(Target::Input(input.name.value.clone())),
                (Shape::Steps(_), Shape::Step(index) | Shape::Turn(index)) => Some(Target::Step(index)),
                _ => None,
            };
            if let Some(target) = target.filter(|_| named) {
                self.add(target, decoded.source_range(access.range), Role::Use);
            }
            shape = next;
        }
    }
}

const ONE: TextSize = TextSize::new(1);

fn unquoted(text: &str, range: TextRange) -> TextRange {
    let source = &text[range];
    let quoted =
        |quote: char| source.len() > 1 && source.starts_with(quote) && source.ends_with(quote) && source.is_ascii();
    if quoted('"') || quoted('\'') { TextRange::new(range.start() + ONE, range.end() - ONE) } else { range }
}

/// The step whose text holds `offset`, innermost.
pub(super) fn innermost(analysis: &Analysis, offset: TextSize) -> Option<StepIndex> {
    let steps = analysis.pipeline().all_steps().into_iter();
    steps.rev().find(|step| step.range.contains_inclusive(offset)).map(|step| step.index)
}
