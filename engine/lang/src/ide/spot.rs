//! Where in the language a place of a file is: from a path of keys and items to the table of keys, or
//! the parameters of an operation, that holds there.

use text_size::TextSize;

use crate::{
    analysis::Analysis,
    model::{Step, StepIndex, lower::sites, target},
    registry::{ActionSpec, OperationSpec, ParamSpec, Place, Target, ToolSpec, keys},
    syntax::cursor::PathSegment,
};

/// What kind of collection a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spot {
    /// A mapping with a table of keys.
    Keys(Place),
    /// A list whose items are mappings with a table of keys.
    Items(Place),
    /// The names under `inputs`, `parameters` or `outputs`.
    Names(Place),
    /// Inside a step's `parameters`; the path goes on inside from this segment.
    Parameters(usize),
    /// A value, or a list of values, of the key at this segment of the path.
    Value(Place, usize),
    /// A place the language knows nothing about.
    Free,
}

/// Where a path leads, and the step or loop item around it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Located {
    pub(super) spot: Spot,
    /// Where the innermost step begins.
    pub(super) step: Option<TextSize>,
    /// The segment of the path that follows the innermost step.
    depth: usize,
    /// Where the innermost step or loop item begins.
    pub(super) actor: Option<TextSize>,
}

pub(super) fn locate(path: &[PathSegment]) -> Located {
    let mut found = Located { spot: Spot::Keys(Place::Pipeline), step: None, depth: 0, actor: None };
    for (index, segment) in path.iter().enumerate() {
        found.spot = match (found.spot, segment) {
            (Spot::Keys(place), PathSegment::Key(key)) => below(place, key, index),
            (Spot::Names(place), _) => Spot::Keys(place),
            (Spot::Items(place), PathSegment::Item { start, .. }) => {
                if place == Place::Step {
                    found.step = Some(*start);
                    found.depth = index + 1;
                }
                if matches!(place, Place::Step | Place::LoopItem) {
                    found.actor = Some(*start);
                }
                Spot::Keys(place)
            }
            // An object where a list may stand as well: one handler, one item.
            (Spot::Items(place), PathSegment::Key(key)) => below(place, key, index),
            (spot @ (Spot::Parameters(_) | Spot::Value(..)), _) => spot,
            _ => Spot::Free,
        };
    }
    found
}

fn below(place: Place, key: &str, index: usize) -> Spot {
    match (place, key) {
        (Place::Pipeline, "steps") => return Spot::Items(Place::Step),
        (Place::Pipeline, "inputs" | "parameters") => return Spot::Names(Place::Input),
        (Place::Pipeline, "outputs") => return Spot::Names(Place::Output),
        (Place::Step | Place::LoopItem, "parameters") => return Spot::Parameters(index + 1),
        (Place::Queue, "task") => return Spot::Keys(Place::Queue),
        _ => {}
    }
    match keys::key(place, key) {
        Some(spec) => match spec.below {
            Some(inner @ (Place::Step | Place::LoopItem | Place::ErrorHandler)) => Spot::Items(inner),
            Some(inner) => Spot::Keys(inner),
            None => Spot::Value(place, index),
        },
        None => Spot::Free,
    }
}

/// What surrounds a place, which decides the names it sees. `key` is the key whose value it is in,
/// where that is not part of the path.
pub(super) fn surroundings(
    analysis: &Analysis,
    steps: &[&Step],
    located: &Located,
    path: &[PathSegment],
    key: Option<&str>,
) -> (Option<StepIndex>, sites::Place) {
    let own = path.get(located.depth).and_then(|segment| match segment {
        PathSegment::Key(key) => Some(key.as_str()),
        PathSegment::Item { .. } => None,
    });
    let own = own.or(key).unwrap_or_default();
    let Some(step) = located.step.and_then(|start| step_at(analysis, steps, start)) else {
        let place = match own {
            "inputs" | "parameters" => sites::Place::Input,
            "outputs" => sites::Place::Output,
            _ => sites::Place::Root,
        };
        return (None, place);
    };
    let below = path.get(located.depth..).unwrap_or_default();
    (Some(step.index), place_in(step, own, below, key))
}

fn place_in(step: &Step, own: &str, below: &[PathSegment], key: Option<&str>) -> sites::Place {
    let within =
        |name: &str| key == Some(name) || below.iter().any(|segment| *segment == PathSegment::Key(name.into()));
    let item = below.iter().find_map(|segment| match segment {
        PathSegment::Item { index, .. } => Some(*index as u32),
        PathSegment::Key(_) => None,
    });
    match own {
        "while" | "until" | "while_condition" => sites::Place::Condition,
        "on_error" | "error_handlers" => sites::Place::Handler,
        "parameters" | "action" | "location" | "produces" if step.loops.is_some() && step.body.is_empty() => {
            sites::Place::Body
        }
        "action_loop" | "create_parallel_queue" => match item {
            Some(item) if within("action_loop") => sites::Place::Item(item),
            _ if within("until") || within("while") => sites::Place::Condition,
            _ if within("task") => sites::Place::Body,
            _ => sites::Place::Step,
        },
        _ => sites::Place::Step,
    }
}

/// What the step or loop item around a place says it does.
#[derive(Debug, Clone)]
pub(super) struct Actor<'a> {
    /// A tool is named, so that `action` names its operation.
    pub(super) has_tool: bool,
    pub(super) target: Target<'a>,
}

impl<'a> Actor<'a> {
    /// The step or item that begins at `start`, also where it could not be read as a whole.
    pub(super) fn at(analysis: &'a Analysis, start: TextSize) -> Self {
        let (tree, registry) = (&analysis.parse().tree, analysis.registry());
        let steps = analysis.pipeline().all_steps();
        if let Some(step) = step_at(analysis, &steps, start) {
            return Self { has_tool: step.tool.is_some(), target: target::of_step(tree, registry, step) };
        }
        let mut items = steps.iter().flat_map(|step| &step.items);
        match items.find(|item| begins(analysis.text(), start, tree.range(item.node).start())) {
            Some(item) => Self { has_tool: item.tool.is_some(), target: target::of_item(tree, registry, item) },
            None => {
                let (tool, action) = words(&analysis.text()[usize::from(start)..]);
                Self { has_tool: tool.is_some(), target: registry.resolve(tool, action, None) }
            }
        }
    }
}

/// `tool` and `action` as they stand on the lines of an item that could not be read.
fn words(text: &str) -> (Option<&str>, Option<&str>) {
    let column = text.len() - text.trim_start_matches(['-', ' ']).len();
    let (mut tool, mut action) = (None, None);
    for (index, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if index > 0 && indent < column.min(1) && !line.trim().is_empty() {
            break;
        }
        let entry = line.trim_start_matches(['-', ' ']);
        for (key, slot) in [("tool:", &mut tool), ("action:", &mut action)] {
            if let Some(value) = entry.strip_prefix(key)
                && slot.is_none()
            {
                *slot = Some(value.trim().trim_matches(['\'', '"']));
            }
        }
        if index > 0 && line.trim_start().starts_with("- id:") {
            break;
        }
    }
    (tool, action)
}

/// The step whose item begins at `start`.
pub(super) fn step_at<'p>(analysis: &Analysis, steps: &[&'p Step], start: TextSize) -> Option<&'p Step> {
    let index = steps.partition_point(|step| step.range.start() < start);
    steps.get(index).copied().filter(|step| begins(analysis.text(), start, step.range.start()))
}

fn begins(text: &str, start: TextSize, node: TextSize) -> bool {
    start <= node && text[usize::from(start)..usize::from(node)].trim_matches(['-', ' ', '\n', '\r']).is_empty()
}

/// The parameters of a target, and whether there may be others.
pub(super) fn params<'r>(target: &Target<'r>) -> &'r [ParamSpec] {
    match target {
        Target::Operation { operation: Some(operation), .. } => &operation.params,
        Target::Action(action) => &action.params,
        _ => &[],
    }
}

/// The parameter that the rest of a path leads to: members of objects, items of arrays.
pub(super) fn param_at<'r>(params: &'r [ParamSpec], path: &[PathSegment]) -> Option<&'r ParamSpec> {
    let (PathSegment::Key(first), rest) = path.split_first()? else { return None };
    let mut param = param_named(params, first)?;
    for segment in rest {
        param = match segment {
            PathSegment::Key(key) => param_named(&param.fields, key)?,
            PathSegment::Item { .. } => param.items.as_deref()?,
        };
    }
    Some(param)
}

pub(super) fn param_named<'r>(params: &'r [ParamSpec], name: &str) -> Option<&'r ParamSpec> {
    params.iter().find(|param| param.name == name || param.aliases.iter().any(|alias| alias == name))
}

/// A tool and operation, or an action, as one word.
pub(super) fn describe(target: &Target<'_>) -> String {
    match target {
        Target::Operation { tool: ToolSpec { name, .. }, operation: Some(OperationSpec { name: operation, .. }) } => {
            format!("{name}.{operation}")
        }
        Target::Operation { tool, operation: None } => tool.name.clone(),
        Target::Action(ActionSpec { name, .. }) => name.clone(),
        Target::Echo { .. } | Target::FileProse | Target::Auto | Target::Unknown => String::new(),
    }
}
