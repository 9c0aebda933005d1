//! What the models of all runs took: the ledger, step by step.

use std::collections::{HashMap, HashSet};

use super::{SqliteStore, json_at};
use crate::{
    models::{Served, Usage, simulated},
    run::{document::Cost, step::HANDLER, store::StoreError},
};

/// Takes out of each step that runs others what they took: that stands for itself. What is left is that of its
/// own tags.
fn without_parts(found: &mut Vec<SpentStep>) {
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for (at, spent) in found.iter().enumerate().filter(|(_, spent)| spent.provider.is_empty()) {
        places.insert((spent.run.clone(), spent.step.clone()), at);
    }
    let mut parts: Vec<Vec<usize>> = vec![Vec::new(); found.len()];
    for (at, spent) in found.iter().enumerate() {
        // The innermost around it: what is further out counts that one.
        let around = spent.step.rmatch_indices('[').map(|(end, _)| (spent.run.clone(), spent.step[..end].to_owned()));
        if let Some(whole) = around.into_iter().find_map(|path| places.get(&path)) {
            parts[*whole].push(at);
        }
    }
    let all = found.clone();
    for (at, parts) in parts.into_iter().enumerate().filter(|(_, parts)| !parts.is_empty()) {
        // What is not known of the whole is what is not known of a part, if there is such a part.
        let known = found[at].cost.known || parts.iter().any(|part| !all[*part].cost.known);
        for part in parts {
            let cost = &found[at].cost;
            let rest = cost.nano_usd.saturating_sub(all[part].cost.nano_usd).max(0);
            found[at].cost = Cost::of(rest, known, cost.price_date.clone());
            found[at].usage = found[at].usage.map(|usage| usage.less(all[part].usage.unwrap_or_default()));
        }
    }
    let is_nothing = |spent: &SpentStep| {
        let asked = spent.usage.is_some_and(|usage| usage.requests > 0);
        !asked && spent.cost.nano_usd == 0 && spent.cost.known
    };
    found.retain(|spent| !spent.provider.is_empty() || !spent.model.is_empty() && !is_nothing(spent));
}

/// How many runs, and how many of their answers, tell how long the next answers may be.
const RUNS: usize = 20;
const ANSWERS: usize = 20_000;

/// What one step's models took, its attempts and its handler included; or the answer to a tag without a run.
#[derive(Debug, Clone, PartialEq)]
pub struct SpentStep {
    /// The run; empty where `orc resolve` asked.
    pub run: String,
    /// The pipeline.
    pub pipeline: String,
    /// The step, iterations as `loop[2].step`; where `orc resolve` asked, where the tag stands.
    pub step: String,
    /// When it came to its end, RFC 3339 UTC.
    pub at: String,
    /// The provider of the model that answered last.
    pub provider: String,
    /// That model.
    pub model: String,
    /// Tokens; `None` = nobody said.
    pub usage: Option<Usage>,
    /// Money.
    pub cost: Cost,
}

impl SqliteStore {
    /// Everything that was asked of models in this workspace, in order of time. What was used again was paid
    /// for once, by the run that made it; what was simulated was not asked of anybody.
    pub fn spent(&self) -> Result<Vec<SpentStep>, StoreError> {
        let mut found = self.spent_by_runs("")?;
        found.extend(self.resolved("")?.into_iter().map(|paid| SpentStep {
            run: String::new(),
            pipeline: paid.pipeline,
            step: paid.position,
            at: paid.at,
            provider: paid.served.provider,
            model: paid.served.model,
            usage: paid.served.usage,
            cost: paid.served.cost,
        }));
        found.sort_by(|one, other| (&one.at, &one.run, &one.step).cmp(&(&other.at, &other.run, &other.step)));
        Ok(found)
    }

    /// The same of runs alone, from this day (`YYYY-MM-DD`, UTC) on.
    pub(crate) fn spent_by_runs(&self, since: &str) -> Result<Vec<SpentStep>, StoreError> {
        let mut found = self.rows(
            "SELECT runs.id, runs.pipeline, steps.step, coalesce(steps.outcome_at, runs.started_at),
                    json_extract(last, '$.document.provider'),
                    coalesce(json_extract(last, '$.document.model'), json_extract(last, '$.document.auto[0].model')),
                    json_extract(last, '$.document.usage'), json_extract(last, '$.document.cost')
             FROM steps CROSS JOIN runs ON runs.id = steps.run_id
             WHERE last IS NOT NULL AND json_extract(last, '$.document.provenance') IS NULL
                   AND (json_extract(last, '$.document.model') IS NOT NULL
                        OR json_extract(last, '$.document.usage') IS NOT NULL
                        OR NOT json_extract(last, '$.document.cost.known'))
                   -- Of several answers some may have been there.
                   AND (json_extract(last, '$.document.cache') IS NULL
                        OR json_extract(last, '$.document.usage.requests') > 0)
                   AND coalesce(steps.outcome_at, runs.started_at) >= ?
                   -- What was asked before the run was cancelled is taken up again by the attempt that goes on.
                   AND NOT (steps.status IS 'cancelled' AND EXISTS (
                       SELECT 1 FROM steps AS later
                       WHERE later.run_id = steps.run_id AND later.step = steps.step AND later.attempt > steps.attempt
                             AND (later.last IS NOT NULL OR json_extract(later.value, '$.served') IS NOT NULL)
                   ))",
            &[&since],
            |row| {
                Ok(SpentStep {
                    run: row.get(0)?,
                    pipeline: row.get(1)?,
                    step: row.get(2)?,
                    at: row.get(3)?,
                    provider: row.get::<_, Option<String>>(4)?.unwrap_or_default(),
                    model: row.get::<_, Option<String>>(5)?.unwrap_or_default(),
                    usage: json_at(row, 6)?,
                    cost: json_at(row, 7)?.unwrap_or_else(Cost::unknown),
                })
            },
        )?;
        // An attempt that failed knows what those before it took; the step's end knows all of it.
        let open = self.rows(
            "SELECT runs.id, runs.pipeline, one.step, coalesce(one.outcome_at, runs.started_at),
                    json_extract(one.value, '$.served')
             FROM steps AS one CROSS JOIN runs ON runs.id = one.run_id
             WHERE one.last IS NULL AND json_extract(one.value, '$.served') IS NOT NULL
                   AND coalesce(one.outcome_at, runs.started_at) >= ?
                   AND NOT EXISTS (
                       SELECT 1 FROM steps AS later
                       WHERE later.run_id = one.run_id AND later.step = one.step AND later.attempt > one.attempt
                             AND (later.last IS NOT NULL OR json_extract(later.value, '$.served') IS NOT NULL)
                   )",
            &[&since],
            |row| {
                let served: Option<Served> = json_at(row, 4)?;
                let (run, pipeline, step, at) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok(served.map(|Served { provider, model, usage, cost, requested: _, reused: _, tool_calls: _ }| {
                    SpentStep { run, pipeline, step, at, provider, model, usage, cost }
                }))
            },
        )?;
        found.extend(open.into_iter().flatten().filter(|spent| !spent.model.is_empty()));
        // What a handler took stands in the end of its step, once there is one.
        let known: HashSet<(String, String)> =
            found.iter().map(|spent| (spent.run.clone(), spent.step.clone())).collect();
        found.retain(|spent| match spent.step.rsplit_once(HANDLER) {
            Some((step, _)) => !known.contains(&(spent.run.clone(), step.to_owned())),
            None => true,
        });
        without_parts(&mut found);
        let is_simulated = |name: &str| name.split('/').next() == Some(simulated::NAME);
        found.retain(|spent| {
            !(is_simulated(&spent.provider) || spent.provider.is_empty() && is_simulated(&spent.model))
        });
        Ok(found)
    }

    /// How many tokens the answers to the steps of the pipeline had, those of iterations under the step's own
    /// name; of its newest runs.
    pub(crate) fn answers(&self, pipeline: &str) -> Result<Vec<(String, u64)>, StoreError> {
        self.rows(
            &format!(
                "SELECT json_extract(last, '$.document.id'),
                        CAST(json_extract(last, '$.document.usage.output_tokens')
                             / max(1, json_extract(last, '$.document.usage.requests')) AS INTEGER)
                 FROM (SELECT id FROM runs WHERE pipeline = ? ORDER BY started_at DESC LIMIT {RUNS}) AS newest
                      CROSS JOIN steps ON steps.run_id = newest.id
                 WHERE last IS NOT NULL AND json_extract(last, '$.document.success')
                       AND json_extract(last, '$.document.usage.output_tokens') IS NOT NULL
                       AND json_extract(last, '$.document.provider') != '{SIMULATED}'
                 LIMIT {ANSWERS}",
                SIMULATED = simulated::NAME,
            ),
            &[&pipeline],
            |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())),
        )
    }
}
