//! `--step`, `--from`, `--until`: runs that are confined to some steps.

use std::{collections::BTreeSet, path::Path, sync::Arc};

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
    if selection.mode != Mode::Until
        && let Some(file) = config.store.as_deref()
        && let Some((run, past)) = latest(&plan, &selection, file, config.simulate)?
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

/// What `plan` would be confined to: the plan, and the run and the steps whose results would be used.
pub(in crate::cli) fn preview(plan: Plan, selection: &Selection) -> Result<(Plan, Option<Reused>), String> {
    let plan = selection.apply(plan)?;
    let file = store::file(super::working_dir()?.as_std_path());
    let found = if selection.mode == Mode::Until { None } else { latest(&plan, selection, &file, false)? };
    Ok((plan, found.map(|(run, past)| (run.id, past.known()))))
}

/// The id of a run, and steps of it.
type Reused = (String, BTreeSet<String>);

fn latest(
    plan: &Plan,
    selection: &Selection,
    file: &Path,
    simulate: bool,
) -> Result<Option<(StoredRun, Past)>, String> {
    if !file.exists() {
        return Ok(None);
    }
    let store = store::open(Some(file)).map_err(|error| error.to_string())?;
    let runs = store.runs().map_err(|error| error.to_string())?;
    let simulated = |run: &&StoredRun| run.config.simulate == simulate;
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
