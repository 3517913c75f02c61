//! Why a key isn't taken, and why it doesn't sign.

use crate::tlv::DerError;

/// Why a key isn't taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not PEM.
    #[error("the key file is not PEM: {0}")]
    Pem(der::pem::Error),
    /// PEM of something else, or of an older form of a key.
    #[error(
        "the key file holds {0}, not PRIVATE KEY; make it one with: openssl pkcs8 -topk8 -nocrypt -in KEY -out NEW"
    )]
    Label(String),
    /// Not PKCS #8.
    #[error("the key is not in the form of PKCS #8: {0}")]
    Der(#[from] DerError),
    /// Ed25519.
    #[error(
        "Ed25519 can't sign timestamps here, as openssl 3.0 can't check them; use P-256, P-384 or RSA from 3072 bits"
    )]
    Ed25519,
    /// Another kind of key or another curve.
    #[error("the key is of a kind that can't sign timestamps here; use P-256, P-384 or RSA from 3072 bits")]
    Kind,
    /// RSA below 3072 bits.
    #[error("the RSA key has {0} bits; a timestamp has to last, so it takes 3072 or more")]
    RsaTooShort(usize),
    /// The numbers don't make a key.
    #[error("the key is damaged: its numbers don't belong together")]
    Damaged,
    /// No new key could be made.
    #[error("no key could be made")]
    Generate,
    /// PKCS #12 that can't be read.
    #[cfg(feature = "pkcs12")]
    #[error("the PKCS #12 file can't be read, or the password is wrong: {0}")]
    Pkcs12(String),
    /// PKCS #12 without a key that has a certificate.
    #[cfg(feature = "pkcs12")]
    #[error("the PKCS #12 file holds no key together with its certificate")]
    NoKey,
    /// PKCS #12 with several keys.
    #[cfg(feature = "pkcs12")]
    #[error("the PKCS #12 file holds several keys; export the one of the TSA alone")]
    SeveralKeys,
    /// The certificates in a PKCS #12 file make no chain.
    #[cfg(feature = "pkcs12")]
    #[error("the PKCS #12 file's certificates: {0}")]
    Chain(#[from] crate::chain::ChainError),
}

/// Why there is no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key in memory didn't sign.
    #[error("the key didn't sign")]
    Local,
    /// An ECDSA signature that is no r ‖ s.
    #[error("the device gave {bytes} bytes, which are no two numbers of one length")]
    Form {
        /// How many.
        bytes: usize,
    },
    /// The device that holds the key didn't sign.
    #[error("the device didn't sign: {0}")]
    Device(#[source] Box<dyn std::error::Error + Send + Sync>),
}
