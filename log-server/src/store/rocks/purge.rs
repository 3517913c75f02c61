//! Deleting for good: what the token window closes over is gone from the disk, from the WAL's files too.

use super::{RocksStore, keys};
use crate::store::StoreError;
use rocksdb::{BottommostLevelCompaction, CompactOptions, FlushOptions, WriteBatch};
use std::{collections::HashSet, ffi::OsString, time::Duration};

/// RocksDB deletes obsolete files from its own threads shortly after a compaction returns.
const TRIES: u32 = 100;
const PAUSE: Duration = Duration::from_millis(20);

impl RocksStore {
    pub(super) fn purge_small(&self, entry: u64) -> Result<bool, StoreError> {
        let mut batch = WriteBatch::default();
        batch.delete_range_cf(self.family(keys::SMALL), [0_u8; 40], keys::small(entry, &ZERO));
        self.write("closing the token window", batch)?;
        // CRASH: from here on the commitments can't be read, but the files still hold them; `window_closed` is behind,
        // so that the next start does all of this again.
        let engine = |source| StoreError::Engine { step: "closing the token window", source };
        let logs_before = self.files_ending("log")?;
        let mut flush = FlushOptions::default();
        flush.set_wait(true);
        let families: Vec<_> = keys::FAMILIES.iter().map(|name| self.family(name)).collect();
        // Every family: a WAL file goes only when no family needs it any longer.
        self.db.flush_cfs_opt(&families, &flush).map_err(engine)?;
        let mut compact = CompactOptions::default();
        compact.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for family in [keys::SMALL, keys::INTAKE] {
            self.db.compact_range_cf_opt(self.family(family), None::<&[u8]>, None::<&[u8]>, &compact);
        }
        if !self.obsolete_files_are_gone(&logs_before)? {
            return Ok(false);
        }
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(keys::META), keys::META_WINDOW_CLOSED, entry.to_be_bytes());
        self.write("closing the token window", batch)?;
        Ok(true)
    }

    fn obsolete_files_are_gone(&self, logs_before: &HashSet<OsString>) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let logs = self.files_ending("log")?;
            let live = self
                .db
                .live_files()
                .map_err(|source| StoreError::Engine { step: "listing files", source })?;
            let live: HashSet<OsString> =
                live.into_iter().map(|file| OsString::from(file.name.trim_start_matches('/'))).collect();
            let tables = self.files_ending("sst")?;
            if logs.is_disjoint(logs_before) && tables.is_subset(&live) {
                return Ok(true);
            }
            std::thread::sleep(PAUSE);
        }
        Ok(false)
    }

    fn files_ending(&self, extension: &str) -> Result<HashSet<OsString>, StoreError> {
        let file = |source| StoreError::File { step: "listing files", source };
        let mut names = HashSet::new();
        for item in std::fs::read_dir(&self.path).map_err(file)? {
            let name = item.map_err(file)?.file_name();
            if std::path::Path::new(&name).extension().is_some_and(|e| e == extension) {
                names.insert(name);
            }
        }
        Ok(names)
    }
}

const ZERO: treering_tlog::hash::Hash = treering_tlog::hash::Hash::new([0; 32]);
