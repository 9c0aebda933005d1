//! `orc resolve`: answers the AUTO tags of a pipeline and pins them, as far as that needs no run.

use std::{fmt::Write as _, io, path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use engine::{
    lock_file::LockFile,
    plan::{Given, Plan},
    run::{
        RunConfig,
        auto::{self, Answered, Listener, Wanted},
        store::{SqliteStore, StoreError},
    },
};
use lang::auto::Hole;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    FAILED, INTERRUPTED, INVALID,
    input::Source,
    print,
    run::{self, Refusal, inputs, request, signals},
};

/// Options of `orc resolve`.
#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// The pipeline file.
    file: String,

    /// An input: the value is read as JSON unless the input is declared as a string.
    #[arg(short = 'i', long = "input", value_name = "NAME=VALUE")]
    inputs: Vec<String>,

    /// A JSON file with inputs, an object by name; -i wins.
    #[arg(short = 'c', long = "context", value_name = "FILE")]
    context: Option<PathBuf>,

    /// Only the tags of this step, and of the steps of its loop.
    #[arg(long, value_name = "ID")]
    step: Option<String>,

    /// Only the tag at this position, such as `steps.summary.parameters.style`.
    #[arg(long, value_name = "POSITION")]
    at: Option<String>,

    /// Pin this value, as JSON, instead of asking.
    #[arg(long, value_name = "JSON", requires = "at")]
    value: Option<String>,

    /// Take the pin away, so that the tag is asked for again.
    #[arg(long, requires = "at", conflicts_with = "value")]
    unpin: bool,

    /// How to write it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Text and inputs come on standard input, as for `orc run`; its end cancels.
    #[arg(long, hide = true)]
    request_on_stdin: bool,

    /// Write a line of JSON for each piece of an answer as it comes, and the list at the end in one line.
    #[arg(long, hide = true, requires = "request_on_stdin")]
    tell_pieces: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line per tag, for people.
    #[default]
    Text,
    /// Everything, for programs.
    Json,
}

impl Resolve {
    /// Exit code 0; 1 where a tag was not answered that could have been; 2 where the pipeline could not start.
    pub(crate) fn run(&self) -> io::Result<ExitCode> {
        if self.unpin {
            return self.unpin();
        }
        let (plan, config) = match self.prepare() {
            Ok(prepared) => prepared,
            Err(refusal) => {
                refusal.print();
                return Ok(ExitCode::from(INVALID));
            }
        };
        let by_hand = match self.value.as_deref().map(serde_json::from_str::<Value>).transpose() {
            Ok(value) => value,
            Err(error) => {
                print::error(&format!("`--value` is no JSON: {error}; put text in quotes, as in `--value '\"text\"'`"));
                return Ok(ExitCode::from(INVALID));
            }
        };
        let picks = |step: &str, hole: &Hole| {
            let is_of_step = self.step.as_deref().is_none_or(|wanted| {
                let path = format!("steps.{wanted}.");
                step == wanted || hole.position.starts_with(&path) || hole.position.contains(&format!(".{path}"))
            });
            is_of_step && self.at.as_deref().is_none_or(|at| hole.with_nested().iter().any(|hole| hole.position == at))
        };
        let cancel = CancellationToken::new();
        let listener = self.tell_pieces.then(|| teller(cancel.clone()));
        let wanted = Wanted { picks: &picks, at: self.at.as_deref(), by_hand: by_hand.as_ref(), listener };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let resolved = runtime.block_on(async {
            signals::watch(cancel.clone(), self.request_on_stdin)?;
            Ok::<_, io::Error>(auto::resolve(&plan, &config, &wanted, cancel.clone()).await)
        });
        runtime.shutdown_background();
        let found = match resolved? {
            Ok(found) => found,
            Err(error) => {
                print::error(&error.to_string());
                return Ok(ExitCode::from(INVALID));
            }
        };
        if let Some(at) = self.at.as_deref().filter(|_| found.is_empty() && !cancel.is_cancelled()) {
            print::error(&format!("there is no `<AUTO>` that a model answers at `{at}`; `orc plan` names the places"));
            return Ok(ExitCode::from(INVALID));
        }
        match self.format {
            Format::Text => print::out(&text(&found))?,
            Format::Json => print::out(&self.json(&json!(found)))?,
        }
        let failed = found.iter().any(|answered| answered.outcome == "failed");
        Ok(match (cancel.is_cancelled(), failed) {
            (true, _) => ExitCode::from(INTERRUPTED),
            (false, true) => ExitCode::from(FAILED),
            (false, false) => ExitCode::SUCCESS,
        })
    }

    /// Takes the pin away. The pipeline need not be runnable for that.
    fn unpin(&self) -> io::Result<ExitCode> {
        let at = self.at.as_deref().unwrap_or_default();
        let mut found = false;
        let unpinned = LockFile::change(std::path::Path::new(&self.file), |pins| found = pins.remove(at));
        match unpinned {
            Ok(_) if found => {
                let shown = match self.format {
                    Format::Text => format!("unpinned      {at}\n"),
                    Format::Json => self.json(&json!([{"position": at, "outcome": "unpinned"}])),
                };
                print::out(&shown)?;
                Ok(ExitCode::SUCCESS)
            }
            Ok(_) => {
                print::error(&format!("nothing is pinned at `{at}`"));
                Ok(ExitCode::from(FAILED))
            }
            Err(error) => {
                print::error(&error.to_string());
                Ok(ExitCode::from(INVALID))
            }
        }
    }

    /// Who reads pieces reads lines.
    fn json(&self, found: &Value) -> String {
        if self.tell_pieces { format!("{found}\n") } else { print::json(found) }
    }

    fn prepare(&self) -> Result<(Plan, RunConfig), Refusal> {
        if self.file == "-" {
            let message = "the pipeline has no file, so nothing can be pinned beside it; give its path";
            return Err(Refusal::Message(message.to_owned()));
        }
        let plan = if self.request_on_stdin {
            let request = request::read(io::stdin().lock()).map_err(Refusal::Message)?;
            let given: Vec<(String, Given)> =
                request.inputs.into_iter().map(|(name, value)| (name, Given::Value(value))).collect();
            run::plan_of(Source { name: self.file.clone(), text: request.text, found: false }, &given, false)?
        } else {
            let given = inputs::given(self.context.as_deref(), &self.inputs).map_err(Refusal::Message)?;
            run::plan_of(super::input::read(&self.file).map_err(Refusal::Message)?, &given, false)?
        };
        if let Some(step) = &self.step
            && !plan.analysis().pipeline().all_steps().iter().any(|known| known.id_text() == step)
        {
            return Err(Refusal::Message(format!("the pipeline has no step `{step}`")));
        }
        let mut config = run::looked_at(&self.file, true).map_err(Refusal::Message)?;
        if let Some(file) = config.store.as_deref().filter(|file| file.exists()) {
            let past = match SqliteStore::open_to_read(file) {
                Ok(store) => auto::latest(&plan, &store),
                // What it kept counts once it is brought up to date.
                Err(StoreError::Older { .. }) => Ok(engine::run::Past::default()),
                Err(error) => Err(error),
            };
            config.past = std::sync::Arc::new(past.map_err(|error| Refusal::Message(error.to_string()))?);
        }
        Ok((plan, config))
    }
}

/// Writes the pieces of answers. Where nobody can read them any more, nobody waits for the answer either.
fn teller(cancel: CancellationToken) -> Listener {
    Listener::new(move |piece| {
        if print::out(&format!("{}\n", json!(piece))).is_err() {
            cancel.cancel();
        }
    })
}

fn text(found: &[Answered]) -> String {
    if found.is_empty() {
        return "no `<AUTO>` to answer\n".to_owned();
    }
    let mut text = String::new();
    for answered in found {
        let Answered { position, outcome, value, model, cost, reason } = answered;
        let outcome = outcome.replace('_', " ");
        let _ = write!(text, "{outcome:<12}  {position}");
        if let Some(value) = value {
            let _ = write!(text, " = {value}");
        }
        if let Some(model) = model {
            let _ = write!(text, "  ({model}{})", cost.as_ref().map(|cost| format!(", ${cost}")).unwrap_or_default());
        }
        if let Some(reason) = reason {
            let _ = write!(text, "  – {reason}");
        }
        text.push('\n');
    }
    text
}
