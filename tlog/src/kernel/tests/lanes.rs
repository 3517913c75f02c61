//! The algorithm of sixteen lanes on plain arrays: what `avx512` runs, but for the instructions.

use super::{data, plain_leaves, plain_roots};
use crate::{
    hash::{Hash, node_hash, sha256},
    kernel::lanes::{self, Lanes, MAX_SUBTREE_LEVEL},
};

#[test]
fn sixteen_subtrees_of_each_level() {
    for level in 0..=MAX_SUBTREE_LEVEL {
        let data = data(16 << level);
        let mut roots = [Hash::EMPTY_ROOT; 16];
        lanes::subtrees::<Plain>((), level, &data, &mut roots);
        for (lane, leaves) in data.chunks(1 << level).enumerate() {
            assert_eq!(
                roots[lane],
                plain_roots(&plain_leaves(leaves))[1 << level],
                "level {level}, lane {lane}"
            );
        }
    }
}

#[test]
fn sixteen_leaves() {
    let data = data(16);
    let mut hashes = [Hash::EMPTY_ROOT; 16];
    lanes::leaves::<Plain>((), data.first_chunk().expect("sixteen"), &mut hashes);
    assert_eq!(hashes[..], plain_leaves(&data));
}

#[test]
fn sixteen_nodes_with_each_last_byte() {
    for last in 0..=255 {
        let pairs: [[Hash; 2]; 16] = std::array::from_fn(|lane| {
            let lane = u8::try_from(lane).unwrap();
            let mut right = *sha256(&[lane, last]).as_bytes();
            right[31] = last.wrapping_add(lane);
            [sha256(&right), Hash::new(right)]
        });
        let mut nodes = [Hash::EMPTY_ROOT; 16];
        lanes::nodes::<Plain>((), &pairs, &mut nodes);
        assert_eq!(nodes, pairs.map(|[left, right]| node_hash(&left, &right)), "last byte {last} and on");
    }
}

/// The lanes as an array, and each operation as its definition says (and as a call: thousands of loops written out
/// in one function would take minutes to compile).
#[derive(Clone, Copy)]
struct Plain([u32; 16]);

impl Plain {
    fn each(self, b: Plain, c: Plain, f: impl Fn(u32, u32, u32) -> u32) -> Plain {
        Plain(std::array::from_fn(|lane| f(self.0[lane], b.0[lane], c.0[lane])))
    }

    /// In each quarter: of four pairs, the vector (0 or 1) and the word there.
    fn pick_words(self, other: Plain, from: [(usize, usize); 4]) -> Plain {
        Plain(std::array::from_fn(|lane| {
            let (vector, word) = from[lane % 4];
            [self, other][vector].0[lane / 4 * 4 + word]
        }))
    }

    /// Of four pairs, the vector and the quarter there.
    fn pick_quarters(self, other: Plain, from: [(usize, usize); 4]) -> Plain {
        Plain(std::array::from_fn(|lane| {
            let (vector, quarter) = from[lane / 4];
            [self, other][vector].0[4 * quarter + lane % 4]
        }))
    }
}

impl Lanes for Plain {
    type Proof = ();

    #[inline(never)]
    fn splat((): (), word: u32) -> Plain {
        Plain([word; 16])
    }

    #[inline(never)]
    fn rows((): (), first: &[u8; 32], second: &[u8; 32]) -> Plain {
        let bytes = [*first, *second];
        let (words, _) = bytes.as_flattened().as_chunks();
        Plain(std::array::from_fn(|lane| u32::from_le_bytes(words[lane])))
    }

    #[inline(never)]
    fn bytes(self) -> [u8; 64] {
        std::array::from_fn(|i| self.0[i / 4].to_le_bytes()[i % 4])
    }

    #[inline(never)]
    fn swap_bytes(self) -> Plain {
        Plain(self.0.map(u32::swap_bytes))
    }

    #[inline(never)]
    fn add(self, other: Plain) -> Plain {
        self.each(other, other, |a, b, _| a.wrapping_add(b))
    }

    #[inline(never)]
    fn rotate_right<const BITS: i32>(self) -> Plain {
        Plain(self.0.map(|word| word.rotate_right(BITS.unsigned_abs())))
    }

    #[inline(never)]
    fn shift_right<const BITS: u32>(self) -> Plain {
        Plain(self.0.map(|word| word >> BITS))
    }

    #[inline(never)]
    fn xor(self, b: Plain, c: Plain) -> Plain {
        self.each(b, c, |a, b, c| a ^ b ^ c)
    }

    #[inline(never)]
    fn choose(self, a: Plain, b: Plain) -> Plain {
        self.each(a, b, |mask, a, b| mask & a | !mask & b)
    }

    #[inline(never)]
    fn majority(self, b: Plain, c: Plain) -> Plain {
        self.each(b, c, |a, b, c| a & b | a & c | b & c)
    }

    #[inline(never)]
    fn zip_low(self, other: Plain) -> Plain {
        self.pick_words(other, [(0, 0), (1, 0), (0, 1), (1, 1)])
    }

    #[inline(never)]
    fn zip_high(self, other: Plain) -> Plain {
        self.pick_words(other, [(0, 2), (1, 2), (0, 3), (1, 3)])
    }

    #[inline(never)]
    fn pair_low(self, other: Plain) -> Plain {
        self.pick_words(other, [(0, 0), (0, 1), (1, 0), (1, 1)])
    }

    #[inline(never)]
    fn pair_high(self, other: Plain) -> Plain {
        self.pick_words(other, [(0, 2), (0, 3), (1, 2), (1, 3)])
    }

    #[inline(never)]
    fn even_quarters(self, other: Plain) -> Plain {
        self.pick_quarters(other, [(0, 0), (1, 0), (0, 2), (1, 2)])
    }

    #[inline(never)]
    fn odd_quarters(self, other: Plain) -> Plain {
        self.pick_quarters(other, [(0, 1), (1, 1), (0, 3), (1, 3)])
    }
}
