//! Why a checkpoint is not cosigned.

use treering_tlog::{
    checkpoint::{CheckpointError, Origin},
    cosignature::CosignatureError,
    tree::{ProofError, TreeSize},
    witness::WitnessMessageError,
};

use crate::{
    clock::ClockError,
    store::{RecordError, StoreError},
};

/// Why a checkpoint is not cosigned.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// The body is not one of `add-checkpoint`.
    #[error(transparent)]
    Malformed(#[from] WitnessMessageError),
    /// The note is not a checkpoint.
    #[error(transparent)]
    Checkpoint(CheckpointError),
    /// Nothing grows backwards.
    #[error("the old size {old} is above the checkpoint's size {new}")]
    OldAboveNew {
        /// The request's old size.
        old: TreeSize,
        /// The checkpoint's size.
        new: TreeSize,
    },
    /// No such log is configured.
    #[error("this witness does not know the log {:?}", .origin.as_str())]
    UnknownLog {
        /// The checkpoint's origin.
        origin: Origin,
    },
    /// The log did not sign it.
    #[error(transparent)]
    NotSigned(CheckpointError),
    /// Another checkpoint was cosigned last.
    #[error("the last checkpoint of this log that this witness cosigned has size {size}")]
    Conflict {
        /// Its size.
        size: TreeSize,
    },
    /// There is one empty tree.
    #[error("a checkpoint of size 0 must have the root hash of the empty tree, and this one has another")]
    EmptyRoot,
    /// The empty tree needs no proof.
    #[error("the old size is 0, so the consistency proof must be empty, and it is not")]
    ProofFromEmpty,
    /// A fork: two roots of one size.
    #[error("this witness cosigned another root hash for size {size}: this log has two histories")]
    OtherRoot {
        /// The size.
        size: TreeSize,
    },
    /// The proof does not lead from the one to the other.
    #[error("the consistency proof does not verify: {0}")]
    Inconsistent(ProofError),
    /// No timestamp to sign with.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// Too many updates of one log at once.
    #[error("too many updates of this log raced each other")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The key refused to sign.
    #[error("signing failed: {0}")]
    Cosign(CosignatureError),
    /// What was cosigned does not make a record.
    #[error("the checkpoint can't be recorded: {0}")]
    Record(RecordError),
}

impl Refusal {
    /// A stable name, for metrics and problem types.
    pub fn name(&self) -> &'static str {
        match self {
            Refusal::Malformed(_) => "malformed_request",
            Refusal::Checkpoint(_) => "malformed_checkpoint",
            Refusal::OldAboveNew { .. } => "old_above_new",
            Refusal::UnknownLog { .. } => "unknown_log",
            Refusal::NotSigned(_) => "not_signed",
            Refusal::Conflict { .. } => "conflict",
            Refusal::EmptyRoot => "empty_root",
            Refusal::ProofFromEmpty => "proof_from_empty",
            Refusal::OtherRoot { .. } => "other_root",
            Refusal::Inconsistent(_) => "inconsistent",
            Refusal::Clock(_) => "clock",
            Refusal::Contended => "contended",
            Refusal::Store(_) => "store",
            Refusal::Cosign(_) => "signing",
            Refusal::Record(_) => "record",
        }
    }

    /// Is the request, signed by a key of the log, proof that the log misbehaves (or sent with a wrong proof)?
    pub fn is_suspicious(&self) -> bool {
        matches!(self, Refusal::EmptyRoot | Refusal::OtherRoot { .. } | Refusal::Inconsistent(_))
    }
}
