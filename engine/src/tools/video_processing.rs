//! `video-processing`: works on video.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("video-processing", DOC)
        .operation::<AnalyzeParams, AnalyzeOutput>("analyze", "Describes what is seen.", Effect::Model)
        .primary("analysis")
        .operation::<FramesParams, FramesOutput>("extract_frames", "Writes single pictures.", Effect::Idempotent)
        .primary("frames")
        .operation::<AudioParams, AudioOutput>("extract_audio", "Writes the sound.", Effect::Idempotent)
        .primary("audio_path")
        .operation::<AnalyzeParams, SummaryOutput>("summarize", "Sums the video up.", Effect::Model)
        .primary("summary")
        .operation_in("operation")
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Describes a video, takes pictures or sound out of it, or sums it up.

The operation stands in `parameters.operation`.
";

const EXAMPLE: &str = r#"
- id: frames
  tool: video-processing
  action: execute
  parameters:
    video: "data/clip.mp4"
    operation: extract_frames
    frame_interval: 5
    output_path: "output/frames"
"#;

/// Parameters of `analyze` and `summarize`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct AnalyzeParams {
    /// The video file.
    #[schemars(extend("x-kind" = "read-path"))]
    pub video: String,
    /// The model that watches.
    #[schemars(extend("x-kind" = "model"))]
    pub model: Option<String>,
    /// Seconds between two frames.
    #[schemars(range(min = 0.0), extend("default" = 1.0))]
    pub frame_interval: Option<f64>,
    /// Begin at this second.
    #[schemars(range(min = 0.0), extend("default" = 0))]
    pub start_time: Option<f64>,
    /// End at this second; without it, at the end.
    #[schemars(range(min = 0.0))]
    pub end_time: Option<f64>,
}

/// Parameters of `extract_frames`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct FramesParams {
    /// The video file.
    #[schemars(extend("x-kind" = "read-path"))]
    pub video: String,
    /// Seconds between two frames.
    #[schemars(range(min = 0.0), extend("default" = 1.0))]
    pub frame_interval: Option<f64>,
    /// Begin at this second.
    #[schemars(range(min = 0.0), extend("default" = 0))]
    pub start_time: Option<f64>,
    /// End at this second; without it, at the end.
    #[schemars(range(min = 0.0))]
    pub end_time: Option<f64>,
    /// The directory to write to.
    #[schemars(extend("x-kind" = "write-path", "default" = "video_output"))]
    pub output_path: Option<String>,
}

/// Parameters of `extract_audio`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct AudioParams {
    /// The video file.
    #[schemars(extend("x-kind" = "read-path"))]
    pub video: String,
    /// Begin at this second.
    #[schemars(range(min = 0.0), extend("default" = 0))]
    pub start_time: Option<f64>,
    /// End at this second; without it, at the end.
    #[schemars(range(min = 0.0))]
    pub end_time: Option<f64>,
    /// The directory to write to.
    #[schemars(extend("x-kind" = "write-path", "default" = "video_output"))]
    pub output_path: Option<String>,
}

/// What `analyze` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AnalyzeOutput {
    /// What was seen.
    pub analysis: Map<String, Value>,
}

/// What `extract_frames` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FramesOutput {
    /// The pictures that were written.
    pub frames: Vec<Value>,
    /// What is known about the video.
    pub metadata: Map<String, Value>,
}

/// What `extract_audio` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AudioOutput {
    /// The file that was written.
    pub audio_path: String,
    /// A sentence about it.
    pub message: String,
}

/// What `summarize` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SummaryOutput {
    /// The summary.
    pub summary: String,
    /// What happens when.
    pub key_moments: Vec<Value>,
    /// What is known about the video.
    pub metadata: Map<String, Value>,
}
