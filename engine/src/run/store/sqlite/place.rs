//! The files of a store, before SQLite sees them.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use super::StoreError;

/// SQLite takes a log beside an empty database for a leftover and deletes it. Ours may hold all that
/// there is, so it is not let near it.
pub(super) fn check_log(path: &Path) -> Result<(), StoreError> {
    if length(path) == 0 && length(&log_of(path)) > 0 {
        let reason = "it is empty or gone, and its log is not".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), reason });
    }
    Ok(())
}

/// SQLite reads what is missing of the last page as zeros. A copy from the log into the database that
/// was broken off leaves such a page, too, but then the log is there and holds all of it.
pub(super) fn check_length(path: &Path, page: i64) -> Result<(), StoreError> {
    let cut = u64::try_from(page).ok().and_then(|page| length(path).checked_rem(page));
    if cut.is_some_and(|rest| rest > 0) && length(&log_of(path)) == 0 {
        let reason = "its last page is cut off".to_owned();
        return Err(StoreError::Damaged { path: path.to_owned(), reason });
    }
    Ok(())
}

/// The length of a file; 0 where there is none.
fn length(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}

/// Makes the directory and an empty file that only their owner can read, before SQLite opens it.
pub(super) fn prepare_directory(path: &Path) -> std::io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        let made = !directory.exists();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory)?;
        let ignore = directory.join(".gitignore");
        if (made || directory.file_name().is_some_and(|name| name == ".orc")) && !ignore.exists() {
            fs::write(ignore, "*\n")?;
        }
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}
