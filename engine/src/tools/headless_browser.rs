//! `headless-browser`: searches the web and reads pages.

use lang::registry::{Effect, ToolSpec};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::web_search;
use crate::catalog::ToolBuilder;

/// What the registry knows about it.
pub fn spec() -> ToolSpec {
    ToolBuilder::new("headless-browser", DOC)
        .operation::<SearchParams, web_search::Output>("search", "Searches the web.", Effect::Read)
        .primary("results")
        .alias("search_results", "results")
        .operation::<VerifyParams, VerifyOutput>(
            "verify",
            "Asks whether an address answers, without reading the page.",
            Effect::Read,
        )
        .operation::<ScrapeParams, ScrapeOutput>(
            "scrape",
            "Takes title, text, links and images out of a page.",
            Effect::Read,
        )
        .primary("content")
        .alias("extracted_content", "content")
        .open()
        .operation::<ScrapeParams, ScrapeOutput>(
            "scrape_js",
            "Like `scrape`, after the page's scripts have run.",
            Effect::Read,
        )
        .primary("content")
        .alias("extracted_content", "content")
        .open()
        .example(EXAMPLE)
        .build()
}

const DOC: &str = "
Searches the web, checks addresses and takes the text out of pages.

`scrape` reads the page as it is sent, `scrape_js` after its scripts have run.
";

const EXAMPLE: &str = r#"
- id: page
  tool: headless-browser
  action: scrape
  parameters:
    url: "https://example.org/article"
"#;

/// Parameters of `search`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct SearchParams {
    /// What to search for.
    pub query: String,
    /// Where to search.
    #[schemars(extend("default" = ["web"]))]
    pub sources: Option<Vec<String>>,
    /// At most this many hits.
    #[schemars(range(min = 1), extend("default" = 10))]
    pub max_results: Option<u64>,
    /// The search engine to ask; without it the first one that answers.
    pub backend: Option<String>,
}

/// Parameters of `verify`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct VerifyParams {
    /// The address to ask.
    #[schemars(extend("x-kind" = "url"))]
    pub url: String,
}

/// Parameters of `scrape` and `scrape_js`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct ScrapeParams {
    /// The page to read.
    #[schemars(extend("x-kind" = "url"))]
    pub url: String,
}

/// What `verify` gives back.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct VerifyOutput {
    /// The address that was asked.
    pub url: String,
    /// Whether it answered.
    pub accessible: bool,
    /// The HTTP status.
    pub status_code: u64,
    /// The kind of content it announces.
    pub content_type: String,
    /// The size it announces, in bytes.
    pub content_length: Option<u64>,
    /// When it says it was changed last.
    pub last_modified: Option<String>,
    /// How long it took, in seconds.
    pub verification_time: f64,
}

/// What `scrape` and `scrape_js` give back. Pages may give more.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ScrapeOutput {
    /// The page that was read.
    pub url: String,
    /// Its title.
    pub title: String,
    /// Its text, without menus and scripts.
    pub content: String,
    /// The same text.
    pub text: String,
    /// The links of the page.
    pub links: Vec<Value>,
    /// The images of the page.
    pub images: Vec<Value>,
    /// How many words the text has.
    pub word_count: u64,
    /// How long it took, in seconds.
    pub scrape_time: f64,
}
