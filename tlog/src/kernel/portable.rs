//! One message after the other, through the compression function of `sha2`.
//!
//! `sha2` has its own choice at run time: on x86-64 the SHA extensions, on aarch64 the SHA2 instructions, on wasm32
//! SIMD where it was compiled for that, else plain code. All of this file is safe and runs under Miri (with
//! `--cfg sha2_backend="soft"`).

use sha2::block_api::compress256;

use super::blocks::{INITIAL_STATE, LEAF_BLOCK, NODE_BLOCKS};
use crate::hash::Hash;

/// The hash of each leaf.
pub(super) fn leaves(data: &[[u8; 32]], out: &mut [Hash]) {
    for (data, out) in data.iter().zip(out) {
        *out = leaf(data);
    }
}

/// The node over each pair.
pub(super) fn nodes(pairs: &[[Hash; 2]], out: &mut [Hash]) {
    for ([left, right], out) in pairs.iter().zip(out) {
        *out = node(left, right);
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
