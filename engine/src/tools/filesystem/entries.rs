//! Listing a directory, and copying a file or a tree.

use std::{ffi::OsStr, io};

use schemars::JsonSchema;
use serde::Serialize;

use crate::tools::confine::{Directory, Kind};

/// One thing in a directory.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Entry {
    /// Its name.
    pub(super) name: String,
    /// The listed path and its name.
    pub(super) path: String,
    /// `file`, `directory`, or `other` for links and devices.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// Its size in bytes; 0 for what is no file.
    pub(super) size: u64,
}

/// What is in `directory`, sorted by name; `shown` is the path that leads to it.
pub(super) fn list(directory: &Directory, shown: &str) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for name in directory.names()? {
        // What goes while we look is not there.
        let Some((kind, size)) = directory.look(&name)? else { continue };
        let (kind, size) = match kind {
            Kind::File => ("file", size),
            Kind::Directory => ("directory", 0),
            Kind::Other => ("other", 0),
        };
        let name = name.to_string_lossy().into_owned();
        let path = format!("{}/{name}", shown.trim_end_matches('/'));
        entries.push(Entry { name, path, kind, size });
    }
    Ok(entries)
}

/// Copies a file, or a directory with what is in it; links and devices are errors.
pub(super) fn copy(from: &Directory, name: &OsStr, to: &Directory, new_name: &OsStr, limit: u64) -> io::Result<()> {
    match from.look(name)? {
        None => Err(io::ErrorKind::NotFound.into()),
        Some((Kind::File, _)) => {
            to.write(new_name, &from.read(name, limit)?)?;
            from.copy_mode(name, to, new_name)
        }
        Some((Kind::Directory, _)) => {
            let source = from.enter(name, false)?;
            let target = to.enter(new_name, true)?;
            source.names()?.iter().try_for_each(|entry| copy(&source, entry, &target, entry, limit))
        }
        Some((Kind::Other, _)) => {
            Err(io::Error::other(format!("`{}` is a link or a device, which are not copied", name.to_string_lossy())))
        }
    }
}
