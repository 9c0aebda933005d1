//! Another name for a step, an input, an output, an item, a name of a loop or template, or an anchor:
//! everywhere at once, and only if everything means the same afterwards.

use std::collections::BTreeMap;

use camino::Utf8PathBuf;
use text_size::{TextRange, TextSize};

use super::navigate::{self, Occurrence, Role, Target, across};
use crate::{
    analysis::Analysis,
    check::{Code, Diagnostic},
    text::{Spanned, TextEdit, apply_edits},
    workspace,
};

mod edited;
use edited::Edited;

/// The edits of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileEdits {
    /// The other file; `None` for the document itself.
    pub file: Option<Utf8PathBuf>,
    /// Its edits, in order of place.
    pub edits: Vec<TextEdit>,
}

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
    let declared = |found: &Occurrence| found.target == at.target && found.role == Role::Declaration;
    if !matches!(at.target, Target::Foreign { .. }) && !all.iter().any(declared) {
        return Err("this name is not declared in this file".to_owned());
    }
    Ok(Spanned::new(analysis.text()[at.range].to_owned(), at.range))
}

/// The edits that give what stands at `offset` the name `to`, the document's own first.
///
/// # Errors
/// Why it cannot have it: no legal name, taken, or something would mean something else; for people.
pub fn rename(analysis: &Analysis, offset: TextSize, to: &str) -> Result<Vec<FileEdits>, String> {
    let from = prepare(analysis, offset)?;
    let places = navigate::references(analysis, offset, true);
    let Some(target) = places.first().map(|found| found.target.clone()) else { return Ok(Vec::new()) };
    if from.value == to {
        return Ok(Vec::new());
    }
    legal(&target, &places, to)?;
    let edits = edits(analysis, &places, &from.value, to)?;
    let edited = Edited::new(analysis, &edits);
    let concerned = concerned(analysis, target, &edits, to);
    let after: Vec<Analysis> = concerned.iter().map(|one| edited.document(&one.before)).collect();
    for (one, after) in concerned.iter().zip(&after) {
        one.means_the_same(after).map_err(|reason| one.told(reason))?;
    }
    for (one, after) in concerned.iter().zip(&after) {
        if let Some(wrong) = first_new(one.before.diagnostics(), after.diagnostics()) {
            return Err(one.told(wrong.message.clone()));
        }
    }
    Ok(edits.into_iter().map(|(file, edits)| FileEdits { file, edits }).collect())
}

type Edits = BTreeMap<Option<Utf8PathBuf>, Vec<TextEdit>>;

/// The pipelines in which `target` may be named or an edited file included; the document first.
fn concerned<'c>(analysis: &Analysis, target: Target, edits: &Edits, to: &'c str) -> Vec<Concerned<'c>> {
    let shared = analysis.workspace().and_then(|workspace| across::Shared::of(workspace, &target));
    let mut found = vec![Concerned { before: analysis.clone(), file: None, target: Some(target), to }];
    let Some(workspace) = analysis.workspace() else { return found };
    if shared.is_none() && edits.keys().all(Option::is_none) {
        return found;
    }
    for before in across::others(workspace) {
        let Some(path) = before.workspace().map(|workspace| workspace.path.clone()) else { continue };
        let file = Some(workspace.shown(&path).to_owned());
        let target = shared.as_ref().map(|shared| shared.seen_from(&path));
        if edits.contains_key(&Some(path)) || !workspace::links(&before).is_empty() {
            found.push(Concerned { before, file, target, to });
        }
    }
    found
}

/// The edits by file.
fn edits(analysis: &Analysis, places: &[Occurrence], from: &str, to: &str) -> Result<Edits, String> {
    let mut edits = Edits::new();
    for place in places {
        let text = match &place.file {
            None => Some(analysis.text().into()),
            Some(file) => analysis.workspace().and_then(|workspace| workspace.files.text(file)),
        };
        let span = usize::from(place.range.start())..usize::from(place.range.end());
        if text.as_deref().and_then(|text: &str| text.get(span)) != Some(from) {
            return Err(format!("`{from}` is spelled in several ways; make them one first"));
        }
        let of_file = edits.entry(place.file.clone()).or_default();
        // A file that is included twice is edited once.
        if !of_file.iter().any(|edit| edit.range == place.range) {
            of_file.push(TextEdit::replace(place.range, to));
        }
    }
    for of_file in edits.values_mut() {
        of_file.sort_by_key(|edit| edit.range.start());
    }
    Ok(edits)
}

/// Words that YAML or templates read as something else than a name.
const WORDS: [&str; 20] = [
    "true", "false", "null", "none", "yes", "no", "on", "off", "and", "or", "not", "in", "is", "if", "else", "True",
    "False", "None", "loop", "self",
];

fn legal(target: &Target, places: &[Occurrence], to: &str) -> Result<(), String> {
    let begins = to.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    if !begins || !to.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
        return Err(format!("`{to}` is no name; begin with a letter and go on with letters, digits, `_` and `-`"));
    }
    if matches!(target, Target::Anchor(_)) {
        return Ok(());
    }
    if WORDS.contains(&to) {
        return Err(format!("`{to}` is a word of the language; choose another name"));
    }
    if to.contains('-') && places.iter().any(|place| place.word || matches!(place.target, Target::Local(..))) {
        return Err(format!("templates name it, and they read `{to}` as a subtraction; write `_`"));
    }
    Ok(())
}

/// A pipeline that may know the name.
struct Concerned<'c> {
    before: Analysis,
    /// Another file, as a person names it.
    file: Option<Utf8PathBuf>,
    /// What has the name, as this file sees it; nothing if it cannot name it.
    target: Option<Target>,
    to: &'c str,
}

impl Concerned<'_> {
    /// Everything that is named before is named the same way after.
    fn means_the_same(&self, after: &Analysis) -> Result<(), String> {
        let was = navigate::occurrences(&self.before);
        let now = navigate::occurrences(after);
        let differs = |at: &usize| match (was.get(*at), now.get(*at)) {
            (Some(was), Some(now)) => {
                was.role != now.role || was.file != now.file || self.renamed(&was.target) != now.target
            }
            _ => true,
        };
        let Some(at) = (0..was.len().max(now.len())).find(differs) else { return Ok(()) };
        let (analysis, place) = match now.get(at) {
            Some(place) => (after, place),
            None => (&self.before, &was[at]),
        };
        Err(format!("`{}` would mean something else {}", self.to, whereabouts(analysis, place)))
    }

    fn told(&self, reason: String) -> String {
        match &self.file {
            Some(file) => format!("in `{file}`: {reason}"),
            None => reason,
        }
    }

    fn renamed(&self, target: &Target) -> Target {
        let to = || self.to.to_owned();
        if self.target.as_ref() != Some(target) {
            return target.clone();
        }
        match target {
            Target::Input(_) => Target::Input(to()),
            Target::Output(_) => Target::Output(to()),
            Target::Named(step, _) => Target::Named(*step, to()),
            Target::Foreign { file, output, .. } => Target::Foreign { file: file.clone(), output: *output, name: to() },
            other => other.clone(),
        }
    }
}

/// The first diagnostic of a code that was found less often before.
fn first_new<'d>(before: &[Diagnostic], after: &'d [Diagnostic]) -> Option<&'d Diagnostic> {
    let count = |found: &[Diagnostic], code: Code| found.iter().filter(|one| one.code == code).count();
    after.iter().find(|one| count(after, one.code) > count(before, one.code))
}

fn whereabouts(analysis: &Analysis, place: &Occurrence) -> String {
    match &place.file {
        None => {
            let before = &analysis.text()[TextRange::up_to(place.range.start())];
            format!("in line {}", before.matches('\n').count() + 1)
        }
        Some(file) => format!("in `{}`", file.file_name().unwrap_or_default()),
    }
}
