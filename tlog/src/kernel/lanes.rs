//! Sixteen messages at once, one in each lane of a vector: leaf data to the roots of sixteen subtrees.
//!
//! Word i of all messages is one vector, from the leaf to the subtree's root: only what goes in and comes out is
//! transposed. Everything here is safe code over [`Lanes`]; `avx512` has the vectors, and tests have plain arrays,
//! on which all of it runs under Miri.

use super::blocks::{INITIAL_STATE, LEAF_BITS, NODE_BITS, PADDING, ROUND_CONSTANTS, sigma0, sigma1};
use crate::hash::{Hash, LEAF_PREFIX, NODE_PREFIX};

/// Sixteen lanes of 32 bits. In memory, and for what moves between lanes, they are four quarters of four.
pub(super) trait Lanes: Copy {
    /// What shows that the processor has the instructions.
    type Proof: Copy;

    fn splat(proof: Self::Proof, word: u32) -> Self;
    /// Two rows of eight words: the first is the lower half of the lanes.
    fn rows(proof: Self::Proof, first: &[u8; 32], second: &[u8; 32]) -> Self;
    /// The lanes as they are in memory.
    fn bytes(self) -> [u8; 64];
    /// Turns around the bytes of each word.
    fn swap_bytes(self) -> Self;

    fn add(self, other: Self) -> Self;
    fn rotate_right<const BITS: i32>(self) -> Self;
    fn shift_right<const BITS: u32>(self) -> Self;
    fn xor(self, b: Self, c: Self) -> Self;
    /// Each bit of `a` where this one is set, else of `b`.
    fn choose(self, a: Self, b: Self) -> Self;
    fn majority(self, b: Self, c: Self) -> Self;

    /// In each quarter: words 0 of both, words 1 of both.
    fn zip_low(self, other: Self) -> Self;
    /// In each quarter: words 2 of both, words 3 of both.
    fn zip_high(self, other: Self) -> Self;
    /// In each quarter: the lower two words of both.
    fn pair_low(self, other: Self) -> Self;
    /// In each quarter: the higher two words of both.
    fn pair_high(self, other: Self) -> Self;
    /// Quarters 0 of both, then quarters 2 of both.
    fn even_quarters(self, other: Self) -> Self;
    /// Quarters 1 of both, then quarters 3 of both.
    fn odd_quarters(self, other: Self) -> Self;
}

/// Sixteen values of 32 bytes: their words, or a digest's.
type Sixteen<L> = [L; 8];

/// 2^4 lanes.
pub(super) const LANE_LEVEL: u8 = 4;
const LANES: usize = 1 << LANE_LEVEL;

/// The roots of sixteen neighbouring perfect subtrees of `1 << level` leaves each.
#[inline(always)]
pub(super) fn subtrees<L: Lanes>(proof: L::Proof, level: u8, leaves: &[[u8; 32]], roots: &mut [Hash; LANES]) {
    // The left siblings that wait for their right ones, by level, as in a compact range.
    let zero = L::splat(proof, 0);
    let mut waiting = [[zero; 8]; MAX_SUBTREE_LEVEL as usize];
    let mut top = [zero; 8];
    for index in 0..1_usize << level {
        let data: [&[u8; 32]; LANES] = std::array::from_fn(|lane| &leaves[(lane << level) + index]);
        top = leaf::<L>(proof, transposed(proof, data));
        let mut complete = 0;
        while index >> complete & 1 == 1 {
            top = node::<L>(proof, waiting[complete], top);
            complete += 1;
        }
        if complete < waiting.len() {
            waiting[complete] = top;
        }
    }
    untransposed(top, roots);
}

/// The largest subtree of a lane.
pub(super) const MAX_SUBTREE_LEVEL: u8 = 6;

/// The hashes of sixteen leaves.
#[inline(always)]
pub(super) fn leaves<L: Lanes>(proof: L::Proof, data: &[[u8; 32]; LANES], out: &mut [Hash; LANES]) {
    untransposed(leaf::<L>(proof, transposed(proof, data.each_ref())), out);
}

/// The nodes over sixteen pairs.
#[inline(always)]
pub(super) fn nodes<L: Lanes>(proof: L::Proof, pairs: &[[Hash; 2]; LANES], out: &mut [Hash; LANES]) {
    // Bytes only pass through these closures, never vectors: what isn't inlined here isn't compiled for them.
    let left = transposed(proof, pairs.each_ref().map(|[left, _]| left.as_bytes()));
    let right = transposed(proof, pairs.each_ref().map(|[_, right]| right.as_bytes()));
    untransposed(node::<L>(proof, left, right), out);
}

/// SHA-256(0x00 ‖ data): 33 bytes, one block.
#[inline(always)]
fn leaf<L: Lanes>(proof: L::Proof, data: Sixteen<L>) -> Sixteen<L> {
    let zero = L::splat(proof, 0);
    let [w0, w1, w2, w3, w4, w5, w6, w7, w8] = a_byte_on(proof, LEAF_PREFIX, data);
    // The last byte of the data, and where the padding begins.
    let w8 = L::splat(proof, LAST_BYTE).choose(w8, L::splat(proof, PADDING));
    let bits = L::splat(proof, LEAF_BITS as u32);
    compress(
        proof,
        initial(proof),
        [w0, w1, w2, w3, w4, w5, w6, w7, w8, zero, zero, zero, zero, zero, zero, bits],
    )
}

/// SHA-256(0x01 ‖ left ‖ right): 65 bytes, two blocks.
#[inline(always)]
fn node<L: Lanes>(proof: L::Proof, left: Sixteen<L>, right: Sixteen<L>) -> Sixteen<L> {
    let [w0, w1, w2, w3, w4, w5, w6, w7, between] = a_byte_on(proof, NODE_PREFIX, left);
    let [start, w9, w10, w11, w12, w13, w14, w15, end] = a_byte_on(proof, 0, right);
    let last_byte = L::splat(proof, LAST_BYTE);
    let w8 = last_byte.choose(between, start);
    let first = [w0, w1, w2, w3, w4, w5, w6, w7, w8, w9, w10, w11, w12, w13, w14, w15];
    let state = compress(proof, initial(proof), first);
    let w0 = last_byte.choose(end, L::splat(proof, PADDING));
    compress_second(proof, state, w0)
}

/// Words moved by a byte to make room for a prefix; the last byte of all is the highest of the ninth word, whose
/// other bytes are undefined.
#[inline(always)]
fn a_byte_on<L: Lanes>(proof: L::Proof, prefix: u8, words: Sixteen<L>) -> [L; 9] {
    let mut turned = words;
    for word in &mut turned {
        *word = word.rotate_right::<8>();
    }
    let last_byte = L::splat(proof, LAST_BYTE);
    let prefix = L::splat(proof, (prefix as u32) << 24);
    [
        last_byte.choose(prefix, turned[0]),
        last_byte.choose(turned[0], turned[1]),
        last_byte.choose(turned[1], turned[2]),
        last_byte.choose(turned[2], turned[3]),
        last_byte.choose(turned[3], turned[4]),
        last_byte.choose(turned[4], turned[5]),
        last_byte.choose(turned[5], turned[6]),
        last_byte.choose(turned[6], turned[7]),
        turned[7],
    ]
}

/// Where the last byte of a word comes to stand once words are moved by a byte.
const LAST_BYTE: u32 = 0xff00_0000;

#[inline(always)]
fn initial<L: Lanes>(proof: L::Proof) -> Sixteen<L> {
    let mut state = [L::splat(proof, 0); 8];
    for (lanes, word) in state.iter_mut().zip(INITIAL_STATE) {
        *lanes = L::splat(proof, word);
    }
    state
}

/// FIPS 180-4 section 6.2.2 over a block of which nothing is known.
#[inline(always)]
fn compress<L: Lanes>(proof: L::Proof, before: Sixteen<L>, mut words: [L; 16]) -> Sixteen<L> {
    let mut state = sixteen_rounds(proof, before, &words, 0);
    for from in [16, 32, 48] {
        words = next_words(words);
        state = sixteen_rounds(proof, state, &words, from);
    }
    sum(before, state)
}

/// The same over a node's second block, of which all is known but the first word.
#[inline(always)]
fn compress_second<L: Lanes>(proof: L::Proof, before: Sixteen<L>, w0: L) -> Sixteen<L> {
    let mut words = [L::splat(proof, 0); 16];
    words[0] = w0;
    words[15] = L::splat(proof, NODE_BITS as u32);
    let mut state = sixteen_rounds(proof, before, &words, 0);
    words = second_words(proof, w0);
    state = sixteen_rounds(proof, state, &words, 16);
    for from in [32, 48] {
        words = next_words(words);
        state = sixteen_rounds(proof, state, &words, from);
    }
    sum(before, state)
}

#[inline(always)]
fn sum<L: Lanes>(before: Sixteen<L>, state: Sixteen<L>) -> Sixteen<L> {
    let ([a0, b0, c0, d0, e0, f0, g0, h0], [a, b, c, d, e, f, g, h]) = (before, state);
    [a0.add(a), b0.add(b), c0.add(c), d0.add(d), e0.add(e), f0.add(f), g0.add(g), h0.add(h)]
}

/// Words 16 to 31 of a node's second block, of whose first sixteen only w0 and w15 are not zero: what the zeros
/// would add is left out, and what hangs on w15 alone is constant.
#[inline(always)]
fn second_words<L: Lanes>(proof: L::Proof, w0: L) -> [L; 16] {
    const W15: u32 = NODE_BITS as u32;
    const W17: u32 = sigma1(W15);
    const W19: u32 = sigma1(W17);
    const W21: u32 = sigma1(W19);
    let constant = |word| L::splat(proof, word);
    let w16 = w0;
    let w18 = small_sigma1(w16);
    let w20 = small_sigma1(w18);
    let w22 = small_sigma1(w20).add(constant(W15));
    let w23 = w16.add(constant(sigma1(W21)));
    let w24 = small_sigma1(w22).add(constant(W17));
    let w25 = small_sigma1(w23).add(w18);
    let w26 = small_sigma1(w24).add(constant(W19));
    let w27 = small_sigma1(w25).add(w20);
    let w28 = small_sigma1(w26).add(constant(W21));
    let w29 = small_sigma1(w27).add(w22);
    let w30 = small_sigma1(w28).add(w23).add(constant(sigma0(W15)));
    let w31 = small_sigma1(w29).add(w24).add(small_sigma0(w16)).add(constant(W15));
    let (w17, w19, w21) = (constant(W17), constant(W19), constant(W21));
    [w16, w17, w18, w19, w20, w21, w22, w23, w24, w25, w26, w27, w28, w29, w30, w31]
}

/// The sixteen words after these.
#[inline(always)]
fn next_words<L: Lanes>(mut words: [L; 16]) -> [L; 16] {
    macro_rules! next {
        ($($i:literal)*) => {$(
            words[$i] = small_sigma1(words[($i + 14) % 16])
                .add(words[($i + 9) % 16])
                .add(small_sigma0(words[($i + 1) % 16]).add(words[$i]));
        )*};
    }
    next!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
    words
}

/// Rounds `from` to `from + 15`.
#[inline(always)]
fn sixteen_rounds<L: Lanes>(proof: L::Proof, state: Sixteen<L>, words: &[L; 16], from: usize) -> Sixteen<L> {
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = state;
    // Instead of moving variables on, each round names them differently.
    macro_rules! round {
        ($i:expr; $a:ident $b:ident $c:ident $d:ident $e:ident $f:ident $g:ident $h:ident) => {
            let constant = L::splat(proof, ROUND_CONSTANTS[from + $i]);
            let t1 = $h.add(words[$i].add(constant)).add(big_sigma1($e)).add($e.choose($f, $g));
            $d = $d.add(t1);
            $h = t1.add(big_sigma0($a)).add($a.majority($b, $c));
        };
    }
    macro_rules! eight_rounds {
        ($i:literal) => {
            round!($i; a b c d e f g h);
            round!($i + 1; h a b c d e f g);
            round!($i + 2; g h a b c d e f);
            round!($i + 3; f g h a b c d e);
            round!($i + 4; e f g h a b c d);
            round!($i + 5; d e f g h a b c);
            round!($i + 6; c d e f g h a b);
            round!($i + 7; b c d e f g h a);
        };
    }
    eight_rounds!(0);
    eight_rounds!(8);
    [a, b, c, d, e, f, g, h]
}

/// FIPS 180-4 equation 4.4.
#[inline(always)]
fn big_sigma0<L: Lanes>(x: L) -> L {
    x.rotate_right::<2>().xor(x.rotate_right::<13>(), x.rotate_right::<22>())
}

/// FIPS 180-4 equation 4.5.
#[inline(always)]
fn big_sigma1<L: Lanes>(x: L) -> L {
    x.rotate_right::<6>().xor(x.rotate_right::<11>(), x.rotate_right::<25>())
}

/// FIPS 180-4 equation 4.6.
#[inline(always)]
fn small_sigma0<L: Lanes>(x: L) -> L {
    x.rotate_right::<7>().xor(x.rotate_right::<18>(), x.shift_right::<3>())
}

/// FIPS 180-4 equation 4.7.
#[inline(always)]
fn small_sigma1<L: Lanes>(x: L) -> L {
    x.rotate_right::<17>().xor(x.rotate_right::<19>(), x.shift_right::<10>())
}

/// Word i of each row in lane order, from bytes with the highest first.
#[inline(always)]
fn transposed<L: Lanes>(proof: L::Proof, rows: [&[u8; 32]; LANES]) -> Sixteen<L> {
    let mut loaded = [L::splat(proof, 0); 8];
    for (row, lanes) in loaded.iter_mut().enumerate() {
        *lanes = L::rows(proof, rows[row], rows[row + 8]).swap_bytes();
    }
    // A quarter of `t[i]` has word i, or 4 + i, of four rows.
    let [r0, r1, r2, r3, r4, r5, r6, r7] = loaded;
    let (t, u) = (square([r0, r1, r2, r3]), square([r4, r5, r6, r7]));
    [
        t[0].even_quarters(u[0]),
        t[1].even_quarters(u[1]),
        t[2].even_quarters(u[2]),
        t[3].even_quarters(u[3]),
        t[0].odd_quarters(u[0]),
        t[1].odd_quarters(u[1]),
        t[2].odd_quarters(u[2]),
        t[3].odd_quarters(u[3]),
    ]
}

/// The digests lane by lane, the highest byte of each word first.
#[inline(always)]
fn untransposed<L: Lanes>([a, b, c, d, e, f, g, h]: Sixteen<L>, out: &mut [Hash; LANES]) {
    let (starts, ends) = (square([a, b, c, d]), square([e, f, g, h]));
    for row in 0..4 {
        let (start, end) = (starts[row].swap_bytes().bytes(), ends[row].swap_bytes().bytes());
        for quarter in 0..4 {
            let mut bytes = [0; Hash::LEN];
            bytes[..16].copy_from_slice(&start[16 * quarter..16 * quarter + 16]);
            bytes[16..].copy_from_slice(&end[16 * quarter..16 * quarter + 16]);
            out[4 * quarter + row] = Hash::new(bytes);
        }
    }
}

/// Transposes the four by four words that stand in each quarter of four vectors.
#[inline(always)]
fn square<L: Lanes>([a, b, c, d]: [L; 4]) -> [L; 4] {
    let (ab_low, cd_low) = (a.zip_low(b), c.zip_low(d));
    let (ab_high, cd_high) = (a.zip_high(b), c.zip_high(d));
    [ab_low.pair_low(cd_low), ab_low.pair_high(cd_low), ab_high.pair_low(cd_high), ab_high.pair_high(cd_high)]
}
