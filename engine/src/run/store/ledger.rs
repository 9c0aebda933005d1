//! What the models of all runs cost, step by step.

use std::collections::BTreeSet;

use rusqlite::Row;

use super::{StoreError, sqlite::SqliteStore};
use crate::{models::Usage, run::document::Cost};

/// What a step took, of those that asked models themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The run.
    pub run: String,
    /// The pipeline.
    pub pipeline: String,
    /// The step's path.
    pub step: String,
    /// The day it ended, `YYYY-MM-DD` UTC.
    pub day: String,
    /// Who answered; empty where nobody did.
    pub provider: String,
    /// The model that answered.
    pub model: String,
    /// Tokens; `None` = the provider did not say.
    pub usage: Option<Usage>,
    /// Money.
    pub cost: Cost,
}

impl SqliteStore {
    /// What was paid from the day `since` on, in the order it ended. What was used again was paid before.
    pub fn ledger(&self, since: Option<&str>) -> Result<Vec<Entry>, StoreError> {
        let rows: Vec<Entry> = self.rows(
            "SELECT runs.id, runs.pipeline, steps.step, substr(steps.outcome_at, 1, 10),
                    json_extract(steps.last, '$.document.provider'), json_extract(steps.last, '$.document.model'),
                    json_extract(steps.last, '$.document.usage'), json_extract(steps.last, '$.document.cost')
             FROM steps JOIN runs ON runs.id = steps.run_id
             WHERE steps.last IS NOT NULL AND steps.outcome_at >= ?
               AND json_extract(steps.last, '$.document.provenance') IS NULL
               AND json_extract(steps.last, '$.document.cache') IS NULL
               AND (json_extract(steps.last, '$.document.usage') IS NOT NULL
                    OR NOT json_extract(steps.last, '$.document.cost.known'))
             ORDER BY steps.outcome_at, runs.id, steps.step, steps.attempt",
            &[&since.unwrap_or_default()],
            entry,
        )?;
        // A step that holds others says the sum of theirs.
        let parents: BTreeSet<(String, String)> = rows
            .iter()
            .flat_map(|row| {
                let ends = row.step.match_indices('[').map(|(at, _)| at);
                ends.map(|end| (row.run.clone(), row.step[..end].to_owned())).collect::<Vec<_>>()
            })
            .collect();
        let is_own = |row: &Entry| !parents.contains(&(row.run.clone(), row.step.clone()));
        Ok(rows.into_iter().filter(is_own).collect())
    }
}

fn entry(row: &Row<'_>) -> Result<Entry, rusqlite::Error> {
    let text = |column: usize| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(column)?.unwrap_or_default());
    Ok(Entry {
        run: row.get(0)?,
        pipeline: row.get(1)?,
        step: row.get(2)?,
        day: text(3)?,
        provider: text(4)?,
        model: text(5)?,
        usage: super::sqlite::json_at(row, 6)?,
        cost: super::sqlite::json_at(row, 7)?.unwrap_or_else(Cost::unknown),
    })
}
