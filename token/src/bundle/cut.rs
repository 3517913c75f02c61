//! Cutting a token for one file out of a bundle.

use super::{error::BundleError, opener::Opened, run::RunHeader};
use crate::{
    commitment::Commitment,
    layer::Layer,
    token::{ClaimOpening, Token},
};
use treering_tlog::{
    hash::{Hash, leaf_hash},
    tree::MemoryTree,
};

/// Which names a token shows. Those that it doesn't show stay blinded in its claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Disclose {
    /// The holder's name.
    pub holder: bool,
    /// The agent's name.
    pub agent: bool,
}

impl Disclose {
    /// Both names.
    pub const ALL: Disclose = Disclose { holder: true, agent: true };
    /// No name.
    pub const NONE: Disclose = Disclose { holder: false, agent: false };
}

/// The tree of one submission, in memory: 64 bytes a record.
#[derive(Clone, Debug)]
pub struct SubmissionTree(MemoryTree);

impl SubmissionTree {
    /// From the commitments of all its records, in order.
    pub fn new(commitments: impl IntoIterator<Item = Commitment>) -> SubmissionTree {
        let leaves: Vec<Hash> = commitments.into_iter().map(|c| leaf_hash(c.0.as_bytes())).collect();
        SubmissionTree(MemoryTree::new(leaves))
    }

    /// How many records it has.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Without records, which no submission is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The submission root.
    pub fn root(&self) -> Commitment {
        Commitment(self.0.root())
    }

    /// The way from this record's commitment (from 0 in the submission) to the root; `None` beyond the last one.
    pub fn layer(&self, index: u64) -> Option<Layer> {
        let path = self.0.path(index)?;
        Some(Layer::from_path(path).expect("a tree in memory has fewer than 2^63 leaves"))
    }
}

/// The token of one record: `layer` (its way in the submission) below the receipt, its opening with the names that are
/// to be disclosed, and the run's `after` note if the claim speaks of one.
///
/// Nothing is verified here: whether the receipt is for the layer's root shows when the token is verified.
///
/// # Errors
/// The token would break a limit of the format.
pub fn cut(
    receipt: &Token,
    run: &RunHeader,
    opened: &Opened,
    layer: Layer,
    disclose: Disclose,
) -> Result<Token, BundleError> {
    let opening = opened.opening.as_ref().map(|opening| ClaimOpening {
        salt: opening.salt,
        claim: opening.claim.clone(),
        holder: opening.holder.clone().filter(|_| disclose.holder),
        agent: opening.agent.clone().filter(|_| disclose.agent),
    });
    let speaks_of_after = opened.claim.as_ref().is_some_and(|claim| claim.after.is_some());
    let after = run.after.clone().filter(|_| speaks_of_after);
    receipt.below(layer, opening, after, None).map_err(BundleError::Cut)
}
