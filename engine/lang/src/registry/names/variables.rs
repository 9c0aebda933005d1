//! The names that templates see without declaring them: of the run, and of loops.

use super::{LoopConstruct, LoopVariable, RuntimeName};
use crate::registry::{ValueType, results::Known};

const fn runtime(name: &'static str, doc: &'static str) -> RuntimeName {
    RuntimeName { name, doc, fields: &[], deprecated: None }
}

const fn replaced(name: &'static str, instead: &'static str, doc: &'static str) -> RuntimeName {
    RuntimeName { name, doc, fields: &[], deprecated: Some(instead) }
}

pub(super) const RUNTIME_NAMES: &[RuntimeName] = &[
    RuntimeName {
        name: "execution",
        doc: "The run: its id and when it started.\n\nAll times are UTC and stay the same for the whole run.",
        fields: &[
            ("id", "The run's id."),
            ("started_at", "When the run started, as ISO text."),
            ("timestamp", "When the run started, as ISO text; the same as `started_at`."),
            ("date", "The day the run started, `YYYY-MM-DD`."),
            ("time", "The time of day the run started, `HH:MM:SS`."),
        ],
        deprecated: None,
    },
    runtime("inputs", "The pipeline's inputs by name; `inputs.topic` is the same as `topic`."),
    runtime("parameters", "The pipeline's inputs by name; the same as `inputs`."),
    runtime(
        "output_path",
        "The run's output directory: `--output-dir`, or `output/<pipeline id>`.\n\nDeclare an input of this name to make it explicit.",
    ),
    runtime("execution_id", "The run's id; the same as `execution.id`."),
    runtime("pipeline_id", "The pipeline's id."),
    runtime("timestamp", "When the run started, as ISO text; the same as `execution.timestamp`."),
    runtime("previous_results", "The results of all steps that have ended, by step id."),
    runtime("step_results", "The results of all steps that have ended, by step id; the same as `previous_results`."),
    replaced("current_timestamp", "execution.timestamp", "When the run started; an old name of `execution.timestamp`."),
    replaced("current_date", "execution.date", "The day the run started; an old name of `execution.date`."),
];

/// What went wrong: known where an error is handled.
pub(super) const ERROR: RuntimeName = RuntimeName {
    name: "error",
    doc: "The error that is handled: its text, its class and its code.",
    fields: &[
        ("message", "What went wrong, in words."),
        ("type", "The class of the error, such as `TimeoutError`."),
        ("code", "The error's own code, such as the exit code of a command."),
    ],
    deprecated: None,
};

const fn variable(name: &'static str, value_type: Option<ValueType>, doc: &'static str) -> LoopVariable {
    LoopVariable { name, doc, value_type }
}

const ITEM: LoopVariable = variable("item", None, "The item of this iteration.");
const INDEX: LoopVariable = variable("index", Some(ValueType::Integer), "The number of this iteration, from 0.");
const IS_FIRST: LoopVariable = variable("is_first", Some(ValueType::Boolean), "Whether this is the first iteration.");
const IS_LAST: LoopVariable = variable("is_last", Some(ValueType::Boolean), "Whether this is the last iteration.");
const POSITION: LoopVariable = variable("position", Some(ValueType::Integer), "The number of this iteration, from 1.");
const LOOP_ID: LoopVariable = variable("loop_id", Some(ValueType::String), "The id of the loop's step.");
const ITERATION: LoopVariable =
    variable("iteration", Some(ValueType::Integer), "The number of this iteration, from 0.");
const LOOP_STATE: LoopVariable =
    variable("loop_state", Some(ValueType::Object), "What the loop has done so far: its iterations and their results.");

const FOR_EACH: &[LoopVariable] = &[
    ITEM,
    INDEX,
    IS_FIRST,
    IS_LAST,
    POSITION,
    variable("length", Some(ValueType::Integer), "The number of items."),
    variable("remaining", Some(ValueType::Integer), "The number of items after this one."),
    variable("has_next", Some(ValueType::Boolean), "Whether an item follows."),
    variable("has_prev", Some(ValueType::Boolean), "Whether an item came before."),
    LOOP_ID,
    variable("loop_name", Some(ValueType::String), "The id of the loop's step; the same as `loop_id`."),
];

const WHILE: &[LoopVariable] = &[
    ITERATION,
    variable("index", Some(ValueType::Integer), "The number of this iteration, from 0; the same as `iteration`."),
    IS_FIRST,
    POSITION,
    LOOP_ID,
    variable("loop_name", Some(ValueType::String), "The id of the loop's step; the same as `loop_id`."),
    LOOP_STATE,
];

const QUEUE: &[LoopVariable] = &[
    ITEM,
    INDEX,
    IS_FIRST,
    IS_LAST,
    variable("queue", Some(ValueType::Array), "All items of the queue."),
    variable("queue_size", Some(ValueType::Integer), "The number of items of the queue."),
    variable("parallel_queue_id", Some(ValueType::String), "The id of the queue's step."),
    variable("parent_task", Some(ValueType::String), "The id of the step that holds the queue."),
];

const ACTION_LOOP: &[LoopVariable] = &[
    ITERATION,
    IS_FIRST,
    LOOP_ID,
    variable("has_previous", Some(ValueType::Boolean), "Whether an iteration came before."),
    variable("total_duration", Some(ValueType::Number), "Seconds since the loop began."),
    variable("termination_reason", Some(ValueType::String), "Why the loop ended; empty while it runs."),
];

/// What `loop` has inside of `{% for %}` (Jinja's template designer documentation, "For").
pub(super) const JINJA_LOOP: &[Known] = &[
    ("index", ValueType::Integer, "The number of this round, from 1."),
    ("index0", ValueType::Integer, "The number of this round, from 0."),
    ("first", ValueType::Boolean, "Whether this is the first round."),
    ("last", ValueType::Boolean, "Whether this is the last round."),
    ("length", ValueType::Integer, "The number of items."),
    ("revindex", ValueType::Integer, "The number of rounds left, this one counted."),
    ("revindex0", ValueType::Integer, "The number of rounds left after this one."),
    ("previtem", ValueType::Object, "The item before; undefined in the first round."),
    ("nextitem", ValueType::Object, "The item after; undefined in the last round."),
    ("depth", ValueType::Integer, "How deep loops are nested, from 1."),
    ("depth0", ValueType::Integer, "How deep loops are nested, from 0."),
];

pub(super) const fn body(construct: LoopConstruct) -> &'static [LoopVariable] {
    match construct {
        LoopConstruct::ForEach => FOR_EACH,
        LoopConstruct::While => WHILE,
        LoopConstruct::ActionLoop => ACTION_LOOP,
        LoopConstruct::Queue => QUEUE,
    }
}

pub(super) const fn condition(construct: LoopConstruct) -> &'static [LoopVariable] {
    match construct {
        LoopConstruct::While => &[ITERATION, LOOP_STATE],
        LoopConstruct::ActionLoop => ACTION_LOOP,
        LoopConstruct::ForEach | LoopConstruct::Queue => &[],
    }
}
