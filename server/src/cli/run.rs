//! `orc run`.

use std::{io, path::PathBuf, process::ExitCode, sync::Arc};

use camino::{Utf8Path, Utf8PathBuf};
use clap::{Args, ValueEnum};
use engine::{
    catalog,
    files::Disk,
    kept,
    models::tape::{Mode, Recording},
    plan::{self, Basis, Given, Plan, PlanError},
    run::{
        Earlier, RunConfig, auto,
        limits::{self, Limits},
        secrets::{self, Redactor},
        store,
    },
    tools::Permissions,
};

use lang::analysis::Analysis;

use super::{
    input::{self, Source},
    print::{self, Stream},
    report::{Checked, Format as ReportFormat, Report},
    validate,
};
use crate::trust;

mod bars;

pub(super) mod inputs;

pub(super) mod perform;

pub(super) mod person;

mod progress;

pub(super) mod request;

pub(crate) mod selection;

pub(super) mod signals;

mod telemetry;

/// Options of `orc run`.
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The pipeline file, or - for standard input.
    file: String,

    /// An input: the value is read as JSON unless the input is declared as a string.
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,

    /// A JSON file with inputs, an object by name; -i wins.
    #[arg(short = 'c', long = "context", value_name = "FILE")]
    context: Option<PathBuf>,

    /// Write the result document to this file too.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    output: Option<PathBuf>,

    /// Where the run's files go [default: output/<pipeline id>].
    #[arg(long, value_name = "DIR")]
    output_dir: Option<Utf8PathBuf>,

    /// Allow reading beneath this directory too.
    #[arg(long, value_name = "DIR")]
    allow_read: Vec<Utf8PathBuf>,

    /// Allow writing beneath this directory too.
    #[arg(long, value_name = "DIR")]
    allow_write: Vec<Utf8PathBuf>,

    /// Allow reaching this host.
    #[arg(long, value_name = "HOST")]
    allow_net: Vec<String>,

    /// Allow running this program.
    #[arg(long, value_name = "PROGRAM")]
    allow_run: Vec<String>,

    /// Let commands see this environment variable.
    #[arg(long, value_name = "NAME")]
    allow_env: Vec<String>,

    /// What to write to standard output: a summary, the result document, or the events as they
    /// happen [default: text on a terminal, else json].
    #[arg(long, value_enum)]
    format: Option<Format>,

    /// Answer every model call with the simulated model: deterministic, free, labelled.
    #[arg(long)]
    simulate: bool,

    /// The most that models may cost, in US$; a call that may not fit is not made.
    #[arg(long, value_name = "USD", value_parser = amount)]
    max_cost: Option<i64>,

    /// Ask for no `<AUTO>`: do not start where one is not pinned in the lock file.
    #[arg(long)]
    locked: bool,

    /// Write each request to a model and its answer into this directory, as YAML without keys and secrets.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["replay", "simulate"])]
    record: Option<Utf8PathBuf>,

    /// Answer models' requests from a recording in this directory alone, without any connection.
    #[arg(long, value_name = "DIR", conflicts_with = "simulate")]
    replay: Option<Utf8PathBuf>,

    /// How many steps may run at once [default: twice the cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max_concurrency: Option<u16>,

    /// At most N steps that use this tool, or ask models of this provider, at a time; may be given repeatedly.
    #[arg(long, value_name = "NAME=N", value_parser = limit)]
    limit: Vec<(String, usize)>,

    /// Keep nothing of the run in the workspace's .orc directory.
    #[arg(long)]
    no_store: bool,

    /// Make every result anew, also those of steps that depend on nothing that changed.
    #[arg(long)]
    no_cache: bool,

    /// Answer questions with yes.
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    selection: selection::Options,

    /// The caller knows that the workspace is trusted.
    #[arg(long, hide = true)]
    trusted: bool,

    /// The run's id, announced by the caller already.
    #[arg(long, hide = true, value_name = "ID")]
    run_id: Option<String>,

    /// Text and inputs come on standard input, as `<bytes>\n{"text": …, "inputs": {…}}`; the end of
    /// standard input after it cancels the run.
    #[arg(long, hide = true)]
    request_on_stdin: bool,

    /// Say more (py-orc's flag; events are in `--format jsonl`).
    #[arg(short, long, hide = true)]
    verbose: bool,
}

/// What stdout carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A summary for people.
    Text,
    /// The result document.
    Json,
    /// The events, one per line, as they happen.
    Jsonl,
}

impl Format {
    /// What is written where nothing else was asked for.
    pub(super) fn usual() -> Self {
        if print::is_terminal(Stream::Stdout) { Self::Text } else { Self::Json }
    }
}

impl Run {
    /// Runs the pipeline; exit code 0, 1 failed, 2 not started, 3 waiting for a person, 130 interrupted.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        match self.prepare() {
            Ok((plan, config)) => {
                let (output, format) = (self.output.clone(), self.format.unwrap_or_else(Format::usual));
                let ended =
                    perform::Performance { config, output, format, follows_stdin: self.request_on_stdin }.run(plan);
                kept::settle();
                ended
            }
            Err(refusal) => {
                refusal.print();
                Ok(ExitCode::from(super::INVALID))
            }
        }
    }

    fn prepare(&self) -> Result<(Plan, RunConfig), Refusal> {
        let (source, given) = self.request().map_err(Refusal::Message)?;
        let plan = plan_of(source, &given, !self.no_store)?;
        for name in secrets::too_short(&plan) {
            print::note(&format!(
                "warning: the secret input `{name}` is shorter than {} characters, which stand in other texts by \
                 chance; where it is printed it is not hidden",
                secrets::SHORTEST
            ));
        }
        let mut config = self.config().map_err(Refusal::Message)?;
        let plan = match self.selection.read() {
            Some(selection) => selection::confine(plan, selection, &mut config).map_err(Refusal::Message)?,
            None => plan,
        };
        pinned(&plan, &config)?;
        Ok((plan, config))
    }

    fn request(&self) -> Result<(Source, Vec<(String, Given)>), String> {
        let given = inputs::given(self.context.as_deref(), &self.inputs)?;
        if !self.request_on_stdin {
            return Ok((input::read(&self.file)?, given));
        }
        let request = request::read(io::stdin().lock())?;
        let inputs = request.inputs.into_iter().map(|(name, value)| (name, Given::Value(value)));
        Ok((Source { name: self.file.clone(), text: request.text, found: false }, inputs.collect()))
    }

    /// `--record` or `--replay`.
    fn tape(&self, working_dir: &Utf8Path) -> Option<Recording> {
        let (mode, named) = match (&self.record, &self.replay) {
            (Some(named), _) => (Mode::Record, named),
            (None, Some(named)) => (Mode::Replay, named),
            (None, None) => return None,
        };
        Some(Recording { mode, named: named.to_string(), directory: working_dir.join(named) })
    }

    fn config(&self) -> Result<RunConfig, String> {
        let usual = looked_at(&self.file, !self.no_cache)?;
        let absolute = |paths: &[Utf8PathBuf]| paths.iter().map(|path| usual.working_dir.join(path)).collect();
        Ok(RunConfig {
            run_id: self.run_id.clone(),
            output_dir: self.output_dir.as_ref().map(|directory| usual.working_dir.join(directory)),
            permissions: Permissions {
                read: absolute(&self.allow_read),
                write: absolute(&self.allow_write),
                net: self.allow_net.clone(),
                run: self.allow_run.clone(),
                env: self.allow_env.clone(),
            },
            max_concurrency: self.max_concurrency.map(usize::from),
            limits: self.limit.iter().cloned().collect(),
            simulate: self.simulate,
            max_cost: self.max_cost,
            is_trusted: self.trusted || usual.is_trusted,
            locked: self.locked,
            tape: self.tape(&usual.working_dir),
            person: person::at_terminal().filter(|_| !self.request_on_stdin && self.file != "-"),
            store: usual.store.clone().filter(|_| !self.no_store),
            ..usual
        })
    }
}

/// What `--max-cost` says, in billionths of a dollar.
pub(super) fn amount(text: &str) -> Result<i64, String> {
    let amount = text.trim().trim_start_matches('$').parse::<f64>().ok();
    amount.and_then(plan::dollars).ok_or_else(|| format!("`{text}` is no amount of US$, e.g. 0.50"))
}

/// Refuses a run with `--locked` that would have to ask for an `<AUTO>`.
pub(super) fn pinned(plan: &Plan, config: &RunConfig) -> Result<(), Refusal> {
    if !config.locked {
        return Ok(());
    }
    let missing = auto::unpinned(plan, config).map_err(|error| Refusal::Message(error.to_string()))?;
    if missing.is_empty() {
        return Ok(());
    }
    let hint =
        format!("`orc resolve {}` pins what is known before a run, a run without `--locked` the rest", config.file);
    Err(Refusal::Inputs(missing.into_iter().chain([hint]).collect()))
}

/// What `--limit` says.
pub(super) fn limit(text: &str) -> Result<(String, usize), String> {
    let (name, count) = text.rsplit_once('=').ok_or("it needs a name, `=` and a number")?;
    let most =
        count.parse().ok().filter(|most| *most > 0).ok_or_else(|| format!("`{count}` is no number from 1 on"))?;
    limits::check(name)?;
    Ok((name.to_owned(), most))
}

/// How a run of `file` in the working directory would run, for who only looks at it.
pub(super) fn looked_at(file: &str, cache: bool) -> Result<RunConfig, String> {
    Ok(looked_at_in(working_dir()?, file, cache))
}

/// How a run of `file` in `working_dir` would run, for who only looks at it.
pub(crate) fn looked_at_in(working_dir: Utf8PathBuf, file: &str, cache: bool) -> RunConfig {
    RunConfig {
        run_id: None,
        file: file.to_owned(),
        output_dir: None,
        permissions: Permissions::default(),
        max_concurrency: None,
        limits: Limits::new(),
        simulate: false,
        max_cost: None,
        is_trusted: trust::is_kept(working_dir.as_std_path()),
        person: None,
        store: Some(store::file(working_dir.as_std_path())),
        cache,
        earlier: Earlier::default(),
        working_dir,
        tape: None,
        selection: None,
        past: Arc::default(),
        resumed: None,
        locked: false,
        lock: None,
    }
}

/// The plan of a file with these inputs.
pub(super) fn planned(file: &str, context: Option<&std::path::Path>, written: &[String]) -> Result<Plan, Refusal> {
    let given = inputs::given(context, written).map_err(Refusal::Message)?;
    plan_of(input::read(file).map_err(Refusal::Message)?, &given, false)
}

/// The plan of a pipeline. With `keep` the outline of a long one is kept for later commands.
pub(super) fn plan_of(source: Source, given: &[(String, Given)], keep: bool) -> Result<Plan, Refusal> {
    let around = catalog::around_file(&source.name);
    if !around.problems.is_empty() {
        return Err(Refusal::Inputs(around.problems.iter().map(ToString::to_string).collect()));
    }
    let file_name = Utf8Path::new(&source.name).file_name().unwrap_or_default();
    if let Some(kept) = kept::look(&around, file_name, &source.text) {
        let basis = Basis::Kept(kept);
        return basis.plan(given).map_err(|error| Refusal::of(error, source.name, Arc::clone(basis.analysis())));
    }
    let analysis = validate::analyse(&source, &Disk::new(Arc::clone(&around.registry)));
    let mut plan =
        plan::plan(Arc::clone(&analysis), given).map_err(|error| Refusal::of(error, source.name.clone(), analysis))?;
    if keep {
        plan.kept_as = kept::keep(&around, file_name, &plan);
    }
    Ok(plan)
}

/// Where the command works.
pub(super) fn working_dir() -> Result<Utf8PathBuf, String> {
    let here = std::env::current_dir().map_err(|error| format!("the working directory cannot be used: {error}"))?;
    Utf8PathBuf::from_path_buf(here)
        .map_err(|path| format!("the working directory `{}` is no UTF-8 path; move it", path.display()))
}

/// Why a run did not start.
pub(super) enum Refusal {
    Message(String),
    Inputs(Vec<String>),
    Invalid(Checked),
}

impl Refusal {
    /// Why there is no plan of the file `name`.
    pub(super) fn of(error: PlanError, name: String, analysis: Arc<Analysis>) -> Self {
        match error {
            PlanError::NotAPipeline => Self::Message(format!(
                "`{name}` is not a pipeline: it needs `steps` with an `id` and an `action` each, or a name that ends in \
                 `.orc.yaml`"
            )),
            PlanError::Invalid => Self::Invalid(Checked { file: name, analysis }),
            PlanError::Inputs(problems) => Self::Inputs(problems),
        }
    }

    /// Says it on standard error.
    pub(super) fn print(self) {
        let say = |message: &str| print::error(&Redactor::of_environment().text(message));
        match self {
            Self::Message(message) => say(&message),
            Self::Inputs(problems) => problems.iter().for_each(|problem| say(problem)),
            Self::Invalid(checked) => {
                let report = Report { checked: vec![checked], ..Report::default() };
                print::note(report.render(ReportFormat::Text, print::colour(Stream::Stderr)).trim_end());
            }
        }
    }
}
