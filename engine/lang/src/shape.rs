//! What a value looks like before the run: the steps, their results, the fields the registry knows,
//! the items of loops, and what is written in the file itself.
//!
//! A [`Shape`] is a place in that knowledge, not a copy of it: following a path costs a few look-ups
//! and allocates nothing.

use std::borrow::Cow;

use crate::{
    model::{
        Input, Pipeline, Step, StepIndex,
        lower::sites::{self, Place, Site},
        scope::{Binding, Scopes},
        target,
    },
    registry::{
        FieldSpec, LoopConstruct, LoopVariable, OutputSpec, Registry, RuntimeName, Target, ValueType,
        names::loop_variables,
        results::{self, Known},
        types,
    },
    syntax::{NodeId, NodeKind, Scalar, Tree},
    template::{AccessKind, Origin, Reading, Templates},
};

/// What stands at the end of a path.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'a> {
    /// Nothing is known about it.
    Any,
    /// All inputs by name.
    Inputs,
    /// An input.
    Input(&'a Input),
    /// The steps of one scope by id: those of the root, or of one iteration of a loop.
    Steps(Option<StepIndex>),
    /// A step that ended.
    Step(StepIndex),
    /// The own action of a loop without `steps`, in one iteration.
    Turn(StepIndex),
    /// An item of an action loop or queue that ended.
    Item(StepIndex, u32),
    /// What a tool or action gives back.
    Output(&'a OutputSpec),
    /// A field of that.
    Field(&'a FieldSpec),
    /// An item of a field that is a list.
    ItemOf(&'a FieldSpec),
    /// What a `for_each`, `while` or `until` gives back.
    LoopResult(StepIndex),
    /// The iterations of a loop, in order.
    Iterations(StepIndex),
    /// What a `while` has done so far.
    State(StepIndex),
    /// The names a loop binds, under its `loop_name`.
    Loop(StepIndex),
    /// A name of the run.
    Runtime(&'static RuntimeName),
    /// A plain value with what is known about it.
    Plain(Known),
    /// A value as it is written; `closed` if the run cannot put another in its place.
    Written {
        /// The value.
        node: NodeId,
        /// It is this value and no other.
        closed: bool,
    },
    /// An item of a list as it is written.
    Each {
        /// The list.
        node: NodeId,
        /// It is this list and no other.
        closed: bool,
    },
}

/// One step of a path.
#[derive(Debug, Clone, Copy)]
pub enum Part<'p> {
    /// A member by name.
    Name(&'p str),
    /// An item of a list.
    Item,
    /// A part of a list.
    Slice,
    /// The result of a call.
    Call,
}

impl<'p> Part<'p> {
    /// The part that an access takes.
    pub fn of(access: &'p AccessKind) -> Self {
        match access {
            AccessKind::Field(name) => Self::Name(name),
            AccessKind::Index(_) | AccessKind::Dynamic => Self::Item,
            AccessKind::Slice => Self::Slice,
            AccessKind::Method(_) => Self::Call,
        }
    }
}

/// Where a part leads.
#[derive(Debug, Clone, Copy)]
pub enum Followed<'a> {
    /// There.
    To(Shape<'a>),
    /// There is no such member.
    Missing,
    /// It cannot be told.
    Unknown,
}

/// A member, for completion and hover.
#[derive(Debug, Clone)]
pub struct Member<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// What it is.
    pub shape: Shape<'a>,
}

/// The shapes of one document.
#[derive(Debug, Clone, Copy)]
pub struct Shapes<'s, 'a> {
    /// What is written.
    pub tree: &'a Tree,
    /// What exists.
    pub registry: &'a Registry,
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// Parsed templates.
    pub templates: &'a Templates,
    /// Who sees whom.
    pub scopes: &'s Scopes<'a>,
}

/// How many names may lead from one to the next before it counts as not known.
const MAX_DEPTH: usize = 32;

impl<'a> Shapes<'_, 'a> {
    /// What a bound name stands for.
    pub fn of_binding(&self, binding: &Binding<'a>) -> Shape<'a> {
        self.bound(binding, 0)
    }

    /// What the value of `origin`, used at `site`, looks like.
    pub fn of_origin(&self, site: &Site, origin: &Origin) -> Shape<'a> {
        self.origin(site, origin, 0)
    }

    fn origin(&self, site: &Site, origin: &Origin, depth: usize) -> Shape<'a> {
        let Some(binding) = self.scopes.resolve(site, &origin.root) else { return Shape::Any };
        let start = self.bound(&binding, depth);
        origin
            .path
            .iter()
            .try_fold(start, |at, access| match self.follow(at, Part::of(access)) {
                Followed::To(shape) => Some(shape),
                Followed::Missing | Followed::Unknown => None,
            })
            .unwrap_or(Shape::Any)
    }

    fn bound(&self, binding: &Binding<'a>, depth: usize) -> Shape<'a> {
        match *binding {
            Binding::Step(index) => Shape::Step(index),
            Binding::Item(index, item) => Shape::Item(index, item),
            Binding::Input(name) => self.pipeline.inputs.get(name).map_or(Shape::Any, Shape::Input),
            Binding::Inputs => Shape::Inputs,
            Binding::Runtime(runtime) if is_all_steps(runtime) => Shape::Steps(None),
            Binding::Runtime(runtime) => Shape::Runtime(runtime),
            Binding::Loop(index, variable) => self.loop_variable(index, variable, depth),
            Binding::State(index) => Shape::State(index),
            Binding::Named(index) if self.scopes.step(index).loops == Some(LoopConstruct::While) => Shape::State(index),
            Binding::Named(index) => Shape::Loop(index),
            Binding::Global(_) => Shape::Any,
        }
    }

    fn loop_variable(&self, index: StepIndex, variable: &'static LoopVariable, depth: usize) -> Shape<'a> {
        match (variable.name, variable.value_type) {
            ("item", _) => self.item_of(self.collection(index, depth)),
            ("queue", _) => self.collection(index, depth),
            ("loop_state", _) => Shape::State(index),
            (name, Some(value_type)) => Shape::Plain((name, value_type, variable.doc)),
            (_, None) => Shape::Any,
        }
    }

    fn item_of(&self, list: Shape<'a>) -> Shape<'a> {
        match self.follow(list, Part::Item) {
            Followed::To(shape) => shape,
            Followed::Missing | Followed::Unknown => Shape::Any,
        }
    }

    /// The list that the loop `index` goes through.
    fn collection(&self, index: StepIndex, depth: usize) -> Shape<'a> {
        let step = self.scopes.step(index);
        let written = ["for_each", "foreach"].into_iter().find_map(|key| step.key(key)).map(|key| key.value);
        let Some(node) = written.or_else(|| sites::queue_collection(self.tree, step)) else { return Shape::Any };
        let node = self.tree.resolve(node);
        if matches!(self.tree.kind(node), NodeKind::Sequence { .. }) {
            return Shape::Written { node, closed: true };
        }
        let Some(origin) = self.templates.get(&node).and_then(|template| template.value.as_ref()) else {
            return Shape::Any;
        };
        if depth > MAX_DEPTH {
            return Shape::Any;
        }
        let site = Site { node, reading: Reading::Template, step: Some(index), place: Place::Step };
        self.origin(&site, origin, depth + 1)
    }

    /// Where `part` leads from `shape`.
    pub fn follow(&self, shape: Shape<'a>, part: Part<'_>) -> Followed<'a> {
        match part {
            Part::Name(name) => self.member(shape, name),
            Part::Item => self.item(shape),
            Part::Slice => match shape {
                Shape::Iterations(_) | Shape::Field(_) | Shape::Written { .. } | Shape::Input(_) => Followed::To(shape),
                _ => Followed::Unknown,
            },
            Part::Call => Followed::Unknown,
        }
    }

    fn item(&self, shape: Shape<'a>) -> Followed<'a> {
        let to = match shape {
            Shape::Iterations(index) => Shape::Steps(Some(index)),
            Shape::Field(field) if field.types == [ValueType::Array] => Shape::ItemOf(field),
            Shape::Written { node, closed } => match self.tree.kind(node) {
                NodeKind::Sequence { .. } => Shape::Each { node, closed },
                _ => return Followed::Unknown,
            },
            Shape::Input(input) => match input.default {
                Some(node) => return self.item(self.written(node, false)),
                None => return Followed::Unknown,
            },
            _ => return Followed::Unknown,
        };
        Followed::To(to)
    }

    fn member(&self, shape: Shape<'a>, name: &str) -> Followed<'a> {
        match shape {
            Shape::Any => Followed::Unknown,
            Shape::Inputs => found(self.pipeline.inputs.get(name).map(Shape::Input)),
            Shape::Input(input) => match input.default {
                Some(node) => self.member(self.written(node, false), name),
                None => Followed::Unknown,
            },
            Shape::Steps(scope) => found(self.in_scope(scope, name)),
            Shape::Step(index) => self.of_step(name, || self.result(index)),
            Shape::Turn(index) => self.of_step(name, || self.acted(index)),
            Shape::Item(index, item) => self.of_step(name, || self.item_result(index, item)),
            Shape::Output(output) => match output.field(name) {
                Some(field) => Followed::To(Shape::Field(field)),
                None if output.open || (output.fields.is_empty() && !output.scalar) => Followed::Unknown,
                None => Followed::Missing,
            },
            Shape::Field(field) => field_member(field, &field.fields, name),
            Shape::ItemOf(field) => match field.items.iter().find(|member| member.name == name) {
                Some(member) => Followed::To(Shape::Field(member)),
                None if field.open || field.items.is_empty() => Followed::Unknown,
                None => Followed::Missing,
            },
            Shape::LoopResult(index) => of_table(self.of_loop(index), index, name),
            Shape::State(index) => of_table(results::of_state(), index, name),
            Shape::Loop(index) => self.named_loop(index, name),
            Shape::Runtime(runtime) => match runtime.fields.iter().find(|(field, _)| *field == name) {
                Some((field, doc)) => Followed::To(Shape::Plain((field, ValueType::String, doc))),
                None if runtime.fields.is_empty() => Followed::Unknown,
                None => Followed::Missing,
            },
            Shape::Plain((_, ValueType::Object | ValueType::Array, _)) => Followed::Unknown,
            Shape::Plain(_) | Shape::Iterations(_) => Followed::Missing,
            Shape::Written { node, closed } => self.written_member(&[node], name, closed),
            Shape::Each { node, closed } => {
                let items: Vec<NodeId> = self.tree.items(node).map(|item| self.tree.resolve(item)).collect();
                self.written_member(&items, name, closed)
            }
        }
    }

    /// A member of a step: how it ended, its result, or a field of that.
    fn of_step(&self, name: &str, result: impl FnOnce() -> Shape<'a>) -> Followed<'a> {
        match results::known(results::of_step(), name) {
            Some(("result", ..)) => Followed::To(result()),
            Some(known) => Followed::To(Shape::Plain(known)),
            None => self.member(result(), name),
        }
    }

    fn in_scope(&self, scope: Option<StepIndex>, name: &str) -> Option<Shape<'a>> {
        match scope.map(|index| self.scopes.step(index)) {
            Some(step) if step.body.is_empty() => (step.id_text() == name).then_some(Shape::Turn(step.index)),
            _ => self.scopes.in_scope(scope, name).map(Shape::Step),
        }
    }

    /// A member of what is written at any of `nodes`.
    fn written_member(&self, nodes: &[NodeId], name: &str, closed: bool) -> Followed<'a> {
        let mut judged = closed && !nodes.is_empty();
        for node in nodes {
            if let Some(entry) = self.tree.get(*node, name) {
                return Followed::To(self.written(entry.value, closed));
            }
            judged &= !self.templates.contains_key(node) && !matches!(self.tree.kind(*node), NodeKind::Error);
        }
        if judged { Followed::Missing } else { Followed::Unknown }
    }

    fn written(&self, node: NodeId, closed: bool) -> Shape<'a> {
        let node = self.tree.resolve(node);
        let plain = !self.templates.contains_key(&node);
        if plain { Shape::Written { node, closed } } else { Shape::Any }
    }

    fn named_loop(&self, index: StepIndex, name: &str) -> Followed<'a> {
        if name == "items" {
            return Followed::To(self.collection(index, 0));
        }
        let Some(construct) = self.scopes.step(index).loops else { return Followed::Unknown };
        // `loop_var` names the item itself, whose members are those of the item.
        let item = self.item_of(self.collection(index, 0));
        match loop_variables(construct).iter().find(|variable| variable.name == name) {
            Some(variable) => Followed::To(self.loop_variable(index, variable, 0)),
            None => match self.member(item, name) {
                Followed::To(shape) => Followed::To(shape),
                Followed::Missing | Followed::Unknown => Followed::Unknown,
            },
        }
    }

    /// What `{{ step.result }}` holds.
    pub fn result(&self, index: StepIndex) -> Shape<'a> {
        match self.scopes.step(index).loops {
            Some(LoopConstruct::ForEach | LoopConstruct::While) => Shape::LoopResult(index),
            Some(LoopConstruct::ActionLoop) => self.of_action("action_loop"),
            Some(LoopConstruct::Queue) => self.of_action("create_parallel_queue"),
            None => self.acted(index),
        }
    }

    /// What the step's own tool or action gives back.
    fn acted(&self, index: StepIndex) -> Shape<'a> {
        given_back(&target::of_step(self.tree, self.registry, self.scopes.step(index)))
    }

    fn item_result(&self, index: StepIndex, item: u32) -> Shape<'a> {
        match self.scopes.step(index).items.get(item as usize) {
            Some(item) => given_back(&target::of_item(self.tree, self.registry, item)),
            None => Shape::Any,
        }
    }

    fn of_action(&self, name: &str) -> Shape<'a> {
        self.registry.action(name).map_or(Shape::Any, |action| Shape::Output(&action.output))
    }

    fn of_loop(&self, index: StepIndex) -> &'static [Known] {
        match self.scopes.step(index).loops {
            Some(LoopConstruct::While) => results::of_while(),
            _ => results::of_for_each(),
        }
    }

    /// Whether the step's result is what its tool gives back and nothing else: no handler puts
    /// another value in its place, and no schema of its own says more.
    pub fn is_certain(&self, index: StepIndex) -> bool {
        let step = self.scopes.step(index);
        !["on_error", "error_handlers", "output_schema", "schema"].iter().any(|key| step.key(key).is_some())
    }

    /// What may stand after `shape` and a dot.
    pub fn members(&self, shape: Shape<'a>) -> Vec<Member<'a>> {
        match shape {
            Shape::Inputs => {
                let inputs = self.pipeline.inputs.values();
                inputs.map(|input| member(&input.name.value, Shape::Input(input))).collect()
            }
            Shape::Input(input) => {
                input.default.map(|node| self.members(self.written(node, false))).unwrap_or_default()
            }
            Shape::Steps(scope) => self.steps_of(scope),
            Shape::Step(index) => {
                let mut found = plain(results::of_step());
                if self.scopes.step(index).loops == Some(LoopConstruct::While) {
                    found.push(member("iterations", Shape::Iterations(index)));
                }
                found
            }
            Shape::Turn(_) | Shape::Item(..) => plain(results::of_step()),
            Shape::Output(output) => fields(&output.fields),
            Shape::Field(field) => fields(&field.fields),
            Shape::ItemOf(field) => fields(&field.items),
            Shape::LoopResult(index) => plain(self.of_loop(index)),
            Shape::State(_) => plain(results::of_state()),
            Shape::Loop(index) => {
                let variables = self.scopes.step(index).loops.into_iter().flat_map(loop_variables);
                variables.map(|variable| member(variable.name, self.loop_variable(index, variable, 0))).collect()
            }
            Shape::Runtime(runtime) => {
                let fields = runtime.fields.iter();
                fields.map(|(name, doc)| member(name, Shape::Plain((name, ValueType::String, doc)))).collect()
            }
            Shape::Written { node, closed } => self.written_members(&[node], closed),
            Shape::Each { node, closed } => {
                let items: Vec<NodeId> = self.tree.items(node).map(|item| self.tree.resolve(item)).collect();
                self.written_members(&items, closed)
            }
            Shape::Any | Shape::Iterations(_) | Shape::Plain(_) => Vec::new(),
        }
    }

    fn steps_of(&self, scope: Option<StepIndex>) -> Vec<Member<'a>> {
        let named = |step: &'a Step| step.id.as_ref().map(|id| &*id.value);
        let steps = match scope.map(|index| self.scopes.step(index)) {
            None => &self.pipeline.steps,
            Some(step) if step.body.is_empty() => {
                return named(step).into_iter().map(|name| member(name, Shape::Turn(step.index))).collect();
            }
            Some(step) => &step.body,
        };
        steps.iter().filter_map(|step| Some(member(named(step)?, Shape::Step(step.index)))).collect()
    }

    fn written_members(&self, nodes: &[NodeId], closed: bool) -> Vec<Member<'a>> {
        let mut found: Vec<Member<'a>> = Vec::new();
        for entry in nodes.iter().flat_map(|node| self.tree.entries(*node)) {
            if !self.tree.is_scalar(entry.key) {
                continue;
            }
            let name = self.tree.decoded(entry.key).text;
            if !found.iter().any(|member| member.name == name) {
                found.push(Member { name, shape: self.written(entry.value, closed) });
            }
        }
        found
    }

    /// The types a value of this shape may have; none if that is not known.
    pub fn types(&self, shape: Shape<'a>) -> Vec<ValueType> {
        match shape {
            Shape::Any | Shape::Runtime(_) => Vec::new(),
            Shape::Inputs | Shape::Steps(_) | Shape::Step(_) | Shape::Turn(_) | Shape::Item(..) | Shape::Loop(_) => {
                vec![ValueType::Object]
            }
            Shape::LoopResult(_) | Shape::State(_) => vec![ValueType::Object],
            Shape::Input(input) => self.input_types(input),
            Shape::Output(output) if output.scalar => vec![ValueType::String],
            Shape::Output(output) if output.fields.is_empty() => Vec::new(),
            Shape::Output(_) => vec![ValueType::Object],
            Shape::Field(field) => field.types.clone(),
            Shape::ItemOf(field) => {
                if field.items.is_empty() {
                    Vec::new()
                } else {
                    vec![ValueType::Object]
                }
            }
            Shape::Iterations(_) => vec![ValueType::Array],
            Shape::Plain((_, value_type, _)) => vec![value_type],
            Shape::Written { node, .. } => written_type(self.tree, node).into_iter().collect(),
            Shape::Each { node, .. } => {
                let mut types: Vec<ValueType> = Vec::new();
                for item in self.tree.items(node) {
                    let Some(found) = written_type(self.tree, item) else { return Vec::new() };
                    if !types.contains(&found) {
                        types.push(found);
                    }
                }
                types
            }
        }
    }

    /// What the registry or the file says about it, in words; empty if nothing.
    pub fn doc(&self, shape: Shape<'a>) -> &'a str {
        match shape {
            Shape::Input(input) => input.description.as_deref().unwrap_or_default(),
            Shape::Field(field) => &field.doc,
            Shape::Plain((_, _, doc)) => doc,
            Shape::Runtime(runtime) => runtime.doc,
            Shape::Iterations(_) => "What each iteration gave back, in order.",
            _ => "",
        }
    }

    /// The type an input is declared with, else that of its default.
    fn input_types(&self, input: &Input) -> Vec<ValueType> {
        match input.type_name.as_ref().and_then(|name| types::types_named(&name.value)) {
            Some(types) => types.to_vec(),
            None => input.default.and_then(|node| written_type(self.tree, node)).into_iter().collect(),
        }
    }
}

/// The type of what is written at `node`; `None` for nothing, null and what could not be read.
pub fn written_type(tree: &Tree, node: NodeId) -> Option<ValueType> {
    let node = tree.resolve(node);
    match tree.kind(node) {
        NodeKind::Mapping { .. } => Some(ValueType::Object),
        NodeKind::Sequence { .. } => Some(ValueType::Array),
        NodeKind::Scalar(_) => match tree.scalar(node)? {
            Scalar::Null => None,
            Scalar::Bool(_) => Some(ValueType::Boolean),
            Scalar::Int(_) => Some(ValueType::Integer),
            Scalar::Float(_) => Some(ValueType::Number),
            Scalar::Text(_) => Some(ValueType::String),
        },
        _ => None,
    }
}

/// Whether the name holds the results of all steps by id.
fn is_all_steps(runtime: &RuntimeName) -> bool {
    matches!(runtime.name, "previous_results" | "step_results")
}

/// A member of what a loop gives back.
fn of_table<'a>(table: &[Known], index: StepIndex, name: &str) -> Followed<'a> {
    match results::known(table, name) {
        Some(("results" | "iterations", ..)) => Followed::To(Shape::Iterations(index)),
        Some(known) => Followed::To(Shape::Plain(known)),
        None => Followed::Missing,
    }
}

fn found(shape: Option<Shape<'_>>) -> Followed<'_> {
    shape.map_or(Followed::Missing, Followed::To)
}

fn field_member<'a>(field: &'a FieldSpec, members: &'a [FieldSpec], name: &str) -> Followed<'a> {
    if let Some(member) = members.iter().find(|member| member.name == name) {
        return Followed::To(Shape::Field(member));
    }
    let plain = [ValueType::String, ValueType::Integer, ValueType::Number, ValueType::Boolean];
    let has_none = members.is_empty() && !matches!(field.types.as_slice(), [one] if plain.contains(one));
    if field.open || has_none { Followed::Unknown } else { Followed::Missing }
}

fn member<'a>(name: &'a str, shape: Shape<'a>) -> Member<'a> {
    Member { name: Cow::Borrowed(name), shape }
}

fn given_back<'a>(target: &Target<'a>) -> Shape<'a> {
    match target {
        Target::Operation { operation: Some(operation), .. } => Shape::Output(&operation.output),
        Target::Action(action) => Shape::Output(&action.output),
        _ => Shape::Any,
    }
}

fn plain(table: &'static [Known]) -> Vec<Member<'static>> {
    table.iter().map(|known| member(known.0, Shape::Plain(*known))).collect()
}

fn fields(fields: &[FieldSpec]) -> Vec<Member<'_>> {
    fields.iter().map(|field| member(&field.name, Shape::Field(field))).collect()
}
