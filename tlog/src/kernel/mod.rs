//! The root of many 32-byte leaves (leaf *data*): what a log's intake spends its time on.
//!
//! Leaves and nodes are hashed by RFC 6962 section 2.1, as in [`crate::hash`]. Since their inputs are of fixed size
//! (33 and 65 bytes), padding and lengths are constants, and several messages are hashed at once. How, depends on
//! the processor; [`Path`] is chosen once, at the first use:
//!
//! | path | what it does | where |
//! |---|---|---|
//! | portable | one message after the other, `sha2`'s compression function | everywhere; on aarch64 and wasm32 with their instructions, as far as `sha2` uses them |
//! | SHA-NI | two messages interleaved; the second block of a node from a table | x86-64 with SHA extensions |
//! | AVX-512 | 16 subtrees at once, one a lane, transposed from leaf to subtree root; the few nodes above on one of the other paths | x86-64 with AVX-512 F and BW |
//!
//! A path that differs from the portable one on the first hashes it is given ([`Path::current`]) is not used.
//! `unsafe` is found in `sha_ni` and `avx512` only: loads, stores and calls of code for these processors. What can be
//! wrong in the algorithm of the latter (lanes, transposition, constants) is in `lanes`, which is safe code over any
//! type of 16 lanes, and runs in tests, and under Miri, on plain arrays.

mod blocks;
mod builder;
#[cfg(any(target_arch = "x86_64", test))]
mod lanes;
#[cfg(feature = "parallel")]
pub mod parallel;
mod path;
mod portable;

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod sha_ni;

#[cfg(test)]
mod tests;

pub use builder::RootBuilder;
pub use path::Path;

use crate::hash::Hash;

/// Leaf hash of each 32-byte value.
pub fn leaf_hashes(data: &[[u8; 32]]) -> Vec<Hash> {
    Path::current().leaf_hashes(data)
}

/// Root of the tree over these leaves, on the calling thread; [`Hash::EMPTY_ROOT`] if there are none.
pub fn root(leaves: &[[u8; 32]]) -> Hash {
    Path::current().root(leaves)
}

/// Root of a perfect subtree, for [`RootBuilder::push_perfect`]; `None` unless the leaves are a power of two.
pub fn perfect_root(leaves: &[[u8; 32]]) -> Option<Hash> {
    leaves.len().is_power_of_two().then(|| root(leaves))
}

/// The node over two children.
pub(crate) fn node(left: &Hash, right: &Hash) -> Hash {
    Path::current().node(left, right)
}

/// The level above: each pair's node, and an odd last hash as it is.
pub(crate) fn parents(level: &[Hash]) -> Vec<Hash> {
    Path::current().parents(level)
}

/// Hashes a level up to the root in place: one hash remains, or none if there was none.
pub(crate) fn reduce(level: &mut Vec<Hash>) {
    let root = Path::current().reduce(level);
    level.truncate(1);
    if let (Some(first), Some(root)) = (level.first_mut(), root) {
        *first = root;
    }
}
