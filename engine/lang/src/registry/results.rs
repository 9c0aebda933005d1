//! What steps and loops have in templates beside what their tool gives back (contract §2.9–2.13,
//! §2.17).

use super::ValueType::{self, Array, Boolean, Integer, Object, String};

/// A name with its type and meaning.
pub type Known = (&'static str, ValueType, &'static str);

const OF_STEP: [Known; 7] = [
    ("result", Object, "What the step gave back."),
    ("status", String, "How the step ended: `completed`, `failed`, `skipped` or `not_run`."),
    ("success", Boolean, "Whether the step succeeded."),
    ("error", String, "Why the step failed; none if it did not."),
    ("error_type", String, "The name of the error the step failed with; none if it did not."),
    ("recovered", Boolean, "`true` if an error handler saved the step."),
    ("reason", String, "Why the step was skipped or did not run."),
];

const OF_FOR_EACH: [Known; 4] = [
    ("count", Integer, "The number of items."),
    ("results", Array, "What each iteration gave back, in the order of the items."),
    ("succeeded", Integer, "The number of iterations that succeeded."),
    ("failed", Integer, "The number of iterations that failed."),
];

const OF_WHILE: [Known; 5] = [
    ("count", Integer, "The number of iterations."),
    ("iterations", Array, "What each iteration gave back, in order."),
    ("iteration_count", Integer, "The number of iterations; the same as `count`."),
    ("terminated_by", String, "Why the loop ended: `while`, `until`, `max_iterations` or `failure`."),
    ("max_iterations_reached", Boolean, "Whether the loop ended because it was at its limit."),
];

const OF_STATE: [Known; 3] = [
    ("iteration", Integer, "The number of this iteration, from 0."),
    ("iterations", Array, "What each iteration so far gave back, in order."),
    ("iteration_count", Integer, "The number of iterations that have ended."),
];

/// What every step has; the most useful first.
pub fn of_step() -> &'static [Known] {
    &OF_STEP
}

/// The result of a `for_each`.
pub fn of_for_each() -> &'static [Known] {
    &OF_FOR_EACH
}

/// The result of a `while` or `until`.
pub fn of_while() -> &'static [Known] {
    &OF_WHILE
}

/// What a `while` has done so far, as its body and its conditions see it.
pub fn of_state() -> &'static [Known] {
    &OF_STATE
}

/// The entry of `table` called `name`.
pub fn known(table: &[Known], name: &str) -> Option<Known> {
    table.iter().find(|(known, ..)| *known == name).copied()
}
