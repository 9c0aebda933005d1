//! Earlier results, by what they depended on.

use super::{SqliteStore, json_at};
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
    /// It was given to the step itself, in an attempt that was broken off.
    pub(crate) is_own: bool,
    /// The answer, as JSON.
    pub(crate) answer: String,
}

impl SqliteStore {
    /// The answer under the key that the step of the run was given in an attempt that came to no end; else, where
    /// it may be `shared`, the newest of any step and run whose attempt did not fail.
    pub(crate) fn kept_answer(
        &self,
        key: &str,
        (run, step): (&str, &str),
        shared: bool,
    ) -> Result<Option<KeptAnswer>, StoreError> {
        let found = self.rows(
            "SELECT answers.run_id, answers.answer,
                    answers.run_id = ?2 AND answers.step = ?3
                        AND (steps.status IS NULL OR steps.status NOT IN ('completed', 'failed')) AS own
             FROM answers LEFT JOIN steps
                 ON steps.run_id = answers.run_id AND steps.step = answers.step AND steps.attempt = answers.attempt
             WHERE answers.key = ?1
                 AND (own OR (?4 AND answers.shared AND (steps.status IS NULL OR steps.status != 'failed')))
             ORDER BY own DESC, answers.rowid DESC LIMIT 1",
            &[&key, &run, &step, &shared],
            |row| Ok(KeptAnswer { run: row.get(0)?, answer: row.get(1)?, is_own: row.get(2)? }),
        )?;
        Ok(found.into_iter().next())
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

    /// The cache keys that results are stored under, with the attempt that came to each; `None` if there are more
    /// than `most`.
    pub(crate) fn cache_keys(&self, most: usize) -> Result<Option<Vec<(String, Attempt)>>, StoreError> {
        let limit = i64::try_from(most).unwrap_or(i64::MAX).saturating_add(1);
        let keys = self.rows("SELECT key, run_id, step, attempt FROM cache LIMIT ?", &[&limit], |row| {
            Ok((row.get(0)?, Attempt { run: row.get(1)?, step: row.get(2)?, number: row.get(3)? }))
        })?;
        Ok(Some(keys).filter(|keys| keys.len() <= most))
    }

    /// What the attempt came to, as it is stored; nothing where it counts no more.
    pub(crate) fn word_of(&self, Attempt { run, step, number }: &Attempt) -> Result<Option<String>, StoreError> {
        let sql = "SELECT last FROM steps WHERE run_id = ? AND step = ? AND attempt = ? AND NOT forgotten";
        let found: Vec<Option<String>> = self.rows(sql, &[run, step, number], |row| row.get(0))?;
        Ok(found.into_iter().next().flatten())
    }
}
