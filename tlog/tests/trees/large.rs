//! Trees far too large to build: every leaf is the same but one, so that each subtree has one of two hashes a level.

use super::*;

pub(super) struct OneMarked {
    size: TreeSize,
    marked: u64,
    plain: Vec<Hash>,
    on_the_way: Vec<Hash>,
}

impl OneMarked {
    pub(super) fn new(n: u64, marked: u64) -> OneMarked {
        let (mut plain, mut on_the_way) = (vec![leaf_hash(b"plain")], vec![leaf_hash(b"marked")]);
        for level in 0..62 {
            let (sibling, node) = (plain[level], on_the_way[level]);
            plain.push(node_hash(&sibling, &sibling));
            on_the_way.push(match marked >> level & 1 {
                0 => node_hash(&node, &sibling),
                _ => node_hash(&sibling, &node),
            });
        }
        OneMarked { size: size(n), marked, plain, on_the_way }
    }
}

impl NodeReader for OneMarked {
    type Error = std::convert::Infallible;

    fn read(&mut self, nodes: &[NodeId]) -> Result<Vec<Hash>, Self::Error> {
        let hash = |node: &NodeId| {
            assert!(node.within(self.size), "{node:?} is not in a tree of {}", self.size);
            let hashes = if self.marked >> node.level == node.index { &self.on_the_way } else { &self.plain };
            hashes[usize::from(node.level)]
        };
        Ok(nodes.iter().map(hash).collect())
    }
}

/// Sizes of all magnitudes up to 2^63−1, and an index below each.
pub(super) fn size_and_below() -> impl Strategy<Value = (u64, u64)> {
    (0_u32..63, any::<u64>(), any::<u64>()).prop_map(|(bits, size, below)| {
        let size = (size & ((1 << bits) - 1)) + (1 << bits);
        (size, below % size)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn inclusion((n, index) in size_and_below(), other: u64) {
        let mut tree = OneMarked::new(n, index);
        let head = head_of(&mut tree, n);
        let leaf = leaf_hash(b"marked");
        let index_in_tree = head.size.leaf(index).unwrap();
        let proof = prove_inclusion(&mut tree, index_in_tree, head.size).unwrap();
        check_inclusion(&leaf, index, &head, &proof);
        prop_assert!(inclusion_nodes(index_in_tree, head.size).len() >= proof.len());
        for other in [other % n, index ^ 1, index + 1, index.wrapping_sub(1)] {
            let verdict = verify_inclusion(&leaf, other, &head, &proof);
            prop_assert_eq!(verdict.is_ok(), other == index, "leaf {} shown at {}", index, other);
        }
    }

    #[test]
    fn consistency((new, old) in size_and_below(), marked: u64) {
        let mut tree = OneMarked::new(new, marked % new);
        let (old, new) = (head_of(&mut tree, old), head_of(&mut tree, new));
        let proof = prove_consistency(&mut tree, old.size, new.size).unwrap();
        check_consistency(&old, &new, &proof);
        prop_assert!(consistency_nodes(old.size, new.size).len() >= proof.len());
        let mut forked = OneMarked::new(old.size.get(), (marked % new.size.get()) ^ 1);
        let fork = head_of(&mut forked, old.size.get());
        if fork.root != old.root {
            prop_assert!(verify_consistency(&fork, &new, &proof).is_err());
        }
    }

    #[test]
    fn edges_go_on_from_their_peaks((n, marked) in size_and_below()) {
        let n = n - 1;
        let mut tree = OneMarked::new(n + 1, marked);
        let peaks = tree.read(&tree::peaks(size(n))).unwrap();
        let mut range = CompactRange::from_peaks(size(n), peaks).unwrap();
        prop_assert_eq!(range.head(), head_of(&mut tree, n));
        let leaf = tree.read(&[NodeId { level: 0, index: n }]).unwrap()[0];
        let mut completed = Vec::new();
        prop_assert!(range.append(leaf, |node, hash| completed.push((node, hash))));
        prop_assert_eq!(range.head(), head_of(&mut tree, n + 1));
        prop_assert_eq!(completed.len(), 1 + n.trailing_ones() as usize);
        for (node, hash) in completed {
            prop_assert_eq!(tree.read(&[node]).unwrap(), [hash]);
        }
    }
}
