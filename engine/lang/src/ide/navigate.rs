//! From a name to what it means and to everything else that means the same.
//!
//! All of it rests on one list, [`occurrences`]: every place of a document where a step, an input, an
//! item, a name of a template or an anchor is declared or used.

use camino::Utf8PathBuf;
use text_size::{TextRange, TextSize};

use crate::{
    analysis::Analysis,
    model::StepIndex,
    syntax::NodeId,
    workspace::{self, LinkKind},
};

mod collect;

mod calls;
pub use calls::{Call, fed, feeders, step_at};

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// A step.
    Step(StepIndex),
    /// An item of an action loop or queue.
    Item(StepIndex, u32),
    /// An input.
    Input(String),
    /// What a loop calls its item or itself (`loop_var`, `loop_name`).
    Named(StepIndex, String),
    /// A name that a template binds itself: the scalar, and where the name is bound in it.
    Local(NodeId, TextSize),
    /// An anchor, by the node it marks.
    Anchor(NodeId),
    /// An output.
    Output(String),
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

/// Every name of the document, in order of place.
pub fn occurrences(analysis: &Analysis) -> Vec<Occurrence> {
    collect::collect(analysis)
}

/// What stands at `offset`, if it is a name.
pub fn occurrence_at(occurrences: &[Occurrence], offset: TextSize) -> Option<&Occurrence> {
    let touching = |found: &&Occurrence| found.range.contains_inclusive(offset);
    // Of two that touch, the one that begins here.
    occurrences.iter().rfind(touching)
}

/// Where what stands at `offset` is declared.
pub fn definition(analysis: &Analysis, offset: TextSize) -> Vec<Location> {
    let all = occurrences(analysis);
    if let Some(at) = occurrence_at(&all, offset) {
        let declared = all.iter().filter(|found| found.target == at.target && found.role == Role::Declaration);
        return declared.map(|found| Location { file: None, range: found.range, origin: at.range }).collect();
    }
    collect::loop_of_name(analysis, offset)
        .map(|(origin, range)| Location { file: None, range, origin })
        .into_iter()
        .chain(in_other_file(analysis, offset))
        .collect()
}

/// The file at a path, or what a sub-pipeline declares.
fn in_other_file(analysis: &Analysis, offset: TextSize) -> Option<Location> {
    let workspace = analysis.workspace()?;
    let links = workspace::links(analysis);
    if let Some(link) = links.iter().find(|link| link.range.contains_inclusive(offset)) {
        let file = workspace::target(workspace, link)?;
        return Some(Location { file: Some(file), range: TextRange::default(), origin: link.range });
    }
    let steps = analysis.pipeline().all_steps();
    links.iter().filter(|link| link.kind == LinkKind::Pipeline).find_map(|link| {
        let step = steps.get(link.step?.0 as usize)?;
        let given = step.parameter("inputs").or_else(|| step.parameter("parameters"))?;
        let tree = &analysis.parse().tree;
        let key = tree.entries(given.value).find(|entry| tree.range(entry.key).contains_inclusive(offset))?.key;
        let file = workspace::target(workspace, link)?;
        let child = workspace.files.analysis(&file)?;
        let range = child.pipeline().inputs.get(&*tree.decoded(key).text)?.name.range;
        Some(Location { file: Some(file), range, origin: tree.range(key) })
    })
}

/// Every place in the document that means what stands at `offset`.
pub fn references(analysis: &Analysis, offset: TextSize, declaration: bool) -> Vec<Occurrence> {
    let all = occurrences(analysis);
    let Some(target) = occurrence_at(&all, offset).map(|found| found.target.clone()) else { return Vec::new() };
    let wanted = |found: &Occurrence| found.target == target && (declaration || found.role == Role::Use);
    all.into_iter().filter(wanted).collect()
}

/// The places of a name that can be typed over all at once: it is the same word everywhere.
pub fn linked(analysis: &Analysis, offset: TextSize) -> Vec<TextRange> {
    let found = references(analysis, offset, true);
    let text = analysis.text();
    let same = found.windows(2).all(|pair| text[pair[0].range] == text[pair[1].range]);
    let declared = found.iter().any(|found| found.role == Role::Declaration);
    if same && declared && found.len() > 1 { found.into_iter().map(|found| found.range).collect() } else { Vec::new() }
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
