//! From a name to what it means and to everything else that means the same.
//!
//! All of it rests on one list, [`occurrences`]: every place of a document where a step, an input, an
//! item, a name of a template or an anchor is declared or used.

use camino::Utf8PathBuf;
use text_size::{TextRange, TextSize};

use crate::{analysis::Analysis, model::StepIndex, syntax::NodeId, workspace};

mod collect;

pub(super) mod across;

mod calls;
pub use calls::{Call, fed, feeders, step_at};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Target {
    /// A step.
    Step(StepIndex),
    /// An item of an action loop or queue.
    Item(StepIndex, u32),
    /// An input.
    Input(String),
    /// What a loop calls its item or itself (`loop_var`, `loop_name`).
    Named(StepIndex, String),
    /// A name that a template binds itself: the scalar, and which of the names bound in it.
    Local(NodeId, u32),
    /// An anchor, by the node it marks.
    Anchor(NodeId),
    /// An output.
    Output(String),
    /// An input or output of another pipeline, which a step runs.
    Foreign {
        /// The other pipeline.
        file: Utf8PathBuf,
        /// An output, not an input.
        output: bool,
        /// Its name.
        name: String,
    },
}

/// Whether a name is declared or used at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// It is declared.
    Declaration,
    /// It is used.
    Use,
}

/// A place of a document where a name stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// What it means there.
    pub target: Target,
    /// The name, quotes and sigils excluded.
    pub range: TextRange,
    /// Whether it is declared here.
    pub role: Role,
    /// It is a word of a template, where nothing but letters, digits and `_` can stand.
    pub word: bool,
    /// The other file it stands in; `None` for the document itself.
    pub file: Option<Utf8PathBuf>,
}

/// A place, perhaps in another file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The other file; `None` for the document itself.
    pub file: Option<Utf8PathBuf>,
    /// Where; for a file as a whole its beginning.
    pub range: TextRange,
    /// What the question was about.
    pub origin: TextRange,
}

/// Every name of the document and of the files it includes, in order of file and place.
pub fn occurrences(analysis: &Analysis) -> Vec<Occurrence> {
    collect::collect(analysis)
}

/// What stands at `offset` of the document, if it is a name.
pub fn occurrence_at(occurrences: &[Occurrence], offset: TextSize) -> Option<&Occurrence> {
    let touching = |found: &&Occurrence| found.file.is_none() && found.range.contains_inclusive(offset);
    // Of two that touch, the one that begins here.
    occurrences.iter().rfind(touching)
}

/// Where what stands at `offset` is declared.
pub fn definition(analysis: &Analysis, offset: TextSize) -> Vec<Location> {
    let all = occurrences(analysis);
    let Some(at) = occurrence_at(&all, offset) else {
        let of_loop = collect::loop_of_name(analysis, offset);
        let of_loop = of_loop.map(|(origin, range)| Location { file: None, range, origin });
        return of_loop.or_else(|| file_at(analysis, offset)).into_iter().collect();
    };
    if let Target::Foreign { file, output, name } = &at.target {
        let other = analysis.workspace().and_then(|workspace| workspace.files.analysis(file));
        let declared = other.and_then(|other| across::declared(&other, *output, name));
        let location = |range| Location { file: Some(file.clone()), range, origin: at.range };
        return declared.map(location).into_iter().collect();
    }
    let declared = all.iter().filter(|found| found.target == at.target && found.role == Role::Declaration);
    declared.map(|found| Location { file: None, range: found.range, origin: at.range }).collect()
}

/// The file that the path at `offset` leads to.
fn file_at(analysis: &Analysis, offset: TextSize) -> Option<Location> {
    let link = workspace::links(analysis).into_iter().find(|link| link.range.contains_inclusive(offset))?;
    let file = workspace::target(analysis.workspace()?, &link)?;
    Some(Location { file: Some(file), range: TextRange::default(), origin: link.range })
}

/// Every place that means what stands at `offset`: in the document, in the files it includes, and,
/// for inputs and outputs, in the pipelines of the workspace that run this one or are run by it.
pub fn references(analysis: &Analysis, offset: TextSize, declaration: bool) -> Vec<Occurrence> {
    let mut found = highlights(analysis, offset);
    if let Some(target) = found.first().map(|found| found.target.clone()) {
        found.extend(across::elsewhere(analysis, &target));
    }
    found.retain(|found| declaration || found.role == Role::Use);
    found
}

/// The same without other pipelines.
pub fn highlights(analysis: &Analysis, offset: TextSize) -> Vec<Occurrence> {
    let all = occurrences(analysis);
    let Some(target) = occurrence_at(&all, offset).map(|found| found.target.clone()) else { return Vec::new() };
    all.into_iter().filter(|found| found.target == target).collect()
}

/// The places of a name that can be typed over all at once. Only from where it is declared, as a use
/// may be typed over to name something else; and only if nothing else has the same name and all of
/// it stands in this document.
pub fn linked(analysis: &Analysis, offset: TextSize) -> Vec<TextRange> {
    let all = occurrences(analysis);
    let Some(at) = occurrence_at(&all, offset).filter(|at| at.role == Role::Declaration) else { return Vec::new() };
    let text = analysis.text();
    let name = &text[at.range];
    let own = |found: &&Occurrence| found.target == at.target;
    let free = all.iter().all(|found| own(&found) || found.file.is_some() || text[found.range] != *name);
    let here = all.iter().filter(own).all(|found| found.file.is_none() && text[found.range] == *name);
    let ranges: Vec<TextRange> = all.iter().filter(own).map(|found| found.range).collect();
    if free && here && ranges.len() > 1 { ranges } else { Vec::new() }
}

/// A link to a file that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLink {
    /// The path as it is written.
    pub range: TextRange,
    /// The file.
    pub file: Utf8PathBuf,
}

/// The paths in a document that lead to files.
pub fn file_links(analysis: &Analysis) -> Vec<FileLink> {
    let Some(workspace) = analysis.workspace() else { return Vec::new() };
    let links = workspace::links(analysis).into_iter();
    let there = links.filter_map(|link| {
        let file = workspace::target(workspace, &link)?;
        (workspace.files.is_directory(&file) == Some(false)).then_some(FileLink { range: link.range, file })
    });
    there.collect()
}
