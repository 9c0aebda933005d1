//! Directories as open handles: every name is looked up in the handle and no link is followed, so
//! nothing that happens to the path meanwhile can lead an access elsewhere.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read as _, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use nix::{
    dir::Dir,
    errno::Errno,
    fcntl::{AtFlags, OFlag, openat, renameat},
    sys::stat::{Mode, SFlag, fchmod, fstat, fstatat, mkdirat},
    unistd::{UnlinkatFlags, unlinkat},
};

use crate::failpoint;

/// What a name in a directory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A link, a pipe, a device or a socket.
    Other,
}

/// An open directory beneath which things are done.
#[derive(Debug)]
pub(crate) struct Directory(OwnedFd);

impl Directory {
    /// Opens an allowed directory by its real path.
    pub(crate) fn root(path: &Path, create: bool) -> io::Result<Self> {
        if create {
            std::fs::create_dir_all(path)?;
        }
        Ok(Self(File::open(path)?.into()))
    }

    /// The directory called `name` in it, made first if it is missing and `create` is set.
    pub(crate) fn enter(&self, name: &OsStr, create: bool) -> io::Result<Self> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let opened = openat(self.0.as_fd(), name, flags, Mode::empty());
        let opened = match opened {
            Err(Errno::ENOENT) if create => {
                match mkdirat(self.0.as_fd(), name, Mode::from_bits_truncate(0o777)) {
                    Ok(()) | Err(Errno::EEXIST) => {}
                    Err(error) => return Err(error.into()),
                }
                openat(self.0.as_fd(), name, flags, Mode::empty())
            }
            opened => opened,
        };
        Ok(Self(opened?))
    }

    /// What `name` is and its size in bytes; `None` if there is nothing.
    pub(crate) fn look(&self, name: &OsStr) -> io::Result<Option<(Kind, u64)>> {
        match fstatat(self.0.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some((kind_of(stat.st_mode), u64::try_from(stat.st_size).unwrap_or(0)))),
            Err(Errno::ENOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The bytes of the file `name`; more than `limit` of them, a pipe or a device are errors.
    pub(crate) fn read(&self, name: &OsStr, limit: u64) -> io::Result<Vec<u8>> {
        // Without O_NONBLOCK, opening a pipe waits for its writer.
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = match openat(self.0.as_fd(), name, flags, Mode::empty()) {
            // Links were resolved before, so this one came in between.
            Err(Errno::ELOOP) => return Err(io::Error::other("a link was put in its place meanwhile")),
            opened => File::from(opened?),
        };
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return Err(io::Error::other("it is no regular file"));
        }
        let mut bytes = Vec::new();
        file.take(limit + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        Ok(bytes)
    }

    /// Replaces or makes the file `name`, wholly or not at all.
    pub(crate) fn write(&self, name: &OsStr, bytes: &[u8]) -> io::Result<()> {
        if let Some((Kind::Directory, _)) = self.look(name)? {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let temporary = temporary_name(name);
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut file =
            File::from(openat(self.0.as_fd(), temporary.as_os_str(), flags, Mode::from_bits_truncate(0o666))?);
        let written = self.keep_mode(name, &file).and_then(|()| file.write_all(bytes)).and_then(|()| {
            failpoint::reached();
            renameat(self.0.as_fd(), temporary.as_os_str(), self.0.as_fd(), name).map_err(io::Error::from)
        });
        if written.is_err() {
            // The error that matters is the first; a leftover is removed as well as it can be.
            unlinkat(self.0.as_fd(), temporary.as_os_str(), UnlinkatFlags::NoRemoveDir).ok();
        }
        failpoint::reached();
        written
    }

    /// A file that is replaced keeps its permissions.
    fn keep_mode(&self, name: &OsStr, file: &File) -> io::Result<()> {
        match fstatat(self.0.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(stat) if kind_of(stat.st_mode) == Kind::File => {
                fchmod(file.as_fd(), Mode::from_bits_truncate(stat.st_mode & 0o777)).map_err(io::Error::from)
            }
            Ok(_) | Err(Errno::ENOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes `name`; a directory with all that is in it, a link without what it leads to.
    pub(crate) fn remove(&self, name: &OsStr) -> io::Result<()> {
        if let Some((Kind::Directory, _)) = self.look(name)? {
            let inner = self.enter(name, false)?;
            for entry in inner.names()? {
                inner.remove(&entry)?;
            }
            return Ok(unlinkat(self.0.as_fd(), name, UnlinkatFlags::RemoveDir)?);
        }
        unlinkat(self.0.as_fd(), name, UnlinkatFlags::NoRemoveDir)?;
        failpoint::reached();
        Ok(())
    }

    /// Moves `name` to `new_name` in `target`, replacing a file there.
    pub(crate) fn rename(&self, name: &OsStr, target: &Self, new_name: &OsStr) -> io::Result<()> {
        renameat(self.0.as_fd(), name, target.0.as_fd(), new_name)?;
        failpoint::reached();
        Ok(())
    }

    /// All names in it, sorted.
    pub(crate) fn names(&self) -> io::Result<Vec<OsString>> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let mut directory = Dir::openat(self.0.as_fd(), ".", flags, Mode::empty())?;
        let mut names = Vec::new();
        for entry in directory.iter() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                names.push(OsStr::from_bytes(name).to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// The permission bits of `name`, for a copy; `None` where that is no file.
    pub(crate) fn copy_mode(&self, name: &OsStr, target: &Self, new_name: &OsStr) -> io::Result<()> {
        let mode = fstatat(self.0.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW)?.st_mode & 0o777;
        let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = openat(target.0.as_fd(), new_name, flags, Mode::empty())?;
        if kind_of(fstat(file.as_fd())?.st_mode) == Kind::File {
            fchmod(file.as_fd(), Mode::from_bits_truncate(mode))?;
        }
        Ok(())
    }
}

fn kind_of(mode: nix::libc::mode_t) -> Kind {
    match SFlag::from_bits_truncate(mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => Kind::File,
        SFlag::S_IFDIR => Kind::Directory,
        _ => Kind::Other,
    }
}

/// A name no one else uses, short enough wherever `name` is.
fn temporary_name(name: &OsStr) -> OsString {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let head = &name.as_bytes()[..name.len().min(100)];
    let mut temporary = OsString::from(".");
    temporary.push(OsStr::from_bytes(head));
    temporary.push(format!(".orc-{}-{number}", std::process::id()));
    temporary
}
