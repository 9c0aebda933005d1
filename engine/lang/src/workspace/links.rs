//! Where a document names other files.

use rustc_hash::FxHashSet;
use text_size::TextRange;

use crate::{
    analysis::Analysis,
    model::{KeyUse, StepIndex, files, lower::content_range, target},
    registry::{ParamKind, ParamSpec, Target},
    syntax::{Decoded, NodeId},
    template::{self, Reference, Segment, SegmentKind, Template},
};

/// A file as a document names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The path as it is written.
    pub written: String,
    /// Its place.
    pub range: TextRange,
    /// What it is named for.
    pub kind: LinkKind,
    /// The step that names it.
    pub step: Option<StepIndex>,
}

/// What a file is named for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LinkKind {
    /// `{{ file:… }}` or `<< … >>`: its text takes the place of the words.
    Include,
    /// `include_file(…)` and the like: its text is data.
    Data,
    /// A pipeline that a step runs.
    Pipeline,
    /// A file or directory that a step reads.
    Read,
    /// A file or directory that a step writes.
    Write,
}

/// All files a document names literally, in order of place.
pub fn links(analysis: &Analysis) -> Vec<Link> {
    let mut found = Vec::new();
    let tree = &analysis.parse().tree;
    for site in analysis.sites() {
        let template = &analysis.templates()[&site.node];
        if template.segments.iter().any(is_inclusion) || template.references.iter().any(is_of_file) {
            in_template(template, &tree.decoded(site.node), site.step, &mut found);
        }
    }
    for step in analysis.pipeline().all_steps() {
        let target = target::of_step(tree, analysis.registry(), step);
        in_parameters(analysis, &target, &step.parameters, step.index, &mut found);
        for item in &step.items {
            let target = target::of_item(tree, analysis.registry(), item);
            in_parameters(analysis, &target, &item.parameters, step.index, &mut found);
        }
    }
    found.sort_by_key(|link| (link.range.start(), link.range.end()));
    let mut seen = FxHashSet::default();
    found.retain(|link| seen.insert(link.range));
    found
}

fn in_template(template: &Template, decoded: &Decoded<'_>, step: Option<StepIndex>, found: &mut Vec<Link>) {
    let mut add = |kind, range: TextRange, written: &str| {
        let range = decoded.source_range(range);
        found.push(Link { written: written.to_owned(), range, kind, step });
    };
    for segment in &template.segments {
        if is_inclusion(segment) {
            let (range, written) = trimmed(&decoded.text, segment.inner);
            add(LinkKind::Include, range, written);
        }
    }
    for reference in &template.references {
        let Some(call) = reference.call.filter(|_| is_of_file(reference)) else {
            continue;
        };
        if let Some(range) = template::literal_argument(&decoded.text, call.range) {
            add(LinkKind::Data, range, &decoded.text[range]);
        }
    }
}

fn is_inclusion(segment: &Segment) -> bool {
    matches!(segment.kind, SegmentKind::FileInclude | SegmentKind::AngleInclude)
}

fn is_of_file(reference: &Reference) -> bool {
    matches!(&*reference.root, "include_file" | "file_exists")
}

fn trimmed(text: &str, range: TextRange) -> (TextRange, &str) {
    let inner = &text[range];
    let written = inner.trim();
    let lead = (inner.len() - inner.trim_start().len()) as u32;
    (TextRange::at(range.start() + text_size::TextSize::new(lead), text_size::TextSize::of(written)), written)
}

fn in_parameters(
    analysis: &Analysis,
    target: &Target<'_>,
    parameters: &[KeyUse],
    step: StepIndex,
    found: &mut Vec<Link>,
) {
    let specs: &[ParamSpec] = match target {
        Target::Operation { operation: Some(operation), .. } => &operation.params,
        Target::Action(action) => &action.params,
        _ => return,
    };
    for parameter in parameters {
        let named = |spec: &&ParamSpec| spec.name == parameter.name || spec.aliases.contains(&parameter.name);
        let Some(spec) = specs.iter().find(named) else { continue };
        for (node, kind) in files::named(&analysis.parse().tree, spec, parameter.value) {
            let kind = match kind {
                ParamKind::Pipeline => LinkKind::Pipeline,
                ParamKind::WritePath => LinkKind::Write,
                _ => LinkKind::Read,
            };
            if let Some((range, written)) = literal(analysis, node) {
                found.push(Link { written, range, kind, step: Some(step) });
            }
        }
    }
}

/// A path that is written as it is: one line, no template.
fn literal(analysis: &Analysis, node: NodeId) -> Option<(TextRange, String)> {
    let tree = &analysis.parse().tree;
    if tree.resolve(node) != node || !tree.is_scalar(node) || analysis.templates().contains_key(&node) {
        return None;
    }
    let text = tree.string(node)?;
    let one_line = !text.is_empty() && !text.contains(['\n', '\r']) && template::is_plain(&text);
    one_line.then(|| (content_range(tree, node), text))
}
