//! What survives a power cut, and what follows a failed sync: on a disk that keeps only what was synced.

use std::{
    io,
    sync::{Mutex, MutexGuard},
};

use ::redb::StorageBackend;

use super::*;
use crate::store::tests::{head, own_key, record, record_of};

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
        let is_new = self.contents().cached.is_empty();
        let database = file::builder().create_with_backend(self.clone()).unwrap();
        if is_new {
            file::mark(&database, &[own_key()]).unwrap();
        }
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
        let contents = self.contents();
        out.copy_from_slice(contents.cached.get(place).ok_or(io::ErrorKind::UnexpectedEof)?);
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
        let mut contents = self.contents();
        let place = place(offset, data.len());
        let length = contents.cached.len().max(place.end);
        contents.cached.resize(length, 0);
        contents.cached[place].copy_from_slice(data);
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

/// A store's file, once it was closed, and once it was not; and what is in it.
fn at_rest() -> ([(&'static str, Vec<u8>); 2], Vec<Record>) {
    let disk = Disk::default();
    let store = disk.store();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut before = vec![None; 40];
    for size in 1..=3 {
        for (log, before) in before.iter_mut().enumerate() {
            let record = record_of(&format!("log {log}"), head(size, "a"), size);
            let update = Update { before: before.replace(record.head()), record };
            assert!(matches!(runtime.block_on(store.update(update)).unwrap(), Outcome::Written));
        }
    }
    let mut records = store.records().unwrap();
    records.sort_by(|a, b| a.origin().cmp(b.origin()));
    let killed = disk.contents().synced.clone();
    drop(store);
    let closed = disk.contents().cached.clone();
    ([("closed", closed), ("killed", killed)], records)
}

/// What the store of these bytes holds; an error if it isn't opened.
fn opened(bytes: Vec<u8>) -> Result<Vec<Record>, StoreError> {
    let disk = Disk(Arc::new(Mutex::new(Contents { cached: bytes.clone(), synced: bytes, broken: false })));
    let database = file::builder().create_with_backend(disk).map_err(failed)?;
    file::claim(&database, Path::new("witness.redb"), &[own_key()])?;
    let mut records = RedbStore::start(database, |_| {})?.records()?;
    records.sort_by(|a, b| a.origin().cmp(b.origin()));
    Ok(records)
}

/// Whatever is flipped in the file at rest: it is refused, or holds the very same records. A log that is missing would be
/// cosigned from its beginning, and an older record from there.
#[test]
fn damage_at_rest_is_refused_or_nothing_is_lost_by_it() {
    /// Of the file's header, which no page's checksum covers.
    const HEADER: usize = 320;
    /// The bit of it that says which of the two states is the valid one.
    const VALID: (usize, u8) = (9, 1);
    let (files, records) = at_rest();
    let tries = std::env::var("TREERING_STORE_DAMAGES").map_or(300, |count| count.parse().expect("a number"));
    for (how, bytes) in files {
        assert_eq!(opened(bytes.clone()).unwrap(), records, "{how}");
        let used: Vec<usize> = (HEADER..bytes.len()).filter(|place| bytes[*place] != 0).collect();
        assert!(used.len() > 10_000, "{how}: {}", used.len());
        let header = (0..HEADER).flat_map(|place| (0..8).map(move |bit| (place, 1_u8 << bit)));
        let random = (0..tries).map(|_| {
            let number = |below: usize| usize::try_from(getrandom::u64().unwrap() % below as u64).unwrap();
            (used[number(used.len())], 1 << number(8))
        });
        let mut refused = 0;
        for (place, bit) in header.chain(random) {
            // After a kill, a state that was written and not yet made the valid one looks the same as this: nothing of it
            // was signed, and nobody can tell which it is. What the logs publish can.
            if how == "killed" && (place, bit) == VALID {
                continue;
            }
            let mut damaged = bytes.clone();
            damaged[place] ^= bit;
            match opened(damaged) {
                Ok(read) => assert!(read == records, "{how}: byte {place} ^ {bit}: records are lost"),
                Err(_) => refused += 1,
            }
        }
        assert!(refused > tries / 2, "{how}: only {refused} were refused");
    }
}
