//! `analyze_text`: a model's analysis of a text; JSON answers become values.

use lang::registry::{ActionSpec, Effect};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Action,
    said::{self, ImageParam},
};
use crate::{
    catalog::ActionBuilder,
    models::{self, Request},
    tools::{Outcome, ToolCx, ToolError, ToolFuture, params},
};

/// The action.
#[derive(Debug, Clone, Copy)]
pub(super) struct AnalyzeText;

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// The text to analyse.
    #[serde(default)]
    #[schemars(with = "String", extend("x-kind" = "prompt"))]
    text: Value,
    /// What to find out; without it, an analysis of the kind `analysis_type`.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("x-kind" = "prompt"))]
    prompt: Option<Value>,
    /// The kind of analysis, e.g. `sentiment`. If it holds the word `json`, the answer is read as JSON.
    #[serde(default = "general")]
    analysis_type: String,
    /// The model: `provider/name`, a name, an alias of `models.yaml`, or `<AUTO …>` to let the router choose.
    #[serde(default)]
    #[schemars(extend("x-kind" = "model"))]
    model: Option<String>,
    /// The longest answer, in tokens.
    #[serde(default = "default_max_tokens")]
    #[schemars(range(min = 1))]
    max_tokens: u64,
    /// How freely it answers: 0 is the most predictable.
    #[serde(default = "default_temperature")]
    #[schemars(range(min = 0, max = 2))]
    temperature: f64,
    /// Makes the answer repeatable where the model can do that.
    #[serde(default)]
    seed: Option<u64>,
    /// Images that the model looks at: paths of files, `data:` URLs, or `https://` addresses where the provider
    /// fetches them.
    #[serde(default)]
    #[schemars(with = "Option<Vec<ImageParam>>")]
    images: Option<Value>,
}

fn general() -> String {
    "general".to_owned()
}

fn default_max_tokens() -> u64 {
    2000
}

fn default_temperature() -> f64 {
    0.7
}

impl Action for AnalyzeText {
    fn spec(&self) -> ActionSpec {
        ActionBuilder::new::<Params, Value>(
            "analyze_text",
            "Asks a model to analyse a text. The answer is the step's result: text, or a value where JSON was asked \
             for and given.",
            Effect::Model,
        )
        .open()
        .example(
            "
- id: mood
  action: analyze_text
  parameters:
    text: \"{{ read.result.content }}\"
    prompt: What is the mood of this text?
    analysis_type: sentiment
",
        )
        .available()
        .build()
    }

    fn run<'a>(&'a self, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            let params: Params = params::read("analyze_text", params)?;
            let prompt = prompt(&params)?;
            let wants_json =
                prompt.to_lowercase().contains("json") || params.analysis_type.to_lowercase().contains("json");
            let request = Request {
                prompt,
                images: said::images(params.images.as_ref(), cx).await?,
                max_tokens: Some(params.max_tokens),
                temperature: Some(params.temperature),
                seed: params.seed,
                ..Request::default()
            };
            let mut response = models::ask(params.model.as_deref(), request, cx).await?;
            if wants_json && let Some(value) = response.value.as_str().and_then(json_in) {
                response.value = value;
            }
            Ok(Outcome::answered(response))
        })
    }
}

fn prompt(params: &Params) -> Result<String, ToolError> {
    let text = if params.text.is_null() { String::new() } else { params::text(&params.text) };
    match &params.prompt {
        Some(prompt) if text.is_empty() => Ok(params::text(prompt)),
        Some(prompt) => Ok(format!("{}\n\n{text}", params::text(prompt))),
        None if text.is_empty() => {
            Err(ToolError::new("ParameterError", "`analyze_text` has nothing to analyse; give `text` or `prompt`"))
        }
        None => Ok(format!("Analyse this text ({}):\n\n{text}", params.analysis_type)),
    }
}

/// The JSON object or list that `answer` is, fenced as code or not.
fn json_in(answer: &str) -> Option<Value> {
    let answer = answer.trim();
    let inner = answer.strip_prefix("```json").or_else(|| answer.strip_prefix("```")).unwrap_or(answer);
    let inner = inner.strip_suffix("```").unwrap_or(inner);
    let value: Value = serde_json::from_str(inner.trim()).ok()?;
    (value.is_object() || value.is_array()).then_some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_answers_are_read_fenced_or_not() {
        assert_eq!(json_in("{\"a\": 1}"), Some(json!({"a": 1})));
        assert_eq!(json_in("```json\n[1]\n```\n"), Some(json!([1])));
        assert_eq!(json_in("the score is 7"), None);
        assert_eq!(json_in("7"), None);
    }
}
