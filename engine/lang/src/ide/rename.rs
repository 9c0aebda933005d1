//! Another name for a step, an input, an item, a name of a loop or template, or an anchor: everywhere
//! in the document at once, and only if everything means the same afterwards.

use text_size::{TextRange, TextSize};

use super::navigate::{self, Occurrence, Role, Target};
use crate::{
    analysis::Analysis,
    text::{Spanned, TextEdit, apply_edits},
};

/// What can be renamed at `offset`: its name and place.
///
/// # Errors
/// Why nothing can, for people.
pub fn prepare(analysis: &Analysis, offset: TextSize) -> Result<Spanned<String>, String> {
    let all = navigate::occurrences(analysis);
    let Some(at) = navigate::occurrence_at(&all, offset) else {
        return Err("here is no name of this pipeline; rename a step, an input, a loop's or template's name, or an \
                    anchor"
            .to_owned());
    };
    if !all.iter().any(|found| found.target == at.target && found.role == Role::Declaration) {
        return Err("this name is not declared in this file".to_owned());
    }
    Ok(Spanned::new(analysis.text()[at.range].to_owned(), at.range))
}

/// The edits that give what stands at `offset` the name `to`.
///
/// # Errors
/// Why it cannot have it: no legal name, taken, or something would mean something else; for people.
pub fn rename(analysis: &Analysis, offset: TextSize, to: &str) -> Result<Vec<TextEdit>, String> {
    let from = prepare(analysis, offset)?;
    let before = navigate::occurrences(analysis);
    let Some(target) = navigate::occurrence_at(&before, offset).map(|found| found.target.clone()) else {
        return Err("here is no name".to_owned());
    };
    legal(&target, to)?;
    if from.value == to {
        return Ok(Vec::new());
    }
    let text = analysis.text();
    let places: Vec<TextRange> =
        before.iter().filter(|found| found.target == target).map(|found| found.range).collect();
    if places.iter().any(|range| text[*range] != from.value) {
        return Err(format!("`{}` is spelled in several ways here; make them one first", from.value));
    }
    let mut edits: Vec<TextEdit> = places.into_iter().map(|range| TextEdit::replace(range, to)).collect();
    edits.dedup();
    let after = analysis.with_text(&apply_edits(text, &edits));
    same_meaning(analysis, &before, &after, &target, to)?;
    Ok(edits)
}

fn legal(target: &Target, to: &str) -> Result<(), String> {
    let mut characters = to.chars();
    let first = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    let rest = |character: char| character.is_ascii_alphanumeric() || character == '_';
    // Templates could not say another name; an anchor or an output stands in none.
    let free = |character: char| rest(character) || character == '-';
    let fine = match target {
        Target::Anchor(_) | Target::Output(_) => first && characters.all(free),
        _ => first && characters.all(rest),
    };
    if fine { Ok(()) } else { Err(format!("`{to}` is no name; write letters, digits and `_`, a letter first")) }
}

/// Everything that was named before is named the same way after.
fn same_meaning(
    analysis: &Analysis,
    before: &[Occurrence],
    after: &Analysis,
    target: &Target,
    to: &str,
) -> Result<(), String> {
    let moved = |found: &Occurrence| match (&found.target, target) {
        (Target::Input(name), Target::Input(old)) if name == old => Target::Input(to.to_owned()),
        (Target::Output(name), Target::Output(old)) if name == old => Target::Output(to.to_owned()),
        (Target::Named(step, name), Target::Named(_, old)) if name == old => Target::Named(*step, to.to_owned()),
        // Where a template binds a name moves with the text before it.
        (Target::Local(node, _), _) => Target::Local(*node, TextSize::new(0)),
        (other, _) => other.clone(),
    };
    let placeless = |found: &Occurrence| match &found.target {
        Target::Local(node, _) => Target::Local(*node, TextSize::new(0)),
        other => other.clone(),
    };
    let now = navigate::occurrences(after);
    let same = before.len() == now.len()
        && before.iter().zip(&now).all(|(was, is)| was.role == is.role && moved(was) == placeless(is));
    let found = |analysis: &Analysis| analysis.diagnostics().len();
    if same && found(analysis) == found(after) {
        return Ok(());
    }
    Err(format!("`{to}` means something else here already, or cannot be told from it; choose another name"))
}
