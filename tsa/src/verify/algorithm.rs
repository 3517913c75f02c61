//! The token's signature itself.

use super::VerifyError;
use crate::{
    certificate::Certificate,
    reply::{Digest, SignerInfo},
    tlv,
};
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ECDSA_WITH_SHA_512, ID_RSASSA_PSS, RSA_ENCRYPTION,
    SHA_256_WITH_RSA_ENCRYPTION, SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use webpki::{
    EndEntityCert,
    aws_lc_rs::{
        ECDSA_P256_SHA256, ECDSA_P256_SHA384, ECDSA_P256_SHA512, ECDSA_P384_SHA256, ECDSA_P384_SHA384,
        ECDSA_P384_SHA512, ECDSA_P521_SHA256, ECDSA_P521_SHA384, ECDSA_P521_SHA512,
        RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
        RSA_PSS_2048_8192_SHA256_LEGACY_KEY, RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
        RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
    },
};

type Algorithm = &'static dyn SignatureVerificationAlgorithm;

/// What tokens and certificates may be signed with.
pub(super) static ALL: [Algorithm; 15] = [
    ECDSA_P256_SHA256,
    ECDSA_P256_SHA384,
    ECDSA_P256_SHA512,
    ECDSA_P384_SHA256,
    ECDSA_P384_SHA384,
    ECDSA_P384_SHA512,
    ECDSA_P521_SHA256,
    ECDSA_P521_SHA384,
    ECDSA_P521_SHA512,
    RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
    RSA_PSS_2048_8192_SHA384_LEGACY_KEY,
    RSA_PSS_2048_8192_SHA512_LEGACY_KEY,
];

/// The signature over the signed attributes, by the certificate's key.
pub(super) fn check_signature(signer: &SignerInfo, certificate: &Certificate) -> Result<(), VerifyError> {
    let der = CertificateDer::from(certificate.der());
    let end_entity = EndEntityCert::try_from(&der).map_err(VerifyError::CertificateForm)?;
    for algorithm in candidates(signer)? {
        match end_entity.verify_signature(algorithm, &signer.signed_attributes, &signer.signature) {
            Ok(()) => return Ok(()),
            // Of the same name, for another curve.
            Err(webpki::Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_)) => {}
            Err(_) => return Err(VerifyError::Signature),
        }
    }
    Err(VerifyError::UnsupportedKey(signer.signature_oid))
}

/// The algorithms that the SignerInfo may mean: the curve of an ECDSA one is said by the key.
fn candidates(signer: &SignerInfo) -> Result<Vec<Algorithm>, VerifyError> {
    let oid = signer.signature_oid;
    let unsupported = VerifyError::UnsupportedSignature(oid);
    if oid == ID_RSASSA_PSS {
        // SPEC: RFC 4055 section 3.1: the same hash for MGF1, and a salt of its length, are what is known here.
        let known = ALL.iter().find(|known| known.signature_alg_id().as_ref() == signer.signature_algorithm);
        return known.map(|known| vec![*known]).ok_or(unsupported);
    }
    // For the others, parameters have nothing to say: absent, or NULL. Before them stand the OID, its tag and its length.
    let parameters = signer.signature_algorithm.get(2 + oid.as_bytes().len()..);
    if !matches!(parameters, Some([] | [tlv::NULL, 0])) {
        return Err(unsupported);
    }
    Ok(match (oid, signer.digest) {
        (ECDSA_WITH_SHA_256, _) => vec![ECDSA_P256_SHA256, ECDSA_P384_SHA256, ECDSA_P521_SHA256],
        (ECDSA_WITH_SHA_384, _) => vec![ECDSA_P256_SHA384, ECDSA_P384_SHA384, ECDSA_P521_SHA384],
        (ECDSA_WITH_SHA_512, _) => vec![ECDSA_P256_SHA512, ECDSA_P384_SHA512, ECDSA_P521_SHA512],
        // SPEC: RFC 3370 section 3.2: with rsaEncryption, the digest is that of digestAlgorithm.
        (SHA_256_WITH_RSA_ENCRYPTION, _) | (RSA_ENCRYPTION, Digest::Sha256) => {
            vec![RSA_PKCS1_2048_8192_SHA256]
        }
        (SHA_384_WITH_RSA_ENCRYPTION, _) | (RSA_ENCRYPTION, Digest::Sha384) => {
            vec![RSA_PKCS1_2048_8192_SHA384]
        }
        (SHA_512_WITH_RSA_ENCRYPTION, _) | (RSA_ENCRYPTION, Digest::Sha512) => {
            vec![RSA_PKCS1_2048_8192_SHA512]
        }
        _ => return Err(unsupported),
    })
}
