//! What is asked of a log, and what it answers.

use std::{sync::Arc, time::Duration};
use treering_tlog::hash::Hash;
use treering_token::token::Token;

/// One request's commitments, reduced to their root as they streamed in.
#[derive(Debug)]
pub struct Submission {
    /// The submission root.
    pub root: Hash,
    /// How many commitments it covers.
    pub count: u64,
    /// The commitments themselves, for `tokens=true` (at most 1,024), else `None`.
    pub small: Option<Arc<[[u8; 32]]>>,
    /// Only a place at or after this entry will do.
    pub min_entry: Option<u64>,
}

/// Where a submission stands. When `submit` returns one, the submission is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Accepted; the next tick seals it.
    Pending,
    /// In the log.
    Sealed {
        /// The entry's index.
        entry: u64,
        /// The submission's index in the entry's batch.
        position: u64,
    },
}

/// Why a submission was not taken. Nothing of it is stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmitError {
    /// Too many are waiting for their tick.
    #[error("the queue of submissions waiting for their tick is full")]
    QueueFull {
        /// When to try again.
        retry_after: Duration,
    },
    /// The disk is nearly full.
    #[error("the log's disk is nearly full")]
    NoSpace,
    /// A witness contradicts the log, or somebody else signs with its key: what it took now might never have a receipt.
    #[error("the log is held, since what is known of it elsewhere contradicts it")]
    Held,
    /// `min_entry` is in the future.
    #[error("min_entry is above the log's current size")]
    MinEntryTooLarge {
        /// The current size.
        size: u64,
    },
    /// The log has ended.
    #[error("this log has ended at size {size} and takes nothing more")]
    Frozen {
        /// Its last size.
        size: u64,
    },
    /// Whether it is there already can't be read; the operator's log says more.
    #[error("the store could not be read")]
    Unreadable,
    /// The log is stopping; another one may take its place soon.
    #[error("the log is stopping")]
    Stopping,
}

/// The answer for a receipt or a token.
#[derive(Clone, Debug)]
pub enum ReceiptState {
    /// Here it is.
    Ready(Box<Token>),
    /// Accepted, not published yet.
    Pending {
        /// When to ask again.
        retry_after: Duration,
    },
    /// It was here, and what it is made from has been dropped.
    Gone,
    /// Nothing is known of it.
    Unknown,
}

/// Why something could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The operator's log says more.
    #[error("the store could not be read")]
    Store,
    /// No such checkpoint.
    #[error("size is not that of a published checkpoint that covers the entry")]
    Size,
    /// `min_entry` is in the future.
    #[error("min_entry is above the log's current size")]
    MinEntryTooLarge {
        /// The current size.
        size: u64,
    },
}

/// What readiness probes show.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct Status {
    /// Submissions are accepted: decides `/readyz`.
    pub accepting: bool,
    /// What is accepted is also published: decides `/readyz/publish`.
    pub publishing: bool,
    /// The size at which the log ended, if it did: what it has is read, and nothing is added to it.
    pub frozen: Option<u64>,
    /// Why something is degraded, in words; empty when all is well.
    pub degraded: Vec<String>,
    /// Entries that are durable.
    pub sealed_size: u64,
    /// Entries that readers see; absent before the first publication.
    pub published_size: Option<u64>,
    /// Submissions and timestamp tokens that wait for their tick.
    pub pending: u64,
}

/// What is known of one witness.
#[derive(Clone, Debug, serde::Serialize, utoipa::ToSchema)]
pub struct WitnessStatus {
    /// Its name in the policy.
    pub name: String,
    /// Its submission prefix.
    pub url: Option<String>,
    /// The size of the last checkpoint that it cosigned since this log started.
    pub last_size: Option<u64>,
    /// When it says that it did, in seconds since the epoch.
    pub last_time: Option<u64>,
    /// Why it did not answer well when it was last asked.
    pub last_error: Option<String>,
}
