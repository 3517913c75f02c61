//! Signature algorithms: those that a TSA signs with, and those that certificates and tokens are checked with.
//!
//! | algorithm | object identifier | signed by a TSA here | checked |
//! |---|---|---|---|
//! | ECDSA with SHA-256, SHA-384, SHA-512 | 1.2.840.10045.4.3.{2,3,4} | P-256 with SHA-256, P-384 with SHA-384 | P-256, P-384, P-521 |
//! | RSA PKCS #1 v1.5 with SHA-256, SHA-384, SHA-512 | 1.2.840.113549.1.1.{11,12,13} | SHA-256, from 3072 bits | 2048 to 8192 bits |
//! | Ed25519 | 1.3.101.112 | never: openssl 3.0 can't check such tokens | of certificates |
//!
//! RSA-PSS isn't known here. aws-lc-rs does the arithmetic.

use crate::tlv::{self, DerError, Elements};
use aws_lc_rs::signature as aws;
use const_oid::ObjectIdentifier;
use const_oid::db::{rfc5912, rfc8410};

/// What a TSA signs its tokens with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignatureAlgorithm {
    /// ECDSA over P-256 with SHA-256; signatures are DER.
    EcdsaP256Sha256,
    /// ECDSA over P-384 with SHA-384; signatures are DER.
    EcdsaP384Sha384,
    /// RSA PKCS #1 v1.5 with SHA-256, at least 3072 bits.
    RsaPkcs1Sha256,
}

impl SignatureAlgorithm {
    /// The DER AlgorithmIdentifier of the digest: SHA-256 or SHA-384, without parameters (RFC 5754 section 2).
    pub(crate) fn digest_identifier(self) -> Vec<u8> {
        let oid = match self {
            SignatureAlgorithm::EcdsaP256Sha256 | SignatureAlgorithm::RsaPkcs1Sha256 => rfc5912::ID_SHA_256,
            SignatureAlgorithm::EcdsaP384Sha384 => rfc5912::ID_SHA_384,
        };
        tlv::element(tlv::SEQUENCE, &[&tlv::element(tlv::OID, &[oid.as_bytes()])])
    }

    /// The DER AlgorithmIdentifier of the signature.
    pub(crate) fn identifier(self) -> Vec<u8> {
        let (oid, parameters): (ObjectIdentifier, &[u8]) = match self {
            // SPEC: RFC 5758 section 3.2: no parameters.
            SignatureAlgorithm::EcdsaP256Sha256 => (rfc5912::ECDSA_WITH_SHA_256, &[]),
            SignatureAlgorithm::EcdsaP384Sha384 => (rfc5912::ECDSA_WITH_SHA_384, &[]),
            // SPEC: RFC 4055 section 5: the parameters are NULL.
            SignatureAlgorithm::RsaPkcs1Sha256 => (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, &[tlv::NULL, 0]),
        };
        tlv::element(tlv::SEQUENCE, &[&tlv::element(tlv::OID, &[oid.as_bytes()]), parameters])
    }

    /// Its object identifier.
    pub fn oid(self) -> ObjectIdentifier {
        match self {
            SignatureAlgorithm::EcdsaP256Sha256 => rfc5912::ECDSA_WITH_SHA_256,
            SignatureAlgorithm::EcdsaP384Sha384 => rfc5912::ECDSA_WITH_SHA_384,
            SignatureAlgorithm::RsaPkcs1Sha256 => rfc5912::SHA_256_WITH_RSA_ENCRYPTION,
        }
    }
}

/// A public key as a DER SubjectPublicKeyInfo says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey<'a> {
    pub(crate) kind: PublicKeyKind,
    /// RSAPublicKey, point, or 32 bytes.
    pub(crate) bits: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublicKeyKind {
    Rsa,
    P256,
    P384,
    P521,
    Ed25519,
}

impl<'a> PublicKey<'a> {
    pub(crate) fn parse(info: &'a [u8]) -> Result<PublicKey<'a>, SignatureError> {
        let mut fields = Elements::new(Elements::only(info, tlv::SEQUENCE)?.content);
        let algorithm = fields.take(tlv::SEQUENCE)?.content;
        let bits = fields.take(tlv::BIT_STRING)?.content;
        fields.end()?;
        let kind = PublicKeyKind::parse(algorithm)?;
        let bits = bits.strip_prefix(&[0]).ok_or(DerError::Value(tlv::BIT_STRING))?;
        Ok(PublicKey { kind, bits })
    }
}

impl PublicKeyKind {
    /// From the content of the AlgorithmIdentifier of a key.
    pub(crate) fn parse(algorithm: &[u8]) -> Result<PublicKeyKind, SignatureError> {
        let mut parts = Elements::new(algorithm);
        let oid =
            ObjectIdentifier::from_bytes(parts.take(tlv::OID)?.content).map_err(|_| SignatureError::Key)?;
        if oid == rfc5912::RSA_ENCRYPTION {
            return Ok(PublicKeyKind::Rsa);
        }
        if oid == rfc8410::ID_ED_25519 {
            return Ok(PublicKeyKind::Ed25519);
        }
        if oid != rfc5912::ID_EC_PUBLIC_KEY {
            return Err(SignatureError::Key);
        }
        let curve = parts.take_if(tlv::OID)?.ok_or(SignatureError::Key)?;
        match ObjectIdentifier::from_bytes(curve.content) {
            Ok(rfc5912::SECP_256_R_1) => Ok(PublicKeyKind::P256),
            Ok(rfc5912::SECP_384_R_1) => Ok(PublicKeyKind::P384),
            Ok(rfc5912::SECP_521_R_1) => Ok(PublicKeyKind::P521),
            _ => Err(SignatureError::Key),
        }
    }
}

/// Checks a signature over `message` by the algorithm with this object identifier and the key of a DER
/// SubjectPublicKeyInfo.
///
/// # Errors
/// [`SignatureError`] by rule.
pub fn verify(
    public_key_info: &[u8],
    algorithm: ObjectIdentifier,
    message: &[u8],
    signature: &[u8],
) -> Result<(), SignatureError> {
    let key = PublicKey::parse(public_key_info)?;
    let verification = verification(key.kind, algorithm).ok_or(SignatureError::Algorithm)?;
    let key = aws::UnparsedPublicKey::new(verification, key.bits);
    key.verify(message, signature).map_err(|_| SignatureError::Wrong)
}

/// Why a signature isn't taken for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not a SubjectPublicKeyInfo.
    #[error("this is not a public key: {0}")]
    Der(#[from] DerError),
    /// A key of another kind.
    #[error("the key is of a kind that isn't known here: RSA, Ed25519, or ECDSA over P-256, P-384 or P-521")]
    Key,
    /// A signature algorithm that isn't known here, or is none for this key.
    #[error("the signature algorithm isn't known here, or doesn't fit the key")]
    Algorithm,
    /// The signature isn't by this key over this message; or the key has a size that isn't taken.
    #[error("the signature is wrong")]
    Wrong,
}

fn verification(
    key: PublicKeyKind,
    algorithm: ObjectIdentifier,
) -> Option<&'static dyn aws::VerificationAlgorithm> {
    use rfc5912::{ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512};
    use rfc5912::{SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION};
    Some(match (key, algorithm) {
        (PublicKeyKind::P256, ECDSA_WITH_SHA_256) => &aws::ECDSA_P256_SHA256_ASN1,
        (PublicKeyKind::P256, ECDSA_WITH_SHA_384) => &aws::ECDSA_P256_SHA384_ASN1,
        (PublicKeyKind::P256, ECDSA_WITH_SHA_512) => &aws::ECDSA_P256_SHA512_ASN1,
        (PublicKeyKind::P384, ECDSA_WITH_SHA_256) => &aws::ECDSA_P384_SHA256_ASN1,
        (PublicKeyKind::P384, ECDSA_WITH_SHA_384) => &aws::ECDSA_P384_SHA384_ASN1,
        (PublicKeyKind::P384, ECDSA_WITH_SHA_512) => &aws::ECDSA_P384_SHA512_ASN1,
        (PublicKeyKind::P521, ECDSA_WITH_SHA_256) => &aws::ECDSA_P521_SHA256_ASN1,
        (PublicKeyKind::P521, ECDSA_WITH_SHA_384) => &aws::ECDSA_P521_SHA384_ASN1,
        (PublicKeyKind::P521, ECDSA_WITH_SHA_512) => &aws::ECDSA_P521_SHA512_ASN1,
        (PublicKeyKind::Rsa, SHA_256_WITH_RSA_ENCRYPTION) => &aws::RSA_PKCS1_2048_8192_SHA256,
        (PublicKeyKind::Rsa, SHA_384_WITH_RSA_ENCRYPTION) => &aws::RSA_PKCS1_2048_8192_SHA384,
        (PublicKeyKind::Rsa, SHA_512_WITH_RSA_ENCRYPTION) => &aws::RSA_PKCS1_2048_8192_SHA512,
        (PublicKeyKind::Ed25519, rfc8410::ID_ED_25519) => &aws::ED25519,
        _ => return None,
    })
}
