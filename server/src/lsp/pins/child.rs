//! The child process that answers, pins or unpins a tag: `orc resolve` of the same binary, which takes text and
//! inputs on standard input and tells the answer as it comes. The end of its standard input cancels it, so that it
//! ends in order: the connection to the model is closed, the lock file stays as it is, and what may have been
//! spent is taken down.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use engine::run::auto::Piece;
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
    sync::oneshot,
};
use tokio_util::sync::CancellationToken;
use tower_lsp::lsp_types::NumberOrString;

use crate::lsp::{
    progress::{Cancellable, WorkDone},
    runs::Owner,
};

/// How long a child that is cancelled may take to stop by itself.
const GRACE: Duration = Duration::from_secs(4);

/// How much of its standard error is kept.
const COMPLAINT: u64 = 16 * 1024;

/// How much of what a model said is shown: the end of it.
const SHOWN: usize = 1000;

/// What a process of its own does with a tag.
pub(crate) struct Job {
    pub(crate) folder: PathBuf,
    pub(crate) file: String,
    pub(crate) text: String,
    pub(crate) inputs: Map<String, Value>,
    pub(crate) position: String,
    /// What to pin without asking.
    pub(crate) value: Option<Value>,
    pub(crate) unpin: bool,
}

impl Job {
    fn asks(&self) -> bool {
        self.value.is_none() && !self.unpin
    }
}

/// Why nothing became of a tag.
#[derive(Debug)]
pub(crate) enum Undone {
    Cancelled,
    Failed(String),
}

/// Does it, and gives what became of the tag. Where nobody waits for that any more, or the editor says so, it is
/// cancelled. The progress is the one that came with the request; where none did, the editor is asked for one.
pub(crate) async fn perform(owner: &Owner, job: Job, given: Option<Arc<Cancellable>>) -> Result<Value, Undone> {
    let child = spawn(&job).map_err(|error| Undone::Failed(format!("`orc resolve` cannot start: {error}")))?;
    let cancel = owner.session.exit.child_token();
    let _abandoned = cancel.clone().drop_guard();
    let (answer, answered) = oneshot::channel();
    let follower = owner.clone();
    // A task of its own, since the request's future is dropped when the request is cancelled.
    owner.session.tasks.spawn(async move {
        // Nobody may be waiting any more.
        let _ = answer.send(follow(&follower, &job, child, &cancel, given).await);
    });
    answered.await.unwrap_or(Err(Undone::Cancelled))
}

async fn follow(
    owner: &Owner,
    job: &Job,
    mut child: Child,
    abandoned: &CancellationToken,
    given: Option<Arc<Cancellable>>,
) -> Result<Value, Undone> {
    let mut progress = Progress::begin(owner, job, given).await;
    let (Some(mut stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(Undone::Failed("the standard streams of `orc resolve` cannot be used".to_owned()));
    };
    let by_token = progress.cancel.clone();
    let cancelled = async {
        tokio::select! {
            () = abandoned.cancelled() => {}
            () = by_token.cancelled() => {}
        }
    };
    let request = json!({ "text": job.text, "inputs": job.inputs }).to_string();
    let feed = async {
        // A child that does not read its request has ended, which its output tells.
        let _ = stdin.write_all(format!("{}\n{request}", request.len()).as_bytes()).await;
        let _ = stdin.flush().await;
        cancelled.await;
        drop(stdin);
        tokio::time::sleep(GRACE).await;
    };
    let complaint = async {
        let mut text = Vec::new();
        let mut stderr = stderr;
        let _ = (&mut stderr).take(COMPLAINT).read_to_end(&mut text).await;
        // The rest is read and dropped, so that the child never waits for a reader.
        let _ = tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await;
        String::from_utf8_lossy(&text).trim().trim_start_matches("error: ").to_owned()
    };
    let last = async {
        let mut lines = BufReader::new(stdout).lines();
        let mut last = String::new();
        loop {
            let line = tokio::select! {
                shown = progress.created() => {
                    progress.shown(shown).await;
                    continue;
                }
                line = lines.next_line() => line,
            };
            let Ok(Some(line)) = line else { return last };
            match serde_json::from_str::<Piece>(&line) {
                Ok(piece) => progress.say(piece).await,
                Err(_) => last = line,
            }
        }
    };
    let said = tokio::select! {
        said = async { tokio::join!(last, complaint) } => Some(said),
        () = feed => None,
    };
    let is_cancelled = abandoned.is_cancelled() || by_token.is_cancelled();
    let (done, ended) = match said {
        // It has closed its output, so that it has ended.
        Some((last, complaint)) => (done(job, &last, complaint), child.wait().await.map(drop)),
        None => (Err("it did not stop in time and was ended".to_owned()), child.kill().await),
    };
    if let Err(error) = ended {
        tracing::warn!(%error, "the process that answered a tag cannot be waited for");
    }
    progress.end(&done, is_cancelled).await;
    match done {
        Ok(answered) => {
            owner.stands_otherwise();
            Ok(answered)
        }
        Err(_) if is_cancelled => Err(Undone::Cancelled),
        Err(problem) => Err(Undone::Failed(problem)),
    }
}

/// What became of the tag, of the last line that the child wrote.
fn done(job: &Job, last: &str, complaint: String) -> Result<Value, String> {
    let found: Vec<Value> = serde_json::from_str(last).unwrap_or_default();
    let own = found.into_iter().find(|answered| answered["position"] == json!(job.position));
    match own {
        Some(answered) if !matches!(answered["outcome"].as_str(), Some("failed" | "not_resolved")) => Ok(answered),
        Some(answered) => Err(answered["reason"].as_str().unwrap_or("it was not answered").to_owned()),
        None if complaint.is_empty() => Err("a tag before it was not answered".to_owned()),
        None => Err(complaint),
    }
}

fn spawn(job: &Job) -> std::io::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["resolve", "--format", "json", "--request-on-stdin", "--tell-pieces"]);
    command.arg(format!("--at={}", job.position));
    if let Some(value) = &job.value {
        command.arg(format!("--value={value}"));
    }
    if job.unpin {
        command.arg("--unpin");
    }
    // Last, so that a name that begins with `-` is no option.
    command.arg("--").arg(Path::new(&job.file)).current_dir(&job.folder);
    // Not killed when this process ends: it notices that by itself, and ends in order.
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// What the editor shows meanwhile: what the model has said so far.
struct Progress {
    work_done: Option<WorkDone>,
    title: String,
    said: Said,
    /// Cancelled where the editor says so.
    cancel: CancellationToken,
    /// As long as it goes on.
    _going_on: Option<Arc<Cancellable>>,
}

impl Progress {
    async fn begin(owner: &Owner, job: &Job, given: Option<Arc<Cancellable>>) -> Self {
        let title = format!("orc: resolving {}", job.position);
        let (work_done, going_on) = match given {
            Some(given) => {
                let work_done = WorkDone::given(&owner.editor, given.token.clone());
                work_done.begin(title.clone(), None, None).await;
                (Some(work_done), Some(given))
            }
            None if job.asks() && owner.session.environment().client.work_done_progress => {
                let token = NumberOrString::String(format!("orc/auto/{}", owner.session.next_revision()));
                let going_on = owner.session.cancels.begin(token);
                let work_done = WorkDone::asked(&owner.editor, going_on.token.clone(), true);
                (Some(work_done), Some(Arc::new(going_on)))
            }
            None => (None, None),
        };
        let cancel = going_on.as_ref().map(|going_on| going_on.cancel.clone()).unwrap_or_default();
        Self { work_done, title, said: Said::default(), cancel, _going_on: going_on }
    }

    async fn created(&mut self) -> bool {
        match &mut self.work_done {
            Some(work_done) => work_done.created().await,
            None => std::future::pending().await,
        }
    }

    /// The editor says whether it shows it.
    async fn shown(&self, is_shown: bool) {
        if let Some(work_done) = self.work_done.as_ref().filter(|_| is_shown) {
            let message = Some(self.said.shown()).filter(|said| !said.is_empty());
            work_done.begin(self.title.clone(), message, None).await;
        }
    }

    async fn say(&mut self, piece: Piece) {
        self.said.take(piece);
        if let Some(work_done) = &self.work_done {
            work_done.report(self.said.shown(), None).await;
        }
    }

    async fn end(&self, done: &Result<Value, String>, is_cancelled: bool) {
        let message = match done {
            Ok(answered) => match answered.get("value") {
                Some(value) => format!("{} = {value}", answered["outcome"].as_str().unwrap_or("answered")),
                None => answered["outcome"].as_str().unwrap_or("done").to_owned(),
            },
            Err(_) if is_cancelled => "cancelled".to_owned(),
            Err(problem) => problem.clone(),
        };
        if let Some(work_done) = &self.work_done {
            work_done.end(message).await;
        }
    }
}

/// What a model said so far, of the tag that is asked for now.
#[derive(Debug, Default)]
struct Said {
    position: String,
    text: String,
    /// A notice stands there until something comes after it.
    is_notice: bool,
}

impl Said {
    fn take(&mut self, piece: Piece) {
        if piece.position != self.position || piece.is_notice || self.is_notice {
            self.text.clear();
        }
        self.text.push_str(&piece.text);
        (self.position, self.is_notice) = (piece.position, piece.is_notice);
    }

    /// Its end, on one line.
    fn shown(&self) -> String {
        let text = self.text.trim_end();
        let left_out = text.chars().count().saturating_sub(SHOWN);
        let end: String = text.chars().skip(left_out).collect();
        let end = end.split_whitespace().collect::<Vec<_>>().join(" ");
        if left_out > 0 { format!("…{end}") } else { end }
    }
}
