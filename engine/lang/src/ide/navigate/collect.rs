//! Finds every name of a document.

use camino::Utf8Path;
use text_size::{TextRange, TextSize};

use super::{
    Occurrence, Role, Target,
    across::{self, Children},
};
use crate::{
    analysis::Analysis,
    model::{
        Step, StepIndex,
        lower::{content_range, find, key_uses, section_inputs, sites},
        scope::{Binding, Scopes},
    },
    shape::{Followed, Part, Shape, Shapes},
    syntax::{Decoded, NodeId, NodeKind},
    template::{self, Access, AccessKind, Reference, SegmentKind, Template},
};

pub(super) fn collect(analysis: &Analysis) -> Vec<Occurrence> {
    let scopes = analysis.scopes();
    let children = across::children(analysis);
    let shapes = analysis.shapes(&scopes);
    let mut names = Names { analysis, scopes: &scopes, shapes, children: &children, found: Vec::new() };
    names.declarations();
    for step in scopes.steps() {
        names.step(step);
        names.given(step);
    }
    names.anchors();
    for site in analysis.sites() {
        names.site(*site);
    }
    let mut found = names.found;
    found.sort_by(|one, other| {
        let place = |found: &Occurrence| (found.range.start(), found.range.end(), found.role);
        (&one.file, place(one), &one.target).cmp(&(&other.file, place(other), &other.target))
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
    let here = |site: &&sites::Site| tree.range(site.node).contains_inclusive(offset);
    analysis.sites().iter().filter(here).find_map(|site| {
        let template = &analysis.templates()[&site.node];
        let decoded = tree.decoded(site.node);
        template.references.iter().find_map(|reference| {
            let range = decoded.source_range(reference.root_range);
            let Binding::Loop(index, _) = scopes.resolve(site, &reference.root)? else { return None };
            let keys = &scopes.step(index).keys;
            let loops = |name: &str| LOOP_KEYS.contains(&name);
            let key = keys.iter().find(|key| loops(&key.name)).or_else(|| keys.first())?;
            range.contains_inclusive(offset).then_some((range, key.range))
        })
    })
}

const LOOP_KEYS: [&str; 6] = ["for_each", "foreach", "while", "until", "create_parallel_queue", "action_loop"];

/// The text in which a template stands: a scalar of the document, or an included file.
#[derive(Clone, Copy)]
pub(super) struct Source<'t> {
    pub(super) file: Option<&'t Utf8Path>,
    pub(super) text: &'t str,
    /// Where the text is in the document; nothing for a file, which is taken as it is.
    pub(super) decoded: Option<&'t Decoded<'t>>,
}

impl Source<'_> {
    fn place(&self, range: TextRange) -> TextRange {
        self.decoded.map_or(range, |decoded| decoded.source_range(range))
    }
}

pub(super) struct Names<'s, 'a> {
    pub(super) analysis: &'a Analysis,
    scopes: &'s Scopes<'a>,
    shapes: Shapes<'s, 'a>,
    children: &'s Children,
    found: Vec<Occurrence>,
}

impl<'a> Names<'_, 'a> {
    fn add(&mut self, target: Target, range: TextRange, role: Role) {
        let range = unquoted(self.analysis.text(), range);
        self.found.push(Occurrence { target, range, role, word: false, file: None });
    }

    /// A use in a template; `word` if it is no text between quotes.
    fn used(&mut self, target: Target, source: &Source<'_>, range: TextRange, word: bool) {
        let (range, file) = (source.place(range), source.file.map(Utf8Path::to_owned));
        self.found.push(Occurrence { target, range, role: Role::Use, word, file });
    }

    fn declarations(&mut self) {
        let pipeline = self.analysis.pipeline();
        let tree = &self.analysis.parse().tree;
        // A name in both sections is one input, declared twice.
        for key in pipeline.keys.iter().filter(|key| matches!(key.name.as_str(), "inputs" | "parameters")) {
            for input in section_inputs(tree, key.value, key.name == "parameters") {
                self.add(Target::Input(input.name.value), input.name.range, Role::Declaration);
            }
        }
        for output in &pipeline.outputs {
            self.add(Target::Output(output.name.value.clone()), output.name.range, Role::Declaration);
        }
    }

    /// What a step declares, and the steps it names outside of templates.
    fn step(&mut self, step: &Step) {
        let tree = &self.analysis.parse().tree;
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
                let mut range = content_range(tree, key.value);
                let plain = name.strip_prefix('$').filter(|_| key.name == "loop_var");
                if plain.is_some() {
                    range = TextRange::new(range.start() + ONE, range.end());
                }
                let name = plain.unwrap_or(&name).to_owned();
                self.add(Target::Named(step.index, name), range, Role::Declaration);
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
        for node in ["on_error", "error_handlers"].into_iter().filter_map(|key| step.key(key)).map(|key| key.value) {
            let list: Vec<NodeId> = tree.items(node).collect();
            for handler in if list.is_empty() { vec![node] } else { list } {
                let task = find(&key_uses(tree, handler), "handler_task_id").map(|key| key.value);
                let named = task.or_else(|| tree.is_scalar(node).then_some(node));
                let Some((node, name)) = named.and_then(|node| Some((node, tree.string(node)?))) else { continue };
                if let Some(target) = self.scopes.visible_step(parent, &name) {
                    self.add(Target::Step(target), content_range(tree, node), Role::Use);
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
        let decoded = analysis.parse().tree.decoded(site.node);
        let source = Source { file: None, text: &decoded.text, decoded: Some(&decoded) };
        self.template(&site, template, &source);
        self.jump(&site, template, &source);
        for bound in &template.bound {
            let target = Target::Local(site.node, ordinal(template, bound.first));
            self.add(target, source.place(bound.range), Role::Declaration);
        }
        for local in &template.locals {
            if let Some(declared) = local.declared {
                let target = Target::Local(site.node, ordinal(template, declared));
                self.used(target, &source, plain(&local.used), true);
            }
        }
        across::included(self, &site, template, &source, 0);
    }

    /// The names in `template` that it does not bind itself.
    pub(super) fn template(&mut self, site: &sites::Site, template: &Template, source: &Source<'_>) {
        for used in &template.references {
            let Some(binding) = self.scopes.resolve(site, &used.root) else { continue };
            self.root(binding, used, source);
            self.path(self.shapes.of_binding(&binding), &used.path, source);
            if matches!(binding, Binding::Global(_)) {
                self.called(site, used, source);
            }
        }
        for local in &template.locals {
            if let Some(origin) = &local.origin {
                self.path(self.shapes.of_origin(site, origin), &local.used.path, source);
            }
        }
    }

    fn root(&mut self, binding: Binding<'a>, used: &Reference, source: &Source<'_>) {
        let range = plain(used);
        match binding {
            Binding::Step(index) | Binding::State(index) => self.used(Target::Step(index), source, range, true),
            Binding::Item(index, item) => {
                // The item of the iteration before is `prev_` and its name.
                let name = self.scopes.step(index).items.get(item as usize).and_then(|item| item.name.as_ref());
                let lead = name.and_then(|name| used.root.strip_suffix(&*name.value)).unwrap_or_default();
                let range = TextRange::new(range.start() + TextSize::of(lead), range.end());
                self.used(Target::Item(index, item), source, range, true);
            }
            Binding::Named(index) => self.used(Target::Named(index, used.root.clone()), source, range, true),
            Binding::Input(name) => self.used(Target::Input(name.to_owned()), source, range, true),
            Binding::Loop(..) | Binding::Inputs | Binding::Runtime(_) | Binding::Global(_) => {}
        }
    }

    /// Names along a path: `inputs.x`, the steps of an iteration.
    fn path(&mut self, start: Shape<'a>, path: &[Access], source: &Source<'_>) {
        let mut shape = start;
        for (at, access) in path.iter().enumerate() {
            if let Shape::Step(index) = shape {
                self.output_of(index, &path[at..], source);
            }
            let Followed::To(next) = self.shapes.follow(shape, Part::of(&access.kind)) else { return };
            let named = matches!(access.kind, AccessKind::Field(_));
            let target = match (shape, next) {
                (Shape::Inputs, Shape::Input(input)) => Some(Target::Input(input.name.value.clone())),
                (Shape::Steps(_), Shape::Step(index) | Shape::Turn(index)) => Some(Target::Step(index)),
                _ => None,
            };
            if let Some(target) = target.filter(|_| named) {
                let inside = unquoted(source.text, access.range);
                self.used(target, source, inside, inside == access.range);
            }
            shape = next;
        }
    }

    /// The output of another pipeline that `path`, taken from the step that runs it, leads to.
    fn output_of(&mut self, step: StepIndex, path: &[Access], source: &Source<'_>) {
        let Some(child) = self.children.get(&step) else { return };
        // A mapping gives the outputs names of this document's own.
        if self.scopes.step(step).parameter("output_mapping").is_some() {
            return;
        }
        let is = |access: &Access, name: &str| matches!(&access.kind, AccessKind::Field(field) if field == name);
        let path = if path.first().is_some_and(|first| is(first, "result")) { &path[1..] } else { path };
        let [outputs, access, ..] = path else { return };
        if let AccessKind::Field(name) = &access.kind
            && is(outputs, "outputs")
            && let Some(target) = child.target(true, name)
        {
            let inside = unquoted(source.text, access.range);
            self.used(target, source, inside, inside == access.range);
        }
    }

    /// The inputs and outputs of another pipeline that the step which runs it names.
    fn given(&mut self, step: &Step) {
        let Some(child) = self.children.get(&step.index) else { return };
        for (parameter, output) in [("inputs", false), ("output_mapping", true)] {
            let Some(given) = step.parameter(parameter) else { continue };
            for key in key_uses(&self.analysis.parse().tree, given.value) {
                if let Some(target) = child.target(output, &key.name) {
                    self.add(target, key.range, Role::Use);
                }
            }
        }
    }

    /// The loop, and its name for the item, that `loop_var('loop', 'name')` and the like are asked for.
    fn called(&mut self, site: &sites::Site, used: &Reference, source: &Source<'_>) {
        let Some(call) = used.call.filter(|_| matches!(&*used.root, "loop_var" | "loop_item_at")) else { return };
        let Some(first) = template::literal_argument(source.text, call.range) else { return };
        let (first, wanted) = without_sign(source.text, first);
        let tree = &self.analysis.parse().tree;
        let says = |step: StepIndex, key: &str, name: &str| {
            let written = self.scopes.step(step).key(key).and_then(|key| tree.string(key.value));
            written.is_some_and(|written| written.trim_start_matches('$') == name)
        };
        let mut around = std::iter::successors(site.step, |step| self.scopes.parent(*step));
        let Some((step, named)) = around.find_map(|step| {
            let named = says(step, "loop_name", wanted);
            (named || self.scopes.step(step).id_text() == wanted).then_some((step, named))
        }) else {
            return;
        };
        let variable = template::literal_arguments(source.text, call.range).and_then(|all| all.get(1).copied());
        let variable = variable.map(|range| without_sign(source.text, range));
        let variable = variable.filter(|(_, name)| ["loop_var", "loop_name"].iter().any(|key| says(step, key, name)));
        let target = if named { Target::Named(step, wanted.to_owned()) } else { Target::Step(step) };
        self.used(target, source, first, false);
        if let Some((range, name)) = variable {
            self.used(Target::Named(step, name.to_owned()), source, range, false);
        }
    }

    /// The steps that a templated `goto` names between quotes.
    fn jump(&mut self, site: &sites::Site, template: &Template, source: &Source<'_>) {
        let tree = &self.analysis.parse().tree;
        let Some(step) = site.step else { return };
        if self.scopes.step(step).key("goto").is_none_or(|key| tree.resolve(key.value) != site.node) {
            return;
        }
        for segment in template.segments.iter().filter(|segment| segment.kind == SegmentKind::Expression) {
            for range in template::literal_results(source.text, segment.inner) {
                if let Some(target) = self.scopes.in_scope(self.scopes.parent(step), &source.text[range]) {
                    self.used(Target::Step(target), source, range, false);
                }
            }
        }
    }
}

const ONE: TextSize = TextSize::new(1);

/// The root of a reference without its `$`.
fn plain(used: &Reference) -> TextRange {
    let lead = if used.dollar { ONE } else { TextSize::new(0) };
    TextRange::new(used.root_range.start() + lead, used.root_range.end())
}

/// Which of the names that a template binds is bound at `first`.
fn ordinal(template: &Template, first: TextRange) -> u32 {
    template.bound.iter().position(|bound| bound.range == first).unwrap_or_default() as u32
}

fn without_sign(text: &str, range: TextRange) -> (TextRange, &str) {
    let name = text[range].trim_start_matches('$');
    (TextRange::new(range.end() - TextSize::of(name), range.end()), name)
}

fn unquoted(text: &str, range: TextRange) -> TextRange {
    let source = &text[range];
    let quoted = |quote: char| source.len() > 1 && source.starts_with(quote) && source.ends_with(quote);
    if quoted('"') || quoted('\'') { TextRange::new(range.start() + ONE, range.end() - ONE) } else { range }
}

/// The step whose text holds `offset`, innermost.
pub(super) fn innermost(analysis: &Analysis, offset: TextSize) -> Option<StepIndex> {
    let steps = analysis.pipeline().all_steps().into_iter();
    steps.rev().find(|step| step.range.contains_inclusive(offset)).map(|step| step.index)
}
