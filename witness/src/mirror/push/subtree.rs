//! The proof that a bundle's leaves are in a tree (draft-ietf-plants-merkle-tree-certs section 4.4): with leaf 0 as the
//! beginning it is a consistency proof, of one leaf an inclusion proof.

use treering_tlog::{
    hash::Hash,
    tree::{Subtree, TreeHead, verify_subtree},
};

/// Does the tree of `head` have, from `start` up to `end`, the leaves whose own tree has the root `hash`?
///
/// `start` is a multiple of 256, and there are 1 to 256 leaves: always a subtree in the draft's sense.
pub(super) fn verify(start: u64, end: u64, hash: Hash, head: TreeHead, proof: &[Hash]) -> bool {
    Subtree::new(start, end).is_some_and(|subtree| verify_subtree(subtree, &hash, &head, proof).is_ok())
}

#[cfg(test)]
mod tests {
    use treering_tlog::{
        hash::{Hash, leaf_hash},
        tree::{TreeHead, TreeSize, root},
    };

    use super::verify;

    /// SUBTREE_SUBPROOF of the draft, word for word.
    fn prove(start: usize, end: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if start == 0 && end == leaves.len() {
            return if whole { Vec::new() } else { vec![root(leaves)] };
        }
        let k = 1 << (leaves.len() - 1).ilog2();
        let (left, right) = leaves.split_at(k);
        let (mut proof, sibling) = if end <= k {
            (prove(start, end, left, whole), right)
        } else if k <= start {
            (prove(start - k, end - k, right, whole), left)
        } else {
            (prove(0, end - k, right, false), left)
        };
        proof.push(root(sibling));
        proof
    }

    #[test]
    fn each_bundle_of_each_tree_verifies_and_nothing_else_does() {
        let leaves: Vec<Hash> = (0..600_u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let sizes = (1..20).chain([255, 256, 257, 300, 511, 512, 513, 599, 600]);
        for size in sizes {
            let tree = &leaves[..size];
            let head = TreeHead { size: TreeSize::new(size as u64).unwrap(), root: root(tree) };
            for start in (0..size).step_by(256) {
                for end in (start + 1..=size.min(start + 256)).rev().step_by(7) {
                    let hash = root(&leaves[start..end]);
                    let proof = prove(start, end, tree, true);
                    let check = |start: usize, end: usize, hash, head, proof: &[Hash]| {
                        verify(start as u64, end as u64, hash, head, proof)
                    };
                    assert!(check(start, end, hash, head, &proof), "{start} to {end} of {size}");
                    assert!(!check(start, end, leaf_hash(b"x"), head, &proof));
                    assert!(!check(start, end, hash, TreeHead { root: leaf_hash(b"x"), ..head }, &proof));
                    assert!(!check(start, end, hash, head, &[&proof[..], &[hash]].concat()));
                    if let Some((_, shorter)) = proof.split_last() {
                        assert!(!check(start, end, hash, head, shorter));
                        let mut other = proof.clone();
                        other[0] = leaf_hash(b"x");
                        assert!(!check(start, end, hash, head, &other));
                    }
                }
            }
            assert!(!verify(0, size as u64 + 1, head.root, head, &[]));
            assert!(!verify(1, 1, head.root, head, &[]));
        }
    }
}
