//! Copies of a store as it is at one moment, while the log goes on: RocksDB's checkpoints.
//!
//! Table files are linked where that is possible, and copied to another file system; the rest is copied. What waits in
//! memory is written to tables first, so that the copy holds all that was acknowledged.

use super::RocksStore;
use crate::store::StoreError;
use rocksdb::checkpoint::Checkpoint;
use std::{
    fs::{self, File},
    path::Path,
};

impl RocksStore {
    /// CRASH: RocksDB makes the copy under another name and renames it: it is there as a whole or not at all.
    pub(super) fn checkpoint_to(&self, to: &Path) -> Result<(), StoreError> {
        let engine = |source| StoreError::Engine { step: "making a backup", source };
        let db = self.engine.known()?;
        Checkpoint::new(db).and_then(|checkpoint| checkpoint.create_checkpoint(to)).map_err(engine)?;
        sync(to).map_err(|source| StoreError::File { step: "making a backup", source })
    }
}

/// A copy of a table to another file system is nobody's write, so RocksDB need not have synced it.
fn sync(copy: &Path) -> std::io::Result<()> {
    for item in fs::read_dir(copy)? {
        File::open(item?.path())?.sync_all()?;
    }
    File::open(copy)?.sync_all()?;
    copy.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())
}
