//! Timestamp queries (RFC 3161): all alike but for their imprint, so that one costs next to nothing to make.

use anyhow::Context as _;
use treering_tsa::{
    imprint::{Imprint, ImprintAlgorithm},
    query::Query,
};

/// Where queries go.
pub const TSA: &str = "/tsa";
/// RFC 3161 section 3.4.
pub const MEDIA_TYPE: &str = "application/timestamp-query";

/// Queries for a token without certificates, with SHA-256 imprints and without a nonce.
#[derive(Debug)]
pub struct Queries {
    template: Vec<u8>,
    /// Where the imprint stands in it.
    at: usize,
    seed: [u8; 16],
}

impl Queries {
    /// A new series.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub fn new() -> anyhow::Result<Queries> {
        let mut seed = [0; 16];
        getrandom::fill(&mut seed).context("random bytes")?;
        let imprint = imprint(&[0xa5; 32])?;
        let template = Query::new(imprint, None, None, false).encode();
        let at = template.windows(32).position(|window| window == [0xa5; 32]).context("a query's imprint")?;
        Ok(Queries { template, at, seed })
    }

    /// How long each query is.
    pub fn length(&self) -> usize {
        self.template.len()
    }

    /// What query `n` has timestamped.
    pub fn imprint(&self, n: u64) -> [u8; 32] {
        let mut imprint = [0; 32];
        imprint[..16].copy_from_slice(&self.seed);
        imprint[16..24].copy_from_slice(&n.to_be_bytes());
        imprint
    }

    /// Query `n`.
    pub fn query(&self, n: u64) -> Vec<u8> {
        let mut query = self.template.clone();
        query[self.at..][..32].copy_from_slice(&self.imprint(n));
        query
    }
}

/// An imprint of these bytes as a SHA-256 digest.
///
/// # Errors
/// Never: 32 bytes are a digest.
pub fn imprint(digest: &[u8; 32]) -> anyhow::Result<Imprint> {
    Ok(Imprint::new(ImprintAlgorithm::Sha256, digest.to_vec())?)
}
