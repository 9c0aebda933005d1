//! Which name means what at which place: steps, items, loop variables, inputs, runtime names.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{
    Pipeline, Step, StepIndex,
    lower::sites::{Place, Site},
};
use crate::{
    registry::{
        GlobalSpec, LoopConstruct, LoopVariable, RuntimeName,
        names::{self, condition_variables, loop_variables},
    },
    syntax::{NodeId, Tree},
};

/// What a name means at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Binding<'p> {
    /// The result of a step.
    Step(StepIndex),
    /// The result of an item of the surrounding action loop or queue (its index); `previous` means
    /// the `prev_<name>` of the iteration before.
    Item(StepIndex, u32),
    /// A name that the loop of a step binds.
    Loop(StepIndex, &'static LoopVariable),
    /// What the `while` loop around a place has done so far, under the loop's id.
    State(StepIndex),
    /// The name a loop gives its item by `loop_var`, or a loop by `loop_name`.
    Named(StepIndex),
    /// A declared input.
    Input(&'p str),
    /// `inputs` or `parameters` as a whole.
    Inputs,
    /// A name every template sees.
    Runtime(&'static RuntimeName),
    /// A global function.
    Global(&'static GlobalSpec),
}

/// Who may see whom in a pipeline. Made once per document; a look-up costs a few hashes.
#[derive(Debug)]
pub struct Scopes<'p> {
    pipeline: &'p Pipeline,
    steps: Vec<&'p Step>,
    parents: Vec<Option<StepIndex>>,
    ids: FxHashMap<(Option<StepIndex>, &'p str), StepIndex>,
    anywhere: FxHashMap<&'p str, StepIndex>,
    loop_names: FxHashMap<String, Vec<StepIndex>>,
    /// The steps that run as handlers of errors.
    handlers: FxHashSet<StepIndex>,
}

impl<'p> Scopes<'p> {
    /// Reads the scopes of `pipeline`. `loop_names` of the steps are taken from `text`, which says
    /// what a scalar node reads.
    pub fn new(pipeline: &'p Pipeline, tree: &Tree) -> Self {
        let mut scopes = Self {
            pipeline,
            steps: Vec::new(),
            parents: Vec::new(),
            ids: FxHashMap::default(),
            anywhere: FxHashMap::default(),
            loop_names: FxHashMap::default(),
            handlers: FxHashSet::default(),
        };
        scopes.collect(&pipeline.steps, None, tree);
        scopes.find_handlers(tree);
        scopes
    }

    fn collect(&mut self, steps: &'p [Step], parent: Option<StepIndex>, tree: &Tree) {
        for step in steps {
            self.steps.push(step);
            self.parents.push(parent);
            if let Some(id) = &step.id {
                self.ids.entry((parent, &*id.value)).or_insert(step.index);
                self.anywhere.entry(&*id.value).or_insert(step.index);
            }
            for key in ["loop_name", "loop_var"] {
                if let Some(name) = step.key(key).and_then(|key| tree.string(key.value)) {
                    let name = name.strip_prefix('$').filter(|_| key == "loop_var").unwrap_or(&name);
                    self.loop_names.entry(name.to_owned()).or_default().push(step.index);
                }
            }
            self.collect(&step.body, Some(step.index), tree);
        }
    }

    fn find_handlers(&mut self, tree: &Tree) {
        let mut found = FxHashSet::default();
        for step in &self.steps {
            for key in ["on_error", "error_handlers"].into_iter().filter_map(|key| step.key(key)) {
                let list: Vec<NodeId> = tree.items(key.value).collect();
                for handler in if list.is_empty() { vec![key.value] } else { list } {
                    let named = tree.get(handler, "handler_task_id").map_or(handler, |entry| entry.value);
                    let task = tree.string(named).and_then(|id| self.visible_step(self.parent(step.index), &id));
                    found.extend(task);
                }
            }
        }
        self.handlers = found;
    }

    /// Whether a template at `site` is read while an error is handled.
    fn handles_error(&self, site: &Site) -> bool {
        site.place == Place::Handler || site.step.is_some_and(|step| self.is_handler(step))
    }

    /// Whether the step runs as the handler of an error.
    pub(crate) fn is_handler(&self, index: StepIndex) -> bool {
        self.handlers.contains(&index)
    }

    /// The step and the loops around it, innermost first.
    pub(crate) fn around(&self, step: StepIndex) -> impl Iterator<Item = StepIndex> {
        std::iter::successors(Some(step), |step| self.parent(*step))
    }

    /// The step at `index`.
    pub fn step(&self, index: StepIndex) -> &'p Step {
        self.steps[index.0 as usize]
    }

    /// All steps, bodies included, by index.
    pub fn steps(&self) -> &[&'p Step] {
        &self.steps
    }

    /// The loop step in whose body `index` stands.
    pub fn parent(&self, index: StepIndex) -> Option<StepIndex> {
        self.parents[index.0 as usize]
    }

    /// The step called `id` among the steps of one scope: the root's (`None`) or a loop's body.
    pub fn in_scope(&self, scope: Option<StepIndex>, id: &str) -> Option<StepIndex> {
        self.ids.get(&(scope, id)).copied()
    }

    /// The step called `id` in any scope, whether it can be seen or not.
    pub fn anywhere(&self, id: &str) -> Option<StepIndex> {
        self.anywhere.get(id).copied()
    }

    /// The step called `id` as a step of `scope` sees it: siblings first, then outwards.
    pub fn visible_step(&self, mut scope: Option<StepIndex>, id: &str) -> Option<StepIndex> {
        loop {
            if let Some(found) = self.in_scope(scope, id) {
                return Some(found);
            }
            scope = self.parent(scope?);
        }
    }

    /// The step on the way from `index` to the root that stands in `scope`.
    pub fn ancestor_in(&self, index: StepIndex, scope: Option<StepIndex>) -> Option<StepIndex> {
        let mut at = index;
        loop {
            let parent = self.parent(at);
            if parent == scope {
                return Some(at);
            }
            at = parent?;
        }
    }

    /// What `name` means at `site`.
    pub fn resolve(&self, site: &Site, name: &str) -> Option<Binding<'p>> {
        self.resolve_local(site, name)
            .or_else(|| self.in_scope(None, name).map(Binding::Step))
            .or_else(|| self.pipeline.inputs.get_key_value(name).map(|(name, _)| Binding::Input(name)))
            .or_else(|| matches!(name, "inputs" | "parameters").then_some(Binding::Inputs))
            .or_else(|| names::runtime_name(name).map(Binding::Runtime))
            .or_else(|| (name == "error" && self.handles_error(site)).then(|| Binding::Runtime(names::handled_error())))
            .or_else(|| names::global(name).map(Binding::Global))
            .or_else(|| self.named_loop(site, name).map(Binding::Named))
    }

    /// The loop that gives its item, or itself, this name: the innermost around `site`, else the first
    /// of the file.
    fn named_loop(&self, site: &Site, name: &str) -> Option<StepIndex> {
        let loops = self.loop_names.get(name)?;
        let mut around = std::iter::successors(site.step, |step| self.parent(*step));
        around.find(|step| loops.contains(step)).or_else(|| loops.first().copied())
    }

    /// What the loops around `site` bind, innermost first. A declared input named like a loop
    /// variable wins over it.
    fn resolve_local(&self, site: &Site, name: &str) -> Option<Binding<'p>> {
        let index = site.step?;
        let hidden = self.pipeline.inputs.contains_key(name);
        let step = self.step(index);
        if let Some(construct) = step.loops {
            let variables: &[LoopVariable] = match site.place {
                Place::Body | Place::Item(_) => loop_variables(construct),
                Place::Condition => condition_variables(construct),
                _ => &[],
            };
            if let Some(variable) = variables.iter().find(|variable| variable.name == name && !hidden) {
                return Some(Binding::Loop(index, variable));
            }
            let inside = matches!(site.place, Place::Body | Place::Item(_) | Place::Condition);
            if inside && is_while_called(step, name) {
                return Some(Binding::State(index));
            }
            if matches!(site.place, Place::Item(_) | Place::Condition)
                && let Some(item) = item_of(step, name)
            {
                return Some(Binding::Item(index, item));
            }
            if site.place == Place::Condition
                && let Some(found) = self.in_scope(Some(index), name)
            {
                return Some(Binding::Step(found));
            }
        }
        let mut scope = self.parent(index);
        while let Some(parent) = scope {
            if let Some(found) = self.in_scope(scope, name) {
                return Some(Binding::Step(found));
            }
            if let Some(variable) = self.bound_in_body(parent, name).filter(|_| !hidden) {
                return Some(Binding::Loop(parent, variable));
            }
            if is_while_called(self.step(parent), name) {
                return Some(Binding::State(parent));
            }
            scope = self.parent(parent);
        }
        None
    }

    fn bound_in_body(&self, parent: StepIndex, name: &str) -> Option<&'static LoopVariable> {
        let step = self.step(parent);
        let both = |construct| loop_variables(construct).iter().find(|variable: &&LoopVariable| variable.name == name);
        both(step.loops?)
    }

    /// The constructs of the loops around `site`, innermost first.
    pub fn loops_around(&self, site: &Site) -> Vec<LoopConstruct> {
        let Some(index) = site.step else { return Vec::new() };
        let mut found = Vec::new();
        if matches!(site.place, Place::Body | Place::Item(_) | Place::Condition) {
            found.extend(self.step(index).loops);
        }
        let mut scope = self.parent(index);
        while let Some(parent) = scope {
            found.extend(self.step(parent).loops);
            scope = self.parent(parent);
        }
        found
    }

    /// Every name that means something at `site`, innermost first, each once.
    pub fn visible(&self, site: &Site) -> Vec<(&'p str, Binding<'p>)> {
        let mut names: Vec<&'p str> = Vec::new();
        if let Some(index) = site.step {
            let step = self.step(index);
            if let Some(construct) = step.loops {
                names.extend(loop_variables(construct).iter().map(|variable| variable.name));
                names.extend(condition_variables(construct).iter().map(|variable| variable.name));
            }
            names.extend(step.items.iter().filter_map(|item| item.name.as_ref()).map(|name| &*name.value));
            if site.place == Place::Condition {
                names.extend(ids(&step.body));
            }
            let mut scope = self.parent(index);
            while let Some(parent) = scope {
                let step = self.step(parent);
                names.extend(ids(&step.body));
                names.extend(step.loops.into_iter().flat_map(loop_variables).map(|variable| variable.name));
                scope = self.parent(parent);
            }
        }
        names.extend(ids(&self.pipeline.steps));
        names.extend(self.pipeline.inputs.keys().map(String::as_str));
        names.extend(["inputs", "parameters"]);
        names.extend(names::runtime_names().iter().map(|name| name.name));
        names.push(names::handled_error().name);
        names.extend(names::globals().iter().map(|global| global.name));
        let mut seen = FxHashSet::default();
        names.retain(|name| seen.insert(*name));
        names.into_iter().filter_map(|name| Some((name, self.resolve(site, name)?))).collect()
    }
}

fn ids(steps: &[Step]) -> impl Iterator<Item = &str> {
    steps.iter().filter_map(|step| step.id.as_ref()).map(|id| &*id.value)
}

fn is_while_called(step: &Step, name: &str) -> bool {
    step.loops == Some(LoopConstruct::While) && step.id_text() == name && !name.is_empty()
}

fn item_of(step: &Step, name: &str) -> Option<u32> {
    let found = step.items.iter().enumerate().find(|(index, item)| {
        let plain = name.strip_prefix("prev_").unwrap_or(name);
        match &item.name {
            Some(own) => own.value == name || own.value == plain,
            None => plain.strip_prefix("action_").and_then(|number| number.parse().ok()) == Some(*index),
        }
    });
    found.map(|(index, _)| index as u32)
}
