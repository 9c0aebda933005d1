//! Which names stand most often in real pipelines, so that they are offered first. What is not listed
//! here follows in the order of its table.

use super::Place;

const PIPELINE_KEYS: &[&str] =
    &["name", "description", "steps", "id", "outputs", "version", "parameters", "inputs", "metadata", "config"];
const STEP_KEYS: &[&str] = &[
    "id",
    "action",
    "parameters",
    "dependencies",
    "tool",
    "condition",
    "name",
    "on_failure",
    "depends_on",
    "produces",
    "location",
    "retry",
    "requires_model",
    "on_error",
];
const INPUT_KEYS: &[&str] = &["type", "default", "description", "required", "choices", "enum"];

/// The actions without a tool, the most frequent first.
pub const ACTIONS: &[&str] = &["analyze_text", "generate"];
/// The filters, the most frequent first.
pub const FILTERS: &[&str] = &[
    "default",
    "length",
    "tojson",
    "from_json",
    "slugify",
    "round",
    "basename",
    "join",
    "regex_replace",
    "truncate",
    "title",
    "to_json",
    "regex_search",
    "replace",
    "json",
    "upper",
];

/// The fields of results, the most frequent first.
pub const RESULT_FIELDS: &[&str] = &[
    "result",
    "status",
    "results",
    "analysis",
    "processed_data",
    "content",
    "outputs",
    "path",
    "iterations",
    "recommendations",
    "valid",
    "model",
    "error",
    "stdout",
    "success",
];

/// The order in which people write the keys of a mapping.
pub fn order(place: Place) -> &'static [&'static str] {
    match place {
        Place::Pipeline => &[
            "id",
            "name",
            "description",
            "version",
            "model",
            "parameters",
            "config",
            "inputs",
            "steps",
            "outputs",
            "metadata",
        ],
        Place::Step => &[
            "id",
            "name",
            "while",
            "tool",
            "for_each",
            "description",
            "action",
            "action_loop",
            "if",
            "max_parallel",
            "max_iterations",
            "depends_on",
            "create_parallel_queue",
            "until",
            "requires_model",
            "condition",
            "retry",
            "produces",
            "timeout",
            "parameters",
            "steps",
            "on_failure",
            "location",
            "dependencies",
            "retry_config",
            "on_error",
            "metadata",
        ],
        Place::Input => &["type", "default", "choices", "description", "enum", "required"],
        _ => &[],
    }
}

/// The keys of `place`, the most frequent first.
pub fn keys(place: Place) -> &'static [&'static str] {
    match place {
        Place::Pipeline => PIPELINE_KEYS,
        Place::Step => STEP_KEYS,
        Place::Input => INPUT_KEYS,
        _ => &[],
    }
}

/// Where `name`, which is the `index`-th of its table, stands in the order of `frequent`.
pub fn place(frequent: &[&str], name: &str, index: usize) -> u32 {
    let at = frequent.iter().position(|frequent| *frequent == name);
    at.unwrap_or(frequent.len() + index) as u32
}
