//! The proof that a bundle's leaves are in a tree (draft-ietf-plants-merkle-tree-certs section 4.4): with leaf 0 as the
//! beginning it is a consistency proof, of one leaf an inclusion proof.

use treering_tlog::{
    hash::{Hash, node_hash},
    tree::TreeHead,
};

/// Does the tree of `head` have, from `start` up to `end`, the leaves whose own tree has the root `hash`?
///
/// `start` is a multiple of 256, and there are 1 to 256 leaves: always a subtree in the draft's sense.
pub(super) fn verify(start: u64, end: u64, hash: Hash, head: TreeHead, proof: &[Hash]) -> bool {
    if start >= end || end > head.size.get() {
        return false;
    }
    let mut proof = proof.iter();
    let hashed = hash_up(start, end, head.size.get(), Some(hash), &mut proof);
    hashed == Some((hash, head.root)) && proof.next().is_none()
}

/// Hash of the subtree and of the whole tree of `size` leaves, by the proof. `known` is the subtree's hash as long as it
/// hasn't been cut apart.
fn hash_up<'p>(
    start: u64,
    end: u64,
    size: u64,
    known: Option<Hash>,
    proof: &mut impl Iterator<Item = &'p Hash>,
) -> Option<(Hash, Hash)> {
    // SPEC: merkle-tree-certs section 4.4: SUBTREE_SUBPROOF(0, n, D_n, b) is empty if b, and else the tree's hash.
    if start == 0 && end == size {
        let hash = match known {
            Some(hash) => hash,
            None => *proof.next()?,
        };
        return Some((hash, hash));
    }
    // SPEC: RFC 6962 section 2.1: k is the largest power of two smaller than n. Here n is at least 2.
    let k = 1 << (size - 1).ilog2();
    if end <= k {
        let (part, left) = hash_up(start, end, k, known, proof)?;
        return Some((part, node_hash(&left, proof.next()?)));
    }
    if k <= start {
        let (part, right) = hash_up(start - k, end - k, size - k, known, proof)?;
        return Some((part, node_hash(proof.next()?, &right)));
    }
    // What is cut apart begins with the tree: its left part is all of the tree's.
    let (part, right) = hash_up(0, end - k, size - k, None, proof)?;
    let left = proof.next()?;
    Some((node_hash(left, &part), node_hash(left, &right)))
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
