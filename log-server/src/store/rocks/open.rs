//! Opening RocksDB with the settings that a log needs; each line says what would go wrong without it.

use super::{RocksStore, engine::Engine, keys, lock, look, migrate, settings};
use crate::store::StoreError;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBRecoveryMode, IteratorMode, Options,
    SliceTransform, WriteBatch,
};
use std::path::Path;
use treering_tlog::checkpoint::Origin;

/// The version of the layout in [`keys`].
pub(super) const FORMAT: u32 = 3;
/// For a copy that is looked at once.
const COPY_CACHE: usize = 16 << 20;
/// All memtables together; the WAL's bound follows from it.
const WRITE_BUFFERS: usize = 64 << 20;
/// Bounds recovery: no more than this is read again after a crash.
const MAX_WAL: u64 = 128 << 20;
/// As RocksDB reports them.
pub(super) const WRITE_BUFFERS_TEXT: &str = "67108864";
pub(super) const MAX_WAL_TEXT: &str = "134217728";

impl RocksStore {
    /// Opens the store of a log, or makes it if there is none.
    ///
    /// # Errors
    /// In use by another process, of another origin or format, or damaged: RocksDB refuses to open rather than to
    /// go back behind what was synced. Or not set as it has to be.
    pub fn open(path: &Path, origin: &Origin, cache_bytes: usize) -> Result<RocksStore, StoreError> {
        let store = RocksStore::open_unclaimed(path, cache_bytes)?;
        store.claim(origin)?;
        Ok(store)
    }

    /// Opens a copy of a store, and writes nothing to it.
    ///
    /// # Errors
    /// As [`RocksStore::open`].
    pub(crate) fn open_copy(path: &Path, origin: &Origin) -> Result<RocksStore, StoreError> {
        let store = RocksStore::open_copy_unclaimed(path)?;
        store.claim(origin)?;
        Ok(store)
    }

    pub(super) fn open_copy_unclaimed(path: &Path) -> Result<RocksStore, StoreError> {
        // A write at its end that was being written when it was made is left out by RocksDB: nothing is cut off here.
        look::look_at_copy(path)?;
        let cache = Cache::new_lru_cache(COPY_CACHE);
        let family = |name: &&str| ColumnFamilyDescriptor::new(*name, family_options(name, &cache));
        let families = keys::FAMILIES.iter().map(family);
        let db = DB::open_cf_descriptors_read_only(&db_options()?, path, families, false)
            .map_err(|source| StoreError::Engine { step: "opening a copy", source })?;
        // Nothing is ever written through this.
        Ok(RocksStore { engine: Engine::new(db, false), path: path.to_owned(), cut: None, _lock: None })
    }

    /// Without a look at what the store says of itself.
    pub(super) fn open_unclaimed(path: &Path, cache_bytes: usize) -> Result<RocksStore, StoreError> {
        RocksStore::open_with(path, cache_bytes, &db_options()?)
    }

    /// Whatever the settings are, they have to be those that a log needs.
    fn open_with(path: &Path, cache_bytes: usize, options: &Options) -> Result<RocksStore, StoreError> {
        // INVARIANT: nobody else has it from here on; what is being written to it would look torn.
        let lock = lock::take(path)?;
        let cut = look::look(path)?;
        if let Some(torn) = &cut {
            tracing::warn!("{torn}");
            look::cut(torn)?;
        }
        let cache = Cache::new_lru_cache(cache_bytes);
        let family = |name: &&str| ColumnFamilyDescriptor::new(*name, family_options(name, &cache));
        let opened = DB::open_cf_descriptors(options, path, keys::FAMILIES.iter().map(family));
        let db = opened.map_err(|source| {
            // Only the lock's own file is named so; "block checksum mismatch" is damage, and must stay visible as such.
            if source.to_string().contains("/LOCK: ") {
                StoreError::InUse { path: path.display().to_string() }
            } else {
                StoreError::Engine { step: "opening", source }
            }
        })?;
        settings::assert(path)?;
        Ok(RocksStore { engine: Engine::new(db, true), path: path.to_owned(), cut, _lock: Some(lock) })
    }

    fn is_empty(&self) -> Result<bool, StoreError> {
        for name in keys::FAMILIES {
            let mut rows = self.engine.rows("opening", name, IteratorMode::Start);
            if rows.next().transpose()?.is_some() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What was cut off when this was opened, as a power cut leaves it, if anything was: whoever asks for more than a start has to
    /// tell it.
    pub(crate) fn cut(&self) -> Option<String> {
        self.cut.as_ref().map(ToString::to_string)
    }

    /// Is there a store at this path?
    pub fn exists(path: &Path) -> bool {
        path.join("CURRENT").exists()
    }

    /// Writes origin and format into a new store, or checks them.
    pub(super) fn claim(&self, origin: &Origin) -> Result<(), StoreError> {
        match self.get(keys::META, keys::META_FORMAT)? {
            None if !self.is_empty()? => {
                return Err(StoreError::Damaged { what: "there are records, but no format".into() });
            }
            None => {
                let mut batch = WriteBatch::default();
                batch.put_cf(self.family(keys::META), keys::META_FORMAT, FORMAT.to_be_bytes());
                batch.put_cf(self.family(keys::META), keys::META_ORIGIN, origin.as_str());
                return self.write("making the store", batch);
            }
            Some(bytes) => match (format(bytes)?, self.get(keys::META, keys::META_MIGRATING)?) {
                (FORMAT, None) => {}
                (FORMAT, Some(bytes)) => {
                    return Err(StoreError::Older { found: format(bytes)?, known: FORMAT });
                }
                (found, _) if found < FORMAT && migrate::knows(found) => {
                    return Err(StoreError::Older { found, known: FORMAT });
                }
                (found, _) => return Err(StoreError::Format { found, known: FORMAT }),
            },
        }
        self.belongs_to(origin)
    }

    /// The store says that it is this log's.
    pub(super) fn belongs_to(&self, origin: &Origin) -> Result<(), StoreError> {
        let found = self.get(keys::META, keys::META_ORIGIN)?.unwrap_or_default();
        if found == origin.as_str().as_bytes() {
            return Ok(());
        }
        let found = String::from_utf8_lossy(&found).into_owned();
        Err(StoreError::OtherOrigin { found, wanted: origin.to_string() })
    }
}

fn format(bytes: Vec<u8>) -> Result<u32, StoreError> {
    let four: Result<[u8; 4], _> = bytes.try_into();
    four.map(u32::from_be_bytes)
        .map_err(|_| StoreError::Damaged { what: "the format is not four bytes".into() })
}

fn db_options() -> Result<Options, StoreError> {
    // RocksDB takes its work up again by itself after some failed writes; here a failed one ends the process. This setting
    // has no function of its own, and stands first since it makes the options anew.
    let mut options = Options::default()
        .get_options_from_string("max_bgerror_resume_count=0")
        .map_err(|source| StoreError::Engine { step: "making the settings", source })?;
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    // The default (kPointInTimeRecovery) cuts the WAL at the first damage and opens without a word: synced entries
    // below a signed head would be gone, and the next one signed would be a fork. This mode refuses to open instead.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    // Closed WAL files are listed in the manifest, so that one that is missing or short is noticed.
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_paranoid_checks(true);
    // A WAL write that fails between column families must not be retried by a later flush of the buffer.
    options.set_manual_wal_flush(false);
    // Recycled WAL files have lost data in RocksDB's own crash tests.
    options.set_recycle_log_file_num(0);
    options.set_max_total_wal_size(MAX_WAL);
    options.set_db_write_buffer_size(WRITE_BUFFERS);
    // Obsolete WAL files are deleted at once, never archived: what the token window deletes was in them too.
    options.set_wal_ttl_seconds(0);
    options.set_wal_size_limit_mb(0);
    options.set_keep_log_file_num(4);
    options.set_max_open_files(512);
    options.set_max_background_jobs(2);
    Ok(options)
}

fn family_options(name: &str, cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_format_version(5);
    let mut options = Options::default();
    options.set_write_buffer_size(16 << 20);
    if name == keys::RECEIPTS {
        // Nearly every look-up is of a root that is not there: ten bits a key answer it without a read. The prefix is
        // the whole root: 32 bytes, since a shorter key would let a colliding root get another's receipt.
        options.set_prefix_extractor(SliceTransform::create_fixed_prefix(32));
        blocks.set_bloom_filter(10.0, false);
        // The same for what is not in a table yet.
        options.set_memtable_prefix_bloom_ratio(0.1);
    }
    options.set_block_based_table_factory(&blocks);
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_opened_with_a_wrong_setting_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open = |options: &Options| RocksStore::open_with(dir.path(), 1 << 20, options);
        let refused = |change: fn(&mut Options), wanted: &str| {
            let mut options = db_options().unwrap();
            change(&mut options);
            match open(&options) {
                Err(StoreError::Setting { name, .. }) => assert_eq!(name, wanted),
                other => panic!("{wanted}: {other:?}"),
            }
        };
        // Of a store that is made, and of one that is there.
        for _ in 0..2 {
            refused(
                |options| options.set_wal_recovery_mode(DBRecoveryMode::PointInTime),
                "DBOptions wal_recovery_mode",
            );
            refused(|options| options.set_paranoid_checks(false), "DBOptions paranoid_checks");
            refused(|options| options.set_manual_wal_flush(true), "DBOptions manual_wal_flush");
            drop(open(&db_options().unwrap()).unwrap());
        }
    }
}
