//! A store that forgets: `--no-store`, and tests.

use super::{Record, Store, StoreError};
use crate::run::Event;

/// Keeps the events of runs until it is dropped.
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: Vec<(String, Record)>,
}

impl MemoryStore {
    /// All that was written, in order.
    pub fn records(&self) -> &[(String, Record)] {
        &self.records
    }
}

impl Store for MemoryStore {
    fn write(&mut self, run_id: &str, records: &[Record]) -> Result<(), StoreError> {
        self.records.extend(records.iter().map(|record| (run_id.to_owned(), record.clone())));
        Ok(())
    }

    fn events(&self, run_id: &str) -> Result<Vec<Event>, StoreError> {
        Ok(self
            .records
            .iter()
            .filter_map(|(run, record)| match record {
                Record::Event(event) if run == run_id => Some(event.clone()),
                _ => None,
            })
            .collect())
    }
}
