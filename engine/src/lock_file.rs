//! `<pipeline file>.lock`: the answers to a pipeline's AUTO tags, pinned (contract §2.20).
//!
//! It is YAML, sorted and meant to be committed. A pin holds where tag and context are what they were; it
//! never holds a secret. Reading is strict: what cannot be read is an error, never an empty file.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::run::cache::hex;

/// The first lines of each file.
const HEAD: &str = "# Answers to the <AUTO> tags of this pipeline, made by orc. Meant to be committed.\n\
                    # `orc resolve FILE` renews what is stale; an entry that is deleted is asked for again.\n";

/// The form of the file.
const VERSION: u32 = 1;

/// Bytes of a hash that are kept.
const HASH: usize = 16;

/// The pins of a pipeline.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LockFile {
    /// Sorted by position, then context.
    pins: Vec<Pin>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Where the tag stands: [`lang::auto::Hole::position`].
    pub position: String,
    /// The hash of the tag as it was written.
    pub body: String,
    /// The hash of the question as it was asked, its templates rendered.
    pub context: String,
    /// The answer.
    pub value: Value,
    /// Who answered: `provider/model`.
    pub model: String,
    /// US dollars; nothing where the price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<String>,
    /// When, RFC 3339 UTC.
    pub date: String,
}

/// The file as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    pins: Vec<Pin>,
}

/// Why the pins are not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LockFileError {
    /// It is there and cannot be read.
    #[error("the lock file `{0}` cannot be read: {1}")]
    Unreadable(String, String),
    /// It is no lock file of this version.
    #[error(
        "the lock file `{0}` is not one that this version of orc can read: {1}; mend it, or delete it and run `orc resolve`"
    )]
    Malformed(String, String),
    /// It cannot be written.
    #[error("the lock file `{0}` cannot be written: {1}")]
    Unwritable(String, String),
    /// Whoever wanted to change it was stopped before.
    #[error("the lock file `{0}` was left as it is: it was cancelled before")]
    Cancelled(String),
}

/// How a pin stands to a tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// There is none.
    Missing,
    /// The tag was written differently.
    OtherBody,
    /// What the question refers to had another value.
    OtherContext,
    /// It answers this question, but does not fit what is wanted there now.
    Unfit,
}

impl Standing {
    /// Why there is no pin to use, for people.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Missing => "not pinned yet",
            Self::OtherBody => "its pin is stale: the tag was written differently",
            Self::OtherContext => "its pin is stale: what it refers to has another value",
            Self::Unfit => "its pin is stale: the value does not fit there any more",
        }
    }
}

impl Pin {
    /// How long ago it was made, for people: `today`, `3 days ago`; nothing where the date cannot be read.
    pub fn age(&self) -> Option<String> {
        let made: Timestamp = self.date.parse().ok()?;
        Some(match Timestamp::now().duration_since(made).as_hours() / 24 {
            ..=0 => "today".to_owned(),
            1 => "yesterday".to_owned(),
            days => format!("{days} days ago"),
        })
    }
}

/// The lock file of the pipeline in `file`.
pub fn path_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".lock");
    PathBuf::from(name)
}

/// The hash of a tag, or of a question.
pub fn hash_of(text: &str) -> String {
    hex(&Sha256::digest(text.trim())[..HASH])
}

/// What is locked while the lock file is replaced: the pipeline, which stays. One that was never saved is nobody
/// else's.
fn guard(file: &Path) -> Option<fs::File> {
    fs::File::open(file).ok()
}

fn unwritable(path: &Path, error: &io::Error) -> LockFileError {
    LockFileError::Unwritable(path.display().to_string(), error.to_string())
}

/// No lock file is larger.
const LARGEST: u64 = 16 << 20;

/// The text of a file that may stand in a workspace nobody trusts: it is read only where it is a file, and of a
/// size that one can be.
fn read_text(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    let mut text = String::new();
    fs::File::open(path)?.take(LARGEST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(io::Error::other("it is too large"));
    }
    Ok(text)
}

impl LockFile {
    /// The pins in `path`; none where there is no such file.
    pub fn read(path: &Path) -> Result<Self, LockFileError> {
        let name = path.display().to_string();
        match read_text(path) {
            Ok(text) => Self::parse(&text).map_err(|problem| LockFileError::Malformed(name, problem)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(LockFileError::Unreadable(name, error.to_string())),
        }
    }

    /// The pins that `text` holds, or why it holds none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Written { version, pins } = serde_yaml::from_str(text).map_err(|error| error.to_string())?;
        if version != VERSION {
            return Err(format!("its version is {version}, not {VERSION}"));
        }
        let mut read = Self { pins };
        read.sort();
        Ok(read)
    }

    /// The file's text.
    pub fn render(&self) -> String {
        let written = Written { version: VERSION, pins: self.pins.clone() };
        let body = serde_yaml::to_string(&written).expect("invariant: JSON values are YAML");
        format!("{HEAD}{body}")
    }

    /// Puts the pins into `path`, all or nothing; without pins there is no file.
    fn write(&self, path: &Path) -> Result<(), LockFileError> {
        let failed = |error: io::Error| unwritable(path, &error);
        if self.pins.is_empty() {
            return match fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        // A link stays one, and who may read the file stays who it was.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let permissions = fs::metadata(path).ok().map(|found| found.permissions());
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(format!(".{}.tmp", std::process::id()));
        let write = || {
            // What another process of this number left behind is of no use, and may lead elsewhere.
            let _ = fs::remove_file(&temporary);
            let mut file = fs::File::options().write(true).create_new(true).open(&temporary)?;
            file.write_all(self.render().as_bytes())?;
            if let Some(permissions) = permissions {
                file.set_permissions(permissions)?;
            }
            file.sync_all()?;
            fs::rename(&temporary, path)
        };
        write().map_err(|error| {
            // What was begun is of no use; that it may stay is no further problem.
            let _ = fs::remove_file(&temporary);
            failed(error)
        })
    }

    /// Changes the pins of the pipeline in `file`, as they stand on the disk now. Other processes that change them
    /// wait meanwhile, so that no pin is lost.
    pub fn change(file: &Path, change: impl FnOnce(&mut Self)) -> Result<Self, LockFileError> {
        let path = path_of(file);
        let guard = guard(file);
        if let Some(guard) = &guard {
            guard.lock().map_err(|error| unwritable(&path, &error))?;
        }
        Self::change_at(&path, change)
    }

    /// The same where no other process changes them in this moment; else nothing is done.
    pub fn try_change(file: &Path, change: impl FnOnce(&mut Self)) -> Result<Option<Self>, LockFileError> {
        let path = path_of(file);
        let guard = guard(file);
        match guard.as_ref().map_or(Ok(()), fs::File::try_lock) {
            Ok(()) => Self::change_at(&path, change).map(Some),
            Err(fs::TryLockError::WouldBlock) => Ok(None),
            Err(fs::TryLockError::Error(error)) => Err(unwritable(&path, &error)),
        }
    }

    fn change_at(path: &Path, change: impl FnOnce(&mut Self)) -> Result<Self, LockFileError> {
        let mut pins = Self::read(path)?;
        let before = pins.clone();
        change(&mut pins);
        if pins != before {
            pins.write(path)?;
        }
        Ok(pins)
    }

    /// All pins, sorted.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// The pins at `position`; several only where it is asked in each iteration of a loop.
    pub fn at<'p>(&'p self, position: &'p str) -> impl Iterator<Item = &'p Pin> {
        self.pins.iter().filter(move |pin| pin.position == position)
    }

    /// The pin that answers the question, or why there is none.
    pub fn find(&self, position: &str, body: &str, context: &str) -> Result<&Pin, Standing> {
        let mut standing = Standing::Missing;
        for pin in self.pins.iter().filter(|pin| pin.position == position) {
            standing = match (pin.body == body, pin.context == context) {
                (true, true) => return Ok(pin),
                (true, false) => Standing::OtherContext,
                (false, _) if standing == Standing::Missing => Standing::OtherBody,
                (false, _) => standing,
            };
        }
        Err(standing)
    }

    /// Puts `pin` in place of those at its position; of an `is_repeated` position those of the same tag with
    /// another context stay.
    pub fn set(&mut self, pin: Pin, is_repeated: bool) {
        self.pins.retain(|other| {
            other.position != pin.position || is_repeated && other.body == pin.body && other.context != pin.context
        });
        self.pins.push(pin);
        self.sort();
    }

    /// Takes away the pins at `position`; whether there were any.
    pub fn remove(&mut self, position: &str) -> bool {
        let before = self.pins.len();
        self.pins.retain(|pin| pin.position != position);
        self.pins.len() < before
    }

    fn sort(&mut self) {
        self.pins.sort_by(|a, b| (&a.position, &a.context).cmp(&(&b.position, &b.context)));
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use serde_json::json;

    use super::*;

    fn pin(position: &str, body: &str, context: &str, value: Value) -> Pin {
        Pin {
            position: position.to_owned(),
            body: body.to_owned(),
            context: context.to_owned(),
            value,
            model: "openai/gpt-4o-mini".to_owned(),
            cost: Some("0.00001".to_owned()),
            date: "2026-11-28T04:00:00Z".to_owned(),
        }
    }

    #[test]
    fn it_is_sorted_yaml_that_reads_back_as_it_was() {
        let mut lock = LockFile::default();
        lock.set(pin("steps.b.parameters.x", "01", "02", json!({"a": [1, "007", true, null]})), false);
        lock.set(pin("steps.a.condition", "03", "04", json!("yes: {{ no }} <AUTO>\n")), false);
        expect![[r#"
            # Answers to the <AUTO> tags of this pipeline, made by orc. Meant to be committed.
            # `orc resolve FILE` renews what is stale; an entry that is deleted is asked for again.
            version: 1
            pins:
            - position: steps.a.condition
              body: '03'
              context: '04'
              value: |
                yes: {{ no }} <AUTO>
              model: openai/gpt-4o-mini
              cost: '0.00001'
              date: 2026-11-28T04:00:00Z
            - position: steps.b.parameters.x
              body: '01'
              context: '02'
              value:
                a:
                - 1
                - '007'
                - true
                - null
              model: openai/gpt-4o-mini
              cost: '0.00001'
              date: 2026-11-28T04:00:00Z
        "#]]
        .assert_eq(&lock.render());
        assert_eq!(LockFile::parse(&lock.render()), Ok(lock));
    }

    #[test]
    fn a_pin_holds_for_its_tag_and_context_alone() {
        let mut lock = LockFile::default();
        assert_eq!(lock.find("p", "b", "c"), Err(Standing::Missing));
        lock.set(pin("p", "b", "c", json!(1)), false);
        assert_eq!(lock.find("p", "b", "c").map(|pin| &pin.value), Ok(&json!(1)));
        assert_eq!(lock.find("p", "b", "d"), Err(Standing::OtherContext));
        assert_eq!(lock.find("p", "x", "c"), Err(Standing::OtherBody));
        lock.set(pin("p", "b", "d", json!(2)), false);
        assert_eq!(lock.pins().len(), 1);
        lock.set(pin("p", "b", "c", json!(1)), true);
        assert_eq!(lock.pins().len(), 2);
        lock.set(pin("p", "x", "c", json!(3)), true);
        assert_eq!(lock.pins().len(), 1);
        assert!(lock.remove("p") && lock.pins().is_empty());
    }

    #[test]
    fn pins_of_many_at_once_are_all_kept() {
        let directory = tempfile::tempdir().expect("a directory");
        let file = directory.path().join("p.orc.yaml");
        fs::write(&file, "id: p\n").expect("a file");
        std::thread::scope(|threads| {
            for number in 0..16 {
                let file = &file;
                threads.spawn(move || {
                    let pin = pin(&format!("p{number:02}"), "b", "c", json!(number));
                    LockFile::change(file, |pins| pins.set(pin, false)).expect("it is written");
                });
            }
        });
        assert_eq!(LockFile::read(&path_of(&file)).expect("it is read").pins().len(), 16);
    }

    #[test]
    fn what_is_no_lock_file_is_an_error() {
        assert!(LockFile::parse("version: 2\npins: []\n").is_err());
        assert!(LockFile::parse("pins: []\n").is_err());
        assert!(LockFile::parse("version: 1\npins:\n- position: p\n").is_err());
        assert!(LockFile::parse("").is_err());
    }
}
