//! A step that runs another pipeline (reference §3.3, `pipeline-executor`). The child's steps are steps of
//! the same run: they have its limits, its permissions and its store, under the path `step[0].id`, so that a
//! resumed run goes on inside the child. The text that was used is stored with the step's attempt.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use camino::Utf8PathBuf;
use lang::{
    analysis::Analysis,
    check::Severity,
    registry::is_inline_pipeline,
    text::position::{Encoding, Position},
    workspace::{self, Workspace, normal},
};
use serde_json::{Map, Value, json};

use super::{
    auto::Taken,
    begin,
    context::RunContext,
    execute::{self, ScopeEnd, lock},
    journal::Batch,
    perform::failure,
    render::{Names, Renderer},
    step::Done,
    store::{Record, StoredChild},
};
use crate::{
    files::Disk,
    models::Spent,
    plan::{self, Given, Plan, PlanError, StepPlan},
    tools::{Failure, pipeline_executor::Params},
};

/// How deep pipelines may run each other.
const DEPTH: usize = 10;

/// How often one pipeline may run as a child in one run.
const RUNS: u32 = 100;

/// Where a pipeline stands among those that run each other.
#[derive(Debug, Clone, Default)]
pub(crate) struct Above {
    /// The ids of the pipelines above, the outermost first.
    pub(crate) ids: Vec<String>,
    /// How often each pipeline ran as a child.
    runs: Arc<Mutex<HashMap<String, u32>>>,
}

/// Runs the child once.
pub(super) async fn run(cx: &Arc<RunContext>, step: &Arc<StepPlan>, names: &Arc<Names>, path: &str) -> Done {
    match prepare(cx, step, names, path) {
        Ok(child) => child.run(path).await,
        Err(failure) => Done { failure: Some(failure), ..Done::default() },
    }
}

/// A child that may run.
struct Child {
    plan: Plan,
    cx: Arc<RunContext>,
    names: Arc<Names>,
    params: Params,
}

fn prepare(cx: &Arc<RunContext>, step: &StepPlan, names: &Arc<Names>, path: &str) -> Result<Child, Failure> {
    let params = parameters(cx, step, names)?;
    // Steps that began before go on as they began, whatever the file says now.
    let stored = cx.past.take_child(path);
    let (file, analysis) = match &stored {
        Some(StoredChild { file, source, redacted: _ }) => {
            let name = file.as_deref().unwrap_or("inline");
            let analysis = Arc::new(Analysis::new(Arc::clone(&cx.registry), name, source));
            (file.as_ref().map(|file| normal(&cx.working_dir.join(file))), analysis)
        }
        None => find(cx, &params.pipeline)?,
    };
    let shown = file.as_ref().map(|file| file.strip_prefix(&cx.working_dir).unwrap_or(file).to_string());
    let mut batch = Batch::default();
    batch.records.push(Record::Child {
        step: path.to_owned(),
        attempt: cx.journal.last_attempt(path),
        child: StoredChild { file: shown, source: analysis.text().to_owned(), redacted: false },
    });
    // What is sent first is stored first: this before all that the child's steps do.
    cx.journal.post(batch);
    let inline = match &file {
        Some(_) => String::new(),
        None => format!("{}{}.pipeline/", cx.inline, without_iterations(path)),
    };
    let file = file.unwrap_or_else(|| cx.file.clone());
    let id = analysis.pipeline().id_text().to_owned();
    limits(cx, &id)?;
    let plan = planned(cx, &analysis, &params, &file)?;
    let mut folders = vec![file.parent().map_or_else(|| cx.working_dir.clone(), camino::Utf8Path::to_owned)];
    if !folders.contains(&cx.working_dir) {
        folders.push(cx.working_dir.clone());
    }
    let renderer = Renderer::new(super::render::Folders::new(folders));
    let output_dir = cx.output_dir.join("sub_pipelines").join(lang::model::slug(&id));
    let mut above = cx.above.clone();
    above.ids.push(cx.pipeline.clone());
    let (values, names) = begin::names(&plan, &cx.working_dir, &renderer, &cx.run_id, cx.started, output_dir.as_str())
        .map_err(|error| failure("ValueError", error.to_string()))?;
    cx.secrets.learn_inputs(&plan, &values);
    let inner = RunContext {
        renderer: Arc::new(renderer),
        values: Arc::new(values),
        inputs: plan.declared().map(|(name, _)| name.to_owned()).collect(),
        model: plan.program.model.clone().or_else(|| cx.model.clone()),
        terms: Arc::new(plan.program.terms.beneath(&cx.terms)),
        cancel: cx.cancel.child_token(),
        pipeline: plan.program.id.clone(),
        output_dir,
        file,
        inline,
        above,
        ..(**cx).clone()
    };
    cx.purse.open_child(path, &plan.program.terms);
    cx.purse.open(&plan.program.scope, &format!("{path}."), plan.program.terms.budget.step);
    Ok(Child { plan, cx: Arc::new(inner), names, params })
}

/// The path of a step without the numbers of iterations.
fn without_iterations(path: &str) -> String {
    let mut out = String::new();
    let mut is_inside = false;
    for c in path.chars() {
        match c {
            '[' => is_inside = true,
            ']' => is_inside = false,
            _ if !is_inside => out.push(c),
            _ => {}
        }
    }
    out
}

/// The rendered parameters. Templates of a pipeline that is written in the step are the child's.
fn parameters(cx: &RunContext, step: &StepPlan, names: &Arc<Names>) -> Result<Params, Failure> {
    let mut params = Map::new();
    for (name, value) in &step.parameters {
        let is_text = name == "pipeline" && value.as_str().is_some_and(is_inline_pipeline);
        let value =
            if is_text { value.clone() } else { cx.renderer.value(value, names, &format!("parameters.{name}"))? };
        params.insert(name.clone(), value);
    }
    params.shift_remove("action");
    serde_json::from_value(Value::Object(params))
        .map_err(|error| failure("ParameterError", format!("the parameters do not fit: {error}")))
}

/// The file of the child, if it has one of its own, and what it says.
fn find(cx: &RunContext, written: &str) -> Result<(Option<Utf8PathBuf>, Arc<Analysis>), Failure> {
    if is_inline_pipeline(written) {
        return Ok((None, Arc::new(Analysis::new(Arc::clone(&cx.registry), "inline", written))));
    }
    let files = Disk::new(Arc::clone(&cx.registry));
    let around = Workspace { path: cx.file.clone(), root: cx.working_dir.clone(), files };
    let (file, analysis) =
        workspace::pipeline(&around, written).map_err(|message| failure("FileNotFoundError", message))?;
    Ok((Some(file), analysis))
}

/// Whether one more pipeline may run beneath this one.
fn limits(cx: &RunContext, id: &str) -> Result<(), Failure> {
    if cx.above.ids.len() + 1 >= DEPTH {
        let way: Vec<&str> = cx.above.ids.iter().chain([&cx.pipeline]).map(String::as_str).chain([id]).collect();
        let message = format!("pipelines run each other more than {DEPTH} deep: {}", way.join(" → "));
        return Err(failure("RecursionError", message));
    }
    let mut runs = lock(&cx.above.runs);
    let count = runs.entry(id.to_owned()).or_default();
    *count += 1;
    if *count > RUNS {
        return Err(failure("RecursionError", format!("the pipeline `{id}` has run {RUNS} times in this run already")));
    }
    Ok(())
}

fn planned(
    cx: &RunContext,
    analysis: &Arc<Analysis>,
    params: &Params,
    file: &camino::Utf8Path,
) -> Result<Plan, Failure> {
    let declared = &analysis.pipeline().inputs;
    let mut given: Vec<(String, Given)> = Vec::new();
    if params.inherit_context != Some(false) {
        for (name, value) in cx.values.as_object().into_iter().flatten() {
            let is_given = params.inputs.as_ref().is_some_and(|inputs| inputs.contains_key(name));
            if declared.contains_key(name) && !is_given {
                given.push((name.clone(), Given::Value(value.clone())));
            }
        }
    }
    for (name, value) in params.inputs.iter().flatten() {
        // What it does not declare is a warning where it is written.
        if declared.contains_key(name) {
            given.push((name.clone(), Given::Value(value.clone())));
        }
    }
    plan::plan(Arc::clone(analysis), &given).map_err(|error| match error {
        PlanError::NotAPipeline => failure("PipelineError", "what `pipeline` names is no pipeline"),
        PlanError::Invalid => failure("PipelineError", errors(analysis, file)),
        PlanError::Inputs(problems) => failure("ValueError", problems.join("; ")),
    })
}

/// What is wrong with the child, the first few places.
fn errors(analysis: &Analysis, file: &camino::Utf8Path) -> String {
    let errors = analysis.diagnostics().iter().filter(|found| found.severity == Severity::Error);
    let name = file.file_name().unwrap_or_default();
    let shown = errors.clone().take(3).map(|found| {
        let Position { line, column } =
            analysis.lines().position(analysis.text(), found.range.start(), Encoding::Utf32);
        format!("{name}:{}:{}: {}", line + 1, column + 1, found.message)
    });
    let shown: Vec<String> = shown.collect();
    let more = errors.count().saturating_sub(shown.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("the pipeline has errors: {}{more}", shown.join("; "))
}

impl Child {
    async fn run(self, path: &str) -> Done {
        let Self { plan, cx, names, params } = self;
        let clock = Instant::now();
        let scope = Arc::clone(&plan.program.scope);
        let work = execute::scope(Arc::clone(&cx), scope, Arc::clone(&names), format!("{path}[0]."), Batch::default());
        let limit = params.timeout.filter(|seconds| *seconds > 0.0).map(Duration::try_from_secs_f64);
        let end = match limit {
            None => work.await,
            Some(Err(_)) => {
                let message = "`timeout` is too large; give a number of seconds, or 0 for none";
                return Done { failure: Some(failure("ValueError", message)), ..Done::default() };
            }
            Some(Ok(limit)) => match tokio::time::timeout(limit, work).await {
                Ok(end) => end,
                // What was dropped has killed what it ran.
                Err(_) => {
                    let message = format!("`{path}` did not end within {} s; raise its `timeout`", limit.as_secs_f64());
                    let failure = Some(failure("TimeoutError", message));
                    return Done { failure, timed_out: true, ..Done::default() };
                }
            },
        };
        if cx.cancel.is_cancelled() {
            return Done { cancelled: true, ..Done::default() };
        }
        let waiting = end.steps.iter().find(|end| end.document.status == "waiting");
        if let Some(waiting) = waiting.filter(|_| !execute::failed_hard(&plan.program.scope, &end.steps)) {
            return Done { waiting: Some(waiting.document.error.clone().unwrap_or_default()), ..Done::default() };
        }
        done(&plan, &cx, &names, &params, &end, clock.elapsed()).await
    }
}

async fn done(
    plan: &Plan,
    cx: &Arc<RunContext>,
    names: &Arc<Names>,
    params: &Params,
    end: &ScopeEnd,
    took: Duration,
) -> Done {
    let failed = end.steps.iter().find(|end| end.document.status == "failed");
    let mut problems: Vec<String> = failed
        .map(|end| format!("step `{}` failed: {}", end.document.id, end.document.error.as_deref().unwrap_or_default()))
        .into_iter()
        .collect();
    let mut taken = Taken::default();
    let (outputs, unrendered) = begin::outputs(cx, &plan.program, names, &mut taken).await;
    problems.extend(unrendered);
    let outputs: Map<String, Value> = match &params.output_mapping {
        None => outputs.into_iter().collect(),
        Some(mapping) => {
            let renamed = |(name, value): (String, Value)| {
                let new = mapping.get(&name)?;
                Some((new.as_str().map_or_else(|| new.to_string(), str::to_owned), value))
            };
            outputs.into_iter().filter_map(renamed).collect()
        }
    };
    let ran = |status: &str| matches!(status, "completed" | "failed" | "cancelled");
    let of_steps = Spent::of(end.steps.iter().map(|end| &*end.document));
    let of_outputs = taken.spent.map(Spent::from);
    let spent = Spent::sum([&of_steps].into_iter().chain(&of_outputs));
    let problem = (!problems.is_empty()).then(|| problems.join("; "));
    let result = json!({
        "pipeline_id": plan.program.id,
        "outputs": outputs,
        "execution_time": (took.as_secs_f64() * 1000.0).round() / 1000.0,
        "steps_executed": end.steps.iter().filter(|end| ran(&end.document.status)).count(),
        "recursion_depth": cx.above.ids.len(),
        "call_stack": cx.above.ids,
        "success": problem.is_none(),
        "error": problem,
    });
    let goes_on = params.error_handling.as_deref() == Some("continue");
    let failure = problem.filter(|_| !goes_on);
    Done {
        result,
        failure: failure.map(|problem| failure_of(&plan.program.id, &problem)),
        served: spent.served(),
        ..Done::default()
    }
}

fn failure_of(id: &str, problem: &str) -> Failure {
    failure("PipelineError", format!("the pipeline `{id}` failed: {problem}"))
}
