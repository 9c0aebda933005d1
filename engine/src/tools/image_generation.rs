//! `image-generation`: draws images.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("image-generation", DOC)
        .operation::<Params, Output>("generate", "Draws the images.", Effect::Model)
        .primary("images")
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Draws images from a description.

With `output_format: file` each image has a `path`, with `url` a `url`, with `base64` its
`data`.
";

const EXAMPLE: &str = r#"
- id: draw
  tool: image-generation
  action: execute
  parameters:
    prompt: "a lighthouse at dusk"
    size: "1024x1024"
    output_path: "output/images"
"#;

/// Parameters of a drawing.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// What to draw.
    #[schemars(extend("x-kind" = "prompt"))]
    pub prompt: String,
    /// The model that draws.
    #[schemars(extend("x-kind" = "model"))]
    pub model: Option<String>,
    /// Width and height in pixels.
    #[schemars(extend("enum" = ["256x256", "512x512", "1024x1024"], "default" = "512x512"))]
    pub size: Option<String>,
    /// The style, in words.
    pub style: Option<String>,
    /// What must not be seen.
    pub negative_prompt: Option<String>,
    /// How many to draw.
    #[schemars(range(min = 1), extend("default" = 1))]
    pub num_images: Option<u64>,
    /// How each image is given back.
    #[schemars(extend("enum" = ["url", "base64", "file"], "default" = "file"))]
    pub output_format: Option<String>,
    /// The directory for `output_format: file`.
    #[schemars(extend("x-kind" = "write-path", "default" = "generated_images"))]
    pub output_path: Option<String>,
    /// The name of the file; without it one is made.
    pub filename: Option<String>,
}

/// The images.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The images, in order.
    pub images: Vec<Image>,
    /// What the model says about them.
    pub metadata: Map<String, Value>,
}

/// One image.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Image {
    /// Its file.
    pub path: Option<String>,
    /// Its address.
    pub url: Option<String>,
    /// Its bytes in base64.
    pub data: Option<String>,
    /// How it is given back.
    pub format: String,
}
