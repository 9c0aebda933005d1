//! From a plan to its result document: sets a run up, runs the root's steps, renders the outputs.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Instant,
};

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;
use jiff::Timestamp;
use lang::workspace::normal;
use serde_json::{Map, Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    Event, EventKind, ResultDocument, Resumed, RunConfig, RunError,
    auto::{self, Pins, Stage, Taken},
    cache::Cache,
    child::Above,
    clock,
    context::RunContext,
    document::Provenance,
    event::{Data, Said, WholeRun},
    execute::{self, ScopeEnd, StepEnd},
    journal::{Batch, Journal},
    limits::Lanes,
    lock::RunLock,
    render::{Folders, Names, Renderer, from_json},
    secrets::Redactor,
    store::{self, Record, Store as _, StoredConfig},
};
use crate::{
    models::{self, Answers, Gateway, Purse, Spent, budget::Day, tape::Tape},
    plan::{Plan, Program},
    tools::{confine, person::WAITING},
};

pub(super) async fn run(
    plan: Plan,
    config: RunConfig,
    events: mpsc::UnboundedSender<Event>,
    cancel: CancellationToken,
) -> Result<Arc<ResultDocument>, RunError> {
    let started = match &config.resumed {
        Some(Resumed { began, .. }) => {
            began.parse().map_err(|error| RunError::Store(format!("the run began at `{began}`: {error}")))?
        }
        None => Timestamp::now(),
    };
    let watch = Instant::now();
    if !config.working_dir.is_dir() {
        return Err(RunError::Directory(format!("the working directory `{}` does not exist", config.working_dir)));
    }
    let tape = config.tape.as_ref().map(|tape| Tape::open(tape, config.resumed.is_some()));
    let tape = tape.transpose().map_err(RunError::Recording)?;
    let program = Arc::clone(&plan.program);
    let run_id = config.run_id.clone().unwrap_or_else(|| new_id(&program.id));
    let output_dir = output_dir(&plan, &config)?;
    let renderer = Renderer::new(folders(&config));
    let secrets = Arc::new(Redactor::of(&plan));
    let (inputs, names) = names(&plan, &config.working_dir, &renderer, &run_id, started, output_dir.as_str())
        .map_err(|error| secrets.error(error))?;
    secrets.learn_inputs(&plan, &inputs);
    let (_lock, journal) = match &config.store {
        None => (None, Journal::in_memory(&run_id, events, Arc::clone(&secrets))),
        Some(file) => {
            let broken = |error: store::StoreError| RunError::Store(error.to_string());
            let store = store::open(Some(file)).map_err(broken)?;
            let lock = match &config.lock {
                Some(lock) => Arc::clone(lock),
                None => Arc::new(locked(file, &run_id)?),
            };
            let told = match &config.resumed {
                Some(_) => store.last_seq(&run_id).map_err(broken)?,
                None => 0,
            };
            let journal = Journal::start(&run_id, (store, told), config.past.attempts(), events, Arc::clone(&secrets))
                .map_err(|error| RunError::Store(error.to_string()))?;
            (Some(lock), journal)
        }
    };
    let place = Place { run_id, started, output_dir, inputs, secrets };
    let cx = Arc::new(context(&plan, &config, place, renderer, journal, (cancel.clone(), tape)));
    let first = first_batch(&cx, &plan, &config);
    // What the pipeline was read into is not needed any more; it is as large as all else together.
    drop(plan);
    let end =
        execute::scope(Arc::clone(&cx), Arc::clone(&program.scope), Arc::clone(&names), String::new(), first).await;
    let mut taken = Taken::default();
    let cancelled = is_cancelled(&cx, &end);
    let is_whole = !end.steps.iter().any(|end| end.document.status == "waiting");
    let outputs = if cancelled || !is_whole {
        (program.outputs.keys().map(|name| (name.clone(), Value::Null)).collect(), Vec::new())
    } else {
        outputs(&cx, &program, &names, &mut taken).await
    };
    let document = document(&cx, &program, &config, (end, outputs, taken), started, watch);
    finish(&cx, document).await
}

/// Where the run's files go.
pub(super) fn output_dir(plan: &Plan, config: &RunConfig) -> Result<Utf8PathBuf, RunError> {
    match &config.output_dir {
        Some(chosen) => Ok(chosen.clone()),
        None => default_output_dir(&config.working_dir, &plan.program.id),
    }
}

/// When and where a run runs, and with what.
pub(super) struct Place {
    pub(super) run_id: String,
    pub(super) started: Timestamp,
    pub(super) output_dir: Utf8PathBuf,
    /// The values of the inputs.
    pub(super) inputs: Value,
    pub(super) secrets: Arc<Redactor>,
}

/// What all steps of the run share.
pub(super) fn context(
    plan: &Plan,
    config: &RunConfig,
    place: Place,
    renderer: Renderer,
    journal: Journal,
    (cancel, tape): (CancellationToken, Option<Tape>),
) -> RunContext {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let limit = config.max_concurrency.unwrap_or(2 * cores).max(1);
    let gateway = Gateway {
        answers: Answers::new(config, &place.run_id, journal.clone(), Arc::clone(&place.secrets)),
        secrets: Arc::clone(&place.secrets),
        tape,
    };
    let purse = Arc::new(purse(plan, config, &place.run_id));
    RunContext {
        gateway: Arc::new(gateway),
        run_id: place.run_id,
        started: place.started,
        pipeline: plan.program.id.clone(),
        file: normal(&config.working_dir.join(&config.file)),
        above: Above::default(),
        values: Arc::new(place.inputs),
        registry: Arc::clone(plan.registry()),
        reachable: Arc::default(),
        addresses: Arc::default(),
        renderer: Arc::new(renderer),
        journal,
        secrets: place.secrets,
        stop: cancel.clone(),
        cancel,
        inputs: plan.declared().map(|(name, _)| name.to_owned()).collect(),
        places: Arc::new(Semaphore::new(limit)),
        limit,
        lanes: Arc::new(Lanes::new(&config.limits, &models::all())),
        working_dir: config.working_dir.clone(),
        output_dir: place.output_dir,
        permissions: config.permissions.clone(),
        environment: Arc::new(environment()),
        simulate: config.simulate,
        is_trusted: config.is_trusted,
        store: config.store.clone(),
        recursion: config.past.recursion(),
        loads: config.past.loads(),
        person: config.person.clone(),
        past: Arc::clone(&config.past),
        pins: Pins::new(config.locked),
        inline: String::new(),
        cache: cache_of(config).map(Arc::new),
        model: plan.program.model.clone(),
        terms: Arc::clone(&plan.program.terms),
        purse,
        broken: Arc::default(),
    }
}

/// What the run may spend. What it spent before it was resumed counts; so does what other runs have spent that
/// day, where the day is limited.
fn purse(plan: &Plan, config: &RunConfig, run_id: &str) -> Purse {
    let program = &plan.program;
    let budget = program.terms.budget;
    let spent = config.past.spent();
    let day = config.store.clone().filter(|_| budget.day.is_some()).map(|store| Day::new(store, run_id));
    let purse = Purse::new(budget, config.max_cost, spent, day);
    purse.open(&program.scope, "", budget.step);
    purse
}

/// What a run that is only looked at would know when it begins: what its steps share, and the names they see.
pub(super) fn looked_at(
    plan: &Plan,
    config: &RunConfig,
    cancel: CancellationToken,
) -> Result<(Arc<RunContext>, Arc<Names>), RunError> {
    let started = Timestamp::now();
    let output_dir = output_dir(plan, config)?;
    let renderer = Renderer::new(folders(config));
    let run_id = config.run_id.clone().unwrap_or_default();
    let secrets = Arc::new(Redactor::of(plan));
    let (inputs, names) = names(plan, &config.working_dir, &renderer, &run_id, started, output_dir.as_str())
        .map_err(|error| secrets.error(error))?;
    let names = Names::watched(&names);
    secrets.learn_inputs(plan, &inputs);
    let place = Place { run_id, started, output_dir, inputs, secrets };
    let cx = context(plan, config, place, renderer, Journal::closed(), (cancel, None));
    Ok((Arc::new(cx), names))
}

/// The earlier results that the run may use again. What was asked for by name runs in any case.
fn cache_of(config: &RunConfig) -> Option<Cache> {
    let asked = config.selection.as_ref().filter(|selection| selection.reuses());
    // What is recorded must be all that the run needs; what is replayed is nobody's result.
    let file = config.store.as_deref().filter(|_| config.cache && config.tape.is_none())?;
    let fresh = asked.map(|selection| selection.step.clone());
    match config.earlier.take() {
        Some(opened) => opened.map(|cache| cache.with_fresh(fresh)),
        None => Cache::open(file, fresh),
    }
}

/// `output/<id>` beneath the working directory. Nobody chose it, and it may be written to, so neither
/// the pipeline's name nor a link in its place may lead it elsewhere.
fn default_output_dir(working_dir: &Utf8Path, id: &str) -> Result<Utf8PathBuf, RunError> {
    let shown = lang::model::output_directory(id);
    let directory = working_dir.join(&shown);
    match confine::stays_beneath(working_dir.as_std_path(), &shown) {
        Ok(true) => Ok(directory),
        Ok(false) => Err(RunError::Directory(format!(
            "the output directory `{shown}` leads out of the working directory `{working_dir}`; remove the link, or \
             choose a directory with `--output-dir`"
        ))),
        Err(error) => Err(RunError::Directory(format!("the output directory `{shown}` cannot be resolved: {error}"))),
    }
}

/// The right to run this run, held until it ends.
fn locked(store: &std::path::Path, run_id: &str) -> Result<RunLock, RunError> {
    match RunLock::take(store, run_id) {
        Ok(Some(lock)) => Ok(lock),
        Ok(None) => Err(RunError::Store(format!("the run `{run_id}` is running in another process"))),
        Err(error) => Err(RunError::Store(format!("the run `{run_id}` cannot be locked: {error}"))),
    }
}

fn first_batch(cx: &RunContext, plan: &Plan, config: &RunConfig) -> Batch {
    let started = cx.started;
    let program = &plan.program;
    let mut batch = Batch::default();
    let (inputs, secret_inputs) = cx.secrets.inputs(plan, &cx.values);
    batch.records.push(match &config.resumed {
        Some(resumed) => Record::RunResumed {
            source: (!resumed.is_same).then(|| plan.text().to_owned()),
            outline: plan.kept_as.clone(),
        },
        None => Record::RunStarted {
            pipeline: program.id.clone(),
            file: config.file.clone(),
            source: plan.text().to_owned(),
            inputs,
            config: Box::new(StoredConfig {
                working_dir: config.working_dir.clone(),
                output_dir: cx.output_dir.clone(),
                permissions: config.permissions.clone(),
                simulate: config.simulate,
                max_cost: config.max_cost,
                max_concurrency: config.max_concurrency,
                limits: config.limits.clone(),
                no_cache: !config.cache,
                selection: config.selection.clone(),
                tape: config.tape.clone(),
                secret_inputs,
                outline: plan.kept_as.clone(),
            }),
            time: clock::text(started),
        },
    });
    let begin_again = config.past.forgotten().iter();
    let forget =
        |(step, beneath): (&String, &bool)| Record::Forget { step: step.clone(), itself: true, beneath: *beneath };
    batch.records.extend(begin_again.map(forget));
    // What is used again is this run's from now on, whatever becomes of it.
    batch.records.extend(config.past.reused().into_iter().map(|(step, last)| Record::Outcome {
        step,
        attempt: 0,
        status: last.document.status.clone(),
        value: Value::Null,
        last: Some(Box::new(last)),
        time: clock::text(started),
    }));
    let steps: Vec<&str> = program.scope.steps.iter().map(|step| &*step.id).collect();
    let mut data = json!({"pipeline": program.id, "file": config.file, "steps": steps, "protocol": 1});
    if config.resumed.is_some() {
        data["resumed"] = json!(true);
    }
    batch.fact(EventKind::RunStarted, None, data);
    batch
}

/// The type of the error of a run whose store broke.
pub const UNRECORDED: &str = "StoreError";

async fn finish(cx: &RunContext, mut document: ResultDocument) -> Result<Arc<ResultDocument>, RunError> {
    cx.secrets.document(&mut document);
    let mut document = Arc::new(document);
    let mut batch = Batch::default();
    batch.records.push(Record::RunFinished { status: document.status.clone(), time: document.completed_at.clone() });
    batch.fact(EventKind::RunFinished, None, Said::RunFinished(WholeRun(Arc::clone(&document))));
    cx.commit(batch).await;
    if let Some(error) = cx.broken.get() {
        // The steps' results are still worth having; that they are not kept is the run's error.
        break_off(Arc::make_mut(&mut document), unrecorded(error, &cx.run_id, is_known(cx)));
    }
    Ok(document)
}

/// Why a run failed whose store broke, and what to do.
pub(super) fn unrecorded(error: &store::StoreError, run_id: &str, known: bool) -> String {
    let kept =
        if known { format!("; what was recorded is kept: then `orc resume {run_id}` goes on") } else { String::new() };
    format!("the run could not be recorded: {error}{kept}")
}

/// Makes the last event of a run say that its store broke.
pub(super) fn unrecorded_end(data: &mut Data, message: &str) {
    if let Said::RunFinished(WholeRun(document)) = data.said_mut() {
        break_off(Arc::make_mut(document), message.to_owned());
    }
}

/// Makes the document that of a run whose store broke.
fn break_off(document: &mut ResultDocument, message: String) {
    "failed".clone_into(&mut document.status);
    document.success = false;
    document.error = Some(message);
    document.error_type = Some(UNRECORDED.to_owned());
}

/// Whether anything of the run is in its store.
fn is_known(cx: &RunContext) -> bool {
    let store = cx.store.as_ref().and_then(|file| store::SqliteStore::open_to_read(file).ok());
    store.is_some_and(|store| matches!(store.last_event(&cx.run_id), Ok(Some(_))))
}

/// The id of a new run: `<pipeline id>_<unix seconds>_<8 hex>`.
pub fn new_id(pipeline: &str) -> String {
    let started = Timestamp::now();
    let drawn = RandomState::new().hash_one(started.as_nanosecond()) as u32;
    format!("{pipeline}_{}_{drawn:08x}", started.as_second())
}

/// The pipeline's folder, then the working directory.
pub(super) fn folders(config: &RunConfig) -> Folders {
    let mut folders = Vec::new();
    if let Some(folder) = config.working_dir.join(&config.file).parent()
        && folder.is_dir()
    {
        folders.push(folder.to_owned());
    }
    if !folders.contains(&config.working_dir) {
        folders.push(config.working_dir.clone());
    }
    Folders::new(folders)
}

pub(super) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The names every template sees, with the inputs whose defaults are templates rendered.
pub(super) fn names(
    plan: &Plan,
    working_dir: &Utf8Path,
    renderer: &Renderer,
    run_id: &str,
    started: Timestamp,
    output_dir: &str,
) -> Result<(Value, Arc<Names>), RunError> {
    let text = clock::text(started);
    let (date, time) = (started.strftime("%Y-%m-%d").to_string(), started.strftime("%H:%M:%S").to_string());
    // As a person would write it: relative to where the run works.
    let output_path =
        output_dir.strip_prefix(working_dir.as_str()).map_or(output_dir, |rest| rest.trim_start_matches('/'));
    let runtime = json!({
        "execution": {"id": run_id, "started_at": text, "timestamp": text, "date": date, "time": time},
        "execution_id": run_id, "pipeline_id": plan.program.id, "timestamp": text, "output_path": output_path,
        "current_timestamp": text, "current_date": date,
    });
    let mut inputs = plan.inputs.clone();
    let templates = &plan.template_inputs;
    let bound = |inputs: &Map<String, Value>, left_out: &[String]| {
        let known: Map<String, Value> =
            inputs.iter().filter(|(name, _)| !left_out.contains(name)).map(|(n, v)| (n.clone(), v.clone())).collect();
        let mut bound: HashMap<String, minijinja::Value> = HashMap::new();
        for (name, value) in runtime.as_object().into_iter().flatten().chain(&known) {
            bound.insert(name.clone(), from_json(value));
        }
        for name in ["inputs", "parameters"] {
            bound.entry(name.to_owned()).or_insert_with(|| from_json(&Value::Object(known.clone())));
        }
        Names::root(bound)
    };
    for (at, name) in templates.iter().enumerate() {
        let names = bound(&inputs, &templates[at..]);
        let value = renderer
            .value(&inputs[name], &names, &format!("the default of input `{name}`"))
            .map_err(|failure| RunError::Inputs(failure.message))?;
        inputs.insert(name.clone(), value);
    }
    let names = bound(&inputs, &[]);
    Ok((Value::Object(inputs), names))
}

/// The outputs, null where one cannot be rendered, and the reasons of those.
pub(super) async fn outputs(
    cx: &Arc<RunContext>,
    program: &Program,
    names: &Arc<Names>,
    taken: &mut Taken,
) -> (IndexMap<String, Value>, Vec<String>) {
    let mut problems = Vec::new();
    let mut rendered = IndexMap::with_capacity(program.outputs.len());
    for (name, value) in &program.outputs {
        let place = format!("output `{name}`");
        let value = match program.asking_outputs.get(name) {
            None => cx.renderer.value(value, names, &place),
            Some(asking) => auto::fill(cx, asking, names, &asking.id, Stage::Work, taken)
                .await
                .and_then(|(asking, names)| cx.renderer.value(&asking.parameters[name], &names, &place)),
        };
        let value = value.unwrap_or_else(|failure| {
            problems.push(failure.message);
            Value::Null
        });
        rendered.insert(name.clone(), value);
    }
    (rendered, problems)
}

/// That the step waits, and for what.
fn asks(end: &StepEnd) -> String {
    end.document.error.clone().unwrap_or_else(|| format!("`{}` waits for an answer", end.document.id))
}

/// Whether the run was stopped before its end.
fn is_cancelled(cx: &RunContext, end: &ScopeEnd) -> bool {
    cx.cancel.is_cancelled()
        && (cx.broken.get().is_some()
            || end.steps.iter().any(|end| matches!(&*end.document.status, "cancelled" | "not_run")))
}

fn document(
    cx: &RunContext,
    program: &Program,
    config: &RunConfig,
    (end, (outputs, unrendered), taken): (ScopeEnd, (IndexMap<String, Value>, Vec<String>), Taken),
    started: Timestamp,
    watch: Instant,
) -> ResultDocument {
    let cancelled = is_cancelled(cx, &end);
    let failed = end.steps.iter().find(|end| end.document.status == "failed");
    let mut problems: Vec<String> = failed
        .map(|end| format!("step `{}` failed: {}", end.document.id, end.document.error.as_deref().unwrap_or_default()))
        .into_iter()
        .collect();
    let mut error_type = failed.and_then(|end| end.document.error_type.clone());
    if !unrendered.is_empty() {
        error_type = error_type.or_else(|| Some("OutputError".to_owned()));
        problems.extend(unrendered);
    }
    if cancelled {
        problems.insert(0, "the run was cancelled".to_owned());
        error_type = Some("CancelledError".to_owned());
    }
    let waiting: Vec<String> = end.steps.iter().filter(|end| end.document.status == "waiting").map(asks).collect();
    // Where a failure stopped the run, an answer would not help it.
    let waits = !waiting.is_empty() && !cancelled && !execute::failed_hard(&program.scope, &end.steps);
    if waits {
        problems.insert(0, waiting.join("; "));
        error_type = Some(WAITING.to_owned());
    }
    let success = problems.is_empty();
    let of_steps = Spent::of(end.steps.iter().map(|end| &*end.document));
    // Outputs may have asked, too.
    let of_outputs = taken.spent.map(Spent::from);
    let Spent { usage, cost, recorded } = Spent::sum([&of_steps].into_iter().chain(&of_outputs));
    let ran: HashSet<&str> = end
        .steps
        .iter()
        .filter(|end| matches!(&*end.document.status, "completed" | "failed" | "cancelled" | "waiting"))
        .map(|end| end.document.id.as_str())
        .collect();
    ResultDocument {
        pipeline_id: program.id.clone(),
        execution_id: cx.run_id.clone(),
        status: if cancelled {
            "cancelled"
        } else if waits {
            "waiting"
        } else if success {
            "completed"
        } else {
            "failed"
        }
        .to_owned(),
        success,
        execution_order: program.levels.iter().flatten().filter(|id| ran.contains(id.as_str())).cloned().collect(),
        steps: end.steps.into_iter().map(|end| (end.document.id.clone(), end.document)).collect(),
        outputs,
        execution_levels: program.levels.clone(),
        started_at: clock::text(started),
        completed_at: clock::now(),
        duration: watch.elapsed().as_secs_f64(),
        error: (!problems.is_empty()).then(|| problems.join("; ")),
        error_type,
        cost,
        usage,
        provenance: Provenance {
            engine: format!("orc {}", env!("CARGO_PKG_VERSION")),
            file: config.file.clone(),
            simulated: config.simulate,
            replayed: config.tape.as_ref().and_then(|tape| tape.replayed(recorded)),
        },
    }
}
