//! RocksDB, behind the question that stands before each use of it: is what this process believes of the disk true?
//!
//! A write that failed may be on the disk, whole, in part, or not at all, and nobody can tell: a second sync may even succeed
//! over pages that the kernel has dropped. So one failure makes the state *unknown*, and that is a state of this type:
//! INVARIANT: an [`Engine`] whose write has failed gives its database to nobody any more, neither for reading nor for writing.
//! Nothing makes it known again; the only way to a known one is [`Engine::new`] on a database that was opened anew, which
//! is what the next process does before it believes anything (`recover`).

use crate::{
    broken::{Promise, is_broken},
    store::StoreError,
};
use rocksdb::{ColumnFamily, DB, IteratorMode, WriteBatch, WriteOptions};
use std::sync::atomic::{AtomicBool, Ordering};

/// A database, and whether its state is known.
#[derive(Debug)]
pub(super) struct Engine {
    db: DB,
    /// INVARIANT: from true to false once, by the first write that fails, and never back.
    is_known: AtomicBool,
    /// INVARIANT: from true to false once, when the store is closed, and never back.
    takes_writes: AtomicBool,
}

impl Engine {
    /// Of a database that was just opened; a copy takes no writes.
    pub(super) fn new(db: DB, takes_writes: bool) -> Engine {
        Engine { db, is_known: AtomicBool::new(true), takes_writes: AtomicBool::new(takes_writes) }
    }

    /// The database, as long as its state is known.
    pub(super) fn known(&self) -> Result<&DB, StoreError> {
        if self.is_known.load(Ordering::SeqCst) { Ok(&self.db) } else { Err(StoreError::Poisoned) }
    }

    pub(super) fn family(&self, name: &'static str) -> &ColumnFamily {
        self.db.cf_handle(name).expect("open() opens every family in keys::FAMILIES")
    }

    /// INVARIANT 1 and 4: every batch is one atomic write that is on disk when this returns. `sync` is off by
    /// default in RocksDB, and without it an acknowledged submission would live in the page cache only.
    pub(super) fn write(&self, step: &'static str, batch: WriteBatch) -> Result<(), StoreError> {
        let db = self.known()?;
        if !self.takes_writes.load(Ordering::SeqCst) {
            return Err(StoreError::Closed);
        }
        let mut options = WriteOptions::default();
        options.set_sync(!is_broken(Promise::Sync));
        // CRASH: before this line nothing of the batch is there; after it all of it is.
        match db.write_opt(batch, &options) {
            Err(source) if !is_broken(Promise::Failure) => {
                self.is_known.store(false, Ordering::SeqCst);
                // At once, and here: another thread may be the first to end the process, and it knows of an earlier write only.
                tracing::error!(step, error = %source, "a write of the store has failed");
                Err(StoreError::Engine { step, source })
            }
            _ => Ok(()),
        }
    }

    /// The rows of a family in the order of their keys, whatever its prefixes; one error and no row if the state is unknown.
    pub(super) fn rows<'s>(
        &'s self,
        step: &'static str,
        family: &'static str,
        mode: IteratorMode<'_>,
    ) -> impl Iterator<Item = Result<Row, StoreError>> + use<'s> {
        let (rows, refused) = match self.known() {
            Ok(db) => (Some(db.full_iterator_cf(self.family(family), mode)), None),
            Err(error) => (None, Some(Err(error))),
        };
        let rows = rows.into_iter().flatten();
        refused
            .into_iter()
            .chain(rows.map(move |row| row.map_err(|source| StoreError::Engine { step, source })))
    }

    /// No more writes; what is being written in the background ends.
    pub(super) fn close(&self) {
        self.takes_writes.store(false, Ordering::SeqCst);
        self.db.cancel_all_background_work(true);
    }
}

/// Key and value.
pub(super) type Row = (Box<[u8]>, Box<[u8]>);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{RocksStore, rocks::keys};
    use treering_tlog::checkpoint::Origin;

    #[test]
    fn after_a_failed_write_nothing_is_known_until_the_store_is_opened_anew() {
        let (dir, origin) = (tempfile::tempdir().unwrap(), Origin::new("log.example/1").unwrap());
        drop(RocksStore::open(dir.path(), &origin, 1 << 20).unwrap());
        // RocksDB itself writes nothing to what it opened for reading: a write that fails, without a disk that does.
        let copy = || RocksStore::open_copy(dir.path(), &origin).unwrap();
        let store = copy();
        let write = || store.engine.write("testing", WriteBatch::default());
        assert!(matches!(write(), Err(StoreError::Closed)));
        assert!(store.get(keys::META, keys::META_FORMAT).unwrap().is_some(), "a refusal leaves it known");
        store.engine.takes_writes.store(true, Ordering::SeqCst);
        assert!(matches!(write(), Err(StoreError::Engine { step: "testing", .. })));
        // From here on: nothing.
        assert!(matches!(write(), Err(StoreError::Poisoned)));
        assert!(matches!(store.engine.known(), Err(StoreError::Poisoned)));
        assert!(matches!(store.get(keys::META, keys::META_FORMAT), Err(StoreError::Poisoned)));
        let rows: Vec<_> = store.engine.rows("testing", keys::META, IteratorMode::Start).collect();
        assert!(matches!(rows[..], [Err(StoreError::Poisoned)]), "{rows:?}");
        store.engine.close();
        assert!(matches!(store.engine.known(), Err(StoreError::Poisoned)));
        drop(store);
        assert!(copy().get(keys::META, keys::META_FORMAT).unwrap().is_some());
    }
}
