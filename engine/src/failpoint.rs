//! Where tests break a run off, in debug builds alone: elsewhere these functions do nothing.
//!
//! `ORC_CRASH_AT=3`: at the third point the process dies as `kill -9` would have it. Points are before and
//! after each write of the store, its making and its bringing up to date, around each process that is
//! started, around what tools write, and where the lock of a run is taken and released and the audit log
//! written.
//!
//! `ORC_FAIL_AT=3` or `ORC_FAIL_AT=3:io`: the third write of the store fails because the disk is full, or
//! with an I/O error. The next would succeed: who writes on after a failure is found out.

#[cfg(debug_assertions)]
pub(crate) use points::{reached, store_write};

#[cfg(debug_assertions)]
mod points {
    use std::sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    };

    use rusqlite::ffi;

    static CRASH_AT: LazyLock<Option<u64>> =
        LazyLock::new(|| std::env::var("ORC_CRASH_AT").ok().and_then(|number| number.parse().ok()));
    static POINTS: AtomicU64 = AtomicU64::new(0);

    /// Which write fails, and what SQLite says.
    static FAIL_AT: LazyLock<Option<(u64, i32)>> = LazyLock::new(|| {
        let text = std::env::var("ORC_FAIL_AT").ok()?;
        let (number, kind) = text.split_once(':').unwrap_or((&text, "full"));
        Some((number.parse().ok()?, if kind == "io" { ffi::SQLITE_IOERR } else { ffi::SQLITE_FULL }))
    });
    static WRITES: AtomicU64 = AtomicU64::new(0);

    /// A point at which the process may die.
    pub(crate) fn reached() {
        if CRASH_AT.is_some_and(|last| POINTS.fetch_add(1, Ordering::SeqCst) + 1 == last) {
            die();
        }
    }

    /// A write of the store that may fail; called when it is about to become durable.
    pub(crate) fn store_write() -> Result<(), rusqlite::Error> {
        match *FAIL_AT {
            Some((number, code)) if WRITES.fetch_add(1, Ordering::SeqCst) + 1 == number => {
                Err(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
            }
            _ => Ok(()),
        }
    }

    /// Without a word to anybody: no destructor, no flush.
    #[cfg(unix)]
    fn die() -> ! {
        let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGKILL);
        std::process::abort()
    }

    #[cfg(not(unix))]
    fn die() -> ! {
        std::process::abort()
    }
}

/// No point in a release.
#[cfg(not(debug_assertions))]
#[inline(always)]
pub(crate) fn reached() {}

/// No fault in a release.
#[cfg(not(debug_assertions))]
#[inline(always)]
#[expect(clippy::unnecessary_wraps, reason = "the same shape as where it may fail")]
pub(crate) fn store_write() -> Result<(), rusqlite::Error> {
    Ok(())
}
