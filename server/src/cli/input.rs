//! Reading what the user names: files, directories, standard input. Whatever it is, the answer is a
//! text or a sentence that says what is wrong with it; nothing blocks and nothing is read without
//! bound.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use lang::syntax::MAX_BYTES;

/// A text and the name it was given by.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// As the user named it; standard input is `<stdin>`.
    pub(crate) name: String,
    /// The text.
    pub(crate) text: String,
    /// Found in a directory rather than named, so it need not be a pipeline.
    pub(crate) found: bool,
}

/// What standard input is called.
const STDIN: &str = "<stdin>";

impl Source {
    /// Whether it came from standard input.
    pub(crate) fn is_stdin(&self) -> bool {
        self.name == STDIN
    }
}

/// Reads everything `names` stand for. Directories are searched for `*.yaml` and `*.yml`, hidden and
/// git-ignored files left out.
pub(crate) fn read_all(names: &[String]) -> Vec<Result<Source, String>> {
    let mut sources = Vec::new();
    for name in names {
        if name != "-" && Path::new(name).is_dir() {
            read_directory(name, &mut sources);
        } else {
            sources.push(read(name));
        }
    }
    sources
}

/// Reads one file, or standard input for `-`.
pub(crate) fn read(name: &str) -> Result<Source, String> {
    if name == "-" {
        let text = read_text(io::stdin().lock(), STDIN, 0)?;
        return Ok(Source { name: STDIN.to_owned(), text, found: false });
    }
    let path = Path::new(name);
    // Asked before opening: to open a pipe that nobody writes to would wait for ever.
    let metadata = std::fs::metadata(path).map_err(|error| cannot_read(name, &error))?;
    if metadata.is_dir() {
        return Err(format!("`{name}` is a directory; name a pipeline file in it"));
    }
    if !metadata.is_file() {
        return Err(format!(
            "`{name}` is no regular file; to read from a pipe, name `-` and redirect it to standard input"
        ));
    }
    let file = File::open(path).map_err(|error| cannot_read(name, &error))?;
    let length = usize::try_from(metadata.len()).unwrap_or(MAX_BYTES).min(MAX_BYTES);
    Ok(Source { name: name.to_owned(), text: read_text(file, name, length)?, found: false })
}

fn read_directory(name: &str, sources: &mut Vec<Result<Source, String>>) {
    let mut paths: Vec<PathBuf> = Vec::new();
    for entry in ignore::WalkBuilder::new(name).require_git(false).build() {
        match entry {
            Ok(entry) if is_yaml(entry.path()) && entry.file_type().is_some_and(|kind| kind.is_file()) => {
                paths.push(entry.into_path());
            }
            Ok(_) => {}
            Err(error) => sources.push(Err(format!("cannot search `{name}`: {error}"))),
        }
    }
    paths.sort();
    for path in paths {
        sources.push(read(&path.to_string_lossy()).map(|source| Source { found: true, ..source }));
    }
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// The text, which is about `length` bytes long.
fn read_text(reader: impl Read, name: &str, length: usize) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(length + 1);
    reader.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| cannot_read(name, &error))?;
    if bytes.len() > MAX_BYTES {
        return Err(format!(
            "`{name}` is larger than {} MB, the most that is read; split it",
            MAX_BYTES / (1024 * 1024)
        ));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let line = bytes[..at].split(|byte| *byte == b'\n').count();
        format!(
            "`{name}` is no UTF-8 text: byte 0x{:02x} at offset {at}, line {line}; save the file as UTF-8",
            bytes[at]
        )
    })
}

fn cannot_read(name: &str, error: &io::Error) -> String {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "its permissions forbid it".to_owned(),
        _ => error.to_string(),
    };
    format!("cannot read `{name}`: {why}")
}
