//! Earlier results, by what they depended on.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::{PAGES_KEPT, SqliteStore, json_at, refused};
use crate::run::store::{LastWord, StoreError};

/// An attempt of a step of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    pub(crate) run: String,
    pub(crate) step: String,
    pub(crate) number: u32,
}

/// An answer of a model that may stand for another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeptAnswer {
    /// The run that paid for it.
    pub(crate) run: String,
    /// It was given to the step itself.
    pub(crate) own: Option<Own>,
    /// The answer, as JSON.
    pub(crate) answer: String,
}

/// In what kind of an attempt a step was given an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// One that came to no end, so that nobody has accounted for the answer.
    BrokenOff,
    /// One that failed.
    Failed,
}

/// A run, and what it began with.
pub(crate) struct LatestOf {
    pub(crate) id: String,
    pub(crate) started_at: String,
    pub(crate) inputs: Map<String, Value>,
}

/// The beginning of a cache key, which is a hash in hexadecimal.
pub(crate) fn short(key: &str) -> u64 {
    key.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
}

impl SqliteStore {
    /// The answer under the key that the step of the run was given in an attempt that came to no end, or (where that of
    /// `any_attempt` will do) that failed; else, where it may be `shared`, the newest of any step and run whose attempt
    /// did not fail.
    pub(crate) fn kept_answer(
        &self,
        key: &str,
        (run, step): (&str, &str),
        shared: bool,
        any_attempt: bool,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let found = self.rows(
            "SELECT answers.run_id, answers.answer,
                    iif(answers.run_id != ?2 OR answers.step != ?3 OR steps.status IS 'completed', 0,
                        iif(steps.status IS NOT 'failed', 2, ?5 AND answers.answer ->> 'failure' IS NULL)) AS own
             FROM answers LEFT JOIN steps
                 ON steps.run_id = answers.run_id AND steps.step = answers.step AND steps.attempt = answers.attempt
             WHERE answers.key = ?1
                 AND (own OR (?4 AND answers.shared AND (steps.status IS NULL OR steps.status != 'failed')))
             ORDER BY own DESC, answers.rowid DESC LIMIT 1",
            &[&key, &run, &step, &shared, &any_attempt],
            |row| {
                let own = match row.get::<_, i64>(2)? {
                    2 => Some(Own::BrokenOff),
                    1 => Some(Own::Failed),
                    _ => None,
                };
                Ok(KeptAnswer { run: row.get(0)?, answer: row.get(1)?, own })
            },
        )?;
        Ok(found.into_iter().next())
    }

    /// The keys, [shortened](short), that answers are stored under; `None` if there are more than `most`.
    pub(crate) fn answer_keys(&self, most: usize) -> Result<Option<HashSet<u64>>, StoreError> {
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        // The index alone is read.
        let keys = self.rows("SELECT key FROM answers INDEXED BY answers_by_key LIMIT ?", &[&limit], |row| {
            Ok(short(row.get_ref(0)?.as_str()?))
        })?;
        Ok(Some(keys).filter(|keys| keys.len() <= most).map(|keys| keys.into_iter().collect()))
    }

    /// The newest success under the cache key, of another run than `but`, and the run.
    pub(crate) fn cached(&self, but: &str, key: &str) -> Result<Option<(String, LastWord)>, StoreError> {
        let found = self.rows(
            "SELECT steps.run_id, steps.last FROM cache CROSS JOIN steps
                 ON steps.run_id = cache.run_id AND steps.step = cache.step AND steps.attempt = cache.attempt
             WHERE cache.key = ? AND cache.run_id != ? AND NOT steps.forgotten
             ORDER BY steps.outcome_at DESC, steps.run_id LIMIT 1",
            &[&key, &but],
            |row| Ok((row.get(0)?, json_at(row, 1)?)),
        )?;
        Ok(found.into_iter().next().and_then(|(run, last)| Some((run, last?))))
    }

    /// The cache keys, [shortened](short), that results are stored under, with the attempt that came to each; `None` if there are more
    /// than `most`.
    pub(crate) fn cache_keys(&self, most: usize) -> Result<Option<Vec<(u64, Attempt)>>, StoreError> {
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let keys = self.rows("SELECT key, run_id, step, attempt FROM cache LIMIT ?", &[&limit], |row| {
            let key = short(row.get_ref(0)?.as_str()?);
            Ok((key, Attempt { run: row.get(1)?, step: row.get(2)?, number: row.get(3)? }))
        })?;
        Ok(Some(keys).filter(|keys| keys.len() <= most))
    }

    /// The latest run of the whole pipeline, if it has the outline.
    pub(crate) fn latest_of(&self, pipeline: &str, outline: &str) -> Result<Option<LatestOf>, StoreError> {
        let found = self.rows(
            "SELECT id, started_at, inputs, config ->> 'outline' IS ?2 AND config ->> 'selection' IS NULL FROM runs
             WHERE pipeline = ?1 ORDER BY started_at DESC LIMIT 1",
            &[&pipeline, &outline],
            |row| {
                let inputs = json_at(row, 2)?.unwrap_or_default();
                Ok(row.get::<_, bool>(3)?.then_some(LatestOf { id: row.get(0)?, started_at: row.get(1)?, inputs }))
            },
        )?;
        Ok(found.into_iter().next().flatten())
    }

    /// The latest run of the pipeline file that was named so, if it has an outline, and when it began.
    pub(crate) fn latest_of_file(&self, name: &str) -> Result<Option<(String, String)>, StoreError> {
        let found = self.rows(
            "SELECT id, started_at, config ->> 'outline' IS NOT NULL FROM runs
             WHERE file = ? ORDER BY started_at DESC LIMIT 1",
            &[&name],
            |row| Ok(row.get::<_, bool>(2)?.then_some((row.get(0)?, row.get(1)?))),
        )?;
        Ok(found.into_iter().next().flatten())
    }

    /// The runs that ended before the time.
    pub(crate) fn ended_before(&self, time: &str) -> Result<Vec<String>, StoreError> {
        self.rows("SELECT id FROM runs WHERE finished_at < ?", &[&time], |row| row.get(0))
    }

    /// Tells step, number and last word of each attempt of the run that counts and succeeded, up to the first for
    /// which `tell` gives nothing.
    pub(crate) fn ends_of(
        &self,
        run: &str,
        mut tell: impl FnMut(&str, u32, &str) -> Option<()>,
    ) -> Result<(), StoreError> {
        let mut goes_on = true;
        // Each page is read once; keeping them would only take memory.
        let keep = |pages: i64| self.connection.pragma_update(None, "cache_size", pages);
        keep(-1_024).map_err(|error| refused(&self.path, &error))?;
        let told = self.rows(
            "SELECT step, attempt, last FROM steps
             WHERE run_id = ? AND status = 'completed' AND last IS NOT NULL AND NOT forgotten",
            &[&run],
            |row| {
                goes_on = goes_on && tell(row.get_ref(0)?.as_str()?, row.get(1)?, row.get_ref(2)?.as_str()?).is_some();
                Ok(())
            },
        );
        keep(-PAGES_KEPT).map_err(|error| refused(&self.path, &error))?;
        told.map(drop)
    }

    /// What the attempt came to, as it is stored; nothing where it counts no more.
    pub(crate) fn word_of(&self, Attempt { run, step, number }: &Attempt) -> Result<Option<String>, StoreError> {
        let sql = "SELECT last FROM steps WHERE run_id = ? AND step = ? AND attempt = ? AND NOT forgotten";
        let found: Vec<Option<String>> = self.rows(sql, &[run, step, number], |row| row.get(0))?;
        Ok(found.into_iter().next().flatten())
    }
}
