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
        // What was written before this moment may hold the commitments. A compaction that failed leaves its inputs where
        // they are, and the binding does not tell: so the files themselves are asked for.
        let mut doomed = self.files_ending("log")?;
        let mut flush = FlushOptions::default();
        flush.set_wait(true);
        let families: Vec<_> = keys::FAMILIES.iter().map(|name| self.family(name)).collect();
        // Every family: a WAL file goes only when no family needs it any longer.
        let db = self.engine.known()?;
        db.flush_cfs_opt(&families, &flush).map_err(engine)?;
        doomed.extend(self.tables_that_may_hold(&[keys::SMALL, keys::INTAKE])?);
        let mut compact = CompactOptions::default();
        compact.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
        for family in [keys::SMALL, keys::INTAKE] {
            db.compact_range_cf_opt(self.family(family), None::<&[u8]>, None::<&[u8]>, &compact);
        }
        if !self.are_gone(&doomed)? {
            return Ok(false);
        }
        let mut batch = WriteBatch::default();
        batch.put_cf(self.family(keys::META), keys::META_WINDOW_CLOSED, entry.to_be_bytes());
        self.write("closing the token window", batch)?;
        Ok(true)
    }

    /// The table files of these families, and those that are obsolete and not deleted yet.
    fn tables_that_may_hold(&self, families: &[&str]) -> Result<HashSet<OsString>, StoreError> {
        let mut tables = self.files_ending("sst")?;
        let live = self
            .engine
            .known()?
            .live_files()
            .map_err(|source| StoreError::Engine { step: "listing files", source })?;
        for file in live.iter().filter(|file| !families.contains(&file.column_family_name.as_str())) {
            tables.remove(&OsString::from(file.name.trim_start_matches('/')));
        }
        Ok(tables)
    }

    fn are_gone(&self, doomed: &HashSet<OsString>) -> Result<bool, StoreError> {
        for _ in 0..TRIES {
            let mut there = self.files_ending("log")?;
            there.extend(self.files_ending("sst")?);
            if there.is_disjoint(doomed) {
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
