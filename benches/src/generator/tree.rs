//! The tree of a body of which one leaf changes with each request: its root costs a path and not the whole tree.
//!
//! Hashed with the `sha2` crate, so that the generator's roots owe nothing to the kernel that is measured.

use sha2::{Digest as _, Sha256};

/// 32 bytes of a leaf or a node.
pub type Bytes32 = [u8; 32];

/// A tree over leaf data, with all its levels (RFC 6962 section 2.1).
#[derive(Debug)]
pub struct BaseTree {
    /// Leaf hashes first, the root alone last.
    levels: Vec<Vec<Bytes32>>,
}

impl BaseTree {
    /// The tree of these leaves, one at least.
    pub fn new(leaves: &[Bytes32]) -> BaseTree {
        BaseTree::over(leaves.iter().map(leaf_hash).collect())
    }

    /// The tree over these leaf hashes, one at least.
    ///
    /// # Panics
    /// If there are none.
    pub fn over(leaf_hashes: Vec<Bytes32>) -> BaseTree {
        assert!(!leaf_hashes.is_empty(), "a submission has at least one leaf");
        let mut levels = vec![leaf_hashes];
        loop {
            let below = &levels[levels.len() - 1];
            if below.len() == 1 {
                return BaseTree { levels };
            }
            levels.push(below.chunks(2).map(parent).collect());
        }
    }

    /// Its root.
    pub fn root(&self) -> Bytes32 {
        self.levels[self.levels.len() - 1][0]
    }

    /// The root that it would have with this data at leaf `index`.
    pub fn root_with(&self, index: usize, leaf: &Bytes32) -> Bytes32 {
        let (mut index, mut hash) = (index, leaf_hash(leaf));
        for level in &self.levels[..self.levels.len() - 1] {
            hash = match (index % 2, level.get(index ^ 1)) {
                (0, Some(right)) => node_hash(&hash, right),
                (_, Some(left)) => node_hash(left, &hash),
                // A last node without a sibling goes up as it is.
                (_, None) => hash,
            };
            index /= 2;
        }
        hash
    }
}

/// SHA-256(0x00 ‖ data).
pub fn leaf_hash(data: &Bytes32) -> Bytes32 {
    Sha256::new().chain_update([0]).chain_update(data).finalize().into()
}

/// SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Bytes32, right: &Bytes32) -> Bytes32 {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

fn parent(children: &[Bytes32]) -> Bytes32 {
    match children {
        [left, right] => node_hash(left, right),
        _ => children[0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use treering_tlog::kernel::RootBuilder;

    fn by_the_log(leaves: &[Bytes32]) -> Bytes32 {
        let mut builder = RootBuilder::new();
        builder.push(leaves);
        *builder.root().as_bytes()
    }

    #[test]
    fn every_changed_leaf_gives_the_root_of_the_changed_body() {
        for count in 1..=33_u8 {
            let leaves: Vec<Bytes32> = (0..count).map(|n| [n; 32]).collect();
            let tree = BaseTree::new(&leaves);
            assert_eq!(tree.root(), by_the_log(&leaves), "{count} leaves");
            for index in 0..leaves.len() {
                let mut changed = leaves.clone();
                changed[index] = [0xee; 32];
                assert_eq!(
                    tree.root_with(index, &[0xee; 32]),
                    by_the_log(&changed),
                    "leaf {index} of {count}"
                );
            }
        }
    }
}
