//! Many small tables become few.
//!
//! Each start writes what the WAL still holds into tables, one a family, which may be a few hundred bytes. Where keys only
//! grow no two of them overlap, so RocksDB's own compactions move them from level to level without ever joining them: a
//! log that is started often would collect one for each start, and read the list of them all at the next.

use super::{RocksStore, keys};
use crate::store::StoreError;
use rocksdb::{BottommostLevelCompaction, CompactOptions, LiveFile};

/// So many neighbours are joined; fewer do no harm.
const MANY: usize = 64;
/// A table below this size is small: half of a whole one would be 32 MiB.
const SMALL: usize = 1 << 20;

impl RocksStore {
    /// Joins runs of small tables, at the start. Bounded work: each table is below a mebibyte, and what was joined is
    /// small no longer once there is enough of it.
    ///
    /// CRASH: a compaction of RocksDB: the old tables stay until the new one is whole, synced and in the manifest.
    pub(crate) fn join_small_tables(&self) -> Result<(), StoreError> {
        self.join_runs_of(MANY)
    }

    fn join_runs_of(&self, many: usize) -> Result<(), StoreError> {
        for family in keys::FAMILIES {
            for run in runs(self.tables(family)?, many) {
                tracing::info!(family, tables = run.len(), "small tables are joined");
                let (first, last) = (run.first(), run.last());
                let (from, to) =
                    (first.and_then(|t| t.start_key.clone()), last.and_then(|t| t.end_key.clone()));
                let mut compact = CompactOptions::default();
                compact.set_bottommost_level_compaction(BottommostLevelCompaction::Force);
                self.engine.known()?.compact_range_cf_opt(self.family(family), from, to, &compact);
            }
        }
        // The binding doesn't say whether a compaction failed; RocksDB counts it.
        super::Store::health(self)
    }

    fn tables(&self, family: &str) -> Result<Vec<LiveFile>, StoreError> {
        let live = self.engine.known()?.live_files();
        let live = live.map_err(|source| StoreError::Engine { step: "listing files", source })?;
        Ok(live.into_iter().filter(|file| file.column_family_name == family).collect())
    }
}

/// Neighbours in the order of their keys that are all small, if there are many of them.
fn runs(mut tables: Vec<LiveFile>, many: usize) -> Vec<Vec<LiveFile>> {
    tables.sort_by(|a, b| a.start_key.cmp(&b.start_key));
    let mut runs = vec![Vec::new()];
    for table in tables {
        match (table.size < SMALL, runs.last_mut()) {
            (true, Some(run)) => run.push(table),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|run| run.len() >= many);
    runs
}

#[cfg(test)]
mod tests {
    use super::*;
    use rocksdb::WriteBatch;
    use treering_tlog::checkpoint::Origin;

    #[test]
    fn small_tables_of_many_starts_become_one_and_hold_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let open = || RocksStore::open(dir.path(), &Origin::new("log.example/1").unwrap(), 1 << 20).unwrap();
        const STARTS: u64 = 12;
        for start in 0..STARTS {
            let store = open();
            let mut batch = WriteBatch::default();
            batch.put_cf(
                store.family(keys::RECEIPTS),
                keys::receipt(&treering_tlog::hash::sha256(b"a"), start),
                [7; 8],
            );
            batch.put_cf(
                store.family(keys::CHECKPOINTS),
                keys::published(treering_tlog::tree::TreeSize::new(start).unwrap()),
                b"",
            );
            store.write("testing", batch).unwrap();
        }
        let store = open();
        let count = |family| store.tables(family).unwrap().len();
        let before = count(keys::CHECKPOINTS);
        assert!(before >= 6, "{before} tables: RocksDB joins them by itself, and this is needed no longer");
        store.join_runs_of(before + 1).unwrap();
        assert_eq!(count(keys::CHECKPOINTS), before, "fewer than many are left alone");
        store.join_runs_of(2).unwrap();
        assert_eq!((count(keys::CHECKPOINTS), count(keys::RECEIPTS)), (1, 1));
        assert_eq!(store.published_sizes().count() as u64, STARTS);
        assert_eq!(store.receipt_rows().count() as u64, STARTS);
        drop(store);
        assert_eq!(open().receipt_rows().filter_map(Result::ok).count() as u64, STARTS);
    }
}
