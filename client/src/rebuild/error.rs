//! Why a receipt could not be made again.

use crate::http::ClientError;
use treering_tlog::{
    hash::Hash,
    note::NoteError,
    policy::PolicyVerifyError,
    tile::{TileError, TilePath},
};
use treering_token::{entry::EntryError, verify::VerifyError};

/// Why there is no receipt.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// Something can't be read.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// What is served as a checkpoint isn't one.
    #[error("what is served as a checkpoint is none: {0}")]
    NotACheckpoint(NoteError),
    /// The checkpoint is not under the policy.
    #[error("the checkpoint: {0}")]
    Checkpoint(#[from] PolicyVerifyError),
    /// A bundle isn't one.
    #[error("{tile}: {error}")]
    Tile {
        /// Which.
        tile: TilePath,
        /// What is wrong.
        error: TileError,
    },
    /// The tiles of the way to the root don't fit.
    #[error("the tiles: {0}")]
    Tree(TileError),
    /// An entry isn't one of Treering's.
    #[error("entry {index}: {error}; is this a Treering log?")]
    Entry {
        /// Its index.
        index: u64,
        /// What is wrong.
        error: EntryError,
    },
    /// A batch isn't the one that its entry names.
    #[error("what is served as the batch of entry {index} has not as many hashes as the entry says")]
    Batch {
        /// The entry's index.
        index: u64,
    },
    /// In none of the batches that were read.
    #[error(
        "the submission {root} is in none of the batches that were searched, up to size {size}; is it the right log, \
         and has it been sealed and mirrored?"
    )]
    NotFound {
        /// The submission root.
        root: Hash,
        /// The size of the newest checkpoint.
        size: u64,
    },
    /// What was put together does not verify.
    #[error("the receipt of {root} that was put together is refused: {error}")]
    Receipt {
        /// The submission root.
        root: Hash,
        /// Why.
        error: VerifyError,
    },
}

impl RebuildError {
    /// Does it show that something is wrong, rather than out of reach?
    pub fn is_wrong(&self) -> bool {
        !matches!(self, RebuildError::Client(_) | RebuildError::NotFound { .. })
            && !matches!(self, RebuildError::Receipt { error: VerifyError::QuorumNotMet { .. }, .. })
    }
}
