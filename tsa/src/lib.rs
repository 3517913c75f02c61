//! RFC 3161 timestamps: the authority that gives them, and what makes them transparent.
//!
//! | module | what it is | where it is defined |
//! |---|---|---|
//! | [`imprint`] | the hash that a timestamp is of | RFC 3161 section 2.4.1 |
//! | [`nonce`] | what ties a reply to its query | RFC 3161 section 2.4.1 |
//! | [`serial`] | a token's number | RFC 3161 section 2.4.2 |
//! | [`gen_time`] | a token's time | RFC 3161 section 2.4.2 |
//! | [`accuracy`] | how far that time may be off | RFC 3161 section 2.4.2 |
//! | [`query`] | what a client sends | RFC 3161 section 2.4.1 |
//! | [`status`] | replies that grant nothing | RFC 3161 section 2.4.2 |
//! | [`signature`], [`signer`] | algorithms, and keys that sign | RFC 5754, RFC 5758 |
//! | [`certificate`], [`chain`] | the TSA's certificate and its issuers | RFC 5280, RFC 3161 section 2.3 |
//! | [`authority`] | grants: from a query to a signed reply | RFC 3161 section 2.4.2, RFC 5652, RFC 5816 |
//! | [`reply`] | what an authority answers, ours or another, and the files kept of it | RFC 3161 sections 2.4.2 and 3.4 |
//! | [`verify`] | the authority's word: signature and chain, as of genTime | RFC 3161 section 2.2, RFC 5652, RFC 5280 |
//! | [`transparent`] | the witnesses' word about a token | `spec/rfc3161.md` |
//! | [`commitment`] | the 32 bytes of a token that are logged | `spec/rfc3161.md` |
//! | [`embed`] | the log's proof within the token | `spec/rfc3161.md` |
//! | [`oid`] | object identifiers as an operator writes them | X.660 |
//! | [`issue`] | a CA for trying things out, requests for a real one | RFC 5280, RFC 2986 |
//!
//! Nothing here does I/O or reads a clock: bytes, times and random bytes are arguments (but for the
//! randomness of keys and signatures: [`signer`]). Every parser is total (an
//! error, never a panic), and its cost is linear in what it reads.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod accuracy;
pub mod authority;
pub mod certificate;
pub mod chain;
pub mod commitment;
pub mod embed;
pub mod gen_time;
pub mod imprint;
pub mod issue;
pub mod nonce;
pub mod oid;
pub mod query;
pub mod reply;
pub mod serial;
pub mod signature;
pub mod signer;
pub mod status;
pub mod transparent;
pub mod verify;

mod tlv;
mod token;

pub use tlv::DerError;
pub use token::TokenError;

/// An object identifier. Read it from text with [`oid::parse`], not with its own parser.
pub use const_oid::ObjectIdentifier;
