//! The commands of `workspace/executeCommand`. Those that run need trust; all answer at once.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use camino::Utf8PathBuf;
use engine::{
    plan::{self, Given, Plan, PlanError, picture::Picture},
    run::{
        RunConfig, Selection,
        select::Mode,
        store::{self, SqliteStore, StoredRun},
    },
};
use lang::{
    analysis::Analysis,
    auto::By,
    check::{Diagnostic, Severity},
    text::Encoding,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tower_lsp::{
    jsonrpc::{Error, ErrorCode, Result},
    lsp_types::{ExecuteCommandParams, Url},
};

use super::{
    document::Document,
    ext::{
        ApproveArgument, AutoArgument, CancelArgument, ExplainArgument, GraphArgument, GraphFormat, RunArgument,
        TrustArgument,
    },
    files::{self, Around},
    from_proto,
    marks::Marks,
    ordered::Pinned,
    pins,
    runs::{self, Job, Owner},
};
use crate::{
    cli::{self, input, run::looked_at_in},
    pages,
    trust::canonical,
};

/// All commands, as `initialize` reports them.
pub(crate) const NAMES: [&str; 14] = [
    "orc.run",
    "orc.runStep",
    "orc.runFrom",
    "orc.resume",
    "orc.approve",
    "orc.cancel",
    "orc.plan",
    "orc.graph",
    "orc.estimate",
    "orc.resolveAuto",
    "orc.pinAuto",
    "orc.unpinAuto",
    "orc.trust",
    "orc.explain",
];

/// What a failed command answers with (LSP 3.17, `RequestFailed`).
const REQUEST_FAILED: i64 = -32803;

/// Executes a command with the state `pinned` to its request.
pub(crate) async fn execute(owner: &Owner, pinned: Pinned, params: ExecuteCommandParams) -> Result<Value> {
    let argument = params.arguments.into_iter().next().unwrap_or(Value::Null);
    match params.command.as_str() {
        "orc.run" => run(owner, pinned, read(argument)?, None).await,
        "orc.runStep" => run(owner, pinned, read(argument)?, Some(Mode::Step)).await,
        "orc.runFrom" => run(owner, pinned, read(argument)?, Some(Mode::From)).await,
        "orc.resume" => resume(owner, pinned, read::<CancelArgument>(argument)?.run_id).await,
        "orc.approve" => approve(owner, pinned, read(argument)?).await,
        "orc.cancel" => cancel(owner, &read::<CancelArgument>(argument)?.run_id),
        "orc.plan" => plan(owner, pinned, read(argument)?).await,
        "orc.estimate" => estimate(owner, pinned, read(argument)?).await,
        "orc.graph" => graph(owner, pinned, read(argument)?).await,
        "orc.resolveAuto" => auto(owner, pinned, read(argument)?, Auto::Resolve).await,
        "orc.pinAuto" => auto(owner, pinned, read(argument)?, Auto::Pin).await,
        "orc.unpinAuto" => auto(owner, pinned, read(argument)?, Auto::Unpin).await,
        "orc.trust" => {
            let argument: TrustArgument = if argument.is_null() { TrustArgument::default() } else { read(argument)? };
            trust(owner, &pinned, argument.uri.as_ref())
        }
        "orc.explain" => explain(&read::<ExplainArgument>(argument)?.code),
        other => {
            Err(Error::invalid_params(format!("unknown command `{other}`; the commands are `{}`", NAMES.join("`, `"))))
        }
    }
}

/// Starts a run of the whole, or of what `mode` says of the step.
async fn run(owner: &Owner, pinned: Pinned, argument: RunArgument, mode: Option<Mode>) -> Result<Value> {
    // `orc.run` with a step means that step.
    let mode = mode.or(argument.step.is_some().then_some(Mode::Step));
    let selection = match (mode, argument.step.clone()) {
        (Some(mode), Some(step)) => Some(Selection { mode, step }),
        (Some(_), None) => return Err(Error::invalid_params("name the step as `{\"uri\": …, \"step\": …}`")),
        (None, _) => None,
    };
    let place = place(&pinned, &argument.uri)?;
    let said = pinned.environment.trusted;
    if !owner.session.trust.covers(&place.root, said, &folders(&pinned)) {
        return Err(untrusted(&place.root, said));
    }
    let options = argument.options.unwrap_or_default();
    let settings = pinned.environment.settings.run.clone();
    let inputs = argument.inputs.unwrap_or_default();
    let uri = argument.uri;
    let session = Arc::clone(&owner.session);
    let job = owner.session.work.run(move || {
        let document = match pinned.document {
            Some(document) => document,
            None => Arc::new(stored(&uri, &place, session.around())?),
        };
        let analysis = Arc::clone(document.checked());
        let given: Vec<(String, Given)> =
            inputs.iter().map(|(name, value)| (name.clone(), Given::Value(value.clone()))).collect();
        let mut plan = plan::plan(Arc::clone(&analysis), &given).map_err(|error| refusal(&analysis, error))?;
        if let Some(selection) = &selection {
            plan = selection.apply(plan)?;
        }
        let pipeline = analysis.pipeline();
        Ok(Job {
            selection,
            resumes: false,
            id: runs::new_id(pipeline.id_text()),
            name: pipeline.name.as_ref().map_or_else(|| pipeline.id_text(), |name| &name.value).to_owned(),
            steps: plan.program.scope.steps.len(),
            text: analysis.text().to_owned(),
            file: place.file,
            folder: place.root,
            inputs,
            simulate: options.simulate.unwrap_or(settings.simulate),
            max_concurrency: options.max_concurrency.or(settings.max_concurrency),
            output_dir: options.output_dir,
            uri,
        })
    });
    let job: Job = job.await?.map_err(failed::<String>)?;
    let answer = json!({ "runId": job.id });
    runs::start(owner, job).map_err(failed)?;
    Ok(answer)
}

/// What the models of a run may take, as `orc plan` says it: the whole, and each step that asks one.
async fn estimate(owner: &Owner, pinned: Pinned, mut argument: RunArgument) -> Result<Value> {
    // What it would cost to ask, also where runs of the editor are simulated.
    argument.options.get_or_insert_default().simulate.get_or_insert(false);
    let plan = plan(owner, pinned, argument).await?;
    let steps = plan["steps"].as_array().into_iter().flatten();
    let estimates = steps.filter_map(|step| Some((step["id"].as_str()?.to_owned(), step.get("estimate")?.clone())));
    let estimates: serde_json::Map<String, Value> = estimates.collect();
    Ok(json!({ "estimate": plan["estimate"], "steps": estimates }))
}

/// What a run would do with each step and why, as `orc plan` says it. Runs nothing, so it needs no trust.
async fn plan(owner: &Owner, pinned: Pinned, argument: RunArgument) -> Result<Value> {
    let selection = argument.step.clone().map(|step| Selection { mode: Mode::Step, step });
    let simulate = argument.options.and_then(|options| options.simulate);
    let simulate = simulate.unwrap_or(pinned.environment.settings.run.simulate);
    let inputs = argument.inputs.unwrap_or_default();
    let made = planned(owner, pinned, argument.uri, inputs, move |plan, place, marks| {
        let folder = Utf8PathBuf::from_path_buf(place.root.clone());
        let folder = folder.map_err(|path| format!("`{}` is no UTF-8 path; move the folder", path.display()))?;
        let config = RunConfig { simulate, ..looked_at_in(folder, &place.file, true) };
        let (plan, reasons) = cli::plan::reasons(plan, selection, config)?;
        let picture = picture(&plan, &marks);
        Ok(cli::plan::as_json(&plan, &picture, &reasons))
    });
    made.await
}

/// The steps as a picture, with how they stand in the last run.
async fn graph(owner: &Owner, pinned: Pinned, argument: GraphArgument) -> Result<Value> {
    let format = argument.format;
    let made = planned(owner, pinned, argument.uri, serde_json::Map::new(), move |plan, _, marks| {
        let picture = picture(&plan, &marks);
        let text = match format {
            GraphFormat::Mermaid => picture.mermaid(),
            GraphFormat::Dot => picture.dot(),
            GraphFormat::Svg => picture.svg(),
            GraphFormat::Json => format!("{:#}", json!(picture)),
        };
        Ok(json!({ "text": text }))
    });
    made.await
}

fn picture(plan: &Plan, marks: &Marks) -> Picture {
    Picture::of(plan, &|step| marks.of(step).map(|mark| mark.status.clone()))
}

/// What `make` makes of the plan of a document, where it runs and how its steps stand.
async fn planned(
    owner: &Owner,
    pinned: Pinned,
    uri: Url,
    inputs: serde_json::Map<String, Value>,
    make: impl FnOnce(Plan, Place, Marks) -> std::result::Result<Value, String> + Send + 'static,
) -> Result<Value> {
    let place = place(&pinned, &uri)?;
    let session = Arc::clone(&owner.session);
    let made = owner.session.work.run(move || {
        let document = match pinned.document {
            Some(document) => document,
            None => Arc::new(stored(&uri, &place, session.around())?),
        };
        let analysis = Arc::clone(document.checked());
        let given = inputs.into_iter().map(|(name, value)| (name, Given::Value(value)));
        let plan = plan::plan(Arc::clone(&analysis), &given.collect::<Vec<_>>());
        let plan = plan.map_err(|error| refusal(&analysis, error))?;
        let marks = session.marks(&analysis, &uri, &pinned.environment);
        make(plan, place, marks)
    });
    made.await?.map_err(failed::<String>)
}

/// Keeps a person's answer to what a step of a run asks, and goes on with the run.
async fn approve(owner: &Owner, pinned: Pinned, argument: ApproveArgument) -> Result<Value> {
    let (folder, run) = run_of(owner, &pinned, argument.run_id.clone()).await?;
    runs::answer(&folder, &run.id, &argument).await.map_err(failed)?;
    go_on(owner, folder, run)
}

/// Answers, pins or unpins the AUTO tag at a position. A process of its own does it, which is cancelled with the
/// request or its progress.
async fn auto(owner: &Owner, pinned: Pinned, argument: AutoArgument, what: Auto) -> Result<Value> {
    let place = place(&pinned, &argument.uri)?;
    let said = pinned.environment.trusted;
    if !owner.session.trust.covers(&place.root, said, &folders(&pinned)) {
        return Err(untrusted(&place.root, said));
    }
    let session = Arc::clone(&owner.session);
    let progress = pinned.progress.clone();
    let job = owner.session.work.run(move || {
        let AutoArgument { uri, position, value, inputs } = argument;
        let document = match pinned.document {
            Some(document) => document,
            None => Arc::new(stored(&uri, &place, session.around())?),
        };
        let analysis = document.checked();
        let offset = from_proto::offset(analysis, position, pinned.environment.client.encoding);
        let hole = lang::auto::at(analysis, offset).ok_or("there is no `<AUTO>` at this position")?;
        if hole.target.by != By::Model {
            return Err(format!(
                "the `<AUTO>` at `{}` is not answered by a model, so there is nothing to pin",
                hole.position
            ));
        }
        let value = match what {
            Auto::Resolve | Auto::Unpin => None,
            Auto::Pin => match value.or_else(|| pins::value(analysis, &hole)) {
                Some(value) => Some(value),
                None => {
                    return Err(format!(
                        "nothing is pinned at `{}`; resolve it first, or give a `value`",
                        hole.position
                    ));
                }
            },
        };
        let text = analysis.text().to_owned();
        let inputs = inputs.unwrap_or_default();
        let unpin = what == Auto::Unpin;
        Ok(pins::Job { folder: place.root, file: place.file, text, inputs, position: hole.position, value, unpin })
    });
    let job: pins::Job = job.await?.map_err(failed::<String>)?;
    pins::perform(owner, job, progress).await.map_err(|undone| match undone {
        pins::Undone::Cancelled => Error::request_cancelled(),
        pins::Undone::Failed(problem) => failed(problem),
    })
}

/// What to do with an AUTO tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Auto {
    Resolve,
    Pin,
    Unpin,
}

/// Goes on with a run of one of the folders.
async fn resume(owner: &Owner, pinned: Pinned, id: String) -> Result<Value> {
    let (folder, run) = run_of(owner, &pinned, id).await?;
    go_on(owner, folder, run)
}

/// The run that `id` means in a folder that is trusted, and the folder.
async fn run_of(owner: &Owner, pinned: &Pinned, id: String) -> Result<(PathBuf, StoredRun)> {
    let (folders, said) = (folders(pinned), pinned.environment.trusted);
    // The store of a folder that is not trusted is not even opened.
    let trusted = folders.iter().filter(|folder| owner.session.trust.covers(folder, said, &folders));
    let trusted: Vec<PathBuf> = trusted.cloned().collect();
    if let (true, Some(folder)) = (trusted.is_empty(), folders.first()) {
        return Err(untrusted(folder, said));
    }
    let found = owner.session.work.run(move || find_run(&trusted, &id)).await?;
    found.map_err(failed)
}

fn go_on(owner: &Owner, folder: PathBuf, run: StoredRun) -> Result<Value> {
    let path = folder.join(&run.file);
    // The document that the editor shows, whatever its address looks like.
    let mut open = owner.session.documents().into_iter().map(|document| document.uri.clone());
    let shown = open.find(|uri| from_proto::path(uri).is_some_and(|open| canonical(&open) == canonical(&path)));
    let uri = shown.map_or_else(|| Url::from_file_path(&path), Ok);
    let uri = uri.map_err(|()| failed(format!("the run `{}` has no file that can be named", run.id)))?;
    let answer = json!({ "runId": run.id });
    let job = Job {
        name: run.pipeline,
        steps: 0,
        text: String::new(),
        file: run.file,
        folder,
        inputs: serde_json::Map::new(),
        simulate: run.config.simulate,
        max_concurrency: None,
        output_dir: None,
        selection: None,
        resumes: true,
        id: run.id,
        uri,
    };
    runs::start(owner, job).map_err(failed)?;
    Ok(answer)
}

/// The run that `wanted` means in one of `folders`, and the folder.
fn find_run(folders: &[PathBuf], wanted: &str) -> std::result::Result<(PathBuf, StoredRun), String> {
    let mut problem = "there is no run in this workspace yet".to_owned();
    for folder in folders {
        let file = store::file(folder);
        if !file.exists() {
            continue;
        }
        // One that cannot be read hides no other.
        let found = SqliteStore::open_to_read(&file).map_err(|error| error.to_string());
        match found.and_then(|store| engine::run::resume::find(&store, wanted)) {
            Ok(run) => return Ok((folder.clone(), run)),
            Err(message) => problem = message,
        }
    }
    Err(problem)
}

fn cancel(owner: &Owner, id: &str) -> Result<Value> {
    if owner.session.runs.cancel(id) {
        Ok(json!({ "runId": id }))
    } else {
        Err(failed(format!("no run `{id}` is going on; it has ended, or another server started it")))
    }
}

fn trust(owner: &Owner, pinned: &Pinned, uri: Option<&Url>) -> Result<Value> {
    if pinned.environment.trusted == Some(false) {
        return Err(failed("the editor says that this workspace is not trusted; trust it in the editor"));
    }
    let folders: Vec<PathBuf> = match uri {
        Some(uri) => {
            let path = from_proto::path(uri).ok_or_else(|| failed(format!("`{uri}` is no file")))?;
            vec![root_of(&canonical(&path), folders(pinned))]
        }
        None => folders(pinned),
    };
    if folders.is_empty() {
        return Err(failed("there is no workspace folder to trust; name a file as `{\"uri\": …}`"));
    }
    owner.session.trust.add(&folders).map_err(failed)?;
    Ok(json!({ "trusted": folders }))
}

/// Explains a code: its page as Markdown.
fn explain(code: &str) -> Result<Value> {
    let spec = lang::check::codes::codes().iter().find(|spec| spec.code.to_string().eq_ignore_ascii_case(code.trim()));
    let Some(spec) = spec else {
        return Err(failed(format!("unknown code `{code}`; `orc explain` lists all codes")));
    };
    Ok(json!({
        "code": spec.code.to_string(),
        "name": spec.name,
        "severity": spec.severity,
        "markdown": pages::markdown(spec),
    }))
}

/// Where a pipeline runs, and what its file is called from there.
struct Place {
    root: PathBuf,
    file: String,
}

fn place(pinned: &Pinned, uri: &Url) -> Result<Place> {
    let folders = folders(pinned);
    let Some(path) = from_proto::path(uri) else {
        if uri.scheme() == "file" {
            return Err(failed(format!("`{uri}` is no path of a file; name it without `..`")));
        }
        // A document that was never saved runs in the first folder.
        let name = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
        return match folders.into_iter().next() {
            Some(root) => Ok(Place { root, file: name }),
            None => Err(failed("save the file first: without a folder there is no place to run it in")),
        };
    };
    // Where a link leads to is where the file is.
    let path = canonical(&path);
    let root = root_of(&path, folders);
    let file = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
    Ok(Place { root, file })
}

/// The workspace folders, links followed.
fn folders(pinned: &Pinned) -> Vec<PathBuf> {
    pinned.environment.folders.iter().filter_map(from_proto::path).map(|folder| canonical(&folder)).collect()
}

/// The folder that `path` belongs to: the innermost of `folders`, else the one it is in.
fn root_of(path: &Path, folders: Vec<PathBuf>) -> PathBuf {
    let inside = folders.into_iter().filter(|folder| path.starts_with(folder));
    inside.max_by_key(|folder| folder.as_os_str().len()).unwrap_or_else(|| folder_of_file(path).to_owned())
}

fn folder_of_file(path: &Path) -> &Path {
    if path.is_dir() { path } else { path.parent().unwrap_or(path) }
}

/// A document that is not open, as it is stored.
fn stored(uri: &Url, place: &Place, around: &Arc<Around>) -> std::result::Result<Document, String> {
    if from_proto::path(uri).is_none() {
        return Err(format!("`{uri}` is not open and is no file"));
    }
    let path = place.root.join(&place.file);
    let name = path.to_str().ok_or_else(|| format!("`{}` is no UTF-8 path; rename it", path.display()))?;
    let source = input::read(name)?;
    let utf8 = |path: &Path| Utf8PathBuf::from_path_buf(path.to_owned()).ok();
    let place = utf8(&path).zip(utf8(&place.root)).map(|(path, root)| files::Place { path, root });
    Ok(Document::open((uri.clone(), 0), 0, &source.text, (place, around)))
}

fn refusal(analysis: &Analysis, error: PlanError) -> String {
    match error {
        PlanError::NotAPipeline => "this file is not a pipeline".to_owned(),
        PlanError::Inputs(problems) => problems.join("; "),
        PlanError::Invalid => {
            let errors: Vec<&Diagnostic> =
                analysis.diagnostics().iter().filter(|found| found.severity == Severity::Error).collect();
            let first = errors.first().map_or_else(String::new, |found| {
                let line = analysis.lines().position(analysis.text(), found.range.start(), Encoding::Utf32).line + 1;
                format!("; line {line}: {}", found.message)
            });
            let count = if errors.len() == 1 { "an error".to_owned() } else { format!("{} errors", errors.len()) };
            format!("the pipeline has {count}{first}")
        }
    }
}

fn untrusted(root: &Path, said: Option<bool>) -> Error {
    let how = match said {
        Some(false) => "trust the workspace in the editor",
        _ => "run the command `orc.trust`",
    };
    let mut error = failed(format!("`{}` is not trusted, so nothing in it runs; {how}", root.display()));
    // Clients offer the remedy by this word, not by the message.
    error.data = Some(json!({ "reason": "untrusted" }));
    error
}

fn failed<T: Into<String>>(message: T) -> Error {
    let mut error = Error::new(ErrorCode::ServerError(REQUEST_FAILED));
    error.message = message.into().into();
    error
}

fn read<T: DeserializeOwned>(argument: Value) -> Result<T> {
    T::deserialize(argument)
        .map_err(|error| Error::invalid_params(format!("the command's argument cannot be read: {error}")))
}
