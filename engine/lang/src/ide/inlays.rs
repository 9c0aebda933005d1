//! Hints between the lines: what the text implies and does not say.

use text_size::{TextRange, TextSize};

use crate::{
    analysis::Analysis,
    model::{InputForm, Step},
    registry::ValueType,
    shape,
    syntax::Scalar,
};

/// A hint that is drawn after a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inlay {
    /// Where it is drawn.
    pub at: TextSize,
    /// What it says, in a few letters.
    pub label: String,
    /// The same in a sentence.
    pub tooltip: String,
    /// It is a type.
    pub is_type: bool,
}

/// The hints in `range`, in order of place: the stage of each step, the type of each input that says
/// none and of each value that is one expression, the attempts that `max_retries` and `retry` give.
pub fn inlays(analysis: &Analysis, range: TextRange) -> Vec<Inlay> {
    let mut found = Vec::new();
    if analysis.recognised().is_none() {
        return found;
    }
    stages(analysis, range, &mut found);
    inputs(analysis, &mut found);
    for step in analysis.pipeline().all_steps() {
        if range.intersect(step.range).is_some() {
            attempts(analysis, step, &mut found);
        }
    }
    values(analysis, range, &mut found);
    found.retain(|inlay| range.contains_inclusive(inlay.at));
    found.sort_by_key(|inlay| inlay.at);
    found
}

/// When a step may begin at the earliest, and what may run beside it.
fn stages(analysis: &Analysis, range: TextRange, found: &mut Vec<Inlay>) {
    let steps = analysis.pipeline().all_steps();
    let levels = &analysis.graph().levels;
    for (number, level) in levels.iter().enumerate() {
        let level: Vec<&Step> = level.iter().filter_map(|index| steps.get(index.0 as usize).copied()).collect();
        for step in &level {
            let Some(id) = step.id.as_ref().filter(|id| range.contains_inclusive(id.range.end())) else { continue };
            let others: Vec<&str> =
                level.iter().filter(|other| other.index != step.index).map(|other| other.id_text()).collect();
            let beside = if others.is_empty() { String::new() } else { format!(" ∥ {}", others.len()) };
            let named: Vec<String> = others.iter().take(MOST_NAMED).map(|id| format!("`{id}`")).collect();
            let more = others.len().saturating_sub(MOST_NAMED);
            let alongside = match (named.is_empty(), more) {
                (true, _) => "nothing runs beside it".to_owned(),
                (false, 0) => format!("beside {}", named.join(", ")),
                (false, more) => format!("beside {} and {more} more", named.join(", ")),
            };
            found.push(Inlay {
                at: id.range.end(),
                label: format!("{}/{}{beside}", number + 1, levels.len()),
                tooltip: format!("Stage {} of {}: {alongside}.", number + 1, levels.len()),
                is_type: false,
            });
        }
    }
}

/// How many steps a tooltip names.
const MOST_NAMED: usize = 8;

/// The types of inputs that are declared by their default alone.
fn inputs(analysis: &Analysis, found: &mut Vec<Inlay>) {
    let tree = &analysis.parse().tree;
    for input in analysis.pipeline().inputs.values() {
        if input.type_name.is_some() || !matches!(input.form, InputForm::Bare | InputForm::Object) {
            continue;
        }
        let Some(written) = input.default.and_then(|default| shape::written_type(tree, default)) else { continue };
        found.push(Inlay {
            at: input.name.range.end(),
            label: format!(": {}", written.name()),
            tooltip: "The type of its default.".to_owned(),
            is_type: true,
        });
    }
}

fn attempts(analysis: &Analysis, step: &Step, found: &mut Vec<Inlay>) {
    let tree = &analysis.parse().tree;
    // `max_retries` counts the first attempt, `retry` does not (contract §2.10).
    for (name, first) in [("max_retries", 0), ("retry", 1)] {
        let Some(key) = step.key(name) else { continue };
        let Some(Scalar::Int(count)) = tree.scalar(key.value) else { continue };
        let attempts = count.saturating_add(first).max(1);
        let label = if attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
        found.push(Inlay {
            at: tree.range(key.value).end(),
            tooltip: format!("`{name}: {count}` makes {label} in all."),
            label,
            is_type: false,
        });
    }
}

/// The types of values that are one expression.
fn values(analysis: &Analysis, range: TextRange, found: &mut Vec<Inlay>) {
    let tree = &analysis.parse().tree;
    let scopes = analysis.scopes();
    let shapes = analysis.shapes(&scopes);
    for site in analysis.sites() {
        let place = tree.range(site.node);
        if range.intersect(place).is_none() {
            continue;
        }
        let Some(origin) = &analysis.templates()[&site.node].value else { continue };
        if let [one] = shapes.types(shapes.of_origin(site, origin))[..]
            && one != ValueType::String
        {
            let at = place.start() + TextSize::of(tree.source(site.node).trim_end());
            let tooltip = "The type that the expression gives.".to_owned();
            found.push(Inlay { at, label: format!(": {}", one.name()), tooltip, is_type: true });
        }
    }
}
