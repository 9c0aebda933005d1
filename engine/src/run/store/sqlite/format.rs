//! The tables of a store's file, and how a file of an older format gets them.

use super::{SqliteStore, refused, resolved::TABLE as FROM_6};
use crate::{failpoint, run::store::StoreError};

/// Marks a database file as ours (`orc` and a zero byte).
pub(super) const APPLICATION_ID: i64 = 0x6f72_6300;

/// The format of the tables below; a file of a higher one is left alone.
pub(super) const FORMAT: i64 = 7;

/// The oldest format that can be read as it is: format 4 keeps several events in a row, where there was one, format 5
/// the answers of models, format 6 the [texts of pipelines apart](SOURCES), and format 7 what was asked without a run.
pub(super) const READABLE: i64 = 3;

/// The first format with a table for the texts of pipelines.
pub(super) const SOURCES: i64 = 6;

const TABLES: &str = "
CREATE TABLE runs (
    id TEXT PRIMARY KEY, pipeline TEXT NOT NULL, file TEXT NOT NULL, inputs TEXT NOT NULL, started_at TEXT NOT NULL,
    status TEXT, finished_at TEXT, config TEXT
) WITHOUT ROWID;
-- The texts of the pipelines. Whoever looks for a row of a table without row ids reads rows on the way as a whole, so
-- what may be long stands in tables that have them.
CREATE TABLE sources (run_id TEXT PRIMARY KEY, source TEXT NOT NULL);
CREATE TABLE steps (
    run_id TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL,
    intent_at TEXT, outcome_at TEXT, status TEXT, value TEXT, last TEXT,
    forgotten INTEGER NOT NULL DEFAULT 0, child TEXT, question TEXT, answer TEXT,
    PRIMARY KEY (run_id, step, attempt)
) WITHOUT ROWID;
CREATE TABLE cache (
    key TEXT NOT NULL, run_id TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL, PRIMARY KEY (key, run_id)
) WITHOUT ROWID;
-- A row holds what was told together: a line per event, how many they are, and the number of the first.
CREATE TABLE events (
    run_id TEXT NOT NULL, seq INTEGER NOT NULL, told INTEGER, event TEXT NOT NULL, PRIMARY KEY (run_id, seq)
);
";
/// What a file of format 1 lacks.
const FROM_1: &str = "
ALTER TABLE runs ADD COLUMN config TEXT;
ALTER TABLE steps ADD COLUMN last TEXT;
ALTER TABLE steps ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
";

/// What a file of format 2 lacks.
pub(super) const FROM_2: &str = "
ALTER TABLE steps ADD COLUMN child TEXT;
ALTER TABLE steps ADD COLUMN question TEXT;
ALTER TABLE steps ADD COLUMN answer TEXT;
CREATE TABLE cache (
    key TEXT NOT NULL, run_id TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL, PRIMARY KEY (key, run_id)
) WITHOUT ROWID;
";

/// What a file of format 4 lacks, and one that is made gets besides [`TABLES`].
pub(super) const FROM_4: &str = "
CREATE TABLE answers (
    key TEXT NOT NULL, run_id TEXT NOT NULL, step TEXT NOT NULL, attempt INTEGER NOT NULL, shared INTEGER NOT NULL,
    answer TEXT NOT NULL
);
CREATE INDEX answers_by_key ON answers (key);
CREATE INDEX answers_by_run ON answers (run_id);
";

/// What a file of format 5 lacks. Its events stay where they are.
const FROM_5: &str = "
ALTER TABLE events ADD COLUMN told INTEGER;
CREATE TABLE sources (run_id TEXT PRIMARY KEY, source TEXT NOT NULL);
INSERT INTO sources (run_id, source) SELECT id, source FROM runs;
ALTER TABLE runs DROP COLUMN source;
";

/// What brings a file up to date, after the last format that lacks it.
const CHANGES: [(i64, &str); 5] = [(1, FROM_1), (2, FROM_2), (4, FROM_4), (5, FROM_5), (6, FROM_6)];

impl SqliteStore {
    /// Brings the tables of an older version up to date.
    pub(super) fn migrate(&self) -> Result<(), StoreError> {
        let error = |error: rusqlite::Error| refused(&self.path, &error);
        let version =
            || self.connection.query_row("SELECT user_version FROM pragma_user_version", [], |row| row.get(0));
        if version().map_err(error)? == FORMAT {
            return Ok(());
        }
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(error)?;
        // Another process may have been first.
        let found: i64 = version().map_err(error)?;
        if !(1..FORMAT).contains(&found) {
            self.end_transaction(false).map_err(error)?;
            let path = self.path.clone();
            return match found {
                FORMAT => Ok(()),
                newer if newer > FORMAT => Err(StoreError::Newer { path, found, known: FORMAT }),
                none => Err(StoreError::Damaged { path, reason: format!("there is no format {none}") }),
            };
        }
        let lacking = CHANGES.iter().filter(|(format, _)| found <= *format).map(|(_, change)| *change);
        let done =
            self.connection.execute_batch(&format!("{} PRAGMA user_version = {FORMAT};", lacking.collect::<String>()));
        let done = done.and_then(|()| failpoint::store_write());
        self.end_transaction(done.is_ok()).map_err(error)?;
        done.map_err(error)
    }

    pub(super) fn make_tables(&self) -> Result<(), StoreError> {
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
                "{TABLES} {FROM_4} {FROM_6} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {FORMAT};"
            ))
            .and_then(|()| failpoint::store_write())
            .map_err(error)
    }
}
