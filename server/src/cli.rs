//! The command line: the only place that writes to stdout and stderr.
//!
//! A command is a file here: its options as a clap struct, whose doc comments are the help, and a
//! `run` that returns the exit code. [`print`] does all the printing, [`input`] all the reading.

use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};
use engine::keys::keyring;

mod validate;

mod fmt;

mod rewrite;

pub(crate) mod run;

pub(crate) mod plan;

mod resolve;

mod resume;

mod runs;

mod models;

mod keys;

mod cost;

mod explain;

mod schema;

mod tools;

mod trust;

mod doctor;

mod report;

pub(crate) mod input;

mod print;

mod log;

/// The run failed (contract §4).
const FAILED: u8 = 1;

/// Invalid pipeline, inputs or usage (contract §4).
const INVALID: u8 = 2;

/// A step waits for a person (contract §4).
const WAITING: u8 = 3;

/// Interrupted by a person or a signal (contract §4).
const INTERRUPTED: u8 = 130;

/// Checks and runs YAML AI pipelines.
#[derive(Debug, Parser)]
#[command(name = "orc", version, about, arg_required_else_help = true, max_term_width = 100)]
struct Orc {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check pipelines without running them.
    #[command(visible_alias = "check")]
    Validate(validate::Validate),

    /// Lay pipelines out.
    #[command(visible_alias = "format")]
    Fmt(fmt::Fmt),

    /// Run a pipeline.
    Run(Box<run::Run>),

    /// Show what would run, in which order and why, as a table or a picture.
    Plan(plan::PlanCommand),

    /// Go on with a run that was interrupted, cancelled, or failed.
    Resume(resume::Resume),

    /// Answer and pin the <AUTO> tags of a pipeline, as far as that needs no run.
    Resolve(resolve::Resolve),

    /// See what ran here, and what became of it.
    Runs(runs::Runs),

    /// Explain a diagnostic code, or list all codes.
    Explain(explain::Explain),

    /// Print a JSON Schema.
    Schema(schema::Schema),

    /// Show tools and actions.
    Tools(tools::Tools),

    /// Show models and what they cost.
    Models(models::Models),

    /// Trust a folder: what its models.yaml says about addresses and keys counts, and editors run what is in it.
    Trust(trust::Trust),

    /// Show what the models of this workspace's runs took.
    Cost(cost::CostCommand),

    /// Keep the keys of model providers.
    Keys(keys::KeysCommand),

    /// Print the completions of a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },

    /// Check what this installation can do here.
    Doctor(doctor::Doctor),

    /// Serve an editor over the Language Server Protocol.
    Lsp(Lsp),
}

impl Command {
    /// Whether it asks models, or says which of them can be asked.
    fn needs_keys(&self) -> bool {
        let asks = matches!(self, Self::Run(_) | Self::Plan(_) | Self::Resume(_) | Self::Resolve(_) | Self::Runs(_));
        asks || matches!(self, Self::Models(_) | Self::Keys(_) | Self::Doctor(_))
    }
}

/// Options of `orc lsp`.
#[derive(Debug, Args)]
struct Lsp {
    /// Speak over standard input and output (the default, and the only way).
    #[arg(long)]
    stdio: bool,

    /// The process to live with; the end of standard input says the same.
    #[arg(long = "clientProcessId", value_name = "PID", hide = true)]
    client_process_id: Option<u32>,
}

/// Prints the completions of `shell`.
fn completions(shell: clap_complete::Shell) -> std::io::Result<ExitCode> {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Orc::command(), "orc", &mut text);
    print::out(&String::from_utf8_lossy(&text))?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the command line.
pub fn main() -> ExitCode {
    // Stderr is for people and logs; stdout is for results, or the protocol.
    let command = Orc::parse().command;
    if command.needs_keys() {
        keyring::allow();
    }
    let result = match command {
        Command::Validate(validate) => validate.run(),
        Command::Fmt(fmt) => fmt.run(),
        Command::Run(run) => run.run(),
        Command::Plan(plan) => plan.run(),
        Command::Resume(resume) => resume.run(),
        Command::Resolve(resolve) => resolve.run(),
        Command::Runs(runs) => runs.run(),
        Command::Explain(explain) => explain.run(),
        Command::Trust(trust) => trust.run(),
        Command::Cost(cost) => cost.run(),
        Command::Schema(schema) => schema.run(),
        Command::Tools(tools) => tools.run(),
        Command::Models(models) => models.run(),
        Command::Keys(keys) => keys.run(),
        Command::Completions { shell } => completions(shell),
        Command::Doctor(doctor) => doctor.run(),
        Command::Lsp(_) => {
            log::start();
            crate::lsp::serve()
        }
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            print::error(&error.to_string());
            ExitCode::from(INVALID)
        }
    }
}
