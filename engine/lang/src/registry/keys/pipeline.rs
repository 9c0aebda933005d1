//! The keys of the root.

use super::{ANY, ARRAY, BOOLEAN, KeySpec, OBJECT, Place, STRING};
use crate::registry::ValueType;

/// The most useful first.
pub(super) const KEYS: &[KeySpec] = &[
    KeySpec::new("id", STRING, "The id of the pipeline: letters, digits, `_` and `-`, beginning with a letter.\n\nIt names runs and the output directory. Without it, `name` does. One of the two must be there."),
    KeySpec::new("name", STRING, "The name of the pipeline, for people. It is shown as it is; templates in it are not rendered."),
    KeySpec::new("description", STRING, "What the pipeline is for, in prose.").inert(),
    KeySpec::new("version", STRING, "The version of the pipeline: three numbers, such as `1.0.0`.").default("1.0.0"),
    KeySpec::new("inputs", OBJECT, "The values the pipeline is given, by name.\n\nEach is declared by an object (`type`, `required`, `default`, …) or by a bare value, which is its default. Templates read one as `{{ name }}` or `{{ inputs.name }}`. They are given with `-i name=value` or `-c inputs.json` and checked before anything runs.").below(Place::Input),
    KeySpec::new("parameters", OBJECT, "Another word for `inputs`: the same namespace, the same form.\n\nA name that is declared in both is taken from `inputs`.").below(Place::Input),
    KeySpec::new("steps", ARRAY, "The steps, in order.\n\nA step starts as soon as all it depends on has ended; the order in the file does not matter otherwise.").required().below(Place::Step),
    KeySpec::new("outputs", OBJECT, "What the pipeline gives back, by name: a template, or an object with `value`.\n\nTypes survive: `\"{{ n }}\"` is a number where `n` is one. An output that fails is null, and the run's `error` says why.").templated().below(Place::Output),
    KeySpec::new("model", &[ValueType::String, ValueType::Object], "The model of all steps that name none: `provider/name`, `provider:name`, a bare name, or an alias from `models.yaml`."),
    KeySpec::new("fallback", ARRAY, "Models to go on with, in order, when the chosen one is not available or its quota is used up.\n\nNever taken after a refusal or a bad key, and never from a free model to a paid one."),
    KeySpec::new("budget", &[ValueType::Number, ValueType::Object], "The most that model calls may cost, in US$: a number for the run, or an object.\n\nA call that could exceed it is not made.").below(Place::Budget),
    KeySpec::new("permissions", OBJECT, "What the steps may reach beyond the working directory and the output directory.\n\nIt takes effect together with the person's consent (`--allow-read` and the like, or the trust given to the workspace).").below(Place::Permissions),
    KeySpec::new("cache", BOOLEAN, "Whether results of unchanged pure steps and model calls are reused.").default("true"),
    KeySpec::new("metadata", OBJECT, "Anything to keep with the pipeline, free in form.\n\nOne member is read: `default_timeout`, the seconds a step may take that has no `timeout`."),
    KeySpec::new("global_error_handlers", ARRAY, "Error handlers for all steps.").no_effect("`on_error` at the steps").below(Place::ErrorHandler),
    KeySpec::new("config", OBJECT, "Settings of the whole pipeline.\n\nOnly `default_timeout` is read.").below(Place::Config),
    KeySpec::new("context", OBJECT, "Settings and values of older versions; templates do not see them.").no_effect("`inputs` with a `default` for values, `timeout` and `max_retries` at the steps"),
    KeySpec::new("enhanced_outputs", ANY, "A copy of `outputs` that a migration tool wrote.").no_effect("`outputs`"),
    KeySpec::new("enhanced_inputs", ANY, "A copy of `inputs` that a migration tool wrote.").no_effect("`inputs`"),
    KeySpec::new("enhanced_steps", ANY, "A copy of `steps` that a migration tool wrote.").no_effect("`steps`"),
    KeySpec::new("advanced_steps", ANY, "Steps of older versions.").no_effect("`steps`"),
    KeySpec::new("error_handling", ANY, "Settings of older versions.").no_effect("`on_failure`, `retry` and `on_error` at the steps"),
    KeySpec::new("error_mode", STRING, "A setting of older versions.").no_effect("`on_failure` at the steps"),
    KeySpec::new("monitoring", ANY, "Settings of older versions.").no_effect("`orc runs logs`, which needs no setting"),
    KeySpec::new("optimization", ANY, "Settings of older versions.").no_effect("`budget` and `cache`"),
    KeySpec::new("variables", ANY, "Values of older versions; templates do not see them.").no_effect("`inputs` with a `default`"),
    KeySpec::new("data", ANY, "Values of older versions; templates do not see them.").no_effect("`inputs` with a `default`"),
    KeySpec::new("defaults", ANY, "Settings of older versions.").no_effect("the key at each step"),
    KeySpec::new("models", ANY, "A list of models.").no_effect("`models.yaml` beside the pipeline"),
    KeySpec::new("resources", ANY, "Settings of older versions.").no_effect("`timeout` at the steps"),
    KeySpec::new("resume", ANY, "A setting of older versions; every run can be resumed.").no_effect("`orc resume`"),
    KeySpec::new("author", STRING, "Who wrote the pipeline.").inert(),
    KeySpec::new("tags", ARRAY, "Words to find the pipeline by.").inert(),
    KeySpec::new("type", STRING, "A word of older versions about the kind of pipeline.").no_effect(""),
];
