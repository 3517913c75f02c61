//! Records in one redb file, written by one thread that lets many logs' updates share a sync.
//!
//! The writer takes every update that is waiting into one transaction, decides each by what stands in that
//! transaction, commits it durably, and only then answers them all. While it syncs, the next group gathers.
//!
//! What is durable: `Durability::Immediate` with two-phase commit means that the new state is written and synced, then
//! the bit that makes it the valid one is flipped and synced again, so that after a crash the file holds a whole state
//! and not one that only looks whole by its (non-cryptographic) checksums. What this does not cover: a disk that
//! acknowledges a sync that it did not do.

mod file;

use std::{
    fmt,
    path::Path,
    sync::Arc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ::redb::{Database, Durability, ReadableDatabase as _, ReadableTable, TableDefinition};
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use treering_tlog::note::VerifierKey;

use super::{Outcome, Record, Store, StoreError, Update, may_follow, record::decode_standing};

/// Origin to record.
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
/// Updates that may wait for the writer; more wait outside, in `update`.
const QUEUE: usize = 1024;
/// Updates that share one transaction at most, so that no one waits for an endless group.
const MAX_GROUP: usize = 1024;
/// One group that was committed, for metrics.
#[derive(Clone, Copy, Debug)]
pub struct Commit {
    /// How many updates shared it.
    pub updates: usize,
    /// How long checks, writes and syncs took.
    pub took: Duration,
}

/// Records in a redb file.
pub struct RedbStore {
    database: Arc<Database>,
    /// `None` only while it is dropped.
    queue: Option<mpsc::Sender<Pending>>,
    writer: Option<JoinHandle<()>>,
}

struct Pending {
    update: Update,
    answer: oneshot::Sender<Result<Outcome, StoreError>>,
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").finish_non_exhaustive()
    }
}

impl RedbStore {
    /// Makes a new, empty store for these keys: once, when the keys are made.
    ///
    /// # Errors
    /// There is a file already, or it can't be written.
    pub fn create(path: &Path, keys: &[VerifierKey]) -> Result<(), StoreError> {
        file::create(path, keys)
    }

    /// Opens the store of these keys, which must be there, and starts the writer. `observe` is called after every commit.
    ///
    /// # Errors
    /// It isn't there or is empty, it is damaged, it was made for other keys, or another process has it.
    pub fn open(
        path: &Path,
        keys: &[VerifierKey],
        observe: impl Fn(Commit) + Send + 'static,
    ) -> Result<RedbStore, StoreError> {
        RedbStore::start(file::open(path, keys)?, observe)
    }

    fn start(database: Database, observe: impl Fn(Commit) + Send + 'static) -> Result<RedbStore, StoreError> {
        let database = Arc::new(database);
        let (queue, waiting) = mpsc::channel(QUEUE);
        let writer = {
            let database = Arc::clone(&database);
            thread::Builder::new()
                .name("witness-store".to_owned())
                .spawn(move || write_groups(&database, waiting, observe))
                .map_err(|error| StoreError::Thread(Arc::new(error)))?
        };
        Ok(RedbStore { database, queue: Some(queue), writer: Some(writer) })
    }
}

impl Store for RedbStore {
    fn records(&self) -> Result<Vec<Record>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        // INVARIANT: the table is made with the file. One that is gone is an error, and not "no records".
        let table = transaction.open_table(RECORDS).map_err(failed)?;
        let mut records = Vec::new();
        for row in table.iter().map_err(failed)? {
            let (origin, bytes) = row.map_err(failed)?;
            records.push(decode(origin.value(), bytes.value())?);
        }
        Ok(records)
    }

    fn update(&self, update: Update) -> BoxFuture<'_, Result<Outcome, StoreError>> {
        Box::pin(async move {
            let queue = self.queue.as_ref().ok_or(StoreError::Stopped)?;
            let (answer, answered) = oneshot::channel();
            queue.send(Pending { update, answer }).await.map_err(|_| StoreError::Stopped)?;
            answered.await.unwrap_or(Err(StoreError::Stopped))
        })
    }
}

impl Drop for RedbStore {
    /// Lets the writer finish what is queued, so that the file is free when this returns.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the store's writer panicked");
        }
    }
}

/// Runs until the queue is closed and empty, or the store fails.
fn write_groups(database: &Database, mut waiting: mpsc::Receiver<Pending>, observe: impl Fn(Commit)) {
    while let Some(first) = waiting.blocking_recv() {
        let mut group = vec![first];
        while group.len() < MAX_GROUP
            && let Ok(next) = waiting.try_recv()
        {
            group.push(next);
        }
        let started = Instant::now();
        let (updates, answers): (Vec<_>, Vec<_>) = group.into_iter().map(|p| (p.update, p.answer)).unzip();
        match write_group(database, &updates) {
            Ok(outcomes) => {
                observe(Commit { updates: updates.len(), took: started.elapsed() });
                // INVARIANT: no one is answered before the transaction that holds their record is durable. One who
                // no longer listens has lost nothing: the record stands.
                for (answer, outcome) in answers.into_iter().zip(outcomes) {
                    let _ = answer.send(Ok(outcome));
                }
            }
            Err(error) => {
                // INVARIANT: after a failed write or sync no one knows what is on the disk. Ending here closes the
                // queue, so nothing is signed until the file has been opened and read afresh.
                for answer in answers {
                    let _ = answer.send(Err(error.clone()));
                }
                return;
            }
        }
    }
}

/// One transaction: each update is decided by what stands there at its turn, and all of them are durable together.
fn write_group(database: &Database, updates: &[Update]) -> Result<Vec<Outcome>, StoreError> {
    let mut transaction = database.begin_write().map_err(failed)?;
    transaction.set_durability(Durability::Immediate).map_err(failed)?;
    transaction.set_two_phase_commit(true);
    let mut outcomes = Vec::with_capacity(updates.len());
    {
        let mut table = transaction.open_table(RECORDS).map_err(failed)?;
        for update in updates {
            outcomes.push(compare_and_set(&mut table, update)?);
        }
    }
    if outcomes.iter().any(|outcome| matches!(outcome, Outcome::Written)) {
        transaction.commit().map_err(failed)?;
    } else {
        transaction.abort().map_err(failed)?;
    }
    Ok(outcomes)
}

fn compare_and_set(
    table: &mut ::redb::Table<'_, &'static str, &'static [u8]>,
    update: &Update,
) -> Result<Outcome, StoreError> {
    let origin = update.record.origin();
    if let Some(bytes) = table.get(origin.as_str()).map_err(failed)? {
        let standing = decode_standing(bytes.value()).map_err(|error| StoreError::record(origin, error))?;
        if !may_follow(update, Some(&standing)) {
            let current = decode(origin.as_str(), bytes.value())?;
            return Ok(Outcome::Conflict(Some(Box::new(current))));
        }
    } else if !may_follow(update, None) {
        return Ok(Outcome::Conflict(None));
    }
    table.insert(origin.as_str(), update.record.encode().as_slice()).map_err(failed)?;
    Ok(Outcome::Written)
}

fn decode(origin: &str, bytes: &[u8]) -> Result<Record, StoreError> {
    Record::decode(origin, bytes).map_err(|source| StoreError::Record { origin: origin.to_owned(), source })
}

fn failed(error: impl Into<::redb::Error>) -> StoreError {
    StoreError::Database(Arc::new(error.into()))
}

#[cfg(test)]
mod tests;
