//! `user-prompt`: asks a person for a value.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    Tool, ToolCx, ToolError, ToolFuture, params,
    person::{self, Answered, Field, Kind, Question},
    success,
};
use crate::catalog::ToolBuilder;

const NAME: &str = "user-prompt";

/// The tool.
#[derive(Debug, Clone, Copy)]
pub(super) struct UserPrompt;

impl Tool for UserPrompt {
    fn spec(&self) -> ToolSpec {
        spec()
    }

    fn run<'a>(&'a self, _operation: &'a str, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            let params: Params = params::read(NAME, params)?;
            let context = params.context.clone().unwrap_or_else(|| "cli".to_owned());
            let Answered { answers, took, used_default } = person::ask(cx, &question(params)?).await?;
            success(&Output {
                value: answers.get(FIELD).cloned().unwrap_or_default(),
                response_time: (took.as_secs_f64() * 1000.0).round() / 1000.0,
                skipped: false,
                used_default,
                context,
                retries: 0,
            })
        })
    }
}

/// The one field of the question.
const FIELD: &str = "answer";

fn question(params: Params) -> Result<Question, ToolError> {
    let kind = match params.input_type.as_deref() {
        Some("number") => Kind::Number,
        Some("boolean") => Kind::Boolean,
        Some("choice") => match params.choices {
            Some(choices) if !choices.is_empty() => Kind::Choice { choices },
            _ => return Err(ToolError::new("ParameterError", "`input_type: choice` needs `choices`, a list")),
        },
        _ => Kind::Text,
    };
    let field = Field {
        id: FIELD.to_owned(),
        text: params.prompt.clone(),
        kind,
        required: true,
        default: params.default.filter(|default| !default.is_null()),
        pattern: params.validation_pattern,
    };
    if let Some(default) = &field.default {
        field.check(default).map_err(|problem| ToolError::new("ValueError", format!("`default`: {problem}")))?;
    }
    let fields = vec![field];
    Ok(Question { title: params.prompt, content: None, fields, approval: false, timeout: params.timeout })
}

/// What the registry knows about it.
fn spec() -> ToolSpec {
    ToolBuilder::new(NAME, DOC)
        .operation::<Params, Output>("prompt", "Asks and waits.", Effect::Human)
        .primary("value")
        .single()
        .example(EXAMPLE)
        .available()
        .build()
}

const DOC: &str = "
Asks a person for a value: on the terminal or in the editor. Without either the run ends
waiting, and goes on with `orc runs approve`.
";

const EXAMPLE: &str = r#"
- id: ask
  tool: user-prompt
  action: prompt
  parameters:
    prompt: "Which language?"
    input_type: choice
    choices: [English, German]
    default: English
"#;

/// Parameters of a question.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The question.
    pub prompt: String,
    /// The kind of answer.
    #[schemars(extend("enum" = ["text", "number", "boolean", "choice"], "default" = "text"))]
    pub input_type: Option<String>,
    /// The answer when none is given.
    pub default: Option<Value>,
    /// The answers to choose from, for `input_type: choice`.
    pub choices: Option<Vec<Value>>,
    /// Seconds to wait; 0 means without end.
    #[schemars(range(min = 0.0), extend("default" = 0))]
    pub timeout: Option<f64>,
    /// Where py-orc asked; orc asks whoever is there.
    #[schemars(extend("enum" = ["cli", "gui", "api"], "default" = "cli"))]
    pub context: Option<String>,
    /// A regular expression the answer must match.
    pub validation_pattern: Option<String>,
    /// Accepted; orc asks again until an answer fits.
    #[schemars(extend("default" = true))]
    pub retry_on_invalid: Option<bool>,
    /// Accepted; orc asks again until an answer fits.
    #[schemars(extend("default" = 3))]
    pub max_retries: Option<u64>,
}

/// The answer.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// What the person answered.
    pub value: Value,
    /// How long it took, in seconds.
    pub response_time: f64,
    /// Always false: a question is answered, or it waits.
    pub skipped: bool,
    /// Whether `default` was taken.
    pub used_default: bool,
    /// `context`, as it was given.
    pub context: String,
    /// Always 0: answers that do not fit are not counted.
    pub retries: u64,
}
