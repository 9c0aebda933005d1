//! The keys of a step.

use super::{ANY, ARRAY, BOOLEAN, INTEGER, KeySpec, OBJECT, Place, STRING};
use crate::registry::ValueType;

const LIST_OR_TEXT: &[ValueType] = &[ValueType::Array, ValueType::String];
const TEXT_OR_FLAG: &[ValueType] = &[ValueType::String, ValueType::Boolean];
const COUNT_OR_TEXT: &[ValueType] = &[ValueType::Integer, ValueType::String];
const DURATION: &[ValueType] = &[ValueType::Number, ValueType::String];
const HANDLERS: &[ValueType] = &[ValueType::String, ValueType::Object, ValueType::Array];

/// The most useful first.
pub(super) const KEYS: &[KeySpec] = &[
    KeySpec::new("id", STRING, "The id of the step, unique in the file: letters, digits, `_` and `-`, beginning with a letter.\n\nOther steps name it in `dependencies` and in templates. With a hyphen it cannot be named in templates. `fail`, `continue`, `skip` and `retry` are words of `on_failure` and no ids.").required(),
    KeySpec::new("tool", STRING, "The tool that does the work; `action` then names its operation.\n\nA tool that does one thing needs no `action`."),
    KeySpec::new("action", STRING, "What to do: an operation of `tool`, or without `tool` a built-in action such as `generate`.").templated(),
    KeySpec::new("parameters", OBJECT, "What the action works with. Templates and `<AUTO>` are filled in just before the step acts; a template that is exactly one expression keeps its type.").templated(),
    KeySpec::new("dependencies", LIST_OR_TEXT, "The ids of the steps that must end first: a list, or text with commas.\n\nA step that is named in a template need not be listed, but it is good to see it."),
    KeySpec::new("condition", TEXT_OR_FLAG, "The step runs only if this is true; otherwise it is skipped, and steps that depend on it still run.\n\nA single expression counts by truthiness. Text must read `true`, `yes`, `1` or `on`, or `false`, `no`, `0`, `off`, `none` or nothing; anything else fails the step.").templated(),
    KeySpec::new("on_failure", STRING, "What happens when the step fails: a policy, or the id of a later step to go on with.\n\n- `fail`: no further step starts.\n- `continue`: the others go on; those that depend on it see the failure as its value.\n- `skip`: all that depend on it are skipped.\n- `retry`: three attempts unless a number is given, then as `continue`.\n\nThe run ends with exit code 1 in every case.").default("fail"),
    KeySpec::new("timeout", DURATION, "The time one attempt may take: seconds, or text such as `500ms`, `30s`, `5m`.\n\nWhen it is over the step fails with `TimeoutError`, and every process it started is killed."),
    KeySpec::new("max_retries", INTEGER, "The number of attempts **in all**: `1` means no second one, as does `0`.\n\nIt takes effect with any policy. `retry` says it more clearly and wins."),
    KeySpec::new("retry", &[ValueType::Integer, ValueType::Object], "Further attempts after a failure: a number, or an object with delays and the errors to retry.\n\n`retry: 2` means three attempts in all.").below(Place::Retry),
    KeySpec::new("for_each", LIST_OR_TEXT, "Runs the body once for each item of a list: a YAML list, JSON text, a template or `<AUTO>`.\n\nThe body stands in `steps`, or is the step's own `tool`/`action`. In it, `{{ item }}`, `{{ index }}` and the other loop names are known. The step's result is `{count, results, succeeded, failed}`.").templated(),
    KeySpec::new("while", TEXT_OR_FLAG, "Runs the body again and again as long as this is true; checked before each iteration.\n\n`{{ iteration }}` counts from 0.").templated(),
    KeySpec::new("until", TEXT_OR_FLAG, "Runs the body until this is true; checked after each iteration.").templated(),
    KeySpec::new("steps", ARRAY, "The body of a loop (`for_each`, `while`, `until`). Its steps see each other by their short ids.").below(Place::Step),
    KeySpec::new("max_parallel", COUNT_OR_TEXT, "At most this many iterations run at a time; with `1` they run in order. A queue takes 10.").default("1").templated(),
    KeySpec::new("max_iterations", COUNT_OR_TEXT, "A `while` or `until` loop ends after this many iterations. That is recorded, and is no failure. An `action_loop` takes 100.").default("10").templated(),
    KeySpec::new("on_success", STRING, "The id of a later step to go on with when this one succeeded; the steps between are skipped."),
    KeySpec::new("on_false", STRING, "The id of a later step to go on with when this one was skipped by its own condition."),
    KeySpec::new("goto", STRING, "The id of a later step to go on with when this one has ended; the steps between are skipped.").templated(),
    KeySpec::new("on_error", HANDLERS, "What to do with an error: an action, or one handler or several that match it by type, text or code.\n\nA step that a handler saved counts as a success.").below(Place::ErrorHandler),
    KeySpec::new("error_handlers", ARRAY, "Handlers of errors, tried in the order of their `priority`. The same as a list in `on_error`.").below(Place::ErrorHandler),
    KeySpec::new("retry_config", OBJECT, "Further attempts after a failure; the same as `retry` in object form.").below(Place::Retry),
    KeySpec::new("model", &[ValueType::String, ValueType::Object], "The model of this step: `provider/name`, `provider:name`, a bare name, an alias from `models.yaml`, or `<AUTO>` to let the router choose. `parameters.model` says the same.").templated(),
    KeySpec::new("requires_model", &[ValueType::String, ValueType::Object], "What the model must be able to do, for the router; `none` means that the step needs no model.").below(Place::RequiresModel),
    KeySpec::new("fallback", ARRAY, "Models to go on with, in order, when the chosen one is not available or its quota is used up."),
    KeySpec::new("cache", BOOLEAN, "Whether an unchanged result may be reused.\n\nPure steps and model calls at temperature 0 are reused without a word; other steps only by `true`."),
    KeySpec::new("budget", &[ValueType::Number, ValueType::Object], "The most that the model calls of this step may cost, in US$.").below(Place::Budget),
    KeySpec::new("action_loop", ARRAY, "A list of actions that run again and again until `until` is true, or while `while_condition` is.").below(Place::LoopItem),
    KeySpec::new("while_condition", TEXT_OR_FLAG, "An `action_loop` goes on as long as this is true; checked after each iteration.").templated(),
    KeySpec::new("break_on_error", BOOLEAN, "An `action_loop` ends after an iteration in which an action failed.").default("false"),
    KeySpec::new("iteration_timeout", DURATION, "The time one iteration of an `action_loop` may take, in seconds."),
    KeySpec::new("create_parallel_queue", OBJECT, "Runs a list of actions once for each item of a queue, several items at a time.").below(Place::Queue),
    KeySpec::new("loop_name", STRING, "A name for the loop, for `{{ $name.item }}` and `loop_var()`."),
    KeySpec::new("loop_var", STRING, "A further name for the current item.").default("$item"),
    KeySpec::new("add_completion_task", BOOLEAN, "Whether the loop has a result of its own. It always has.").no_effect("nothing: every loop has a result of its own"),
    KeySpec::new("if", TEXT_OR_FLAG, "The same as `condition`. Where both stand, `condition` wins.").templated(),
    KeySpec::new("depends_on", LIST_OR_TEXT, "The same as `dependencies`. Where both stand, `dependencies` wins."),
    KeySpec::new("name", STRING, "A name for people. Templates in it are not rendered.").inert(),
    KeySpec::new("description", STRING, "What the step is for, in prose.").inert(),
    KeySpec::new("metadata", OBJECT, "Anything to keep with the step, free in form."),
    KeySpec::new("produces", STRING, "The kind of output, such as `pdf`, `markdown-file` or `json-data`; recorded with the run.").templated(),
    KeySpec::new("location", STRING, "Where the output stands; recorded with the run. Nothing is written there by this key.").templated(),
    KeySpec::new("format", STRING, "The MIME type of the output; recorded with the run."),
    KeySpec::new("output_schema", OBJECT, "The JSON Schema of the output; recorded with the run."),
    KeySpec::new("schema", OBJECT, "The same as `output_schema`."),
    KeySpec::new("size_limit", INTEGER, "The size the output may have, in bytes; recorded with the run."),
    KeySpec::new("output_description", STRING, "What the output is, in prose.").inert(),
    KeySpec::new("outputs", OBJECT, "The fields the step gives back, for people.").inert(),
    KeySpec::new("tags", ARRAY, "Words to find the step by.").inert(),
    KeySpec::new("foreach", LIST_OR_TEXT, "An old spelling of `for_each`.").templated().deprecated("for_each"),
    KeySpec::new("continue_on_error", BOOLEAN, "`true` means `on_failure: continue`.").deprecated("on_failure"),
    KeySpec::new("parallel", BOOLEAN, "A word of older versions.").no_effect("`max_parallel`"),
    KeySpec::new("max_concurrent", ANY, "A word of older versions.").no_effect("`max_parallel`"),
    KeySpec::new("else", STRING, "A step to run in place of this one.").no_effect("`on_false`"),
    KeySpec::new("error_handling", ANY, "Settings of older versions.").no_effect("`retry`, `on_failure` and `on_error`"),
    KeySpec::new("inputs", ANY, "Another word for `parameters` in older versions.").no_effect("`parameters`"),
    KeySpec::new("on-error", ANY, "A misspelling of `on_error`.").no_effect("`on_error`"),
    KeySpec::new("requires-model", ANY, "A misspelling of `requires_model`.").no_effect("`requires_model`"),
    KeySpec::new("resume", ANY, "A setting of older versions; every run can be resumed.").no_effect("`orc resume`"),
];
