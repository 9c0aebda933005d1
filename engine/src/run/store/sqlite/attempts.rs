//! The attempts of a run, read by two threads where they are many.

use std::sync::{Mutex, MutexGuard, PoisonError};

use lang::beside::beside;
use rusqlite::Row;
use serde::Deserialize;

use super::{SqliteStore, json_of, refused};
use crate::run::{
    document::StepDocument,
    store::{LastWord, StoreError, StoredAttempt},
};

/// An attempt as its row has it.
pub(super) struct RawAttempt {
    step: String,
    attempt: u32,
    intended: bool,
    status: Option<String>,
    value: Option<String>,
    last: Option<String>,
    forgotten: bool,
    child: Option<String>,
    question: Option<String>,
    answer: Option<String>,
}

/// What is read of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    /// All but [`LastWord::fingerprint`], and the value only where there is no last word that has it.
    ToGoOn,
}

/// A [`LastWord`] without its fingerprint.
#[derive(Deserialize)]
struct Alone {
    document: std::sync::Arc<StepDocument>,
    #[serde(default)]
    goto: Option<String>,
    #[serde(default)]
    redacted: bool,
}

impl RawAttempt {
    fn of(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            step: row.get(0)?,
            attempt: row.get(1)?,
            intended: row.get(2)?,
            status: row.get(3)?,
            value: row.get(4)?,
            last: row.get(5)?,
            forgotten: row.get(6)?,
            child: row.get(7)?,
            question: row.get(8)?,
            answer: row.get(9)?,
        })
    }

    pub(super) fn read(self, wanted: Wanted) -> Result<StoredAttempt, rusqlite::Error> {
        let last = match (self.last, wanted) {
            (None, _) => None,
            (Some(last), Wanted::All) => Some(json_of::<LastWord>(&last, 5)?),
            (Some(last), Wanted::ToGoOn) => {
                let Alone { document, goto, redacted } = json_of(&last, 5)?;
                Some(LastWord { document, goto, fingerprint: None, redacted })
            }
        };
        let value = match (self.value, wanted) {
            (Some(value), _) => Some(json_of(&value, 4)?),
            (None, Wanted::All) => last.as_ref().map(|last| last.document.value.clone()),
            (None, Wanted::ToGoOn) => None,
        };
        fn json<T: serde::de::DeserializeOwned>(
            text: Option<String>,
            column: usize,
        ) -> Result<Option<T>, rusqlite::Error> {
            text.map(|text| json_of(&text, column)).transpose()
        }
        Ok(StoredAttempt {
            step: self.step,
            attempt: self.attempt,
            intended: self.intended,
            status: self.status,
            value: value.unwrap_or_default(),
            last,
            forgotten: self.forgotten,
            child: json(self.child, 7)?,
            question: json(self.question, 8)?,
            answer: json(self.answer, 9)?,
        })
    }
}

/// How many rows are read at a time.
const CHUNK: usize = 256;

/// Rows that are to be read, and those that were, by the number of their chunk.
#[derive(Default)]
struct Work {
    open: Vec<(usize, Vec<RawAttempt>)>,
    done: Vec<(usize, Result<Vec<StoredAttempt>, rusqlite::Error>)>,
}

impl SqliteStore {
    pub(super) fn raw_attempts(&self, run_id: &str) -> Result<Vec<RawAttempt>, StoreError> {
        self.rows(
            "SELECT step, attempt, intent_at IS NOT NULL, status, value, last, forgotten, child, question, answer
             FROM steps WHERE run_id = ?
             ORDER BY step, attempt",
            &[&run_id],
            RawAttempt::of,
        )
    }

    /// The attempts of a run that is resumed, as far as that takes, and what `here` gives: both at once, and who
    /// comes to an end first helps the other. The values of attempts whose last words have them are left out.
    pub fn attempts_beside<T>(
        self,
        run_id: &str,
        here: impl FnOnce() -> T,
    ) -> (Result<Vec<StoredAttempt>, StoreError>, T) {
        let work = Mutex::new(Work::default());
        let path = self.path.clone();
        let read = || {
            loop {
                let Some((at, rows)) = locked(&work).open.pop() else { return };
                let read = rows.into_iter().map(|row| row.read(Wanted::ToGoOn)).collect();
                locked(&work).done.push((at, read));
            }
        };
        let (rows_of, work_of, help) = (self, &work, &read);
        let (rows, here) = beside(
            move || {
                // What cannot be read must not look as if it had never been: from here on each page is looked at as a
                // whole when it is read.
                let strict = rows_of.connection.pragma_update(None, "cell_size_check", true);
                strict.map_err(|error| refused(&rows_of.path, &error))?;
                let mut rows = rows_of.raw_attempts(run_id)?.into_iter();
                let chunks = std::iter::from_fn(|| Some(rows.by_ref().take(CHUNK).collect::<Vec<_>>()));
                locked(work_of).open = chunks.take_while(|chunk| !chunk.is_empty()).enumerate().collect();
                // So are the beginnings of what was told; who goes on with a run needs no more of it.
                let events = "SELECT count(told) FROM events WHERE run_id = ?";
                rows_of.rows(events, &[&run_id], |row| row.get::<_, i64>(0))?;
                help();
                Ok(())
            },
            || {
                let made = here();
                read();
                made
            },
        );
        let attempts = rows.and_then(|()| {
            let mut done = std::mem::take(&mut locked(&work).done);
            done.sort_by_key(|(at, _)| *at);
            let mut attempts = Vec::with_capacity(done.len() * CHUNK);
            for (_, read) in done {
                attempts.append(&mut read.map_err(|error| refused(&path, &error))?);
            }
            Ok(attempts)
        });
        (attempts, here)
    }
}

fn locked(work: &Mutex<Work>) -> MutexGuard<'_, Work> {
    work.lock().unwrap_or_else(PoisonError::into_inner)
}
