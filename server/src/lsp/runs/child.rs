//! The child process of a run: `orc run` of the same binary, which takes text and inputs on standard
//! input and writes events to standard output. The end of its standard input cancels it, so it
//! cannot outlive the server by more than its own time to stop.

use std::{path::Path, process::Stdio, time::Duration};

use engine::run::{Event, Selection, select::Mode};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    process::{Child, Command},
};
use tokio_util::sync::CancellationToken;

use super::{Job, Owner, progress::Progress};
use crate::lsp::ext::ApproveArgument;

/// How long a cancelled run may take to stop by itself: the two seconds its steps get, and some.
const GRACE: Duration = Duration::from_secs(4);

/// How much of the child's standard error is kept.
const COMPLAINT: u64 = 16 * 1024;

/// Starts `job` and returns at once; a task follows it to its end.
pub(crate) fn start(owner: &Owner, job: Job) -> Result<(), String> {
    let mut child = spawn(&job).map_err(|error| format!("the run cannot start: {error}"))?;
    let cancel = owner.session.exit.child_token();
    if owner.session.runs.begin(&job, cancel.clone()) {
        owner.fails_otherwise(&job.uri);
    }
    let follower = owner.clone();
    owner.session.tasks.spawn(async move {
        let mut progress = Progress::begin(&follower, &job);
        let complaint = follow(&job, &mut child, &cancel, &mut progress).await;
        let status = child.wait().await;
        let ending = progress.ending(|| {
            if cancel.is_cancelled() {
                return ("cancelled".to_owned(), "the run was cancelled".to_owned());
            }
            let how = status.map_or_else(|error| error.to_string(), |status| status.to_string());
            let why = complaint.trim().trim_start_matches("error: ");
            let why = if why.is_empty() { format!("the run broke off ({how})") } else { why.to_owned() };
            ("failed".to_owned(), why)
        });
        let ending = ending.await;
        follower.session.runs.end(&job, &ending);
        progress.end(&ending).await;
    });
    Ok(())
}

fn spawn(job: &Job) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    if job.resumes {
        command.args(["resume", "--format", "jsonl", "--follow-stdin", "--trusted", "--", &job.id]);
        return started(command, job);
    }
    // Nothing runs here in a workspace that is not trusted.
    command.args(["run", "--format", "jsonl", "--request-on-stdin", "--trusted", "--run-id", &job.id]);
    if let Some(Selection { mode, step }) = &job.selection {
        let option = match mode {
            Mode::Step => "--step",
            Mode::From => "--from",
            Mode::Until => "--until",
        };
        command.arg(format!("{option}={step}"));
    }
    if job.simulate {
        command.arg("--simulate");
    }
    if let Some(limit) = job.max_concurrency {
        command.arg("--max-concurrency").arg(limit.to_string());
    }
    if let Some(directory) = &job.output_dir {
        command.arg("--output-dir").arg(directory);
    }
    // Last, so that a name that begins with `-` is no option.
    command.arg("--").arg(&job.file);
    started(command, job)
}

fn started(mut command: Command, job: &Job) -> std::io::Result<Child> {
    // Not killed when this process ends: it notices that by itself, and ends in order.
    command.current_dir(&job.folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    command.process_group(0);
    command.spawn()
}

/// Feeds the child and reads its events until it ends; returns what it said on standard error.
async fn follow(job: &Job, child: &mut Child, cancel: &CancellationToken, progress: &mut Progress<'_>) -> String {
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return "its standard streams cannot be used".to_owned();
    };
    let process = child.id();
    let request = json!({ "text": job.text, "inputs": job.inputs }).to_string();
    let feed = async {
        if !job.resumes {
            // A child that does not read its request has ended, which its output tells.
            let _ = stdin.write_all(format!("{}\n{request}", request.len()).as_bytes()).await;
            let _ = stdin.flush().await;
        }
        cancel.cancelled().await;
        drop(stdin);
        tokio::time::sleep(GRACE).await;
        kill(process);
        // Whoever left its process group may hold the pipes for ever; nobody waits for them.
        tokio::time::sleep(GRACE).await;
    };
    let events = async {
        let mut lines = BufReader::new(stdout).lines();
        loop {
            let line = tokio::select! {
                created = progress.created() => {
                    progress.shown(created).await;
                    continue;
                }
                line = lines.next_line() => line,
            };
            let Ok(Some(line)) = line else { break };
            match serde_json::from_str::<Value>(&line).map(|raw| (Event::deserialize(&raw), raw)) {
                Ok((Ok(event), raw)) => progress.event(&event, raw).await,
                Ok((Err(error), _)) | Err(error) => tracing::warn!(%error, line, "a run wrote a line that is no event"),
            }
        }
    };
    let complaint = async {
        let mut text = Vec::new();
        let mut stderr = stderr;
        // The rest is read and dropped, so that the child never waits for a reader.
        let _ = (&mut stderr).take(COMPLAINT).read_to_end(&mut text).await;
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        String::from_utf8_lossy(&text).into_owned()
    };
    tokio::select! {
        ((), complaint) = async { tokio::join!(events, complaint) } => complaint,
        () = feed => String::new(),
    }
}

#[cfg(unix)]
fn kill(process: Option<u32>) {
    use nix::{
        sys::signal::{Signal, killpg},
        unistd::Pid,
    };
    if let Some(process) = process.and_then(|process| i32::try_from(process).ok()) {
        // It may have ended in this instant.
        let _ = killpg(Pid::from_raw(process), Signal::SIGKILL);
    }
}

#[cfg(not(unix))]
fn kill(_: Option<u32>) {}

/// Keeps the answer to what a step of the run asks; nothing goes on yet.
pub(crate) async fn answer(folder: &Path, run: &str, argument: &ApproveArgument) -> Result<(), String> {
    let mut command = Command::new(std::env::current_exe().map_err(|error| error.to_string())?);
    command.args(["runs", "approve", "--later"]).current_dir(folder).stdin(Stdio::null());
    match (&argument.reject, &argument.answer) {
        (Some(reason), _) => drop(command.arg("--reject").arg(format!("--reason={reason}"))),
        (None, Some(Value::String(text))) => drop(command.arg(format!("--answer={text}"))),
        (None, Some(value)) => drop(command.arg(format!("--answer={value}"))),
        (None, None) => {}
    }
    command.arg("--").arg(run).args(&argument.step);
    let output = command.output().await.map_err(|error| format!("the answer cannot be kept: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(complaint.trim().trim_start_matches("error: ").to_owned())
}
