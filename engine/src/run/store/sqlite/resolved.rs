//! What answering tags took that no run asked for (`orc resolve`): the part of the ledger that belongs to no run.

use rusqlite::params;

use super::{SqliteStore, json_of, refused};
use crate::{models::Served, run::store::StoreError};

/// The table, which files up to format 6 do not have.
pub(super) const TABLE: &str = "
CREATE TABLE resolved (
    at TEXT NOT NULL, process TEXT NOT NULL, pipeline TEXT NOT NULL, position TEXT NOT NULL, served TEXT NOT NULL
);
";

/// What asking for one tag took.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Resolved {
    /// When, RFC 3339 UTC.
    pub(crate) at: String,
    /// Who asked, as the budget of a day calls it.
    pub(crate) process: String,
    /// The pipeline.
    pub(crate) pipeline: String,
    /// Where the tag stands.
    pub(crate) position: String,
    /// Who answered, and what it took.
    pub(crate) served: Served,
}

impl SqliteStore {
    /// Keeps what asking for a tag took.
    pub(crate) fn take_down(&self, paid: &Resolved) -> Result<(), StoreError> {
        let Resolved { at, process, pipeline, position, served } = paid;
        let served = serde_json::to_string(served).expect("invariant: its fields are JSON");
        let insert = "INSERT INTO resolved (at, process, pipeline, position, served) VALUES (?, ?, ?, ?, ?)";
        let done = self.connection.execute(insert, params![at, process, pipeline, position, served]);
        done.map(drop).map_err(|error| refused(&self.path, &error))
    }

    /// What asking for tags took from this day (`YYYY-MM-DD`, UTC) on, in order of time.
    pub(crate) fn resolved(&self, since: &str) -> Result<Vec<Resolved>, StoreError> {
        // Who only reads a file of an older format leaves it as it is.
        let tables = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'resolved'";
        if self.rows(tables, &[], |row| row.get::<_, i64>(0))? == [0] {
            return Ok(Vec::new());
        }
        self.rows(
            "SELECT at, process, pipeline, position, served FROM resolved WHERE at >= ? ORDER BY at, rowid",
            &[&since],
            |row| {
                let (at, process, pipeline, position) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
                Ok(Resolved { at, process, pipeline, position, served: json_of(&row.get::<_, String>(4)?, 4)? })
            },
        )
    }
}
