//! `web-search`: searches the web.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("web-search", DOC)
        .operation::<Params, Output>("search", "Searches the web.", Effect::Read)
        .primary("results")
        .alias("search_results", "results")
        .single()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Searches the web and gives back the hits.

The step's `action` may be any word; `search` is usual. The hits stand in `{{
step.result.results }}`.
";

const EXAMPLE: &str = r#"
- id: find
  tool: web-search
  action: search
  parameters:
    query: "{{ topic }} overview"
    max_results: 5
"#;

/// Parameters of a search.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct Params {
    /// What to search for.
    pub query: String,
    /// At most this many hits.
    #[schemars(range(min = 1), extend("default" = 10))]
    pub max_results: Option<u64>,
    /// The search engine to ask; without it the first one that answers.
    #[schemars(extend("enum" = ["duckduckgo", "bing", "google"]))]
    pub backend: Option<String>,
    /// Country and language of the hits, such as `us-en`.
    pub region: Option<String>,
    /// How strictly unsuitable hits are left out, such as `moderate`.
    pub safesearch: Option<String>,
}

/// What a search gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Output {
    /// What was searched for.
    pub query: String,
    /// The hits, best first.
    pub results: Vec<Hit>,
    /// How many there are.
    pub total_results: u64,
    /// How long it took, in seconds.
    pub search_time: f64,
    /// The search engine that answered.
    pub backend: String,
    /// When it was asked.
    pub timestamp: String,
}

/// One hit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Hit {
    /// The title of the page.
    pub title: String,
    /// Its address.
    pub url: String,
    /// A few lines around the words that were found.
    pub snippet: String,
    /// The search engine it came from.
    pub source: String,
    /// How well it fits, between 0 and 1.
    pub relevance: f64,
    /// Its place in the list, from 1.
    pub rank: u64,
    /// Anything else the search engine says.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}
