//! Steps that are selected as a whole become the body of a loop.

use text_size::{TextRange, TextSize};

use super::{free_name, refactor};
use crate::{
    analysis::Analysis,
    check::{Fix, Severity},
    graph::Origin,
    model::{Step, StepIndex},
    syntax::NodeKind,
    text::{TextEdit, apply_edits},
};

/// Wraps the steps of the root that `range` covers. Only where no template and no route outside names
/// one of them, and nothing is wrong afterwards that was not before.
pub(super) fn wrapped(analysis: &Analysis, range: TextRange) -> Option<Fix> {
    let steps = &analysis.pipeline().steps;
    let chosen: Vec<&Step> = steps.iter().filter(|step| range.contains_range(trimmed(analysis, step))).collect();
    let (first, last) = (chosen.first()?, chosen.last()?);
    let tree = &analysis.parse().tree;
    let text = analysis.text();
    if chosen.iter().any(|step| tree.kind(step.node) != (NodeKind::Mapping { flow: false })) {
        return None;
    }
    let inside = |index: StepIndex| chosen.iter().any(|step| step.index == index);
    let graph = analysis.graph();
    let outside = graph.edges.iter().chain(&graph.routes).filter(|edge| inside(edge.from) && !inside(edge.to));
    let mut renamed = Vec::new();
    let name = free_name(analysis, "each")?;
    for edge in outside {
        if edge.origin != Origin::Declared {
            return None;
        }
        renamed.push(TextEdit::replace(edge.range, &name));
    }
    let line = |offset: TextSize| text[..usize::from(offset)].rfind('\n').map_or(0, |end| end + 1);
    let start = line(first.range.start());
    let dash = text[start..].find('-').filter(|column| text[start..start + column].bytes().all(|byte| byte == b' '))?;
    let end = text[usize::from(trimmed(analysis, last).end())..].find('\n');
    let end = end.map_or(text.len(), |length| usize::from(trimmed(analysis, last).end()) + length + 1);
    let margin = " ".repeat(dash);
    let mut body = String::new();
    for line in text[start..end].split_inclusive('\n') {
        let blank = line.trim().is_empty();
        body += if blank { "" } else { "    " };
        body += line;
    }
    let whole = format!("{margin}- id: {name}\n{margin}  for_each: []\n{margin}  steps:\n{body}");
    let lines = TextRange::new(TextSize::new(start as u32), TextSize::new(end as u32));
    let mut edits = vec![TextEdit::replace(lines, whole)];
    edits.extend(renamed);
    edits.sort_by_key(|edit| edit.range.start());
    let title = match chosen.len() {
        1 => "Wrap the step in `for_each`".to_owned(),
        count => format!("Wrap the {count} steps in `for_each`"),
    };
    keeps_right(analysis, &edits).then(|| refactor(&title, edits))
}

/// The step without the blank and comment lines after it.
fn trimmed(analysis: &Analysis, step: &Step) -> TextRange {
    let source = &analysis.text()[step.range];
    TextRange::at(step.range.start(), TextSize::of(source.trim_end()))
}

/// Whether `edits` leave no error that was not there before.
fn keeps_right(analysis: &Analysis, edits: &[TextEdit]) -> bool {
    let after = analysis.with_text(&apply_edits(analysis.text(), edits));
    let errors =
        |analysis: &Analysis| analysis.diagnostics().iter().filter(|found| found.severity == Severity::Error).count();
    errors(&after) <= errors(analysis)
}
