//! x86-64 with AVX-512 (F and BW): the vectors for `lanes`.
//!
//! There are three functions that are compiled for AVX-512, and nothing of SSE is in them but what loads halves: the
//! rest of a tree is hashed by functions of `sha_ni` or `portable`, after the upper halves of the registers have been
//! cleared (which the compiler does at the end of each). In one function the two encodings stall each other.
#![expect(unsafe_code, reason = "vectors of AVX-512, and calls of code for processors that have it")]

use std::arch::x86_64::{
    __m256i, __m512i, _mm256_loadu_si256, _mm512_add_epi32, _mm512_castsi256_si512, _mm512_inserti64x4,
    _mm512_permutex2var_epi64, _mm512_ror_epi32, _mm512_set_epi64, _mm512_set1_epi32, _mm512_set4_epi32,
    _mm512_shuffle_epi8, _mm512_srli_epi32, _mm512_storeu_si512, _mm512_ternarylogic_epi32,
    _mm512_unpackhi_epi32, _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use super::lanes::{self, LANE_LEVEL, Lanes, MAX_SUBTREE_LEVEL};
use crate::hash::Hash;

/// The proof that this processor has the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Avx512(());

impl Avx512 {
    /// `None` on a processor, or an operating system, without them.
    pub(super) fn detect() -> Option<Avx512> {
        // INVARIANT: the features of `target_feature` below.
        let here = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        here.then_some(Avx512(()))
    }

    /// How large the subtree of a lane is if it takes sixteen of them, or more often sixteen, to make this perfect
    /// tree: the larger the better. `None` if that is one leaf a lane, or less.
    pub(super) fn lane_level(self, leaves: &[[u8; 32]]) -> Option<u8> {
        let level = u8::try_from(leaves.len().checked_ilog2()?).ok()?;
        level.checked_sub(LANE_LEVEL).filter(|&level| level > 0).map(|level| level.min(MAX_SUBTREE_LEVEL))
    }

    /// The roots of subtrees of this level, as found by [`Avx512::lane_level`].
    pub(super) fn subtrees(self, level: u8, leaves: &[[u8; 32]], roots: &mut [Hash]) {
        for (leaves, roots) in leaves.chunks_exact(1 << (LANE_LEVEL + level)).zip(roots.as_chunks_mut().0) {
            // SAFETY: the features were detected, or there would be no `self`.
            unsafe { subtrees(self, level, leaves, roots) }
        }
    }

    /// The hash of each leaf, as far as they fill all lanes: how many that are.
    pub(super) fn leaves(self, data: &[[u8; 32]], out: &mut [Hash]) -> usize {
        let (groups, rest) = data.as_chunks();
        for (data, out) in groups.iter().zip(out.as_chunks_mut().0) {
            // SAFETY: the features were detected, or there would be no `self`.
            unsafe { leaves(self, data, out) }
        }
        data.len() - rest.len()
    }

    /// The node over each pair, as far as they fill all lanes: how many that are.
    pub(super) fn nodes(self, pairs: &[[Hash; 2]], out: &mut [Hash]) -> usize {
        let (groups, rest) = pairs.as_chunks();
        for (pairs, out) in groups.iter().zip(out.as_chunks_mut().0) {
            // SAFETY: the features were detected, or there would be no `self`.
            unsafe { nodes(self, pairs, out) }
        }
        pairs.len() - rest.len()
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn subtrees(proof: Avx512, level: u8, leaves: &[[u8; 32]], roots: &mut [Hash; 16]) {
    lanes::subtrees::<Vector>(proof, level, leaves, roots);
}

#[target_feature(enable = "avx512f,avx512bw")]
fn leaves(proof: Avx512, data: &[[u8; 32]; 16], out: &mut [Hash; 16]) {
    lanes::leaves::<Vector>(proof, data, out);
}

#[target_feature(enable = "avx512f,avx512bw")]
fn nodes(proof: Avx512, pairs: &[[Hash; 2]; 16], out: &mut [Hash; 16]) {
    lanes::nodes::<Vector>(proof, pairs, out);
}

/// Sixteen lanes.
// INVARIANT: made with an `Avx512` at hand only, so that whoever has one is on a processor with the instructions.
#[derive(Clone, Copy)]
struct Vector(__m512i);

/// Runs an intrinsic.
macro_rules! avx512 {
    ($call:expr) => {
        // SAFETY: AVX-512 F and BW are here, or there would be neither `self` nor a proof; no memory is touched.
        Vector(unsafe { $call })
    };
}

impl Lanes for Vector {
    type Proof = Avx512;

    #[inline(always)]
    fn splat(_: Avx512, word: u32) -> Vector {
        avx512!(_mm512_set1_epi32(word.cast_signed()))
    }

    #[inline(always)]
    fn rows(_: Avx512, first: &[u8; 32], second: &[u8; 32]) -> Vector {
        // SAFETY: 32 bytes each by their references, and these loads need no alignment; AVX comes with AVX-512.
        let (first, second): (__m256i, __m256i) = unsafe {
            (_mm256_loadu_si256(first.as_ptr().cast()), _mm256_loadu_si256(second.as_ptr().cast()))
        };
        avx512!(_mm512_inserti64x4::<1>(_mm512_castsi256_si512(first), second))
    }

    #[inline(always)]
    fn bytes(self) -> [u8; 64] {
        let mut bytes = [0; 64];
        // SAFETY: 64 bytes by their reference, and this store needs no alignment; AVX-512 F is here, as there is a
        // `self`.
        unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), self.0) }
        bytes
    }

    #[inline(always)]
    fn swap_bytes(self) -> Vector {
        avx512!(_mm512_shuffle_epi8(
            self.0,
            _mm512_set4_epi32(0x0c0d_0e0f, 0x0809_0a0b, 0x0405_0607, 0x0001_0203)
        ))
    }

    #[inline(always)]
    fn add(self, other: Vector) -> Vector {
        avx512!(_mm512_add_epi32(self.0, other.0))
    }

    #[inline(always)]
    fn rotate_right<const BITS: i32>(self) -> Vector {
        avx512!(_mm512_ror_epi32::<BITS>(self.0))
    }

    #[inline(always)]
    fn shift_right<const BITS: u32>(self) -> Vector {
        avx512!(_mm512_srli_epi32::<BITS>(self.0))
    }

    // The constants below are the functions' values for the bits (self, second, third) = 111, 110, … 000.

    #[inline(always)]
    fn xor(self, b: Vector, c: Vector) -> Vector {
        avx512!(_mm512_ternarylogic_epi32::<0b1001_0110>(self.0, b.0, c.0))
    }

    #[inline(always)]
    fn choose(self, a: Vector, b: Vector) -> Vector {
        avx512!(_mm512_ternarylogic_epi32::<0b1100_1010>(self.0, a.0, b.0))
    }

    #[inline(always)]
    fn majority(self, b: Vector, c: Vector) -> Vector {
        avx512!(_mm512_ternarylogic_epi32::<0b1110_1000>(self.0, b.0, c.0))
    }

    #[inline(always)]
    fn zip_low(self, other: Vector) -> Vector {
        avx512!(_mm512_unpacklo_epi32(self.0, other.0))
    }

    #[inline(always)]
    fn zip_high(self, other: Vector) -> Vector {
        avx512!(_mm512_unpackhi_epi32(self.0, other.0))
    }

    #[inline(always)]
    fn pair_low(self, other: Vector) -> Vector {
        avx512!(_mm512_unpacklo_epi64(self.0, other.0))
    }

    #[inline(always)]
    fn pair_high(self, other: Vector) -> Vector {
        avx512!(_mm512_unpackhi_epi64(self.0, other.0))
    }

    // Indices are of 64 bits, from the highest: 0 to 7 this vector's, 8 to 15 the other's.

    #[inline(always)]
    fn even_quarters(self, other: Vector) -> Vector {
        avx512!(_mm512_permutex2var_epi64(self.0, _mm512_set_epi64(13, 12, 5, 4, 9, 8, 1, 0), other.0))
    }

    #[inline(always)]
    fn odd_quarters(self, other: Vector) -> Vector {
        avx512!(_mm512_permutex2var_epi64(self.0, _mm512_set_epi64(15, 14, 7, 6, 11, 10, 3, 2), other.0))
    }
}
