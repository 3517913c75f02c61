//! Trees as rows of perfect subtrees: from them follow the roots of a tree and of its beginning.
//!
//! A consistency proof of RFC 6962 leaves out what the verifier has. Here, a proof of *in*consistency is wanted, and
//! that has to bring everything: the perfect subtrees of the first `old` leaves ([`peaks`]) and those of the rest
//! ([`cover`]). If they hash to the new root, they are the new tree's, and so is the root over the first of them.

use treering_tlog::{
    hash::Hash,
    tree::{CompactRange, NodeId, TreeHead, TreeSize, peaks},
};

pub use treering_tlog::tree::cover;

/// The heads of the first `old` leaves and of all `new` of them, by the hashes of `peaks(old)` and then
/// `cover(old, new)`. `None` for another number of hashes, or if `old` is the larger size.
pub fn fold(old: TreeSize, new: TreeSize, hashes: &[Hash]) -> Option<(TreeHead, TreeHead)> {
    let (before, after) = hashes.split_at_checked(peaks(old).len())?;
    let range = CompactRange::from_peaks(old, before.to_vec())?;
    let first = range.head();
    if old > new {
        return None;
    }
    Some((first, append(range, &cover(old, new), after)?))
}

/// The perfect subtrees of a tree of `size`, one of which is `node`, left to right; none if the tree doesn't have it.
pub fn around(node: NodeId, size: TreeSize) -> Vec<NodeId> {
    match ends(node, size) {
        Some((start, end)) => [peaks(start), vec![node], cover(end, size)].concat(),
        None => Vec::new(),
    }
}

/// The node's hash, and the head of the tree, by the hashes of `around(node, size)`.
pub fn fold_around(node: NodeId, size: TreeSize, hashes: &[Hash]) -> Option<(Hash, TreeHead)> {
    let (start, end) = ends(node, size)?;
    let (before, rest) = hashes.split_at_checked(peaks(start).len())?;
    let (hash, _) = rest.split_first()?;
    let range = CompactRange::from_peaks(start, before.to_vec())?;
    let nodes = [vec![node], cover(end, size)].concat();
    Some((*hash, append(range, &nodes, rest)?))
}

/// The first leaf of the node, and the one after its last.
fn ends(node: NodeId, size: TreeSize) -> Option<(TreeSize, TreeSize)> {
    // INVARIANT: a node within a size begins and ends at one.
    let at = |index: u64| TreeSize::new(index << node.level);
    if node.within(size) { at(node.index).zip(at(node.index + 1)) } else { None }
}

fn append(mut range: CompactRange, nodes: &[NodeId], hashes: &[Hash]) -> Option<TreeHead> {
    if nodes.len() != hashes.len() {
        return None;
    }
    let appended = |(node, hash): (&NodeId, &Hash)| range.append_subtree(node.level, *hash, |_, _| {});
    nodes.iter().zip(hashes).all(appended).then(|| range.head())
}

#[cfg(test)]
mod tests {
    use super::{around, cover, fold, fold_around};
    use treering_tlog::{
        hash::leaf_hash,
        tree::{MemoryTree, NodeId, NodeReader as _, TreeSize, peaks},
    };

    fn size(n: u64) -> TreeSize {
        TreeSize::new(n).unwrap()
    }

    #[test]
    fn both_roots_follow_from_the_parts() {
        let leaves: Vec<_> = (0..70_u8).map(|n| leaf_hash(&[n])).collect();
        for new in 0..=70 {
            let tree = MemoryTree::new(leaves[..new].to_vec());
            for old in 0..=new {
                let smaller = MemoryTree::new(leaves[..old].to_vec()).root();
                let (old, new) = (size(old as u64), size(new as u64));
                let nodes = [peaks(old), cover(old, new)].concat();
                let hashes = (&tree).read(&nodes).unwrap();
                let (first, all) = fold(old, new, &hashes).unwrap();
                assert_eq!(all.root, tree.root());
                assert_eq!(first.root, smaller);
                if let Some((_, fewer)) = hashes.split_first() {
                    assert_eq!(fold(old, new, fewer), None);
                }
                assert_eq!(fold(old, new, &[&hashes[..], &[first.root]].concat()), None);
            }
        }
    }

    #[test]
    fn a_node_is_shown_by_what_stands_around_it() {
        let tree = MemoryTree::new((0..37_u8).map(|n| leaf_hash(&[n])).collect());
        for level in 0..6 {
            for (index, hash) in (0..).zip(tree.subtrees(level)) {
                let node = NodeId { level, index };
                let mut hashes = (&tree).read(&around(node, size(37))).unwrap();
                let (shown, head) = fold_around(node, size(37), &hashes).unwrap();
                assert_eq!((shown, head.root), (*hash, tree.root()));
                hashes.pop();
                assert_eq!(fold_around(node, size(37), &hashes), None);
            }
        }
        assert_eq!(around(NodeId { level: 3, index: 4 }, size(37)), []);
        assert_eq!(fold_around(NodeId { level: 255, index: 4 }, size(37), &[]), None);
    }

    #[test]
    fn the_largest_sizes_are_fine() {
        assert_eq!(cover(TreeSize::ZERO, TreeSize::MAX), peaks(TreeSize::MAX));
        assert_eq!(cover(size(1), TreeSize::MAX).len(), 62 + 62);
        assert_eq!(cover(size(9), size(3)), []);
        assert_eq!(fold(size(3), size(2), &[leaf_hash(b""); 2]), None);
    }
}
