//! What all steps of one run share.

use std::{
    collections::BTreeMap,
    sync::{Arc, OnceLock},
};

use camino::Utf8PathBuf;
use lang::registry::Registry;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    Past,
    cache::Cache,
    journal::{Batch, Journal},
    render::Renderer,
    store::StoreError,
};
use crate::tools::Permissions;

/// One run, while it runs.
#[derive(Debug)]
pub(crate) struct RunContext {
    pub(crate) run_id: String,
    pub(crate) registry: Arc<Registry>,
    pub(crate) renderer: Renderer,
    pub(crate) journal: Journal,
    pub(crate) cancel: CancellationToken,
    /// Names of inputs, which win over a loop's names.
    pub(crate) inputs: Vec<String>,
    /// A place per step that acts, across all scopes.
    pub(crate) places: Semaphore,
    pub(crate) limit: usize,
    pub(crate) working_dir: Utf8PathBuf,
    pub(crate) output_dir: Utf8PathBuf,
    pub(crate) permissions: Permissions,
    pub(crate) environment: Arc<BTreeMap<String, String>>,
    pub(crate) simulate: bool,
    /// What is known from before the run, or before it was resumed.
    pub(crate) past: Arc<Past>,
    /// Earlier results, where they may be used again.
    pub(crate) cache: Option<Cache>,
    pub(crate) model: Option<String>,
    /// Why the run cannot be recorded any more, once that is so.
    pub(crate) broken: OnceLock<StoreError>,
}

impl RunContext {
    /// Stores the batch durably. When that fails nothing more may act: the run is cancelled.
    pub(crate) async fn commit(&self, batch: Batch) {
        if let Err(error) = self.journal.commit(batch).await {
            let _ = self.broken.set(error);
            self.cancel.cancel();
        }
    }
}
