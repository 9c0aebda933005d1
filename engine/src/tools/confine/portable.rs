//! Directories as paths, for systems without `openat`: links are resolved before, not during an
//! access.

use std::{
    ffi::{OsStr, OsString},
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use crate::failpoint;

/// What a name in a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link or a device.
    Other,
}

/// A directory beneath which things are done.
#[derive(Debug)]
pub(crate) struct Directory(PathBuf);

impl Directory {
    /// An allowed directory by its real path.
    pub(crate) fn root(path: &Path, create: bool) -> io::Result<Self> {
        if create {
            fs::create_dir_all(path)?;
        }
        Self::existing(path.to_owned())
    }

    /// The directory called `name` in it, made first if it is missing and `create` is set.
    pub(crate) fn enter(&self, name: &OsStr, create: bool) -> io::Result<Self> {
        let path = self.0.join(name);
        if create && !path.exists() {
            fs::create_dir(&path)?;
        }
        Self::existing(path)
    }

    fn existing(path: PathBuf) -> io::Result<Self> {
        match path.symlink_metadata()?.is_dir() {
            true => Ok(Self(path)),
            false => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    /// What `name` is and its size in bytes; `None` if there is nothing.
    pub(crate) fn look(&self, name: &OsStr) -> io::Result<Option<(Kind, u64)>> {
        match self.0.join(name).symlink_metadata() {
            Ok(metadata) if metadata.is_file() => Ok(Some((Kind::File, metadata.len()))),
            Ok(metadata) if metadata.is_dir() => Ok(Some((Kind::Directory, metadata.len()))),
            Ok(metadata) => Ok(Some((Kind::Other, metadata.len()))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The bytes of the file `name`; more than `limit` of them is an error.
    pub(crate) fn read(&self, name: &OsStr, limit: u64) -> io::Result<Vec<u8>> {
        if let Some((Kind::Directory, _)) = self.look(name)? {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut bytes = Vec::new();
        fs::File::open(self.0.join(name))?.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    /// Replaces or makes the file `name`, wholly or not at all.
    pub(crate) fn write(&self, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let temporary = self.0.join(format!(".orc-{}-{number}", std::process::id()));
        let written = fs::write(&temporary, bytes).and_then(|()| {
            failpoint::reached();
            fs::rename(&temporary, self.0.join(name))
        });
        if written.is_err() {
            // The error that matters is the first; a leftover is removed as well as it can be.
            fs::remove_file(&temporary).ok();
        }
        failpoint::reached();
        written
    }

    /// Removes `name`; a directory with all that is in it.
    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        let path = self.0.join(name);
        match self.look(name)? {
            Some((Kind::Directory, _)) => fs::remove_dir_all(path),
            _ => fs::remove_file(path),
        }
    }

    /// Moves `name` to `new_name` in `target`, replacing a file there.
    pub(crate) fn rename(&self, name: &OsStr, target: &Self, new_name: &OsStr) -> io::Result<()> {
        fs::rename(self.0.join(name), target.0.join(new_name))
    }

    /// All names in it, sorted.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        let mut names = fs::read_dir(&self.0)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    /// Gives the copy the permissions of its source.
    pub(crate) fn copy_mode(&self, name: &OsStr, target: &Self, new_name: &OsStr) -> io::Result<()> {
        let permissions = self.0.join(name).metadata()?.permissions();
        fs::set_permissions(target.0.join(new_name), permissions)
    }
}
