//! What the editor hears of a run: its events, a progress, a message, reasons to ask for lenses and hints.

use engine::run::{Event, EventKind};
use serde_json::Value;
use tower_lsp::lsp_types::{MessageType, NumberOrString};

use super::{Job, Owner};
use crate::lsp::{ext::RunEvent, progress::WorkDone};

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending {
    /// Whether it succeeded.
    pub(crate) success: bool,
    /// `completed`, `failed`, `cancelled`.
    status: String,
    /// Milliseconds, where the run came to its own end.
    milliseconds: Option<u64>,
    /// The first step that failed; where the run waits, the first that asks.
    failed_step: Option<String>,
    /// Why it failed, or what is asked.
    error: Option<String>,
}

impl Ending {
    /// For lenses and messages: how it ended in a few words.
    pub(crate) fn summary(&self) -> String {
        match (self.status.as_str(), &self.failed_step, &self.error) {
            ("waiting", Some(step), Some(question)) => format!("waits for an answer to `{step}`: {}", short(question)),
            (status @ ("completed" | "cancelled"), _, _) => match self.milliseconds {
                Some(milliseconds) => format!("{status} {:.1} s", milliseconds as f64 / 1000.0),
                None => status.to_owned(),
            },
            (status, Some(step), Some(error)) => format!("{status} at `{step}`: {}", short(error)),
            (status, Some(step), None) => format!("{status} at `{step}`"),
            (status, None, Some(error)) => format!("{status}: {}", short(error)),
            (status, None, None) => status.to_owned(),
        }
    }
}

/// The first line, not longer than a lens may be.
fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut characters = line.chars();
    let start: String = characters.by_ref().take(100).collect();
    if characters.next().is_some() { format!("{start}…") } else { start }
}

/// Follows a run and tells the editor.
pub(super) struct Progress<'a> {
    owner: &'a Owner,
    job: &'a Job,
    work_done: WorkDone,
    /// How many steps the root has.
    steps: usize,
    finished: usize,
    last_seq: u64,
    failed_step: Option<String>,
    step_error: Option<String>,
    /// The steps of the root that run now, in the order in which they began.
    running: Vec<String>,
    /// What is asked, by step.
    questions: Vec<(String, String)>,
    ending: Option<Ending>,
}

/// How many running steps a progress names.
const NAMED: usize = 3;

impl<'a> Progress<'a> {
    /// Begins: asks the editor for a progress, where it can show one.
    pub(super) fn begin(owner: &'a Owner, job: &'a Job) -> Self {
        let can_show = owner.session.environment().client.work_done_progress;
        let work_done = WorkDone::asked(&owner.editor, NumberOrString::String(job.id.clone()), can_show);
        let progress = Self {
            owner,
            job,
            work_done,
            steps: job.steps,
            finished: 0,
            last_seq: 0,
            failed_step: None,
            step_error: None,
            running: Vec::new(),
            questions: Vec::new(),
            ending: None,
        };
        owner.stands_otherwise();
        progress
    }

    /// Waits until the editor says whether it shows a progress, which may be never.
    pub(super) async fn created(&mut self) -> bool {
        self.work_done.created().await
    }

    /// Begins the progress, if the editor has made one.
    pub(super) async fn shown(&mut self, created: bool) {
        if created {
            self.work_done.begin(format!("orc: running {}", self.job.name), None, Some(0)).await;
        }
    }

    /// Relays one event; `raw` is the event as it came.
    pub(super) async fn event(&mut self, event: &Event, raw: Value) {
        self.last_seq = event.seq;
        let text = |field: &str| event.data.get(field).and_then(Value::as_str).map(str::to_owned);
        let failed = self.owner.session.runs.note(self.job, event);
        // Iterations are called `loop[2].step`; the loop itself is the step that counts.
        let step = event.step.clone().unwrap_or_default();
        let counts = !step.is_empty() && !step.contains('[');
        match event.kind {
            EventKind::RunStarted => {
                if let Some(steps) = event.data.get("steps").and_then(Value::as_array) {
                    self.steps = steps.len();
                }
            }
            EventKind::StepStarted if counts => {
                if !self.running.contains(&step) {
                    self.running.push(step);
                }
                self.report().await;
            }
            EventKind::Approval => {
                let title = event.data.pointer("/question/title").and_then(Value::as_str).unwrap_or_default();
                self.questions.push((step, title.to_owned()));
            }
            EventKind::StepFinished => {
                if text("status").as_deref() == Some("failed") && self.failed_step.is_none() {
                    self.failed_step = Some(step.clone());
                    self.step_error = text("error");
                }
                if counts {
                    self.finished += 1;
                    self.running.retain(|running| *running != step);
                    self.report().await;
                }
            }
            EventKind::RunFinished => {
                if text("status").as_deref() == Some("waiting")
                    && let Some((step, question)) = self.questions.first()
                {
                    self.failed_step = Some(step.clone());
                    self.step_error = Some(question.clone());
                }
                let duration = event.data.pointer("/result/duration").and_then(Value::as_f64);
                self.ending = Some(Ending {
                    success: event.data.get("success").and_then(Value::as_bool).unwrap_or(false),
                    status: text("status").unwrap_or_else(|| "failed".to_owned()),
                    milliseconds: duration.map(|seconds| (seconds * 1000.0) as u64),
                    failed_step: self.failed_step.clone(),
                    error: self.step_error.clone().or_else(|| text("error")),
                });
            }
            _ => {}
        }
        self.owner.editor.notify::<RunEvent>(raw).await;
        if event.step.is_some() && event.kind != EventKind::StepOutput {
            self.owner.stands_otherwise();
        }
        if failed {
            self.owner.fails_otherwise(&self.job.uri);
        }
    }

    /// Says how far it is: how many steps have ended, and which run.
    async fn report(&self) {
        let done = self.finished.min(self.steps);
        let mut named = self.running.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        if self.running.len() > NAMED {
            named.push_str(&format!(" and {} more", self.running.len() - NAMED));
        }
        let message = format!("{done}/{} {named}", self.steps).trim_end().to_owned();
        self.work_done.report(message, Some((done * 100 / self.steps.max(1)) as u32)).await;
    }

    /// How the run ended. Where it broke off without saying so, `reason` says why, and the editor is
    /// sent the end that the run did not send.
    pub(super) async fn ending(&mut self, reason: impl FnOnce() -> (String, String)) -> Ending {
        if let Some(ending) = self.ending.clone() {
            return ending;
        }
        let (status, error) = reason();
        self.owner
            .editor
            .notify::<RunEvent>(serde_json::json!({
                "runId": self.job.id,
                "seq": self.last_seq + 1,
                "time": "",
                "type": "run.finished",
                "data": { "status": status, "success": false, "error": error },
            }))
            .await;
        Ending { success: false, status, milliseconds: None, failed_step: self.failed_step.clone(), error: Some(error) }
    }

    /// Ends: the progress goes, lenses and hints are asked for again, a message says how it ended, unless
    /// the editor says so itself.
    pub(super) async fn end(&self, ending: &Ending) {
        let summary = ending.summary();
        self.work_done.end(summary.clone()).await;
        self.owner.stands_otherwise();
        if self.owner.session.environment().client.shows_runs {
            return;
        }
        let (kind, mark) = match (ending.success, ending.status.as_str()) {
            (true, _) => (MessageType::INFO, "✔"),
            (false, "cancelled") => (MessageType::WARNING, "■"),
            (false, "waiting") => (MessageType::WARNING, "?"),
            (false, _) => (MessageType::ERROR, "✘"),
        };
        self.owner.editor.show(kind, format!("{mark} {} {summary}{}", self.job.name, self.remedy(ending))).await;
    }

    /// How a run that waits goes on.
    fn remedy(&self, ending: &Ending) -> String {
        match (&*ending.status, &ending.failed_step) {
            ("waiting", Some(step)) => {
                format!("; answer with the command `orc.approve`, or with `orc runs approve {} {step}`", self.job.id)
            }
            _ => String::new(),
        }
    }
}
