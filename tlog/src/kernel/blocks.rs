//! What the blocks of leaves and nodes have in common: everything but the data.

use crate::hash::{LEAF_PREFIX, NODE_PREFIX};

/// FIPS 180-4 section 5.3.3.
pub(super) const INITIAL_STATE: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A leaf's block without its data: prefix, padding, length in bits.
pub(super) const LEAF_BLOCK: [u8; 64] = {
    let mut block = [0; 64];
    block[0] = LEAF_PREFIX;
    block[33] = 0x80;
    [block[62], block[63]] = LEAF_BITS.to_be_bytes();
    block
};

/// A node's blocks without its children: prefix, padding, length in bits.
pub(super) const NODE_BLOCKS: [[u8; 64]; 2] = {
    let mut blocks = [[0; 64]; 2];
    blocks[0][0] = NODE_PREFIX;
    blocks[1][1] = 0x80;
    [blocks[1][62], blocks[1][63]] = NODE_BITS.to_be_bytes();
    blocks
};

/// The length of a leaf with its prefix.
pub(super) const LEAF_BITS: u16 = 33 * 8;
/// The length of a node with its prefix.
pub(super) const NODE_BITS: u16 = 65 * 8;

/// The padding's one bit behind the last byte of a message that stands first in its word.
#[cfg(any(target_arch = "x86_64", test))]
pub(super) const PADDING: u32 = 0x0080_0000;

/// FIPS 180-4 section 4.2.2.
#[cfg(any(target_arch = "x86_64", test))]
#[rustfmt::skip]
pub(super) const ROUND_CONSTANTS: [u32; 64] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
];

/// A table that starts where a cache line does, so that loads of 16 bytes from it are aligned.
#[cfg(target_arch = "x86_64")]
#[repr(align(64))]
pub(super) struct Aligned<T>(pub(super) T);

/// Message schedule plus round constants of a node's second block, by the one byte of it that varies: the last of
/// the right child. 64 KiB, which the second cache holds.
#[cfg(target_arch = "x86_64")]
pub(super) static SECOND_BLOCKS: Aligned<[[u32; 64]; 256]> = Aligned({
    let mut rows = [[0; 64]; 256];
    let mut byte = 0_u32;
    while byte < 256 {
        let mut words = [0; 16];
        words[0] = byte << 24 | PADDING;
        words[15] = NODE_BITS as u32;
        rows[byte as usize] = scheduled(words);
        byte += 1;
    }
    rows
});

/// FIPS 180-4 section 6.2.2, step 1, plus the constant of each round.
#[cfg(target_arch = "x86_64")]
const fn scheduled(block: [u32; 16]) -> [u32; 64] {
    let mut words = [0_u32; 64];
    let mut sums = [0; 64];
    let mut round = 0;
    while round < 64 {
        words[round] = if round < 16 {
            block[round]
        } else {
            sigma0(words[round - 15])
                .wrapping_add(sigma1(words[round - 2]))
                .wrapping_add(words[round - 7])
                .wrapping_add(words[round - 16])
        };
        sums[round] = words[round].wrapping_add(ROUND_CONSTANTS[round]);
        round += 1;
    }
    sums
}

/// FIPS 180-4 equation 4.6.
#[cfg(any(target_arch = "x86_64", test))]
pub(super) const fn sigma0(x: u32) -> u32 {
    x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3)
}

/// FIPS 180-4 equation 4.7.
#[cfg(any(target_arch = "x86_64", test))]
pub(super) const fn sigma1(x: u32) -> u32 {
    x.rotate_right(17) ^ x.rotate_right(19) ^ (x >> 10)
}
