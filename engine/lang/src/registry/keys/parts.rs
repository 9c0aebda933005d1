//! The keys of the smaller mappings: declarations, loop items, queues, handlers, limits.

use super::{ANY, ARRAY, BOOLEAN, INTEGER, KeySpec, NUMBER, OBJECT, Place, STRING};
use crate::registry::ValueType;

const TEXT_OR_FLAG: &[ValueType] = &[ValueType::String, ValueType::Boolean];
const DURATION: &[ValueType] = &[ValueType::Number, ValueType::String];

/// One input or parameter.
pub(super) const INPUT: &[KeySpec] = &[
    KeySpec::new("type", STRING, "The type of the value. A given value of another type is an error before the run.")
        .choices(&["string", "integer", "number", "boolean", "array", "object", "float"]),
    KeySpec::new("required", BOOLEAN, "Whether a value must be given. A default makes it optional.").default("false"),
    KeySpec::new("default", ANY, "The value when none is given. It may hold a template over other inputs.").templated(),
    KeySpec::new("description", STRING, "What the value is for.").inert(),
    KeySpec::new("enum", ARRAY, "The values that are allowed."),
    KeySpec::new("choices", ARRAY, "The values that are allowed; the same as `enum`."),
    KeySpec::new("minimum", NUMBER, "The smallest number that is allowed."),
    KeySpec::new("maximum", NUMBER, "The largest number that is allowed."),
    KeySpec::new("range", ARRAY, "The smallest and the largest number that are allowed."),
    KeySpec::new("pattern", STRING, "A regular expression the text must match."),
    KeySpec::new(
        "secret",
        BOOLEAN,
        "Whether the value is a secret. Steps get it as it is; the store, logs, events and results have `[secret \
         NAME]` in its place.",
    )
    .default("false"),
    KeySpec::new("name", STRING, "The name, in the list form of `inputs`."),
    KeySpec::new("example", ANY, "A value that shows what is meant.").inert(),
    KeySpec::new("validation", OBJECT, "Rules of older versions.")
        .no_effect("`enum`, `minimum`, `maximum` or `pattern`"),
];

/// One output in object form.
pub(super) const OUTPUT: &[KeySpec] = &[
    KeySpec::new("value", ANY, "The template that gives the value.").required().templated(),
    KeySpec::new("description", STRING, "What the value is.").inert(),
    KeySpec::new("type", STRING, "The type of the value, for readers.").inert(),
    KeySpec::new("source", STRING, "A word of older versions.").no_effect("`value`"),
    KeySpec::new("format", STRING, "The MIME type of the value, for readers.").inert(),
    KeySpec::new("location", STRING, "Where the value stands, for readers.").inert(),
    KeySpec::new("schema", OBJECT, "The JSON Schema of the value, for readers.").inert(),
];

/// An item of `action_loop`.
pub(super) const LOOP_ITEM: &[KeySpec] = &[
    KeySpec::new("action", STRING, "What to do: an operation of `tool`, or a built-in action.").required().templated(),
    KeySpec::new(
        "name",
        STRING,
        "The name its result is seen by in later items; that of the last iteration is `prev_<name>`.",
    ),
    KeySpec::new("tool", STRING, "The tool that does the work."),
    KeySpec::new("parameters", OBJECT, "What the action works with.").templated(),
    KeySpec::new("condition", TEXT_OR_FLAG, "The item runs only if this is true.").templated(),
    KeySpec::new("if", TEXT_OR_FLAG, "The same as `condition`.").templated(),
    KeySpec::new("id", STRING, "The same as `name`."),
    KeySpec::new("produces", STRING, "The kind of output; recorded with the run.").templated(),
    KeySpec::new("location", STRING, "Where the output stands; recorded with the run.").templated(),
    KeySpec::new("description", STRING, "What the item is for, in prose.").inert(),
    KeySpec::new("requires_model", &[ValueType::String, ValueType::Object], "What the model must be able to do.")
        .below(Place::RequiresModel),
    KeySpec::new("timeout", DURATION, "The time the item may take, in seconds."),
    KeySpec::new("on_failure", STRING, "What happens when the item fails.")
        .choices(&["fail", "continue", "skip", "retry"]),
    KeySpec::new("dependencies", ARRAY, "Items run in order.").no_effect("the order of the items"),
];

/// `create_parallel_queue`.
pub(super) const QUEUE: &[KeySpec] = &[
    KeySpec::new(
        "on",
        &[ValueType::Array, ValueType::String],
        "The items: a YAML list, JSON text, a template or `<AUTO>`.",
    )
    .required()
    .templated(),
    KeySpec::new("action_loop", ARRAY, "The actions that run for each item; `{{ item }}` is the item.")
        .below(Place::LoopItem),
    KeySpec::new("task", OBJECT, "Another place for `action_loop`."),
    KeySpec::new("max_parallel", INTEGER, "At most this many items run at a time.").default("10"),
    KeySpec::new("tool", STRING, "The tool of actions that name none."),
    KeySpec::new("until", TEXT_OR_FLAG, "The actions of an item run again until this is true.").templated(),
    KeySpec::new("while", TEXT_OR_FLAG, "The actions of an item run again as long as this is true.").templated(),
    KeySpec::new("max_iterations", INTEGER, "At most this often for one item.").default("100"),
];

/// An error handler.
pub(super) const ERROR_HANDLER: &[KeySpec] = &[
    KeySpec::new("error_types", ARRAY, "Errors it is for, by name, such as `TimeoutError`; `*` is any.")
        .default("[\"*\"]"),
    KeySpec::new("error_patterns", ARRAY, "Errors it is for: regular expressions over the message."),
    KeySpec::new("error_codes", ARRAY, "Errors it is for, by code. A command's exit code is one."),
    KeySpec::new("fallback_value", ANY, "The step's result in place of the one that failed.").templated(),
    KeySpec::new("handler_action", STRING, "An action to run.").templated(),
    KeySpec::new("handler_task_id", STRING, "A step to run. A step that is named here runs only as handler."),
    KeySpec::new("retry_with_handler", BOOLEAN, "Whether the step is tried again after the handler ran.")
        .default("true"),
    KeySpec::new("max_handler_retries", INTEGER, "How often the step is tried again after the handler.").default("0"),
    KeySpec::new("priority", INTEGER, "Handlers are tried in this order, lower first.").default("100"),
    KeySpec::new("timeout", DURATION, "The time the handler may take, in seconds."),
    KeySpec::new("parameters", OBJECT, "What `handler_action` works with.").templated(),
    KeySpec::new("enabled", BOOLEAN, "Whether the handler is in force.").default("true").templated(),
    KeySpec::new("propagate_error", BOOLEAN, "Whether the step stays failed after the handler ran.").default("false"),
    KeySpec::new("continue_on_handler_failure", BOOLEAN, "Whether the next handler is tried when this one fails.")
        .default("false"),
    KeySpec::new("capture_error_context", BOOLEAN, "Whether the handler sees the error as `{{ error }}`.")
        .default("true"),
    KeySpec::new("fallback_result", OBJECT, "The same as `fallback_value`, for an object.").templated(),
    KeySpec::new("log_level", STRING, "How the error is logged.")
        .choices(&["debug", "info", "warning", "error", "critical"])
        .default("error"),
    KeySpec::new("action", STRING, "An old spelling of `handler_action`.").templated().deprecated("handler_action"),
    KeySpec::new("retry_count", INTEGER, "An old spelling of `max_handler_retries`.").deprecated("max_handler_retries"),
    KeySpec::new("continue_on_error", BOOLEAN, "An old spelling of `continue_on_handler_failure`.")
        .deprecated("continue_on_handler_failure"),
];

/// `retry` or `retry_config` in object form.
pub(super) const RETRY: &[KeySpec] = &[
    KeySpec::new("attempts", INTEGER, "The number of attempts in all."),
    KeySpec::new("max_attempts", INTEGER, "The same as `attempts`."),
    KeySpec::new("retries", INTEGER, "The number of attempts after the first."),
    KeySpec::new("delay", DURATION, "The time before the second attempt: seconds, or text such as `500ms`.")
        .default("0"),
    KeySpec::new("initial_delay", DURATION, "The same as `delay`."),
    KeySpec::new("backoff", STRING, "How the delay grows from attempt to attempt.")
        .choices(&["exponential", "linear", "fixed"])
        .default("fixed"),
    KeySpec::new("max_delay", DURATION, "The delay never grows beyond this."),
    KeySpec::new("jitter", BOOLEAN, "Whether each delay is varied a little, so that steps do not retry in step.")
        .default("false"),
    KeySpec::new("on", ARRAY, "Only these errors are retried, by name, such as `TimeoutError`."),
    KeySpec::new("max_retries", INTEGER, "The number of attempts in all, as the step's key of that name.")
        .deprecated("attempts"),
];

/// `requires_model` in object form.
pub(super) const REQUIRES_MODEL: &[KeySpec] = &[
    KeySpec::new("min_size", STRING, "The least number of parameters, such as `7B`."),
    KeySpec::new("max_size", STRING, "The largest number of parameters, such as `70B`."),
    KeySpec::new(
        "expertise",
        &[ValueType::String, ValueType::Array],
        "How much the model must know: `low`, `medium`, `medium-high`, `high`, `very-high`, or a list of fields.",
    ),
    KeySpec::new("capabilities", ARRAY, "What the model must be able to do, such as `vision` or `tools`."),
    KeySpec::new("modalities", ARRAY, "What the model must read: `text`, `vision`, `code`, `audio`."),
    KeySpec::new("cost_limit", NUMBER, "The most a call may cost, in US$."),
    KeySpec::new("budget_period", STRING, "What `cost_limit` is counted over.").choices(&[
        "per-task",
        "per-pipeline",
        "per-hour",
    ]),
    KeySpec::new("max_latency_ms", INTEGER, "The longest time to wait for an answer, in milliseconds."),
    KeySpec::new("min_tokens_per_second", INTEGER, "The least speed."),
    KeySpec::new("min_accuracy_score", NUMBER, "The least accuracy, between 0 and 1."),
    KeySpec::new("preferred", ARRAY, "Models to take first."),
    KeySpec::new("excluded", ARRAY, "Models never to take."),
    KeySpec::new("fallback_strategy", STRING, "What to do when no model fits.")
        .choices(&["best_available", "fail", "cheapest"])
        .default("fail"),
];

/// `permissions`.
pub(super) const PERMISSIONS: &[KeySpec] = &[
    KeySpec::new("read", ARRAY, "Directories that may be read."),
    KeySpec::new("write", ARRAY, "Directories that may be written and read."),
    KeySpec::new("net", ARRAY, "Hosts that may be reached."),
    KeySpec::new("run", ARRAY, "Programs that tools may start."),
    KeySpec::new("env", ARRAY, "Environment variables that commands may see."),
];

/// `budget` in object form.
pub(super) const BUDGET: &[KeySpec] = &[
    KeySpec::new("run", NUMBER, "US$ for one run."),
    KeySpec::new("step", NUMBER, "US$ for one step."),
    KeySpec::new("day", NUMBER, "US$ for all runs of a day."),
];

/// `config` of a pipeline: what py-orc's documents name, and the one thing that is read.
pub(super) const CONFIG: &[KeySpec] = &[
    KeySpec::new("default_timeout", NUMBER, "The timeout of every step that has none, in seconds."),
    KeySpec::new("timeout", ANY, "A setting of older versions.")
        .no_effect("`default_timeout`, or `timeout` at the steps"),
    KeySpec::new("parallel", ANY, "A setting of older versions.")
        .no_effect("`dependencies`; steps without any run side by side"),
    KeySpec::new("checkpoint", ANY, "A setting of older versions.").no_effect("the store, which keeps every run"),
    KeySpec::new("error_mode", ANY, "A setting of older versions.").no_effect("`on_failure` at the steps"),
];
