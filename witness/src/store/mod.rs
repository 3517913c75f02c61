//! What the witness remembers: for each log the last checkpoint that it cosigned.
//!
//! A [`Record`] is written before its cosignature leaves, and a record never goes back. The check of what stands there
//! and the write of the new record are one step inside [`Store::update`]: that is where two racing requests meet, and
//! [`may_follow`] is the one rule that every implementation applies there.
//!
//! What this does not do: it does not verify signatures or consistency proofs. The caller has done that, against the
//! head that it names in [`Update::before`].

mod memory;
mod record;
mod redb;
#[cfg(test)]
mod tests;

use std::{fmt, io, path::PathBuf, sync::Arc};

use futures_util::future::BoxFuture;
use treering_tlog::{checkpoint::Origin, time::UnixSeconds, tree::TreeHead};

pub use memory::MemoryStore;
pub use record::{Record, RecordError};
pub use redb::{Commit, RedbStore};

/// Where records are kept. One process at a time has it.
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Every record, in no order.
    ///
    /// # Errors
    /// The store can't be read, or holds something that is not a record.
    fn records(&self) -> Result<Vec<Record>, StoreError>;

    /// Writes a record if [`may_follow`] allows it after the one that stands there *at that moment*: the check and
    /// the write are one atomic step. When this gives [`Outcome::Written`] the record is durable, and every later
    /// call, of this process or of the next, sees it or one that followed it.
    ///
    /// # Errors
    /// The store failed. What stands there is then unknown until it is opened afresh: every later update fails too.
    fn update(&self, update: Update) -> BoxFuture<'_, Result<Outcome, StoreError>>;
}

/// A record to write, and what the caller believes to stand there.
#[derive(Clone, Debug)]
pub struct Update {
    /// The head in the log's present record, against which the new one was checked; `None` if it has none.
    pub before: Option<TreeHead>,
    /// The new record.
    pub record: Record,
}

/// What came of an update.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The record is durable.
    Written,
    /// It was not written, because another record stands there: this one, or none.
    Conflict(Option<Box<Record>>),
}

/// What the rule needs to know of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The last tree head that was cosigned.
    pub head: TreeHead,
    /// When.
    pub time: UnixSeconds,
}

/// May this update be written where `current` stands?
///
/// INVARIANT: the caller's check was made against what stands here now; one size has one root; neither the size nor
/// the timestamp goes back. This holds whatever the caller believes, since it is asked inside the writing transaction.
pub fn may_follow(update: &Update, current: Option<&Standing>) -> bool {
    let Some(current) = current else { return update.before.is_none() };
    let new = update.record.head();
    let as_believed = update.before == Some(current.head);
    let grows = new.size > current.head.size || new == current.head;
    let later = update.record.time() >= current.time;
    as_believed && grows && later
}

/// Why the store can't be used, or no longer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it.
    #[error("{path} is in use by another process: is a witness running on this directory already?")]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file or its directory can't be reached.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The file is not there, or nothing is in it.
    #[error("{path} {how}: {WAY_OUT}")]
    Lost {
        /// The file.
        path: PathBuf,
        /// In which way.
        how: &'static str,
    },
    /// The file is not as it was written.
    #[error("{path} is damaged, or no store at all ({source}): {WAY_OUT}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that shows.
        source: Arc<::redb::Error>,
    },
    /// The store was made for other keys.
    #[error(
        "{path} was made for other keys than those of `keys`, so it doesn't know what these have signed. Bring back the \
         one that belongs to them; if a key was changed, list the old one in `keys` as well"
    )]
    OtherKeys {
        /// The file.
        path: PathBuf,
    },
    /// Another version of this program has written it.
    #[error("the store has the format {got:?}, which this program doesn't know")]
    Format {
        /// What it says.
        got: String,
    },
    /// The database failed.
    #[error("the store failed: {0}")]
    Database(Arc<::redb::Error>),
    /// What is stored under a log's name is not a record of it.
    #[error("the record of {origin:?}: {source}")]
    Record {
        /// The log, as its key in the store names it.
        origin: String,
        /// What is wrong with it.
        source: RecordError,
    },
    /// The writer has ended, because the store failed before.
    #[error("the store takes no more updates, since it failed before")]
    Stopped,
    /// The writer thread can't be started.
    #[error("the writer thread did not start: {0}")]
    Thread(Arc<io::Error>),
}

/// What is left to do when a store is gone. INVARIANT: who forgot what they cosigned would cosign a second history.
const WAY_OUT: &str = "what was signed with these keys is no longer known, so they must never sign again. Bring the file \
                       back from the original disk, or make a new directory with a new key (`init`)";

impl StoreError {
    fn record(origin: &Origin, source: RecordError) -> StoreError {
        StoreError::Record { origin: origin.as_str().to_owned(), source }
    }
}
