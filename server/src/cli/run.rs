//! `orc run`.

use std::{
    fs::File,
    io::{self, Write},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use camino::Utf8PathBuf;
use clap::{Args, ValueEnum};
use engine::{
    files::Disk,
    plan::{self, Given, Plan, PlanError},
    run::{self, Event, ResultDocument, RunConfig},
    tools::Permissions,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    input::{self, Source},
    print::{self, Stream},
    report::{Checked, Format as ReportFormat, Report},
    validate,
};

mod inputs;

mod later;

mod progress;

mod request;

mod signals;

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

    /// How many steps may run at once [default: twice the cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    max_concurrency: Option<u16>,

    /// Keep nothing of the run in the workspace's .orc directory.
    #[arg(long)]
    no_store: bool,

    /// Answer questions with yes.
    #[arg(long)]
    yes: bool,

    #[command(flatten)]
    later: later::Later,

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
enum Format {
    /// A summary for people.
    Text,
    /// The result document.
    Json,
    /// The events, one per line, as they happen.
    Jsonl,
}

impl Run {
    /// Runs the pipeline; exit code 0, 1 failed, 2 not started, 130 interrupted.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        match self.prepare() {
            Ok(plan) => self.execute(plan),
            Err(refusal) => {
                refusal.print();
                Ok(ExitCode::from(super::INVALID))
            }
        }
    }

    fn prepare(&self) -> Result<Plan, Refusal> {
        self.later.refuse().map_err(Refusal::Message)?;
        let (source, given) = self.request().map_err(Refusal::Message)?;
        let analysis = validate::analyse(&source, &Disk::new(engine::catalog::registry()));
        plan::plan(Arc::clone(&analysis), &given).map_err(|error| match error {
            PlanError::NotAPipeline => Refusal::Message(format!(
                "`{}` is not a pipeline: it needs `steps` with an `id` and an `action` each, or a name that ends in `.orc.yaml`",
                source.name
            )),
            PlanError::Invalid => Refusal::Invalid(Checked { file: source.name, analysis }),
            PlanError::Inputs(problems) => Refusal::Inputs(problems),
        })
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

    fn execute(&self, plan: Plan) -> io::Result<ExitCode> {
        let config = match self.config() {
            Ok(config) => config,
            Err(message) => {
                print::error(&message);
                return Ok(ExitCode::from(super::INVALID));
            }
        };
        let output = match self.output.as_deref().map(open).transpose() {
            Ok(output) => output,
            Err(error) => {
                print::error(&error.to_string());
                return Ok(ExitCode::from(super::INVALID));
            }
        };
        let format = self.format();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let finished = runtime.block_on(async {
            let cancel = CancellationToken::new();
            signals::watch(cancel.clone(), self.request_on_stdin)?;
            let (sender, events) = mpsc::unbounded_channel();
            let run = run::run(plan, config, sender, cancel);
            let (result, shown) = tokio::join!(run, show(events, format));
            Ok::<_, io::Error>((result, shown))
        });
        // A tool's blocking call must not hold the process once the document is there.
        runtime.shutdown_background();
        let (result, shown) = finished?;
        let document = match result {
            Ok(document) => document,
            Err(error) => {
                print::error(&error.to_string());
                return Ok(ExitCode::from(super::INVALID));
            }
        };
        self.conclude(&document, output, format, shown)
    }

    /// Writes the document wherever it shall go. One place that cannot be written does not keep it
    /// from the others, and does not change how the run ended.
    fn conclude(
        &self,
        document: &ResultDocument,
        output: Option<File>,
        format: Format,
        shown: io::Result<()>,
    ) -> io::Result<ExitCode> {
        let text = format!("{}\n", serde_json::to_string_pretty(document)?);
        if let (Some(path), Some(file)) = (&self.output, output)
            && let Err(error) = replace(&file, &text)
        {
            print::error(&cannot_write(path, &error).to_string());
        }
        let printed = match format {
            Format::Text => print::out(&progress::summary(document, print::colour(Stream::Stdout))),
            Format::Json => print::out(&text),
            Format::Jsonl => Ok(()),
        };
        if let Err(error) = shown.and(printed) {
            print::error(&format!("cannot write to standard output: {error}"));
        }
        Ok(match (document.status.as_str(), document.success) {
            ("cancelled", _) => ExitCode::from(super::INTERRUPTED),
            (_, true) => ExitCode::SUCCESS,
            (_, false) => ExitCode::from(super::FAILED),
        })
    }

    fn format(&self) -> Format {
        let default = if print::is_terminal(Stream::Stdout) { Format::Text } else { Format::Json };
        self.format.unwrap_or(default)
    }

    fn config(&self) -> Result<RunConfig, String> {
        let here = std::env::current_dir().map_err(|error| format!("the working directory cannot be used: {error}"))?;
        let working_dir = Utf8PathBuf::from_path_buf(here)
            .map_err(|path| format!("the working directory `{}` is no UTF-8 path; move it", path.display()))?;
        let store = (!self.no_store).then(|| working_dir.join(".orc/runs.db").into_std_path_buf());
        let absolute = |paths: &[Utf8PathBuf]| paths.iter().map(|path| working_dir.join(path)).collect();
        Ok(RunConfig {
            run_id: self.run_id.clone(),
            file: self.file.clone(),
            output_dir: self.output_dir.as_ref().map(|directory| working_dir.join(directory)),
            permissions: Permissions {
                read: absolute(&self.allow_read),
                write: absolute(&self.allow_write),
                net: self.allow_net.clone(),
                run: self.allow_run.clone(),
                env: self.allow_env.clone(),
            },
            max_concurrency: self.max_concurrency.map(usize::from),
            simulate: self.simulate,
            store,
            working_dir,
        })
    }
}

/// Why a run did not start.
enum Refusal {
    Message(String),
    Inputs(Vec<String>),
    Invalid(Checked),
}

impl Refusal {
    fn print(self) {
        match self {
            Self::Message(message) => print::error(&message),
            Self::Inputs(problems) => problems.iter().for_each(|problem| print::error(problem)),
            Self::Invalid(checked) => {
                let report = Report { checked: vec![checked], ..Report::default() };
                print::note(report.render(ReportFormat::Text, print::colour(Stream::Stderr)).trim_end());
            }
        }
    }
}

/// Shows the events to the last, whatever becomes of standard output: the run does not depend on it.
async fn show(mut events: mpsc::UnboundedReceiver<Event>, format: Format) -> io::Result<()> {
    let mut shown = Ok(());
    while let Some(event) = events.recv().await {
        if format == Format::Jsonl {
            if shown.is_ok() {
                let line = serde_json::to_string(&event).map_err(io::Error::from);
                shown = line.and_then(|line| print::out(&format!("{line}\n")));
            }
        } else if let Some(line) = progress::line(&event, print::colour(Stream::Stderr)) {
            print::note(&line);
        }
    }
    shown
}

/// Opens the file of the result before the run, which may be long; what is in it stays until then.
fn open(path: &Path) -> io::Result<File> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => std::fs::create_dir_all(parent),
        _ => Ok(()),
    };
    let open = || File::options().write(true).create(true).truncate(false).open(path);
    folder.and_then(|()| open()).map_err(|error| cannot_write(path, &error))
}

fn replace(mut file: &File, text: &str) -> io::Result<()> {
    // A device or a pipe has no length.
    if file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    file.write_all(text.as_bytes())
}

fn cannot_write(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write the result to `{}`: {error}", path.display()))
}
