//! Why a timestamp was refused: a variant, a message and a stable name for each reason.

use crate::{TokenError, certificate::CertificateError, gen_time::GenTime, imprint::ImprintAlgorithm};
use const_oid::ObjectIdentifier;

/// Why a timestamp is no evidence for what it was held against.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// A refusal has nothing to verify.
    #[error("the authority refused: there is no token")]
    NoToken,
    /// The caller's digest is of another algorithm than the token's.
    #[error("the timestamp is of a {stamped} digest, and a {given} digest was given")]
    OtherAlgorithm {
        /// In the token.
        stamped: ImprintAlgorithm,
        /// By the caller.
        given: ImprintAlgorithm,
    },
    /// Of another file.
    #[error(
        "the file's {0} digest is not the one that was stamped: the file was changed, or the timestamp is of another"
    )]
    OtherImprint(ImprintAlgorithm),
    /// Not the answer to this query.
    #[error("the timestamp does not have the query's nonce: it was made for another query")]
    OtherNonce,
    /// The signed digest is not of the content.
    #[error("what the timestamp says is not what was signed: it was changed")]
    ContentDigest,
    /// Neither carried nor given.
    #[error(
        "the signer's certificate is not there: the timestamp does not carry it, and it was not given either"
    )]
    NoCertificate,
    /// By issuer and number the right one, by its hash another.
    #[error("the certificate is not the one that the timestamp was signed for: one of them was changed")]
    OtherCertificate,
    /// The signer's certificate can't be read.
    #[error("the signer's certificate can't be used: {0}")]
    CertificateForm(webpki::Error),
    /// An algorithm that is not known here, or too weak.
    #[error(
        "unsupported: the timestamp is signed with the algorithm {0}, which is not known here or too weak"
    )]
    UnsupportedSignature(ObjectIdentifier),
    /// A key of a kind that is not known here.
    #[error(
        "unsupported: the signer's key does not fit the algorithm {0}, or is of a kind that is not known here"
    )]
    UnsupportedKey(ObjectIdentifier),
    /// By somebody else, or over something else; or by an RSA key of a size that is not taken.
    #[error("the timestamp's signature does not verify: it was forged or changed")]
    Signature,
    /// Not for timestamps, or not valid at genTime.
    #[error("the signer's certificate was not fit for this timestamp: {0}")]
    Certificate(#[from] CertificateError),
    /// `tsa` is another name than the certificate's.
    #[error("the timestamp names another authority than its signer's certificate does")]
    TsaName,
    /// The signer's part can't be cut out.
    #[error("the timestamp can't be taken apart: {0}")]
    Commitment(TokenError),
    /// No path to any root.
    #[error(
        "none of the trusted roots vouches for the signer: its certificate was issued by {issuer}, and no \
         certificates lead from there to a root"
    )]
    UnknownIssuer {
        /// As text (RFC 4514), not escaped.
        issuer: String,
    },
    /// An issuer's certificate had expired or was not valid yet.
    #[error(
        "a certificate between the signer and the root was not valid at {gen_time}, the time of the timestamp"
    )]
    ChainTime {
        /// As of which the chain is judged.
        gen_time: GenTime,
    },
    /// A certificate is not signed by the issuer that it names.
    #[error(
        "a certificate between the signer and the root is not signed by the issuer that it names: it was forged, or the \
         trusted root is another one of the same name"
    )]
    ChainSignature,
    /// Another fault of the chain.
    #[error("the chain from the signer to the root is refused: {0}")]
    Chain(webpki::Error),
}

/// What sort of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Of another file or for another query, or the file was changed.
    OtherFile,
    /// It contradicts itself, or a signature is false.
    Forged,
    /// Genuine, by a certificate that may not sign it.
    Unfit,
    /// Genuine as far as it goes, by an authority that no root vouches for.
    UnknownAuthority,
    /// The question was incomplete: no token, no certificate, a digest of another algorithm.
    Incomplete,
    /// Beyond what is known here.
    Unsupported,
}

impl VerifyError {
    /// A stable name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            VerifyError::NoToken => "timestamp_refused",
            VerifyError::OtherAlgorithm { .. } => "digest_not_given",
            VerifyError::OtherImprint(_) => "digest_mismatch",
            VerifyError::OtherNonce => "nonce_mismatch",
            VerifyError::ContentDigest => "timestamp_changed",
            VerifyError::NoCertificate => "certificate_missing",
            VerifyError::OtherCertificate => "certificate_mismatch",
            VerifyError::CertificateForm(_) => "certificate_malformed",
            VerifyError::UnsupportedSignature(_) => "signature_unsupported",
            VerifyError::UnsupportedKey(_) => "key_unsupported",
            VerifyError::Signature => "signature_forged",
            VerifyError::Certificate(_) => "certificate_unfit",
            VerifyError::TsaName => "tsa_name_mismatch",
            VerifyError::Commitment(_) => "timestamp_malformed",
            VerifyError::UnknownIssuer { .. } => "unknown_authority",
            VerifyError::ChainTime { .. } => "chain_not_valid_then",
            VerifyError::ChainSignature => "chain_forged",
            VerifyError::Chain(_) => "chain_refused",
        }
    }

    /// What sort of refusal it is.
    pub fn fault(&self) -> Fault {
        match self {
            VerifyError::OtherImprint(_) | VerifyError::OtherNonce => Fault::OtherFile,
            VerifyError::ContentDigest
            | VerifyError::OtherCertificate
            | VerifyError::Signature
            | VerifyError::TsaName
            | VerifyError::Commitment(_)
            | VerifyError::ChainSignature => Fault::Forged,
            VerifyError::CertificateForm(_)
            | VerifyError::Certificate(_)
            | VerifyError::ChainTime { .. }
            | VerifyError::Chain(_) => Fault::Unfit,
            VerifyError::UnknownIssuer { .. } => Fault::UnknownAuthority,
            VerifyError::NoToken | VerifyError::OtherAlgorithm { .. } | VerifyError::NoCertificate => {
                Fault::Incomplete
            }
            VerifyError::UnsupportedSignature(_) | VerifyError::UnsupportedKey(_) => Fault::Unsupported,
        }
    }
}
