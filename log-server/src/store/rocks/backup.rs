//! Copies of a store as it is at one moment, while the log goes on: RocksDB's checkpoints.
//!
//! Table files are linked where that is possible, and copied to another file system; the rest is copied. What waits in
//! memory is written to tables first, so that the copy holds all that was acknowledged.

use super::RocksStore;
use crate::{beside, store::StoreError};
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
    File::open(beside::folder(copy))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the copy of a migration is, where `log.toml` is named without a folder.
    #[test]
    fn a_copy_may_be_named_without_its_folder() {
        let copy = tempfile::Builder::new().prefix("treering-test-").tempdir_in(".").unwrap();
        fs::write(copy.path().join("table"), b"x").unwrap();
        sync(Path::new(copy.path().file_name().unwrap())).unwrap();
    }
}
