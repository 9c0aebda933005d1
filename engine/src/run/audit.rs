//! Who did what to runs, when: `.orc/audit.jsonl`, a JSON object per line, only ever appended to.
//!
//! It holds no values. Inputs that are no secrets are there as keyed hashes: whoever has the workspace can
//! tell whether two runs were given the same, and nobody who has the file alone can guess what it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    hash::{BuildHasher, RandomState},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{
    clock, resume,
    secrets::{self, Redactor},
    store,
};
use crate::{catalog, failpoint, plan::Plan};

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Entry {
    /// The version of this format: 1.
    pub version: u32,
    /// When, RFC 3339 UTC with milliseconds.
    pub time: String,
    /// The user, as the system calls them.
    pub user: String,
    /// The machine, as it calls itself.
    pub host: String,
    /// What they worked with.
    pub program: Program,
    /// What was done.
    pub what: What,
    /// The run's id.
    pub run: String,
    /// The pipeline's id, where a run begins or goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<String>,
    /// The pipeline's file, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The pipeline's own steps that may change the world or ask a person, and what they do it with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub steps: BTreeMap<String, String>,
    /// HMAC-SHA-256 of each input's JSON, with the key in `.orc/audit.key`; nothing of secret inputs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// The step that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// What somebody works with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Program {
    /// The command line.
    Cli,
    /// An editor, through the language server.
    Editor,
}

/// What can be done to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// It is about to begin.
    Started,
    /// It is about to go on.
    Resumed,
    /// It is about to be told to stop, or was stopped where it runs.
    Cancelled,
    /// What a step asks is about to be answered.
    Approved,
    /// It is about to be removed.
    Pruned,
}

impl Entry {
    /// That `what` is done to `run`, now and by whoever runs this process.
    pub fn new(what: What, run: &str, program: Program) -> Self {
        let named = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| std::env::var(name).ok());
            values.find(|value| !value.is_empty()).unwrap_or_else(|| "unknown".to_owned())
        };
        let host = fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
        Self {
            version: 1,
            time: clock::now(),
            user: named(&["USER", "LOGNAME", "USERNAME"]),
            host: host.filter(|name| !name.is_empty()).unwrap_or_else(|| named(&["HOSTNAME", "COMPUTERNAME"])),
            program,
            what,
            run: run.to_owned(),
            pipeline: None,
            file: None,
            steps: BTreeMap::new(),
            inputs: BTreeMap::new(),
            step: None,
        }
    }

    /// With what the plan would do; the inputs are hashed with the key beside `store`.
    pub fn with_plan(mut self, plan: &Plan, file: &str, store: &Path) -> io::Result<Self> {
        use lang::registry::Effect;
        let key = key(store)?;
        let registry = catalog::registry();
        for step in &plan.program.scope.steps {
            let effect = resume::effect(&registry, step);
            if let Some(Effect::Idempotent | Effect::Effectful | Effect::Human) = effect
                && let Some(name) = step.tool.as_ref().or(step.action.as_ref())
            {
                self.steps.insert(step.id.clone(), name.clone());
            }
        }
        // Who has the key, which lies beside it, could try what a secret may be.
        let redactor = Redactor::of(plan);
        let secret: BTreeSet<&str> = secrets::secret_inputs(plan).collect();
        let told = plan.inputs.iter().filter(|(name, value)| !secret.contains(&***name) && !redactor.touches(value));
        self.inputs = told.map(|(name, value)| (name.clone(), hmac(&key, &value.to_string()))).collect();
        self.pipeline = Some(plan.program.id.clone());
        self.file = Some(file.to_owned());
        Ok(self)
    }
}

/// The last that was done to `run`, if the log says so within its last megabyte.
pub fn last(store: &Path, run: &str) -> io::Result<Option<What>> {
    let mut file = match File::open(file(store)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let from = file.metadata()?.len().saturating_sub(1 << 20);
    file.seek(SeekFrom::Start(from))?;
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text);
    // A line that was broken off says nothing.
    let entries = text.lines().rev().filter_map(|line| serde_json::from_str::<Entry>(line).ok());
    Ok(entries.into_iter().find(|entry| entry.run == run).map(|entry| entry.what))
}

/// The audit log beside the store.
pub fn file(store: &Path) -> PathBuf {
    store.with_file_name("audit.jsonl")
}

/// Appends `entries`, which are on disk when it returns.
pub fn append(store: &Path, entries: &[Entry]) -> io::Result<()> {
    let path = file(store);
    let named = |error: io::Error| {
        let fix = "free space or make it writable, or run with `--no-store`, which keeps nothing";
        io::Error::new(error.kind(), format!("the audit log `{}` cannot be written: {error}; {fix}", path.display()))
    };
    write(&path, store, entries).map_err(named)
}

fn write(path: &Path, store: &Path, entries: &[Entry]) -> io::Result<()> {
    directory(store)?;
    let mut file = private().read(true).append(true).create(true).open(path)?;
    let mut text = String::new();
    // A line that was broken off by a full disk spoils no other.
    if file.seek(SeekFrom::End(0))? > 0 {
        file.seek(SeekFrom::End(-1))?;
        let mut last = [0];
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    for entry in entries {
        text.push_str(&serde_json::to_string(entry)?);
        text.push('\n');
    }
    failpoint::reached();
    file.write_all(text.as_bytes())?;
    file.sync_data()?;
    failpoint::reached();
    Ok(())
}

/// Makes the directory of the store as the store does, where there is none.
fn directory(path: &Path) -> io::Result<()> {
    if path.parent().is_some_and(|directory| !directory.exists()) {
        store::open(Some(path)).map_err(|error| io::Error::other(error.to_string()))?;
    }
    Ok(())
}

fn private() -> OpenOptions {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// The key of the workspace, drawn once.
fn key(store: &Path) -> io::Result<String> {
    let path = store.with_file_name("audit.key");
    let named = |error: io::Error| {
        let fix = "check that the directory can be written and has space, or run with `--no-store`";
        let what = format!("the key of the audit log, `{}`, cannot be used: {error}; {fix}", path.display());
        io::Error::new(error.kind(), what)
    };
    directory(store)?;
    let drawn = || {
        if !path.exists() {
            // Whole or not at all, whoever else draws one.
            let draft = store.with_file_name(format!("audit.key.{}", std::process::id()));
            let random = RandomState::new();
            let mut text = String::new();
            for part in 0..4 {
                let _ = write!(text, "{:016x}", random.hash_one(part));
            }
            private().write(true).create(true).truncate(true).open(&draft)?.write_all(text.as_bytes())?;
            let linked = fs::hard_link(&draft, &path);
            failpoint::reached();
            fs::remove_file(&draft)?;
            match linked {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        fs::read_to_string(&path)
    };
    drawn().map_err(named)
}

/// HMAC-SHA-256 (RFC 2104) in hexadecimal; the key is not longer than a block.
fn hmac(key: &str, text: &str) -> String {
    let padded = |with: u8| {
        let mut block = [with; 64];
        block.iter_mut().zip(key.bytes()).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(padded(0x36)).chain_update(text).finalize();
    let outer = Sha256::new().chain_update(padded(0x5c)).chain_update(inner).finalize();
    outer.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_hash_is_the_one_of_the_standard() {
        // RFC 4231, test case 2.
        let hash = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hmac("Jefe", "what do ya want for nothing?"), hash);
    }

    #[test]
    fn a_line_that_was_broken_off_spoils_no_other() {
        let directory = tempfile::tempdir().unwrap();
        let store = directory.path().join("runs.db");
        fs::write(file(&store), "{\"version\":1,\"ti").unwrap();
        let entry = Entry::new(What::Pruned, "r", Program::Cli);
        append(&store, std::slice::from_ref(&entry)).unwrap();
        let text = fs::read_to_string(file(&store)).unwrap();
        let last: Entry = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        assert_eq!(last, entry);
    }
}
