//! `feedback-collection`: asks a person several questions.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{
    Tool, ToolCx, ToolError, ToolFuture, filesystem, params,
    person::{self, Answered, Field, Kind, Question as Asked},
    success,
};
use crate::{catalog::ToolBuilder, run::cache::hex};

const NAME: &str = "feedback-collection";

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct FeedbackCollection;

impl Tool for FeedbackCollection {
    fn spec(&self) -> ToolSpec {
        spec()
    }

    fn run<'a>(&'a self, _operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            let params: Params = params::read(NAME, params)?;
            let question = question(&params)?;
            let Answered { answers, .. } = person::ask(cx, &question).await?;
            let saved_to_file = match &params.save_to_file {
                Some(path) => Some(save(cx, path, &answers)?),
                None => None,
            };
            let asked = params.questions.len().max(1);
            success(&Output {
                feedback_id: hex(&Sha256::digest(json!([params.title, answers]).to_string()))
                    .chars()
                    .take(12)
                    .collect(),
                response_count: answers.len() as u64,
                completion_rate: answers.len() as f64 / asked as f64,
                summary: summary(&params.questions, &answers),
                responses: answers,
                saved_to_file,
            })
        })
    }
}

fn question(params: &Params) -> Result<Asked, ToolError> {
    let required = params.required_questions.as_deref().unwrap_or_default();
    let field = |question: &Question| {
        let kind = match (question.r#type.as_str(), &question.options) {
            ("rating", _) => Kind::Rating,
            ("boolean", _) => Kind::Boolean,
            ("choice", Some(choices)) if !choices.is_empty() => Kind::Choice { choices: choices.clone() },
            ("choice", _) => {
                let message = format!("the question `{}` of type `choice` needs `options`, a list", question.id);
                return Err(ToolError::new("ParameterError", message));
            }
            _ => Kind::Text,
        };
        Ok(Field {
            id: question.id.clone(),
            text: question.text.clone(),
            kind,
            required: required.contains(&question.id),
            default: None,
            pattern: None,
        })
    };
    let fields = params.questions.iter().map(field).collect::<Result<_, _>>()?;
    Ok(Asked { title: params.title.clone(), content: None, fields, approval: false, timeout: None })
}

/// By kind: how many answered, and the mean of the ratings.
fn summary(questions: &[Question], answers: &Map<String, Value>) -> Map<String, Value> {
    let of = |kind: &str| -> Vec<&Value> {
        let asked = questions.iter().filter(|question| question.r#type == kind);
        asked.filter_map(|question| answers.get(&question.id)).collect()
    };
    let mut summary = Map::new();
    let ratings: Vec<f64> = of("rating").into_iter().filter_map(Value::as_f64).collect();
    if !ratings.is_empty() {
        summary.insert("average_rating".to_owned(), json!(ratings.iter().sum::<f64>() / ratings.len() as f64));
    }
    for kind in ["rating", "choice", "boolean", "text"] {
        let count = of(kind).len();
        if count > 0 {
            summary.insert(format!("{kind}_count"), json!(count));
        }
    }
    summary
}

fn save(cx: &ToolCx, path: &str, answers: &Map<String, Value>) -> Result<String, ToolError> {
    let text = format!("{:#}\n", Value::Object(answers.clone()));
    filesystem::write_text(path, &text, cx)?;
    Ok(path.to_owned())
}

/// What the registry knows about it.
fn spec() -> ToolSpec {
    ToolBuilder::new(NAME, DOC)
        .operation::<Params, Output>("collect", "Asks the questions.", Effect::Human)
        .primary("responses")
        .single()
        .example(EXAMPLE)
        .available()
        .build()
}

const DOC: &str = "
Asks a person several questions and sums the answers up.
";

const EXAMPLE: &str = r#"
- id: feedback
  tool: feedback-collection
  action: collect
  parameters:
    title: "How was it?"
    questions:
      - {id: stars, text: "How good is the report?", type: rating}
      - {id: why, text: "Why?", type: text}
"#;

/// Parameters of a questionnaire.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// What it is about.
    pub title: String,
    /// The questions, in order.
    pub questions: Vec<Question>,
    /// Accepted; the answers never say who gave them.
    #[schemars(extend("default" = false))]
    pub anonymous: Option<bool>,
    /// Ids of the questions that must be answered.
    #[schemars(extend("default" = []))]
    pub required_questions: Option<Vec<String>>,
    /// Where py-orc asked; orc asks whoever is there.
    #[schemars(extend("enum" = ["cli", "gui", "api"], "default" = "cli"))]
    pub context: Option<String>,
    /// A file to write the answers to.
    #[schemars(extend("x-kind" = "write-path"))]
    pub save_to_file: Option<String>,
}

/// One question.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Question {
    /// Its id, the key of its answer.
    pub id: String,
    /// The question.
    pub text: String,
    /// The kind of answer.
    #[schemars(extend("enum" = ["rating", "choice", "boolean", "text"]))]
    pub r#type: String,
    /// The answers to choose from, for `type: choice`.
    pub options: Option<Vec<Value>>,
}

/// The answers.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The id of these answers.
    pub feedback_id: String,
    /// The answers, by the id of their question.
    pub responses: Map<String, Value>,
    /// How many questions were answered.
    pub response_count: u64,
    /// Answered questions as a share of all, between 0 and 1.
    pub completion_rate: f64,
    /// The answers summed up.
    pub summary: Map<String, Value>,
    /// The file that was written.
    pub saved_to_file: Option<String>,
}
