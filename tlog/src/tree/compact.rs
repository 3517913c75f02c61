//! The right-hand edge of a growing tree.

use super::{
    node::{NodeId, TreeHead, TreeSize},
    proof::bag,
};
use crate::{hash::Hash, kernel};

/// The right-hand edge of a growing tree: what is needed to append and to know the root. O(log n) memory.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct CompactRange {
    size: TreeSize,
    // INVARIANT: one hash for each one bit of `size`, the largest subtree first.
    peaks: Vec<Hash>,
}

impl CompactRange {
    /// The edge of the tree without leaves.
    pub fn new() -> CompactRange {
        CompactRange::default()
    }

    /// The edge of a tree of this size; `peaks` in the order of [`super::peaks`].
    /// `None` unless there are as many hashes as the size has one bits.
    pub fn from_peaks(size: TreeSize, peaks: Vec<Hash>) -> Option<CompactRange> {
        let want = usize::try_from(size.get().count_ones()).ok()?;
        (peaks.len() == want).then_some(CompactRange { size, peaks })
    }

    /// Appends a leaf by its hash; `visit` gets each perfect subtree that this completes, the leaf (level 0) first.
    /// A tree of 2^63−1 leaves stays as it is, and the answer is false.
    pub fn append(&mut self, leaf: Hash, visit: impl FnMut(NodeId, Hash)) -> bool {
        self.append_subtree(0, leaf, visit)
    }

    /// Appends the `1 << level` leaves of a perfect subtree by its root. `visit` gets that subtree and those above
    /// it that it completes. False, and nothing changed, if the tree's size is not a multiple of `1 << level` or
    /// would pass 2^63−1.
    pub fn append_subtree(&mut self, level: u8, root: Hash, mut visit: impl FnMut(NodeId, Hash)) -> bool {
        let Some(size) = self.size_after(level) else { return false };
        let mut node = NodeId { level, index: self.size.get() >> level };
        let mut hash = root;
        visit(node, hash);
        // An odd index has its sibling on the left, and that is the last peak.
        while node.index & 1 == 1
            && let Some(left) = self.peaks.pop()
        {
            hash = kernel::node(&left, &hash);
            node = NodeId { level: node.level + 1, index: node.index >> 1 };
            visit(node, hash);
        }
        self.peaks.push(hash);
        self.size = size;
        true
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        TreeHead { size: self.size, root: self.root() }
    }

    /// The number of leaves.
    pub fn size(&self) -> TreeSize {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        bag(&self.peaks)
    }

    fn size_after(&self, level: u8) -> Option<TreeSize> {
        let leaves = 1_u64.checked_shl(u32::from(level))?;
        if !self.size.get().is_multiple_of(leaves) {
            return None;
        }
        self.size.get().checked_add(leaves).and_then(TreeSize::new)
    }
}

#[cfg(test)]
mod tests {
    use super::CompactRange;
    use crate::{
        hash::{Hash, leaf_hash, node_hash},
        tree::{NodeId, TreeHead, TreeSize},
    };

    fn leaf(n: u8) -> Hash {
        leaf_hash(&[n])
    }

    #[test]
    fn starts_empty() {
        assert_eq!(CompactRange::new().head(), TreeHead::EMPTY);
    }

    #[test]
    fn visits_what_each_leaf_completes() {
        let mut range = CompactRange::new();
        let mut seen = Vec::new();
        for n in 0..4 {
            assert!(range.append(leaf(n), |node, hash| seen.push((node.level, node.index, hash))));
        }
        let (a, b) = (node_hash(&leaf(0), &leaf(1)), node_hash(&leaf(2), &leaf(3)));
        let top = node_hash(&a, &b);
        let want = [
            (0, 0, leaf(0)),
            (0, 1, leaf(1)),
            (1, 0, a),
            (0, 2, leaf(2)),
            (0, 3, leaf(3)),
            (1, 1, b),
            (2, 0, top),
        ];
        assert_eq!(seen, want);
        assert_eq!(range.root(), top);
    }

    #[test]
    fn subtrees_stand_for_their_leaves() {
        let mut by_leaf = CompactRange::new();
        (0..6).for_each(|n| assert!(by_leaf.append(leaf(n), |_, _| {})));
        let mut by_subtree = CompactRange::new();
        for n in [0, 2, 4] {
            assert!(by_subtree.append_subtree(1, node_hash(&leaf(n), &leaf(n + 1)), |_, _| {}));
        }
        assert_eq!(by_leaf, by_subtree);
    }

    #[test]
    fn refuses_a_subtree_out_of_place() {
        let mut range = CompactRange::new();
        assert!(range.append(leaf(0), |_, _| {}));
        let before = range.clone();
        for level in [1, 62, 63, 64, 255] {
            assert!(!range.append_subtree(level, leaf(1), |_, _| panic!("nothing is completed")));
        }
        assert_eq!(range, before);
    }

    #[test]
    fn refuses_more_than_the_greatest_size() {
        let mut range = CompactRange::from_peaks(TreeSize::MAX, vec![leaf(0); 63]).unwrap();
        let before = range.clone();
        assert!(!range.append(leaf(1), |_, _| panic!("nothing is completed")));
        assert_eq!(range, before);

        let almost = TreeSize::new(TreeSize::MAX.get() - 1).unwrap();
        let mut range = CompactRange::from_peaks(almost, vec![leaf(0); 62]).unwrap();
        let mut seen = Vec::new();
        assert!(range.append(leaf(1), |node, _| seen.push(node)));
        assert_eq!(seen, [NodeId { level: 0, index: almost.get() }]);
        assert_eq!(range.size(), TreeSize::MAX);
    }

    #[test]
    fn needs_a_peak_a_bit() {
        let size = TreeSize::new(5).unwrap();
        for peaks in [0, 1, 3] {
            assert_eq!(CompactRange::from_peaks(size, vec![leaf(0); peaks]), None);
        }
        assert!(CompactRange::from_peaks(size, vec![leaf(0); 2]).is_some());
        assert_eq!(CompactRange::from_peaks(TreeSize::ZERO, vec![]), Some(CompactRange::new()));
    }
}
