//! Records on their way into the tables.

use indexmap::IndexMap;
use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::{Value, json};

use crate::run::{
    Event,
    store::{LastWord, Record},
};

/// The records of one write on their way into the tables. What belongs into the same row goes there at once.
pub(super) struct Writing<'a> {
    connection: &'a Connection,
    run_id: &'a str,
    /// Intents whose attempts may end in the same write: most of those that only compute do.
    intents: IndexMap<(&'a str, u32), &'a str>,
    /// The events that follow each other, as lines, the number of the first and that of the next.
    told: Vec<u8>,
    first: u64,
    next: u64,
}

impl<'a> Writing<'a> {
    pub(super) fn new(connection: &'a Connection, run_id: &'a str) -> Self {
        Self { connection, run_id, intents: IndexMap::new(), told: Vec::new(), first: 0, next: 0 }
    }

    pub(super) fn all(mut self, records: &'a [Record]) -> Result<(), rusqlite::Error> {
        for record in records {
            match record {
                Record::Intent { step, attempt, time } => {
                    self.intents.insert((step, *attempt), time);
                }
                Record::Outcome { step, attempt, status, value, last, time } => {
                    let intent_at = self.intents.swap_remove(&(&**step, *attempt));
                    self.outcome((step, *attempt, intent_at), (status, value, last.as_deref()), time)?;
                }
                Record::Event(event) => self.event(event)?,
                other => {
                    self.intents()?;
                    self.one(other)?;
                }
            }
        }
        self.intents()?;
        self.events()
    }

    fn intents(&mut self) -> Result<(), rusqlite::Error> {
        for ((step, attempt), time) in self.intents.drain(..) {
            self.connection
                .prepare_cached("INSERT INTO steps (run_id, step, attempt, intent_at) VALUES (?, ?, ?, ?)")?
                .execute(params![self.run_id, step, attempt, time])?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event) -> Result<(), rusqlite::Error> {
        if event.seq != self.next {
            self.events()?;
            self.first = event.seq;
        }
        self.next = event.seq + 1;
        if !self.told.is_empty() {
            self.told.push(b'\n');
        }
        serde_json::to_writer(&mut self.told, event).map_err(unwritable)
    }

    fn events(&mut self) -> Result<(), rusqlite::Error> {
        if !self.told.is_empty() {
            self.connection
                .prepare_cached("INSERT INTO events (run_id, seq, told, event) VALUES (?, ?, ?, ?)")?
                .execute(params![
                    self.run_id,
                    self.first as i64,
                    (self.next - self.first) as i64,
                    str::from_utf8(&self.told)?
                ])?;
            self.told.clear();
        }
        Ok(())
    }

    fn outcome(
        &self,
        (step, attempt, intent_at): (&str, u32, Option<&str>),
        (status, value, last): (&str, &Value, Option<&LastWord>),
        time: &str,
    ) -> Result<(), rusqlite::Error> {
        if let Some(fingerprint) = last.and_then(|last| last.fingerprint.as_ref()) {
            self.connection
                .prepare_cached("INSERT OR REPLACE INTO cache (key, run_id, step, attempt) VALUES (?, ?, ?, ?)")?
                .execute(params![fingerprint.key(), self.run_id, step, attempt])?;
        }
        // The last word holds the value too.
        let value = last.is_none().then(|| value.to_string());
        self.connection
            .prepare_cached(
                "INSERT INTO steps (run_id, step, attempt, intent_at, status, value, last, outcome_at)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET status = excluded.status, value = excluded.value, last = excluded.last,
                     outcome_at = excluded.outcome_at, forgotten = 0",
            )?
            .execute(params![
                self.run_id,
                step,
                attempt,
                intent_at,
                status,
                value,
                last.map(text_of).transpose()?,
                time
            ])?;
        Ok(())
    }

    fn one(&self, record: &Record) -> Result<(), rusqlite::Error> {
        let Self { connection, run_id, .. } = self;
        match record {
            Record::RunStarted { pipeline, file, source, inputs, config, time } => {
                connection
                    .prepare_cached("INSERT INTO sources (run_id, source) VALUES (?, ?)")?
                    .execute(params![run_id, source])?;
                connection
                    .prepare_cached(
                        "INSERT INTO runs (id, pipeline, file, inputs, config, started_at) VALUES (?, ?, ?, ?, ?, ?)",
                    )?
                    .execute(params![run_id, pipeline, file, inputs.to_string(), json!(config).to_string(), time])?
            }
            Record::RunResumed { source, outline } => {
                if let Some(source) = source {
                    connection
                        .prepare_cached("UPDATE sources SET source = ? WHERE run_id = ?")?
                        .execute(params![source, run_id])?;
                }
                connection
                    .prepare_cached(
                        "UPDATE runs SET status = NULL, finished_at = NULL,
                            config = iif(config ->> 'outline' IS ?1, config, json_remove(config, '$.outline'))
                         WHERE id = ?2",
                    )?
                    .execute(params![outline, run_id])?
            }
            Record::Child { step, attempt, child } => connection
                .prepare_cached("UPDATE steps SET child = ? WHERE run_id = ? AND step = ? AND attempt = ?")?
                .execute(params![json!(child).to_string(), run_id, step, attempt])?,
            Record::Asked { step, attempt, question } => connection
                .prepare_cached("UPDATE steps SET question = ? WHERE run_id = ? AND step = ? AND attempt = ?")?
                .execute(params![json!(question).to_string(), run_id, step, attempt])?,
            Record::Answered { step, attempt, answer } => connection
                .prepare_cached("UPDATE steps SET answer = ? WHERE run_id = ? AND step = ? AND attempt = ?")?
                .execute(params![json!(answer).to_string(), run_id, step, attempt])?,
            Record::Forget { step, itself, beneath } => {
                let mut forget = connection.prepare_cached(
                    "UPDATE steps SET forgotten = 1 WHERE run_id = ? AND step >= ? || ? AND step < ?2 || ?",
                )?;
                // The path alone, its handlers' (`a!0`), and what is beneath it (`a[0].b`) are each one stretch of the key.
                let stretches = [(itself, "", "\0"), (itself, "!", "\""), (beneath, "[", "\\")];
                let wanted = stretches.into_iter().filter(|(wanted, ..)| **wanted);
                wanted.map(|(_, from, to)| forget.execute(params![run_id, step, from, to])).sum::<Result<usize, _>>()?
            }
            Record::Answer { key, step, attempt, shared, answer } => connection
                .prepare_cached(
                    "INSERT INTO answers (key, run_id, step, attempt, shared, answer) VALUES (?, ?, ?, ?, ?, ?)",
                )?
                .execute(params![key, run_id, step, attempt, shared, answer.to_string()])?,
            Record::RunFinished { status, time } => connection
                .prepare_cached("UPDATE runs SET status = ?, finished_at = ? WHERE id = ?")?
                .execute(params![status, time, run_id])
                .and_then(|_| self.forget_answers())?,
            Record::Intent { .. } | Record::Outcome { .. } | Record::Event(_) => 0,
        };
        Ok(())
    }
}

impl Writing<'_> {
    /// Removes the answers that were kept for the case that the run is broken off, and that no other may use. What
    /// parts of a step were answered that failed is of use when it is tried again.
    fn forget_answers(&self) -> Result<usize, rusqlite::Error> {
        let mut forget = self.connection.prepare_cached(
            "DELETE FROM answers WHERE run_id = ? AND NOT shared AND EXISTS (
                 SELECT 1 FROM steps WHERE steps.run_id = answers.run_id AND steps.step = answers.step
                     AND steps.attempt = answers.attempt AND steps.status = 'completed')",
        )?;
        forget.execute([self.run_id])
    }
}

/// `value` as JSON text.
fn text_of<T: Serialize>(value: &T) -> Result<String, rusqlite::Error> {
    serde_json::to_string(value).map_err(unwritable)
}

fn unwritable(error: serde_json::Error) -> rusqlite::Error {
    rusqlite::Error::ToSqlConversionFailure(error.into())
}
