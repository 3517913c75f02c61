//! Why a checkpoint is not cosigned, or a subtree not signed.

use treering_tlog::{
    checkpoint::{CheckpointError, Origin},
    tree::{ProofError, TreeSize},
    witness::WitnessMessageError,
};

use super::Comparison;
use crate::{
    clock::ClockError,
    key::SignerError,
    store::{RecordError, StoreError},
};

/// Why a checkpoint is not cosigned, or a subtree not signed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Refusal {
    /// The body is not one of `add-checkpoint`.
    #[error(transparent)]
    Malformed(#[from] WitnessMessageError),
    /// The body is not one of `sign-subtree`.
    #[error(transparent)]
    MalformedSubtree(WitnessMessageError),
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
    /// None of the keys signs subtrees.
    #[error("this witness signs no subtrees: it has no ML-DSA-44 key")]
    NoSubtreeKey,
    /// The checkpoint doesn't have the subtree's leaves.
    #[error("the subtree ends at {end}, beyond the checkpoint's size {size}")]
    SubtreeBeyond {
        /// The end of the subtree.
        end: u64,
        /// The checkpoint's size.
        size: TreeSize,
    },
    /// The checkpoint lacks a cosignature, or one does not verify.
    #[error("the checkpoint carries no good cosignature by an ML-DSA-44 key of this witness")]
    NotCosigned,
    /// The proof does not lead from the subtree to the checkpoint.
    #[error("the subtree consistency proof does not verify: {0}")]
    InconsistentSubtree(ProofError),
    /// No timestamp to sign with.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// The store is older than what this witness signed, and this log is not known to be unaffected.
    #[error("this witness does not sign for this log: its records are older than its signatures")]
    Held(Box<Comparison>),
    /// The log has used up its quota.
    #[error("this log has used up its quota of cosignatures; there is one again in {seconds} s")]
    Quota {
        /// Until there is one again.
        seconds: u64,
    },
    /// The log has as many requests in flight as it may.
    #[error("this log has as many requests in flight as it may")]
    Crowded,
    /// Too many updates of one log at once.
    #[error("too many updates of this log raced each other")]
    Contended,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// The key refused to sign.
    #[error("signing failed: {0}")]
    Cosign(SignerError),
    /// What was cosigned does not make a record.
    #[error("the checkpoint can't be recorded: {0}")]
    Record(RecordError),
}

impl Refusal {
    /// A stable name, for metrics and problem types.
    pub fn name(&self) -> &'static str {
        match self {
            Refusal::Malformed(_) | Refusal::MalformedSubtree(_) => "malformed_request",
            Refusal::Checkpoint(_) => "malformed_checkpoint",
            Refusal::OldAboveNew { .. } => "old_above_new",
            Refusal::UnknownLog { .. } => "unknown_log",
            Refusal::NotSigned(_) => "not_signed",
            Refusal::Conflict { .. } => "conflict",
            Refusal::EmptyRoot => "empty_root",
            Refusal::ProofFromEmpty => "proof_from_empty",
            Refusal::OtherRoot { .. } => "other_root",
            Refusal::Inconsistent(_) => "inconsistent",
            Refusal::NoSubtreeKey => "no_subtrees",
            Refusal::SubtreeBeyond { .. } => "subtree_beyond",
            Refusal::NotCosigned => "not_cosigned",
            Refusal::InconsistentSubtree(_) => "inconsistent_subtree",
            Refusal::Clock(_) => "clock",
            Refusal::Held(_) => "held",
            Refusal::Quota { .. } => "quota",
            Refusal::Crowded => "crowded",
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
