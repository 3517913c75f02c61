//! The root of many 32-byte leaves (leaf *data*): what a log's intake spends its time on.
//!
//! Leaves and nodes are hashed by RFC 6962 section 2.1, as in [`crate::hash`]; since their inputs are of fixed size
//! (33 and 65 bytes), the padded blocks are laid out as constants and go straight to the compression function of
//! `sha2`, which uses the processor's SHA instructions where it has them. Leaves are taken as perfect subtrees small
//! enough to stay in the first cache, each hashed level by level in place.

use sha2::block_api::compress256;

use crate::{
    hash::{Hash, LEAF_PREFIX, NODE_PREFIX},
    tree::{CompactRange, TreeHead},
};

/// Leaf hash of each 32-byte value.
pub fn leaf_hashes(data: &[[u8; 32]]) -> Vec<Hash> {
    data.iter().map(leaf).collect()
}

/// Root of a perfect subtree over leaf data; `None` unless there are a power of two of them.
pub fn perfect_root(leaves: &[[u8; 32]]) -> Option<Hash> {
    if !leaves.len().is_power_of_two() {
        return None;
    }
    let mut level = leaf_hashes(leaves);
    reduce(&mut level);
    level.first().copied()
}

/// A root being built while the data still streams in: memory is O(log n) plus a small block.
#[derive(Clone, Debug, Default)]
pub struct RootBuilder {
    range: CompactRange,
}

impl RootBuilder {
    /// Nothing pushed yet.
    pub fn new() -> RootBuilder {
        RootBuilder::default()
    }

    /// Appends leaves by their data, any number of them.
    pub fn push(&mut self, data: &[[u8; 32]]) {
        let mut rest = data;
        let mut block = Vec::with_capacity(data.len().min(1 << BLOCK_LEVEL));
        while !rest.is_empty() {
            let level = self.next_level(rest.len());
            let (leaves, after) = rest.split_at(1 << level);
            block.clear();
            block.extend(leaves.iter().map(leaf));
            reduce(&mut block);
            // INVARIANT: `next_level` keeps to the alignment, and 2^63 leaves would be 2^68 bytes of data.
            let appended = self.range.append_subtree(level, block[0], |_, _| {});
            assert!(appended, "an aligned subtree fits into a tree of fewer than 2^63 leaves");
            rest = after;
        }
    }

    /// Appends the `1 << level` leaves of a perfect subtree by its root. False, and nothing changed, if so many leaves
    /// so far are no multiple of `1 << level`.
    pub fn push_perfect(&mut self, level: u8, root: Hash) -> bool {
        self.range.append_subtree(level, root, |_, _| {})
    }

    /// How many leaves so far.
    pub fn len(&self) -> u64 {
        self.range.size().get()
    }

    /// Was nothing pushed yet?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The root of the leaves so far.
    pub fn root(&self) -> Hash {
        self.range.root()
    }

    /// Size and root of the leaves so far.
    pub fn head(&self) -> TreeHead {
        self.range.head()
    }

    /// The largest perfect subtree that can come next: aligned, among the leaves at hand (one at least), and no
    /// larger than a block.
    fn next_level(&self, at_hand: usize) -> u8 {
        let aligned = self.len().trailing_zeros();
        let level = aligned.min(at_hand.ilog2()).min(u32::from(BLOCK_LEVEL));
        u8::try_from(level).expect("no more than BLOCK_LEVEL")
    }
}

/// The level above: each pair's node, and an odd last hash as it is.
pub(crate) fn parents(level: &[Hash]) -> Vec<Hash> {
    level.chunks(2).map(pair).collect()
}

/// Hashes a level up to the root in place: one hash remains, or none if there was none.
pub(crate) fn reduce(level: &mut Vec<Hash>) {
    while level.len() > 1 {
        let above = level.len().div_ceil(2);
        for i in 0..above {
            // Writes stay behind reads: i is never above 2i.
            level[i] = pair(&level[2 * i..level.len().min(2 * i + 2)]);
        }
        level.truncate(above);
    }
}

fn pair(children: &[Hash]) -> Hash {
    match children {
        [left, right] => node(left, right),
        // SPEC: RFC 6962 section 2.1: a subtree without a right half is hashed one level further up.
        [only] => *only,
        _ => Hash::EMPTY_ROOT,
    }
}

/// SHA-256(0x00 ‖ data): 33 bytes, one block.
#[inline]
fn leaf(data: &[u8; 32]) -> Hash {
    let mut block = LEAF_BLOCK;
    block[1..33].copy_from_slice(data);
    compress(&[block])
}

/// SHA-256(0x01 ‖ left ‖ right): 65 bytes, two blocks.
#[inline]
fn node(left: &Hash, right: &Hash) -> Hash {
    let mut blocks = NODE_BLOCKS;
    let (head, tail) = right.as_bytes().split_at(31);
    blocks[0][1..33].copy_from_slice(left.as_bytes());
    blocks[0][33..].copy_from_slice(head);
    blocks[1][0] = tail[0];
    compress(&blocks)
}

/// SHA-256 over blocks that already have their padding.
#[inline]
fn compress(blocks: &[[u8; 64]]) -> Hash {
    let mut state = INITIAL_STATE;
    compress256(&mut state, blocks);
    let mut bytes = [0; Hash::LEN];
    for (out, word) in bytes.chunks_exact_mut(4).zip(state) {
        out.copy_from_slice(&word.to_be_bytes());
    }
    Hash::new(bytes)
}

/// Perfect subtrees of 512 leaves: their 16 KiB of hashes stay in the first cache.
const BLOCK_LEVEL: u8 = 9;

/// FIPS 180-4 section 5.3.3.
const INITIAL_STATE: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A leaf's block without its data: prefix, padding, length in bits.
const LEAF_BLOCK: [u8; 64] = {
    let mut block = [0; 64];
    block[0] = LEAF_PREFIX;
    block[33] = 0x80;
    [block[62], block[63]] = (33_u16 * 8).to_be_bytes();
    block
};

/// A node's blocks without its children: prefix, padding, length in bits.
const NODE_BLOCKS: [[u8; 64]; 2] = {
    let mut blocks = [[0; 64]; 2];
    blocks[0][0] = NODE_PREFIX;
    blocks[1][1] = 0x80;
    [blocks[1][62], blocks[1][63]] = (65_u16 * 8).to_be_bytes();
    blocks
};

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::{RootBuilder, leaf, leaf_hashes, node, parents};
    use crate::{
        hash::{Hash, leaf_hash, node_hash},
        tree,
    };

    fn data(count: usize) -> Vec<[u8; 32]> {
        (0..count as u64).map(|n| *leaf_hash(&n.to_be_bytes()).as_bytes()).collect()
    }

    #[test]
    fn starts_empty() {
        let mut builder = RootBuilder::new();
        builder.push(&[]);
        assert!(builder.is_empty());
        assert_eq!(builder.root(), Hash::EMPTY_ROOT);
    }

    #[test]
    fn roots_around_the_size_of_a_block() {
        for count in [1, 2, 3, 255, 256, 511, 512, 513, 1023, 1024, 1025, 3000] {
            let data = data(count);
            let mut builder = RootBuilder::new();
            builder.push(&data);
            let hashes: Vec<Hash> = data.iter().map(|value| leaf_hash(value)).collect();
            assert_eq!(builder.root(), tree::root(&hashes), "{count} leaves");
            assert_eq!(builder.len(), count as u64);
        }
    }

    #[test]
    fn an_odd_last_hash_is_carried_up() {
        let [a, b, c] = [1, 2, 3].map(|n| Hash::new([n; 32]));
        assert_eq!(parents(&[a, b, c]), [node_hash(&a, &b), c]);
        assert_eq!(parents(&[]), []);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn hashes_are_those_of_the_plain_functions(left: [u8; 32], right: [u8; 32]) {
            prop_assert_eq!(leaf(&left), leaf_hash(&left));
            prop_assert_eq!(leaf_hashes(&[left, right]), [leaf_hash(&left), leaf_hash(&right)]);
            let (left, right) = (Hash::new(left), Hash::new(right));
            prop_assert_eq!(node(&left, &right), node_hash(&left, &right));
        }

        #[test]
        fn how_leaves_are_cut_into_pushes_makes_no_difference(cuts in vec(0_usize..1200, 0..5)) {
            let data = data(cuts.iter().sum());
            let mut builder = RootBuilder::new();
            let mut rest = &data[..];
            for cut in cuts {
                let (now, later) = rest.split_at(cut);
                builder.push(now);
                rest = later;
            }
            prop_assert_eq!(builder.len(), data.len() as u64);
            prop_assert_eq!(builder.root(), tree::root(&leaf_hashes(&data)));
        }
    }
}
