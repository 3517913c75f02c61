//! What survives a power cut, and what follows a failed sync: on a disk that keeps only what was synced.

use std::{
    io,
    sync::{Mutex, MutexGuard},
};

use ::redb::StorageBackend;

use super::*;
use crate::store::tests::record;

/// A disk with a volatile cache.
#[derive(Clone, Debug, Default)]
struct Disk(Arc<Mutex<Contents>>);

#[derive(Debug, Default)]
struct Contents {
    cached: Vec<u8>,
    synced: Vec<u8>,
    broken: bool,
}

impl Disk {
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap()
    }

    /// The disk as it is after the power went: what was not synced is gone.
    fn after_power_cut(&self) -> Disk {
        let synced = self.contents().synced.clone();
        Disk(Arc::new(Mutex::new(Contents { cached: synced.clone(), synced, broken: false })))
    }

    fn store(&self) -> RedbStore {
        let database = Database::builder().create_with_backend(self.clone()).unwrap();
        RedbStore::start(database, |_| {}).unwrap()
    }
}

fn place(offset: u64, length: usize) -> std::ops::Range<usize> {
    let offset = usize::try_from(offset).unwrap();
    offset..offset + length
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.contents().cached.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let place = place(offset, out.len());
        out.copy_from_slice(&self.contents().cached[place]);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.contents().cached.resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut contents = self.contents();
        if contents.broken {
            return Err(io::ErrorKind::Other.into());
        }
        contents.synced = contents.cached.clone();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.contents().cached[place(offset, data.len())].copy_from_slice(data);
        Ok(())
    }
}

#[tokio::test]
async fn what_was_answered_survives_a_power_cut() {
    let disk = Disk::default();
    let store = disk.store();
    let mut before = None;
    for size in 1..=20 {
        let record = record(size, "a", size);
        let update = Update { before, record: record.clone() };
        assert!(matches!(store.update(update).await.unwrap(), Outcome::Written));
        // At the very moment of the answer.
        assert_eq!(disk.after_power_cut().store().records().unwrap(), std::slice::from_ref(&record));
        before = Some(record.head());
    }
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_written_any_more() {
    let disk = Disk::default();
    let store = disk.store();
    let first = record(1, "a", 1);
    store.update(Update { before: None, record: first.clone() }).await.unwrap();

    disk.contents().broken = true;
    let second = Update { before: Some(first.head()), record: record(2, "a", 2) };
    assert!(matches!(store.update(second.clone()).await, Err(StoreError::Database(_))));
    // The disk works again, but what the failed sync left on it is not known.
    disk.contents().broken = false;
    assert!(matches!(store.update(second).await, Err(StoreError::Stopped)));
    assert_eq!(disk.after_power_cut().store().records().unwrap(), [first]);
}
