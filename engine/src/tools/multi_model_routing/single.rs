//! `single`: a model for one request, by what was sent which way before.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::{Map, Value, json};

use super::{NAME, SingleOutput, SingleParams, among};
use crate::{
    run::lock,
    tools::{
        Outcome, ToolCx, ToolError, params, success,
        task_delegation::{
            analysis::Task,
            score::{self, scored},
        },
    },
};

const STRATEGIES: [&str; 4] = ["round_robin", "least_loaded", "cost_optimized", "capability_based"];

/// How many requests of a run this tool sent to each model.
///
/// They stand in the result of each step; a run that goes on takes them from there ([`Loads::remember`]).
#[derive(Debug, Clone, Default)]
pub(crate) struct Loads(Arc<Mutex<BTreeMap<String, u64>>>);

impl Loads {
    /// Takes in what a step of this tool came to before.
    pub(crate) fn remember(&self, result: &Value) {
        let mut loads = lock(&self.0);
        for (model, load) in result.get("all_loads").and_then(Value::as_object).into_iter().flatten() {
            let known = loads.entry(model.clone()).or_default();
            *known = (*known).max(load.as_u64().unwrap_or_default());
        }
    }
}

pub(super) fn single(params: SingleParams, cx: &ToolCx) -> Result<Outcome, ToolError> {
    let strategy = match &params.strategy {
        Some(word) => params::choice("strategy", word, &STRATEGIES)?,
        None => "capability_based",
    };
    let mut task = Task::of(params.request.as_ref().map(params::text).unwrap_or_default(), &Map::new())?;
    task.need.among = among(params.models, cx)?;
    let scored = scored(&task, score::USUAL, cx)?;
    // In the order in which they are named, or else of their names.
    let mut names: Vec<(usize, &str)> =
        scored.iter().map(|one| (one.choice.place, one.choice.model.as_str())).collect();
    names.sort_unstable();
    let names: Vec<&str> = names.into_iter().map(|(_, name)| name).collect();
    let mut loads = lock(&cx.loads.0);
    let load = |model: &str| loads.get(model).copied().unwrap_or_default();
    let fewest = names.iter().copied().min_by_key(|model| load(model)).unwrap_or_default();
    let (selected, routing_reason) = match strategy {
        "round_robin" => {
            let sent: u64 = names.iter().map(|model| load(model)).sum();
            let at = usize::try_from(sent % names.len() as u64).unwrap_or_default();
            (names[at], format!("{} of {} in turn", at + 1, names.len()))
        }
        "least_loaded" => (fewest, format!("the fewest requests of this run were sent its way ({})", load(fewest))),
        "cost_optimized" => {
            let cheapest = scored.iter().min_by_key(|one| one.cost.unwrap_or(u64::MAX)).unwrap_or(&scored[0]);
            (cheapest.choice.model.as_str(), cheapest.reasons.last().cloned().unwrap_or_default())
        }
        _ => (scored[0].choice.model.as_str(), scored[0].reasons.join("; ")),
    };
    let selected_model = selected.to_owned();
    *loads.entry(selected_model.clone()).or_default() += 1;
    let load = |model: &str| loads.get(model).copied().unwrap_or_default();
    let all_loads = names.iter().map(|model| ((*model).to_owned(), json!(load(model)))).collect();
    success(&SingleOutput {
        routing_reason,
        strategy: strategy.to_owned(),
        current_load: load(&selected_model),
        average_latency: None,
        all_loads,
        selected_model,
    })
}

/// Whether the names are those of models.
pub(super) fn check(names: &[String], cx: &ToolCx) -> Result<(), ToolError> {
    let table = &cx.registry.models;
    match names.iter().find(|name| !crate::models::router::is_known(table, name)) {
        Some(name) => Err(ToolError::new(
            "ParameterError",
            format!(
                "`models` of `{NAME}` names `{name}`, which is not known; `orc models list` names the known models, and \
                 `models.yaml` takes your own"
            ),
        )),
        None => Ok(()),
    }
}
