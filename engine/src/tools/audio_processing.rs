//! `audio-processing`: works on sound.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("audio-processing", DOC)
        .operation::<TranscribeParams, TranscribeOutput>("transcribe", "Writes down what is said.", Effect::Model)
        .primary("transcription")
        .operation::<AnalyzeParams, AnalyzeOutput>("analyze", "Measures length, volume, tempo and noise.", Effect::Read)
        .primary("analysis")
        .operation::<EnhanceParams, EnhanceOutput>(
            "enhance",
            "Removes noise and evens out the volume.",
            Effect::Idempotent,
        )
        .primary("enhanced_audio")
        .operation::<ConvertParams, ConvertOutput>("convert", "Writes the sound in another format.", Effect::Idempotent)
        .primary("converted_audio")
        .operation_in("operation")
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Transcribes, measures, improves or converts sound.

The operation stands in `parameters.operation`.
";

const EXAMPLE: &str = r#"
- id: words
  tool: audio-processing
  action: execute
  parameters:
    audio: "data/talk.wav"
    operation: transcribe
"#;

/// Parameters of `transcribe`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct TranscribeParams {
    /// The sound file.
    #[schemars(extend("x-kind" = "read-path"))]
    pub audio: String,
    /// The model that listens.
    #[schemars(extend("x-kind" = "model"))]
    pub model: Option<String>,
    /// The language that is spoken.
    #[schemars(extend("default" = "en"))]
    pub language: Option<String>,
    /// The form of the text.
    pub output_format: Option<String>,
}

/// Parameters of `analyze`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct AnalyzeParams {
    /// The sound file.
    #[schemars(extend("x-kind" = "read-path"))]
    pub audio: String,
    /// The model that listens.
    #[schemars(extend("x-kind" = "model"))]
    pub model: Option<String>,
    /// The language that is spoken.
    #[schemars(extend("default" = "en"))]
    pub language: Option<String>,
}

/// Parameters of `enhance`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct EnhanceParams {
    /// The sound file.
    #[schemars(extend("x-kind" = "read-path"))]
    pub audio: String,
    /// The file to write.
    #[schemars(extend("x-kind" = "write-path"))]
    pub output_path: Option<String>,
    /// The format to write.
    pub output_format: Option<String>,
    /// What to improve, and how much.
    pub enhance_options: Option<Map<String, Value>>,
}

/// Parameters of `convert`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ConvertParams {
    /// The sound file.
    #[schemars(extend("x-kind" = "read-path"))]
    pub audio: String,
    /// The format to write.
    pub output_format: Option<String>,
    /// The file to write.
    #[schemars(extend("x-kind" = "write-path"))]
    pub output_path: Option<String>,
}

/// What `transcribe` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TranscribeOutput {
    /// The text.
    pub transcription: String,
    /// What is known about the sound.
    pub metadata: Map<String, Value>,
}

/// What `analyze` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AnalyzeOutput {
    /// The measurements.
    pub analysis: Map<String, Value>,
}

/// What `enhance` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EnhanceOutput {
    /// The file that was written.
    pub enhanced_audio: String,
    /// What was improved.
    pub enhancements_applied: Vec<Value>,
}

/// What `convert` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ConvertOutput {
    /// The file that was written.
    pub converted_audio: String,
    /// Its format.
    pub output_format: String,
}
