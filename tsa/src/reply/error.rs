//! Why bytes are no timestamp that can be judged.

use crate::{
    accuracy::AccuracyError, gen_time::GenTimeError, imprint::ImprintError, nonce::NonceError,
    serial::SerialError, tlv::DerError,
};
use const_oid::ObjectIdentifier;

/// Why bytes are no reply, or one that can't be judged here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplyError {
    /// More than [`super::Reply::MAX_BYTES`].
    #[error("a timestamp has at most {} bytes, not {found}", super::Reply::MAX_BYTES)]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Not DER, or another structure.
    #[error("this is no RFC 3161 timestamp: {0}")]
    Der(#[from] DerError),
    /// PKIStatus knows 0 to 5.
    #[error("the reply's status is {0}, which RFC 3161 does not know")]
    Status(u8),
    /// PKIFailureInfo is no BIT STRING of named bits.
    #[error("the reply's failure bits are malformed")]
    FailInfo,
    /// Granted, and no token.
    #[error("the reply says that it grants a token, and has none")]
    NoToken,
    /// A token with a refusal.
    #[error("the reply refuses, and has a token all the same")]
    TokenWithRefusal,
    /// Another CMS type.
    #[error("this is no timestamp: its CMS type is {0}, not signed data")]
    NotSigned(ObjectIdentifier),
    /// Signed data of something else.
    #[error("this is no timestamp: what is signed has the type {0}, not TSTInfo")]
    NotATimestamp(ObjectIdentifier),
    /// More than [`super::TimestampToken::MAX_CERTIFICATES`].
    #[error("a timestamp carries at most {} certificates", super::TimestampToken::MAX_CERTIFICATES)]
    TooManyCertificates,
    /// A version that RFC 3161 and RFC 5652 do not have there.
    #[error("{what} has the version {version}, which is not known here")]
    Version {
        /// The structure.
        what: &'static str,
        /// What it says.
        version: u8,
    },
    /// None, or several.
    #[error("a timestamp is signed by its authority alone, and this one has no signature or several")]
    NotOneSigner,
    /// A signature over the content itself binds no certificate.
    #[error("the timestamp has no signed attributes")]
    NoSignedAttributes,
    /// content-type, message-digest and signing-certificate are needed.
    #[error("the timestamp lacks the signed attribute {0}")]
    AttributeMissing(ObjectIdentifier),
    /// An attribute that stands twice, or has no or several values, or another one than it may have.
    #[error("the timestamp's signed attribute {0} is malformed")]
    AttributeForm(ObjectIdentifier),
    /// The SignedData doesn't list the digest that its signer uses.
    #[error("the timestamp does not list its own digest algorithm")]
    DigestNotListed,
    /// SHA-256, SHA-384 and SHA-512 are known; SHA-1 only as ESSCertID.
    #[error("unsupported: the timestamp uses the digest {0}; known are sha256, sha384 and sha512")]
    UnsupportedDigest(ObjectIdentifier),
    /// An extension of TSTInfo that must be understood.
    #[error("unsupported: the timestamp has the critical extension {0}, which is not known here")]
    CriticalExtension(ObjectIdentifier),
    /// What is stamped.
    #[error("the timestamp's imprint: {0}")]
    Imprint(#[from] ImprintError),
    /// The token's number.
    #[error("the timestamp's serial number: {0}")]
    Serial(#[from] SerialError),
    /// The token's time.
    #[error("the timestamp's time: {0}")]
    GenTime(#[from] GenTimeError),
    /// How far the time may be off.
    #[error("the timestamp's accuracy: {0}")]
    Accuracy(#[from] AccuracyError),
    /// What ties it to a query.
    #[error("the timestamp's nonce: {0}")]
    Nonce(#[from] NonceError),
}

impl ReplyError {
    /// Is it well formed as far as it was read, and only beyond what is known here?
    pub fn is_unsupported(&self) -> bool {
        matches!(
            self,
            ReplyError::UnsupportedDigest(_)
                | ReplyError::CriticalExtension(_)
                | ReplyError::Imprint(ImprintError::Algorithm)
        )
    }
}
