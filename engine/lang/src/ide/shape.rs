//! What a path through a template leads to: steps, their results, the fields the registry knows.

use super::{
    completion::type_name,
    spot::{self, Actor},
};
use crate::{
    analysis::Analysis,
    model::{Step, StepIndex, scope::Binding},
    registry::{FieldSpec, LoopConstruct, OutputSpec, RuntimeName, ValueType, names},
};

/// What stands at the end of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape<'a> {
    /// All inputs by name.
    Inputs,
    /// The input of this name.
    Input(&'a str),
    /// The steps of one scope by id: those of the root, or of one iteration of a loop.
    Steps(Option<StepIndex>),
    /// A step that ended.
    Step(StepIndex),
    /// An item of an action loop or queue that ended.
    Item(StepIndex, u32),
    /// What a tool or action gives back.
    Output(&'a OutputSpec),
    /// A field of that.
    Field(&'a FieldSpec),
    /// The members of an item of a list.
    Members(&'a [FieldSpec]),
    /// What a loop gives back.
    LoopResult(StepIndex),
    /// The iterations of a loop, in order.
    Iterations(StepIndex),
    /// A name of the run.
    Runtime(&'static RuntimeName),
    /// A plain value with what is known about it.
    Plain(Known),
}

/// A name with its type and meaning.
pub(super) type Known = (&'static str, ValueType, &'static str);

/// One step of a path.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'p> {
    /// A member by name.
    Name(&'p str),
    /// An item of a list.
    Index,
}

/// A member as completion shows it.
pub(super) struct Member<'a> {
    pub(super) name: &'a str,
    pub(super) types: Vec<ValueType>,
    pub(super) doc: &'a str,
}

const OF_STEPS: [Known; 4] = [
    ("result", ValueType::Object, "What the step gave back."),
    ("status", ValueType::String, "How the step ended: `completed`, `failed` or `skipped`."),
    ("success", ValueType::Boolean, "Whether the step succeeded."),
    ("error", ValueType::String, "Why the step failed; none if it did not."),
];

const OF_FOR_EACH: [Known; 4] = [
    ("count", ValueType::Integer, "The number of items."),
    ("results", ValueType::Array, "What each iteration gave back, in the order of the items."),
    ("succeeded", ValueType::Integer, "The number of iterations that succeeded."),
    ("failed", ValueType::Integer, "The number of iterations that failed."),
];

const OF_WHILE: [Known; 5] = [
    ("count", ValueType::Integer, "The number of iterations."),
    ("iterations", ValueType::Array, "What each iteration gave back, in order."),
    ("iteration_count", ValueType::Integer, "The number of iterations; the same as `count`."),
    ("terminated_by", ValueType::String, "Why the loop ended: `while`, `until`, `max_iterations` or `failure`."),
    ("max_iterations_reached", ValueType::Boolean, "Whether the loop ended because it was at its limit."),
];

/// What a bound name stands for.
pub(super) fn of_binding<'a>(binding: &Binding<'a>) -> Option<Shape<'a>> {
    match *binding {
        Binding::Step(index) => Some(Shape::Step(index)),
        Binding::Item(index, item) => Some(Shape::Item(index, item)),
        Binding::Input(name) => Some(Shape::Input(name)),
        Binding::Inputs => Some(Shape::Inputs),
        Binding::Runtime(runtime) if is_all_steps(runtime) => Some(Shape::Steps(None)),
        Binding::Runtime(runtime) => Some(Shape::Runtime(runtime)),
        Binding::Loop(..) | Binding::Named(_) | Binding::Global(_) => None,
    }
}

/// Whether the name holds the results of all steps by id.
fn is_all_steps(runtime: &RuntimeName) -> bool {
    matches!(runtime.name, "previous_results" | "step_results")
}

/// Where `part` leads from `shape`.
pub(super) fn follow<'a>(
    analysis: &'a Analysis,
    steps: &[&'a Step],
    shape: Shape<'a>,
    part: Part<'_>,
) -> Option<Shape<'a>> {
    let Part::Name(name) = part else {
        return match shape {
            Shape::Iterations(index) => Some(Shape::Steps(Some(index))),
            Shape::Field(field) => Some(Shape::Members(&field.items)),
            _ => None,
        };
    };
    match shape {
        Shape::Inputs => analysis.pipeline().inputs.get_key_value(name).map(|(name, _)| Shape::Input(name)),
        Shape::Steps(scope) => in_scope(analysis, steps, scope)
            .iter()
            .find(|step| step.id_text() == name)
            .map(|step| Shape::Step(step.index)),
        Shape::Step(index) if name == "result" => result(analysis, steps[index.0 as usize]),
        Shape::Step(index) => known(&OF_STEPS, name).map(Shape::Plain).or_else(|| {
            // `step.field` finds `step.result.field`.
            follow(analysis, steps, result(analysis, steps[index.0 as usize])?, part)
        }),
        Shape::Item(index, item) if name == "result" => {
            let item = steps[index.0 as usize].items.get(item as usize)?;
            spot::output(&Actor::of_item(analysis, item).target(analysis)).map(Shape::Output)
        }
        Shape::Item(..) => known(&OF_STEPS, name).map(Shape::Plain),
        Shape::Output(output) => output.field(name).map(Shape::Field),
        Shape::Field(field) => field.fields.iter().find(|field| field.name == name).map(Shape::Field),
        Shape::Members(members) => members.iter().find(|field| field.name == name).map(Shape::Field),
        Shape::LoopResult(index) if matches!(name, "results" | "iterations") => {
            known(of_loop(steps[index.0 as usize]), name).map(|_| Shape::Iterations(index))
        }
        Shape::LoopResult(index) => known(of_loop(steps[index.0 as usize]), name).map(Shape::Plain),
        Shape::Runtime(runtime) => {
            let (name, doc) = runtime.fields.iter().find(|(field, _)| *field == name)?;
            Some(Shape::Plain((name, ValueType::String, doc)))
        }
        Shape::Input(_) | Shape::Iterations(_) | Shape::Plain(_) => None,
    }
}

/// What may stand after `shape` and a dot.
pub(super) fn members<'a>(analysis: &'a Analysis, steps: &[&'a Step], shape: Shape<'a>) -> Vec<Member<'a>> {
    let known = |table: &'static [Known]| {
        table.iter().map(|(name, value_type, doc)| Member { name, types: vec![*value_type], doc }).collect()
    };
    match shape {
        Shape::Inputs => {
            let inputs = analysis.pipeline().inputs.values();
            inputs
                .map(|input| Member {
                    name: &input.name.value,
                    types: Vec::new(),
                    doc: input.description.as_deref().unwrap_or_default(),
                })
                .collect()
        }
        Shape::Steps(scope) => in_scope(analysis, steps, scope)
            .iter()
            .filter_map(|step| step.id.as_ref())
            .map(|id| Member { name: &id.value, types: Vec::new(), doc: "" })
            .collect(),
        Shape::Step(index) if steps[index.0 as usize].loops == Some(LoopConstruct::While) => {
            let mut found: Vec<Member<'_>> = known(&OF_STEPS);
            found.extend(known(&OF_WHILE).into_iter().filter(|member| member.name == "iterations"));
            found
        }
        Shape::Step(_) | Shape::Item(..) => known(&OF_STEPS),
        Shape::Output(output) => fields(&output.fields),
        Shape::Field(field) => fields(&field.fields),
        Shape::Members(members) => fields(members),
        Shape::LoopResult(index) => known(of_loop(steps[index.0 as usize])),
        Shape::Runtime(runtime) => {
            runtime.fields.iter().map(|(name, doc)| Member { name, types: vec![ValueType::String], doc }).collect()
        }
        Shape::Input(_) | Shape::Iterations(_) | Shape::Plain(_) => Vec::new(),
    }
}

/// Types as people read them: `string | array`.
pub(super) fn type_names(types: &[ValueType]) -> String {
    types.iter().map(|one| type_name(*one)).collect::<Vec<_>>().join(" | ")
}

/// The loop variable `name` of any construct, for places where no loop is in sight.
pub(super) fn any_loop_variable(name: &str) -> Option<&'static names::LoopVariable> {
    use LoopConstruct::{ActionLoop, ForEach, Queue, While};
    [ForEach, While, ActionLoop, Queue]
        .into_iter()
        .flat_map(names::loop_variables)
        .find(|variable| variable.name == name)
}

fn fields(fields: &[FieldSpec]) -> Vec<Member<'_>> {
    fields.iter().map(|field| Member { name: &field.name, types: field.types.clone(), doc: &field.doc }).collect()
}

fn known(table: &[Known], name: &str) -> Option<Known> {
    table.iter().find(|(known, ..)| *known == name).copied()
}

/// What `{{ step.result }}` holds.
fn result<'a>(analysis: &'a Analysis, step: &'a Step) -> Option<Shape<'a>> {
    match step.loops {
        Some(LoopConstruct::ForEach | LoopConstruct::While) => Some(Shape::LoopResult(step.index)),
        Some(LoopConstruct::ActionLoop) => action(analysis, "action_loop"),
        Some(LoopConstruct::Queue) => action(analysis, "create_parallel_queue"),
        None => spot::output(&Actor::of_step(analysis, step).target(analysis)).map(Shape::Output),
    }
}

fn action<'a>(analysis: &'a Analysis, name: &str) -> Option<Shape<'a>> {
    analysis.registry().action(name).map(|action| Shape::Output(&action.output))
}

fn of_loop(step: &Step) -> &'static [Known] {
    match step.loops {
        Some(LoopConstruct::While) => &OF_WHILE,
        _ => &OF_FOR_EACH,
    }
}

fn in_scope<'a>(analysis: &'a Analysis, steps: &[&'a Step], scope: Option<StepIndex>) -> &'a [Step] {
    match scope {
        Some(index) => &steps[index.0 as usize].body,
        None => &analysis.pipeline().steps,
    }
}
