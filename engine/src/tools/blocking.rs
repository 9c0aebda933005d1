//! Work that holds a thread while it lasts: files, and large data.

use std::{sync::LazyLock, thread};

use tokio::sync::Semaphore;

use super::ToolError;

/// So many pieces of work at a time: more threads would wait for the same disk and the same cores, and each
/// takes memory of its own.
static PLACES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(thread::available_parallelism().map_or(2, usize::from).max(2)));

/// Does what `work` gives where it holds nobody up; it is asked for when it begins, so that who waits holds
/// little. If it panics that is an error of the type `error_type`, which says that `what` broke off.
pub(crate) async fn work<T, W>(
    error_type: &'static str,
    what: &'static str,
    work: impl FnOnce() -> W,
) -> Result<T, ToolError>
where
    T: Send + 'static,
    W: FnOnce() -> Result<T, ToolError> + Send + 'static,
{
    let broke_off = |error: &dyn std::fmt::Display| ToolError::new(error_type, format!("{what} broke off: {error}"));
    let _place = PLACES.acquire().await.map_err(|error| broke_off(&error))?;
    tokio::task::spawn_blocking(work()).await.unwrap_or_else(|error| Err(broke_off(&error)))
}
