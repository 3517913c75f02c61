//! One opening of a store at a time.
//!
//! RocksDB has a lock of its own, and takes it while it opens; but before that its files are looked through, and a torn write may
//! be cut off ([`super::look`]), which must never be done to a log that runs. So there is a lock on the directory (flock) from
//! before the look until the store is closed. Programs of before that have RocksDB's alone: it is tried, too.

use crate::store::StoreError;
use rustix::fs::{FlockOperation, fcntl_lock};
use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::Path,
};

/// Held until it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _directory: File,
}

/// Takes the lock of a store, whose directory is made if there is none.
///
/// # Errors
/// [`StoreError::InUse`] if somebody has it, this process as well.
pub(super) fn take(store: &Path) -> Result<Lock, StoreError> {
    let failed = |source| StoreError::File { step: "locking it", source };
    let in_use = || StoreError::InUse { path: store.display().to_string() };
    let directory = fs::create_dir_all(store).and_then(|()| File::open(store)).map_err(failed)?;
    match directory.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(in_use()),
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // INVARIANT: this process has no lock on that file yet, or it would lose it when this one is closed (fcntl).
    match OpenOptions::new().write(true).open(store.join("LOCK")) {
        Ok(file) => match fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => return Err(in_use()),
            Err(error) => return Err(failed(error.into())),
        },
        // Not a store yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(failed(source)),
    }
    Ok(Lock { _directory: directory })
}
