//! `generate_structured`: a value from a model that fits a JSON Schema.

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
    tools::{Outcome, ToolCx, ToolFuture, params},
};

/// The action.
#[derive(Debug, Clone, Copy)]
pub(super) struct GenerateStructured;

#[derive(Debug, Deserialize, JsonSchema)]
struct Params {
    /// What the model is asked.
    #[schemars(with = "String", extend("x-kind" = "prompt"))]
    prompt: Value,
    /// The JSON Schema the answer fits.
    #[schemars(with = "Map<String, Value>", extend("x-kind" = "json-schema"))]
    schema: Value,
    /// The model: `provider/name`, a name, an alias of `models.yaml`, or `<AUTO …>` to let the router choose.
    #[serde(default)]
    #[schemars(extend("x-kind" = "model"))]
    model: Option<String>,
    /// How freely it answers: 0 is the most predictable.
    #[serde(default = "default_temperature")]
    #[schemars(range(min = 0, max = 2))]
    temperature: f64,
    /// The longest answer, in tokens.
    #[serde(default, alias = "max_completion_tokens")]
    #[schemars(range(min = 1), extend("x-aliases" = ["max_completion_tokens"]))]
    max_tokens: Option<u64>,
    /// Makes the answer repeatable where the model can do that.
    #[serde(default)]
    seed: Option<u64>,
    /// Images that the model looks at: paths of files, `data:` URLs, or `https://` addresses where the provider
    /// fetches them.
    #[serde(default)]
    #[schemars(with = "Option<Vec<ImageParam>>")]
    images: Option<Value>,
}

fn default_temperature() -> f64 {
    0.7
}

impl Action for GenerateStructured {
    fn spec(&self) -> ActionSpec {
        ActionBuilder::new::<Params, Value>(
            "generate_structured",
            "Asks a model for a value that fits a JSON Schema. The value is the step's result.",
            Effect::Model,
        )
        .open_params()
        .open()
        .example(
            "
- id: review
  action: generate_structured
  parameters:
    prompt: \"Rate this text: {{ read.result.content }}\"
    schema:
      type: object
      properties:
        score: {type: integer, minimum: 1, maximum: 10}
        reasons: {type: array, items: {type: string}}
      required: [score, reasons]
",
        )
        .available()
        .build()
    }

    fn run<'a>(&'a self, params: Map<String, Value>, cx: &'a ToolCx) -> ToolFuture<'a> {
        Box::pin(async move {
            let params: Params = params::read("generate_structured", params)?;
            let request = Request {
                prompt: params::text(&params.prompt),
                images: said::images(params.images.as_ref(), cx).await?,
                schema: Some(params::schema(params.schema)?),
                max_tokens: params.max_tokens,
                temperature: Some(params.temperature),
                seed: params.seed,
                ..Request::default()
            };
            Ok(Outcome::answered(models::ask(params.model.as_deref(), request, cx).await?))
        })
    }
}
