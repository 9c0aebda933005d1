//! `pdf-compiler`: turns Markdown into a PDF file.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("pdf-compiler", DOC)
        .operation::<Params, Output>("compile", "Writes the PDF file.", Effect::Idempotent)
        .primary("output_path")
        .alias("filepath", "output_path")
        .alias("path", "output_path")
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Turns Markdown into a PDF file with pandoc.

The step's `action` may be any word; `compile` is usual.
";

const EXAMPLE: &str = r#"
- id: pdf
  tool: pdf-compiler
  action: compile
  parameters:
    markdown_content: "{{ report.result.markdown }}"
    output_path: "output/report.pdf"
"#;

/// Parameters of a PDF.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The text, as Markdown.
    pub markdown_content: String,
    /// The file to write.
    #[schemars(extend("x-kind" = "write-path"))]
    pub output_path: String,
    /// Its title.
    pub title: Option<String>,
    /// Who wrote it.
    pub author: Option<String>,
    /// Whether to install pandoc where it is missing.
    #[schemars(extend("default" = true))]
    pub install_if_missing: Option<bool>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The file that was written.
    pub output_path: String,
    /// Its size in bytes.
    pub file_size: u64,
    /// A sentence about it.
    pub message: String,
}
