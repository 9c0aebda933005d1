//! AUTO tags of a step that is about to run: each is answered by its pin or by a model, checked, and stands
//! for what it was from then on (contract §2.20).
//!
//! An answer takes the tag's place as a name, never as text of the pipeline: it is data and is not rendered.
//! Nothing is invented: what is not answered fails the step.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::Arc,
};

use lang::{
    auto::{By, Hole},
    registry::ParamKind,
    template,
};
use serde_json::{Value, json};

use super::{
    EventKind,
    context::RunContext,
    event::AutoResolved,
    journal::Batch,
    perform::{self, failure},
    render::{Names, from_json, text_of},
    route,
};
use crate::{
    lock_file::{self, Pin, Standing},
    models::{self, Request, Served, simulated},
    plan::StepPlan,
    tools::{Failure, ToolError},
};

mod pins;
pub(crate) use pins::Pins;

mod ahead;
pub use ahead::{Ahead, Answered, Wanted, latest, resolve, unpinned};

mod place;

mod said;
use said::Said;
pub use said::{Listener, Piece};

/// The type of the failure of a tag that may not be asked for.
pub const LOCKED: &str = "AutoLockedError";

/// When a tag of a step is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before it is known whether the step runs.
    Condition,
    /// Before it acts.
    Work,
    /// When it has ended.
    Goto,
    /// In each iteration of its loop: not with the step.
    Iteration,
}

impl Stage {
    fn of(place: &str) -> Self {
        match place {
            "condition" => Self::Condition,
            "goto" => Self::Goto,
            "while" | "until" | "while_condition" => Self::Iteration,
            _ => Self::Work,
        }
    }
}

/// What a step's tags took, for its document.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    /// How each was answered.
    pub(crate) told: Vec<Value>,
    /// What asking took; of no model that could be named.
    pub(crate) spent: Option<Box<Served>>,
    /// Who wants to see answers come.
    pub(crate) listener: Option<Listener>,
    /// Takes down what each call took, where no run does.
    pub(crate) ledger: Option<Ledger>,
    /// Why it could not be taken down, for people.
    pub(crate) untold: Option<String>,
}

type TakeDown = dyn Fn(&Served) -> Result<(), String> + Send + Sync;

/// Takes down what a call took; an error is for people.
#[derive(Clone)]
pub(crate) struct Ledger(pub(crate) Arc<TakeDown>);

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ledger")
    }
}

impl Taken {
    fn pay(&mut self, served: Served) {
        // Before the answer is used or pinned: it was paid whatever becomes of that.
        if let Some(Ledger(take_down)) = &self.ledger {
            self.untold = take_down(&served).err().or(self.untold.take());
        }
        let now = Served { provider: String::new(), model: String::new(), requested: None, tool_calls: None, ..served };
        let before = self.spent.take().map(|spent| *spent);
        self.spent = Served::after(before, Some(now)).map(Box::new);
    }
}

/// A step as it is done: the answers stand for its tags.
pub(crate) type Filled = (Arc<StepPlan>, Arc<Names>);

/// Whether the step has tags that are answered at this stage.
pub(crate) fn has(step: &StepPlan, stage: Stage) -> bool {
    step.holes.iter().any(|hole| is_asked(hole) && Stage::of(&hole.place) == stage)
}

/// Whether the tag, or one inside it, is answered at all.
pub(crate) fn is_asked(hole: &Hole) -> bool {
    matches!(hole.target.by, By::Model | By::Action) && (hole.target.by == By::Model || !hole.nested.is_empty())
}

/// Answers the tags of this stage, the inner ones first.
pub(crate) async fn fill(
    cx: &Arc<RunContext>,
    step: &Arc<StepPlan>,
    names: &Arc<Names>,
    path: &str,
    stage: Stage,
    taken: &mut Taken,
) -> Result<Filled, Failure> {
    let holes: Vec<&Hole> =
        step.holes.iter().filter(|hole| is_asked(hole) && Stage::of(&hole.place) == stage).collect();
    if holes.is_empty() {
        return Ok((Arc::clone(step), Arc::clone(names)));
    }
    let mut answers = Answers::new(holes, names);
    while let Some((hole, question)) = answers.next(cx)? {
        let value = answer(cx, step, &answers.names, path, hole, question, taken).await?;
        answers.take(hole, value);
    }
    Ok((Arc::new(answers.rewrite(step)), answers.names))
}

/// The step with the answers to its tags of this stage, where nobody need be asked and nothing is taken that
/// is `missed`; `forget` begins anew to tell that.
pub(crate) fn fill_known(
    cx: &Arc<RunContext>,
    step: &Arc<StepPlan>,
    names: &Arc<Names>,
    stage: Stage,
    missed: impl Fn() -> bool,
    forget: impl Fn(),
) -> Result<Option<Filled>, Failure> {
    let holes: Vec<&Hole> =
        step.holes.iter().filter(|hole| is_asked(hole) && Stage::of(&hole.place) == stage).collect();
    if holes.is_empty() {
        return Ok(Some((Arc::clone(step), Arc::clone(names))));
    }
    let mut answers = Answers::new(holes, names);
    loop {
        forget();
        let next = answers.next(cx);
        if missed() {
            return Ok(None);
        }
        let Some((hole, question)) = next? else { break };
        match (only(&hole.target.schema), question.pin) {
            (Some(only), _) => answers.take(hole, only.clone()),
            (None, Ok(pin)) => answers.take(hole, pin.value),
            (None, Err(_)) => return Ok(None),
        }
    }
    Ok(Some((Arc::new(answers.rewrite(step)), answers.names)))
}

/// The same for a condition that is looked at in each iteration of the step's loop.
pub(crate) async fn condition(
    cx: &Arc<RunContext>,
    step: &Arc<StepPlan>,
    names: &Arc<Names>,
    path: &str,
    (key, written): (&str, &Value),
    taken: &mut Taken,
) -> Result<bool, Failure> {
    let holds =
        |value: &Value, names: &Arc<Names>| cx.renderer.condition(value, names).map_err(|error| error.failure(key));
    let holes: Vec<&Hole> = step.holes.iter().filter(|hole| is_asked(hole) && hole.place == key).collect();
    if holes.is_empty() {
        return holds(written, names);
    }
    let mut answers = Answers::new(holes, names);
    while let Some((hole, question)) = answers.next(cx)? {
        let value = answer(cx, step, &answers.names, path, hole, question, taken).await?;
        answers.take(hole, value);
    }
    let texts = answers.texts(|place| Some(written.as_str().filter(|_| place == key)?.to_owned()));
    let mut filled = written.clone();
    place::rewrite(&mut filled, key, &texts);
    holds(&filled, &answers.names)
}

/// What is asked of a model.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) prompt: String,
    body: String,
    context: String,
    /// The rendered question holds a secret.
    is_secret: bool,
    /// Why no pin answers it, or the one that does.
    pin: Result<Box<Pin>, Standing>,
}

/// Answers in the making.
pub(crate) struct Answers<'h> {
    /// Inner tags before those around them.
    order: Vec<&'h Hole>,
    outermost: Vec<&'h Hole>,
    /// How many are done.
    done: usize,
    /// The name of each tag, by its position.
    numbers: HashMap<&'h str, usize>,
    /// Answers of those that stand for the whole of a text that is no template.
    words: HashMap<&'h str, Value>,
    pub(crate) names: Arc<Names>,
}

impl<'h> Answers<'h> {
    pub(crate) fn new(outermost: Vec<&'h Hole>, names: &Arc<Names>) -> Self {
        let order: Vec<&Hole> =
            outermost.iter().flat_map(|hole| hole.with_nested()).filter(|hole| hole.target.by == By::Model).collect();
        let numbers = order.iter().enumerate().map(|(number, hole)| (&*hole.position, number)).collect();
        Self { order, outermost, done: 0, numbers, words: HashMap::new(), names: Arc::clone(names) }
    }

    /// The next tag that has no answer, and what is asked.
    pub(crate) fn next(&self, cx: &RunContext) -> Result<Option<(&'h Hole, Question)>, Failure> {
        let Some(hole) = self.order.get(self.done).copied() else { return Ok(None) };
        let place = format!("{}: `<AUTO>`", hole.place);
        if !hole.is_whole() {
            return Err(failure("AutoResolutionError", format!("{place} asks nothing")));
        }
        let inner: Vec<&Hole> = hole.nested.iter().collect();
        let body = self.replaced(&hole.body, usize::from(hole.tag.body.start()), &inner);
        let rendered = cx.renderer.text(&body, &self.names).map_err(|error| error.failure(&place))?;
        let rendered = text_of(&from_json(&rendered)).map_err(|error| failure("TemplateError", error.to_string()))?;
        let (body, context) = (lock_file::hash_of(&hole.source), lock_file::hash_of(&rendered));
        let is_secret = cx.secrets.touches(&json!(rendered)) || cx.secrets.touches(&json!(hole.source));
        let pin = cx.pins.find(cx, hole, &body, &context)?;
        Ok(Some((hole, Question { prompt: hole.prompt(&rendered), body, context, is_secret, pin })))
    }

    /// The answer to the tag that [`Self::next`] gave.
    pub(crate) fn take(&mut self, hole: &'h Hole, value: Value) {
        self.done += 1;
        let bound = HashMap::from([(name(self.numbers[&*hole.position]), from_json(&value))]);
        self.names = self.names.inner(bound, None);
        self.words.insert(&hole.position, value);
    }

    /// `text`, which begins at `start` of its scalar, with names for `holes`.
    fn replaced(&self, text: &str, start: usize, holes: &[&Hole]) -> String {
        let mut out = String::new();
        let mut at = 0;
        for hole in holes {
            // What is asked as an action stays; what is asked inside it has a name.
            let pieces: Vec<&Hole> = match hole.target.by {
                By::Model => vec![*hole],
                By::Action => hole.nested.iter().collect(),
                By::Router | By::Nobody(_) => continue,
            };
            for piece in pieces {
                let (from, to) =
                    (usize::from(piece.tag.range.start()) - start, usize::from(piece.tag.range.end()) - start);
                // Two places of one name: the text is another one, and nothing may be put into it.
                let before = text.get(at..from).filter(|_| text.get(from..to) == Some(&*piece.source));
                let Some(before) = before else {
                    out.push_str(text.get(at..).unwrap_or_default());
                    return out;
                };
                out.push_str(before);
                out.push_str(&expression(self.numbers[&*piece.position]));
                at = to;
            }
        }
        out.push_str(text.get(at..).unwrap_or_default());
        out
    }

    /// The texts the tags stood in, with names for them, by their place.
    fn texts(&self, text_at: impl Fn(&str) -> Option<String>) -> BTreeMap<String, Value> {
        let places: BTreeSet<&str> = self.outermost.iter().map(|hole| &*hole.place).collect();
        let replaced = places.into_iter().filter_map(|place| {
            let holes: Vec<&Hole> = self.outermost.iter().copied().filter(|hole| hole.place == place).collect();
            let text = text_at(place)?;
            // A tag that is all there is keeps its value's type, whatever blanks stand around it.
            if let [only] = &*holes
                && only.target.by == By::Model
                && only.source.trim() == text.trim()
            {
                let value = match (place, self.words.get(&*only.position)) {
                    // It is a word that is looked up, no template.
                    ("action", Some(word)) => word.clone(),
                    _ => Value::from(expression(self.numbers[&*only.position])),
                };
                return Some((place.to_owned(), value));
            }
            Some((place.to_owned(), Value::from(self.replaced(&text, 0, &holes))))
        });
        replaced.collect()
    }

    /// The step with names in place of its tags.
    pub(crate) fn rewrite(&self, step: &StepPlan) -> StepPlan {
        let texts = self.texts(|place| place::text_at(step, place));
        let mut filled = step.clone();
        place::rewrite_step(&mut filled, &texts);
        filled
    }
}

fn name(number: usize) -> String {
    format!("__auto_{number}")
}

fn expression(number: usize) -> String {
    format!("{{{{ {} }}}}", name(number))
}

/// The pin's value, or a model's.
async fn answer(
    cx: &Arc<RunContext>,
    step: &StepPlan,
    names: &Arc<Names>,
    path: &str,
    hole: &Hole,
    question: Question,
    taken: &mut Taken,
) -> Result<Value, Failure> {
    let mut told = AutoResolved { position: hole.position.clone(), ..AutoResolved::default() };
    let value = match question.pin {
        _ if let Some(only) = only(&hole.target.schema) => {
            "only".clone_into(&mut told.by);
            only.clone()
        }
        Ok(pin) => {
            "pin".clone_into(&mut told.by);
            told.model = Some(pin.model);
            told.pinned = true;
            pin.value
        }
        Err(standing) if cx.pins.is_locked() => {
            let message = format!(
                "the `<AUTO>` at `{}` may not be asked for with `--locked`: {}; run `orc resolve`, or without `--locked`",
                hole.position,
                standing.reason()
            );
            return Err(failure(LOCKED, message));
        }
        Err(standing) => {
            told.reason = Some(standing.reason().to_owned());
            let asked = ask(cx, (step, path), names, hole, (&question.prompt, taken.listener.as_ref())).await;
            let asked = match asked {
                Ok(asked) => asked,
                Err(problem) => {
                    let problem = *problem;
                    if let Some(served) = problem.spent {
                        taken.pay(served);
                    }
                    let value = default(hole, &problem.failure)?;
                    "default".clone_into(&mut told.by);
                    told.reason = Some(problem.failure.message);
                    tell(cx, path, told, &value, taken);
                    return Ok(value);
                }
            };
            taken.pay(served(&asked));
            let by = if asked.provider == simulated::NAME { "simulated" } else { "model" };
            by.clone_into(&mut told.by);
            let model =
                if asked.provider.is_empty() { asked.model } else { format!("{}/{}", asked.provider, asked.model) };
            // A server may say anything of itself.
            let model = cx.secrets.text(&model);
            told.model = Some(model.clone());
            told.cost = Some(asked.cost.clone());
            let secret = question.is_secret || cx.secrets.touches(&asked.value);
            if secret {
                told.reason = Some("not pinned: it has to do with a secret".to_owned());
            } else if asked.provider != simulated::NAME {
                let pin = Pin {
                    position: Pins::position(cx, hole),
                    body: question.body,
                    context: question.context,
                    value: asked.value.clone(),
                    model,
                    cost: asked.cost.known.then(|| asked.cost.usd.to_string()),
                    date: super::clock::now(),
                };
                // A pipeline that another one runs may be run again with other values.
                let is_repeated = hole.in_loop || !cx.above.ids.is_empty();
                match cx.pins.set(cx, &pin, is_repeated).await {
                    Ok(pinned) => told.pinned = pinned,
                    // The answer is as good without being kept; that it is not is told.
                    Err(error) => told.reason = Some(error.to_string()),
                }
            }
            asked.value
        }
    };
    tell(cx, path, told, &value, taken);
    Ok(value)
}

/// The one value that fits, where there is no other.
fn only(schema: &Value) -> Option<&Value> {
    match schema["enum"].as_array()?.as_slice() {
        [only] => Some(only).filter(|only| fits(schema, only).is_ok()),
        _ => None,
    }
}

fn tell(cx: &RunContext, path: &str, told: AutoResolved, value: &Value, taken: &mut Taken) {
    let told = json!(AutoResolved { value: value.clone(), ..told });
    let mut batch = Batch::default();
    batch.fact(EventKind::AutoResolved, Some(path), told.clone());
    cx.journal.post(batch);
    taken.told.push(told);
}

/// Why a model gave no answer, and what that took.
struct Unanswered {
    failure: Failure,
    spent: Option<Served>,
}

fn served(response: &models::Response) -> Served {
    Served {
        provider: response.provider.clone(),
        model: response.model.clone(),
        usage: response.usage,
        cost: response.cost.clone(),
        requested: response.requested.clone(),
        reused: response.reused.clone(),
        tool_calls: None,
    }
}

async fn ask(
    cx: &Arc<RunContext>,
    (step, path): (&StepPlan, &str),
    names: &Arc<Names>,
    hole: &Hole,
    (prompt, listener): (&str, Option<&Listener>),
) -> Result<models::Response, Box<Unanswered>> {
    let unanswered = |failure: Failure, spent| {
        let message = format!("the `<AUTO>` at `{}` was not answered: {}", hole.position, failure.message);
        let message = if failure.error_type == "CancelledError" { failure.message.clone() } else { message };
        Box::new(Unanswered { failure: Failure { message, ..failure }, spent })
    };
    let mut model = model(cx, step, names, hole);
    if is_left_open(model.as_deref()) && !cx.simulate {
        let decision =
            route::for_tag(cx, &hole.source, prompt).map_err(|ToolError(failure)| unanswered(failure, None))?;
        route::tell(cx, path, &decision);
        model = Some(decision.model);
    }
    // Who waits for a provider takes no place that others can use.
    let lane = cx.lanes.of_model(cx, model.as_deref().unwrap_or_default());
    let _lane = match lane {
        Some(lane) => cx.lanes.place(lane).await,
        None => None,
    };
    let _place = cx.places.acquire().await;
    let mut tool_cx = perform::tool_cx(cx, step);
    tool_cx.models = models::stand_in(model.as_deref(), cx.simulate);
    tool_cx.model = model;
    tool_cx.caller = Some(cx.gateway.caller(path, cx.journal.last_attempt(path), step.cache));
    let said = listener.map(|listener| Said::new(cx, &hole.position, listener));
    tool_cx.on_output = said.as_ref().map(Said::sink);
    let asked = paid_model(cx, tool_cx.model.as_deref());
    let request = Request {
        system: Some(lang::auto::SYSTEM.to_owned()),
        prompt: prompt.to_owned(),
        schema: Some(hole.target.schema.clone()),
        temperature: Some(0.0),
        ..Request::default()
    };
    match models::ask(None, request, &tool_cx).await {
        Ok(response) => match response.failure {
            None => Ok(response),
            Some(ref failure) => Err(unanswered(failure.clone(), Some(served(&response)))),
        },
        Err(ToolError(failure)) => {
            // What was let go of while it answered is paid for, too.
            let begun = asked.filter(|_| said.is_some_and(|said| said.has_begun()));
            let spent = failure.unpriced.as_deref().or(begun.as_deref()).map(Served::unpriced);
            Err(unanswered(failure, spent))
        }
    }
}

/// The model, where somebody is paid for it.
fn paid_model(cx: &RunContext, model: Option<&str>) -> Option<String> {
    let model = model?;
    let is_simulated = models::stand_in(Some(model), cx.simulate).is_some();
    let is_unpaid = is_simulated || models::is_unpaid(&cx.registry.models, model, &cx.environment, cx.is_trusted);
    (!is_unpaid).then(|| model.to_owned())
}

/// Whether it is left to the router which model is asked.
fn is_left_open(model: Option<&str>) -> bool {
    model.is_none_or(|model| model.trim().is_empty() || model.trim_start().starts_with("<AUTO"))
}

/// Who would be asked by what is known, the router's choice included.
pub(crate) fn expected_model(cx: &RunContext, step: &StepPlan, names: &Arc<Names>, hole: &Hole) -> Option<String> {
    let named = model(cx, step, names, hole);
    if cx.simulate || !is_left_open(named.as_deref()) {
        return named;
    }
    Some(route::for_tag(cx, &hole.source, &hole.body).ok()?.model)
}

/// Who is asked: whom the tag names, else whom the step does, else the pipeline's model.
fn model(cx: &RunContext, step: &StepPlan, names: &Arc<Names>, hole: &Hole) -> Option<String> {
    let is_known = |name: &&str| models::provider_name(&cx.registry.models, name, false).is_some();
    if let Some(hint) = hole.attribute("model_hint").filter(is_known) {
        return Some(hint.to_owned());
    }
    let rendered = |text: &str| {
        if template::is_plain(text) {
            return Some(text.to_owned());
        }
        // A tag is for the router.
        let value = cx.renderer.text(text, names).ok()?;
        value.as_str().map(str::to_owned)
    };
    let target = cx.registry.resolve(step.tool.as_deref(), step.action.as_deref(), None);
    let takes_model = match &target {
        lang::registry::Target::Action(action) => action.params.iter().any(|param| param.kind == ParamKind::Model),
        lang::registry::Target::Auto => true,
        _ => false,
    };
    let named = step.parameters.get("model").and_then(Value::as_str).filter(|_| takes_model);
    let model = named.and_then(&rendered).or_else(|| step.model.as_deref().and_then(&rendered));
    model.or_else(|| cx.model.clone())
}

/// What the tag says to take where the model failed; else the failure.
fn default(hole: &Hole, failed: &Failure) -> Result<Value, Failure> {
    // Neither who stopped the run nor who limits it wants it to go on with something else.
    let is_final = failed.error_type == "CancelledError" || failed.error_type.contains("Budget");
    let Some(value) = hole.default().filter(|_| !is_final) else { return Err(failed.clone()) };
    match fits(&hole.target.schema, &value) {
        Ok(()) => Ok(value),
        Err(problem) => {
            let message = format!("{}; its `default` does not fit: {problem}", failed.message);
            Err(Failure { message, ..failed.clone() })
        }
    }
}

/// Whether the value fits the schema, or why not.
fn fits(schema: &Value, value: &Value) -> Result<(), String> {
    let validator = jsonschema::options().offline().build(schema).map_err(|error| error.to_string())?;
    validator.validate(value).map_err(|error| error.to_string())
}

/// Of these steps, bodies of loops included, those that have tags.
pub(crate) fn asking<'s>(steps: impl IntoIterator<Item = &'s Arc<StepPlan>>) -> Vec<Arc<StepPlan>> {
    let mut found = Vec::new();
    for step in steps {
        if !step.holes.is_empty() {
            found.push(Arc::clone(step));
        }
        if let Some(body) = step.kind.body() {
            found.extend(asking(&body.steps));
        }
    }
    found
}
