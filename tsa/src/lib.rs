//! RFC 3161 timestamps: the authority that gives them, and what makes them transparent.
//!
//! | module | what it is | where it is defined |
//! |---|---|---|
//! | [`imprint`] | the hash that a timestamp is of | RFC 3161 section 2.4.1 |
//! | [`nonce`] | what ties a reply to its query | RFC 3161 section 2.4.1 |
//! | [`serial`] | a token's number | RFC 3161 section 2.4.2 |
//! | [`gen_time`] | a token's time | RFC 3161 section 2.4.2 |
//! | [`accuracy`] | how far that time may be off | RFC 3161 section 2.4.2 |
//!
//! Nothing here does I/O or reads a clock: bytes, times and random bytes are arguments. Every parser is total (an
//! error, never a panic), and its cost is linear in what it reads.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod accuracy;
pub mod gen_time;
pub mod imprint;
pub mod nonce;
pub mod serial;

mod tlv;

pub use tlv::DerError;
