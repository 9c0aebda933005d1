//! Where tags stand: every text that is rendered, its path, and what is known of the place.

use text_size::{TextRange, TextSize};

use super::{
    By, Hole,
    target::{self, Known, schema_of},
};
use crate::{
    analysis::Analysis,
    check::values,
    model::{KeyUse, LoopItem, Step, StepIndex, lower::key_uses, target as targets},
    registry::{OperationSource, ParamKind, ParamSpec, Registry, Target},
    syntax::{Decoded, NodeId, Tree},
    template::{SegmentKind, Template, auto::AutoTag},
};
use serde_json::json;

/// All AUTO tags of a pipeline that stand where a value does, outermost only, in order of place.
pub fn holes(analysis: &Analysis) -> Vec<Hole> {
    if !analysis.text().contains("<AUTO") {
        return Vec::new();
    }
    let mut walker =
        Walker { analysis, tree: &analysis.parse().tree, registry: analysis.registry(), found: Vec::new() };
    walker.root();
    let mut found = walker.found;
    found.sort_by_key(|hole| hole.range.start());
    found
}

struct Walker<'a> {
    analysis: &'a Analysis,
    tree: &'a Tree,
    registry: &'a Registry,
    found: Vec<Hole>,
}

/// What all tags of a step, or of an item of its loop, share.
#[derive(Clone)]
struct Owner {
    /// Its path in the file.
    path: String,
    step: Option<StepIndex>,
    item: Option<usize>,
    in_loop: bool,
}

impl Walker<'_> {
    fn root(&mut self) {
        let pipeline = self.analysis.pipeline();
        for key in &pipeline.keys {
            let owner = |path: &str| Owner { path: path.to_owned(), step: None, item: None, in_loop: false };
            match &*key.name {
                "steps" => {
                    self.steps(&pipeline.steps, "", false);
                }
                "outputs" => {
                    for output in &pipeline.outputs {
                        let known = Known::of(json!({"type": "string"}), "an output without a type is text");
                        self.value(output.value, &owner("outputs"), output.name.value.clone(), &known, None);
                    }
                }
                "inputs" | "parameters" => {
                    for input in
                        pipeline.inputs.values().filter(|input| input.from_parameters == (key.name == "parameters"))
                    {
                        let Some(default) = input.default else { continue };
                        let known = Known::by(By::Nobody("inputs are known before anything is asked"), "");
                        self.value(default, &owner(&key.name), format!("{}.default", input.name.value), &known, None);
                    }
                }
                name => {
                    let by =
                        if is_model(name) { By::Router } else { By::Nobody("it is read before anything is asked") };
                    self.value(key.value, &owner(""), name.to_owned(), &Known::by(by, ""), None);
                }
            }
        }
    }

    fn steps(&mut self, steps: &[Step], above: &str, in_loop: bool) {
        for (at, step) in steps.iter().enumerate() {
            let path = format!("{above}steps.{}", step.id_text());
            self.step(step, &steps[at + 1..], path, in_loop);
        }
    }

    fn step(&mut self, step: &Step, later: &[Step], path: String, in_loop: bool) {
        let owner = Owner { path, step: Some(step.index), item: None, in_loop };
        let iterated = Owner { in_loop: true, ..owner.clone() };
        // Without steps of its own the loop's body is the step's own action.
        let acting = if step.loops.is_some() && step.body.is_empty() { &iterated } else { &owner };
        for key in &step.keys {
            let name = canonical(&key.name);
            let plain = |walker: &mut Self, owner: &Owner, known: Known| {
                walker.value(key.value, owner, name.to_owned(), &known, None);
            };
            match name {
                "steps" => self.steps(&step.body, &format!("{}.", owner.path), in_loop || step.loops.is_some()),
                "action_loop" => self.items(step, &owner),
                "create_parallel_queue" => self.queue(step, key.value, &owner),
                "parameters" => {
                    let target = targets::of_step(self.tree, self.registry, step);
                    self.parameters(&step.parameters, &target, acting);
                }
                "action" => {
                    let known = self.action(step.tool.as_ref().map(|tool| &*tool.value));
                    plain(self, acting, known);
                }
                "condition" => plain(self, &owner, yes_or_no("a condition is true or false")),
                "while" | "until" | "while_condition" => {
                    plain(self, &iterated, yes_or_no("a condition is true or false"));
                }
                "for_each" => plain(self, &owner, list()),
                "max_parallel" | "max_iterations" => {
                    plain(
                        self,
                        &owner,
                        Known::of(json!({"type": "integer", "minimum": 1}), "a loop's limit is a whole number"),
                    );
                }
                "goto" => {
                    let ids: Vec<&str> = later.iter().map(Step::id_text).filter(|id| !id.is_empty()).collect();
                    let known = if ids.is_empty() {
                        Known::by(By::Nobody("no step comes after it"), "")
                    } else {
                        Known::of(json!({"type": "string", "enum": ids}), "a route names a later step")
                    };
                    plain(self, &owner, known);
                }
                "dependencies" => {
                    plain(self, &owner, Known::by(By::Nobody("what a step waits for is known before the run"), ""));
                }
                "produces" | "location" => plain(self, acting, Known::by(By::Nobody("nothing reads it in a run"), "")),
                name if is_model(name) => plain(self, acting, Known::by(By::Router, "")),
                "on_error" | "error_handlers" => {
                    plain(self, &owner, Known::by(By::Nobody("what a handler does is not asked for"), ""));
                }
                _ => plain(self, &owner, Known::by(By::Nobody("nothing reads it in a run"), "")),
            }
        }
    }

    fn queue(&mut self, step: &Step, queue: NodeId, owner: &Owner) {
        let mut keys: Vec<(String, KeyUse)> = Vec::new();
        for key in key_uses(self.tree, queue) {
            if key.name == "task" && self.tree.is_mapping(key.value) {
                let inner = key_uses(self.tree, key.value).into_iter();
                keys.extend(inner.map(|inner| (format!("create_parallel_queue.task.{}", inner.name), inner)));
            } else {
                keys.push((format!("create_parallel_queue.{}", key.name), key));
            }
        }
        for (place, key) in keys {
            let known = match &*key.name {
                "action_loop" => {
                    self.items(step, owner);
                    continue;
                }
                "on" => list(),
                "max_parallel" => {
                    Known::of(json!({"type": "integer", "minimum": 1}), "a loop's limit is a whole number")
                }
                name if is_model(name) => Known::by(By::Router, ""),
                "until" | "while" => {
                    Known::by(By::Nobody("this version runs the actions of a queue once per item"), "")
                }
                _ => Known::by(By::Nobody("nothing reads it in a run"), ""),
            };
            self.value(key.value, owner, place, &known, None);
        }
    }

    fn items(&mut self, step: &Step, owner: &Owner) {
        for (at, item) in step.items.iter().enumerate() {
            self.item(
                item,
                Owner {
                    path: format!("{}.action_loop[{at}]", owner.path),
                    step: owner.step,
                    item: Some(at),
                    in_loop: true,
                },
            );
        }
    }

    fn item(&mut self, item: &LoopItem, owner: Owner) {
        let target = targets::of_item(self.tree, self.registry, item);
        for key in &item.keys {
            let name = canonical(&key.name);
            let known = match name {
                "parameters" => {
                    self.parameters(&item.parameters, &target, &owner);
                    continue;
                }
                "action" => self.action(item.tool.as_ref().map(|tool| &*tool.value)),
                "condition" => yes_or_no("a condition is true or false"),
                name if is_model(name) => Known::by(By::Router, ""),
                _ => Known::by(By::Nobody("nothing reads it in a run"), ""),
            };
            self.value(key.value, &owner, name.to_owned(), &known, None);
        }
    }

    fn action(&self, tool: Option<&str>) -> Known {
        let Some(tool) = tool else {
            return Known::by(
                By::Action,
                "an action that is a question is the prompt, and the answer the step's result",
            );
        };
        let Target::Operation { tool, .. } = self.registry.resolve(Some(tool), None, None) else {
            return Known::of(json!({"type": "string"}), "an action is a word");
        };
        operations(tool)
    }

    fn parameters(&mut self, parameters: &[KeyUse], target: &Target<'_>, owner: &Owner) {
        for parameter in parameters {
            let place = format!("parameters.{}", parameter.name);
            if let Target::Operation { tool, .. } = target
                && let OperationSource::Parameter(name) = tool.operation_source
                && name == parameter.name
            {
                self.value(parameter.value, owner, place, &operations(tool), None);
                continue;
            }
            let (spec, what) = Self::spec(target, &parameter.name);
            let known = match spec {
                _ if is_model(&parameter.name) => Known::by(By::Router, ""),
                Some(spec) => of_spec(spec, &what),
                None => Known::nothing(),
            };
            self.value(parameter.value, owner, place, &known, spec.map(|spec| (spec, &*what)));
        }
    }

    /// What the registry says of the parameter `name`, and of what it is one.
    fn spec<'t>(target: &Target<'t>, name: &str) -> (Option<&'t ParamSpec>, String) {
        match target {
            Target::Operation { tool, operation: Some(operation) } => {
                let what = if tool.operations.len() == 1 {
                    tool.name.clone()
                } else {
                    format!("{}.{}", tool.name, operation.name)
                };
                (values::param(&operation.params, name), what)
            }
            Target::Operation { tool, operation: None } => {
                (tool.operations.iter().find_map(|operation| values::param(&operation.params, name)), tool.name.clone())
            }
            Target::Action(action) => (values::param(&action.params, name), action.name.clone()),
            _ => (None, String::new()),
        }
    }

    /// Every text in `node`. What is `known` is of `node` itself; `spec` describes what is inside.
    fn value(&mut self, node: NodeId, owner: &Owner, place: String, known: &Known, spec: Option<(&ParamSpec, &str)>) {
        let node = self.tree.resolve(node);
        if self.tree.is_scalar(node) {
            return self.text(node, owner, &place, known);
        }
        // What stands inside is known only by what describes it, but who fills it in is the same.
        let inside = |spec: Option<&ParamSpec>, what: &str, name: &str| match spec {
            _ if known.by != By::Model => known.clone(),
            _ if is_model(name) => Known::by(By::Router, ""),
            Some(spec) => of_spec(spec, what),
            None => Known::nothing(),
        };
        let items: Vec<NodeId> = self.tree.items(node).collect();
        for (at, item) in items.into_iter().enumerate() {
            let of_item = spec.and_then(|(spec, what)| Some((spec.items.as_deref()?, what)));
            let what = of_item.map_or("", |(_, what)| what);
            let known = inside(of_item.map(|(spec, _)| spec), what, "");
            self.value(item, owner, format!("{place}[{at}]"), &known, of_item);
        }
        if self.tree.is_mapping(node) {
            for key in key_uses(self.tree, node) {
                let of_field = spec.and_then(|(spec, what)| Some((values::param(&spec.fields, &key.name)?, what)));
                let what = of_field.map_or("", |(_, what)| what);
                let known = inside(of_field.map(|(spec, _)| spec), what, &key.name);
                self.value(key.value, owner, format!("{place}.{}", key.name), &known, of_field);
            }
        }
    }

    fn text(&mut self, node: NodeId, owner: &Owner, place: &str, known: &Known) {
        let Some(template) = self.analysis.templates().get(&node) else { return };
        if template.autos.is_empty() {
            return;
        }
        let template: &Template = template;
        let decoded = self.tree.decoded(node);
        let stands =
            |tag: &&AutoTag| template.segments.iter().any(|s| s.kind == SegmentKind::Auto && s.range == tag.range);
        let tags: Vec<&AutoTag> = template.autos.iter().filter(stands).collect();
        let is_alone = matches!(&*tags, [only] if decoded.text[..only.range.start().into()].trim().is_empty()
            && decoded.text[only.range.end().into()..].trim().is_empty());
        let position = if owner.path.is_empty() { place.to_owned() } else { format!("{}.{place}", owner.path) };
        for (at, tag) in tags.iter().enumerate() {
            let known = if is_alone || known.by != By::Model && known.by != By::Action {
                known.clone()
            } else {
                Known { doc: known.doc.clone(), ..Known::of(json!({"type": "string"}), "it stands in a longer text") }
            };
            let counted = if tags.len() == 1 { position.clone() } else { format!("{position}#{}", at + 1) };
            let site = Site { node, owner, place, decoded: &decoded };
            let hole = site.hole(tag, counted, known, &format!("{position}#{}", at + 1));
            self.found.push(hole);
        }
    }
}

/// The text that tags stand in.
struct Site<'s> {
    node: NodeId,
    owner: &'s Owner,
    place: &'s str,
    decoded: &'s Decoded<'s>,
}

impl Site<'_> {
    /// The tag at `position`; those inside it are counted beneath `beneath`.
    fn hole(&self, tag: &AutoTag, position: String, known: Known, beneath: &str) -> Hole {
        let text = |range: TextRange| self.decoded.text[range].to_owned();
        let body = text(tag.body);
        let nested = tag.nested.iter().enumerate().map(|(at, inner)| {
            let known = match known.by {
                By::Nobody(_) | By::Router => known.clone(),
                By::Model | By::Action => Known::of(json!({"type": "string"}), "it stands in another question"),
            };
            let position = format!("{beneath}.{}", at + 1);
            self.hole(inner, position.clone(), known, &position)
        });
        Hole {
            nested: nested.collect(),
            position,
            node: self.node,
            step: self.owner.step,
            item: self.owner.item,
            place: self.place.to_owned(),
            in_loop: self.owner.in_loop,
            source: text(tag.range),
            range: source_range(self.decoded, tag.range),
            target: target::of(tag, &body, known),
            tag: tag.clone(),
            body,
        }
    }
}

fn source_range(decoded: &Decoded<'_>, range: TextRange) -> TextRange {
    if range.is_empty() { TextRange::at(range.start(), TextSize::new(0)) } else { decoded.source_range(range) }
}

/// Keys by their present spelling.
fn canonical(key: &str) -> &str {
    match key {
        "if" => "condition",
        "foreach" => "for_each",
        "depends_on" => "dependencies",
        other => other,
    }
}

/// Whether a key names a model, which the router fills in.
fn is_model(key: &str) -> bool {
    key.contains("model") || key == "llm"
}

fn yes_or_no(why: &str) -> Known {
    Known::of(json!({"type": "boolean"}), why)
}

fn list() -> Known {
    Known::of(json!({"type": "array", "items": {"type": "string"}}), "a loop goes over a list")
}

fn operations(tool: &crate::registry::ToolSpec) -> Known {
    let names: Vec<&str> = tool.operations.iter().map(|operation| &*operation.name).collect();
    Known::of(json!({"type": "string", "enum": names}), format!("an operation of `{}`", tool.name))
}

fn of_spec(spec: &ParamSpec, what: &str) -> Known {
    if spec.kind == ParamKind::Model {
        return Known::by(By::Router, "");
    }
    let schema = schema_of(spec, 0);
    let why = if schema.is_null() { String::new() } else { format!("`{}` of `{what}` in the registry", spec.name) };
    let doc = spec.doc.lines().next().unwrap_or_default().to_owned();
    Known { doc, ..Known::of(schema, why) }
}
