//! One attempt of one step: render everything, then act once, within its time.

use std::{
    any::Any,
    collections::BTreeSet,
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::FutureExt;
use jiff::Timestamp;
use lang::{
    registry::{Effect, OperationSource, ParamKind, ParamSpec, Registry, Target, ValueType},
    template,
};
use serde_json::{Map, Value, json};
use tokio::time::{sleep, timeout};

use super::{
    EventKind, clock,
    context::RunContext,
    journal::{Batch, Journal},
    limits::Use,
    render::{Names, text_of},
    resume, route,
    secrets::{Passage, cleaner},
    step,
    store::{Record, StoredQuestion},
};
use crate::{
    actions::{self, Computes},
    models::{self, Served, router::Decision},
    plan::StepPlan,
    tools::{
        self, Failure, Outcome, OutputSink, Tool, ToolCx, ToolError,
        output::Stream,
        person::{Asking, OnQuestion, Question, WAITING},
    },
};

/// How long a step that must stop may take to clean up: after its time, and after a cancel.
const GRACE_AFTER_TIMEOUT: Duration = Duration::from_millis(200);
const GRACE_AFTER_CANCEL: Duration = Duration::from_secs(2);

/// How many bytes of each stream of an attempt are told as events. The result keeps the end, too.
const MOST_OUTPUT: usize = 256 << 10;

/// What an attempt came to.
pub(crate) enum Attempt {
    /// The tool came to its end, well or not.
    Ended(Outcome),
    /// It took longer than it may; and what it had asked models by then.
    TimedOut(Failure, Option<Box<Served>>),
    /// It was stopped with the run.
    Cancelled(Option<Box<Served>>),
    /// It waits for a person; which question, for people.
    Waiting(String),
}

/// A failure of the engine's own.
pub(crate) fn failure(error_type: &str, message: impl Into<String>) -> Failure {
    ToolError::new(error_type, message).0
}

/// Renders, where that has not been done, and acts once.
pub(crate) async fn attempt(
    cx: &Arc<RunContext>,
    step: &StepPlan,
    names: &Arc<Names>,
    path: &str,
    prepared: Option<Box<Prepared>>,
) -> Attempt {
    let mut prepared = prepared;
    // Who waits for what is limited takes no place that others can use.
    let lane = match cx.lanes.of(cx, step) {
        Use::Nothing => None,
        Use::Lane(lane) => Some(lane),
        Use::Rendered => {
            let rendered = match prepared.take() {
                Some(rendered) => rendered,
                None => match guarded(path, || prepare(cx, step, names)) {
                    Ok(rendered) => Box::new(rendered),
                    Err(failure) => return Attempt::Ended(Outcome::failed(Value::Null, failure)),
                },
            };
            let lane = cx.lanes.of_model(cx, rendered.model.as_deref().unwrap_or_default());
            prepared = Some(rendered);
            lane
        }
    };
    let _lane = match lane {
        Some(lane) => cx.lanes.place(lane).await,
        None => None,
    };
    let Ok(_place) = cx.places.acquire().await else { return Attempt::Cancelled(None) };
    if cx.cancel.is_cancelled() {
        return Attempt::Cancelled(None);
    }
    let prepared = match prepared {
        None if step::is_short(cx, step) => match guarded(path, || prepare(cx, step, names)) {
            Ok(prepared) => Some(Box::new(prepared)),
            Err(failure) => return Attempt::Ended(Outcome::failed(Value::Null, failure)),
        },
        prepared => prepared,
    };
    if let Some(compute) = prepared.as_ref().and_then(|prepared| prepared.computes()) {
        let params = prepared.map(|prepared| prepared.params).unwrap_or_default();
        let computed = guarded(path, || compute(params));
        return Attempt::Ended(computed.unwrap_or_else(|failure| Outcome::failed(Value::Null, failure)));
    }
    let mut tool_cx = tool_cx(cx, step);
    let printed = Arc::new(Printed::new(cx, path));
    // What is held back is told before the end of the attempt, however that comes about.
    let _rest = Rest(Arc::clone(&printed));
    tool_cx.on_output = Some(OutputSink::new(move |stream, text| printed.take(stream, text)));
    tool_cx.asking = asking(cx, path);
    tool_cx.caller = Some(cx.gateway.caller(path, cx.journal.last_attempt(path), step.cache));
    let stop = tool_cx.cancel.clone();
    let work = async {
        let prepared = match prepared {
            Some(prepared) => prepared,
            None => Box::new(prepare(cx, step, names)?),
        };
        act(cx, prepared, tool_cx).await
    };
    let work = AssertUnwindSafe(work).catch_unwind();
    tokio::pin!(work);
    let time_is_up = async {
        match step.timeout {
            Some(limit) => sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        biased;
        ended = &mut work => ended,
        () = cx.cancel.cancelled() => match timeout(GRACE_AFTER_CANCEL, &mut work).await {
            // What was done all the same counts as done.
            Ok(Ok(Ok(outcome))) if outcome.failure.is_none() => Ok(Ok(outcome)),
            Ok(Ok(Ok(outcome))) => return Attempt::Cancelled(outcome.served),
            _ => return Attempt::Cancelled(None),
        },
        () = time_is_up => {
            stop.cancel();
            let served = match timeout(GRACE_AFTER_TIMEOUT, &mut work).await {
                Ok(Ok(Ok(outcome))) => outcome.served,
                _ => None,
            };
            let seconds = step.timeout.unwrap_or_default().as_secs_f64();
            let message = format!("`{path}` did not end within {seconds} s; raise its `timeout`");
            return Attempt::TimedOut(failure("TimeoutError", message), served);
        }
    };
    let is_cancelled = |failure: &Failure| cx.cancel.is_cancelled() && failure.error_type == "CancelledError";
    Attempt::Ended(match ended {
        Ok(Ok(Outcome { failure: Some(failure), served, .. })) if is_cancelled(&failure) => {
            return Attempt::Cancelled(served);
        }
        Ok(Ok(outcome)) => outcome,
        // The tool may notice the end of the run before this does.
        Ok(Err(ToolError(failure))) if is_cancelled(&failure) => return Attempt::Cancelled(None),
        Ok(Err(ToolError(failure))) if failure.error_type == WAITING => return Attempt::Waiting(failure.message),
        Ok(Err(ToolError(failure))) => Outcome::failed(Value::Null, failure),
        Err(panic) => Outcome::failed(Value::Null, broke_down(path, panic.as_ref())),
    })
}

/// What `work` gives; a failure too where it breaks down.
fn guarded<T>(path: &str, work: impl FnOnce() -> Result<T, ToolError>) -> Result<T, Failure> {
    match std::panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => done.map_err(|ToolError(failure)| failure),
        Err(panic) => Err(broke_down(path, panic.as_ref())),
    }
}

/// The failure of a step whose tool panicked.
fn broke_down(path: &str, panic: &(dyn Any + Send)) -> Failure {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or_default();
    failure(
        "InternalError",
        format!("the tool of `{path}` broke down ({text}); this is a defect of orc, please report it"),
    )
}

/// The world as a tool of `step` may reach it.
pub(crate) fn tool_cx(cx: &RunContext, step: &StepPlan) -> Box<ToolCx> {
    Box::new(ToolCx {
        working_dir: cx.working_dir.clone(),
        output_dir: cx.output_dir.clone(),
        permissions: cx.permissions.clone(),
        cancel: cx.cancel.child_token(),
        timeout: step.timeout,
        environment: Arc::clone(&cx.environment),
        registry: Arc::clone(&cx.registry),
        is_trusted: cx.is_trusted,
        simulate: cx.simulate,
        models: None,
        model: None,
        purse: Arc::clone(&cx.purse),
        fallback: fallback(cx, step),
        on_output: None,
        caller: None,
        cleaner: Some(cleaner(&cx.secrets)),
        asking: Asking::default(),
        run_id: cx.run_id.clone(),
        store: cx.store.clone(),
        above: cx.above.ids.clone(),
        recursion: cx.recursion.clone(),
        loads: cx.loads.clone(),
    })
}

/// The models that the step goes on with: its own chain, else the pipeline's, else that of `models.yaml`.
fn fallback(cx: &RunContext, step: &StepPlan) -> Arc<[String]> {
    let chain = step.terms.fallback.as_ref().or(cx.terms.fallback.as_ref());
    chain.or(cx.registry.models.routing().fallback.as_ref()).map(|chain| Arc::from(&**chain)).unwrap_or_default()
}

/// What the step may use where it asks a person.
fn asking(cx: &Arc<RunContext>, path: &str) -> Asking {
    let asked = cx.past.question(path);
    let since = asked.and_then(|(asked, _)| {
        let began: Timestamp = asked.asked_at.parse().ok()?;
        Duration::try_from(Timestamp::now().duration_since(began)).ok()
    });
    let take_down = {
        let (cx, path) = (Arc::clone(cx), path.to_owned());
        move |question: &Question| {
            let mut batch = Batch::default();
            batch.records.push(Record::Asked {
                step: path.clone(),
                attempt: cx.journal.last_attempt(&path),
                question: Box::new(StoredQuestion { question: question.clone(), asked_at: clock::now() }),
            });
            batch.fact(EventKind::Approval, Some(&path), json!({ "question": question }));
            cx.journal.post(batch);
        }
    };
    Asking {
        person: cx.person.clone(),
        step: path.to_owned(),
        answered: asked.and_then(|(_, answer)| Some(answer.as_ref()?.answers.clone())),
        since,
        on_question: Some(OnQuestion(Arc::new(take_down))),
    }
}

/// What an attempt prints, on its way to the journal.
struct Printed {
    journal: Journal,
    path: String,
    stdout: Mutex<Told>,
    stderr: Mutex<Told>,
    model: Mutex<Told>,
}

/// How much of a stream is told, and what may not be told yet.
struct Told {
    bytes: usize,
    passage: Passage,
}

impl Printed {
    fn new(cx: &RunContext, path: &str) -> Self {
        let told = || Mutex::new(Told { bytes: 0, passage: Passage::new(Arc::clone(&cx.secrets)) });
        Self { journal: cx.journal.clone(), path: path.to_owned(), stdout: told(), stderr: told(), model: told() }
    }

    fn take(&self, stream: Stream, text: &str) {
        self.pass(stream, |passage| passage.push(text));
    }

    fn pass(&self, stream: Stream, next: impl FnOnce(&mut Passage) -> String) {
        let (name, told) = match stream {
            Stream::Stdout => ("stdout", &self.stdout),
            Stream::Stderr => ("stderr", &self.stderr),
            Stream::Model => ("model", &self.model),
        };
        // Held until it is posted, so that the pieces stay in order.
        let mut told = super::lock(told);
        let before = told.bytes;
        if before >= MOST_OUTPUT {
            return;
        }
        let text = next(&mut told.passage);
        if text.is_empty() {
            return;
        }
        told.bytes += text.len();
        let mut end = text.len().min(MOST_OUTPUT - before);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let mut data = json!({"stream": name, "text": &text[..end]});
        if told.bytes >= MOST_OUTPUT {
            data["truncated"] = json!(true);
        }
        let mut batch = Batch::default();
        batch.fact(EventKind::StepOutput, Some(&self.path), data);
        self.journal.post(batch);
    }
}

/// Tells the rest of what was printed when it goes.
struct Rest(Arc<Printed>);

impl Drop for Rest {
    fn drop(&mut self) {
        for stream in [Stream::Stdout, Stream::Stderr, Stream::Model] {
            self.0.pass(stream, Passage::finish);
        }
    }
}

/// What a step is about to do: all of it rendered, nothing of it done.
pub(crate) struct Prepared {
    work: Work,
    /// What doing it does to the world.
    pub(crate) effect: Effect,
    pub(crate) params: Map<String, Value>,
    pub(crate) model: Option<String>,
    /// How the model was chosen, where the step names none.
    pub(crate) routed: Option<Box<Decision>>,
}

enum Work {
    Tool { name: String, tool: Arc<dyn Tool>, operation: String },
    Action(String),
    Echo(String),
    FileProse(String),
    Auto(String),
}

impl Prepared {
    /// How it is done, where that takes nothing but its parameters.
    fn computes(&self) -> Option<Computes> {
        match &self.work {
            Work::Echo(_) => Some(|params| Ok(actions::echo(params["text"].as_str().unwrap_or_default()))),
            Work::Action(name) => actions::computes(name),
            Work::Tool { .. } | Work::FileProse(_) | Work::Auto(_) => None,
        }
    }

    /// What comes of it, where that is known before a run.
    pub(crate) fn foreseen(&self, cx: &ToolCx) -> Option<Value> {
        match &self.work {
            Work::Tool { tool, operation, .. } => tool.foreseen(operation, &self.params, cx),
            _ => None,
        }
    }

    /// What is done, in a word: `data-processing.filter`.
    pub(crate) fn name(&self) -> String {
        match &self.work {
            Work::Tool { name, operation, .. } => format!("{name}.{operation}"),
            Work::Action(name) => name.clone(),
            Work::Echo(_) => "echo".to_owned(),
            Work::FileProse(_) => "file".to_owned(),
            Work::Auto(_) => "auto".to_owned(),
        }
    }

    /// Its parameters as the registry knows them.
    pub(crate) fn specs<'r>(&self, registry: &'r Registry) -> &'r [ParamSpec] {
        let target = match &self.work {
            Work::Tool { name, operation, .. } => registry.resolve(Some(name), Some(operation), None),
            Work::Action(name) => registry.resolve(None, Some(name), None),
            Work::Echo(_) | Work::FileProse(_) | Work::Auto(_) => return &[],
        };
        specs(&target)
    }
}

/// Renders all that the step says. The error of what cannot be rendered, or names nothing that can be
/// executed.
pub(crate) fn prepare(cx: &RunContext, step: &StepPlan, names: &Arc<Names>) -> Result<Prepared, ToolError> {
    let written = step.action.as_deref();
    let early = cx.registry.resolve(step.tool.as_deref(), written, None);
    let (mut params, model) = parameters(cx, step, names, &commands(&early))?;
    let operation = params.get("action").and_then(Value::as_str).map(str::to_owned);
    let mut target = cx.registry.resolve(step.tool.as_deref(), written, operation.as_deref());
    let rendered = match written {
        Some(action) if !template::is_plain(action) && target != Target::Auto => {
            Some(text(cx, action, names, "action")?)
        }
        _ => None,
    };
    if let (Target::Unknown | Target::Operation { operation: None, .. }, Some(action)) = (&target, &rendered) {
        target = cx.registry.resolve(step.tool.as_deref(), Some(action), operation.as_deref());
    }
    // What is a command only by the rendered action is known to be one only now.
    for name in commands(&target).difference(&commands(&early)) {
        if let Some(Value::String(text)) = step.parameters.get(*name) {
            params.insert((*name).to_owned(), json!(command(cx, text, names, name)?));
        }
    }
    read_as_declared(&mut params, step, &target);
    let (model, routed) = route::chosen(cx, step, &target, &params, model)?;
    let effect = resume::effect_of(&target);
    let work = match target {
        Target::Operation { tool: spec, operation } => {
            if let OperationSource::Parameter(name) = spec.operation_source {
                params.shift_remove(name);
            }
            let declares_action =
                operation.is_some_and(|operation| operation.params.iter().any(|p| p.name == "action"));
            if !declares_action {
                params.shift_remove("action");
            }
            let Some(tool) = tools::find(&spec.name).filter(|_| spec.available) else {
                return Err(ToolError::new(
                    "ToolNotAvailableError",
                    format!("the tool `{}` cannot be executed by this version of orc", spec.name),
                ));
            };
            let operation = match operation {
                Some(operation) => operation.name.as_str(),
                None => written.unwrap_or_default(),
            };
            Work::Tool { name: spec.name.clone(), tool, operation: operation.to_owned() }
        }
        Target::Action(spec) if !spec.available => {
            return Err(ToolError::new(
                "ActionNotAvailableError",
                format!("the action `{}` cannot be executed by this version of orc", spec.name),
            ));
        }
        Target::Action(spec) => Work::Action(spec.name.clone()),
        Target::Echo { text: raw } => {
            let text = text(cx, &raw, names, "action")?;
            // It has no other parameter than what it says.
            params = Map::from_iter([("text".to_owned(), json!(text))]);
            Work::Echo(text)
        }
        Target::FileProse => {
            let sentence = rendered.as_deref().or(written).unwrap_or_default().to_owned();
            Work::FileProse(sentence)
        }
        Target::Auto => {
            let source = written.unwrap_or_default();
            let body = template::auto::tags(source).first().map_or("", |tag| &source[tag.body]);
            Work::Auto(text(cx, body, names, "action")?)
        }
        Target::Unknown => {
            let name = step.tool.as_deref().or(rendered.as_deref()).or(written).unwrap_or_default();
            return Err(ToolError::new("UnknownActionError", format!("unknown action or tool `{name}`")));
        }
    };
    Ok(Prepared { work, effect, params, model, routed })
}

async fn act(cx: &RunContext, prepared: Box<Prepared>, mut tool_cx: Box<ToolCx>) -> Result<Outcome, ToolError> {
    if let Some(decision) = prepared.routed {
        route::tell(cx, &tool_cx.asking.step, &decision);
    }
    tool_cx.model = prepared.model;
    tool_cx.models = models::stand_in(tool_cx.model.as_deref(), cx.simulate);
    let params = prepared.params;
    match prepared.work {
        Work::Tool { tool, operation, .. } => tool.run(&operation, params, &tool_cx).await,
        Work::Action(name) => actions::run_action(&name, params, &tool_cx).await,
        Work::Echo(text) => Ok(actions::echo(&text)),
        Work::FileProse(sentence) => actions::file_prose(&sentence, &params, &tool_cx),
        Work::Auto(body) => actions::auto(&body, params, &tool_cx).await,
    }
}

/// The rendered parameters, and the model that is named by them or else by the step. `model: <AUTO>`
/// leaves the choice to the router, so it is left out.
fn parameters(
    cx: &RunContext,
    step: &StepPlan,
    names: &Arc<Names>,
    commands: &BTreeSet<&str>,
) -> Result<(Map<String, Value>, Option<String>), ToolError> {
    let mut model = step.model.clone().or_else(|| cx.model.clone());
    let mut params = Map::new();
    for (name, value) in &step.parameters {
        if name == "model" && value.as_str().is_some_and(|text| text.trim_start().starts_with("<AUTO")) {
            model = None;
            continue;
        }
        let value = match value {
            Value::String(text) if commands.contains(&**name) => json!(command(cx, text, names, name)?),
            value => cx.renderer.value(value, names, &format!("parameters.{name}")).map_err(ToolError)?,
        };
        params.insert(name.clone(), value);
    }
    if let Some(named) = params.get("model").and_then(Value::as_str) {
        model = Some(named.to_owned());
    }
    Ok((params, model))
}

/// A template that is more than one expression gives text. Where a parameter takes no text, a number or a
/// truth value that it wrote is one; any other text stays what it is, and the tool refuses it.
fn read_as_declared(params: &mut Map<String, Value>, step: &StepPlan, target: &Target<'_>) {
    for (name, value) in params.iter_mut() {
        let is_written = matches!(step.parameters.get(name), Some(Value::String(text)) if !template::is_plain(text));
        let (true, Value::String(text)) = (is_written, &*value) else { continue };
        let spec = specs(target).iter().find(|spec| spec.name == *name || spec.aliases.contains(name));
        let Some(spec) = spec.filter(|spec| !spec.types.is_empty() && !spec.types.contains(&ValueType::String)) else {
            continue;
        };
        let read = serde_json::from_str::<Value>(text.trim()).ok();
        let fits = |read: &Value| match read {
            Value::Number(number) => {
                spec.types.contains(&ValueType::Number)
                    || spec.types.contains(&ValueType::Integer) && (number.is_i64() || number.is_u64())
            }
            Value::Bool(_) => spec.types.contains(&ValueType::Boolean),
            _ => false,
        };
        if let Some(read) = read.filter(fits) {
            *value = read;
        }
    }
}

/// The parameters of what a step names.
pub(crate) fn specs<'r>(target: &Target<'r>) -> &'r [ParamSpec] {
    match target {
        Target::Operation { operation: Some(operation), .. } => operation.params.as_slice(),
        Target::Action(action) => action.params.as_slice(),
        _ => &[],
    }
}

/// The parameters that are shell commands.
fn commands<'r>(target: &Target<'r>) -> BTreeSet<&'r str> {
    let commands = specs(target).iter().filter(|spec| spec.kind == ParamKind::Command);
    commands.flat_map(|spec| std::iter::once(&spec.name).chain(&spec.aliases)).map(String::as_str).collect()
}

fn command(cx: &RunContext, source: &str, names: &Arc<Names>, name: &str) -> Result<String, ToolError> {
    let rendered = cx.renderer.command(source, names);
    rendered.map_err(|error| ToolError(error.failure(&format!("parameters.{name}"))))
}

fn text(cx: &RunContext, source: &str, names: &Arc<Names>, place: &str) -> Result<String, ToolError> {
    let value = cx.renderer.text(source, names).map_err(|error| ToolError(error.failure(place)))?;
    text_of(&super::render::from_json(&value)).map_err(|error| ToolError::new("TemplateError", error.to_string()))
}
