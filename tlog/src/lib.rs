//! Primitives of transparency logs, as RFC 6962 and C2SP define them.
//!
//! | module | what it is | where it is defined |
//! |---|---|---|
//! | [`hash`] | SHA-256 hashes of leaves and nodes | RFC 6962 section 2.1 |
//! | [`tree`] | roots, inclusion and consistency proofs, compact ranges | RFC 6962 sections 2.1.1 and 2.1.2 |
//! | [`kernel`] | the root of many 32-byte leaves at once | RFC 6962 section 2.1 |
//! | [`tile`] | tiles, entry bundles and their paths | C2SP tlog-tiles |
//! | [`note`] | signed notes and verifier keys | C2SP signed-note |
//! | [`checkpoint`] | signed tree heads | C2SP tlog-checkpoint |
//! | [`cosignature`] | timestamped signatures of witnesses | C2SP tlog-cosignature |
//! | [`policy`] | which logs and witnesses count, and how many | C2SP tlog-policy |
//! | [`proof`] | the offline proof of one entry | C2SP tlog-proof |
//! | [`witness`] | the messages between log and witness | C2SP tlog-witness |
//! | [`mirror`] | the messages between log and mirror | C2SP tlog-mirror |
//!
//! Nothing here does I/O, reads a clock or starts a thread: bytes and times are arguments. Every parser is
//! total (an error, never a panic) and accepts one encoding of each value only.
#![warn(missing_docs)]

pub mod checkpoint;
pub mod cosignature;
pub mod hash;
pub mod kernel;
pub mod mirror;
pub mod note;
pub mod policy;
pub mod proof;
pub mod tile;
pub mod time;
pub mod tree;
pub mod witness;

mod text;
