//! `--step`, `--from`, `--until`: runs that are confined to some steps.

use std::sync::Arc;

use clap::Args;
use engine::{
    catalog,
    changes::Changes,
    plan::Plan,
    run::{
        Past, RunConfig, Selection,
        select::Mode,
        store::{self, SqliteStore, Store, StoreError, StoredRun},
    },
};
use lang::analysis::Analysis;

use super::super::print;

/// Which steps to run.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(in crate::cli) struct Options {
    /// Run this step alone; what it needs comes from the latest run, or runs too.
    #[arg(long, value_name = "ID")]
    step: Option<String>,

    /// Run this step and all that follows from it; what they need comes from the latest run, or runs
    /// too.
    #[arg(long, value_name = "ID")]
    from: Option<String>,

    /// Run this step and all that it needs, and nothing else.
    #[arg(long, value_name = "ID")]
    until: Option<String>,
}

impl Options {
    /// What was asked for, if anything was.
    pub(in crate::cli) fn read(&self) -> Option<Selection> {
        let modes = [(Mode::Step, &self.step), (Mode::From, &self.from), (Mode::Until, &self.until)];
        let asked = modes.into_iter().find_map(|(mode, step)| Some((mode, step.clone()?)));
        asked.map(|(mode, step)| Selection { mode, step })
    }
}

/// Confines `plan`, and hands what the latest run of the pipeline came to to `config`. Says where each
/// result comes from.
pub(super) fn confine(plan: Plan, selection: Selection, config: &mut RunConfig) -> Result<Plan, String> {
    let plan = selection.apply(plan)?;
    if selection.reuses()
        && let Some(file) = config.store.as_deref().filter(|file| file.exists())
        && let store = store::open(Some(file)).map_err(|error| error.to_string())?
        && let Some((run, past)) = latest(&plan, &selection, &*store, config.simulate)?
    {
        let ids: Vec<String> = past.known().iter().map(|id| format!("`{id}`")).collect();
        let noun = if ids.len() == 1 { "result" } else { "results" };
        print::note(&format!("using the {noun} of {} from the run {run}", ids.join(", ")));
        config.past = Arc::new(past);
    }
    config.selection = Some(selection);
    Ok(plan)
}

/// Confines `plan` in the same way, without a word and without changing anything in the store.
pub(crate) fn preview(plan: Plan, selection: Selection, config: &mut RunConfig) -> Result<Plan, String> {
    let plan = selection.apply(plan)?;
    if selection.reuses()
        && let Some(file) = config.store.as_deref().filter(|file| file.exists())
    {
        let found = match SqliteStore::open_to_read(file) {
            Ok(store) => latest(&plan, &selection, &store, config.simulate)?,
            // What it kept counts once it is brought up to date.
            Err(StoreError::Older { .. }) => None,
            Err(error) => return Err(error.to_string()),
        };
        if let Some((_, past)) = found {
            config.past = Arc::new(past);
        }
    }
    config.selection = Some(selection);
    Ok(plan)
}

/// The newest run with results that can be used in `plan`, and those.
fn latest(
    plan: &Plan,
    selection: &Selection,
    store: &dyn Store,
    simulate: bool,
) -> Result<Option<(String, Past)>, String> {
    let runs = store.runs().map_err(|error| error.to_string())?;
    let simulated = |run: &&StoredRun| run.config.simulate == simulate;
    for run in runs.iter().filter(|run| run.pipeline == plan.program.id).filter(simulated) {
        let attempts = store.attempts(&run.id).map_err(|error| error.to_string())?;
        let before = Analysis::new(catalog::registry(), &run.file, &run.source);
        let changes = Changes::between(&before, plan.analysis());
        let ends = selection.reusable(plan, run, &attempts, &changes);
        if !ends.is_empty() {
            return Ok(Some((run.id.clone(), Past::of_other(&run.id, ends))));
        }
    }
    Ok(None)
}
