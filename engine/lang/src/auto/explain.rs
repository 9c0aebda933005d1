//! What is told of a tag in an editor.

use text_size::TextSize;

use super::{By, Hole, SYSTEM, describe, holes};
use crate::analysis::Analysis;

/// The innermost tag at `offset`.
pub fn at(analysis: &Analysis, offset: TextSize) -> Option<Hole> {
    let around = |hole: &&Hole| hole.range.contains_inclusive(offset);
    let found = holes(analysis);
    let mut found = found.iter().find(around)?;
    while let Some(inner) = found.nested.iter().find(around) {
        found = inner;
    }
    Some(found.clone())
}

/// What fills the tag, why, and what would be asked, as Markdown.
pub fn markdown(hole: &Hole) -> String {
    let target = &hole.target;
    let why = target.why.join("; ");
    let because = if why.is_empty() { String::new() } else { format!(" – {why}") };
    match target.by {
        By::Router => "`<AUTO>` – the router chooses the model; no model is asked".to_owned(),
        By::Nobody(reason) => format!("`<AUTO>` – is not answered: {reason}"),
        By::Action => format!("`<AUTO>`{because}\n\nA model is asked each time the step runs."),
        By::Model => {
            let what = describe(&target.schema);
            let prompt = hole.prompt(&hole.body);
            let repeated = if hole.in_loop { " in each iteration" } else { "" };
            let mut text = format!(
                "`<AUTO>` = **{what}**{because}\n\nA model is asked{repeated} when the step is about to run, and the \
                 answer is pinned. It would be asked:\n\n{}",
                fenced(&format!("{SYSTEM}\n\n{prompt}"))
            );
            if hole.body.contains("{{") {
                text.push_str("\n\nTemplates have their values by then.");
            }
            if let Some(default) = hole.tag.attribute("default") {
                text.push_str(&format!("\n\nWhere the model fails: `{default}`."));
            }
            text
        }
    }
}

/// Text between more backticks than any row of them in it.
fn fenced(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}text\n{text}\n{fence}")
}
