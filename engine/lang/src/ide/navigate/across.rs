//! Names that several files share: those in included files, and the inputs and outputs of pipelines
//! that other pipelines run.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashMap;
use text_size::TextRange;

use super::{
    Occurrence, Target,
    collect::{Names, Source},
};
use crate::{
    analysis::Analysis,
    model::{StepIndex, lower::sites::Site},
    template::{self, Reading, SegmentKind, Template},
    workspace::{self, LinkKind, Resolved, Workspace},
};

/// How deep inclusions may nest (reference/language.md §4.7).
const MAX_DEPTH: usize = 10;

/// The pipelines that steps run, by step.
pub(super) type Children = FxHashMap<StepIndex, Child>;

/// A pipeline that a step runs.
pub(super) struct Child {
    file: Utf8PathBuf,
    analysis: Arc<Analysis>,
}

impl Child {
    /// The input or output `name`, if it declares one.
    pub(super) fn target(&self, output: bool, name: &str) -> Option<Target> {
        declared(&self.analysis, output, name)?;
        Some(Target::Foreign { file: self.file.clone(), output, name: name.to_owned() })
    }
}

/// Where a pipeline declares the input or output `name`.
pub(super) fn declared(analysis: &Analysis, output: bool, name: &str) -> Option<TextRange> {
    let pipeline = analysis.pipeline();
    let found = if output {
        pipeline.outputs.iter().map(|output| &output.name).find(|found| found.value == name)
    } else {
        pipeline.inputs.get(name).map(|input| &input.name)
    };
    found.map(|found| found.range)
}

/// The pipelines that the steps of `analysis` run, as far as they are there.
pub(super) fn children(analysis: &Analysis) -> Children {
    let Some(workspace) = analysis.workspace() else { return Children::default() };
    let links = workspace::links(analysis).into_iter().filter(|link| link.kind == LinkKind::Pipeline);
    links
        .filter_map(|link| {
            let file = workspace::target(workspace, &link)?;
            let analysis = workspace.files.analysis(&file)?;
            Some((link.step?, Child { file, analysis }))
        })
        .collect()
}

/// The names in the files whose text `template` takes in: they mean there what they mean here.
pub(super) fn included(names: &mut Names<'_, '_>, site: &Site, template: &Template, source: &Source<'_>, depth: usize) {
    let Some(workspace) = names.analysis.workspace() else { return };
    if depth > MAX_DEPTH {
        return;
    }
    for segment in &template.segments {
        if !matches!(segment.kind, SegmentKind::FileInclude | SegmentKind::AngleInclude) {
            continue;
        }
        let Resolved::Found(file) = workspace.resolve(source.text[segment.inner].trim()) else { continue };
        let Some(text) = workspace.files.text(&file) else { continue };
        let mut inner = template::parse(&text, Reading::Template);
        // What the text around binds is no name of the pipeline.
        let bound = template::locals_at(source.text, segment.range.start());
        inner.references.retain(|reference| !bound.contains(&reference.root));
        let inside = Source { file: Some(&file), text: &text, decoded: None };
        names.template(site, &inner, &inside);
        included(names, site, &inner, &inside, depth + 1);
    }
}

/// An input or output, wherever it is named from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::ide) struct Shared {
    /// The pipeline that declares it.
    pub(in crate::ide) file: Utf8PathBuf,
    pub(in crate::ide) output: bool,
    pub(in crate::ide) name: String,
}

impl Shared {
    /// What `target`, as the document in `workspace` names it, is to other files.
    pub(in crate::ide) fn of(workspace: &Workspace, target: &Target) -> Option<Self> {
        let own = |output, name: &String| Self { file: workspace.path.clone(), output, name: name.clone() };
        match target {
            Target::Input(name) => Some(own(false, name)),
            Target::Output(name) => Some(own(true, name)),
            Target::Foreign { file, output, name } => {
                Some(Self { file: file.clone(), output: *output, name: name.clone() })
            }
            _ => None,
        }
    }

    /// The same as the pipeline at `path` names it.
    pub(in crate::ide) fn seen_from(&self, path: &Utf8Path) -> Target {
        match (path == self.file, self.output) {
            (true, true) => Target::Output(self.name.clone()),
            (true, false) => Target::Input(self.name.clone()),
            _ => Target::Foreign { file: self.file.clone(), output: self.output, name: self.name.clone() },
        }
    }
}

/// The other pipelines of the workspace that name files.
pub(in crate::ide) fn others(workspace: &Workspace) -> Vec<Analysis> {
    let paths = workspace.files.pipelines(&workspace.root).into_iter().filter(|path| *path != workspace.path);
    paths.filter_map(|path| at(workspace, path)).collect()
}

/// The pipeline at `path`, among the same files as the document in `workspace`.
fn at(workspace: &Workspace, path: Utf8PathBuf) -> Option<Analysis> {
    let analysis = workspace.files.analysis(&path)?;
    Some(analysis.within(Workspace { path, ..workspace.clone() }))
}

/// Where other pipelines declare or use `target`.
pub(super) fn elsewhere(analysis: &Analysis, target: &Target) -> Vec<Occurrence> {
    let Some(workspace) = analysis.workspace() else { return Vec::new() };
    let Some(shared) = Shared::of(workspace, target) else { return Vec::new() };
    let mut found = Vec::new();
    for other in others(workspace) {
        let Some(path) = other.workspace().map(|workspace| workspace.path.clone()) else { continue };
        let seen = shared.seen_from(&path);
        let own = super::occurrences(&other).into_iter().filter(|one| one.target == seen);
        found.extend(own.map(|one| Occurrence { file: one.file.or_else(|| Some(path.clone())), ..one }));
    }
    found
}
