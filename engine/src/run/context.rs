//! What all steps of one run share.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock},
};

use camino::Utf8PathBuf;
use jiff::Timestamp;
use lang::{registry::Registry, template};
use serde_json::Value;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::{
    Past,
    auto::Pins,
    cache::Cache,
    child::Above,
    journal::{Batch, Journal},
    limits::{Lanes, takes_model},
    render::Renderer,
    secrets::Redactor,
    store::StoreError,
};
use crate::{
    models::{self, Gateway, Purse, router::Reachable},
    plan::{StepPlan, Terms},
    tools::{Permissions, multi_model_routing::Loads, person::Person, recursion_control::Recursion},
};

/// One run, while it runs, as the steps of one pipeline see it.
#[derive(Debug, Clone)]
pub(crate) struct RunContext {
    pub(crate) run_id: String,
    /// When the run began.
    pub(crate) started: Timestamp,
    /// The pipeline's id.
    pub(crate) pipeline: String,
    /// The pipeline's file, absolute.
    pub(crate) file: Utf8PathBuf,
    /// The pipelines above it.
    pub(crate) above: Above,
    /// The values of its inputs.
    pub(crate) values: Arc<Value>,
    pub(crate) registry: Arc<Registry>,
    /// Where models are asked that steps named, as far as that was needed.
    pub(crate) addresses: Arc<Mutex<BTreeMap<String, Option<String>>>>,
    /// Which models the router may choose among, once it was asked.
    pub(crate) reachable: Arc<OnceLock<Reachable>>,
    pub(crate) renderer: Arc<Renderer>,
    pub(crate) journal: Journal,
    /// What is secret, so that it is not kept.
    pub(crate) secrets: Arc<Redactor>,
    /// Stops the steps of this pipeline.
    pub(crate) cancel: CancellationToken,
    /// Stops the run.
    pub(crate) stop: CancellationToken,
    /// Names of inputs, which win over a loop's names.
    pub(crate) inputs: Vec<String>,
    /// A place per step that acts, across all scopes.
    pub(crate) places: Arc<Semaphore>,
    pub(crate) limit: usize,
    /// Places for those that use what is limited on its own.
    pub(crate) lanes: Arc<Lanes>,
    pub(crate) working_dir: Utf8PathBuf,
    pub(crate) output_dir: Utf8PathBuf,
    pub(crate) permissions: Permissions,
    pub(crate) environment: Arc<BTreeMap<String, String>>,
    pub(crate) simulate: bool,
    /// What the workspace says about keys and addresses counts.
    pub(crate) is_trusted: bool,
    /// The store's file.
    pub(crate) store: Option<PathBuf>,
    /// What the steps of the run count together.
    pub(crate) recursion: Recursion,
    /// How many of their requests were sent which way.
    pub(crate) loads: Loads,
    /// Who can be asked.
    pub(crate) person: Option<Arc<dyn Person>>,
    /// What is known from before the run, or before it was resumed.
    pub(crate) past: Arc<Past>,
    /// Answers to AUTO tags that are known, and where new ones are kept.
    pub(crate) pins: Arc<Pins>,
    /// Before the positions of tags: the step that this pipeline is written in, where it has no file.
    pub(crate) inline: String,
    /// What stands between the steps and the models.
    pub(crate) gateway: Arc<Gateway>,
    /// Earlier results, where they may be used again.
    pub(crate) cache: Option<Arc<Cache>>,
    pub(crate) model: Option<String>,
    /// What the pipeline says about the models of all steps.
    pub(crate) terms: Arc<Terms>,
    /// What models may cost.
    pub(crate) purse: Arc<Purse>,
    /// Why the run cannot be recorded any more, once that is so.
    pub(crate) broken: Arc<OnceLock<StoreError>>,
}

impl RunContext {
    /// The model that the step asks, as far as it is known before the step is rendered: the one it names, or
    /// that of the pipeline. Nothing where its action takes none.
    pub(crate) fn model_of(&self, step: &StepPlan) -> Option<String> {
        let named = step.parameters.get("model").and_then(Value::as_str);
        let root = self.model.as_deref().filter(|_| step.terms.requires.is_none());
        let named = named.or(step.model.as_deref()).or(root)?;
        let target = || self.registry.resolve(step.tool.as_deref(), step.action.as_deref(), None);
        (template::is_plain(named) && takes_model(&target())).then(|| named.to_owned())
    }

    /// Where the model is asked: provider and address.
    pub(crate) fn place_of(&self, model: &str) -> Option<String> {
        let mut addresses = super::lock(&self.addresses);
        if let Some(known) = addresses.get(model) {
            return known.clone();
        }
        let place = models::place_of(&self.registry.models, model, &self.environment, self.is_trusted);
        addresses.insert(model.to_owned(), place.clone());
        place
    }

    /// Stores the batch durably. When that fails nothing more may act: the run is cancelled.
    pub(crate) async fn commit(&self, batch: Batch) {
        if let Err(error) = self.journal.commit(batch).await {
            let _ = self.broken.set(error);
            self.stop.cancel();
        }
    }
}
