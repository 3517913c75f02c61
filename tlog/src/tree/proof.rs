//! Making and checking inclusion and consistency proofs (RFC 6962 sections 2.1.1 and 2.1.2).

use super::{
    memory::MerklePath,
    node::{LeafIndex, NodeId, NodeReader, TreeHead, TreeSize, peaks},
    plan,
    subtree::Subtree,
};
use crate::{
    hash::{Hash, node_hash},
    kernel,
};

/// Why a proof was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Index and sizes give the number of hashes, and these are more or fewer.
    #[error("the proof has {got} hashes where {want} are needed")]
    Length {
        /// How many hashes the proof must have.
        want: usize,
        /// How many it has.
        got: usize,
    },
    /// Leaf (or old tree) and proof don't hash to the root.
    #[error("the proof leads to another root than the tree head's")]
    Root,
    /// A log only grows, so no proof can show this.
    #[error("the old tree is larger than the new one")]
    Shrinks,
    /// The proof leads to another old root: the histories differ.
    #[error("the old root is not in the new tree")]
    OldRoot,
    /// A head of size 0 with a root other than [`Hash::EMPTY_ROOT`].
    #[error("the tree without leaves has a root of its own, and this is another")]
    EmptyRoot,
    /// There is no such leaf.
    #[error("the leaf index is not below the tree size")]
    Index,
    /// The tree is too small.
    #[error("the subtree ends beyond the tree")]
    Beyond,
    /// The proof leads to another hash of the subtree: its leaves are others.
    #[error("the subtree is not in the tree")]
    Subtree,
}

/// The inclusion proof of a leaf in the tree of `size`; empty if that tree has no such leaf.
///
/// # Errors
/// What the reader answers.
pub fn prove_inclusion<R: NodeReader>(
    reader: &mut R,
    index: LeafIndex,
    size: TreeSize,
) -> Result<Vec<Hash>, R::Error> {
    let siblings = plan::inclusion(index.get(), size.get());
    read_subtrees(reader, siblings.iter().map(|sibling| sibling.subtree))
}

/// The inclusion proof of a leaf as a path that says for itself where each sibling stands; empty if the tree has no
/// such leaf.
///
/// # Errors
/// What the reader answers.
pub fn prove_path<R: NodeReader>(
    reader: &mut R,
    index: LeafIndex,
    size: TreeSize,
) -> Result<MerklePath, R::Error> {
    let siblings = plan::inclusion(index.get(), size.get());
    // INVARIANT: a tree of fewer than 2^63 leaves has at most 63 siblings a leaf, so each bit has its place.
    let lefts = (0..).zip(&siblings).fold(0, |lefts, (i, sibling)| lefts | u64::from(sibling.on_left) << i);
    let siblings = read_subtrees(reader, siblings.iter().map(|sibling| sibling.subtree))?;
    Ok(MerklePath { lefts, siblings })
}

/// The proof that the tree of size `new` begins with the tree of size `old`.
///
/// `old` of 0 or equal to `new` gives the empty proof, and so does an `old` above `new`, for which there is no proof.
///
/// # Errors
/// What the reader answers.
pub fn prove_consistency<R: NodeReader>(
    reader: &mut R,
    old: TreeSize,
    new: TreeSize,
) -> Result<Vec<Hash>, R::Error> {
    match plan::consistency(old.get(), new.get()) {
        Some(plan) => read_subtrees(reader, plan.subtrees()),
        None => Ok(Vec::new()),
    }
}

/// Checks that the leaf with hash `leaf` is the one at `index` in the tree of `head`.
///
/// # Errors
/// [`ProofError::Index`], [`ProofError::Length`], [`ProofError::Root`].
pub fn verify_inclusion(leaf: &Hash, index: u64, head: &TreeHead, proof: &[Hash]) -> Result<(), ProofError> {
    if index >= head.size.get() {
        return Err(ProofError::Index);
    }
    let siblings = plan::inclusion(index, head.size.get());
    check_length(siblings.len(), proof)?;
    let root = siblings.iter().zip(proof).fold(*leaf, |node, (sibling, hash)| {
        if sibling.on_left { node_hash(hash, &node) } else { node_hash(&node, hash) }
    });
    if root == head.root { Ok(()) } else { Err(ProofError::Root) }
}

/// Checks that the tree of `new` begins with the tree of `old`.
///
/// # Errors
/// [`ProofError::Shrinks`], [`ProofError::EmptyRoot`], [`ProofError::Length`], [`ProofError::OldRoot`] if the proof
/// leads to another old root (or sizes are equal and roots are not), [`ProofError::Root`] if to another new one.
pub fn verify_consistency(old: &TreeHead, new: &TreeHead, proof: &[Hash]) -> Result<(), ProofError> {
    if old.size > new.size {
        return Err(ProofError::Shrinks);
    }
    check_empty_root(old)?;
    check_empty_root(new)?;
    let Some(plan) = plan::consistency(old.size.get(), new.size.get()) else {
        return verify_trivial(old, new, proof);
    };
    check_length(plan.len(), proof)?;
    let (old_root, new_root) = plan.hash_up(&old.root, proof);
    match (old_root == old.root, new_root == new.root) {
        (false, _) => Err(ProofError::OldRoot),
        (true, false) => Err(ProofError::Root),
        (true, true) => Ok(()),
    }
}

/// The root of the tree of `size`, from its peaks in `reader` (the right-hand edge's perfect subtrees).
///
/// # Errors
/// What the reader answers.
pub fn root_from<R: NodeReader>(reader: &mut R, size: TreeSize) -> Result<Hash, R::Error> {
    if size.is_zero() {
        return Ok(Hash::EMPTY_ROOT);
    }
    reader.read(&peaks(size)).map(|peaks| bag(&peaks))
}

/// The root over peaks, left to right: the smaller ones on the right are joined first.
pub(super) fn bag(peaks: &[Hash]) -> Hash {
    peaks.iter().rev().copied().reduce(|right, left| kernel::node(&left, &right)).unwrap_or(Hash::EMPTY_ROOT)
}

/// The roots of these subtrees, with one call of the reader for all their peaks.
pub(super) fn read_subtrees<R: NodeReader>(
    reader: &mut R,
    subtrees: impl Iterator<Item = Subtree>,
) -> Result<Vec<Hash>, R::Error> {
    let mut nodes: Vec<NodeId> = Vec::new();
    let mut lengths = Vec::new();
    for subtree in subtrees {
        let before = nodes.len();
        nodes.extend(subtree.peaks());
        lengths.push(nodes.len() - before);
    }
    if nodes.is_empty() {
        return Ok(Vec::new());
    }
    let mut hashes = reader.read(&nodes)?.into_iter();
    Ok(lengths.into_iter().map(|length| bag(&hashes.by_ref().take(length).collect::<Vec<_>>())).collect())
}

pub(super) fn check_length(want: usize, proof: &[Hash]) -> Result<(), ProofError> {
    let got = proof.len();
    if got == want { Ok(()) } else { Err(ProofError::Length { want, got }) }
}

fn check_empty_root(head: &TreeHead) -> Result<(), ProofError> {
    if head.size.is_zero() && head.root != Hash::EMPTY_ROOT { Err(ProofError::EmptyRoot) } else { Ok(()) }
}

/// From nothing to any tree, or from a tree to itself: the proof is empty.
fn verify_trivial(old: &TreeHead, new: &TreeHead, proof: &[Hash]) -> Result<(), ProofError> {
    check_length(0, proof)?;
    if old.size == new.size && old.root != new.root { Err(ProofError::OldRoot) } else { Ok(()) }
}
