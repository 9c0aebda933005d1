//! Where templates stand: every scalar that is rendered, with what surrounds it. Inert fields and
//! the text of an inline sub-pipeline, which the child reads, are left out.

use std::{collections::hash_map::Entry, sync::Arc};

use rustc_hash::FxHashSet;

use super::{KeyUse, find, key_uses};
use crate::{
    model::{LoopItem, Pipeline, Step, StepIndex},
    registry::{
        ParamKind, Registry, Target, is_inline_pipeline,
        keys::{self, Place as KeyPlace},
    },
    syntax::{NodeId, Tree},
    template::{self, Reading, Template, Templates},
};

/// A scalar that is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// The scalar (an alias stands for its target).
    pub node: NodeId,
    /// How it is read.
    pub reading: Reading,
    /// The step it belongs to; `None` at the root.
    pub step: Option<StepIndex>,
    /// What surrounds it, which decides the names it sees.
    pub place: Place,
}

/// What surrounds a [`Site`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The default of an input.
    Input,
    /// A declared output.
    Output,
    /// Any other key of the root.
    Root,
    /// A field of a step that is read once, before the step loops: it sees the scope around it.
    Step,
    /// A field that is read in each iteration of the step's own loop.
    Body,
    /// `while`, `until`, `while_condition`: sees the loop's state and its body's steps.
    Condition,
    /// A field of an item of an action loop or queue.
    Item(u32),
    /// A field of an error handler: sees the error too.
    Handler,
}

/// Parses the template of every scalar that is rendered; plain text has none. Conditions always
/// have one. `known` says what an earlier reading of a scalar gave (nothing for plain text), if it is
/// the same as then. The sites are those that have a template, as [`sites`] visits them.
pub fn templates(
    tree: &Tree,
    pipeline: &Pipeline,
    registry: &Registry,
    known: &dyn Fn(NodeId) -> Option<Option<Arc<Template>>>,
) -> (Templates, Vec<Site>) {
    let (mut templates, mut found) = (Templates::default(), Vec::new());
    sites(tree, pipeline, registry, &mut |site| {
        if let Entry::Vacant(place) = templates.entry(site.node) {
            let template = known(site.node).unwrap_or_else(|| read(tree, &site));
            let Some(template) = template else { return };
            place.insert(template);
        }
        found.push(site);
    });
    (templates, found)
}

fn read(tree: &Tree, site: &Site) -> Option<Arc<Template>> {
    let may_be_plain = site.reading == Reading::Template;
    if may_be_plain && tree.is_surely_plain(site.node) {
        return None;
    }
    let decoded = tree.decoded(site.node);
    let plain = may_be_plain && template::is_plain(&decoded.text);
    (!plain).then(|| Arc::new(template::parse(&decoded.text, site.reading)))
}

/// Calls `visit` for every scalar that is rendered, in no particular order within a mapping that
/// has merge keys, in order of place otherwise.
pub fn sites(tree: &Tree, pipeline: &Pipeline, registry: &Registry, visit: &mut dyn FnMut(Site)) {
    let mut walker = Walker { tree, registry, aliased: FxHashSet::default(), visit };
    walker.root(pipeline);
}

struct Walker<'w> {
    tree: &'w Tree,
    registry: &'w Registry,
    /// Collections entered through an alias since the current step began; each is entered once, so
    /// that aliases of aliases cannot multiply.
    aliased: FxHashSet<NodeId>,
    visit: &'w mut dyn FnMut(Site),
}

/// What all sites of a value share.
#[derive(Clone, Copy)]
struct Around {
    reading: Reading,
    step: Option<StepIndex>,
    place: Place,
}

impl Walker<'_> {
    fn root(&mut self, pipeline: &Pipeline) {
        let at = |place| Around { reading: Reading::Template, step: None, place };
        for key in &pipeline.keys {
            match key.name.as_str() {
                "inputs" | "parameters" => {
                    for input in super::section_inputs(self.tree, key.value, key.name == "parameters") {
                        if let Some(default) = input.default {
                            self.deep(default, at(Place::Input));
                        }
                    }
                }
                "steps" => {
                    for step in &pipeline.steps {
                        self.step(step);
                    }
                }
                "outputs" => {
                    let written = key_uses(self.tree, key.value);
                    for (output, key) in pipeline.outputs.iter().zip(written) {
                        // An object without `value` has nothing that is rendered.
                        if output.value != key.value || !self.tree.is_mapping(key.value) {
                            self.deep(output.value, at(Place::Output));
                        }
                    }
                }
                name => {
                    if keys::key(KeyPlace::Pipeline, name).is_some_and(|spec| spec.templated) {
                        self.deep(key.value, at(Place::Root));
                    }
                }
            }
        }
    }

    fn step(&mut self, step: &Step) {
        self.aliased.clear();
        let at = |place, reading| Around { reading, step: Some(step.index), place };
        // Without steps of its own the loop's body is the step's own action.
        let action_place = if step.loops.is_some() && step.body.is_empty() { Place::Body } else { Place::Step };
        let mut items_done = false;
        for key in &step.keys {
            match key.name.as_str() {
                "steps" => {
                    for inner in &step.body {
                        self.step(inner);
                    }
                }
                "condition" | "if" => self.deep(key.value, at(Place::Step, Reading::Condition)),
                "while" | "until" | "while_condition" => {
                    self.deep(key.value, at(Place::Condition, Reading::Condition));
                }
                "parameters" => {
                    for parameter in &step.parameters {
                        if !self.inline_pipeline(step, parameter) {
                            self.deep(parameter.value, at(action_place, Reading::Template));
                        }
                    }
                }
                "action" | "location" | "produces" => self.deep(key.value, at(action_place, Reading::Template)),
                "dependencies" | "depends_on" => {
                    if let Some(node) = step.dynamic_dependencies {
                        self.deep(node, at(Place::Step, Reading::Template));
                    }
                }
                "create_parallel_queue" => self.queue(step, key.value, &mut items_done),
                "action_loop" => self.items(step, &mut items_done),
                name => {
                    let Some(spec) = keys::key(KeyPlace::Step, name) else { continue };
                    if spec.templated {
                        self.deep(key.value, at(Place::Step, Reading::Template));
                    } else if spec.below == Some(KeyPlace::ErrorHandler) {
                        self.handlers(key.value, at(Place::Handler, Reading::Template));
                    }
                }
            }
        }
    }

    /// One error handler, or a list of them.
    fn handlers(&mut self, node: NodeId, around: Around) {
        let tree = self.tree;
        let list: Vec<NodeId> = tree.items(node).collect();
        for handler in if list.is_empty() { vec![node] } else { list } {
            for key in key_uses(tree, handler) {
                if keys::key(KeyPlace::ErrorHandler, &key.name).is_some_and(|spec| spec.templated) {
                    self.deep(key.value, around);
                }
            }
        }
    }

    fn queue(&mut self, step: &Step, node: NodeId, items_done: &mut bool) {
        for key in key_uses(self.tree, node) {
            let at = |place, reading| Around { reading, step: Some(step.index), place };
            match key.name.as_str() {
                "action_loop" => self.items(step, items_done),
                "until" | "while" => self.deep(key.value, at(Place::Condition, Reading::Condition)),
                "task" if self.tree.is_mapping(key.value) => {
                    for inner in key_uses(self.tree, key.value) {
                        match inner.name.as_str() {
                            "action_loop" => self.items(step, items_done),
                            "until" | "while" => self.deep(inner.value, at(Place::Condition, Reading::Condition)),
                            _ => self.deep(inner.value, at(Place::Body, Reading::Template)),
                        }
                    }
                }
                _ => self.deep(key.value, at(Place::Step, Reading::Template)),
            }
        }
    }

    fn items(&mut self, step: &Step, done: &mut bool) {
        if std::mem::replace(done, true) {
            return;
        }
        for (index, item) in step.items.iter().enumerate() {
            self.item(step, item, index as u32);
        }
    }

    fn item(&mut self, step: &Step, item: &LoopItem, index: u32) {
        for key in &item.keys {
            let reading = match key.name.as_str() {
                "condition" | "if" | "until" | "while" => Reading::Condition,
                name if keys::key(KeyPlace::LoopItem, name).is_some_and(|spec| spec.templated) => Reading::Template,
                _ => continue,
            };
            self.deep(key.value, Around { reading, step: Some(step.index), place: Place::Item(index) });
        }
    }

    /// Every scalar in `node`.
    fn deep(&mut self, node: NodeId, around: Around) {
        let target = self.tree.resolve(node);
        if self.tree.is_scalar(target) {
            (self.visit)(Site { node: target, reading: around.reading, step: around.step, place: around.place });
            return;
        }
        if target != node && !self.aliased.insert(target) {
            return;
        }
        let tree = self.tree;
        // Only a condition itself is an expression; what a collection there holds is none.
        let around = Around { reading: Reading::Template, ..around };
        for item in tree.items(target) {
            self.deep(item, around);
        }
        for entry in tree.entries(target) {
            self.deep(entry.value, around);
        }
    }

    /// Whether the parameter holds a whole pipeline as text, whose templates the child renders.
    fn inline_pipeline(&self, step: &Step, parameter: &KeyUse) -> bool {
        let node = self.tree.resolve(parameter.value);
        if !self.tree.is_scalar(node) {
            return false;
        }
        let source = self.tree.source(node);
        if !(source.contains('\n') || source.contains('\\') || source.contains("id:")) {
            return false;
        }
        if !is_inline_pipeline(&self.tree.decoded(node).text) {
            return false;
        }
        let tool = step.tool.as_ref().map(|tool| &*tool.value);
        let action = step.action.as_ref().map(|action| &*action.value);
        let Target::Operation { tool, .. } = self.registry.resolve(tool, action, None) else { return false };
        let operations = tool.operations.iter();
        operations.flat_map(|operation| &operation.params).any(|spec| {
            spec.kind == ParamKind::Pipeline && (spec.name == parameter.name || spec.aliases.contains(&parameter.name))
        })
    }
}

/// The node of the queue's `on`, if the step is one.
pub fn queue_collection(tree: &Tree, step: &Step) -> Option<NodeId> {
    let queue = key_uses(tree, step.key("create_parallel_queue")?.value);
    find(&queue, "on").map(|key| key.value)
}
