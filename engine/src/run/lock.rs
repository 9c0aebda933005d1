//! Who runs a run: one process at a time, known by a lock that its end takes away, however it ends.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read, Seek, Write},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

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
        let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
        // Somebody may be looking who holds it, which takes no time.
        for attempt in 1.. {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) if attempt < 5 => thread::sleep(Duration::from_millis(10)),
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
        file.set_len(0)?;
        file.rewind()?;
        write!(file, "{}", std::process::id())?;
        file.flush()?;
        Ok(Some(Self { path, _file: file }))
    }
}

impl Drop for RunLock {
    fn drop(&mut self) {
        // One that stays is no lock: nobody holds it.
        let _ = fs::remove_file(&self.path);
    }
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
