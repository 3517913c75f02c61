//! Random bytes and numbers, so that no two submissions are the same.

/// 32 random bytes: a commitment that nobody has sent before.
pub fn commitment() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    bytes
}

/// So many of them.
pub fn commitments(count: usize) -> Vec<[u8; 32]> {
    (0..count).map(|_| commitment()).collect()
}

/// A number from `low` to `high`.
pub fn between(low: u64, high: u64) -> u64 {
    let [a, b, c, d, ..] = commitment();
    low + u64::from(u32::from_be_bytes([a, b, c, d])) % (high - low + 1)
}

/// A number below `count`: one of so many things.
pub fn below(count: usize) -> usize {
    usize::try_from(between(0, count as u64 - 1)).expect("it is below a usize")
}
