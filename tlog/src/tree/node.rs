//! Sizes, indices, heads and the names of perfect subtrees.

use std::fmt;

use crate::{hash::Hash, text};

/// The number of leaves of a tree: at most 2^63−1, since the field's other implementations read int64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TreeSize(u64);

impl TreeSize {
    /// The size of the tree without leaves.
    pub const ZERO: TreeSize = TreeSize(0);
    /// The greatest size, 2^63−1.
    pub const MAX: TreeSize = TreeSize(i64::MAX as u64);

    /// `None` beyond [`TreeSize::MAX`].
    pub const fn new(size: u64) -> Option<TreeSize> {
        if size <= Self::MAX.0 { Some(TreeSize(size)) } else { None }
    }

    /// The number of leaves.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Canonical ASCII decimal only: no sign, no leading zeroes.
    pub fn parse(text: &str) -> Option<TreeSize> {
        text::decimal(text).and_then(TreeSize::new)
    }

    /// The index of a leaf of this tree: `None` if `index >= size`.
    pub const fn leaf(self, index: u64) -> Option<LeafIndex> {
        if index < self.0 { Some(LeafIndex(index)) } else { None }
    }

    /// The index of the last leaf: `None` for the tree without leaves.
    pub const fn last(self) -> Option<LeafIndex> {
        match self.0.checked_sub(1) {
            Some(index) => Some(LeafIndex(index)),
            None => None,
        }
    }

    /// Is this the tree without leaves?
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The index of a leaf, from 0; made only by [`TreeSize::leaf`] and [`TreeSize::last`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LeafIndex(u64);

impl LeafIndex {
    /// The number of leaves to the left of this one.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The smallest tree that has this leaf.
    pub const fn smallest_tree(self) -> TreeSize {
        // INVARIANT: an index is below some size, so one more is still a size.
        TreeSize(self.0 + 1)
    }
}

impl fmt::Display for LeafIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Size and root travel together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TreeHead {
    /// The number of leaves.
    pub size: TreeSize,
    /// The root of the tree with that many leaves.
    pub root: Hash,
}

impl TreeHead {
    /// The head of the tree without leaves.
    pub const EMPTY: TreeHead = TreeHead { size: TreeSize::ZERO, root: Hash::EMPTY_ROOT };
}

/// A perfect subtree: the leaves from `index << level` up to `(index + 1) << level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// The height above the leaves: the subtree has `1 << level` of them.
    pub level: u8,
    /// How many such subtrees stand to the left.
    pub index: u64,
}

impl NodeId {
    /// Are all leaves of this subtree in a tree of `size`?
    pub const fn within(self, size: TreeSize) -> bool {
        // As many subtrees of this level are complete as the size has whole multiples of `1 << level`.
        self.level < 64 && self.index < size.get() >> self.level
    }
}

/// Where proofs get the hashes of perfect subtrees from (memory, tiles of a store, tiles over a network).
pub trait NodeReader {
    /// Why a node can't be read.
    type Error;

    /// The hashes of these nodes, in order; every node is inside the tree that was asked about.
    ///
    /// # Errors
    /// When a node can't be had; then there is no proof and no root either.
    fn read(&mut self, nodes: &[NodeId]) -> Result<Vec<Hash>, Self::Error>;
}

impl<R: NodeReader + ?Sized> NodeReader for &mut R {
    type Error = R::Error;

    fn read(&mut self, nodes: &[NodeId]) -> Result<Vec<Hash>, R::Error> {
        (**self).read(nodes)
    }
}

/// The peaks of a tree of this size, left to right (largest first): its perfect subtrees, one a bit of the size.
pub fn peaks(size: TreeSize) -> Vec<NodeId> {
    peaks_from(0, size.get()).collect()
}

/// The fewest perfect subtrees that the leaves from `old` up to `new` are made of, left to right: at most 126.
pub fn cover(old: TreeSize, new: TreeSize) -> Vec<NodeId> {
    let (mut at, end) = (old.get(), new.get());
    let mut nodes = Vec::new();
    while at < end {
        let level = at.trailing_zeros().min((end - at).ilog2());
        // INVARIANT: ilog2 of a u64 is at most 63.
        nodes.push(NodeId { level: u8::try_from(level).expect("at most 63"), index: at >> level });
        at += 1 << level;
    }
    nodes
}

/// The peaks of the subtree of `len` leaves that begins at leaf `start`.
///
/// INVARIANT: `start` is a multiple of the power of two at or above `len`, as it is for each subtree of a tree.
pub(super) fn peaks_from(start: u64, len: u64) -> impl Iterator<Item = NodeId> {
    (0..63_u8).rev().filter(move |&level| len >> level & 1 == 1).map(move |level| {
        // Before this peak stand those of higher levels: the size without its lower bits.
        let before = len >> level ^ 1;
        NodeId { level, index: (start >> level) + before }
    })
}

#[cfg(test)]
mod tests {
    use super::{NodeId, NodeReader, TreeSize, cover, peaks};
    use crate::hash::Hash;

    fn size(n: u64) -> TreeSize {
        TreeSize::new(n).unwrap()
    }

    #[test]
    fn a_cover_has_each_leaf_once_and_as_few_subtrees_as_can_be() {
        for (old, new) in (0..70).flat_map(|old| (old..70).map(move |new| (old, new))) {
            let mut at = old;
            for node in cover(size(old), size(new)) {
                assert_eq!(node.index << node.level, at);
                let end = at + (1 << node.level);
                // A larger one would not begin here, or pass the end.
                assert!(at.trailing_zeros() == u32::from(node.level) || at + (2 << node.level) > new);
                at = end;
            }
            assert_eq!(at, new);
        }
    }

    #[test]
    fn sizes_end_at_int64() {
        assert_eq!(TreeSize::new((1 << 63) - 1), Some(TreeSize::MAX));
        assert_eq!(TreeSize::new(1 << 63), None);
        assert_eq!(TreeSize::parse("9223372036854775807"), Some(TreeSize::MAX));
        assert_eq!(TreeSize::parse("9223372036854775808"), None);
    }

    #[test]
    fn sizes_have_one_spelling() {
        assert_eq!(TreeSize::parse("70000"), Some(size(70_000)));
        for text in ["", "+5", "007", "5 ", "-0", "5\r"] {
            assert_eq!(TreeSize::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn indices_are_below_the_size() {
        assert_eq!(TreeSize::ZERO.leaf(0), None);
        assert_eq!(TreeSize::ZERO.last(), None);
        assert_eq!(size(5).leaf(5), None);
        assert_eq!(size(5).leaf(4), size(5).last());
        assert_eq!(TreeSize::MAX.last().unwrap().smallest_tree(), TreeSize::MAX);
        assert_eq!(size(5).leaf(4).unwrap().to_string(), "4");
    }

    /// A reader that is lent reads what it reads.
    #[test]
    fn a_reader_may_be_lent() {
        struct Three;
        impl NodeReader for Three {
            type Error = &'static str;
            fn read(&mut self, nodes: &[NodeId]) -> Result<Vec<Hash>, &'static str> {
                let all = nodes.iter().map(|node| (node.index < 3).then(|| Hash::new([7; 32])));
                all.collect::<Option<_>>().ok_or("there are three")
            }
        }
        fn lent(
            mut reader: impl NodeReader<Error = &'static str>,
            index: u64,
        ) -> Result<Vec<Hash>, &'static str> {
            reader.read(&[NodeId { level: 0, index }])
        }
        assert_eq!(lent(&mut Three, 2), Ok(vec![Hash::new([7; 32])]));
        assert_eq!(lent(&mut Three, 3), Err("there are three"));
    }

    #[test]
    fn peaks_are_the_bits_of_the_size() {
        assert_eq!(peaks(TreeSize::ZERO), []);
        let node = |level, index| NodeId { level, index };
        assert_eq!(peaks(size(8)), [node(3, 0)]);
        assert_eq!(peaks(size(13)), [node(3, 0), node(2, 2), node(0, 12)]);
        assert_eq!(peaks(TreeSize::MAX).len(), 63);
    }

    #[test]
    fn nodes_are_within_when_complete() {
        let node = |level, index| NodeId { level, index };
        assert!(node(3, 0).within(size(8)));
        assert!(!node(3, 0).within(size(7)));
        assert!(!node(2, 3).within(size(15)));
        assert!(node(62, 0).within(TreeSize::MAX));
        assert!(!node(63, 0).within(TreeSize::MAX));
        assert!(!node(255, 0).within(TreeSize::MAX));
        assert!(!node(0, u64::MAX).within(TreeSize::MAX));
    }
}
