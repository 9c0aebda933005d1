//! `terminal`: runs a shell command, confined in time, output and environment.

use std::{io, path::PathBuf, time::Duration};

use camino::Utf8Path;
use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Failure, Outcome, Tool, ToolCx, ToolError, ToolFuture,
    confine::{Access, Last, locate},
    environment,
    output::full::Place,
    params,
    process::{self, End, Finished, Job},
};
use crate::catalog::ToolBuilder;

mod direct;

/// How long a command may take if nobody says otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

const NAME: &str = "terminal";

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terminal;

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// The command, as `sh` reads it (`cmd` on Windows). No shell is started for one program with plain arguments.
    #[schemars(extend("x-kind" = "command"))]
    command: String,
    /// Where it runs, relative to the run's working directory.
    #[serde(default = "here")]
    #[schemars(extend("x-kind" = "read-path"))]
    working_dir: String,
    /// Seconds until the command and all it started are killed; 0 means the step's own `timeout`
    /// alone counts.
    #[serde(default = "default_timeout")]
    #[schemars(range(min = 0))]
    timeout: f64,
    /// Keep what it prints in the result.
    #[serde(default = "yes")]
    capture_output: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Output {
    /// The command that ran.
    command: String,
    /// Its exit code: 128 and the signal's number if one killed its program, minus that number if one killed its
    /// shell, -1 after a timeout.
    return_code: i64,
    /// What it printed. Of more than 1 MiB the beginning and the end are kept.
    stdout: String,
    /// What it printed to standard error. Of more than 1 MiB the beginning and the end are kept.
    stderr: String,
    /// Where it ran, as it was given.
    working_dir: String,
    /// How many seconds it took.
    execution_time: f64,
    /// Something was left out of `stdout` or `stderr`.
    truncated: bool,
    /// The file with all of `stdout`, where something was left out of it. `orc runs prune` removes it with
    /// its run.
    #[serde(skip_serializing_if = "Option::is_none")]
    stdout_file: Option<String>,
    /// The file with all of `stderr`, where something was left out of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    stderr_file: Option<String>,
    /// Why there is no such file although something was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    file_error: Option<String>,
}

fn here() -> String {
    ".".to_owned()
}

fn default_timeout() -> f64 {
    DEFAULT_TIMEOUT.as_secs_f64()
}

fn yes() -> bool {
    true
}

impl Tool for Terminal {
    fn spec(&self) -> ToolSpec {
        ToolBuilder::new(
            NAME,
            "Runs a shell command.\n\nIt sees a short list of environment variables, never a provider's key, and has \
             no input. Of long output both ends are in the result, and all of it in a file beneath `.orc/output`. When it ends or runs out of time, everything it started is killed.",
        )
        .operation::<Params, Output>("execute", "Runs a shell command.", Effect::Effectful)
        .primary("stdout")
        .single()
        .example(
            "
- id: count
  tool: terminal
  action: execute
  parameters:
    command: wc -l data.csv
",
        )
        .available()
        .build()
    }

    fn run<'a>(&'a self, operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            let explicit = params.get("timeout").is_some_and(|timeout| !timeout.is_null());
            let params: Params = params::read(NAME, params)?;
            // The operation word is free (reference §3.3).
            let _ = operation;
            execute(params, explicit, cx).await
        })
    }
}

async fn execute(params: Params, explicit: bool, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let command = params.command.trim_start();
    let command = command.strip_prefix('!').unwrap_or(command).to_owned();
    if command.trim().is_empty() {
        return Err(ToolError::new("ValueError", "the command is empty; write one in `command`"));
    }
    let timeout = match params.timeout {
        // A step that says how long it may take means its command.
        _ if !explicit && cx.timeout.is_some() => None,
        0.0 => None,
        seconds => Some(Duration::try_from_secs_f64(seconds).map_err(|_| {
            ToolError::new("ValueError", format!("`timeout` is {seconds}; give a number of seconds, or 0 for none"))
        })?),
    };
    let place = locate(cx, &params.working_dir, Access::Read, Last::Followed)?;
    let directory = place.path();
    if !directory.is_dir() {
        let message = format!("cannot run in `{}`: there is no such directory", params.working_dir);
        return Ok(Outcome::failed(Value::Null, ToolError::new("FileNotFoundError", message).0));
    }
    let place_of_output =
        cx.store.as_ref().map(|store| Place::new(store, &cx.run_id, &cx.asking.step, cx.cleaner.clone()));
    let shell = if cfg!(windows) { ["cmd", "/C", &command] } else { ["/bin/sh", "-c", &command] };
    let environment = environment::for_child(cx);
    let direct = direct::direct(&command, &directory, &environment);
    let job = Job {
        arguments: &shell,
        direct: direct.as_ref(),
        directory: &directory,
        environment: &environment,
        timeout,
        capture: params.capture_output,
        on_output: cx.on_output.as_ref(),
        full: place_of_output.as_ref(),
    };
    let finished = process::run(&job, &cx.cancel)
        .await
        .map_err(|error| ToolError::new("OSError", format!("cannot run `{command}`: {error}")))?;
    if finished.end == End::Cancelled {
        return Err(ToolError::new("CancelledError", "the command was cancelled"));
    }
    report(command, params.working_dir, timeout, finished, &cx.working_dir)
}

fn report(
    command: String,
    working_dir: String,
    timeout: Option<Duration>,
    finished: Finished,
    here: &Utf8Path,
) -> Result<Outcome, ToolError> {
    let Finished { end, stdout, stderr, took } = finished;
    let mut file_error = None;
    let mut file = |file: Option<io::Result<PathBuf>>| match file? {
        // As a step would name it.
        Ok(path) => Some(path.strip_prefix(here).unwrap_or(&path).display().to_string()),
        Err(error) => {
            file_error = Some(format!("all of the output cannot be kept in a file: {error}"));
            None
        }
    };
    let (stdout_file, stderr_file) = (file(stdout.file), file(stderr.file));
    let (stdout, stderr) = (stdout.kept, stderr.kept);
    let output = Output {
        return_code: match end {
            End::Exit(code) => code,
            // What the shell would say of it.
            End::Signalled(signal) => SIGNALLED + i64::from(signal),
            End::TimedOut | End::Cancelled => -1,
        },
        truncated: stdout.is_truncated() || stderr.is_truncated(),
        stdout: stdout.text(),
        stderr: stderr.text(),
        command,
        working_dir,
        execution_time: (took.as_secs_f64() * 1000.0).round() / 1000.0,
        stdout_file,
        stderr_file,
        file_error,
    };
    let failure = match end {
        End::Exit(0) => None,
        End::Exit(code) => Some(exit_failure(code, &output.stderr)),
        End::Signalled(signal) => Some(signal_failure(signal)),
        End::TimedOut | End::Cancelled => Some(Failure {
            error_type: "TimeoutError".to_owned(),
            message: format!(
                "the command timed out after {} s and was killed; raise `timeout` if it needs longer",
                timeout.unwrap_or(DEFAULT_TIMEOUT).as_secs_f64()
            ),
            code: None,
            retryable: true,
            unpriced: None,
        }),
    };
    let outcome = super::success(&output)?;
    Ok(Outcome { failure, ..outcome })
}

/// What a shell adds to the number of the signal that killed its command.
const SIGNALLED: i64 = 128;

fn signal_failure(signal: i32) -> Failure {
    let code = SIGNALLED + i64::from(signal);
    let killed = killed_by(signal);
    let message = format!("the command ended with exit code {code}: it was {killed}");
    Failure { error_type: "CommandError".to_owned(), message, code: Some(code), retryable: false, unpriced: None }
}

fn killed_by(signal: i32) -> String {
    match process::signal_name(signal) {
        Some(name) => format!("killed by {name}"),
        None => format!("killed by signal {signal}"),
    }
}

fn exit_failure(code: i64, stderr: &str) -> Failure {
    let mut message = match i32::try_from(-code) {
        Ok(signal @ 1..) => format!("the command was {}", killed_by(signal)),
        _ => format!("the command ended with exit code {code}"),
    };
    if let Some(line) = stderr.lines().rev().map(str::trim).find(|line| !line.is_empty()) {
        let line: String = line.chars().take(300).collect();
        message.push_str(": ");
        message.push_str(&line);
    }
    Failure { error_type: "CommandError".to_owned(), message, code: Some(code), retryable: false, unpriced: None }
}

#[cfg(all(test, unix))]
mod tests;
