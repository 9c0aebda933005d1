//! Results that need not be made again (contract §5.4): what a result depends on, and the earlier
//! results of the workspace.
//!
//! A step is looked up after everything it says was rendered and before its intent is stored. What it
//! depends on is its [`Fingerprint`]; a result is used again only where all of it is the same.

use std::{
    collections::{BTreeMap, HashMap},
    fs::File,
    io::{self, BufRead as _, BufReader},
    path::Path,
    sync::{Arc, Mutex},
};

use lang::{
    registry::{Effect, ParamKind, ParamSpec, Registry, is_path_of_data, is_path_of_image},
    template,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{
    context::RunContext,
    execute::lock,
    perform::{self, Prepared},
    render::Names,
    resume,
    store::{
        LastWord, SqliteStore,
        sqlite::{Attempt, short},
    },
};
use crate::{
    models,
    plan::StepPlan,
    tools::{
        ToolCx,
        confine::{Access, Last, locate},
    },
};

mod latest;
pub use latest::Earlier;
use latest::Guess;
pub(crate) use latest::Latest;

/// What a step's result depends on. Hashes are SHA-256 in hexadecimal, of canonical JSON or of bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// What is done: `data-processing.filter`, `evaluate_condition`.
    pub does: String,
    /// The version of orc that does it.
    pub version: String,
    /// The model it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Where that model is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The hashes of the rendered parameters, by name.
    pub parameters: BTreeMap<String, String>,
    /// The hashes of the files that parameters name, by path as written; `None` where there is none.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, Option<String>>,
    /// The hashes of the environment variables it may see by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, String>,
    /// The hashes of the parameters as they are written. They tell why a parameter is another one, and
    /// are no part of [`Self::key`].
    pub written: BTreeMap<String, String>,
}

impl Fingerprint {
    /// Under which the result is found again.
    pub fn key(&self) -> String {
        let Self { does, version, model, place, parameters, files, environment, written: _ } = self;
        match place {
            Some(place) => hash_of(&json!([does, version, model, place, parameters, files, environment])),
            None => hash_of(&json!([does, version, model, parameters, files, environment])),
        }
    }

    /// Why a result with the fingerprint `before` cannot be used in place of one with this.
    pub fn difference(&self, before: &Self) -> String {
        if self.does != before.does {
            return format!("it did `{}`", before.does);
        }
        if self.version != before.version {
            return format!("orc was {}", before.version);
        }
        if self.model != before.model {
            return match &before.model {
                Some(model) => format!("the model was `{model}`"),
                None => "it named no model".to_owned(),
            };
        }
        if self.place != before.place {
            return match &before.place {
                Some(place) => format!("the model was asked at {}", place.replace(' ', ", ")),
                None => "the model was asked elsewhere".to_owned(),
            };
        }
        if let Some(name) = first_difference(&self.written, &before.written) {
            return format!("`{name}` is written differently");
        }
        if let Some(name) = first_difference(&self.parameters, &before.parameters) {
            return format!("`{name}` has another value");
        }
        if let Some(path) = first_difference(&self.files, &before.files) {
            return format!("the file `{path}` changed");
        }
        match first_difference(&self.environment, &before.environment) {
            Some(name) => format!("the environment variable `{name}` changed"),
            None => "its earlier result is gone".to_owned(),
        }
    }
}

/// The first name whose value is another one or stands on one side alone.
fn first_difference<'n, V: PartialEq>(
    now: &'n BTreeMap<String, V>,
    before: &'n BTreeMap<String, V>,
) -> Option<&'n String> {
    let other = now.iter().find(|(name, value)| before.get(*name) != Some(*value));
    other.or_else(|| before.iter().find(|(name, _)| !now.contains_key(*name))).map(|(name, _)| name)
}

/// Earlier results, looked up one at a time.
#[derive(Debug)]
pub(crate) struct Cache {
    store: Mutex<SqliteStore>,
    /// All keys there were, shortened, unless they are too many: most steps need not ask the store. With the
    /// attempts that came to it.
    known: Option<HashMap<u64, Vec<Attempt>>>,
    /// The step of the root that was asked for by name: it runs in any case.
    fresh: Option<String>,
    /// The ends of the run that is probably [the latest](Self::latest).
    guess: Mutex<Option<Guess>>,
}

/// An earlier result that stands for a step's.
#[derive(Debug, Clone)]
pub(crate) struct Hit {
    /// The run that made it.
    pub(crate) run: String,
    /// What the step came to there.
    pub(crate) last: LastWord,
}

/// What [`Cache::result`] reads of a [`LastWord`].
#[derive(Deserialize)]
struct Word {
    document: WordDocument,
}

#[derive(Deserialize)]
struct WordDocument {
    value: WordValue,
    cache: Option<WordCache>,
}

#[derive(Deserialize)]
struct WordValue {
    #[serde(default)]
    result: Value,
}

#[derive(Deserialize)]
struct WordCache {
    run: Option<String>,
}

/// How many keys are kept in memory at most: some ten megabytes.
const MOST_KNOWN: usize = 100_000;

impl Cache {
    /// The earlier results in the store `file`; none where nothing ran yet.
    pub(crate) fn open(file: &Path, fresh: Option<String>) -> Option<Self> {
        // A store that is missing, older, or cannot be read has no results to offer. Where it cannot be
        // written either, the run says so.
        let store = SqliteStore::open_to_read(file).ok()?;
        let known = store.cache_keys(MOST_KNOWN).ok()?;
        let known = known.map(|keys| {
            let mut known: HashMap<u64, Vec<Attempt>> = HashMap::with_capacity(keys.len());
            for (key, attempt) in keys {
                known.entry(key).or_default().push(attempt);
            }
            known
        });
        Some(Self { store: Mutex::new(store), known, fresh, guess: Mutex::default() })
    }

    /// The result under `key` that an earlier run than `run` made.
    pub(crate) fn find(&self, run: &str, key: &str) -> Option<Hit> {
        if self.known.as_ref().is_some_and(|known| !known.contains_key(&short(key))) {
            return None;
        }
        // Not being able to read an earlier result is no reason to fail: making it anew is always right.
        let (run, last) = lock(&self.store).cached(run, key).ok().flatten()?;
        // What was used again itself says where it came from.
        let made_in = last.document.cache.as_ref().and_then(|cache| cache["run"].as_str()).map(str::to_owned);
        Some(Hit { run: made_in.unwrap_or(run), last })
    }

    /// The run that made the result under `key`, and the result: [`Self::find`] for who needs no more.
    pub(crate) fn result(&self, run: &str, key: &str) -> Option<(String, Value)> {
        let known = self.known.as_ref().map(|known| known.get(&short(key)).map(Vec::as_slice));
        let attempt = match known {
            Some(None) => return None,
            Some(Some([attempt])) if attempt.run != run => attempt,
            // Of several it is the newest, and who made it is for the store to say.
            _ => {
                let hit = self.find(run, key)?;
                return Some((hit.run, hit.last.document.value["result"].clone()));
            }
        };
        let word = lock(&self.store).word_of(attempt).ok().flatten()?;
        let word: Word = serde_json::from_str(&word).ok()?;
        let made_in = word.document.cache.and_then(|cache| cache.run);
        Some((made_in.unwrap_or_else(|| attempt.run.clone()), word.document.value.result))
    }

    /// What the latest result of the step of the pipeline's root depended on.
    pub(crate) fn before(&self, pipeline: &str, step: &str) -> Option<Fingerprint> {
        let (_, last) = lock(&self.store).last_word(pipeline, step).ok().flatten()?;
        last.fingerprint.map(|fingerprint| *fingerprint)
    }

    /// The same, where the step of the root was asked for by name.
    pub(crate) fn with_fresh(self, fresh: Option<String>) -> Self {
        Self { fresh, ..self }
    }

    /// Whether the step at `path` was asked for by name, or is part of one that was.
    fn is_fresh(&self, path: &str) -> bool {
        is_part_of(path, self.fresh.as_deref())
    }
}

/// Whether the step at `path` is `step`, or a part of it.
pub(crate) fn is_part_of(path: &str, step: Option<&str>) -> bool {
    step.is_some_and(|step| {
        path.strip_prefix(step).is_some_and(|rest| rest.is_empty() || rest.starts_with(['[', '>', '!']))
    })
}

/// Whether a result of `step` could ever be used again, as far as that can be told before it is
/// rendered.
pub(crate) fn may_be_cached(cx: &RunContext, step: &StepPlan, path: &str) -> bool {
    let Some(cache) = &cx.cache else { return false };
    if step.kind.has_steps() || step.is_handler || step.cache == Some(false) || cache.is_fresh(path) {
        return false;
    }
    // What is not known before it is rendered may turn out to be pure.
    let is_open = step.action.as_deref().is_some_and(|action| !template::is_plain(action));
    is_open
        || step.cache == Some(true)
        || matches!(resume::effect(&cx.registry, step), Some(Effect::Pure | Effect::Model))
}

/// What the result depends on; `None` where it cannot be used again. Reads the files it names.
pub(crate) fn fingerprint(cx: &RunContext, step: &StepPlan, prepared: &Prepared) -> Option<Fingerprint> {
    let deterministic = || {
        let number = |name: &str| prepared.params.get(name).and_then(Value::as_f64);
        // Simulated answers are never kept (contract §6.8).
        models::stand_in(prepared.model.as_deref(), cx.simulate).is_none()
            && (number("temperature") == Some(0.0) || number("seed").is_some())
    };
    let wanted = match (step.cache, prepared.effect) {
        (Some(wanted), Effect::Pure) => wanted,
        (None, Effect::Pure) => true,
        (Some(false), _) => false,
        // What its tools read may be another thing now.
        (None, Effect::Model) if prepared.params.contains_key("tools") => false,
        (None, Effect::Model) => deterministic(),
        (Some(true), Effect::Model) => models::stand_in(prepared.model.as_deref(), cx.simulate).is_none(),
        (Some(true), _) => true,
        (None, _) => false,
    };
    // The hash of a secret that can be guessed would tell it.
    let holds_secret = || {
        let seen = cx.permissions.env.iter().filter_map(|name| cx.environment.get(name));
        let params = prepared.params.values().chain(step.parameters.values()).any(|value| cx.secrets.touches(value));
        params || seen.into_iter().any(|value| cx.secrets.touches(&json!(value)))
    };
    if !wanted || holds_secret() {
        return None;
    }
    let mut tool_cx = None;
    let specs = prepared.specs(&cx.registry);
    let mut files = BTreeMap::new();
    for (name, value) in &prepared.params {
        let spec = specs.iter().find(|spec| spec.name == *name || spec.aliases.contains(name));
        let Some(spec) = spec else { continue };
        for path in paths(spec, value) {
            let tool_cx = tool_cx.get_or_insert_with(|| perform::tool_cx(cx, step));
            files.insert(path.to_owned(), contents(tool_cx, path)?);
        }
    }
    let named = |(name, value): (&String, &Value)| (name.clone(), hash_of(value));
    // What a pure step does depends on no variable.
    let seen = cx.permissions.env.iter().filter(|_| !matches!(prepared.effect, Effect::Pure | Effect::Model));
    let environment = seen.filter_map(|name| Some((name.clone(), hash_of(&json!(cx.environment.get(name)?)))));
    Some(Fingerprint {
        does: prepared.name(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        place: prepared
            .model
            .as_deref()
            .filter(|_| prepared.effect == Effect::Model)
            .and_then(|model| cx.place_of(model)),
        model: prepared.model.clone().filter(|_| prepared.effect == Effect::Model),
        parameters: prepared.params.iter().map(named).collect(),
        files,
        environment: environment.collect(),
        written: step.parameters.iter().map(named).collect(),
    })
}

/// Whether a parameter of the step may name a file.
pub(crate) fn may_name_files(registry: &Registry, step: &StepPlan) -> bool {
    let specs = resume::target(registry, step).map_or(&[][..], |target| perform::specs(&target));
    let is_given = |spec: &&ParamSpec| {
        std::iter::once(&spec.name).chain(&spec.aliases).any(|name| step.parameters.contains_key(name))
    };
    fn is_file(spec: &ParamSpec) -> bool {
        matches!(spec.kind, ParamKind::ReadPath | ParamKind::Data | ParamKind::Image)
            || spec.items.as_deref().is_some_and(is_file)
    }
    specs.iter().filter(is_given).any(is_file)
}

/// The paths of files that `value` names as the parameter `spec`.
fn paths<'v>(spec: &ParamSpec, value: &'v Value) -> Vec<&'v str> {
    match (spec.kind, &spec.items, value) {
        (ParamKind::ReadPath, _, Value::String(path)) => vec![path],
        (ParamKind::Image, _, Value::String(path)) if is_path_of_image(path) => vec![path],
        (ParamKind::Data, ..) => path_of_data(value).into_iter().collect(),
        (_, Some(items), Value::Array(values)) => values.iter().flat_map(|value| paths(items, value)).collect(),
        _ => Vec::new(),
    }
}

fn path_of_data(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) if is_path_of_data(text) => Some(text),
        Value::Object(object) => object.get("processed_data").or_else(|| object.get("data")).and_then(path_of_data),
        _ => None,
    }
}

/// The hash of a file's bytes; inside, `None` where there is no such file; outside, where what stands
/// there has no bytes of its own, or may not be read.
#[expect(clippy::option_option, reason = "a missing file is known, what may not be read is not")]
fn contents(cx: &ToolCx, path: &str) -> Option<Option<String>> {
    let place = locate(cx, path, Access::Read, Last::Followed).ok()?;
    match hash_of_file(&place.path()) {
        Ok(hash) => Some(Some(hash)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(None),
        Err(_) => None,
    }
}

/// How much of a file is read at a time.
const AT_A_TIME: usize = 64 << 10;

fn hash_of_file(path: &Path) -> io::Result<String> {
    // Opening a pipe would wait for who writes into it.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut hasher = Sha256::new();
    let mut file = BufReader::with_capacity(AT_A_TIME, File::open(path)?);
    loop {
        let read = file.fill_buf()?;
        if read.is_empty() {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(read);
        let length = read.len();
        file.consume(length);
    }
}

/// The order of an object's keys counts: what a step does may depend on it.
fn hash_of(value: &Value) -> String {
    hex(&Sha256::digest(value.to_string()))
}

/// Bytes in hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).expect("invariant: half a byte is one digit");
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// What was found out about a step before it acts.
pub(crate) enum LookUp {
    /// It cannot be used again, or cannot be rendered: it runs as ever.
    Nothing,
    /// It was not done before; what it will depend on, if its result may be kept.
    Anew(Box<Prepared>, Option<Box<Fingerprint>>),
    /// It was.
    Found(Box<Hit>, Box<Fingerprint>),
}

/// Renders the step and looks for an earlier result of the same.
pub(crate) fn look_up(cx: &RunContext, step: &StepPlan, names: &Arc<Names>) -> LookUp {
    // What cannot be rendered is reported by the attempt.
    let Ok(prepared) = perform::prepare(cx, step, names) else { return LookUp::Nothing };
    let Some(cache) = &cx.cache else { return LookUp::Nothing };
    let Some(fingerprint) = fingerprint(cx, step, &prepared) else {
        return LookUp::Anew(Box::new(prepared), None);
    };
    match cache.find(&cx.run_id, &fingerprint.key()) {
        Some(hit) => LookUp::Found(Box::new(hit), Box::new(fingerprint)),
        None => LookUp::Anew(Box::new(prepared), Some(Box::new(fingerprint))),
    }
}

/// Whether the files that `fingerprint` names are still what they were.
pub(crate) fn still_holds(cx: &RunContext, step: &StepPlan, fingerprint: &Fingerprint) -> bool {
    if fingerprint.files.is_empty() {
        return true;
    }
    let tool_cx = perform::tool_cx(cx, step);
    fingerprint.files.iter().all(|(path, hash)| contents(&tool_cx, path).as_ref() == Some(hash))
}
