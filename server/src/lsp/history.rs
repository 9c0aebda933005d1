//! What steps came to when they ran last, for hovers. Reads the store that is there; makes none, changes
//! nothing in it.

use std::path::Path;

use engine::run::store::{self, LastWord, SqliteStore};
use lang::{analysis::Analysis, ide::Hover};
use serde_json::Value;

use super::to_proto::Converter;

/// How much of a value is shown.
const SHOWN: usize = 400;

/// `hover` with the last value of the step it is about, if one is known.
pub(crate) fn with_last_value(converter: &Converter<'_>, mut hover: Hover) -> Hover {
    let analysis = converter.analysis;
    if let Some(step) = step_of(analysis, &hover)
        && let Some(place) = analysis.workspace()
        && let Some((run, last)) = History::of(place.root.as_std_path()).last_word(analysis.pipeline().id_text(), step)
    {
        hover.markdown = format!("{}\n\n{}", hover.markdown.trim_end(), described(&run, &last));
    }
    hover
}

/// The step of the root whose id is hovered.
pub(crate) fn step_of<'a>(analysis: &'a Analysis, hover: &Hover) -> Option<&'a str> {
    let text = analysis.text();
    let word = &text[hover.range];
    let is_key = text[hover.range.end().into()..].trim_start_matches(['"', '\'', ' ']).starts_with(':');
    let index = analysis.scopes().in_scope(None, word).filter(|_| !is_key)?;
    Some(analysis.scopes().step(index).id_text())
}

/// The store of a folder.
struct History(Option<SqliteStore>);

impl History {
    /// Of the folder `root`. Where there is no store, or none that can be read, there is no history; that is
    /// no reason to explain less.
    fn of(root: &Path) -> Self {
        let file = store::file(root);
        Self(file.exists().then(|| SqliteStore::open_to_read(&file)).and_then(Result::ok))
    }

    fn last_word(&self, pipeline: &str, step: &str) -> Option<(String, LastWord)> {
        self.0.as_ref()?.last_word(pipeline, step).ok().flatten()
    }
}

fn described(run: &str, last: &LastWord) -> String {
    let document = &last.document;
    let when = document.completed_at.as_deref().unwrap_or_default();
    let shown = match &document.value["result"] {
        Value::String(text) => text.clone(),
        other => format!("{other:#}"),
    };
    let mut value: String = shown.chars().take(SHOWN).collect();
    if value.len() < shown.len() {
        value.push('…');
    }
    let value = match &document.error {
        Some(error) => error.clone(),
        None => value,
    };
    // Longer than any row of backticks in the value.
    let fence = "`".repeat(value.split(|c| c != '`').map(str::len).max().unwrap_or_default().max(2) + 1);
    format!("Last run: {} at {when}, `{run}`\n{fence}text\n{value}\n{fence}", document.status)
}
