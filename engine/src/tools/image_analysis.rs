//! `image-analysis`: looks at an image.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("image-analysis", DOC)
        .operation::<Params, Output>("analyze", "Looks at the image.", Effect::Model)
        .primary("analysis")
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Describes an image, finds objects, faces or text in it, or classifies it.
";

const EXAMPLE: &str = r#"
- id: look
  tool: image-analysis
  action: execute
  parameters:
    image: "data/photo.png"
    analysis_type: describe
"#;

/// Parameters of a look.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The image: a file, an address or base64.
    #[schemars(extend("x-kind" = "read-path"))]
    pub image: String,
    /// What to look for.
    #[schemars(extend("enum" = ["describe", "detect_objects", "extract_text", "detect_faces", "classify"]))]
    pub analysis_type: String,
    /// The model that looks.
    #[schemars(extend("x-kind" = "model"))]
    pub model: Option<String>,
    /// How closely to look.
    #[schemars(extend("enum" = ["low", "medium", "high"], "default" = "medium"))]
    pub detail_level: Option<String>,
    /// The form of the answer.
    #[schemars(extend("enum" = ["json", "text", "structured"], "default" = "json"))]
    pub output_format: Option<String>,
    /// Leave out what is less certain than this, between 0 and 1.
    #[schemars(range(min = 0.0, max = 1.0), extend("default" = 0.5))]
    pub confidence_threshold: Option<f64>,
}

/// What was seen.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The answer; its form depends on `analysis_type`.
    pub analysis: Value,
    /// What the model says about it.
    pub metadata: Map<String, Value>,
}
