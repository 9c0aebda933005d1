//! A store that forgets: `--no-store`, and tests.

use super::{Record, Store, StoreError, StoredAttempt, StoredRun};
use crate::run::Event;

/// Keeps the events of runs until it is dropped. It lists no run: nothing outlives the process that
/// could ask.
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

    fn last_event(&self, run_id: &str) -> Result<Option<Event>, StoreError> {
        Ok(self.events(run_id)?.pop())
    }

    fn runs(&self) -> Result<Vec<StoredRun>, StoreError> {
        Ok(Vec::new())
    }

    fn attempts(&self, _: &str) -> Result<Vec<StoredAttempt>, StoreError> {
        Ok(Vec::new())
    }

    fn remove(&mut self, run_ids: &[String]) -> Result<(), StoreError> {
        self.records.retain(|(run, _)| !run_ids.contains(run));
        Ok(())
    }
}
