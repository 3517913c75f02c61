//! Why there is no authority, and why an authority gives no token.

use crate::certificate::CertificateError;
use crate::signature::SignatureError;
use crate::signer::SignError;
use crate::status::Rejection;
use const_oid::ObjectIdentifier;

/// Why an authority can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The certificate isn't fit.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    /// The key gives no signature.
    #[error("a trial signature failed: {0}")]
    Sign(#[from] SignError),
    /// The key gives signatures that don't verify.
    #[error("a trial signature doesn't verify with the certificate's key: {0}")]
    Signature(#[from] SignatureError),
}

/// Why an authority gives no token.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// A policy that isn't configured.
    #[error("the query asks for policy {0}, which isn't configured")]
    Policy(ObjectIdentifier),
    /// The certificate isn't valid at that time.
    #[error("{0}")]
    Certificate(#[from] CertificateError),
    /// The key gives no signature.
    #[error("{0}")]
    Sign(#[from] SignError),
}

impl Refused {
    /// What the client is told. A certificate that isn't valid is a failure of the system: `timeNotAvailable` would say
    /// that trying again helps.
    pub fn rejection(&self) -> Rejection {
        match self {
            Refused::Policy(_) => Rejection::UNACCEPTED_POLICY,
            Refused::Certificate(_) | Refused::Sign(_) => Rejection::SYSTEM_FAILURE,
        }
    }
}
