//! The keys of a pipeline: what may stand where, what it means, what has no effect.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::ValueType;

mod parts;
mod pipeline;
mod step;

/// The kind of mapping a key stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// The root of the file.
    Pipeline,
    /// A step, at the root or in a loop body.
    Step,
    /// One input or parameter declaration.
    Input,
    /// One output in object form.
    Output,
    /// An item of `action_loop`.
    LoopItem,
    /// `create_parallel_queue`.
    Queue,
    /// An error handler (`on_error`, `error_handlers`).
    ErrorHandler,
    /// `retry` or `retry_config` in object form.
    Retry,
    /// `requires_model` in object form.
    RequiresModel,
    /// `permissions`.
    Permissions,
    /// `budget` in object form.
    Budget,
    /// `config` of a pipeline.
    Config,
}

/// Whether a key does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyStatus {
    /// It is acted on.
    Live,
    /// It is acted on, but another spelling is canonical.
    Deprecated {
        /// The canonical key.
        instead: &'static str,
    },
    /// It is prose or documentation: legal, and nothing comes of it by design (`description`).
    Inert,
    /// People expect something of it and nothing happens; worth a hint.
    NoEffect {
        /// What to write instead, for the message.
        instead: &'static str,
    },
}

/// One key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeySpec {
    /// As it is written.
    pub name: &'static str,
    /// What it means: hover, schema and docs (Markdown; the first line is the summary).
    pub doc: &'static str,
    /// Allowed types; empty means any.
    pub types: &'static [ValueType],
    /// Must stand there.
    pub required: bool,
    /// The closed list of values, if the key has one.
    pub choices: &'static [&'static str],
    /// What holds if it is absent, as YAML text.
    pub default: Option<&'static str>,
    /// Whether it does something.
    pub status: KeyStatus,
    /// Whether templates in its value are rendered.
    pub templated: bool,
    /// The mapping below it, for completion, checks and schema: its value, each item of a list, or
    /// (`inputs`, `parameters`, `outputs`) the value of each name.
    pub below: Option<Place>,
}

/// The keys of `place`, the most useful first.
pub fn keys(place: Place) -> &'static [KeySpec] {
    match place {
        Place::Pipeline => pipeline::KEYS,
        Place::Step => step::KEYS,
        Place::Input => parts::INPUT,
        Place::Output => parts::OUTPUT,
        Place::LoopItem => parts::LOOP_ITEM,
        Place::Queue => parts::QUEUE,
        Place::ErrorHandler => parts::ERROR_HANDLER,
        Place::Retry => parts::RETRY,
        Place::RequiresModel => parts::REQUIRES_MODEL,
        Place::Permissions => parts::PERMISSIONS,
        Place::Budget => parts::BUDGET,
        Place::Config => parts::CONFIG,
    }
}

/// The key `name` of `place`.
pub fn key(place: Place, name: &str) -> Option<&'static KeySpec> {
    static KEYS: LazyLock<FxHashMap<(Place, &'static str), &'static KeySpec>> = LazyLock::new(|| {
        PLACES.iter().flat_map(|place| keys(*place).iter().map(|key| ((*place, key.name), key))).collect()
    });
    KEYS.get(&(place, name)).copied()
}

/// All places.
pub const PLACES: [Place; 12] = [
    Place::Pipeline,
    Place::Step,
    Place::Input,
    Place::Output,
    Place::LoopItem,
    Place::Queue,
    Place::ErrorHandler,
    Place::Retry,
    Place::RequiresModel,
    Place::Permissions,
    Place::Budget,
    Place::Config,
];

/// Pairs of keys of a step that say the same, of which only the first is read where both stand.
pub const SPELLINGS: [(&str, &str); 4] =
    [("dependencies", "depends_on"), ("condition", "if"), ("for_each", "foreach"), ("retry", "retry_config")];

const STRING: &[ValueType] = &[ValueType::String];
const INTEGER: &[ValueType] = &[ValueType::Integer];
const NUMBER: &[ValueType] = &[ValueType::Number];
const BOOLEAN: &[ValueType] = &[ValueType::Boolean];
const ARRAY: &[ValueType] = &[ValueType::Array];
const OBJECT: &[ValueType] = &[ValueType::Object];
const ANY: &[ValueType] = &[];

impl KeySpec {
    /// A live, optional key without default.
    const fn new(name: &'static str, types: &'static [ValueType], doc: &'static str) -> Self {
        Self {
            name,
            doc,
            types,
            required: false,
            choices: &[],
            default: None,
            status: KeyStatus::Live,
            templated: false,
            below: None,
        }
    }

    const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    const fn default(mut self, yaml: &'static str) -> Self {
        self.default = Some(yaml);
        self
    }

    const fn templated(mut self) -> Self {
        self.templated = true;
        self
    }

    const fn below(mut self, place: Place) -> Self {
        self.below = Some(place);
        self
    }

    const fn deprecated(mut self, instead: &'static str) -> Self {
        self.status = KeyStatus::Deprecated { instead };
        self
    }

    const fn inert(mut self) -> Self {
        self.status = KeyStatus::Inert;
        self
    }

    const fn no_effect(mut self, instead: &'static str) -> Self {
        self.status = KeyStatus::NoEffect { instead };
        self
    }
}

#[cfg(test)]
mod tests;
