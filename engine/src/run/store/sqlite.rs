//! The store of a workspace: `.orc/runs.db`, SQLite in WAL mode with `synchronous=FULL`.
//!
//! Its directory ignores itself for git and can be read by its owner alone, as can the file: inputs
//! and results stand in it.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, config::DbConfig, params};

use super::{Record, Store, StoreError};
use crate::run::Event;

/// Marks a database file as ours (`orc` and a zero byte).
const APPLICATION_ID: i64 = 0x6f72_6300;

/// The format of the tables below; a file of a higher one is left alone.
const FORMAT: i64 = 1;

const TABLES: &str = "
CREATE TABLE runs (
    id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, file TEXT NOT NULL, source TEXT NOT NULL, inputs TEXT NOT NULL,
    started_at TEXT NOT NULL, status TEXT, finished_at TEXT
) WITHOUT ROWID;
CREATE TABLE steps (
    run_id TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL,
    intent_at TEXT, outcome_at TEXT, status TEXT, value TEXT,
    PRIMARY KEY (run_id, step, attempt)
) WITHOUT ROWID;
CREATE TABLE events (
    run_id TEXT NOT NULL, seq INTEGER NOT NULL, event TEXT NOT NULL, PRIMARY KEY (run_id, seq)
) WITHOUT ROWID;
";

/// A [`Store`] in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    connection: Connection,
}

impl SqliteStore {
    /// Opens the file, making it and its directory if they are missing.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        prepare_directory(path).map_err(|error| failed(path, error.to_string()))?;
        let connection = Connection::open(path).map_err(|error| refused(path, &error))?;
        let store = Self { path: path.to_owned(), connection };
        store.prepare()?;
        Ok(store)
    }

    fn prepare(&self) -> Result<(), StoreError> {
        let error = |error: rusqlite::Error| refused(&self.path, &error);
        self.connection.busy_timeout(Duration::from_secs(5)).map_err(error)?;
        let number = |pragma: &str| self.connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0));
        if number("application_id").map_err(error)? == APPLICATION_ID {
            let found = number("user_version").map_err(error)?;
            if found > FORMAT {
                return Err(StoreError::Newer { path: self.path.clone(), found, known: FORMAT });
            }
        }
        self.connection.pragma_update(None, "journal_mode", "WAL").map_err(error)?;
        self.connection.pragma_update(None, "synchronous", "FULL").map_err(error)?;
        // Closing would copy the log into the database and sync both, which a run would wait for at its
        // end. The log is as durable; SQLite copies it when it has grown to a thousand pages.
        self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(error)?;
        if number("application_id").map_err(error)? == APPLICATION_ID {
            return Ok(());
        }
        // Two processes may come here at once: the second waits, and finds the tables made.
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(error)?;
        let made = self.make_tables();
        self.connection.execute_batch(if made.is_ok() { "COMMIT" } else { "ROLLBACK" }).map_err(error)?;
        made
    }

    fn make_tables(&self) -> Result<(), StoreError> {
        let error = |error: rusqlite::Error| refused(&self.path, &error);
        let number = |sql: &str| self.connection.query_row(sql, [], |row| row.get::<_, i64>(0));
        if number("SELECT application_id FROM pragma_application_id").map_err(error)? == APPLICATION_ID {
            return Ok(());
        }
        if number("SELECT count(*) FROM sqlite_schema").map_err(error)? > 0 {
            let reason = "it holds another program's tables".to_owned();
            return Err(StoreError::Foreign { path: self.path.clone(), reason });
        }
        self.connection
            .execute_batch(&format!(
                "{TABLES} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};"
            ))
            .map_err(error)
    }
}

impl Store for SqliteStore {
    fn write(&mut self, run_id: &str, records: &[Record]) -> Result<(), StoreError> {
        let path = &self.path;
        let write = |connection: &mut Connection| -> Result<(), rusqlite::Error> {
            let transaction = connection.transaction()?;
            for record in records {
                write_record(&transaction, run_id, record)?;
            }
            transaction.commit()
        };
        write(&mut self.connection).map_err(|error| refused(path, &error))
    }

    fn events(&self, run_id: &str) -> Result<Vec<Event>, StoreError> {
        let error = |error: rusqlite::Error| refused(&self.path, &error);
        let mut statement =
            self.connection.prepare("SELECT event FROM events WHERE run_id = ? ORDER BY seq").map_err(error)?;
        let rows = statement.query_map([run_id], |row| row.get::<_, String>(0)).map_err(error)?;
        rows.map(|row| {
            serde_json::from_str(&row.map_err(error)?).map_err(|error| failed(&self.path, error.to_string()))
        })
        .collect()
    }
}

fn write_record(connection: &Connection, run_id: &str, record: &Record) -> Result<(), rusqlite::Error> {
    match record {
        Record::RunStarted { pipeline, file, source, inputs, time } => connection
            .prepare_cached(
                "INSERT INTO runs (id, pipeline, file, source, inputs, started_at) VALUES (?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![run_id, pipeline, file, source, inputs.to_string(), time])?,
        Record::Intent { step, attempt, time } => connection
            .prepare_cached("INSERT INTO steps (run_id, step, attempt, intent_at) VALUES (?, ?, ?, ?)")?
            .execute(params![run_id, step, attempt, time])?,
        Record::Outcome { step, attempt, status, value, time } => connection
            .prepare_cached(
                "INSERT INTO steps (run_id, step, attempt, status, value, outcome_at) VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET status = excluded.status, value = excluded.value,
                     outcome_at = excluded.outcome_at",
            )?
            .execute(params![run_id, step, attempt, status, value.to_string(), time])?,
        Record::Event(event) => connection
            .prepare_cached("INSERT INTO events (run_id, seq, event) VALUES (?, ?, ?)")?
            .execute(params![run_id, event.seq as i64, serde_json::json!(event).to_string()])?,
        Record::RunFinished { status, time } => connection
            .prepare_cached("UPDATE runs SET status = ?, finished_at = ? WHERE id = ?")?
            .execute(params![status, time, run_id])?,
    };
    Ok(())
}

/// Makes the directory and an empty file that only their owner can read, before SQLite opens it.
fn prepare_directory(path: &Path) -> std::io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
        let made = !directory.exists();
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(directory)?;
        let ignore = directory.join(".gitignore");
        if (made || directory.file_name().is_some_and(|name| name == ".orc")) && !ignore.exists() {
            fs::write(ignore, "*\n")?;
        }
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn failed(path: &Path, reason: String) -> StoreError {
    StoreError::Failed { path: path.to_owned(), reason }
}

fn refused(path: &Path, error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
            StoreError::Foreign { path: path.to_owned(), reason: error.to_string() }
        }
        _ => failed(path, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use serde_json::{Value, json};

    use super::*;
    use crate::run::EventKind;

    fn event(seq: u64) -> Record {
        Record::Event(Event {
            run_id: "run".to_owned(),
            seq,
            time: "2026-01-01T00:00:00.000Z".to_owned(),
            kind: EventKind::StepReady,
            step: Some("a".to_owned()),
            data: Value::Null,
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
                        time: time.clone(),
                    },
                    Record::Intent { step: "a".to_owned(), attempt: 1, time: time.clone() },
                    Record::Outcome {
                        step: "a".to_owned(),
                        attempt: 1,
                        status: "completed".to_owned(),
                        value: json!({"result": 1}),
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

    #[test]
    fn a_write_that_fails_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let mut store = SqliteStore::open(&directory.path().join("runs.db")).unwrap();
        store.write("run", &[event(1)]).unwrap();
        assert!(store.write("run", &[event(2), event(1)]).is_err());
        assert_eq!(store.events("run").unwrap().len(), 1);
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
        assert!(message.contains("written by a newer orc (format 99, this one knows 1)"), "{message}");
    }
}
