//! What a log is started with, and why it may not start.

use crate::{
    clock::Clock, host::Host, record::HighWater, recover::StartError, signer::Signer, store::Store,
    witnesses::Witnesses,
};
use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};
use treering_tlog::{checkpoint::Origin, policy::Policy};

/// What the pipeline needs to know; made by `config`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The log's identity; it never changes.
    pub origin: Origin,
    /// The log's own line, and the witnesses with their URLs.
    pub policy: Policy,
    /// The store's directory; the record is the file beside it, `<store>.record`.
    pub store: PathBuf,
    /// 50 ms to 60 s; 1 s by default.
    pub tick: Duration,
    /// An idle log's head is cosigned afresh this often (60 s).
    pub refresh: Duration,
    /// A clock that stepped further than this stops sealing (10 s).
    pub clock_step: Duration,
    /// How long single tokens can be fetched (24 h).
    pub token_window: Duration,
    /// How long batches are kept; `None` for ever.
    pub retention: Option<Duration>,
    /// A synced write of the intake waits so long for more requests to share it (0).
    pub commit_wait: Duration,
    /// Submissions waiting for their tick; beyond it they are refused for the moment.
    pub max_pending: usize,
    /// Nothing is taken while there are fewer free bytes on the store's disk, or on the record's.
    pub min_free_bytes: u64,
    /// One request to a witness may take so long (5 s).
    pub witness_timeout: Duration,
    /// The scrub reads so many bytes a second (4 MiB); 0: there is none.
    pub scrub_bytes_per_second: u64,
    /// How long a witness rests between an answer and the next request; by a name that it has in the policy.
    pub witness_intervals: BTreeMap<String, Duration>,
    /// The store's block cache in bytes (64 MiB).
    pub cache_bytes: usize,
}

/// What a log is made of, each of which a test may bring along.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Signs its checkpoints.
    pub signer: Arc<dyn Signer>,
    /// Its memory.
    pub store: Arc<dyn Store>,
    /// The record of the newest head that it may have signed.
    pub record: Arc<dyn HighWater>,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// The network, as far as it leads to witnesses.
    pub witnesses: Arc<dyn Witnesses>,
    /// Where its work runs.
    pub host: Host,
}

/// The most witnesses that a log asks: with its own signature, a checkpoint stays below a note's limit.
pub const MAX_WITNESSES: usize = 64;

/// Why a log does not start.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Store, record or both don't allow it.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The TLS library could not be set up.
    #[error("the client for witnesses could not be set up: {0}")]
    Client(#[from] reqwest::Error),
    /// The signer has another name than the log's origin.
    #[error("the key is for {key:?}, and the log's origin is {origin:?}")]
    Key {
        /// The key's name.
        key: String,
        /// The configured origin.
        origin: String,
    },
    /// Too many.
    #[error("the policy has {0} witnesses, and a log asks at most {MAX_WITNESSES}")]
    TooManyWitnesses(usize),
    /// At a start enough witnesses must be asked that no quorum is left that hasn't been.
    #[error(
        "the policy's quorum can be met by witnesses without a URL: nobody can ask them at a start whether they know more than \
         this log does. Give them URLs, or choose another quorum"
    )]
    OutOfReach,
    /// The loading task ended unexpectedly.
    #[error("loading the store ended unexpectedly: {0}")]
    Task(#[from] tokio::task::JoinError),
}
