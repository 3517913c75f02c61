//! Which subtrees a proof is made of: the recursion of RFC 6962 section 2.1, written once for prover and verifier.

use super::{
    node::{LeafIndex, NodeId, TreeSize},
    subtree::Subtree,
};
use crate::hash::{Hash, node_hash};

/// The nodes that [`super::prove_inclusion`] reads, so that they can be fetched beforehand and at once.
pub fn inclusion_nodes(index: LeafIndex, size: TreeSize) -> Vec<NodeId> {
    inclusion(index.get(), size.get()).iter().flat_map(|sibling| sibling.subtree.peaks()).collect()
}

/// The nodes that [`super::prove_consistency`] reads, so that they can be fetched beforehand and at once.
pub fn consistency_nodes(old: TreeSize, new: TreeSize) -> Vec<NodeId> {
    let plan = consistency(old.get(), new.get());
    plan.iter().flat_map(Consistency::subtrees).flat_map(Subtree::peaks).collect()
}

/// One hash of a proof: the sibling of the subtree that has been hashed so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sibling {
    pub(super) subtree: Subtree,
    pub(super) on_left: bool,
}

/// The siblings of a leaf, from the leaf upward; none if the tree has no such leaf.
pub(super) fn inclusion(index: u64, size: u64) -> Vec<Sibling> {
    if index >= size {
        return Vec::new();
    }
    // SPEC: RFC 6962 section 2.1.1: PATH(m, D[n]).
    let leaf = |subtree: Subtree| subtree.end - subtree.start == 1;
    descend(index, size, leaf).1
}

/// What the proof that a tree holds a part of it is made of; the part is an older, smaller tree or any other subtree.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Consistency {
    /// The part.
    pub(super) part: Subtree,
    /// The last subtree that the part and the whole tree have in common: both hashes are hashed up from it.
    pub(super) shared: Subtree,
    /// Its siblings in the whole tree, upward; those on the left that begin within the part are the part's, too.
    pub(super) siblings: Vec<Sibling>,
}

impl Consistency {
    /// Is `shared` the whole part? Then its hash is known, and the proof leaves it out.
    fn shared_is_part(&self) -> bool {
        self.shared == self.part
    }

    /// The number of hashes in the proof.
    pub(super) fn len(&self) -> usize {
        self.siblings.len() + usize::from(!self.shared_is_part())
    }

    /// The subtrees whose hashes are the proof, in its order.
    pub(super) fn subtrees(&self) -> impl Iterator<Item = Subtree> {
        // SPEC: RFC 6962 section 2.1.2: SUBPROOF(m, D[m], true) is empty, SUBPROOF(m, D[m], false) is the hash.
        let shared = (!self.shared_is_part()).then_some(self.shared);
        shared.into_iter().chain(self.siblings.iter().map(|sibling| sibling.subtree))
    }

    /// The hashes of the part and of the whole tree to which a proof leads, from the part's hash as it is claimed.
    ///
    /// INVARIANT: the proof has [`Consistency::len`] hashes.
    pub(super) fn hash_up(&self, claimed: &Hash, proof: &[Hash]) -> (Hash, Hash) {
        let (shared, siblings) = match proof.split_first() {
            Some((first, rest)) if !self.shared_is_part() => (*first, rest),
            _ => (*claimed, proof),
        };
        let (mut part, mut whole) = (shared, shared);
        for (sibling, hash) in self.siblings.iter().zip(siblings) {
            if !sibling.on_left {
                // What stands on the right came after the part.
                whole = node_hash(&whole, hash);
                continue;
            }
            if sibling.subtree.start >= self.part.start {
                part = node_hash(hash, &part);
            }
            whole = node_hash(hash, &whole);
        }
        (part, whole)
    }
}

/// `None` unless 0 < old < new: the other proofs are empty.
pub(super) fn consistency(old: u64, new: u64) -> Option<Consistency> {
    if old >= new { None } else { subtree(Subtree::new(0, old)?, new) }
}

/// `None` if a tree of this size doesn't have all of the subtree.
pub(super) fn subtree(part: Subtree, size: u64) -> Option<Consistency> {
    if part.end > size {
        return None;
    }
    // SPEC: RFC 6962 section 2.1.2, SUBPROOF(m, D[n], b), and merkle-tree-certs section 4.4.1, SUBTREE_SUBPROOF(start,
    // end, D_n, b): down to what lies within the part and ends where it does.
    let is_shared = |subtree: Subtree| subtree.end == part.end && subtree.start >= part.start;
    let (shared, siblings) = descend(part.end - 1, size, is_shared);
    Some(Consistency { part, shared, siblings })
}

/// Goes from the root towards the leaf `index` until `found`, which must hold at that leaf at the latest; gives the
/// subtree where it held and the siblings left aside, the lowest first.
fn descend(index: u64, size: u64, found: impl Fn(Subtree) -> bool) -> (Subtree, Vec<Sibling>) {
    let mut subtree = Subtree { start: 0, end: size };
    let mut siblings = Vec::with_capacity(64);
    while !found(subtree) {
        let (left, right) = subtree.split();
        let on_left = index >= right.start;
        let (next, sibling) = if on_left { (right, left) } else { (left, right) };
        siblings.push(Sibling { subtree: sibling, on_left });
        subtree = next;
    }
    siblings.reverse();
    (subtree, siblings)
}
