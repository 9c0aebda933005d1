//! Changes that are offered: fixes of what is wrong, all of them at once, and the comment that
//! silences one.

use std::collections::{BTreeMap, BTreeSet};

use text_size::{TextRange, TextSize};

use super::{Action, ActionKind};
use crate::{
    analysis::Analysis,
    check::{Code, Comments, Diagnostic, Fix, Severity},
    text::{TextEdit, apply_edits},
};

mod refactor;

/// How often fixes are applied one after another: a fix may make another one possible.
const ROUNDS: usize = 16;

/// What is offered for `range`, the best first.
pub fn actions(analysis: &Analysis, range: TextRange) -> Vec<Action> {
    let mut found = Vec::new();
    let touched = || {
        let diagnostics = analysis.diagnostics().iter().enumerate();
        diagnostics.filter(move |(_, diagnostic)| diagnostic.range.intersect(range).is_some())
    };
    for (index, diagnostic) in touched() {
        let fixes = diagnostic.fixes.iter();
        found.extend(fixes.map(|fix| Action { fix: fix.clone(), kind: ActionKind::Fix, diagnostic: Some(index) }));
    }
    let comments = Comments::new(&analysis.parse().tree, analysis.lines());
    for (index, diagnostic) in touched() {
        if let Some(edit) = comments.silencing(diagnostic) {
            let fix = Fix { title: format!("Ignore {} here", diagnostic.code), edits: vec![edit], safe: false };
            found.push(Action { fix, kind: ActionKind::Ignore, diagnostic: Some(index) });
        }
    }
    found.extend(refactor::refactors(analysis, range));
    found
}

/// The text after every fix that keeps the meaning, until none is left. Only what is `shown` is mended.
pub fn fix_all(analysis: &Analysis, shown: &dyn Fn(&Diagnostic) -> bool) -> String {
    let mut fixed: Option<Analysis> = None;
    for _ in 0..ROUNDS {
        let now = fixed.as_ref().unwrap_or(analysis);
        let edits = compatible(now.diagnostics().iter().filter(|found| shown(found)));
        if edits.is_empty() {
            break;
        }
        let text = apply_edits(now.text(), &edits);
        if text == now.text() {
            break;
        }
        let next = now.with_text(&text);
        // A fix that makes an error of what was none is no fix.
        if !errors(&next).is_subset(&errors(now)) {
            break;
        }
        fixed = Some(next);
    }
    fixed.as_ref().unwrap_or(analysis).text().to_owned()
}

fn errors(analysis: &Analysis) -> BTreeSet<(Code, &str)> {
    let errors = analysis.diagnostics().iter().filter(|found| found.severity == Severity::Error);
    errors.map(|found| (found.code, &*found.message)).collect()
}

/// The safe fixes that can be applied together: of two that touch, the first.
fn compatible<'d>(diagnostics: impl Iterator<Item = &'d Diagnostic>) -> Vec<TextEdit> {
    let mut chosen: Vec<TextEdit> = Vec::new();
    // Where each chosen edit begins and ends; none touches another one.
    let mut taken: BTreeMap<TextSize, TextSize> = BTreeMap::new();
    for fix in diagnostics.filter_map(|found| found.fixes.iter().find(|fix| fix.safe)) {
        let touches = |edit: &TextEdit| {
            taken.range(..=edit.range.end()).next_back().is_some_and(|(_, end)| *end >= edit.range.start())
        };
        if !fix.edits.iter().any(touches) {
            taken.extend(fix.edits.iter().map(|edit| (edit.range.start(), edit.range.end())));
            chosen.extend(fix.edits.iter().cloned());
        }
    }
    chosen
}

/// The edit that makes `before` read `after`.
pub fn replacement(before: &str, after: &str) -> Option<TextEdit> {
    if before == after {
        return None;
    }
    let start = before.char_indices().zip(after.chars()).find(|((_, one), other)| one != other);
    let start = start.map_or(before.len().min(after.len()), |((at, _), _)| at);
    let (rest, wanted) = (&before[start..], &after[start..]);
    let pairs = rest.chars().rev().zip(wanted.chars().rev());
    let same: usize = pairs.take_while(|(one, other)| one == other).map(|(one, _)| one.len_utf8()).sum();
    let same = same.min(rest.len()).min(wanted.len());
    let range = TextRange::new(TextSize::new(start as u32), TextSize::new((before.len() - same) as u32));
    Some(TextEdit::replace(range, &wanted[..wanted.len() - same]))
}
