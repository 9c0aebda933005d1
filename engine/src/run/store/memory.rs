//! A store that forgets: `--no-store`, and tests.

use super::{Record, Store, StoreError, StoredAttempt, StoredRun};
use crate::run::Event;

/// Keeps nothing: nothing outlives the process that could ask.
#[derive(Debug, Default)]
pub struct MemoryStore;

impl Store for MemoryStore {
    fn write(&mut self, _: &str, _: &[Record]) -> Result<(), StoreError> {
        Ok(())
    }

    fn events(&self, _: &str) -> Result<Vec<Event>, StoreError> {
        Ok(Vec::new())
    }

    fn last_event(&self, _: &str) -> Result<Option<Event>, StoreError> {
        Ok(None)
    }

    fn runs(&self) -> Result<Vec<StoredRun>, StoreError> {
        Ok(Vec::new())
    }

    fn attempts(&self, _: &str) -> Result<Vec<StoredAttempt>, StoreError> {
        Ok(Vec::new())
    }

    fn remove(&mut self, _: &[String]) -> Result<(), StoreError> {
        Ok(())
    }
}
