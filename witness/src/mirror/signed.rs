//! What this mirror has signed: of each log the last head, and when. It is a witness's record ([`crate::store`]), in a file
//! beside the keys.
//!
//! A copy can be lost and read again, and so can the records in its folder; what a key has signed can't. INVARIANT: a record
//! here is durable before its cosignature is anywhere, and nothing is signed that isn't a later state of the same history.
//! So a mirror whose copies are gone, or older, reads until it is where it was before, and signs nothing until then.

use std::{
    collections::HashMap,
    fmt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::runtime::Handle;
use treering_tlog::{
    checkpoint::Origin,
    note::{Note, VerifierKey},
    time::UnixSeconds,
};

use super::{MirrorFault, failure::Failure};
use crate::{
    cosigner::{OpenError, verify_record},
    key::WitnessKeys,
    store::{Outcome, Record, RedbStore, Store as _, Update},
};

/// The file, and what is in it.
pub(super) struct Signed {
    store: RedbStore,
    /// INVARIANT: each is durable.
    last: Mutex<HashMap<Origin, Record>>,
    failure: Arc<Failure>,
}

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signed").field("store", &self.store).finish_non_exhaustive()
    }
}

impl Signed {
    /// Opens the file of these keys, and verifies their cosignature in each record.
    pub(super) fn open(path: &Path, keys: &WitnessKeys, failure: Arc<Failure>) -> Result<Signed, OpenError> {
        let verifiers: Vec<VerifierKey> = keys.verifiers().cloned().collect();
        let store = RedbStore::open(path, &verifiers, |_| {})?;
        let mut last = HashMap::new();
        for record in store.records()? {
            verify_record(keys, &record)?;
            last.insert(record.origin().clone(), record);
        }
        Ok(Signed { store, last: Mutex::new(last), failure })
    }

    /// The last that was signed of a log.
    pub(super) fn last(&self, origin: &Origin) -> Option<Record> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).get(origin).cloned()
    }

    /// The last time that anything was signed.
    pub(super) fn last_time(&self) -> Option<UnixSeconds> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).values().map(Record::time).max()
    }

    /// Writes what was signed; durable when this returns. Blocks, away from the asynchronous world.
    ///
    /// The caller has checked that the tree grows out of that of [`Signed::last`], under the log's lock.
    pub(super) fn put(&self, note: Note, time: UnixSeconds) -> Result<(), MirrorFault> {
        let record = Record::new(note, time).map_err(|error| MirrorFault::Cosign(error.to_string()))?;
        let before = self.last(record.origin()).map(|record| record.head());
        let origin = record.origin().clone();
        let update = Update { before, record: record.clone() };
        match self.failure.note(Handle::current().block_on(self.store.update(update)))? {
            Outcome::Written => {
                let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
                last.insert(origin, record);
                Ok(())
            }
            Outcome::Conflict(_) => {
                Err(MirrorFault::Cosign(format!("{origin}: what is signed would not follow what was signed")))
            }
        }
    }
}
