//! Deprecated spellings of actions and tools (contract §2.14): one closed table.

use lang::registry::{LegacyName, Replacement};

/// Old name → built-in action.
const ACTIONS: &[(&str, &str)] = &[
    ("generate_text", "generate"),
    ("generate-text", "generate"),
    ("llm_generate", "generate"),
    ("llm-generate", "generate"),
    ("llm_call", "generate"),
    ("llm-call", "generate"),
    ("generate-structured", "generate_structured"),
    ("analyze", "analyze_text"),
    ("analyze-text", "analyze_text"),
    ("file", "filesystem"),
    ("debug", "echo"),
];

/// Old name → tool, and its operation if the name fixes it.
const TOOLS: &[(&str, &str, Option<&str>)] = &[
    ("web_search", "web-search", Some("search")),
    ("search_web", "web-search", Some("search")),
    ("web-fetch", "headless-browser", Some("scrape")),
    ("web_fetch", "headless-browser", Some("scrape")),
    ("read_file", "filesystem", Some("read")),
    ("read-file", "filesystem", Some("read")),
    ("write_file", "filesystem", Some("write")),
    ("write-file", "filesystem", Some("write")),
];

/// The table, in the order it stands here.
pub(super) fn names() -> Vec<LegacyName> {
    let actions = ACTIONS.iter().map(|(old, new)| (*old, Replacement::Action((*new).to_owned())));
    let tools = TOOLS.iter().map(|(old, tool, operation)| {
        (*old, Replacement::Tool { tool: (*tool).to_owned(), operation: operation.map(str::to_owned) })
    });
    actions.chain(tools).map(|(old, new)| LegacyName { old: old.to_owned(), new }).collect()
}
