//! Why a certificate isn't taken.

use crate::gen_time::GenTime;
use crate::signature::SignatureError;
use crate::tlv::DerError;

/// Why a certificate isn't taken. Names are as RFC 4514 writes them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// More than [`MAX_BYTES`](super::Certificate::MAX_BYTES) bytes.
    #[error("a certificate has at most {} bytes here, not {found}", super::Certificate::MAX_BYTES)]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Not the structure of a certificate.
    #[error("this is not a certificate: {0}")]
    Der(#[from] DerError),
    /// A part of a name with more than 16 attributes.
    #[error(
        "a part of a name in the certificate has {found} attributes; at most {} are read",
        super::MAX_ATTRIBUTES
    )]
    Name {
        /// How many.
        found: usize,
    },
    /// A field or an extension of it can't be read.
    #[error("the certificate can't be read: {0}")]
    Unreadable(der::Error),
    /// A PEM block that can't be read.
    #[error("the certificate's PEM can't be read: {0}")]
    Pem(der::pem::Error),
    /// A PEM block without its last line.
    #[error("a certificate's PEM is cut off: there is no line -----END CERTIFICATE-----")]
    PemCutOff,
    /// No PEM block.
    #[error("there is no certificate here; it is PEM that begins with the line -----BEGIN CERTIFICATE-----")]
    NoPem,
    /// Before its validity.
    #[error("the certificate of {subject} is valid only from {from} on; wait until then, or check the clock")]
    NotYetValid {
        /// Whose.
        subject: String,
        /// Its first second.
        from: GenTime,
    },
    /// After its validity.
    #[error(
        "the certificate of {subject} expired at {until}; get a new one for the same key, or for a new key"
    )]
    Expired {
        /// Whose.
        subject: String,
        /// Its last second.
        until: GenTime,
    },
    /// No extended key usage.
    #[error(
        "the certificate of {subject} isn't one for timestamps; ask your CA for extended key usage timeStamping, critical"
    )]
    NoPurpose {
        /// Whose.
        subject: String,
    },
    /// Extended key usage that may be ignored.
    #[error(
        "the certificate of {subject} is for timestamps, but that extension isn't critical, so verifiers refuse it; ask your CA to make it so"
    )]
    PurposeNotCritical {
        /// Whose.
        subject: String,
    },
    /// Another or a further purpose.
    #[error(
        "the certificate of {subject} has other purposes than timestamps; verifiers take only one whose extended key usage is timeStamping alone"
    )]
    OtherPurpose {
        /// Whose.
        subject: String,
    },
    /// A key usage beyond signing.
    #[error(
        "the certificate of {subject} has a key usage that isn't for timestamps; it is digitalSignature, nonRepudiation or both"
    )]
    KeyUsage {
        /// Whose.
        subject: String,
    },
    /// For another key.
    #[error("the certificate of {subject} is for another key; give the key that its request was made with")]
    OtherKey {
        /// Whose.
        subject: String,
    },
    /// Issued under another name.
    #[error("the certificate of {subject} isn't issued by {issuer}; list each certificate's issuer after it")]
    OtherIssuer {
        /// Whose.
        subject: String,
        /// The one that was taken for its issuer.
        issuer: String,
    },
    /// An issuer that isn't a CA.
    #[error("the certificate of {subject} can't issue others: it isn't one of a CA")]
    NotACa {
        /// Whose.
        subject: String,
    },
    /// The issuer's signature doesn't hold.
    #[error("the signature of {issuer} on the certificate of {subject} doesn't hold: {error}")]
    Signature {
        /// Whose.
        subject: String,
        /// Who should have signed it.
        issuer: String,
        /// What is wrong.
        error: SignatureError,
    },
}
