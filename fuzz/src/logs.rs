//! The room of the witness's list of logs, whose own file `logs/list.rs` is.

use std::num::NonZeroU64;

use treering_tlog::{checkpoint::Origin, note::VerifierKey};

pub mod list;

/// What the witness makes of each log in a list (`witness/src/logs/add.rs`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The log.
    pub origin: Origin,
    /// Its key.
    pub key: VerifierKey,
    /// Not from a list.
    pub url: Option<String>,
    /// `qpd`
    pub requests_per_day: Option<NonZeroU64>,
    /// `contact`
    pub contact: Option<String>,
}

impl Candidate {
    /// Of which nothing else was said.
    pub fn new(origin: Origin, key: VerifierKey) -> Candidate {
        Candidate { origin, key, url: None, requests_per_day: None, contact: None }
    }
}
