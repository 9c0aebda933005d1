//! Runs a command so that nothing of it outlives it: in a process group of its own that is killed
//! whole when the command ends, runs out of time, is cancelled, or is forgotten.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    process::{Child, Command},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::output::{
    Decoder, Kept, OutputSink, Stream,
    full::{Full, Place},
};
use crate::failpoint;

#[cfg(unix)]
mod group;

#[cfg(not(unix))]
#[path = "process/child_only.rs"]
mod group;

use group::Group;
pub(crate) use group::signal_name;

/// What is kept of each end of each stream.
const KEPT: usize = 512 << 10;

/// How long more output is waited for after everything that writes it was killed; only a process that left
/// the group can make us wait so long. What is there already is read in any case, however long it takes to
/// look through it.
const DRAIN: Duration = Duration::from_millis(100);

/// No pipe holds more, unless root allowed it: what is read beyond this was written after the end.
const LARGEST_PIPE: usize = 1 << 20;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// By itself, with this code; minus the signal's number if one killed it.
    Exit(i64),
    /// A program that ran without a shell was killed by this signal.
    Signalled(i32),
    /// It ran out of time and was killed.
    TimedOut,
    /// The step was cancelled and it was killed.
    Cancelled,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Finished {
    /// How it ended.
    pub(crate) end: End,
    /// What it printed.
    pub(crate) stdout: Printed,
    /// What it complained.
    pub(crate) stderr: Printed,
    /// How long it took.
    pub(crate) took: Duration,
}

/// What came out of one stream.
#[derive(Debug)]
pub(crate) struct Printed {
    /// Its two ends.
    pub(crate) kept: Kept,
    /// The file with all of it, where something is left out of `kept`, or why there is none.
    pub(crate) file: Option<io::Result<PathBuf>>,
}

/// A program that can be run as it is.
#[derive(Debug)]
pub(crate) struct Direct {
    /// Its file.
    pub(crate) program: PathBuf,
    /// Its name as it was given, and its arguments.
    pub(crate) words: Vec<String>,
}

/// What a command needs to run.
#[derive(Debug)]
pub(crate) struct Job<'a> {
    /// The program and its arguments: the shell and what it reads.
    pub(crate) arguments: &'a [&'a str],
    /// What runs in its place, if it can be started.
    pub(crate) direct: Option<&'a Direct>,
    /// Where it runs.
    pub(crate) directory: &'a Path,
    /// All that it sees of the environment.
    pub(crate) environment: &'a [(String, String)],
    /// Longest time it may take.
    pub(crate) timeout: Option<Duration>,
    /// Whether its output is kept (it is passed on either way).
    pub(crate) capture: bool,
    /// Takes its output while it runs.
    pub(crate) on_output: Option<&'a OutputSink>,
    /// Where output goes that is too long to be kept.
    pub(crate) full: Option<&'a Place>,
}

/// Runs `job` to its end. When this returns or is dropped, its process group is dead.
pub(crate) async fn run(job: &Job<'_>, cancel: &CancellationToken) -> io::Result<Finished> {
    let started = Instant::now();
    failpoint::reached();
    let Started { mut child, group, is_direct } = start(job)?;
    failpoint::reached();
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());

    let mut kept_stdout = Keeping::new();
    let mut kept_stderr = Keeping::new();
    let end = {
        let over = CancellationToken::new();
        let reading = async {
            tokio::join!(
                pass_on(stdout, Stream::Stdout, job, &mut kept_stdout, &over),
                pass_on(stderr, Stream::Stderr, job, &mut kept_stderr, &over),
            );
        };
        tokio::pin!(reading);
        let ending = end_of(&mut child, &group, job.timeout, cancel);
        tokio::pin!(ending);
        let mut read = false;
        let end = loop {
            tokio::select! {
                end = &mut ending => break end?,
                () = &mut reading, if !read => read = true,
            }
        };
        over.cancel();
        if !read {
            // What was printed before the end is in the pipes still.
            reading.await;
        }
        end
    };
    failpoint::reached();
    let took = started.elapsed();
    let end = match end {
        End::Exit(code) if is_direct => {
            i32::try_from(-code).ok().filter(|signal| *signal > 0).map_or(end, End::Signalled)
        }
        end => end,
    };
    Ok(Finished { end, stdout: kept_stdout.finish().await, stderr: kept_stderr.finish().await, took })
}

struct Started {
    child: Child,
    group: Group,
    /// No shell stands around it.
    is_direct: bool,
}

/// Starts the program itself where that is possible, else the shell: it knows what to make of a file that
/// cannot be executed.
fn start(job: &Job<'_>) -> io::Result<Started> {
    if let Some(direct) = job.direct {
        let mut command = Command::new(&direct.program);
        command.args(direct.words.iter().skip(1));
        #[cfg(unix)]
        command.arg0(direct.words.first().map_or("", String::as_str));
        if let Ok(started) = spawn(command, job, true) {
            return Ok(started);
        }
    }
    let (program, arguments) = job.arguments.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program);
    command.args(arguments);
    spawn(command, job, false)
}

fn spawn(mut command: Command, job: &Job<'_>, is_direct: bool) -> io::Result<Started> {
    let directory = is_direct.then(|| job.directory.canonicalize().unwrap_or_else(|_| job.directory.to_owned()));
    command
        .current_dir(job.directory)
        .env_clear()
        .envs(job.environment.iter().map(|(name, value)| (name, value)))
        // A shell tells what it runs where that is.
        .envs(directory.map(|directory| ("PWD", directory)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let token = group::prepare(&mut command);
    let child = command.spawn()?;
    let group = Group::of(&child, token);
    Ok(Started { child, group, is_direct })
}

/// Waits for the end of `child`, or brings it about; either way the whole group is killed.
async fn end_of(
    child: &mut Child,
    group: &Group,
    timeout: Option<Duration>,
    cancel: &CancellationToken,
) -> io::Result<End> {
    let late = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let forced = tokio::select! {
        biased;
        () = cancel.cancelled() => Some(End::Cancelled),
        exited = group.exited(child) => { exited?; None }
        () = late => Some(End::TimedOut),
    };
    // The group is killed before its leader is reaped: until then its number cannot become
    // another's.
    match forced {
        Some(_) => group.kill_all(),
        None => group.kill(),
    }
    let status = child.wait().await?;
    group.forget();
    Ok(forced.unwrap_or_else(|| End::Exit(group::code(status))))
}

/// One stream while it comes.
struct Keeping {
    kept: Kept,
    full: Option<Full>,
}

impl Keeping {
    fn new() -> Self {
        Self { kept: Kept::new(KEPT), full: None }
    }

    async fn push(&mut self, bytes: &[u8], stream: Stream, place: Option<&Place>) {
        if let Some(place) = place
            && self.full.is_none()
            && !self.kept.has_room(bytes.len())
        {
            let full = Full::start(place, stream);
            full.push(self.kept.bytes()).await;
            self.full = Some(full);
        }
        if let Some(full) = &self.full {
            full.push(bytes.to_vec()).await;
        }
        self.kept.push(bytes);
    }

    async fn finish(self) -> Printed {
        let file = match self.full {
            Some(full) => Some(full.finish().await),
            None => None,
        };
        Printed { kept: self.kept, file }
    }
}

/// Takes what comes out of `pipe` to its end; once it is `over`, what is in it still.
async fn pass_on(
    pipe: Option<impl AsyncRead + Unpin>,
    stream: Stream,
    job: &Job<'_>,
    kept: &mut Keeping,
    over: &CancellationToken,
) {
    let Some(mut pipe) = pipe else { return };
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 16 << 10];
    let mut patience = DRAIN;
    let mut left = LARGEST_PIPE;
    while left > 0 {
        let late = over.is_cancelled().then(Instant::now);
        let silence = async {
            over.cancelled().await;
            tokio::time::sleep(patience).await;
        };
        let read = tokio::select! {
            biased;
            read = pipe.read(&mut buffer) => read,
            () = silence => break,
        };
        // A pipe that cannot be read has ended.
        let Ok(count @ 1..) = read else { break };
        if let Some(late) = late {
            patience = patience.saturating_sub(late.elapsed());
            left = left.saturating_sub(count);
        }
        if job.capture {
            kept.push(&buffer[..count], stream, job.full).await;
        }
        if let Some(sink) = job.on_output {
            let text = decoder.push(&buffer[..count]);
            if !text.is_empty() {
                sink.send(stream, &text);
            }
        }
    }
    if let Some(sink) = job.on_output {
        let rest = decoder.finish();
        if !rest.is_empty() {
            sink.send(stream, &rest);
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
