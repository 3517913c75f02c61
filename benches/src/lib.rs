//! How fast it all is, each figure beside what a user would otherwise have, in the same run.
//!
//! | module | what it is |
//! |---|---|
//! | [`suite`] | all benches, or some of them |
//! | [`bulk`], [`single`], [`latency`], [`large_tick`], [`memory`], [`trees`], [`witness`], `growth` | one bench each |
//! | [`generator`], [`load`] | the load generator, and the command that runs it alone |
//! | [`bare`] | the handlers that the log is measured against |
//! | [`servers`] | the log, its witnesses and the bare handlers as processes |
//! | [`usage`], [`machine`] | what a process uses, and what it runs on |
//! | [`scale`], [`table`] | how long, and what is shown |
#![forbid(unsafe_code)]

pub mod bare;
pub mod bulk;
pub mod generator;
#[cfg(feature = "growth")]
pub mod growth;
pub mod kernel_table;
pub mod large_tick;
pub mod latency;
pub mod load;
pub mod machine;
pub mod memory;
pub mod scale;
pub mod servers;
pub mod single;
pub mod suite;
pub mod table;
pub mod timestamps;
pub mod trees;
pub mod usage;
pub mod witness;

use treering_tlog::hash::sha256;

/// So many different values of 32 bytes, as commitments are.
pub fn commitments(count: u64) -> Vec<[u8; 32]> {
    (0..count).map(|n| *sha256(&n.to_be_bytes()).as_bytes()).collect()
}
