//! The keys of a pipeline: what may stand where, what it means, what has no effect.

use super::ValueType;

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
    /// The mapping below it, for completion, checks and schema.
    pub below: Option<Place>,
}

/// The keys of `place`, the most useful first.
pub fn keys(place: Place) -> &'static [KeySpec] {
    let _ = place;
    &[]
}

/// The key `name` of `place`.
pub fn key(place: Place, name: &str) -> Option<&'static KeySpec> {
    keys(place).iter().find(|key| key.name == name)
}
