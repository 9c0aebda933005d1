//! Path confinement (contract §2.22): a path a pipeline names → a [`Place`] beneath a directory that
//! is allowed, or a refusal that says how to allow it.
//!
//! Two lines of defence. Links are resolved one by one before anything is touched, so that `..`,
//! absolute paths and links are judged by where they really lead, also where the end does not exist
//! yet. Then every access goes from the allowed directory downwards through [`directory`] handles
//! that follow no link, so that a link slipped in afterwards is met with an error, not followed.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io,
    path::{Component, Path, PathBuf},
};

use super::{ToolCx, ToolError};

#[cfg(unix)]
#[path = "confine/unix.rs"]
pub(crate) mod directory;

#[cfg(not(unix))]
#[path = "confine/portable.rs"]
pub(crate) mod directory;

pub(crate) use directory::{Directory, Kind};

/// As many links as a path may go through; the limit of Linux.
const MAX_LINKS: usize = 40;

/// What is wanted of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reading it.
    Read,
    /// Writing, creating or removing it.
    Write,
}

/// What a link at the end of a path stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Last {
    /// What it leads to: reading and writing.
    Followed,
    /// Itself: deleting and moving.
    Itself,
}

/// A path that may be used: an allowed directory and the names beneath it, none of which was a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The allowed directory, without links.
    root: PathBuf,
    /// The way down from there.
    names: Vec<OsString>,
    /// The path as the pipeline names it.
    shown: String,
}

impl Place {
    /// The path as the pipeline names it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The real path, for programs that take one; prefer [`Place::parent`] and [`Directory`].
    pub(crate) fn path(&self) -> PathBuf {
        let mut path = self.root.clone();
        path.extend(&self.names);
        path
    }

    /// It is an allowed directory itself, not something beneath one.
    pub(crate) fn is_root(&self) -> bool {
        self.names.is_empty()
    }

    /// The directory it lies in and its name there; `None` as name for the allowed directory itself.
    pub(crate) fn parent(&self, create: bool) -> io::Result<(Directory, Option<&OsString>)> {
        let Some((last, parents)) = self.names.split_last() else {
            return Ok((Directory::root(&self.root, create)?, None));
        };
        let mut directory = Directory::root(&self.root, create)?;
        for name in parents {
            directory = directory.enter(name, create)?;
        }
        Ok((directory, Some(last)))
    }

    /// It as an open directory.
    pub(crate) fn directory(&self) -> io::Result<Directory> {
        match self.parent(false)? {
            (parent, Some(name)) => parent.enter(name, false),
            (root, None) => Ok(root),
        }
    }
}

/// Where `path` leads, if `access` to that is allowed.
pub(crate) fn locate(cx: &ToolCx, path: &str, access: Access, last: Last) -> Result<Place, ToolError> {
    if path.trim().is_empty() {
        return Err(ToolError::new("ValueError", "the path is empty; name a file or directory"));
    }
    if path.contains('\0') {
        return Err(ToolError::new("ValueError", format!("the path {path:?} holds a NUL character")));
    }
    let working_dir = cx.working_dir.as_std_path();
    let broken = |error: io::Error| ToolError::new("OSError", format!("`{path}` cannot be resolved: {error}"));
    let real = real_path(working_dir, Path::new(path), last).map_err(broken)?;
    let permitted = match access {
        Access::Read => [cx.permissions.read.as_slice(), cx.permissions.write.as_slice()],
        Access::Write => [&[], cx.permissions.write.as_slice()],
    };
    let directories = [&cx.working_dir, &cx.output_dir].into_iter().chain(permitted.into_iter().flatten());
    for directory in directories {
        let Ok(root) = real_path(working_dir, directory.as_std_path(), Last::Followed) else { continue };
        if let Ok(beneath) = real.strip_prefix(&root) {
            let names = beneath.iter().map(OsString::from).collect();
            return Ok(Place { root, names, shown: path.to_owned() });
        }
    }
    Err(denied(path, &real, access))
}

/// Whether `path`, seen from `base`, really lies beneath `base`: links followed, existing or not.
pub(crate) fn stays_beneath(base: &Path, path: &str) -> io::Result<bool> {
    let base = base.canonicalize()?;
    let real = real_path(&base, Path::new(path), Last::Followed)?;
    Ok(real != base && real.starts_with(&base))
}

fn denied(path: &str, real: &Path, access: Access) -> ToolError {
    let (word, flag) = match access {
        Access::Read => ("reading", "--allow-read"),
        Access::Write => ("writing", "--allow-write"),
    };
    let directory = real.parent().unwrap_or(real).display();
    let leads = if Path::new(path) == real { String::new() } else { format!(" (it leads to `{}`)", real.display()) };
    ToolError::new(
        "PermissionError",
        format!(
            "{word} `{path}` is not allowed{leads}: it lies outside the working and output directories; \
             allow it with `{flag} {directory}`"
        ),
    )
}

/// `path` from `base` without `.`, `..` and links, whether or not it exists.
fn real_path(base: &Path, path: &Path, last: Last) -> io::Result<PathBuf> {
    let whole = base.join(path);
    let mut rest: VecDeque<OsString> = VecDeque::new();
    let mut real = PathBuf::new();
    push_front(&mut rest, &mut real, &whole);
    let mut links = 0;
    while let Some(name) = rest.pop_front() {
        if name == ".." {
            real.pop();
            continue;
        }
        let next = real.join(&name);
        let follow = last == Last::Followed || !rest.is_empty();
        match next.symlink_metadata() {
            Ok(metadata) if metadata.file_type().is_symlink() && follow => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(io::Error::other("too many links"));
                }
                let target = next.read_link()?;
                push_front(&mut rest, &mut real, &target);
            }
            Ok(_) => real = next,
            // What does not exist is no link; whether it may exist is judged by where it would be.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => real = next,
            Err(error) => return Err(error),
        }
    }
    Ok(real)
}

/// Puts the names of `path` before `rest`; an absolute path starts `real` anew.
fn push_front(rest: &mut VecDeque<OsString>, real: &mut PathBuf, path: &Path) {
    let mut names = Vec::new();
    for component in path.components() {
        match component {
            Component::Prefix(prefix) => *real = PathBuf::from(prefix.as_os_str()),
            Component::RootDir => real.push(component.as_os_str()),
            Component::CurDir => {}
            Component::ParentDir => names.push(OsString::from("..")),
            Component::Normal(name) => names.push(name.to_owned()),
        }
    }
    if path.has_root() && !path.components().any(|component| matches!(component, Component::Prefix(_))) {
        *real = PathBuf::from(Component::RootDir.as_os_str());
    }
    for name in names.into_iter().rev() {
        rest.push_front(name);
    }
}

#[cfg(test)]
mod tests;
