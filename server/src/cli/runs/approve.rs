//! `orc runs approve`: answers what a step asks, and goes on with the run.

use std::{collections::BTreeMap, io, process::ExitCode};

use clap::Args;
use engine::{
    run::{
        audit::{self, Entry, Program, What},
        lock::RunLock,
        secrets::{self, Redactor},
        store::{Record, Store as _, StoredAnswer, StoredAttempt, StoredQuestion},
    },
    tools::person::{Answers, Kind, Question},
};
use serde_json::{Value, json};

use super::Workspace;
use crate::cli::{INVALID, print, resume::Resume};

/// Options of `orc runs approve`.
#[derive(Debug, Args)]
pub(super) struct Approve {
    /// The run: its id, the beginning of it, or latest.
    run: String,

    /// The step that asks; iterations as `loop[2].step`. May be left out where only one asks.
    step: Option<String>,

    /// The answer; of several questions a JSON object by their ids. An approval needs none.
    #[arg(long, value_name = "TEXT|JSON")]
    answer: Option<String>,

    /// Refuse what is to be approved.
    #[arg(long, conflicts_with = "answer")]
    reject: bool,

    /// Why it is refused.
    #[arg(long, value_name = "TEXT", requires = "reject")]
    reason: Option<String>,

    /// Keep the answer, and go on later with `orc resume`.
    #[arg(long)]
    later: bool,

    #[command(flatten)]
    resume: Going,
}

/// How to go on.
#[derive(Debug, Args)]
struct Going {
    /// Go on although the pipeline is not what it was; what has changed runs again.
    #[arg(long)]
    allow_changes: bool,

    /// Run steps again that were interrupted while they changed the world.
    #[arg(long)]
    yes: bool,
}

impl Approve {
    /// The exit code of the run that goes on; 2 where the answer does not fit or nothing asks.
    pub(super) fn run(&self) -> io::Result<ExitCode> {
        match self.answer() {
            Ok(run) if self.later => {
                print::out(&format!("kept; `orc resume {run}` goes on\n"))?;
                Ok(ExitCode::SUCCESS)
            }
            Ok(run) => Resume::of(run, self.resume.allow_changes, self.resume.yes).run(),
            Err(message) => {
                print::error(&message);
                Ok(ExitCode::from(INVALID))
            }
        }
    }

    /// Keeps the answer; the id of the run.
    fn answer(&self) -> Result<String, String> {
        let mut workspace = Workspace::open()?;
        let run = workspace.find(&self.run)?;
        let Some(_lock) = RunLock::take(&workspace.file, &run.id)
            .map_err(|error| format!("the run `{}` cannot be locked: {error}", run.id))?
        else {
            return Err(format!("the run `{}` is running now; it asks where it runs", run.id));
        };
        let attempts = workspace.store.attempts(&run.id).map_err(|error| error.to_string())?;
        let asking = asking(&attempts);
        let (attempt, StoredQuestion { question, .. }) = self.meant(&run.id, &asking)?;
        let answers = self.given(question)?;
        let answers = question
            .read(answers)
            .map_err(|problems| format!("the answer to `{}` does not fit: {}", attempt.step, problems.join("; ")))?;
        // A step gets what is kept as an answer, so that must be what was meant, and no secret.
        if Redactor::of_environment().touches(&json!(answers)) {
            let message = "the answer holds a secret, which the run must not keep; answer at the terminal where the \
                           run runs: `orc resume` asks";
            return Err(message.to_owned());
        }
        if secrets::is_marked(&json!(answers).to_string()) {
            let message = "the answer stands in place of a secret that the run does not keep; answer at the terminal \
                           where the run runs: `orc resume` asks";
            return Err(message.to_owned());
        }
        let record = Record::Answered {
            step: attempt.step.clone(),
            attempt: attempt.attempt,
            answer: StoredAnswer::new(answers, user()),
        };
        let entry = Entry { step: Some(attempt.step.clone()), ..Entry::new(What::Approved, &run.id, Program::Cli) };
        audit::append(&workspace.file, &[entry]).map_err(|error| error.to_string())?;
        workspace.store.write(&run.id, &[record]).map_err(|error| error.to_string())?;
        Ok(run.id)
    }

    fn meant<'a>(&self, run: &str, asking: &BTreeMap<&str, Asks<'a>>) -> Result<Asks<'a>, String> {
        let names = || asking.keys().map(|step| format!("`{step}`")).collect::<Vec<_>>().join(", ");
        match &self.step {
            Some(step) => asking.get(&**step).copied().ok_or_else(|| {
                if asking.is_empty() {
                    format!("no step of the run `{run}` asks anything")
                } else {
                    format!("`{step}` asks nothing; what asks is {}", names())
                }
            }),
            None => match asking.values().collect::<Vec<_>>().as_slice() {
                [one] => Ok(**one),
                [] => Err(format!("no step of the run `{run}` asks anything")),
                _ => Err(format!("name the step: {} ask", names())),
            },
        }
    }

    /// What was written, as answers to the fields of the question.
    fn given(&self, question: &Question) -> Result<Answers, String> {
        let mut answers = Answers::new();
        if question.approval {
            answers.insert("approved".to_owned(), json!(!self.reject));
            if let Some(reason) = &self.reason {
                answers.insert("reason".to_owned(), json!(reason));
            }
            if let Some(content) = &self.answer {
                answers.insert("modified_content".to_owned(), json!(content));
            }
            return Ok(answers);
        }
        if self.reject {
            return Err("there is nothing to refuse: the step asks a question; answer it with `--answer`".to_owned());
        }
        let Some(written) = &self.answer else { return Ok(answers) };
        match question.fields.as_slice() {
            [field] => {
                let value = field.read(written).map_err(|problem| format!("the answer does not fit: {problem}"))?;
                answers.insert(field.id.clone(), value);
            }
            fields => {
                let ids: Vec<String> = fields.iter().map(|field| format!("\"{}\": …", field.id)).collect();
                let Ok(Value::Object(given)) = serde_json::from_str(written) else {
                    return Err(format!("there are several questions; answer them as JSON: {{{}}}", ids.join(", ")));
                };
                answers = given;
            }
        }
        Ok(answers)
    }
}

type Asks<'a> = (&'a StoredAttempt, &'a StoredQuestion);

/// The steps that wait for an answer, by path, with their last attempt.
pub(super) fn asking(attempts: &[StoredAttempt]) -> BTreeMap<&str, Asks<'_>> {
    let mut found: BTreeMap<&str, Asks<'_>> = BTreeMap::new();
    for attempt in attempts.iter().filter(|attempt| !attempt.forgotten) {
        let is_open = matches!(attempt.status.as_deref(), None | Some("waiting" | "cancelled"));
        match &attempt.question {
            Some(question) if is_open && attempt.answer.is_none() => {
                found.insert(&attempt.step, (attempt, question));
            }
            // A later attempt that waits asks the same question as the one before.
            None if is_open => {}
            _ => {
                found.remove(&*attempt.step);
            }
        }
    }
    found
}

/// How the question is answered, for people.
pub(super) fn hint(run: &str, step: &str, question: &Question) -> String {
    let answer = match question.fields.as_slice() {
        _ if question.approval => " [--reject --reason …]".to_owned(),
        [field] => match &field.kind {
            Kind::Choice { choices } => {
                let choices: Vec<String> = choices.iter().map(engine::tools::person::shown).collect();
                format!(" --answer {}", choices.join("|"))
            }
            Kind::Boolean => " --answer yes|no".to_owned(),
            _ => " --answer …".to_owned(),
        },
        _ => " --answer '{…}'".to_owned(),
    };
    format!("`{step}` asks: {}\n    orc runs approve {run} {step}{answer}", question.title)
}

/// Who answers, as the system calls them.
fn user() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
    named.filter(|name| !name.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}
