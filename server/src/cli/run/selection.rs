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
        store::{self, StoredRun},
    },
};
use lang::analysis::Analysis;

use super::super::print;

/// Which steps to run.
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(super) struct Options {
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
    pub(super) fn read(&self) -> Option<Selection> {
        let modes = [(Mode::Step, &self.step), (Mode::From, &self.from), (Mode::Until, &self.until)];
        let asked = modes.into_iter().find_map(|(mode, step)| Some((mode, step.clone()?)));
        asked.map(|(mode, step)| Selection { mode, step })
    }
}

/// Confines `plan`, and hands what the latest run of the pipeline came to to `config`. Says where each
/// result comes from.
pub(super) fn confine(plan: Plan, selection: Selection, config: &mut RunConfig) -> Result<Plan, String> {
    let plan = selection.apply(plan)?;
    if selection.mode != Mode::Until
        && let Some((run, past)) = latest(&plan, &selection, config)?
    {
        let known = past.known();
        if !known.is_empty() {
            let ids: Vec<String> = known.iter().map(|id| format!("`{id}`")).collect();
            let noun = if ids.len() == 1 { "result" } else { "results" };
            print::note(&format!("using the {noun} of {} from the run {}", ids.join(", "), run.id));
        }
        config.past = Arc::new(past);
    }
    config.selection = Some(selection);
    Ok(plan)
}

fn latest(plan: &Plan, selection: &Selection, config: &RunConfig) -> Result<Option<(StoredRun, Past)>, String> {
    let Some(file) = config.store.as_deref().filter(|file| file.exists()) else { return Ok(None) };
    let store = store::open(Some(file)).map_err(|error| error.to_string())?;
    let runs = store.runs().map_err(|error| error.to_string())?;
    let simulated = |run: &&StoredRun| run.config.simulate == config.simulate;
    for run in runs.iter().filter(|run| run.pipeline == plan.program.id).filter(simulated) {
        let attempts = store.attempts(&run.id).map_err(|error| error.to_string())?;
        let before = Analysis::new(catalog::registry(), &run.file, &run.source);
        let changes = Changes::between(&before, &plan.analysis);
        let ends = selection.reusable(plan, run, &attempts, &changes);
        if !ends.is_empty() {
            return Ok(Some((run.clone(), Past::of_other(&run.id, ends))));
        }
    }
    Ok(None)
}
