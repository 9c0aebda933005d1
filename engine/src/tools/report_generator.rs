//! `report-generator`: writes a Markdown report.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("report-generator", DOC)
        .operation::<Params, Output>("generate", "Writes the report.", Effect::Pure)
        .primary("markdown")
        .alias("content", "markdown")
        .alias("report", "markdown")
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Writes a Markdown report from search results, findings and recommendations.

The step's `action` may be any word; it never makes the step choose a model. The report stands
in `{{ step.result.markdown }}`.
";

const EXAMPLE: &str = r#"
- id: report
  tool: report-generator
  action: generate
  parameters:
    title: "About {{ topic }}"
    query: "{{ topic }}"
    search_results: "{{ find.result }}"
    extraction_results: "{{ page.result }}"
"#;

/// Parameters of a report.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// The title of the report.
    pub title: String,
    /// The question that was researched.
    pub query: String,
    /// The result of the `web-search` step.
    pub search_results: Map<String, Value>,
    /// The result of the step that read the pages.
    pub extraction_results: Map<String, Value>,
    /// What the reader should know first.
    pub context: Option<String>,
    /// What was found, one item each.
    pub findings: Option<Vec<Value>>,
    /// What to do about it, one item each.
    pub recommendations: Option<Vec<Value>>,
    /// How good the sources are, shown in the report.
    pub quality_score: Option<f64>,
}

/// The report.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// The report as Markdown.
    pub markdown: String,
    /// How many words it has.
    pub word_count: u64,
    /// When it was written.
    pub timestamp: String,
    /// Its title.
    pub title: String,
}
