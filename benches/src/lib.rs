//! What the benches share: data that is the same in every run.
#![forbid(unsafe_code)]

pub mod kernel_table;

use treering_tlog::hash::sha256;

/// So many different values of 32 bytes, as commitments are.
pub fn commitments(count: u64) -> Vec<[u8; 32]> {
    (0..count).map(|n| *sha256(&n.to_be_bytes()).as_bytes()).collect()
}
