//! Records in memory: for tests, and to say in few lines what a [`Store`] is. Nothing here is durable.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use futures_util::future::BoxFuture;
use treering_tlog::checkpoint::Origin;

use super::{Outcome, Record, Store, StoreError, Update, may_follow};

/// Records in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    records: Mutex<HashMap<Origin, Record>>,
}

impl MemoryStore {
    /// Without records.
    pub fn new() -> MemoryStore {
        MemoryStore::default()
    }

    fn compare_and_set(&self, update: Update) -> Outcome {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let current = records.get(update.record.origin());
        if !may_follow(&update, current.map(Record::standing).as_ref()) {
            return Outcome::Conflict(current.cloned().map(Box::new));
        }
        records.insert(update.record.origin().clone(), update.record);
        Outcome::Written
    }
}

impl Store for MemoryStore {
    fn records(&self) -> Result<Vec<Record>, StoreError> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(records.values().cloned().collect())
    }

    fn update(&self, update: Update) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        Box::pin(async move { Ok(self.compare_and_set(update)) })
    }
}
