//! How the steps of a pipeline ended when they ran last, in a few words: for editors, which ask at every key.

use super::SqliteStore;
use crate::run::store::StoreError;

/// How many runs are looked at for steps that the newest lacks.
const RUNS: usize = 20;

/// A run in a few words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestRun {
    /// Its id.
    pub id: String,
    /// As in the result document; `None` while it runs, or when it was broken off.
    pub status: Option<String>,
    /// RFC 3339 UTC.
    pub started_at: String,
    /// RFC 3339 UTC.
    pub finished_at: Option<String>,
}

/// How many ends of iterations are read; of a run that has more they are not counted.
const PARTS: usize = 20_000;

/// The end of a step of the root in a few words.
#[derive(Debug, Clone, PartialEq)]
pub struct LatestEnd {
    /// The run.
    pub run: String,
    /// The step.
    pub step: String,
    /// As in the result document.
    pub status: String,
    /// When, RFC 3339 UTC.
    pub at: String,
    /// Seconds.
    pub duration: Option<f64>,
    /// How many bytes its result has, as text or as JSON; `None` without a result.
    pub size: Option<u64>,
    /// Why it failed.
    pub error: Option<String>,
    /// An earlier result was used again.
    pub cached: bool,
}

impl SqliteStore {
    /// The newest runs of the pipeline.
    pub fn latest_runs(&self, pipeline: &str) -> Result<Vec<LatestRun>, StoreError> {
        self.rows(
            &format!(
                "SELECT id, status, started_at, finished_at FROM runs WHERE pipeline = ?
                 ORDER BY started_at DESC, id DESC LIMIT {RUNS}"
            ),
            &[&pipeline],
            |row| {
                Ok(LatestRun {
                    id: row.get(0)?,
                    status: row.get(1)?,
                    started_at: row.get(2)?,
                    finished_at: row.get(3)?,
                })
            },
        )
    }

    /// How the steps in iterations and in other pipelines ended in a run: paths and statuses, in order of path.
    /// Nothing where there are more than an editor can be kept waiting for.
    pub fn latest_parts(&self, run: &str) -> Result<Vec<(String, String)>, StoreError> {
        let mut found = self.rows(
            &format!(
                "SELECT step, status FROM steps
                 WHERE run_id = ? AND last IS NOT NULL AND NOT forgotten AND instr(step, '[') > 0
                 ORDER BY step, attempt DESC LIMIT {}",
                PARTS + 1
            ),
            &[&run],
            |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)),
        )?;
        if found.len() > PARTS {
            found.clear();
        }
        // Of several attempts the last counts.
        found.dedup_by(|one, other| one.0 == other.0);
        Ok(found)
    }

    /// How the steps of the root ended in a run.
    pub fn latest_ends(&self, run: &str) -> Result<Vec<LatestEnd>, StoreError> {
        self.rows(
            "SELECT step, status, outcome_at, json_extract(last, '$.document.duration'),
                    octet_length(json_extract(last, '$.document.value.result')),
                    json_extract(last, '$.document.error'), coalesce(json_extract(last, '$.document.cache.hit'), 0)
             FROM steps WHERE run_id = ? AND last IS NOT NULL AND NOT forgotten AND instr(step, '[') = 0
             ORDER BY step, attempt",
            &[&run],
            |row| {
                Ok(LatestEnd {
                    run: run.to_owned(),
                    step: row.get(0)?,
                    status: row.get(1)?,
                    at: row.get(2)?,
                    duration: row.get(3)?,
                    size: row.get::<_, Option<i64>>(4)?.map(i64::unsigned_abs),
                    error: row.get(5)?,
                    cached: row.get(6)?,
                })
            },
        )
    }
}
