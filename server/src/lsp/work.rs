//! Work that takes time: off the task that all handlers share, a few at once, dropped when nobody
//! waits for it any more.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Semaphore;
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};

/// How many computations run at once.
const PERMITS: usize = 2;

/// The places for computations.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    places: Arc<Semaphore>,
}

impl Default for Work {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PERMITS)) }
    }
}

impl Work {
    /// Runs `compute` on the blocking pool. If the caller is cancelled before it began, it never
    /// begins.
    pub(crate) async fn run<T: Send + 'static>(&self, compute: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let wanted = Wanted(Arc::new(AtomicBool::new(true)));
        let still_wanted = Arc::clone(&wanted.0);
        let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
            return Err(Error::internal_error());
        };
        let task = tokio::task::spawn_blocking(move || {
            let result = still_wanted.load(Ordering::Relaxed).then(compute);
            drop(place);
            result
        });
        match task.await {
            Ok(Some(result)) => Ok(result),
            Ok(None) => Err(Error::request_cancelled()),
            Err(error) => Err(failed(&error)),
        }
    }

    /// The same on the calling thread, for what is `quick`.
    pub(crate) async fn run_near<T: Send + 'static>(
        &self,
        quick: bool,
        compute: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        if !quick {
            return self.run(compute).await;
        }
        catch_unwind(AssertUnwindSafe(compute)).map_err(|panic: Box<dyn Any + Send>| {
            let text = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
            failed(&text.unwrap_or("no text"))
        })
    }
}

fn failed(error: &dyn std::fmt::Display) -> Error {
    tracing::error!(%error, "a computation panicked");
    let mut failure = Error::new(ErrorCode::InternalError);
    failure.message = "the computation failed inside the server; its log says where".into();
    failure
}

/// Says "no longer" when the waiting future is dropped.
struct Wanted(Arc<AtomicBool>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}
