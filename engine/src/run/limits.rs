//! How many steps may use one thing at a time: a tool, or the models of one provider.
//!
//! What waits for such a place holds none of the run's: in a scope its steps wait in a queue of their own
//! ([`super::schedule`]), and across scopes they take a place of what they use before one of the run's.

use std::{collections::BTreeMap, sync::Arc};

use lang::registry::{ParamKind, ParamSpec, Target, did_you_mean};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{context::RunContext, schedule::Node};
use crate::{
    catalog,
    models::{self, Provider},
    plan::{Scope, StepPlan},
    tools::{self, pipeline_executor},
};

/// At most so many steps at a time, by the name of a tool or of a provider.
pub type Limits = BTreeMap<String, usize>;

/// Whether something of this name can be limited; what is wrong otherwise.
pub fn check(name: &str) -> Result<(), String> {
    let registry = catalog::registry();
    if name == pipeline_executor::NAME {
        return Err(format!("steps with `{name}` only wait for the steps of another pipeline; limit what those use"));
    }
    if registry.tools.contains_key(name) || registry.models.knows_provider(name) || served_here(name).is_some() {
        return Ok(());
    }
    let providers = registry.models.providers().iter().map(String::as_str);
    let known = registry.tools.keys().map(String::as_str).chain(providers);
    let guess = did_you_mean(name, known).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    Err(format!("`{name}` is neither a tool nor a provider of models{guess}"))
}

fn served_here(name: &str) -> Option<Arc<dyn Provider>> {
    models::all().into_iter().find(|provider| provider.name() == name)
}

/// What a step uses that is limited on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Nothing.
    Nothing,
    /// What this lane is for.
    Lane(usize),
    /// A model that only the rendered step tells.
    Rendered,
}

/// The limits of a run, and the places that are left.
#[derive(Debug, Default)]
pub(crate) struct Lanes(Vec<Lane>);

#[derive(Debug)]
struct Lane {
    name: String,
    limit: usize,
    /// The run was told of it; else the provider says it of itself.
    is_told: bool,
    places: Arc<Semaphore>,
}

impl Lanes {
    /// What the run is told, and what the providers say of themselves.
    pub(crate) fn new(limits: &Limits, providers: &[Arc<dyn Provider>]) -> Self {
        let own = providers.iter().filter_map(|provider| Some((provider.name().to_owned(), provider.most_at_once()?)));
        let mut all: Limits = own.collect();
        all.extend(limits.iter().map(|(name, limit)| (name.clone(), *limit)));
        let lane = |(name, limit): (String, usize)| {
            let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
            let is_told = limits.contains_key(&name);
            Lane { name, limit, is_told, places: Arc::new(Semaphore::new(limit)) }
        };
        Self(all.into_iter().map(lane).collect())
    }

    /// How many may be under way at a time, of each.
    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.0.iter().map(|lane| lane.limit).collect()
    }

    /// Says of the nodes of `scope` what is limited that they use.
    pub(crate) fn assign(&self, cx: &RunContext, scope: &Scope, nodes: &mut [Node]) {
        if self.0.is_empty() {
            return;
        }
        for (node, step) in nodes.iter_mut().zip(&scope.steps).filter(|(node, _)| node.takes_place) {
            if let Use::Lane(lane) = self.of(cx, step) {
                node.lane = Some(lane);
            }
        }
    }

    /// What is limited that the step uses.
    pub(crate) fn of(&self, cx: &RunContext, step: &StepPlan) -> Use {
        if self.0.is_empty() {
            return Use::Nothing;
        }
        let target = cx.registry.resolve(step.tool.as_deref(), step.action.as_deref(), None);
        let own = match &target {
            Target::Operation { tool, .. } => self.called(&tool.name),
            _ => None,
        };
        let lane = match own {
            None if takes_model(&target) => match cx.model_of(step) {
                Some(model) => self.of_model(cx, &model),
                None => return Use::Rendered,
            },
            own => own,
        };
        lane.map_or(Use::Nothing, Use::Lane)
    }

    /// The place of the provider that the model's name says, where the run was told of it, or else of the one that
    /// will answer.
    pub(crate) fn of_model(&self, cx: &RunContext, model: &str) -> Option<usize> {
        let named = cx.registry.models.split(model).0.and_then(|provider| self.called(provider));
        let told = named.filter(|lane| self.0[*lane].is_told);
        told.or_else(|| self.called(&models::provider_name(&cx.registry.models, model, cx.simulate)?))
    }

    fn called(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|lane| lane.name == name)
    }

    /// Waits for a place of a lane.
    pub(crate) async fn place(&self, lane: usize) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.0[lane].places).acquire_owned().await.ok()
    }
}

/// Whether the action, or the tool's operation, asks a model that the step may name.
pub(crate) fn takes_model(target: &Target<'_>) -> bool {
    let is_named = |params: &[ParamSpec]| params.iter().any(|param| param.kind == ParamKind::Model);
    match target {
        Target::Action(action) => is_named(&action.params),
        Target::Operation { tool, operation: Some(operation) } => {
            tool.available
                && tools::find(&tool.name).is_some_and(|tool| tool.asks(&operation.name).is_some())
                && is_named(&operation.params)
        }
        Target::Auto => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Lanes, Limits};
    use crate::models::{ModelFuture, Provider, Request, Simulated};

    #[derive(Debug)]
    struct Remote;

    impl Provider for Remote {
        fn name(&self) -> &'static str {
            "remote"
        }

        fn call<'a>(&'a self, _: &'a Request, _: &'a tokio_util::sync::CancellationToken) -> ModelFuture<'a> {
            unreachable!("nobody asks")
        }
    }

    #[test]
    fn providers_say_how_much_they_take_and_the_run_knows_better() {
        let providers: [Arc<dyn Provider>; 2] = [Arc::new(Remote), Arc::new(Simulated)];
        let limits = |pairs: &[(&str, usize)]| -> Vec<(String, usize)> {
            let told: Limits = pairs.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect();
            Lanes::new(&told, &providers).0.into_iter().map(|lane| (lane.name, lane.limit)).collect()
        };
        assert_eq!(limits(&[]), [("remote".to_owned(), 16)]);
        assert_eq!(limits(&[("remote", 2), ("terminal", 1)]), [("remote".to_owned(), 2), ("terminal".to_owned(), 1)]);
    }
}
