//! The whole file as the documentation writes it: canonical words and forms, laid out.

use text_size::TextRange;

use super::{super::fix_all, refactor};
use crate::{
    analysis::Analysis,
    check::Fix,
    ide::{actions::replacement, format},
    model::KeyUse,
    registry::keys::SPELLINGS,
    syntax::NodeKind,
    text::{TextEdit, apply_edits},
};

/// Offered on the line of the root's first key, where something would change.
pub(super) fn canonical(analysis: &Analysis, range: TextRange) -> Option<Fix> {
    let first = analysis.pipeline().keys.first()?;
    let line = analysis.lines().line_of(range.start());
    if analysis.lines().line_of(first.range.start()) != line || !analysis.parse().problems.is_empty() {
        return None;
    }
    let edit = replacement(analysis.text(), &written(analysis))?;
    Some(refactor("Write the file in the canonical form", vec![edit]))
}

/// The text in the canonical form; the same where that is so already.
fn written(analysis: &Analysis) -> String {
    let mended = analysis.with_text(&fix_all(analysis, &|_| true));
    let named = mended.with_text(&apply_edits(mended.text(), &spellings(&mended)));
    match format::format(named.parse()) {
        Ok(edits) => apply_edits(named.text(), &edits),
        Err(_) => named.text().to_owned(),
    }
}

/// Writes the first of each two spellings, and lists of ids as lists.
fn spellings(analysis: &Analysis) -> Vec<TextEdit> {
    let tree = &analysis.parse().tree;
    let mut edits = Vec::new();
    let mut rename = |keys: &[KeyUse], pairs: &[(&str, &str)]| {
        for (canonical, other) in pairs {
            let stands = keys.iter().any(|key| key.name == *canonical);
            if let Some(key) = keys.iter().find(|key| key.name == *other).filter(|_| !stands) {
                edits.push(TextEdit::replace(key.range, *canonical));
            }
        }
    };
    rename(&analysis.pipeline().keys, &[("inputs", "parameters")]);
    let steps = analysis.pipeline().all_steps();
    for step in &steps {
        rename(&step.keys, &SPELLINGS);
    }
    for step in steps {
        let key = step.key("dependencies").or_else(|| step.key("depends_on"));
        let Some(key) = key.filter(|_| !step.dependencies.is_empty()) else { continue };
        if matches!(tree.kind(key.value), NodeKind::Scalar(_)) {
            let ids: Vec<&str> = step.dependencies.iter().map(|id| &*id.value).collect();
            edits.push(TextEdit::replace(tree.range(key.value), format!("[{}]", ids.join(", "))));
        }
    }
    edits.sort_by_key(|edit| edit.range.start());
    edits
}
