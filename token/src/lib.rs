//! What Treering adds to a transparency log: from a file to the log's entry, and back to what was shown.
//!
//! The way of the data, and the module of each step: file → [`digest`] → [`claim`] (blinded by [`salt`]) →
//! [`commitment`] → [`layer`]s → [`entry`] → (the log: `treering_tlog`) → [`token`] or [`bundle`] → [`verify`].
//!
//! Formats are deterministic CBOR inside C2SP tlog-proofs; `spec/` has them byte by byte. Nothing here does I/O or
//! reads a clock. Every parser is total and accepts one encoding of each value only.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod bundle;
pub mod claim;
pub mod commitment;
pub mod describe;
pub mod digest;
pub mod entry;
pub mod escape;
pub mod layer;
pub mod salt;
pub mod token;
pub mod verify;

mod cbor;
