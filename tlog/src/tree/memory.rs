//! A whole tree in memory, and paths that say for themselves where each sibling stands.

use super::node::{NodeId, NodeReader, TreeSize};
use crate::{
    hash::{Hash, node_hash},
    kernel,
};

/// A whole tree in memory (all levels): for a batch or a submission, whose proofs are all wanted.
#[derive(Clone, Debug)]
pub struct MemoryTree {
    // INVARIANT: never empty. Level 0 has the leaf hashes; each other level has half as many, rounded up, where an
    // odd last hash is carried up as it is; the last level has one hash, or none if there are no leaves.
    levels: Vec<Vec<Hash>>,
}

impl MemoryTree {
    /// From leaf hashes (not leaf data).
    pub fn new(leaf_hashes: Vec<Hash>) -> MemoryTree {
        let mut levels = Vec::new();
        let mut level = leaf_hashes;
        while level.len() > 1 {
            let above = kernel::parents(&level);
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        MemoryTree { levels }
    }

    /// The number of leaves.
    pub fn len(&self) -> u64 {
        self.leaf_hashes().len() as u64
    }

    /// Is this the tree without leaves?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of leaves, as a size.
    pub fn size(&self) -> TreeSize {
        TreeSize::new(self.len()).expect("a vector has fewer than 2^63 elements")
    }

    /// The root; [`Hash::EMPTY_ROOT`] if there are no leaves.
    pub fn root(&self) -> Hash {
        self.levels.last().and_then(|top| top.first()).copied().unwrap_or(Hash::EMPTY_ROOT)
    }

    /// Siblings from the leaf upward, and bit i (from the least) set where sibling i stands on the left.
    /// `None` beyond the last leaf.
    pub fn path(&self, index: u64) -> Option<MerklePath> {
        let mut index = usize::try_from(index).ok().filter(|&index| index < self.leaf_hashes().len())?;
        let mut path = MerklePath { lefts: 0, siblings: Vec::with_capacity(self.levels.len() - 1) };
        for level in &self.levels {
            // The last hash of an odd level has no sibling there: it is carried up.
            if let Some(sibling) = level.get(index ^ 1) {
                path.lefts |= u64::from(index & 1 == 1) << path.siblings.len();
                path.siblings.push(*sibling);
            }
            index >>= 1;
        }
        Some(path)
    }

    /// The hashes that the tree was made from.
    pub fn leaf_hashes(&self) -> &[Hash] {
        &self.levels[0]
    }

    /// The roots of the complete subtrees of `1 << level` leaves, left to right: what tiles are made of.
    pub fn subtrees(&self, level: u8) -> &[Hash] {
        let complete = self.leaf_hashes().len().checked_shr(u32::from(level)).unwrap_or(0);
        // What stands behind them on a level was carried up, and spans fewer leaves.
        self.levels.get(usize::from(level)).map_or(&[], |hashes| &hashes[..complete])
    }

    fn node(&self, node: NodeId) -> Result<Hash, MissingNode> {
        let missing = MissingNode(node);
        if !node.within(self.size()) {
            return Err(missing);
        }
        let index = usize::try_from(node.index).map_err(|_| missing)?;
        self.levels.get(usize::from(node.level)).and_then(|level| level.get(index)).copied().ok_or(missing)
    }
}

impl NodeReader for &MemoryTree {
    type Error = MissingNode;

    fn read(&mut self, nodes: &[NodeId]) -> Result<Vec<Hash>, MissingNode> {
        nodes.iter().map(|&node| self.node(node)).collect()
    }
}

/// A perfect subtree that a [`MemoryTree`] doesn't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tree has no complete subtree {} of level {}", .0.index, .0.level)]
pub struct MissingNode(pub NodeId);

/// A leaf's way to the root: which side each sibling stands on needs no index and no size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MerklePath {
    /// Bit i, from the least, is 1 if sibling i stands on the left.
    pub lefts: u64,
    /// The siblings, from the leaf upward; at most 63, which readers of foreign paths have to check.
    pub siblings: Vec<Hash>,
}

impl MerklePath {
    /// The root that this path leads to from a leaf's hash.
    pub fn root(&self, leaf: &Hash) -> Hash {
        let mut lefts = self.lefts;
        self.siblings.iter().fold(*leaf, |node, sibling| {
            let on_left = lefts & 1 == 1;
            lefts >>= 1;
            if on_left { node_hash(sibling, &node) } else { node_hash(&node, sibling) }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{MemoryTree, MerklePath, MissingNode};
    use crate::{
        hash::{Hash, leaf_hash, node_hash},
        tree::{NodeId, NodeReader as _},
    };

    fn tree(leaves: u8) -> MemoryTree {
        MemoryTree::new((0..leaves).map(|n| leaf_hash(&[n])).collect())
    }

    #[test]
    fn without_leaves() {
        let empty = tree(0);
        assert!(empty.is_empty());
        assert_eq!(empty.root(), Hash::EMPTY_ROOT);
        assert_eq!(empty.path(0), None);
        assert_eq!(empty.leaf_hashes(), []);
    }

    #[test]
    fn one_leaf_is_its_own_root() {
        let one = tree(1);
        assert_eq!(one.root(), leaf_hash(&[0]));
        assert_eq!(one.path(0), Some(MerklePath { lefts: 0, siblings: vec![] }));
        assert_eq!(one.path(1), None);
    }

    #[test]
    fn a_lone_leaf_is_carried_up() {
        let three = tree(3);
        let [a, b, c] = [0, 1, 2].map(|n| leaf_hash(&[n]));
        let ab = node_hash(&a, &b);
        assert_eq!(three.root(), node_hash(&ab, &c));
        assert_eq!(three.path(0), Some(MerklePath { lefts: 0b00, siblings: vec![b, c] }));
        assert_eq!(three.path(1), Some(MerklePath { lefts: 0b01, siblings: vec![a, c] }));
        assert_eq!(three.path(2), Some(MerklePath { lefts: 0b1, siblings: vec![ab] }));
        assert_eq!(three.path(3), None);
    }

    #[test]
    fn subtrees_are_complete_ones_only() {
        let seven = tree(7);
        assert_eq!([0, 1, 2, 3, 63, 255].map(|level| seven.subtrees(level).len()), [7, 3, 1, 0, 0, 0]);
        assert_eq!(seven.subtrees(2), [tree(4).root()]);
        assert!(tree(0).subtrees(0).is_empty());
    }

    #[test]
    fn a_path_longer_than_its_bits_is_no_panic() {
        let path = MerklePath { lefts: u64::MAX, siblings: vec![Hash::EMPTY_ROOT; 70] };
        let right = MerklePath { lefts: 0, siblings: vec![Hash::EMPTY_ROOT; 6] };
        let left = MerklePath { lefts: u64::MAX, siblings: vec![Hash::EMPTY_ROOT; 64] };
        let leaf = leaf_hash(b"");
        assert_eq!(path.root(&leaf), right.root(&left.root(&leaf)));
    }

    #[test]
    fn reads_complete_subtrees_only() {
        let three = tree(3);
        let node = |level, index| NodeId { level, index };
        assert_eq!((&three).read(&[node(0, 2)]), Ok(vec![leaf_hash(&[2])]));
        for missing in [node(0, 3), node(1, 1), node(2, 0), node(64, 0), node(0, u64::MAX)] {
            assert_eq!((&three).read(&[node(0, 0), missing]), Err(MissingNode(missing)));
        }
        assert_eq!(MissingNode(node(1, 7)).to_string(), "the tree has no complete subtree 7 of level 1");
    }
}
