//! The store of a workspace: `.orc/runs.db`, SQLite in WAL mode with `synchronous=FULL`.
//!
//! Its directory ignores itself for git and can be read by its owner alone, as can the file: inputs
//! and results stand in it.

use std::{
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use super::{LastWord, Record, Store, StoreError, StoredAttempt, StoredRun};
use crate::{failpoint, run::Event};
use rusqlite::{Connection, ErrorCode, OpenFlags, Row, ToSql, config::DbConfig, types::Type};
use serde::de::DeserializeOwned;

mod earlier;
pub(crate) use earlier::{Attempt, KeptAnswer, Own, short};

mod place;

mod writing;
use writing::Writing;

mod attempts;
use attempts::Wanted;

mod latest;
pub use latest::{LatestEnd, LatestRun};

mod resolved;
pub(crate) use resolved::Resolved;

mod format;
use format::{APPLICATION_ID, FORMAT, READABLE, SOURCES};

mod spent;
pub use spent::SpentStep;

/// How long others may write.
const PATIENCE: Duration = Duration::from_secs(5);

/// How many KiB of pages who looks up earlier results keeps in memory.
const PAGES_KEPT: i64 = 65_536;

/// A [`Store`] in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    connection: Connection,
    /// The format that the file has.
    format: i64,
}

impl SqliteStore {
    /// Opens the file, making it and its directory if they are missing.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        place::check_log(path)?;
        place::prepare_directory(path).map_err(|error| failed(path, error.to_string()))?;
        let connection = Connection::open(path).map_err(|error| refused(path, &error))?;
        let store = Self { path: path.to_owned(), connection, format: FORMAT };
        store.keep_plans()?;
        store.prepare()?;
        Ok(store)
    }

    /// Opens a file that is there to read it; nothing in it changes.
    pub fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        place::check_log(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(|error| refused(path, &error))?;
        let mut store = Self { path: path.to_owned(), connection, format: FORMAT };
        store.keep_plans()?;
        // Earlier results stand all over the file; a page is read once, not once for each of them.
        store.connection.pragma_update(None, "cache_size", -PAGES_KEPT).map_err(|error| refused(path, &error))?;
        // Who only reads does not wait long for who writes.
        store.connection.busy_timeout(Duration::from_millis(50)).map_err(|error| refused(path, &error))?;
        let number = |pragma: &str| store.connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        let error = |error: rusqlite::Error| refused(path, &error);
        if number("application_id").map_err(error)? != APPLICATION_ID {
            return Err(StoreError::Foreign { path: path.to_owned(), reason: "it is another program's".to_owned() });
        }
        let found = number("user_version").map_err(error)?;
        if found > FORMAT {
            return Err(StoreError::Newer { path: path.to_owned(), found, known: FORMAT });
        }
        if found < READABLE {
            return Err(StoreError::Older { path: path.to_owned(), found });
        }
        store.format = found;
        Ok(store)
    }

    /// Without this a statement is planned again for each value that is bound to it, which takes longer than
    /// what it does.
    fn keep_plans(&self) -> Result<(), StoreError> {
        let kept = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
        kept.map(drop).map_err(|error| refused(&self.path, &error))
    }

    /// The run in which the step of the pipeline's root came to an end last, and that end.
    pub fn last_word(&self, pipeline: &str, step: &str) -> Result<Option<(String, LastWord)>, StoreError> {
        let found = self.rows(
            "SELECT runs.id, steps.last FROM runs CROSS JOIN steps ON steps.run_id = runs.id
             WHERE runs.pipeline = ? AND steps.step = ? AND steps.last IS NOT NULL AND NOT steps.forgotten
             ORDER BY steps.outcome_at DESC LIMIT 1",
            &[&pipeline, &step],
            |row| Ok((row.get(0)?, json_at(row, 1)?)),
        )?;
        Ok(found.into_iter().next().and_then(|(run, last)| Some((run, last?))))
    }

    pub(super) fn rows<T>(
        &self,
        sql: &str,
        parameters: &[&dyn ToSql],
        read: impl FnMut(&Row<'_>) -> Result<T, rusqlite::Error>,
    ) -> Result<Vec<T>, StoreError> {
        let rows =
            || -> Result<Vec<T>, _> { self.connection.prepare_cached(sql)?.query_map(parameters, read)?.collect() };
        rows().map_err(|error| refused(&self.path, &error))
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let error = |error: rusqlite::Error| refused(&self.path, &error);
        self.connection.busy_timeout(PATIENCE).map_err(error)?;
        let number = |pragma: &str| self.connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        if number("application_id").map_err(error)? == APPLICATION_ID {
            let found = number("user_version").map_err(error)?;
            if found > FORMAT {
                return Err(StoreError::Newer { path: self.path.clone(), found, known: FORMAT });
            }
        }
        // Two who make the file at once get in each other's way here, without being made to wait.
        let end = Instant::now() + PATIENCE;
        loop {
            match self.connection.pragma_update(None, "journal_mode", "WAL") {
                Err(busy) if busy.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < end => {
                    thread::sleep(Duration::from_millis(2));
                }
                made => break made.map_err(error)?,
            }
        }
        self.connection.pragma_update(None, "synchronous", "FULL").map_err(error)?;
        // Closing would copy the log into the database and sync both, which a run would wait for at its
        // end. The log is as durable; SQLite copies it when it has grown to a thousand pages.
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(error)?;
        if number("application_id").map_err(error)? == APPLICATION_ID {
            place::check_length(&self.path, number("page_size").map_err(error)?)?;
            return self.migrate();
        }
        // Two processes may come here at once: the second waits, and finds the tables made.
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(error)?;
        let made = self.make_tables();
        self.end_transaction(made.is_ok()).map_err(error)?;
        made
    }

    fn end_transaction(&self, keep: bool) -> Result<(), rusqlite::Error> {
        failpoint::reached();
        self.connection.execute_batch(if keep { "COMMIT" } else { "ROLLBACK" })?;
        failpoint::reached();
        Ok(())
    }
}

/// What [`stored_run`] reads, in a file of this format.
fn runs(format: i64) -> &'static str {
    if format < SOURCES {
        return "SELECT id, pipeline, file, source, inputs, config, started_at, status, finished_at FROM runs";
    }
    "SELECT id, pipeline, file, source, inputs, config, started_at, status, finished_at
     FROM runs LEFT JOIN sources ON sources.run_id = runs.id"
}

const NEWEST_FIRST: &str = "ORDER BY started_at DESC, id DESC";

/// A row of [`runs`].
fn stored_run(row: &Row<'_>) -> Result<StoredRun, rusqlite::Error> {
    Ok(StoredRun {
        id: row.get(0)?,
        pipeline: row.get(1)?,
        file: row.get(2)?,
        source: row.get(3)?,
        inputs: json_at(row, 4)?.unwrap_or_default(),
        config: json_at(row, 5)?.unwrap_or_default(),
        started_at: row.get(6)?,
        status: row.get(7)?,
        finished_at: row.get(8)?,
    })
}

impl Store for SqliteStore {
    fn write(&mut self, run_id: &str, records: &[Record]) -> Result<(), StoreError> {
        let path = &self.path;
        let write = |connection: &mut Connection| -> Result<(), rusqlite::Error> {
            let transaction = connection.transaction()?;
            Writing::new(&transaction, run_id).all(records)?;
            failpoint::store_write()?;
            transaction.commit()
        };
        failpoint::reached();
        write(&mut self.connection).map_err(|error| refused(path, &error))?;
        failpoint::reached();
        Ok(())
    }

    fn events(&self, run_id: &str) -> Result<Vec<Event>, StoreError> {
        let told = "SELECT event FROM events WHERE run_id = ? ORDER BY seq";
        let told = self.rows(told, &[&run_id], |row| {
            let text: String = row.get(0)?;
            text.lines().map(|line| json_of(line, 0)).collect::<Result<Vec<Event>, _>>()
        })?;
        Ok(told.into_iter().flatten().collect())
    }

    fn last_event(&self, run_id: &str) -> Result<Option<Event>, StoreError> {
        let last = "SELECT event FROM events WHERE run_id = ? ORDER BY seq DESC LIMIT 1";
        let last = self.rows(last, &[&run_id], |row| {
            let text: String = row.get(0)?;
            text.lines().next_back().map(|line| json_of(line, 0)).transpose()
        })?;
        Ok(last.into_iter().next().flatten())
    }

    fn last_seq(&self, run_id: &str) -> Result<u64, StoreError> {
        // A row holds those that were told together, and the number of the first. The last may be as long as all else.
        let last = "SELECT seq, told FROM events WHERE run_id = ? ORDER BY seq DESC LIMIT 1";
        let last = self.rows(last, &[&run_id], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let after = |first: i64, told: i64| {
            // So many fit into no write.
            let more = u32::try_from(told).ok().and_then(|told| told.checked_sub(1));
            let last = more.and_then(|more| first.checked_add(i64::from(more)));
            let reason = || format!("{told} events are said to stand in a row");
            last.map(i64::unsigned_abs).ok_or_else(|| StoreError::Damaged { path: self.path.clone(), reason: reason() })
        };
        match last.first() {
            None => Ok(0),
            Some((first, Some(told))) => after(*first, *told),
            // An older orc did not say how many.
            Some((first, None)) => {
                let told = "SELECT event FROM events WHERE run_id = ? AND seq = ?";
                let told = self.rows(told, &[&run_id, first], |row| Ok(row.get_ref(0)?.as_str()?.lines().count()))?;
                after(*first, told.first().map_or(1, |told| (*told).max(1) as i64))
            }
        }
    }

    fn runs(&self) -> Result<Vec<StoredRun>, StoreError> {
        self.rows(&format!("{} {NEWEST_FIRST}", runs(self.format)), &[], stored_run)
    }

    fn run_ids(&self) -> Result<Vec<String>, StoreError> {
        self.rows(&format!("SELECT id FROM runs {NEWEST_FIRST}"), &[], |row| row.get(0))
    }

    fn run(&self, run_id: &str) -> Result<Option<StoredRun>, StoreError> {
        let found = self.rows(&format!("{} WHERE id = ?", runs(self.format)), &[&run_id], stored_run)?;
        Ok(found.into_iter().next())
    }

    fn attempts(&self, run_id: &str) -> Result<Vec<StoredAttempt>, StoreError> {
        let rows = self.raw_attempts(run_id)?.into_iter().map(|row| row.read(Wanted::All));
        rows.collect::<Result<_, _>>().map_err(|error| refused(&self.path, &error))
    }

    fn remove(&mut self, run_ids: &[String]) -> Result<(), StoreError> {
        let path = &self.path;
        let remove = |connection: &mut Connection| -> Result<(), rusqlite::Error> {
            let transaction = connection.transaction()?;
            for id in run_ids {
                transaction.execute("DELETE FROM runs WHERE id = ?", [id])?;
                transaction.execute("DELETE FROM sources WHERE run_id = ?", [id])?;
                transaction.execute("DELETE FROM steps WHERE run_id = ?", [id])?;
                transaction.execute("DELETE FROM events WHERE run_id = ?", [id])?;
                transaction.execute("DELETE FROM cache WHERE run_id = ?", [id])?;
                transaction.execute("DELETE FROM answers WHERE run_id = ?", [id])?;
            }
            failpoint::store_write()?;
            transaction.commit()
        };
        failpoint::reached();
        remove(&mut self.connection).map_err(|error| refused(path, &error))?;
        failpoint::reached();
        Ok(())
    }
}

/// The JSON text in a column, if there is some.
pub(super) fn json_at<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> Result<Option<T>, rusqlite::Error> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| json_of(&text, column)).transpose()
}

fn json_of<T: DeserializeOwned>(text: &str, column: usize) -> Result<T, rusqlite::Error> {
    let unreadable =
        |error: serde_json::Error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into());
    serde_json::from_str(text).map_err(unreadable)
}

fn failed(path: &Path, reason: String) -> StoreError {
    StoreError::Failed { path: path.to_owned(), reason }
}

fn refused(path: &Path, error: &rusqlite::Error) -> StoreError {
    use rusqlite::Error as Sql;
    // What stands in a row and is not what was written there.
    if matches!(
        error,
        Sql::FromSqlConversionFailure(..)
            | Sql::InvalidColumnType(..)
            | Sql::IntegralValueOutOfRange(..)
            | Sql::Utf8Error(..)
    ) {
        return StoreError::Damaged { path: path.to_owned(), reason: error.to_string() };
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => StoreError::Foreign { path: path.to_owned(), reason: error.to_string() },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged { path: path.to_owned(), reason: error.to_string() },
        _ => failed(path, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use std::fs;

    use serde_json::json;

    use super::{
        format::{FROM_2, FROM_4},
        *,
    };
    use crate::run::{EventKind, event::Data};

    fn event(seq: u64) -> Record {
        Record::Event(Event {
            run_id: "run".into(),
            seq,
            time: "2026-01-01T00:00:00.000Z".to_owned(),
            kind: EventKind::StepReady,
            step: Some("a".to_owned()),
            data: Data::nothing(),
        })
    }

    #[test]
    fn what_was_written_is_read_by_another_connection() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".orc/runs.db");
        let mut store = SqliteStore::open(&path).unwrap();
        let time = "2026-01-01T00:00:00.000Z".to_owned();
        store
            .write(
                "run",
                &[
                    Record::RunStarted {
                        pipeline: "p".to_owned(),
                        file: "p.yaml".to_owned(),
                        source: String::new(),
                        inputs: json!({}),
                        config: Box::default(),
                        time: time.clone(),
                    },
                    Record::Intent { step: "a".to_owned(), attempt: 1, time: time.clone() },
                    Record::Outcome {
                        step: "a".to_owned(),
                        attempt: 1,
                        status: "completed".into(),
                        value: json!({"result": 1}),
                        last: None,
                        time,
                    },
                    event(1),
                    event(2),
                ],
            )
            .unwrap();
        let other = SqliteStore::open(&path).unwrap();
        assert_eq!(other.events("run").unwrap().iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 2]);
        let status: String =
            other.connection.query_row("SELECT status FROM steps WHERE step = 'a'", [], |row| row.get(0)).unwrap();
        assert_eq!(status, "completed");
    }

    /// The tables as the format had them, with a run and a step in them.
    fn old(path: &Path, format: i64) {
        let (config, last) =
            if format == 1 { ("", "") } else { (", config TEXT", ", last TEXT, forgotten INTEGER NOT NULL DEFAULT 0") };
        let more = if format >= 3 { FROM_2 } else { "" };
        let answers = if format >= 5 { FROM_4 } else { "" };
        Connection::open(path)
            .unwrap()
            .execute_batch(&format!(
                "CREATE TABLE runs (id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, file TEXT NOT NULL, source TEXT NOT NULL,
                     inputs TEXT NOT NULL, started_at TEXT NOT NULL, status TEXT, finished_at TEXT{config}) WITHOUT ROWID;
                 CREATE TABLE steps (run_id TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL, intent_at TEXT,
                     outcome_at TEXT, status TEXT, value TEXT{last}, PRIMARY KEY (run_id, step, attempt)) WITHOUT ROWID;
                 CREATE TABLE events (run_id TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL,
                     PRIMARY KEY (run_id, seq)) WITHOUT ROWID;
                 INSERT INTO runs (id, pipeline, file, source, inputs, started_at) VALUES ('r', 'p', 'f', 'text', '{{}}', 't');
                 INSERT INTO steps (run_id, step, attempt, status, value) VALUES ('r', 'a', 1, 'completed', '7');
                 {more} {answers} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {format};"
            ))
            .unwrap();
    }

    #[test]
    fn files_of_older_formats_are_brought_up_to_date_and_only_by_who_writes() {
        let directory = tempfile::tempdir().unwrap();
        for format in [1, 2, 3, 4, 5] {
            let path = directory.path().join(format!("{format}.db"));
            old(&path, format);
            let version = || -> i64 {
                Connection::open(&path).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
            };
            let text = |store: SqliteStore| store.run("r").unwrap().unwrap().source;
            let read = SqliteStore::open_to_read(&path).map(text);
            let older = StoreError::Older { path: path.clone(), found: format };
            assert_eq!(read, if format < READABLE { Err(older) } else { Ok("text".to_owned()) });
            assert_eq!(version(), format);
            let mut store = SqliteStore::open(&path).unwrap();
            assert_eq!(version(), FORMAT);
            assert_eq!((&*store.runs().unwrap()[0].id, &*store.runs().unwrap()[0].source), ("r", "text"));
            assert_eq!(store.attempts("r").unwrap()[0].value, json!(7));
            store.write("r", &[event(1)]).unwrap();
            assert_eq!(store.cached("other", "key").unwrap(), None);
            assert_eq!(SqliteStore::open_to_read(&path).unwrap().events("r").unwrap().len(), 1);
        }
    }

    #[test]
    fn what_begins_again_counts_no_more_until_it_ended_again() {
        let mut store = SqliteStore::open(&tempfile::tempdir().unwrap().path().join("runs.db")).unwrap();
        let outcome = |step: &str| Record::Outcome {
            step: step.to_owned(),
            attempt: 1,
            status: "completed".into(),
            value: json!(1),
            last: None,
            time: "2026-01-01T00:00:00.000Z".to_owned(),
        };
        let forgotten = |store: &SqliteStore| -> Vec<String> {
            let attempts = store.attempts("run").unwrap().into_iter();
            attempts.filter(|attempt| attempt.forgotten).map(|attempt| attempt.step).collect()
        };
        let forget = |itself, beneath| Record::Forget { step: "a".to_owned(), itself, beneath };
        let steps = ["a", "a!0", "a[0].b", "a[0].b!1", "a0", "aa", "a\u{e9}", "A", "b"];
        store.write("run", &steps.map(outcome)).unwrap();
        store.write("other", &steps.map(outcome)).unwrap();
        store.write("run", &[forget(false, true)]).unwrap();
        assert_eq!(forgotten(&store), ["a[0].b", "a[0].b!1"]);
        store.write("run", &steps.map(outcome)).unwrap();
        assert_eq!(forgotten(&store), Vec::<String>::new());
        store.write("run", &[forget(true, false)]).unwrap();
        assert_eq!(forgotten(&store), ["a", "a!0"]);
        assert!(store.attempts("other").unwrap().iter().all(|attempt| !attempt.forgotten));
    }

    #[test]
    fn a_write_that_fails_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(&directory.path().join("runs.db")).unwrap();
        store.write("run", &[event(1)]).unwrap();
        assert!(store.write("run", &[event(2), event(1)]).is_err());
        assert_eq!(store.events("run").unwrap().len(), 1);
        store.write("run", &[event(2), event(3)]).unwrap();
        assert_eq!((store.events("run").unwrap().len(), store.last_seq("run").unwrap()), (3, 3));
        assert!(store.write("run", &[event(2), event(3), event(4)]).is_err());
    }

    #[test]
    #[cfg(unix)]
    fn only_the_owner_can_read_it_and_git_ignores_it() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".orc/runs.db");
        let mut store = SqliteStore::open(&path).unwrap();
        store.write("run", &[event(1)]).unwrap();
        for file in ["runs.db", "runs.db-wal"] {
            let mode = fs::metadata(directory.path().join(".orc").join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        assert_eq!(fs::read_to_string(directory.path().join(".orc/.gitignore")).unwrap(), "*\n");
    }

    #[test]
    fn files_of_others_are_refused_untouched() {
        let directory = tempfile::tempdir().unwrap();
        let text = directory.path().join("text.db");
        fs::write(&text, "this is no database, but long enough to look at: ".repeat(40)).unwrap();
        let message = SqliteStore::open(&text).unwrap_err().to_string();
        assert!(message.contains("is not a run store of orc"), "{message}");

        let other = directory.path().join("other.db");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let message = SqliteStore::open(&other).unwrap_err().to_string();
        assert!(message.contains("another program's tables"), "{message}");

        let newer = directory.path().join("newer.db");
        drop(SqliteStore::open(&newer).unwrap());
        Connection::open(&newer).unwrap().pragma_update(None, "user_version", 99).unwrap();
        let message = SqliteStore::open(&newer).unwrap_err().to_string();
        assert!(message.contains(&format!("written by a newer orc (format 99, this one knows {FORMAT})")), "{message}");
    }

    #[test]
    fn a_format_that_another_process_made_meanwhile_or_that_is_none_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("runs.db");
        let store = SqliteStore::open(&path).unwrap();
        let with = |version: i64| {
            store.connection.pragma_update(None, "user_version", version).unwrap();
            let done = store.migrate();
            let kept: i64 = store.connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            assert_eq!(kept, version);
            done.map_err(|error| error.to_string())
        };
        assert_eq!(with(FORMAT), Ok(()));
        assert!(with(99).unwrap_err().contains("written by a newer orc (format 99"));
        assert!(with(0).unwrap_err().contains("is damaged (there is no format 0)"));
    }

    #[test]
    fn numbers_of_events_that_cannot_be_are_damage() {
        let mut store = SqliteStore::open(&tempfile::tempdir().unwrap().path().join("runs.db")).unwrap();
        store.write("run", &[event(1), event(2)]).unwrap();
        assert_eq!(store.last_seq("run"), Ok(2));
        let with = |told: Option<i64>| {
            store.connection.execute("UPDATE events SET told = ?", [told]).unwrap();
            store.last_seq("run").map_err(|error| error.to_string())
        };
        assert_eq!(with(None), Ok(2));
        for told in [0, -5, i64::MIN, i64::MAX] {
            let message = with(Some(told)).unwrap_err();
            assert!(message.contains(&format!("is damaged ({told} events are said to stand in a row)")), "{message}");
        }
    }
}
