//! Who runs a run: one process at a time, known by a lock that its end takes away, however it ends.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use crate::failpoint;

/// Held while a run runs.
#[derive(Debug)]
pub struct RunLock {
    path: PathBuf,
    _file: File,
}

impl RunLock {
    /// Takes the lock of `run_id` beside the store at `store`; `None` if another process has it.
    pub fn take(store: &Path, run_id: &str) -> io::Result<Option<Self>> {
        let path = place(store, run_id);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let open = || File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open()?;
        // Somebody may be looking who holds it, which takes no time.
        let mut refused = 0;
        loop {
            match file.try_lock() {
                // Who held it before may have removed it in the meantime; then it locks nobody out.
                Ok(()) if is_at(&file, &path) => break,
                Ok(()) => file = open()?,
                Err(TryLockError::WouldBlock) if refused < 4 => {
                    refused += 1;
                    thread::sleep(Duration::from_millis(10));
                }
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        failpoint::reached();
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())?;
        file.flush()?;
        failpoint::reached();
        Ok(Some(Self { path, _file: file }))
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // One that stays is no lock: nobody holds it. Elsewhere an open file cannot be told from the next
        // one of its name, so there it does stay.
        if cfg!(unix) {
            failpoint::reached();
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether the open file is still the one of that name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |found: io::Result<fs::Metadata>| found.ok().map(|found| (found.dev(), found.ino()));
    let here = of(file.metadata());
    here.is_some() && here == of(fs::metadata(path))
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// The process that runs `run_id` now, if one does.
pub fn holder(store: &Path, run_id: &str) -> Option<u32> {
    let mut file = File::options().read(true).write(true).open(place(store, run_id)).ok()?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let mut text = String::new();
            file.read_to_string(&mut text).ok()?;
            text.trim().parse().ok()
        }
        _ => None,
    }
}

fn place(store: &Path, run_id: &str) -> PathBuf {
    let name: String = run_id.chars().map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    store.with_file_name("locks").join(name)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn one_holds_it_at_a_time_also_when_it_was_held_before() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("runs.db");
        for _ in 0..2 {
            let lock = RunLock::take(&store, "a/b").unwrap().unwrap();
            assert!(RunLock::take(&store, "a/b").unwrap().is_none());
            assert_eq!(holder(&store, "a/b"), Some(std::process::id()));
            drop(lock);
            assert_eq!(holder(&store, "a/b"), None);
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_file_that_was_removed_locks_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = File::create(&path).unwrap();
        assert!(is_at(&file, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&file, &path));
        File::create(&path).unwrap();
        assert!(!is_at(&file, &path));
    }
}
