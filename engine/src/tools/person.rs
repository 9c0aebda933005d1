//! Questions to people: what is asked, what fits as an answer, and who asks (contract §5.9).

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use regex::Regex;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{ToolCx, ToolError};

/// The class of the failure of a step that nobody answered yet; the engine makes it wait.
pub(crate) const WAITING: &str = "WaitingForPerson";

/// Answers by the id of their field.
pub type Answers = Map<String, Value>;

/// What a step asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Question {
    /// What it is about, in a line.
    pub title: String,
    /// What is shown with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    /// What is to be answered, in order.
    pub fields: Vec<Field>,
    /// A yes or no in the field `approved`, and the other fields with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub approval: bool,
    /// Seconds to wait for an answer, from when it was asked first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<f64>,
}

/// One thing to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Field {
    /// The key of the answer.
    pub id: String,
    /// What is asked.
    pub text: String,
    /// What fits as an answer.
    pub kind: Kind,
    /// There must be an answer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Taken where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Value>,
    /// A regular expression that the text of the answer matches from its beginning to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
}

/// What fits as an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum Kind {
    /// Any text.
    Text,
    /// A number.
    Number,
    /// Yes or no.
    Boolean,
    /// A whole number from 1 to 5.
    Rating,
    /// One of these.
    Choice {
        /// To choose from.
        choices: Vec<Value>,
    },
}

/// Somebody who can be asked now.
pub trait Person: Send + Sync + fmt::Debug {
    /// Asks until the answers fit ([`Question::read`]) or nobody will answer any more (`None`). One question
    /// at a time, whoever asks.
    fn ask<'a>(
        &'a self,
        step: &'a str,
        question: &'a Question,
    ) -> Pin<Box<dyn Future<Output = Option<Answers>> + Send + 'a>>;
}

impl Field {
    /// What an answer as a person writes it stands for; why it does not fit otherwise.
    pub fn read(&self, written: &str) -> Result<Value, String> {
        let text = written.trim();
        let value = match &self.kind {
            Kind::Text => json!(written),
            Kind::Number => number(text).ok_or_else(|| format!("`{text}` is no number"))?,
            Kind::Boolean => json!(yes(text).ok_or_else(|| format!("`{text}` is neither yes nor no"))?),
            Kind::Rating => text.parse::<i64>().map(Value::from).map_err(|_| self.misfit(text))?,
            Kind::Choice { choices } => chosen(choices, text).ok_or_else(|| self.misfit(text))?.clone(),
        };
        self.check(&value)?;
        Ok(value)
    }

    /// Why the value does not fit, if it does not.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let shown = shown(value);
        let fits = match &self.kind {
            Kind::Text => value.is_string(),
            Kind::Number => value.is_number(),
            Kind::Boolean => value.is_boolean(),
            Kind::Rating => value.as_i64().is_some_and(|stars| (1..=5).contains(&stars)),
            Kind::Choice { choices } => choices.contains(value),
        };
        if !fits {
            return Err(self.misfit(&shown));
        }
        if let Some(pattern) = &self.pattern {
            let whole = Regex::new(&format!("^(?:{pattern})$"))
                .map_err(|error| format!("the pattern `{pattern}` cannot be read: {error}"))?;
            if !whole.is_match(&shown) {
                return Err(format!("`{shown}` does not match `{pattern}`"));
            }
        }
        Ok(())
    }

    fn misfit(&self, shown: &str) -> String {
        match &self.kind {
            Kind::Text => format!("`{shown}` is no text"),
            Kind::Number => format!("`{shown}` is no number"),
            Kind::Boolean => format!("`{shown}` is neither yes nor no"),
            Kind::Rating => format!("`{shown}` is no whole number from 1 to 5"),
            Kind::Choice { choices } => {
                let choices: Vec<String> = choices.iter().map(|choice| format!("`{}`", self::shown(choice))).collect();
                format!("`{shown}` is none of {}", choices.join(", "))
            }
        }
    }
}

impl Question {
    /// The answers with the defaults of what was left out; all that is wrong with them otherwise.
    pub fn read(&self, mut given: Answers) -> Result<Answers, Vec<String>> {
        let mut problems = Vec::new();
        let known = |name: &String| self.fields.iter().any(|field| field.id == *name);
        problems.extend(given.keys().filter(|name| !known(name)).map(|name| format!("nobody asked for `{name}`")));
        let mut answers = Answers::new();
        for field in &self.fields {
            match given.shift_remove(&field.id).filter(|value| !value.is_null()) {
                Some(value) => match field.check(&value) {
                    Ok(()) => drop(answers.insert(field.id.clone(), value)),
                    Err(problem) => problems.push(format!("`{}`: {problem}", field.id)),
                },
                None => match &field.default {
                    Some(default) => drop(answers.insert(field.id.clone(), default.clone())),
                    None if field.required => problems.push(format!("`{}` needs an answer: {}", field.id, field.text)),
                    None => {}
                },
            }
        }
        let is_refused = self.approval && answers.get("approved") == Some(&json!(false));
        let reason = self.fields.iter().find(|field| field.id == "reason");
        if is_refused && reason.is_some_and(|_| !answers.contains_key("reason")) {
            problems.push("a refusal needs a reason".to_owned());
        }
        if problems.is_empty() { Ok(answers) } else { Err(problems) }
    }

    /// The defaults, if they answer it.
    fn defaults(&self) -> Option<Answers> {
        let all = self.fields.iter().all(|field| field.default.is_some() || !field.required);
        let any = self.fields.iter().any(|field| field.default.is_some());
        if all && any { self.read(Answers::new()).ok() } else { None }
    }
}

fn number(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    value.is_number().then_some(value)
}

fn yes(text: &str) -> Option<bool> {
    match text.to_lowercase().as_str() {
        "y" | "yes" | "true" | "1" | "on" => Some(true),
        "n" | "no" | "false" | "0" | "off" => Some(false),
        _ => None,
    }
}

/// The choice that reads so, or has this number.
fn chosen<'c>(choices: &'c [Value], text: &str) -> Option<&'c Value> {
    let number = || text.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    choices.iter().find(|choice| shown(choice) == text).or_else(number)
}

/// A value as a person reads it.
pub fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Answers, and how they came about.
pub(crate) struct Answered {
    pub(crate) answers: Answers,
    pub(crate) took: Duration,
    /// Nobody answered in time, so the defaults count.
    pub(crate) used_default: bool,
}

/// What a step that asks may use.
#[derive(Debug, Clone, Default)]
pub struct Asking {
    /// Who can be asked.
    pub(crate) person: Option<Arc<dyn Person>>,
    /// The step's path.
    pub(crate) step: String,
    /// What was answered before, while nobody was running the step.
    pub(crate) answered: Option<Answers>,
    /// How long ago it was asked first.
    pub(crate) since: Option<Duration>,
    /// Takes down that it is asked.
    pub(crate) on_question: Option<OnQuestion>,
}

/// Takes a question down.
#[derive(Clone)]
pub(crate) struct OnQuestion(pub(crate) Arc<dyn Fn(&Question) + Send + Sync>);

impl fmt::Debug for OnQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnQuestion")
    }
}

/// Gets the answers from before, from whoever can be asked, or from the defaults once the time is up.
pub(crate) async fn ask(cx: &ToolCx, question: &Question) -> Result<Answered, ToolError> {
    let Asking { person, step, answered, since, on_question } = &cx.asking;
    let began = Instant::now();
    if let Some(answers) = answered {
        let answers = question.read(answers.clone()).map_err(|problems| misfit(&problems))?;
        return Ok(Answered { answers, took: since.unwrap_or_default(), used_default: false });
    }
    if since.is_none()
        && let Some(OnQuestion(take_down)) = on_question
    {
        take_down(question);
    }
    let limit = question.timeout.filter(|seconds| *seconds > 0.0).map(Duration::try_from_secs_f64);
    let limit = limit.transpose().map_err(|_| ToolError::new("ValueError", "`timeout` is too long"))?;
    let left = limit.map(|limit| limit.saturating_sub(since.unwrap_or_default()));
    let waits = || ToolError::new(WAITING, format!("`{step}` waits for an answer: {}", question.title));
    let is_late = left.is_some_and(|left| left.is_zero());
    if !is_late {
        // Without anybody to ask it waits for somebody.
        let Some(person) = person else { return Err(waits()) };
        let asked = person.ask(step, question);
        let asked = async {
            match left {
                Some(left) => timeout(left, asked).await.ok(),
                None => Some(asked.await),
            }
        };
        let asked = tokio::select! {
            biased;
            () = cx.cancel.cancelled() => return Err(ToolError::new("CancelledError", "the question was cancelled")),
            asked = asked => asked,
        };
        match asked {
            Some(Some(answers)) => {
                let answers = question.read(answers).map_err(|problems| misfit(&problems))?;
                return Ok(Answered { answers, took: began.elapsed(), used_default: false });
            }
            Some(None) => return Err(waits()),
            None => {}
        }
    }
    let took = since.unwrap_or_default() + began.elapsed();
    match question.defaults() {
        Some(answers) => Ok(Answered { answers, took, used_default: true }),
        None => {
            let seconds = question.timeout.unwrap_or_default();
            let message = format!("nobody answered within {seconds} s; raise `timeout`, or give a `default`");
            Err(ToolError::new("TimeoutError", message))
        }
    }
}

fn misfit(problems: &[String]) -> ToolError {
    ToolError::new("ValueError", format!("the answer does not fit: {}", problems.join("; ")))
}
