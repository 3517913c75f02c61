//! Subtrees of a log's tree, and the proof that one belongs to it (draft-ietf-plants-merkle-tree-certs-03 sections 4.1
//! and 4.4).
//!
//! A subtree is the tree over the leaves from `start` up to `end`, by itself. Where these begin at a multiple of the
//! power of two at or above their number, it shares all but its right edge with every tree that is large enough, and so a
//! short proof shows that the tree holds the same leaves there. With `start` 0 that is a consistency proof, with a single
//! leaf an inclusion proof: the same hashes in the same order.
//!
//! What this does not do: later versions of the draft call the range without leaves a subtree as well; here it is none.

use super::{
    node::{NodeId, NodeReader, TreeHead, TreeSize, peaks_from},
    plan,
    proof::{ProofError, bag, check_length, read_subtrees},
};
use crate::hash::Hash;

/// The leaves from `start` up to `end`, of which there is at least one, and whose place fits their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subtree {
    /// INVARIANT: `start < end`, and `start` is a multiple of the smallest power of two at or above `end - start`.
    pub(super) start: u64,
    /// INVARIANT: at most [`TreeSize::MAX`].
    pub(super) end: u64,
}

impl Subtree {
    /// `None` unless the range is a valid subtree that has leaves.
    pub const fn new(start: u64, end: u64) -> Option<Subtree> {
        // SPEC: merkle-tree-certs section 4.1: 0 <= start < end, and start is a multiple of BIT_CEIL(end - start).
        if start >= end || end > TreeSize::MAX.get() {
            return None;
        }
        // At most 2^63, since `end` is below that.
        let whole = (end - start).next_power_of_two();
        if start.is_multiple_of(whole) { Some(Subtree { start, end }) } else { None }
    }

    /// The index of its first leaf.
    pub const fn start(self) -> u64 {
        self.start
    }

    /// The index of the leaf behind its last one: the size of the smallest tree that has all its leaves.
    pub const fn end(self) -> u64 {
        self.end
    }

    /// Are all its leaves in a tree of this size?
    pub const fn within(self, size: TreeSize) -> bool {
        self.end <= size.get()
    }

    /// The perfect subtrees that it is made of, left to right.
    pub(super) fn peaks(self) -> impl Iterator<Item = NodeId> {
        peaks_from(self.start, self.end - self.start)
    }

    /// Both children of a subtree of two leaves or more.
    pub(super) fn split(self) -> (Subtree, Subtree) {
        // SPEC: RFC 6962 section 2.1: k is the largest power of two smaller than n.
        let k = 1 << (self.end - self.start - 1).ilog2();
        let middle = self.start + k;
        (Subtree { end: middle, ..self }, Subtree { start: middle, ..self })
    }
}

/// The nodes that [`prove_subtree`] reads, so that they can be fetched beforehand and at once.
pub fn subtree_nodes(subtree: Subtree, size: TreeSize) -> Vec<NodeId> {
    let plan = plan::subtree(subtree, size.get());
    plan.iter().flat_map(plan::Consistency::subtrees).flat_map(Subtree::peaks).collect()
}

/// The hash of a subtree: the root of the tree over its leaves.
///
/// # Errors
/// What the reader answers.
pub fn subtree_hash<R: NodeReader>(reader: &mut R, subtree: Subtree) -> Result<Hash, R::Error> {
    let nodes: Vec<NodeId> = subtree.peaks().collect();
    reader.read(&nodes).map(|peaks| bag(&peaks))
}

/// The proof that the tree of `size` holds the subtree's leaves at their place; empty if the tree does not have them all.
///
/// # Errors
/// What the reader answers.
pub fn prove_subtree<R: NodeReader>(
    reader: &mut R,
    subtree: Subtree,
    size: TreeSize,
) -> Result<Vec<Hash>, R::Error> {
    match plan::subtree(subtree, size.get()) {
        Some(plan) => read_subtrees(reader, plan.subtrees()),
        None => Ok(Vec::new()),
    }
}

/// Checks that the tree of `head` holds, from `subtree.start()` on, the leaves whose tree has the root `hash`.
///
/// # Errors
/// [`ProofError::Beyond`], [`ProofError::Length`], [`ProofError::Subtree`] if the proof leads to another hash of the
/// subtree, [`ProofError::Root`] if to another root of the tree.
pub fn verify_subtree(
    subtree: Subtree,
    hash: &Hash,
    head: &TreeHead,
    proof: &[Hash],
) -> Result<(), ProofError> {
    let plan = plan::subtree(subtree, head.size.get()).ok_or(ProofError::Beyond)?;
    check_length(plan.len(), proof)?;
    match plan.hash_up(hash, proof) {
        (part, _) if part != *hash => Err(ProofError::Subtree),
        (_, root) if root != head.root => Err(ProofError::Root),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Subtree;
    use crate::tree::TreeSize;

    #[test]
    fn a_subtree_begins_where_its_number_of_leaves_fits() {
        for (start, end) in
            [(0, 1), (0, 13), (4, 8), (8, 13), (12, 14), (12, 15), (13, 14), (0, i64::MAX as u64)]
        {
            let subtree = Subtree::new(start, end).unwrap();
            assert_eq!((subtree.start(), subtree.end()), (start, end));
        }
        for (start, end) in [(0, 0), (5, 5), (5, 4), (1, 3), (4, 9), (8, 17), (2, 5), (0, 1 << 63)] {
            assert_eq!(Subtree::new(start, end), None, "{start} to {end}");
        }
    }

    /// merkle-tree-certs, Large Subtree Test Vectors: those that a size can say.
    #[test]
    fn validity_does_not_overflow() {
        for end in [(1 << 47) + 1, (1 << 48) - 1, (1 << 62) + 1, (1 << 63) - 1] {
            assert!(Subtree::new(0, end).is_some());
        }
        for (start, end) in [
            (1 << 46, (1 << 47) + 1),
            (1 << 46, (1 << 48) - 1),
            (1 << 61, (1 << 62) + 1),
            (1 << 61, (1 << 63) - 1),
            (1 << 62, (1 << 63) + 1),
            (1 << 62, u64::MAX),
            (u64::MAX - 1, u64::MAX),
        ] {
            assert_eq!(Subtree::new(start, end), None, "{start} to {end}");
        }
    }

    #[test]
    fn a_tree_has_it_or_not() {
        let subtree = Subtree::new(8, 13).unwrap();
        assert!(subtree.within(TreeSize::new(13).unwrap()));
        assert!(!subtree.within(TreeSize::new(12).unwrap()));
    }
}
