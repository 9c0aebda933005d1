//! Keys of providers that are kept for a person: `keys` in orc's configuration folder, beside no pipeline
//! and in no workspace (contract §6.1).
//!
//! A line is `NAME=value`, by the variable the key would stand in; `#` begins a comment. The environment
//! wins, then the system's keyring ([`keyring`]). Nobody but its owner may read the file, and no process that a step starts sees what is in it.

use std::{
    collections::BTreeMap,
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::home;

pub mod keyring;

/// The name of the file.
const FILE: &str = "keys";

/// The keys of a file by name. Nothing prints them.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Keys {
    values: BTreeMap<String, String>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

/// Where the keys of the person are whose environment this is: `keys` in orc's configuration folder
/// (`~/.config/orc`). Nothing where there is no home.
pub fn file() -> Option<PathBuf> {
    Some(home::config(|name| std::env::var_os(name).map(PathBuf::from))?.join(FILE))
}

/// As [`file`], of the environment `variables`.
fn file_of(variables: &BTreeMap<String, String>) -> Option<PathBuf> {
    Some(home::config(|name| variables.get(name).map(PathBuf::from))?.join(FILE))
}

impl Keys {
    /// The keys in the file at `path`, none where there is no file; an error for people where it cannot be
    /// read, others may read it, or a line is no key.
    pub fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return Ok(Self::default());
            }
            Err(error) => return Err(format!("the keys in `{shown}` cannot be read: {error}")),
        };
        if is_open(path).map_err(|error| format!("the keys in `{shown}` cannot be looked at: {error}"))? {
            return Err(format!("others may read the keys in `{shown}`; say `chmod 600 {shown}`"));
        }
        let mut values = BTreeMap::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            // The line itself may be a key.
            let wrong = || format!("{shown}:{}: this is no key; write `NAME=value`", number + 1);
            let (name, value) = line.split_once('=').ok_or_else(wrong)?;
            let (name, value) = (name.trim(), value.trim());
            if !is_name(name) || value.is_empty() {
                return Err(wrong());
            }
            values.insert(name.to_owned(), value.to_owned());
        }
        Ok(Self { values })
    }

    /// The keys of the person whose environment this is.
    pub fn of(variables: &BTreeMap<String, String>) -> Result<Self, String> {
        file_of(variables).map_or_else(|| Ok(Self::default()), |path| Self::read(&path))
    }

    /// The key that would stand in the variable `name`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    /// The variables that keys are kept for, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// All of them, by variable.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Keeps a key; an error for people where it cannot be one.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        if !is_name(name) {
            return Err("this cannot be the name of a variable; a name is like `OPENAI_API_KEY`".to_owned());
        }
        let value = value.trim();
        if value.is_empty() {
            return Err("the key is empty".to_owned());
        }
        if value.chars().any(|letter| letter.is_whitespace() || letter.is_control()) {
            return Err("a key has no blanks and stands on one line".to_owned());
        }
        self.values.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// Forgets a key; whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        self.values.remove(name).is_some()
    }

    /// Writes the file, which only its owner may read: all of it, or nothing changes.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        // A link stays one.
        let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let folder = path.parent().unwrap_or(Path::new("."));
        create_folder(folder)?;
        let beside = folder.join(format!(".keys-{}", std::process::id()));
        let written = create(&beside).and_then(|mut file| {
            file.write_all(b"# Keys of model providers, for orc. The environment wins.\n")?;
            for (name, value) in &self.values {
                writeln!(file, "{name}={value}")?;
            }
            file.sync_all()?;
            fs::rename(&beside, path)
        });
        if written.is_err() {
            let _ = fs::remove_file(&beside);
        }
        written
    }
}

fn is_name(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(unix)]
fn is_open(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

/// Who may read it is said by the folder, which is the person's own.
#[cfg(not(unix))]
fn is_open(_: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(unix)]
fn create(path: &Path) -> io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt;
    // What another process of this number left behind is of no use.
    let _ = fs::remove_file(path);
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

#[cfg(not(unix))]
fn create(path: &Path) -> io::Result<fs::File> {
    fs::File::create(path)
}

#[cfg(unix)]
fn create_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}
