//! Deterministic simulation: a log, three witnesses and their clients in one thread, on a simulated network, with
//! simulated disks and clocks; what happens, and in which order, follows from one number.
//!
//! The programs' own code runs here, from `Log::submit` to the witness's `Cosigner`; only HTTP, RocksDB and redb are
//! left out. Some virtual minutes go wrong in every way that [`fate`] knows, and [`oracle`] looks at everything that is
//! given out. Then all is healed, and every client must get what it came for.
//!
//! A seed that fails says how to run it again: `TREERING_SIM_SEED=17 make sim`, and `TREERING_SIM_TRACE=1` tells the
//! story while it runs. `make sim SEEDS=1000` runs so many.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod client;
mod dice;
mod disk;
mod executor;
mod fate;
mod host;
mod net;
mod oracle;
mod record;
mod same;
mod seeds;
mod store;
mod thief;
mod trace;
mod witness;
mod world;
