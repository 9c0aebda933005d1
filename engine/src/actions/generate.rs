//! `generate`: text from a model.

use lang::registry::{ActionSpec, Effect};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Action,
    offers::{self, ToolParam},
    rounds,
    said::{self, Conversation, ImageParam, MessageParams},
};
use crate::{
    catalog::ActionBuilder,
    models::{self, Request},
    tools::{Outcome, ToolCx, ToolError, ToolFuture, params},
};

/// The action.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generate;

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// What the model is asked.
    #[serde(default)]
    #[schemars(with = "Option<String>", extend("x-kind" = "prompt", "x-instead" = "messages"))]
    prompt: Option<Value>,
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
    /// What the model is told before the prompt.
    #[serde(default)]
    #[schemars(extend("x-kind" = "prompt"))]
    system_prompt: Option<String>,
    /// A conversation in place of `prompt`: what was said so far, by turns. The model answers the last, which is the
    /// user's.
    #[serde(default)]
    #[schemars(with = "Option<Vec<MessageParams>>")]
    messages: Option<Value>,
    /// Images that the model looks at: paths of files, `data:` URLs, or `https://` addresses where the provider
    /// fetches them.
    #[serde(default)]
    #[schemars(with = "Option<Vec<ImageParam>>")]
    images: Option<Value>,
    /// Tools that the model may call before it answers: names, or `{name, actions}` for a part of one. Only what changes
    /// nothing can be offered.
    #[serde(default)]
    #[schemars(with = "Option<Vec<ToolParam>>")]
    tools: Option<Value>,
    /// How many times it may call tools, several at a time or one, before it must answer.
    #[serde(default = "default_max_tool_rounds")]
    #[schemars(range(min = 1))]
    max_tool_rounds: u64,
    /// The wanted form of the answer; use `generate_structured` for a checked one.
    #[serde(default, rename = "response_format")]
    #[schemars(extend("x-deprecated" = "it has no effect; use `generate_structured`"))]
    _response_format: Option<Value>,
}

fn default_max_tokens() -> u64 {
    1000
}

fn default_temperature() -> f64 {
    0.7
}

fn default_max_tool_rounds() -> u64 {
    8
}

impl Action for Generate {
    fn spec(&self) -> ActionSpec {
        ActionBuilder::new::<Params, String>(
            "generate",
            "Asks a model for text. The answer is the step's result.",
            Effect::Model,
        )
        .example(
            "
- id: summary
  action: generate
  parameters:
    prompt: \"Summarise in three sentences: {{ read.result.content }}\"
    model: <AUTO task=\"summarise\">a cheap model</AUTO>
",
        )
        .available()
        .build()
    }

    fn run<'a>(&'a self, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            let params: Params = params::read("generate", params)?;
            let (prompt, said) = match (&params.prompt, &params.messages) {
                (Some(prompt), None) => {
                    let system = params.system_prompt.filter(|text| !text.trim().is_empty());
                    (params::text(prompt), Conversation { system, ..Conversation::default() })
                }
                (None, Some(messages)) => (String::new(), Conversation::of(messages, params.system_prompt)?),
                (Some(_), Some(_)) => {
                    let message = "`prompt` and `messages` are both given; keep one of them: each stands in the place of the \
                                   other";
                    return Err(ToolError::new("ParameterError", message));
                }
                (None, None) => {
                    let message = "`generate` needs the parameter `prompt` or `messages`";
                    return Err(ToolError::new("ParameterError", message));
                }
            };
            let request = Request {
                system: said.system,
                prompt,
                messages: said.messages,
                images: said::images(params.images.as_ref(), cx).await?,
                max_tokens: Some(params.max_tokens),
                temperature: Some(params.temperature),
                seed: params.seed,
                ..Request::default()
            };
            let Some(tools) = &params.tools else {
                let response = models::ask(params.model.as_deref(), request, cx).await?;
                return Ok(Outcome::answered(response));
            };
            if params.max_tool_rounds == 0 {
                let message =
                    "`max_tool_rounds` is 0, which lets the model call nothing; raise it, or leave `tools` out";
                return Err(ToolError::new("ParameterError", message));
            }
            let offers = offers::offers(tools, &cx.registry)?;
            rounds::ask(params.model.as_deref(), request, &offers, params.max_tool_rounds, cx).await
        })
    }
}
