//! Files that templates name: `{{ file:… }}`, `<< … >>`, `include_file()`, `file_exists()`.
//!
//! They are looked for beside the pipeline, then in the working directory, and are never read
//! outside of these two (contract §2.16).

use std::{
    borrow::Cow,
    io::ErrorKind,
    sync::atomic::{AtomicBool, Ordering},
};

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use lang::template::{SegmentKind, scan};

use crate::tools::confine::Directory;

/// The largest file that is included.
const MAX_BYTES: u64 = 10 * 1024 * 1024;

/// How deep inclusions may nest.
const MAX_DEPTH: usize = 10;

/// Where files are looked for, in order.
#[derive(Debug, Default)]
pub(crate) struct Folders {
    folders: Vec<Utf8PathBuf>,
    /// A file was looked for.
    used: AtomicBool,
}

impl Folders {
    pub(crate) fn new(folders: Vec<Utf8PathBuf>) -> Self {
        Self { folders, used: AtomicBool::new(false) }
    }

    /// Whether a file was looked for since the last [`Self::forget_used`].
    pub(crate) fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn forget_used(&self) {
        self.used.store(false, Ordering::Relaxed);
    }

    /// Puts the text of included files in place of `{{ file:… }}` and `<< … >>`.
    pub(crate) fn expand<'t>(&self, text: &'t str) -> Result<Cow<'t, str>, String> {
        self.expand_within(text, &mut Vec::new())
    }

    fn expand_within<'t>(&self, text: &'t str, open: &mut Vec<Utf8PathBuf>) -> Result<Cow<'t, str>, String> {
        if !text.contains("file:") && !text.contains("<<") {
            return Ok(Cow::Borrowed(text));
        }
        let segments = scan::segments(text);
        let is_include = |kind| matches!(kind, SegmentKind::FileInclude | SegmentKind::AngleInclude);
        if !segments.iter().any(|segment| is_include(segment.kind)) {
            return Ok(Cow::Borrowed(text));
        }
        let mut expanded = String::with_capacity(text.len());
        for segment in segments {
            if !is_include(segment.kind) {
                expanded.push_str(&text[segment.range]);
                continue;
            }
            let name = text[segment.inner].trim();
            let path = self.find(name)?;
            if open.contains(&path) {
                return Err(format!("the file `{name}` includes itself"));
            }
            if open.len() == MAX_DEPTH {
                return Err(format!("the file `{name}` is included more than {MAX_DEPTH} levels deep"));
            }
            let included = read(&path, name)?;
            open.push(path);
            expanded.push_str(&self.expand_within(&included, open)?);
            open.pop();
        }
        Ok(Cow::Owned(expanded))
    }

    /// The text of the file `name`.
    pub(crate) fn text(&self, name: &str) -> Result<String, String> {
        read(&self.find(name)?, name)
    }

    /// Whether the file or directory `name` exists inside the folders.
    pub(crate) fn exists(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    fn find(&self, name: &str) -> Result<Utf8PathBuf, String> {
        self.used.store(true, Ordering::Relaxed);
        let path = Utf8Path::new(name);
        if path.components().any(|part| part == Utf8Component::ParentDir) && !self.stays_inside(path) {
            return Err(outside(name));
        }
        for folder in &self.folders {
            let Ok(real) = folder.join(path).canonicalize_utf8() else { continue };
            if self.folders.iter().any(|root| root.canonicalize_utf8().is_ok_and(|root| real.starts_with(root))) {
                return Ok(real);
            }
            return Err(outside(name));
        }
        let places: Vec<String> = self.folders.iter().map(|folder| format!("`{folder}`")).collect();
        Err(format!("the file `{name}` does not exist in {}", places.join(" or ")))
    }

    fn stays_inside(&self, path: &Utf8Path) -> bool {
        self.folders.iter().any(|folder| {
            folder.join(path).canonicalize_utf8().is_ok_and(|real| {
                self.folders.iter().any(|root| root.canonicalize_utf8().is_ok_and(|root| real.starts_with(root)))
            })
        })
    }
}

/// Reads a real path. The confined reader opens no pipe or device, which may never come to an end.
fn read(path: &Utf8Path, name: &str) -> Result<String, String> {
    let broken = |error: std::io::Error| match error.kind() {
        ErrorKind::FileTooLarge => format!("the file `{name}` is larger than 10 MiB"),
        _ => format!("the file `{name}` cannot be read: {error}"),
    };
    let (Some(folder), Some(file)) = (path.parent(), path.file_name()) else {
        return Err(broken(ErrorKind::IsADirectory.into()));
    };
    let folder = Directory::root(folder.as_std_path(), false).map_err(broken)?;
    let bytes = folder.read(file.as_ref(), MAX_BYTES).map_err(broken)?;
    String::from_utf8(bytes).map_err(|_| format!("the file `{name}` cannot be read: it is not UTF-8 text"))
}

fn outside(name: &str) -> String {
    format!("the file `{name}` is outside of the workspace; move it in")
}

#[cfg(all(test, unix))]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_pipe_is_refused_and_not_waited_for() {
        let directory = tempfile::tempdir().unwrap();
        nix::unistd::mkfifo(&directory.path().join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let folder = Utf8PathBuf::from_path_buf(directory.path().to_owned()).unwrap();
        assert_eq!(
            Folders::new(vec![folder]).text("pipe").unwrap_err(),
            "the file `pipe` cannot be read: it is no regular file"
        );
    }
}
