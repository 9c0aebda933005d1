//! Settings, as an editor sends them (section `orc`): the one place that defines them. The reference
//! and what VS Code is told of them are made from this, so doc comments are user text. A setting that
//! does not parse is reported and the settings before it stay in force.

use std::num::NonZeroU16;

use camino::Utf8Path;
use engine::plan::dollars;
use globset::{GlobBuilder, GlobMatcher};
use indexmap::IndexMap;
use lang::check::{Diagnostic, Severity};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// Settings of the language server.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    /// The `orc` program to start. Empty: the one on `PATH`. A leading `~` is your home directory.
    #[serde(deserialize_with = "or_default")]
    pub path: String,
    /// How severe a diagnostic is, by code: `{"ORC204": "hint", "ORC801": "off"}`.
    #[serde(deserialize_with = "or_default")]
    pub severity: IndexMap<String, SeveritySetting>,
    /// The same for some files: `[{"files": "legacy/**", "severity": {"ORC801": "off"}}]`. It counts before `orc.severity`; of two entries that name the same code for a file the later one counts.
    #[serde(deserialize_with = "or_default")]
    pub overrides: Vec<Override>,
    /// How `orc.run` runs.
    #[serde(deserialize_with = "or_default")]
    pub run: RunSettings,
    /// What runs may cost.
    #[serde(deserialize_with = "or_default")]
    pub cost: CostSettings,
    /// What is written to the log of the editor.
    #[serde(deserialize_with = "or_default")]
    pub trace: TraceSettings,
}

/// `null`, which some editors send for what is not set, as the default.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// The severity of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeveritySetting {
    /// The pipeline cannot run.
    Error,
    /// It runs, but likely not as meant.
    Warning,
    /// Worth knowing.
    Information,
    /// A better way exists.
    Hint,
    /// Not shown.
    Off,
}

/// How severe diagnostics are in some files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The files, as a glob from the workspace folder: `legacy/**`, `**/*.draft.{yaml,yml}`. `*` stays within a folder, `**` does not.
    #[schemars(with = "String")]
    pub files: FileGlob,
    /// The severities, as in `orc.severity`.
    pub severity: IndexMap<String, SeveritySetting>,
}

/// A glob that was read.
#[derive(Debug, Clone)]
pub struct FileGlob(GlobMatcher);

impl FileGlob {
    /// Whether the file at `path`, from the workspace folder, is meant.
    fn is_match(&self, path: &Utf8Path) -> bool {
        self.0.is_match(path)
    }
}

impl PartialEq for FileGlob {
    fn eq(&self, other: &Self) -> bool {
        self.0.glob() == other.0.glob()
    }
}

impl Serialize for FileGlob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.glob().glob())
    }
}

impl<'de> Deserialize<'de> for FileGlob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        // A path from the folder has no dot in front.
        let written = text.strip_prefix("./").unwrap_or(&text);
        let glob = GlobBuilder::new(written).literal_separator(true).build().map_err(D::Error::custom)?;
        Ok(Self(glob.compile_matcher()))
    }
}

/// How `orc.run` runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct RunSettings {
    /// Models are simulated: deterministic, free, labelled. Otherwise those that the pipeline names are asked, with the keys of the environment.
    pub simulate: bool,
    /// How many steps may run at once; without a number, twice the cores.
    pub max_concurrency: Option<NonZeroU16>,
}

impl Default for RunSettings {
    fn default() -> Self {
        Self { simulate: true, max_concurrency: None }
    }
}

/// What runs may cost.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CostSettings {
    /// The most that a run may cost, in US$: a pipeline whose estimate exceeds it has a warning (ORC504). It stops no run; `budget` in the pipeline and `--max-cost` do. Without a number nothing is limited.
    #[serde(deserialize_with = "amount")]
    pub limit: Option<f64>,
}

/// An amount of money, or none.
fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let amount = Option::<f64>::deserialize(deserializer)?;
    match amount.filter(|amount| dollars(*amount).is_none()) {
        Some(wrong) => {
            Err(D::Error::custom(format!("`cost.limit` is {wrong}, which is no amount of US$; write 0 or more")))
        }
        None => Ok(amount),
    }
}

impl CostSettings {
    /// The most that a run may cost, in billionths of a dollar.
    pub fn limit_in_nano_usd(&self) -> Option<u64> {
        self.limit.and_then(dollars).and_then(|nano| u64::try_from(nano).ok())
    }
}

/// What is written to the log of the editor.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct TraceSettings {
    /// Writes the messages between editor and language server to the output channel.
    #[serde(deserialize_with = "or_default")]
    pub server: Trace,
}

/// How much of the messages is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trace {
    /// Nothing.
    #[default]
    Off,
    /// That a message was sent.
    Messages,
    /// What was sent as well.
    Verbose,
}

impl Settings {
    /// Reads the section `orc`, as an editor sent it. `null` means no settings; keys that are not
    /// ours are the editor's.
    pub fn read(section: &serde_json::Value) -> Result<Self, String> {
        let Some(fields) = section.as_object() else { return Ok(Self::default()) };
        if fields.is_empty() {
            return Ok(Self::default());
        }
        Self::deserialize(section).map_err(|error| format!("the settings of `orc` cannot be read: {error}"))
    }

    /// The severities of the diagnostics of the file at `path`, from its workspace folder.
    pub fn severities(&self, path: Option<&Utf8Path>) -> Severities<'_> {
        let meant = |entry: &&Override| path.is_some_and(|path| entry.files.is_match(path));
        let overrides = self.overrides.iter().rev().filter(meant).map(|entry| &entry.severity);
        Severities { tables: overrides.chain([&self.severity]).filter(|table| !table.is_empty()).collect() }
    }
}

/// How severe the diagnostics of one file are.
#[derive(Debug)]
pub struct Severities<'s> {
    /// Those that count first come first.
    tables: Vec<&'s IndexMap<String, SeveritySetting>>,
}

impl Severities<'_> {
    /// The severity of `diagnostic`; `None` = not shown.
    pub fn of(&self, diagnostic: &Diagnostic) -> Option<Severity> {
        if self.tables.is_empty() {
            return Some(diagnostic.severity);
        }
        let code = diagnostic.code.to_string();
        match self.tables.iter().find_map(|table| table.get(&code)) {
            None => Some(diagnostic.severity),
            Some(SeveritySetting::Error) => Some(Severity::Error),
            Some(SeveritySetting::Warning) => Some(Severity::Warning),
            Some(SeveritySetting::Information) => Some(Severity::Information),
            Some(SeveritySetting::Hint) => Some(Severity::Hint),
            Some(SeveritySetting::Off) => None,
        }
    }
}
