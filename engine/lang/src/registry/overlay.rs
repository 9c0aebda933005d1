//! What a `models.yaml` says (contract §6.2): py-orc's file as it is (`source`, `name`, `expertise`, `size`),
//! and what orc adds to it. Reading is total; what is wrong is a problem with its place, the rest counts.

use std::{fmt, sync::Arc};

use serde_json::Value;

use super::{ModelSpec, Price, did_you_mean};
use crate::{
    syntax::{self, NodeId, Tree},
    text::position::{Encoding, LineIndex},
};

/// Who wrote a `models.yaml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The person, in their own configuration.
    Person,
    /// Whoever made the workspace.
    Workspace,
}

/// A value with the place it was written at, and by whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The value.
    pub value: String,
    /// Who wrote it.
    pub origin: Origin,
    /// `file:line:column`, for messages.
    pub place: String,
}

/// Where a model or a provider is, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// The address.
    pub endpoint: Option<Told>,
    /// The variable of the environment that holds the key.
    pub key_env: Option<Told>,
    /// How much the provider may be asked; said of providers only.
    pub limits: RateLimits,
}

/// How much a provider may be asked in a minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RateLimits {
    /// Calls, with all attempts.
    pub requests_per_minute: Option<u64>,
    /// Tokens asked and answered.
    pub tokens_per_minute: Option<u64>,
}

impl RateLimits {
    /// Nothing is limited.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

impl Host {
    /// This, field by field over `below`; of two limits the lower one.
    pub fn over(&self, below: &Self) -> Self {
        let first = |own: &Option<Told>, other: &Option<Told>| own.clone().or_else(|| other.clone());
        // Nobody lifts the limit of another.
        let lower = |own: Option<u64>, other: Option<u64>| own.into_iter().chain(other).min();
        let (own, other) = (self.limits, below.limits);
        Self {
            endpoint: first(&self.endpoint, &below.endpoint),
            key_env: first(&self.key_env, &below.key_env),
            limits: RateLimits {
                requests_per_minute: lower(own.requests_per_minute, other.requests_per_minute),
                tokens_per_minute: lower(own.tokens_per_minute, other.tokens_per_minute),
            },
        }
    }

    /// Nothing is said.
    pub fn is_empty(&self) -> bool {
        self.endpoint.is_none() && self.key_env.is_none() && self.limits.is_empty()
    }
}

/// One entry of the list `models`. What is not said is left as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Row {
    pub(super) provider: String,
    /// Without a name the entry is about the provider.
    pub(super) name: Option<String>,
    aliases: Option<Vec<String>>,
    expertise: Option<Vec<String>>,
    size: Option<f64>,
    context: Option<u64>,
    max_output: Option<u64>,
    price: Price,
    capabilities: Option<Vec<String>>,
    pub(super) host: Host,
}

/// What a `models.yaml` says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Overlay {
    pub(super) rows: Vec<Row>,
    /// What the router is told.
    pub(super) routing: Routing,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

impl Overlay {
    /// Of a file that could not be read.
    pub fn wrong(problem: Problem) -> Self {
        Self { problems: vec![problem], ..Self::default() }
    }
}

/// What a `models.yaml` tells the router.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routing {
    /// Models to go on with, in order, where one is not available.
    pub fallback: Option<Vec<String>>,
    /// The only models that may be chosen; names or `provider/*`.
    pub allow: Option<Vec<String>>,
    /// Models that are never chosen.
    pub deny: Option<Vec<String>>,
    /// What counts where a step says nothing.
    pub strategy: Option<String>,
}

impl Routing {
    /// This, field by field over `below`; of two limits the lower one. What is denied anywhere is denied.
    pub(super) fn over(&self, below: &Self) -> Self {
        let first = |own: &Option<Vec<String>>, other: &Option<Vec<String>>| own.clone().or_else(|| other.clone());
        let deny = match (&self.deny, &below.deny) {
            (Some(own), Some(other)) => Some(own.iter().chain(other).cloned().collect()),
            (own, other) => own.clone().or_else(|| other.clone()),
        };
        Self {
            fallback: first(&self.fallback, &below.fallback),
            allow: first(&self.allow, &below.allow),
            deny,
            strategy: self.strategy.clone().or_else(|| below.strategy.clone()),
        }
    }
}

/// Something that is wrong with a `models.yaml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file.
    pub file: Arc<str>,
    /// Counted from 1.
    pub line: u32,
    /// Counted from 1, in characters.
    pub column: u32,
    /// For people.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
}

/// The router's strategies.
pub const STRATEGIES: [&str; 4] = ["balanced", "cost", "quality", "latency"];

/// What a model may be said to be able to do.
pub const CAPABILITIES: [&str; 3] = ["vision", "tools", "json_schema"];

/// The keys of an entry.
const KEYS: [&str; 12] = [
    "source",
    "name",
    "expertise",
    "size",
    "price",
    "context",
    "max_output",
    "capabilities",
    "endpoint",
    "key_env",
    "limits",
    "alias",
];

/// The keys of the file; py-orc's own besides `models` have no effect, as there.
const ROOT: [&str; 9] = [
    "models",
    "fallback",
    "allow",
    "deny",
    "strategy",
    "defaults",
    "preferences",
    "cost_optimized",
    "performance_optimized",
];

/// Reads a file, which messages call `file`.
pub fn read(text: &str, file: &str, origin: Origin) -> Overlay {
    let parse = syntax::parse(text);
    let mut reader = Reader {
        tree: &parse.tree,
        lines: LineIndex::new(text),
        file: Arc::from(file),
        origin,
        overlay: Overlay::default(),
    };
    for problem in parse.problems {
        reader.wrong_at(problem.range.start().into(), problem.message);
    }
    if text.len() <= syntax::MAX_BYTES {
        reader.root();
    }
    reader.overlay
}

struct Reader<'t> {
    tree: &'t Tree,
    lines: LineIndex,
    file: Arc<str>,
    origin: Origin,
    overlay: Overlay,
}

impl Reader<'_> {
    fn root(&mut self) {
        let tree = self.tree;
        let root = tree.root();
        if tree.to_json(root).is_none_or(|value| value.is_null()) {
            return;
        }
        if !tree.is_mapping(root) {
            return self.wrong(root, "a mapping with the list `models` is wanted".to_owned());
        }
        self.strange(root, &ROOT);
        if let Some(models) = tree.get(root, "models") {
            if tree.is_sequence(models.value) {
                for item in tree.items(models.value).collect::<Vec<_>>() {
                    self.row(item);
                }
            } else {
                self.wrong(models.value, "`models` is a list; write each model as `- source: …`".to_owned());
            }
        }
        self.overlay.routing = Routing {
            fallback: self.texts(root, "fallback"),
            allow: self.texts(root, "allow"),
            deny: self.texts(root, "deny"),
            strategy: self.text(root, "strategy").and_then(|(node, strategy)| {
                let known = STRATEGIES.contains(&&*strategy);
                if !known {
                    self.wrong(node, format!("`strategy` is one of {}", STRATEGIES.join(", ")));
                }
                known.then_some(strategy)
            }),
        };
    }

    fn row(&mut self, item: NodeId) {
        let tree = self.tree;
        if !tree.is_mapping(item) {
            return self.wrong(item, "a model is a mapping with `source` and `name`".to_owned());
        }
        self.strange(item, &KEYS);
        let Some((_, provider)) = self.text(item, "source") else {
            if tree.get(item, "source").is_none() {
                self.wrong(item, "`source` is missing: the provider of the model, e.g. `ollama`".to_owned());
            }
            return;
        };
        let name = self.text(item, "name").map(|(_, name)| name);
        let told = |reader: &mut Self, key: &str| {
            let (node, value) = reader.text(item, key)?;
            let (line, column) = reader.place(tree.range(node).start().into());
            Some(Told { value, origin: reader.origin, place: format!("{}:{line}:{column}", reader.file) })
        };
        let (endpoint, key_env) = (told(self, "endpoint"), told(self, "key_env"));
        let host = Host { endpoint, key_env, limits: self.limits(item, name.is_some()) };
        let capabilities = self.texts(item, "capabilities");
        if let Some(strange) = capabilities.iter().flatten().find(|name| !CAPABILITIES.contains(&name.as_str())) {
            let node = tree.get(item, "capabilities").map_or(item, |entry| entry.value);
            self.wrong(node, format!("`{strange}` is none of {}", CAPABILITIES.join(", ")));
        }
        if name.is_none() && host.is_empty() && tree.get(item, "limits").is_none() {
            return self.wrong(item, "`name` is missing: what the provider calls the model".to_owned());
        }
        let row = Row {
            provider,
            name,
            aliases: self.texts(item, "alias"),
            expertise: self.texts(item, "expertise"),
            size: self.size(item),
            context: self.tokens(item, "context"),
            max_output: self.tokens(item, "max_output"),
            price: self.price(item),
            capabilities,
            host,
        };
        self.overlay.rows.push(row);
    }

    fn price(&mut self, item: NodeId) -> Price {
        let tree = self.tree;
        let Some(entry) = tree.get(item, "price") else { return Price::default() };
        if !tree.is_mapping(entry.value) {
            let message = "`price` is a mapping of input, output, cache_read and cache_write in US$ per million tokens";
            self.wrong(entry.value, message.to_owned());
            return Price::default();
        }
        self.strange(entry.value, &["input", "output", "cache_read", "cache_write"]);
        let mut dollars = |key: &str| {
            let node = tree.get(entry.value, key)?.value;
            let price = tree.to_json(node)?.as_f64().filter(|price| (0.0..1e6).contains(price));
            if price.is_none() {
                self.wrong(node, format!("`{key}` is a number of US$ per million tokens, 0 or more"));
            }
            price
        };
        Price {
            input: dollars("input"),
            output: dollars("output"),
            cache_read: dollars("cache_read"),
            cache_write: dollars("cache_write"),
        }
    }

    fn limits(&mut self, item: NodeId, is_of_model: bool) -> RateLimits {
        let tree = self.tree;
        let Some(entry) = tree.get(item, "limits") else { return RateLimits::default() };
        if is_of_model {
            let message = "`limits` are those of a provider; write them in an entry with `source` and without `name`";
            self.wrong(entry.key, message.to_owned());
            return RateLimits::default();
        }
        if !tree.is_mapping(entry.value) {
            self.wrong(entry.value, "`limits` is a mapping of requests_per_minute and tokens_per_minute".to_owned());
            return RateLimits::default();
        }
        self.strange(entry.value, &["requests_per_minute", "tokens_per_minute"]);
        let mut most = |key: &str| {
            let node = tree.get(entry.value, key)?.value;
            let most = tree.to_json(node).and_then(|value| value.as_u64()).filter(|most| *most > 0);
            if most.is_none() {
                self.wrong(node, format!("`{key}` is a whole number, 1 or more"));
            }
            most
        };
        RateLimits { requests_per_minute: most("requests_per_minute"), tokens_per_minute: most("tokens_per_minute") }
    }

    fn tokens(&mut self, item: NodeId, key: &str) -> Option<u64> {
        let node = self.tree.get(item, key)?.value;
        let tokens = self.tree.to_json(node).and_then(|value| value.as_u64()).filter(|tokens| *tokens > 0);
        if tokens.is_none() {
            self.wrong(node, format!("`{key}` is a number of tokens"));
        }
        tokens
    }

    fn size(&mut self, item: NodeId) -> Option<f64> {
        let node = self.tree.get(item, "size")?.value;
        let written = match self.tree.to_json(node)? {
            Value::String(text) => text,
            Value::Null => return None,
            value => value.to_string(),
        };
        let size = billions(&written);
        if size.is_none() {
            self.wrong(node, format!("`{written}` is no size; write the parameters in billions, e.g. `7b`"));
        }
        size
    }

    /// A text that is not empty.
    fn text(&mut self, item: NodeId, key: &str) -> Option<(NodeId, String)> {
        let node = self.tree.get(item, key)?.value;
        match self.tree.to_json(node) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some((node, text.trim().to_owned())),
            // A name like `4` is one.
            Some(Value::Number(number)) => Some((node, number.to_string())),
            _ => {
                self.wrong(node, format!("`{key}` is a text"));
                None
            }
        }
    }

    /// A list of texts, or one.
    fn texts(&mut self, item: NodeId, key: &str) -> Option<Vec<String>> {
        let node = self.tree.get(item, key)?.value;
        let texts = match self.tree.to_json(node)? {
            Value::Null => return None,
            Value::String(text) => Some(vec![text]),
            Value::Array(items) => items.into_iter().map(|item| item.as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        if texts.is_none() {
            self.wrong(node, format!("`{key}` is a list of texts"));
        }
        texts
    }

    /// Keys that are nearly one of `known` are mistakes; any other is somebody else's.
    fn strange(&mut self, mapping: NodeId, known: &[&str]) {
        let entries: Vec<_> = self.tree.entries(mapping).collect();
        for entry in entries {
            let Some(key) = self.tree.key_text(entry.key).filter(|key| !known.contains(&key.as_str())) else {
                continue;
            };
            if let Some(near) = did_you_mean(&key, known.iter().copied()) {
                self.wrong(entry.key, format!("unknown key `{key}`; did you mean `{near}`?"));
            }
        }
    }

    fn wrong(&mut self, node: NodeId, message: String) {
        self.wrong_at(self.tree.range(node).start().into(), message);
    }

    fn wrong_at(&mut self, offset: usize, message: String) {
        let (line, column) = self.place(offset);
        self.overlay.problems.push(Problem { file: Arc::clone(&self.file), line, column, message });
    }

    fn place(&self, offset: usize) -> (u32, u32) {
        let place = self.lines.position(self.tree.text(), (offset as u32).into(), Encoding::Utf32);
        (place.line + 1, place.column + 1)
    }
}

/// A number of parameters, in billions: `7b`, `1.5B`, `350m`, `2t`, `13`.
pub fn billions(text: &str) -> Option<f64> {
    let text = text.trim().to_lowercase();
    let digits = text.trim_end_matches(['b', 'm', 't']).trim();
    let size: f64 = digits.parse().ok()?;
    let size = match &text[digits.len()..] {
        unit if unit.ends_with('m') => size / 1000.0,
        unit if unit.ends_with('t') => size * 1000.0,
        _ => size,
    };
    (size.is_finite() && size > 0.0).then_some(size)
}

impl Row {
    /// Says of `spec` what this entry says.
    pub(super) fn apply(&self, spec: &mut ModelSpec) {
        spec.is_listed = true;
        if let Some(aliases) = &self.aliases {
            spec.aliases.clone_from(aliases);
        }
        if let Some(expertise) = &self.expertise {
            spec.expertise.clone_from(expertise);
        }
        spec.size = self.size.or(spec.size);
        spec.context = self.context.or(spec.context);
        spec.max_output = self.max_output.or(spec.max_output);
        for (own, told) in [
            (&mut spec.price.input, self.price.input),
            (&mut spec.price.output, self.price.output),
            (&mut spec.price.cache_read, self.price.cache_read),
            (&mut spec.price.cache_write, self.price.cache_write),
        ] {
            *own = told.or(*own);
        }
        if self.price != Price::default() {
            // Nobody said what the tiers of another price are.
            spec.tiers.clear();
        }
        if let Some(capabilities) = &self.capabilities {
            let able = |name: &str| capabilities.iter().any(|able| able == name);
            spec.vision = able("vision");
            spec.tools = Some(able("tools"));
            spec.json_schema = Some(able("json_schema"));
        }
        spec.host = self.host.over(&spec.host);
    }
}

#[cfg(test)]
mod tests;
