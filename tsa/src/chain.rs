//! A TSA's certificate and its issuers.
//!
//! The TSA's own comes first, and each is issued by the next. The root may be there or not: a verifier has to know it
//! already, so replies leave it out.

use crate::certificate::{Certificate, CertificateError};

/// The TSA's certificate and its issuers, in order.
///
/// INVARIANT: 1 to [`Chain::MAX`] certificates, each but the last issued by the one after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain(Vec<Certificate>);

impl Chain {
    /// Most certificates in a chain. Public CAs need 3 or 4.
    pub const MAX: usize = 10;

    /// # Errors
    /// [`ChainError::Empty`], [`ChainError::TooLong`]; [`ChainError::Certificate`] if one isn't issued by the next.
    pub fn new(certificates: Vec<Certificate>) -> Result<Chain, ChainError> {
        if certificates.is_empty() {
            return Err(ChainError::Empty);
        }
        if certificates.len() > Chain::MAX {
            return Err(ChainError::TooLong { found: certificates.len() });
        }
        for pair in certificates.windows(2) {
            pair[0].check_issued_by(&pair[1])?;
        }
        Ok(Chain(certificates))
    }

    /// From PEM: the TSA's certificate, then its issuers.
    ///
    /// # Errors
    /// Those of [`Chain::new`] and [`Certificate::from_pem_list`].
    pub fn from_pem(pem: &str) -> Result<Chain, ChainError> {
        Chain::new(Certificate::from_pem_list(pem)?)
    }

    /// From the DER of each certificate, in order.
    ///
    /// # Errors
    /// Those of [`Chain::new`] and [`Certificate::parse`].
    pub fn from_der<'a>(certificates: impl IntoIterator<Item = &'a [u8]>) -> Result<Chain, ChainError> {
        let certificates = certificates.into_iter().map(Certificate::parse);
        Chain::new(certificates.collect::<Result<_, _>>()?)
    }

    /// The TSA's own certificate.
    pub fn leaf(&self) -> &Certificate {
        &self.0[0]
    }

    /// All certificates, the TSA's own first.
    pub fn certificates(&self) -> &[Certificate] {
        &self.0
    }

    /// What a reply carries: the TSA's own certificate and the issuers that aren't roots.
    pub fn without_root(&self) -> impl Iterator<Item = &Certificate> {
        let (leaf, issuers) = (self.leaf(), &self.0[1..]);
        std::iter::once(leaf).chain(issuers.iter().filter(|issuer| !issuer.is_self_issued()))
    }
}

/// Why certificates make no chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// None.
    #[error("a chain has at least the TSA's own certificate")]
    Empty,
    /// More than [`Chain::MAX`].
    #[error("a chain has at most {} certificates, not {found}", Chain::MAX)]
    TooLong {
        /// How many.
        found: usize,
    },
    /// One that can't be read, or isn't issued by the one after it.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
}
