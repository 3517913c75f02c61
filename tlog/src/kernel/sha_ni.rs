//! x86-64 with SHA extensions: messages in pairs, since two rounds take four cycles but may start every second one.
//!
//! A message's working variables are kept as the instructions want them, (a b e f) and (c d g h), from the initial
//! state to the digest. Words are moved into place by the same shuffle that turns their bytes around. The second
//! block of a node has no message schedule: [`SECOND_BLOCKS`] has it, and each two rounds' words are loaded to where
//! the instruction takes them. There is no AVX code here, nor any shared with `avx512`: mixing the two encodings
//! stalls.
#![expect(unsafe_code, reason = "loads, stores, and calls of code for processors with SHA extensions")]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_load_si128, _mm_loadl_epi64, _mm_loadu_si128, _mm_or_si128,
    _mm_set_epi8, _mm_set_epi32, _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
    _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_storeu_si128, _mm_unpackhi_epi64,
    _mm_unpacklo_epi64,
};

use super::blocks::{Aligned, INITIAL_STATE, LEAF_BITS, PADDING, ROUND_CONSTANTS, SECOND_BLOCKS};
use crate::hash::{Hash, LEAF_PREFIX, NODE_PREFIX};

/// The proof that this processor has the instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ShaNi(());

impl ShaNi {
    /// `None` on a processor without them.
    pub(super) fn detect() -> Option<ShaNi> {
        // INVARIANT: the features of `target_feature` below; SSE2 is part of x86-64.
        let here = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1");
        here.then_some(ShaNi(()))
    }

    /// The hash of each leaf.
    pub(super) fn leaves(self, data: &[[u8; 32]], out: &mut [Hash]) {
        // SAFETY: the features were detected, or there would be no `self`.
        unsafe { leaves(data, out) }
    }

    /// The node over each pair.
    pub(super) fn nodes(self, pairs: &[[Hash; 2]], out: &mut [Hash]) {
        // SAFETY: the features were detected, or there would be no `self`.
        unsafe { nodes(pairs, out) }
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn leaves(data: &[[u8; 32]], out: &mut [Hash]) {
    let (pairs, single) = data.as_chunks::<2>();
    let (out_pairs, out_single) = out.as_chunks_mut::<2>();
    for (data, out) in pairs.iter().zip(out_pairs) {
        leaf(data, out);
    }
    for (data, out) in single.iter().zip(out_single) {
        leaf(std::array::from_ref(data), std::array::from_mut(out));
    }
}

#[target_feature(enable = "sha,ssse3,sse4.1")]
fn nodes(pairs: &[[Hash; 2]], out: &mut [Hash]) {
    let (twos, single) = pairs.as_chunks::<2>();
    let (out_twos, out_single) = out.as_chunks_mut::<2>();
    for (pairs, out) in twos.iter().zip(out_twos) {
        node(pairs, out);
    }
    for (pair, out) in single.iter().zip(out_single) {
        node(std::array::from_ref(pair), std::array::from_mut(out));
    }
}

/// N leaves, interleaved.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn leaf<const N: usize>(data: &[[u8; 32]; N], out: &mut [Hash; N]) {
    let mut words = [[_mm_setzero_si128(); 4]; N];
    for i in 0..N {
        words[i] = leaf_words(&data[i]);
    }
    let mut states = [initial(); N];
    first_block(&mut states, &mut words);
    for i in 0..N {
        store(states[i], &mut out[i]);
    }
}

/// N nodes, interleaved.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn node<const N: usize>(pairs: &[[Hash; 2]; N], out: &mut [Hash; N]) {
    let mut words = [[_mm_setzero_si128(); 4]; N];
    let mut rows = [&SECOND_BLOCKS.0[0]; N];
    for i in 0..N {
        words[i] = node_words(&pairs[i]);
        rows[i] = &SECOND_BLOCKS.0[usize::from(pairs[i][1].as_bytes()[31])];
    }
    let mut states = [initial(); N];
    first_block(&mut states, &mut words);
    second_block(&mut states, rows);
    for i in 0..N {
        store(states[i], &mut out[i]);
    }
}

/// A message's working variables; lanes are written from the highest.
#[derive(Clone, Copy)]
struct State {
    abef: __m128i,
    cdgh: __m128i,
}

#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn initial() -> State {
    let [a, b, c, d, e, f, g, h] = INITIAL_STATE;
    State { abef: four(a, b, e, f), cdgh: four(c, d, g, h) }
}

/// Four words, the highest lane first.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn four(w3: u32, w2: u32, w1: u32, w0: u32) -> __m128i {
    _mm_set_epi32(w3.cast_signed(), w2.cast_signed(), w1.cast_signed(), w0.cast_signed())
}

/// The words of a leaf's only block.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn leaf_words(data: &[u8; 32]) -> [__m128i; 4] {
    let start = load::<0, 32>(data);
    let middle = load::<15, 32>(data);
    let end = load::<16, 32>(data);
    let last_byte = _mm_set_epi8(-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 15, -1, -1, -1);
    [
        behind_prefix::<LEAF_PREFIX>(start),
        big_endian(middle),
        _mm_or_si128(_mm_shuffle_epi8(end, last_byte), four(0, 0, 0, PADDING)),
        four(u32::from(LEAF_BITS), 0, 0, 0),
    ]
}

/// The words of a node's first block: all but the last byte of its children.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn node_words(pair: &[Hash; 2]) -> [__m128i; 4] {
    // SAFETY: two hashes are 64 bytes in a row, all initialised, as `Hash` is a transparent [u8; 32].
    let children: &[u8; 64] = unsafe { &*std::ptr::from_ref(pair).cast() };
    [
        behind_prefix::<NODE_PREFIX>(load::<0, 64>(children)),
        big_endian(load::<15, 64>(children)),
        big_endian(load::<31, 64>(children)),
        big_endian(load::<47, 64>(children)),
    ]
}

/// Four words: the prefix and the first 15 bytes behind it.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn behind_prefix<const PREFIX: u8>(bytes: __m128i) -> __m128i {
    let shifted = _mm_set_epi8(11, 12, 13, 14, 7, 8, 9, 10, 3, 4, 5, 6, -1, 0, 1, 2);
    let words = _mm_shuffle_epi8(bytes, shifted);
    if PREFIX == 0 { words } else { _mm_or_si128(words, four(0, 0, 0, u32::from(PREFIX) << 24)) }
}

#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn big_endian(bytes: __m128i) -> __m128i {
    _mm_shuffle_epi8(bytes, _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3))
}

/// A whole block, its schedule computed on the way.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn first_block<const N: usize>(states: &mut [State; N], words: &mut [[__m128i; 4]; N]) {
    let before = *states;
    for quarter in 0..4 {
        let mut sums = [round_constants(quarter); N];
        for (sum, words) in sums.iter_mut().zip(words.iter()) {
            *sum = _mm_add_epi32(words[quarter], *sum);
        }
        four_rounds(states, sums);
    }
    // Written out thrice so that each word stays in a register.
    sixteen_rounds::<4, N>(states, words);
    sixteen_rounds::<8, N>(states, words);
    sixteen_rounds::<12, N>(states, words);
    add(states, &before);
}

/// A node's second block, by the row for the last byte of its right child.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn second_block<const N: usize>(states: &mut [State; N], rows: [&[u32; 64]; N]) {
    let before = *states;
    for quarter in 0..16 {
        for (State { abef, cdgh }, row) in states.iter_mut().zip(rows) {
            *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, load_two(row, 4 * quarter));
        }
        for (State { abef, cdgh }, row) in states.iter_mut().zip(rows) {
            *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, load_two(row, 4 * quarter + 2));
        }
    }
    add(states, &before);
}

/// FIPS 180-4 section 6.2.2, step 4.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn add<const N: usize>(states: &mut [State; N], before: &[State; N]) {
    for (state, before) in states.iter_mut().zip(before) {
        state.abef = _mm_add_epi32(state.abef, before.abef);
        state.cdgh = _mm_add_epi32(state.cdgh, before.cdgh);
    }
}

/// Sixteen rounds from the fourfold of `FROM`, each four after computing their words in place of those 16 before.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn sixteen_rounds<const FROM: usize, const N: usize>(states: &mut [State; N], words: &mut [[__m128i; 4]; N]) {
    for quarter in 0..4 {
        let mut sums = [round_constants(FROM + quarter); N];
        for i in 0..N {
            let (w0, w1) = (words[i][quarter], words[i][(quarter + 1) % 4]);
            let (w2, w3) = (words[i][(quarter + 2) % 4], words[i][(quarter + 3) % 4]);
            let partial = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w1), _mm_alignr_epi8(w3, w2, 4));
            words[i][quarter] = _mm_sha256msg2_epu32(partial, w3);
            sums[i] = _mm_add_epi32(words[i][quarter], sums[i]);
        }
        four_rounds(states, sums);
    }
}

/// Four rounds; `sums` are the words plus the constants.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn four_rounds<const N: usize>(states: &mut [State; N], sums: [__m128i; N]) {
    for (State { abef, cdgh }, sum) in states.iter_mut().zip(sums) {
        *cdgh = _mm_sha256rnds2_epu32(*cdgh, *abef, sum);
    }
    for (State { abef, cdgh }, sum) in states.iter_mut().zip(sums) {
        *abef = _mm_sha256rnds2_epu32(*abef, *cdgh, _mm_shuffle_epi32(sum, 0x0e));
    }
}

/// The constants of four rounds from the fourfold of `quarter`.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn round_constants(quarter: usize) -> __m128i {
    static CONSTANTS: Aligned<[u32; 64]> = Aligned(ROUND_CONSTANTS);
    let four = &CONSTANTS.0[4 * quarter..4 * quarter + 4];
    // SAFETY: 16 bytes by their reference; the table begins on 64 bytes, and this is the fourfold of 4 bytes on.
    unsafe { _mm_load_si128(four.as_ptr().cast()) }
}

/// 16 bytes from `AT` onward.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn load<const AT: usize, const LEN: usize>(bytes: &[u8; LEN]) -> __m128i {
    const { assert!(AT + 16 <= LEN, "within the array") };
    // SAFETY: AT + 16 bytes are within the array, and this load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().add(AT).cast()) }
}

/// Two words of a row, to the low half.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn load_two(row: &[u32; 64], at: usize) -> __m128i {
    let two: &[u32; 2] = row[at..at + 2].try_into().expect("two words");
    // SAFETY: 8 bytes by their reference, and this load needs no alignment.
    unsafe { _mm_loadl_epi64(two.as_ptr().cast()) }
}

/// The digest: a to h, each with its highest byte first.
#[inline]
#[target_feature(enable = "sha,ssse3,sse4.1")]
fn store(State { abef, cdgh }: State, out: &mut Hash) {
    // The unpacked halves have (d c b a turned by pairs): c d a b from the highest, and g h e f.
    let order = _mm_set_epi8(8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
    let a_to_d = _mm_shuffle_epi8(_mm_unpackhi_epi64(abef, cdgh), order);
    let e_to_h = _mm_shuffle_epi8(_mm_unpacklo_epi64(abef, cdgh), order);
    let mut bytes = [0; Hash::LEN];
    let (low, high) = bytes.split_at_mut(16);
    // SAFETY: each half is 16 bytes long, and these stores need no alignment.
    unsafe {
        _mm_storeu_si128(low.as_mut_ptr().cast(), a_to_d);
        _mm_storeu_si128(high.as_mut_ptr().cast(), e_to_h);
    }
    *out = Hash::new(bytes);
}
