//! Which subtrees a proof is made of: the recursion of RFC 6962 section 2.1, written once for prover and verifier.

use super::node::{LeafIndex, NodeId, TreeSize, peaks_from};

/// The nodes that [`super::prove_inclusion`] reads, so that they can be fetched beforehand and at once.
pub fn inclusion_nodes(index: LeafIndex, size: TreeSize) -> Vec<NodeId> {
    inclusion(index.get(), size.get()).iter().flat_map(|sibling| sibling.subtree.peaks()).collect()
}

/// The nodes that [`super::prove_consistency`] reads, so that they can be fetched beforehand and at once.
pub fn consistency_nodes(old: TreeSize, new: TreeSize) -> Vec<NodeId> {
    let plan = consistency(old.get(), new.get());
    plan.iter().flat_map(Consistency::subtrees).flat_map(Subtree::peaks).collect()
}

/// The leaves from `start` up to `end`: a subtree of RFC 6962's shape within a larger one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subtree {
    pub(super) start: u64,
    pub(super) end: u64,
}

impl Subtree {
    /// The perfect subtrees that it is made of, left to right.
    pub(super) fn peaks(self) -> impl Iterator<Item = NodeId> {
        peaks_from(self.start, self.end - self.start)
    }

    /// Both children of a subtree of two leaves or more.
    fn split(self) -> (Subtree, Subtree) {
        // SPEC: RFC 6962 section 2.1: k is the largest power of two smaller than n.
        let k = 1 << (self.end - self.start - 1).ilog2();
        let middle = self.start + k;
        (Subtree { end: middle, ..self }, Subtree { start: middle, ..self })
    }
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

/// What a consistency proof between two sizes, 0 < old < new, is made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Consistency {
    /// The last perfect subtree of the old tree: both roots are hashed up from it.
    pub(super) shared: Subtree,
    /// Its siblings in the new tree, upward; those on the left are in the old tree too.
    pub(super) siblings: Vec<Sibling>,
}

impl Consistency {
    /// Is `shared` the whole old tree? Then its hash is the old root, and the proof leaves it out.
    pub(super) fn shared_is_old_tree(&self) -> bool {
        self.shared.start == 0
    }

    /// The number of hashes in the proof.
    pub(super) fn len(&self) -> usize {
        self.siblings.len() + usize::from(!self.shared_is_old_tree())
    }

    /// The subtrees whose hashes are the proof, in its order.
    pub(super) fn subtrees(&self) -> impl Iterator<Item = Subtree> {
        // SPEC: RFC 6962 section 2.1.2: SUBPROOF(m, D[m], true) is empty, SUBPROOF(m, D[m], false) is the hash.
        let shared = (!self.shared_is_old_tree()).then_some(self.shared);
        shared.into_iter().chain(self.siblings.iter().map(|sibling| sibling.subtree))
    }
}

/// `None` unless 0 < old < new: the other proofs are empty.
pub(super) fn consistency(old: u64, new: u64) -> Option<Consistency> {
    if old == 0 || old >= new {
        return None;
    }
    // SPEC: RFC 6962 section 2.1.2: SUBPROOF(m, D[n], b) descends until the subtree ends where the old tree does.
    let (shared, siblings) = descend(old - 1, new, |subtree| subtree.end == old);
    Some(Consistency { shared, siblings })
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
