//! Performs a run: shows its events, writes its document wherever it shall go, says how it ended.

use std::{
    fs::File,
    io::{self, Write},
    mem::{self, ManuallyDrop},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

#[cfg(unix)]
use engine::tools::adopted;
use engine::{
    plan::Plan,
    run::{
        self, Event, ResultDocument, RunConfig,
        audit::{self, Entry, Program, What},
    },
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        FAILED, INTERRUPTED, INVALID, WAITING,
        print::{self, Stream},
    },
    Format, bars, progress, signals,
    telemetry::Telemetry,
};

/// A run and what becomes of its result.
pub(in crate::cli) struct Performance {
    pub(in crate::cli) config: RunConfig,
    /// Where the document is written too.
    pub(in crate::cli) output: Option<PathBuf>,
    pub(in crate::cli) format: Format,
    /// The end of standard input cancels the run.
    pub(in crate::cli) follows_stdin: bool,
}

impl Performance {
    /// Runs `plan` to its end.
    pub(in crate::cli) fn run(self, plan: Plan) -> io::Result<ExitCode> {
        let Self { mut config, output, format, follows_stdin } = self;
        let run_id = config.run_id.get_or_insert_with(|| run::new_id(&plan.program.id)).clone();
        let audit = Audit { program: if follows_stdin { Program::Editor } else { Program::Cli }, run: &run_id };
        let store = config.store.clone();
        let file = match output.as_deref().map(open).transpose() {
            Ok(file) => file,
            Err(error) => {
                print::error(&error.to_string());
                return Ok(ExitCode::from(INVALID));
            }
        };
        if let Err(error) = audit.begin(&plan, &config) {
            print::error(&error.to_string());
            return Ok(ExitCode::from(INVALID));
        }
        #[cfg(unix)]
        adopted::adopt();
        // The process ends with the run: what is large is not taken apart before.
        mem::forget(Arc::clone(&plan.program));
        let mut telemetry = Telemetry::begin();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let finished = runtime.block_on(async {
            let cancel = CancellationToken::new();
            signals::watch(cancel.clone(), follows_stdin)?;
            #[cfg(unix)]
            let stopped = cancel.clone();
            let (sender, events) = mpsc::unbounded_channel();
            let run = run::run(plan, config, sender, cancel);
            let (result, shown) = tokio::join!(run, show(events, format, telemetry.as_mut()));
            #[cfg(unix)]
            if stopped.is_cancelled() && !result.as_ref().is_ok_and(|document| document.success) {
                // A command that ended by itself may leave a server behind; a run that is cancelled leaves nothing.
                adopted::end_all();
            }
            Ok::<_, io::Error>((result, shown))
        });
        // A tool's blocking call must not hold the process once the document is there.
        runtime.shutdown_background();
        let (result, shown) = finished?;
        let document = match result {
            Ok(document) => ManuallyDrop::new(document),
            Err(error) => {
                print::error(&error.to_string());
                return Ok(ExitCode::from(INVALID));
            }
        };
        if document.status == "cancelled"
            && let Err(error) = audit.cancelled(store.as_deref())
        {
            print::error(&error.to_string());
        }
        let code = conclude(&document, output.as_deref().zip(file), format, shown);
        if let Some(telemetry) = telemetry {
            telemetry.end(document.status == "cancelled");
        }
        Ok(code)
    }
}

/// What is told to the audit log of a run that is kept.
struct Audit<'a> {
    program: Program,
    run: &'a str,
}

impl Audit<'_> {
    /// Before it begins or goes on: what is not in the log does not run.
    fn begin(&self, plan: &Plan, config: &RunConfig) -> io::Result<()> {
        let Some(store) = &config.store else { return Ok(()) };
        let what = if config.resumed.is_some() { What::Resumed } else { What::Started };
        let entry = Entry::new(what, self.run, self.program).with_plan(plan, &config.file, store)?;
        audit::append(store, &[entry])
    }

    /// Whoever asked for it with `orc runs cancel` has said so already.
    fn cancelled(&self, store: Option<&Path>) -> io::Result<()> {
        let Some(store) = store else { return Ok(()) };
        if audit::last(store, self.run)? == Some(What::Cancelled) {
            return Ok(());
        }
        audit::append(store, &[Entry::new(What::Cancelled, self.run, self.program)])
    }
}

/// Writes the document wherever it shall go. One place that cannot be written does not keep it from
/// the others, and does not change how the run ended.
fn conclude(
    document: &ResultDocument,
    output: Option<(&Path, File)>,
    format: Format,
    shown: io::Result<()>,
) -> ExitCode {
    // As a whole: piece by piece takes longer than the text takes memory.
    let is_wanted = output.is_some() || format == Format::Json;
    // A step takes about a thousand bytes.
    let length = (document.steps.len() + 1) << 10;
    let text = if is_wanted { print::pretty(document, length) + "\n" } else { String::new() };
    if let Some((path, file)) = output
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
    // Standard output is read by programs here, and may be the same disk that is full.
    if format != Format::Text
        && document.error_type.as_deref() == Some(run::UNRECORDED)
        && let Some(error) = &document.error
    {
        print::error(error);
    }
    if document.status == "waiting" {
        print::note(&format!(
            "answer with `orc runs approve {}`; `orc runs show` says what is asked",
            document.execution_id
        ));
    }
    match (document.status.as_str(), document.success) {
        ("cancelled", _) => ExitCode::from(INTERRUPTED),
        ("waiting", _) => ExitCode::from(WAITING),
        (_, true) => ExitCode::SUCCESS,
        (_, false) => ExitCode::from(FAILED),
    }
}

/// Shows the events to the last, whatever becomes of standard output: the run does not depend on it.
async fn show(
    events: mpsc::UnboundedReceiver<Event>,
    format: Format,
    telemetry: Option<&mut Telemetry>,
) -> io::Result<()> {
    match format {
        Format::Jsonl => show_lines(events, telemetry).await,
        Format::Text | Format::Json => {
            show_progress(events, telemetry).await;
            Ok(())
        }
    }
}

/// The events themselves, on standard output.
async fn show_lines(
    mut events: mpsc::UnboundedReceiver<Event>,
    mut telemetry: Option<&mut Telemetry>,
) -> io::Result<()> {
    let mut shown = Ok(());
    let mut waiting = Vec::new();
    // What has come is shown together: a run of many small steps is not kept waiting by each line.
    while events.recv_many(&mut waiting, TOGETHER).await > 0 {
        let mut text = String::new();
        if let Some(telemetry) = &mut telemetry {
            telemetry.note(&waiting);
        }
        for event in waiting.drain(..) {
            if shown.is_ok() {
                shown = serde_json::to_string(&event).map_err(io::Error::from).map(|line| {
                    text.push_str(&line);
                    text.push('\n');
                });
            }
        }
        if shown.is_ok() && !text.is_empty() {
            shown = print::out(&text);
        }
    }
    shown
}

/// Lines for people on standard error, and beneath them, on a terminal, what runs right now.
async fn show_progress(mut events: mpsc::UnboundedReceiver<Event>, mut telemetry: Option<&mut Telemetry>) {
    let colour = print::colour(Stream::Stderr);
    let bars = bars::wanted();
    let mut tick = tokio::time::interval(bars::TICK);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut waiting, mut text) = (Vec::new(), String::new());
    loop {
        tokio::select! {
            count = events.recv_many(&mut waiting, TOGETHER) => {
                if count == 0 {
                    break;
                }
                if let Some(telemetry) = &mut telemetry {
                    telemetry.note(&waiting);
                }
                for event in waiting.drain(..) {
                    if bars {
                        bars::note(&event);
                    }
                    if let Some(line) = progress::line(&event, colour) {
                        text.push_str(&line);
                        text.push('\n');
                    }
                }
                if !bars && !text.is_empty() {
                    print::note(text.trim_end());
                    text.clear();
                }
            }
            _ = tick.tick(), if bars => {
                bars::draw(&text);
                text.clear();
            }
        }
    }
    if bars {
        bars::end(&text);
    }
}

/// How many events are shown together at most.
const TOGETHER: usize = 256;

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
