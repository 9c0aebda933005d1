//! What the models of a step may take, before it runs.
//!
//! Where its prompt can be rendered it is counted; else the text as it is written counts, and each value that
//! is put into it as far as its size is bounded: the answer of a step that asks a model, the items of a list
//! that is written down. What has no bound makes the whole open, and that is said.

use std::{collections::HashMap, sync::Arc};

use lang::{
    registry::{Effect, ParamKind, ParamSpec, Target},
    template::{self, Reading, SegmentKind},
};
use serde_json::{Map, Value};

use super::{Forecast, Forecaster, Verdict};
use crate::{
    actions::{self, LARGEST_ROUND},
    models::{
        self, calls,
        estimate::{Asks, Estimate, Range, Rounds, around},
        message::Image,
        tokens,
    },
    plan::{Scope, StepPlan, program::StepKind},
    run::{
        auto::{self, Ahead},
        perform, route,
        store::SqliteStore,
    },
    tools::{self, params},
};

/// How long the answer to a tag is expected to be, in tokens.
const TAG_ANSWER: u64 = 20;

/// How deep loops in loops are followed.
const DEEPEST: usize = 8;

/// What an item of the loop around is.
#[derive(Clone, Copy)]
struct Item(Range);

impl Forecaster<'_> {
    /// What the step may come to; nothing where it asks no model.
    pub(super) fn estimated(&self, step: &StepPlan) -> Option<Estimate> {
        self.estimated_in(step, &step.id, None, 0)
    }

    /// `estimate` with what the step's tags may take that are not pinned.
    pub(super) fn with_tags(
        &self,
        step: &Arc<StepPlan>,
        ahead: &[Ahead],
        estimate: Option<Estimate>,
    ) -> Option<Estimate> {
        let steps = auto::asking([step]);
        let holes = steps.iter().flat_map(|step| step.holes.iter()).filter(|hole| auto::is_asked(hole));
        let open = holes.zip(ahead).filter(|(_, ahead)| ahead.state != "pinned");
        let asked = open.map(|(hole, ahead)| {
            let body = self.size_as_written(&Value::from(hole.body.as_str()), None);
            let schema = tokens::of(&hole.target.schema.to_string());
            let model = auto::expected_model(&self.cx, step, &self.names, hole);
            let asks = Asks {
                model: model.as_deref(),
                is_free: self.is_free(model.as_deref()),
                input: around() + tokens::of(lang::auto::SYSTEM) + body + schema,
                known_answer: Some(Range { low: 1, expected: TAG_ANSWER, high: None }),
                max_tokens: None,
                has_schema: true,
                rounds: Rounds::NONE,
            };
            let one = Estimate { basis: "prompt", ..asks.estimate(&self.cx.registry.models) };
            match ahead.state {
                // Whether it is asked, and how often, is known when its step runs.
                "unknown" => one.times(Range { low: 0, expected: 1, high: None }),
                _ => one,
            }
        });
        estimate.into_iter().chain(asked).reduce(Estimate::and)
    }

    fn estimated_in(&self, step: &StepPlan, id: &str, item: Option<Item>, depth: usize) -> Option<Estimate> {
        if depth > DEEPEST {
            return None;
        }
        let body = |scope: &Scope, item: Option<Item>| {
            let steps = scope.steps.iter().filter(|step| !step.is_handler).filter_map(|step| {
                let one = self.estimated_in(step, &step.id, item, depth + 1)?;
                Some(if step.condition.is_some() { one.perhaps() } else { one })
            });
            steps.reduce(Estimate::and)
        };
        match &*step.kind {
            StepKind::Act => self.asks(step, id, item),
            // What another pipeline asks is known when it runs.
            StepKind::Child => {
                let any = Range::open();
                Some(Estimate {
                    calls: any,
                    input_tokens: any,
                    output_tokens: any,
                    nano_usd: Some(any),
                    price_date: None,
                    basis: "prompt",
                    model: None,
                })
            }
            StepKind::ForEach { items, body: scope, .. } | StepKind::Queue { items, body: scope, .. } => {
                let (count, item) = self.items(items);
                Some(body(scope, Some(item))?.times(count))
            }
            StepKind::While { body: scope, max_iterations, .. }
            | StepKind::ActionLoop { body: scope, max_iterations, .. } => {
                let most = max_iterations.as_ref().and_then(Value::as_u64);
                Some(body(scope, item)?.times(Range { low: 0, expected: most.unwrap_or(1).min(3), high: most }))
            }
        }
    }

    /// How many items the loop has, and how large one is.
    fn items(&self, written: &Value) -> (Range, Item) {
        let size = |items: &[Value]| items.iter().map(|item| tokens::of(&params::text(item))).reduce(Range::or);
        match self.rendered(written) {
            Some(Value::Array(items)) => (Range::exactly(items.len() as u64), Item(size(&items).unwrap_or_default())),
            Some(Value::String(text)) => match serde_json::from_str::<Value>(&text) {
                Ok(Value::Array(items)) => (Range::exactly(items.len() as u64), Item(size(&items).unwrap_or_default())),
                _ => (Range { expected: 1, ..Range::open() }, Item(Range::open())),
            },
            _ => (Range { expected: 1, ..Range::open() }, Item(Range::open())),
        }
    }

    /// The value, where it takes nothing that is not known.
    fn rendered(&self, written: &Value) -> Option<Value> {
        self.names.forget_seen();
        let rendered = self.cx.renderer.value(written, &self.names, "").ok()?;
        self.names.missed().is_none().then_some(rendered)
    }

    /// How long the answers of the pipeline's steps were before, by step.
    fn answers(&self) -> &HashMap<String, Range> {
        self.answers.get_or_init(|| {
            let store = self.cx.store.as_deref().and_then(|file| SqliteStore::open_to_read(file).ok());
            // Without history there is none; what is wrong with the store is said by the run.
            let found = store.and_then(|store| store.answers(&self.plan.program.id).ok()).unwrap_or_default();
            let mut lengths: HashMap<String, Vec<u64>> = HashMap::new();
            for (step, tokens) in found {
                lengths.entry(step).or_default().push(tokens);
            }
            let typical = |mut lengths: Vec<u64>| {
                lengths.sort_unstable();
                Range::between(lengths[0], lengths[lengths.len() / 2], lengths[lengths.len() - 1])
            };
            lengths.into_iter().map(|(step, lengths)| (step, typical(lengths))).collect()
        })
    }

    /// What a step that acts asks a model.
    fn asks(&self, step: &StepPlan, id: &str, item: Option<Item>) -> Option<Estimate> {
        let operation = step.parameters.get("action").and_then(Value::as_str);
        let target = self.cx.registry.resolve(step.tool.as_deref(), step.action.as_deref(), operation);
        let mut asked = None;
        let specs: &[ParamSpec] = match target {
            Target::Action(action) if action.effect == Effect::Model => &action.params,
            Target::Operation { tool, operation: Some(operation) } if tool.available => {
                asked = Some(tools::find(&tool.name)?.asks(&operation.name)?);
                &operation.params
            }
            Target::Auto => &[],
            _ => return None,
        };
        if let Some(tools::Asks::Each { list, longest }) = asked {
            return Some(self.asks_each(step, &target, list, longest, item));
        }
        let spec = |name: &str| specs.iter().find(|spec| spec.name == name);
        let mut input = around();
        let mut has_schema = false;
        let mut besides = 0;
        let mut usual = None;
        let mut offered = None;
        if let Some(tools::Asks::Once { frame, longest, besides: more }) = asked {
            input = input + tokens::of(&frame).perhaps();
            (has_schema, usual, besides) = (true, Some(longest), more);
        }
        let is_auto_action = matches!(target, Target::Auto);
        let prompt = step.action.as_ref().filter(|_| is_auto_action).map(|text| Value::from(text.as_str()));
        for (name, value) in step.parameters.iter().map(|(name, value)| (name.as_str(), value)) {
            let is_schema = spec(name).is_some_and(|spec| spec.kind == ParamKind::JsonSchema);
            has_schema |= is_schema;
            let about = spec(name).and_then(|spec| spec.items.as_deref());
            if about.is_some_and(|item| item.kind == ParamKind::Tool) {
                offered = Some(self.offered(value));
                continue;
            }
            if about.is_some_and(|item| item.kind == ParamKind::Image) {
                input = input + self.images(value);
                continue;
            }
            if about.is_some_and(|item| item.fields.iter().any(|field| field.kind == ParamKind::Prompt)) {
                input = input + self.size(value, item);
                continue;
            }
            if name != "model" && (is_schema || value.is_string() || spec(name).is_none()) {
                input = input + self.size(value, item);
            }
        }
        if let Some(prompt) = prompt {
            input = input + self.size(&prompt, item);
        }
        let number = |name: &str| match step.parameters.get(name) {
            Some(value) => self.rendered(value).and_then(|value| match value {
                Value::String(text) => text.trim().parse().ok(),
                value => value.as_u64(),
            }),
            None => spec(name).and_then(|spec| spec.default.as_ref()).and_then(Value::as_u64),
        };
        let is_auto = |text: &str| text.trim_start().starts_with("<AUTO");
        // A tag leaves it to the router, whatever else is said.
        let written = step.parameters.get("model");
        let is_left = written.and_then(Value::as_str).is_some_and(is_auto);
        let named = written.filter(|_| !is_left).map(|value| self.rendered(value));
        let model = match &named {
            // Which model it is depends on what is not known.
            Some(None) => None,
            Some(Some(value)) => value.as_str(),
            None => step.model.as_deref().or(self.cx.model.as_deref()),
        };
        let is_open = is_left || !matches!(named, Some(None)) && model.is_none_or(is_auto);
        let decided = if is_open { self.decided(step, &target) } else { None };
        let simulates = models::stand_in(decided.as_deref().or(model), self.cx.simulate).is_some();
        let rounds = match offered {
            Some(declared) => {
                input = input + declared;
                // Who makes answers up calls nothing.
                let most = if simulates { Some(0) } else { number("max_tool_rounds") };
                Rounds { most, told: LARGEST_ROUND as u64 }
            }
            None => Rounds::NONE,
        };
        let asks = Asks {
            model: decided.as_deref().or(model),
            is_free: self.is_free(decided.as_deref().or(model)),
            input,
            known_answer: self.answers().get(id).copied(),
            max_tokens: number("max_tokens")
                .or_else(|| number("max_completion_tokens"))
                .or(usual)
                .map(|tokens| tokens.saturating_add(besides)),
            has_schema,
            rounds,
        };
        Some(asks.estimate(&self.cx.registry.models))
    }

    /// The tokens of the functions that a model is offered.
    fn offered(&self, written: &Value) -> Range {
        // What cannot be offered fails before anything is sent.
        match self.rendered(written) {
            Some(tools) => calls::tokens_of(&actions::functions(&tools, &self.cx.registry)),
            None => Range::open(),
        }
    }

    /// The tokens of the images that are listed, whatever they are.
    fn images(&self, written: &Value) -> Range {
        match self.rendered(written).as_ref().unwrap_or(written) {
            Value::Array(images) => Image::tokens(images.len() as u64),
            Value::Null => Range::exactly(0),
            _ => Range::open(),
        }
    }

    /// What a step asks that asks a model for each of several items.
    fn asks_each(
        &self,
        step: &StepPlan,
        target: &Target<'_>,
        list: &str,
        longest: u64,
        item: Option<Item>,
    ) -> Estimate {
        let table = &self.cx.registry.models;
        let asks = |model: Option<&str>, input: Range, max_tokens: Option<u64>| {
            let input = around() + input;
            let is_free = self.is_free(model);
            Asks { model, is_free, input, known_answer: None, max_tokens, has_schema: false, rounds: Rounds::NONE }
                .estimate(table)
        };
        let Target::Operation { tool, operation: Some(operation) } = target else { return Estimate::default() };
        let mut params: Map<String, Value> =
            step.parameters.iter().filter_map(|(name, value)| Some((name.clone(), self.rendered(value)?))).collect();
        let is_known = params.len() == step.parameters.len();
        params.shift_remove("action");
        let tool_cx = perform::tool_cx(&self.cx, step);
        let calls = tools::find(&tool.name)
            .filter(|_| is_known && item.is_none())
            .and_then(|tool| tool.calls(&operation.name, &params, &tool_cx));
        if let Some(calls) = calls {
            let each = calls.iter().map(|call| asks(Some(&call.model), tokens::of(&call.prompt), call.max_tokens));
            return each
                .reduce(Estimate::and)
                .unwrap_or_else(|| asks(None, Range::open(), None).times(Range::exactly(0)));
        }
        // Whom it asks is decided when all is known.
        match step.parameters.get(list) {
            Some(Value::Array(items)) => {
                let each = items.iter().map(|written| {
                    let max_tokens = written.get("max_tokens").map_or(Some(longest), Value::as_u64);
                    asks(None, self.size(written, item), max_tokens)
                });
                each.reduce(Estimate::and).unwrap_or_default()
            }
            _ => asks(None, Range::open(), None).times(Range { low: 0, expected: 1, high: None }),
        }
    }

    /// Whether nobody is paid for the model.
    fn is_free(&self, model: Option<&str>) -> bool {
        let cx = &self.cx;
        let is_unpaid = |model| models::is_unpaid(&cx.registry.models, model, &cx.environment, cx.is_trusted);
        cx.simulate || model.is_some_and(is_unpaid)
    }

    /// The router's choice, by what is known of the prompt.
    fn decided(&self, step: &StepPlan, target: &Target<'_>) -> Option<String> {
        let known = step.parameters.iter().filter_map(|(name, value)| Some((name.clone(), self.rendered(value)?)));
        let named = step.model.clone().or_else(|| self.cx.model.clone());
        route::chosen(&self.cx, step, target, &known.collect(), named).ok()?.0
    }

    /// How many tokens the value comes to.
    fn size(&self, written: &Value, item: Option<Item>) -> Range {
        match self.rendered(written).filter(|_| item.is_none()) {
            Some(value) => tokens::of(&params::text(&value)),
            None => self.size_as_written(written, item),
        }
    }

    fn size_as_written(&self, written: &Value, item: Option<Item>) -> Range {
        match written {
            Value::String(text) => {
                let parsed = template::parse(text, Reading::Template);
                let of_segment = |segment: &template::Segment| match segment.kind {
                    SegmentKind::Text => tokens::of(&text[segment.range]),
                    SegmentKind::Comment => Range::exactly(0),
                    // The answer is one of them.
                    SegmentKind::Auto => {
                        let tag = parsed.autos.iter().find(|tag| segment.range.contains_range(tag.range));
                        let choices = tag.and_then(|tag| tag.attribute("choices"));
                        let sizes = choices.into_iter().flat_map(|choices| choices.split(',')).map(tokens::of);
                        sizes.reduce(Range::or).unwrap_or_else(Range::open)
                    }
                    SegmentKind::Expression => {
                        let within = |at: &&template::Reference| segment.range.contains_range(at.root_range);
                        let roots = parsed.references.iter().filter(within).map(|at| self.size_of(&at.root, item));
                        // Text that is written in it may come to stand in place of a value.
                        let literal = Range { expected: 0, ..tokens::of(&text[segment.inner]).perhaps() };
                        roots.reduce(|one, other| one + other).map_or_else(Range::open, |size| size + literal)
                    }
                    _ => Range::open(),
                };
                // What stands in a branch may be left out.
                let mut depth = 0_usize;
                let sizes = parsed.segments.iter().map(|segment| {
                    if segment.kind != SegmentKind::Statement {
                        let size = of_segment(segment);
                        return if depth > 0 { size.perhaps() } else { size };
                    }
                    match text[segment.inner].split_whitespace().next() {
                        Some("if") => depth += 1,
                        Some("endif") => depth = depth.saturating_sub(1),
                        Some("elif" | "else") => {}
                        // A loop says it again and again.
                        _ => return Range::open(),
                    }
                    Range::exactly(0)
                });
                sizes.reduce(|one, other| one + other).unwrap_or_default()
            }
            Value::Array(items) => {
                items.iter().map(|value| self.size(value, item)).fold(Range::exactly(0), |one, other| one + other)
            }
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| tokens::of(name) + self.size(value, item));
                fields.fold(Range::exactly(0), |one, other| one + other)
            }
            other => tokens::of(&other.to_string()),
        }
    }

    /// How large the value of a name may be, whatever is taken from it.
    fn size_of(&self, name: &str, item: Option<Item>) -> Range {
        if let (true, Some(Item(size))) = (matches!(name, "item" | "index"), item) {
            return size.perhaps();
        }
        if let Some(value) = self.rendered(&Value::from(format!("{{{{ {name} }}}}"))) {
            return tokens::of(&params::text(&value)).perhaps();
        }
        let is_skipped = |found: &Forecast| found.step == name && found.verdict == Verdict::Skip;
        if self.found.iter().flatten().any(is_skipped) {
            // Nothing, or that it was skipped.
            return Range::between(0, 0, 40);
        }
        match self.told.get(name) {
            Some(answer) => answer.perhaps(),
            None => Range::open(),
        }
    }
}
