//! `orc runs`: what ran here, and what became of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    io,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
};

use clap::{Args, Subcommand, ValueEnum};
use engine::{
    run::{
        audit::{self, Entry, Program, What},
        document::{Cost, StepDocument},
        lock, resume,
        store::{self, SqliteStore, Store, StoredAttempt, StoredRun},
    },
    tools::output::full,
};
use serde_json::{Value, json};

use super::{
    FAILED, INVALID,
    print::{self, Format},
    run::working_dir,
};

mod approve;
use approve::Approve;

/// Options of `orc runs`.
#[derive(Debug, Args)]
pub(crate) struct Runs {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the runs of this workspace, the newest first.
    List(List),
    /// Show a run: its steps, what they came to, what can be done next.
    Show(Show),
    /// Print the events of a run.
    Logs(Logs),
    /// Compare two runs step by step.
    Diff(Diff),
    /// Answer what a step asks, and go on with the run.
    Approve(Approve),
    /// Stop a run that is running.
    Cancel(Cancel),
    /// Remove runs that ended.
    Prune(Prune),
}

#[derive(Debug, Args, Default)]
struct List {
    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
struct Show {
    /// The run: its id, the beginning of it, or latest.
    #[arg(default_value = "latest")]
    run: String,
    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Args)]
struct Logs {
    /// The run: its id, the beginning of it, or latest.
    #[arg(default_value = "latest")]
    run: String,
    /// Print who did what to the runs of this workspace instead: the lines of .orc/audit.jsonl.
    #[arg(long, conflicts_with_all = ["run", "format"])]
    audit: bool,
    /// How to write them.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    format: LogFormat,
}

#[derive(Debug, Args)]
struct Diff {
    /// The earlier run.
    one: String,
    /// The later run.
    #[arg(default_value = "latest")]
    other: String,
}

#[derive(Debug, Args)]
struct Cancel {
    /// The run: its id, the beginning of it, or latest.
    run: String,
}

#[derive(Debug, Args)]
struct Prune {
    /// How many of the newest runs stay.
    #[arg(long, value_name = "N", default_value_t = 20)]
    keep: usize,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    Text,
    Jsonl,
}

/// The runs of the workspace the command works in.
pub(super) struct Workspace {
    pub(super) file: PathBuf,
    pub(super) store: SqliteStore,
}

impl Workspace {
    /// Opens the store that is there; none is made.
    pub(super) fn open() -> Result<Self, String> {
        let file = store::file(working_dir()?.as_std_path());
        if !file.exists() {
            return Err("there is no run here yet: `.orc/runs.db` is missing; start one with `orc run`".to_owned());
        }
        let store = SqliteStore::open(&file).map_err(|error| error.to_string())?;
        Ok(Self { file, store })
    }

    /// The run that is meant by its id, the beginning of it, or `latest`.
    pub(super) fn find(&self, wanted: &str) -> Result<StoredRun, String> {
        resume::find(&self.store, wanted)
    }

    /// The newest first.
    fn runs(&self) -> Result<Vec<StoredRun>, String> {
        self.store.runs().map_err(|error| error.to_string())
    }

    /// The result document of a run; `null` while it has none.
    fn document(&self, run: &StoredRun) -> Result<Value, String> {
        let last = self.store.last_event(&run.id).map_err(|error| error.to_string())?;
        Ok(last.map(|last| last.data.into_json()["result"].take()).unwrap_or_default())
    }

    /// `running`, `interrupted`, or how it ended.
    fn status<'r>(&self, run: &'r StoredRun) -> &'r str {
        match &run.status {
            Some(status) => status,
            None if lock::holder(&self.file, &run.id).is_some() => "running",
            None => "interrupted",
        }
    }
}

impl Runs {
    /// Exit code 0; 2 where there is no such run.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        let done = match self.command.as_ref().unwrap_or(&Command::List(List::default())) {
            Command::List(list) => list.run(),
            Command::Show(show) => show.run(),
            Command::Logs(logs) => logs.run(),
            Command::Diff(diff) => diff.run(),
            Command::Approve(approve) => return approve.run(),
            Command::Cancel(cancel) => cancel.run(),
            Command::Prune(prune) => prune.run(),
        };
        match done {
            Ok((code, text)) => {
                print::out(&text)?;
                Ok(ExitCode::from(code))
            }
            Err(message) => {
                print::error(&message);
                Ok(ExitCode::from(INVALID))
            }
        }
    }
}

type Answer = Result<(u8, String), String>;

impl List {
    fn run(&self) -> Answer {
        let workspace = Workspace::open()?;
        let runs = workspace.runs()?;
        if self.format == Format::Json {
            let mut rows = Vec::new();
            for run in &runs {
                rows.push(json!({
                    "id": run.id, "pipeline": run.pipeline, "file": run.file, "status": workspace.status(run),
                    "started_at": run.started_at, "completed_at": run.finished_at,
                    "cost": workspace.document(run)?["cost"],
                }));
            }
            return Ok((0, print::json(&json!(rows))));
        }
        let width = runs.iter().map(|run| run.id.len()).max().unwrap_or_default();
        let mut text = String::new();
        for run in &runs {
            let _ =
                writeln!(text, "{:<width$}  {:<11}  {}  {}", run.id, workspace.status(run), run.started_at, run.file);
        }
        Ok((0, text))
    }
}

impl Show {
    fn run(&self) -> Answer {
        let workspace = Workspace::open()?;
        let run = workspace.find(&self.run)?;
        let status = workspace.status(&run);
        let attempts = workspace.store.attempts(&run.id).map_err(|error| error.to_string())?;
        if self.format == Format::Json {
            let steps: Vec<Value> = attempts.iter().map(step).collect();
            let shown = json!({
                "id": run.id, "pipeline": run.pipeline, "file": run.file, "status": status,
                "started_at": run.started_at, "completed_at": run.finished_at, "inputs": run.inputs,
                "simulated": run.config.simulate, "steps": steps, "result": workspace.document(&run)?,
            });
            return Ok((0, print::json(&shown)));
        }
        let mut text = format!("{}  {status}\n{}, begun {}", run.id, run.file, run.started_at);
        if let Some(end) = &run.finished_at {
            let _ = write!(text, ", ended {end}");
        }
        // The steps of the root hold what those beneath them took.
        let root = attempts.iter().filter(|attempt| !attempt.step.contains(['[', '!']));
        let spent = Cost::sum(root.filter_map(|attempt| paid(&attempt.last.as_ref()?.document)));
        if spent != Cost::free() {
            let _ = write!(text, ", {}", spent.exact());
        }
        text.push('\n');
        for (name, value) in run.inputs.as_object().into_iter().flatten() {
            let _ = writeln!(text, "  {name} = {}", short(value));
        }
        let width = attempts.iter().map(|attempt| attempt.step.chars().count()).max().unwrap_or_default();
        for attempt in &attempts {
            let state =
                attempt.status.as_deref().unwrap_or(if status == "running" { "running" } else { "interrupted" });
            let again = if attempt.attempt > 1 { format!("  attempt {}", attempt.attempt) } else { String::new() };
            let asked = attempt.last.as_ref().map(|last| asked(&last.document)).unwrap_or_default();
            let error = attempt.last.as_ref().and_then(|last| last.document.error.clone());
            let error = error.map(|error| format!("  {error}")).unwrap_or_default();
            let began = if attempt.forgotten { "  began again since" } else { "" };
            let _ = writeln!(text, "  {:<width$}  {state}{again}{asked}{error}{began}", attempt.step);
        }
        let asks_nobody = approve::asking(&attempts).is_empty();
        let next = match status {
            _ if !run.is_resumable() => String::new(),
            "interrupted" | "cancelled" | "waiting" if asks_nobody => {
                format!("`orc resume {}` goes on where it was", run.id)
            }
            "failed" => format!("`orc resume {} --retry-failed` runs what failed again", run.id),
            _ => String::new(),
        };
        if !next.is_empty() {
            let _ = writeln!(text, "{next}");
        }
        if status != "running" {
            for (step, (_, asked)) in approve::asking(&attempts) {
                let _ = writeln!(text, "{}", approve::hint(&run.id, step, &asked.question));
            }
        }
        Ok((0, text))
    }
}

/// What a step paid in this run, and those beneath it.
fn paid(document: &StepDocument) -> Option<&Cost> {
    document.provenance.is_none().then_some(&document.cost)
}

/// The model that a step asked, and what that cost.
fn asked(document: &StepDocument) -> String {
    let Some(model) = &document.model else {
        // What it took are its own tags.
        let is_own = !document.auto.is_empty() && document.cost != Cost::free();
        return if is_own { format!("  {}", document.cost.exact()) } else { String::new() };
    };
    let provider = document.provider.as_deref().unwrap_or_default();
    let cost = match &document.cache {
        Some(_) if document.usage.is_none_or(|usage| usage.requests == 0) => "used again".to_owned(),
        _ => document.cost.exact(),
    };
    format!("  {provider}/{model}  {cost}")
}

fn step(attempt: &StoredAttempt) -> Value {
    let document = attempt.last.as_ref().map(|last| json!(last.document));
    let status = attempt.status.as_deref();
    json!({
        "step": attempt.step, "attempt": attempt.attempt, "status": status, "document": document,
        "began_again": attempt.forgotten,
        "question": attempt.question.as_ref().map(|asked| &asked.question),
        "answer": attempt.answer,
    })
}

/// A value on one line, not too long.
fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 80 { text } else { text.chars().take(79).chain(['…']).collect() }
}

impl Logs {
    fn run(&self) -> Answer {
        if self.audit {
            let path = audit::file(&store::file(working_dir()?.as_std_path()));
            let text = std::fs::read_to_string(&path);
            return text.map(|text| (0, text)).map_err(|error| {
                format!("the audit log `{}` cannot be read: {error}; it begins with the first run", path.display())
            });
        }
        let workspace = Workspace::open()?;
        let run = workspace.find(&self.run)?;
        let events = workspace.store.events(&run.id).map_err(|error| error.to_string())?;
        let mut text = String::new();
        for event in events {
            if self.format == LogFormat::Jsonl {
                let _ = writeln!(text, "{}", json!(event));
                continue;
            }
            let kind = json!(event.kind);
            let step = event.step.as_deref().unwrap_or_default();
            let said = event.data.get("text").or_else(|| event.data.get("error")).or_else(|| event.data.get("status"));
            let said = said.and_then(Value::as_str).unwrap_or_default().trim_end();
            let line = format!("{}  {:<13} {step} {said}", event.time, kind.as_str().unwrap_or_default());
            let _ = writeln!(text, "{}", line.trim_end());
        }
        Ok((0, text))
    }
}

impl Diff {
    fn run(&self) -> Answer {
        let workspace = Workspace::open()?;
        let (one, other) = (workspace.find(&self.one)?, workspace.find(&self.other)?);
        let ends = |run: &StoredRun| -> Result<BTreeMap<String, Value>, String> {
            let attempts = workspace.store.attempts(&run.id).map_err(|error| error.to_string())?;
            let counting = attempts.into_iter().filter(|attempt| !attempt.forgotten);
            let ends = counting.filter_map(|attempt| Some((attempt.step, attempt.last?.document)));
            Ok(ends
                .map(|(step, mut document)| {
                    leave_out_times(&mut Arc::make_mut(&mut document).value);
                    (step, json!({"status": document.status, "value": document.value}))
                })
                .collect())
        };
        let (before, after) = (ends(&one)?, ends(&other)?);
        let mut text = format!("{} → {}\n", one.id, other.id);
        let inputs = [&one.inputs, &other.inputs];
        if inputs[0] != inputs[1] {
            let _ = writeln!(text, "  inputs  {} → {}", short(inputs[0]), short(inputs[1]));
        }
        let steps: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        let mut differ = one.inputs != other.inputs;
        for step in steps {
            let (old, new) = (before.get(step), after.get(step));
            if old == new {
                continue;
            }
            differ = true;
            let shown = |end: Option<&Value>| end.map_or_else(|| "–".to_owned(), short);
            let _ = writeln!(text, "  {step}\n    - {}\n    + {}", shown(old), shown(new));
        }
        if !differ {
            text.push_str("  the same\n");
        }
        Ok((0, text))
    }
}

/// The fields of results that say how long it took: no two runs agree on them.
const TIMES: [&str; 2] = ["execution_time", "response_time"];

/// Takes out of a result, at any depth, what tells only how long it took.
fn leave_out_times(value: &mut Value) {
    let mut waiting = vec![value];
    while let Some(value) = waiting.pop() {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, field| !(TIMES.contains(&&**name) && field.is_number()));
                waiting.extend(fields.values_mut());
            }
            Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
}

impl Cancel {
    fn run(&self) -> Answer {
        let workspace = Workspace::open()?;
        let run = workspace.find(&self.run)?;
        let Some(process) = lock::holder(&workspace.file, &run.id) else {
            print::error(&format!("the run `{}` is not running: it is {}", run.id, workspace.status(&run)));
            return Ok((FAILED, String::new()));
        };
        let entry = Entry::new(What::Cancelled, &run.id, Program::Cli);
        audit::append(&workspace.file, &[entry]).map_err(|error| error.to_string())?;
        stop(process)?;
        Ok((0, format!("asked the run {} to stop\n", run.id)))
    }
}

/// Asks a process to end in good order.
#[cfg(unix)]
fn stop(process: u32) -> Result<(), String> {
    let process = nix::unistd::Pid::from_raw(process as i32);
    nix::sys::signal::kill(process, nix::sys::signal::Signal::SIGTERM)
        .map_err(|error| format!("the process {process} cannot be asked to stop: {error}"))
}

#[cfg(not(unix))]
fn stop(process: u32) -> Result<(), String> {
    Err(format!("stop the process {process} with Ctrl-C where it runs; this system has no way to ask it"))
}

impl Prune {
    fn run(&self) -> Answer {
        let mut workspace = Workspace::open()?;
        let ended = |run: &&StoredRun| run.status.is_some() && lock::holder(&workspace.file, &run.id).is_none();
        let runs = workspace.runs()?;
        let mut old: Vec<String> = runs.iter().skip(self.keep).filter(ended).map(|run| run.id.clone()).collect();
        // Nobody may go on with a run that is being removed.
        let mut locks = Vec::new();
        if !self.dry_run {
            old.retain(|id| match lock::RunLock::take(&workspace.file, id) {
                Ok(Some(lock)) => {
                    locks.push(lock);
                    true
                }
                _ => false,
            });
            let entries: Vec<Entry> = old.iter().map(|id| Entry::new(What::Pruned, id, Program::Cli)).collect();
            audit::append(&workspace.file, &entries).map_err(|error| error.to_string())?;
            workspace.store.remove(&old).map_err(|error| error.to_string())?;
            for id in &old {
                if let Err(error) = full::remove(&workspace.file, id) {
                    print::note(&format!("the output files of {id} cannot be removed: {error}"));
                }
            }
        }
        let verb = if self.dry_run { "would remove" } else { "removed" };
        let noun = if old.len() == 1 { "run" } else { "runs" };
        let mut text = format!("{verb} {} {noun}\n", old.len());
        for id in old {
            let _ = writeln!(text, "  {id}");
        }
        Ok((0, text))
    }
}
