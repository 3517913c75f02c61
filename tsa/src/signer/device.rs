//! Keys in devices: what PKCS #11 gives, in the forms that certificates and tokens have.
//!
//! | PKCS #11 (version 2.40, section 2.3) | here |
//! |---|---|
//! | CKA_EC_PARAMS, CKA_EC_POINT; CKA_MODULUS, CKA_PUBLIC_EXPONENT | a DER SubjectPublicKeyInfo |
//! | CKM_ECDSA takes a digest | [`ecdsa_digest`] |
//! | its signature is r ‖ s, each as long as the curve's order | DER Ecdsa-Sig-Value (RFC 3279 section 2.2.3) |
//!
//! The device itself is not here: this crate does no I/O.

use super::{KeyError, SignError, SignatureAlgorithm};
use crate::{
    signature::{PublicKey, PublicKeyKind},
    tlv::{self, Elements},
};
use const_oid::db::rfc5912;
use sha2::{Digest as _, Sha256, Sha384};

/// The DER SubjectPublicKeyInfo of an elliptic-curve key: the curve's parameters in DER, and the point, in an OCTET
/// STRING as the standard has it or bare as some devices give it.
///
/// # Errors
/// [`KeyError::Kind`] for a curve that can't sign here or another form of the point.
pub fn ec_public_key_info(parameters: &[u8], point: &[u8]) -> Result<Vec<u8>, KeyError> {
    // An uncompressed point begins with 4, which is also the tag of an OCTET STRING: only the length tells them apart.
    let point = match Elements::only(point, tlv::OCTET_STRING) {
        Ok(wrapped) if !POINTS.contains(&point.len()) => wrapped.content,
        _ => point,
    };
    if point.first() != Some(&UNCOMPRESSED) {
        return Err(KeyError::Kind);
    }
    let algorithm = tlv::element(
        tlv::SEQUENCE,
        &[&tlv::element(tlv::OID, &[rfc5912::ID_EC_PUBLIC_KEY.as_bytes()]), parameters],
    );
    let info = tlv::element(tlv::SEQUENCE, &[&algorithm, &tlv::element(tlv::BIT_STRING, &[&[0], point])]);
    let [p256, p384] = POINTS;
    match (algorithm_of(&info)?, point.len()) {
        (SignatureAlgorithm::EcdsaP256Sha256, length) if length == p256 => Ok(info),
        (SignatureAlgorithm::EcdsaP384Sha384, length) if length == p384 => Ok(info),
        _ => Err(KeyError::Kind),
    }
}

/// The DER SubjectPublicKeyInfo of an RSA key: modulus and exponent, big-endian.
///
/// # Errors
/// [`KeyError::RsaTooShort`].
pub fn rsa_public_key_info(modulus: &[u8], exponent: &[u8]) -> Result<Vec<u8>, KeyError> {
    let key = tlv::element(tlv::SEQUENCE, &[&unsigned(modulus), &unsigned(exponent)]);
    let algorithm = tlv::element(
        tlv::SEQUENCE,
        &[&tlv::element(tlv::OID, &[rfc5912::RSA_ENCRYPTION.as_bytes()]), &[tlv::NULL, 0]],
    );
    let info = tlv::element(tlv::SEQUENCE, &[&algorithm, &tlv::element(tlv::BIT_STRING, &[&[0], &key])]);
    algorithm_of(&info).map(|_| info)
}

/// What a key of this DER SubjectPublicKeyInfo signs tokens with.
///
/// # Errors
/// [`KeyError`]: not a public key, a kind that can't sign here, or RSA that is too short.
pub fn algorithm_of(public_key_info: &[u8]) -> Result<SignatureAlgorithm, KeyError> {
    let key = PublicKey::parse(public_key_info).map_err(|_| KeyError::Kind)?;
    match key.kind {
        PublicKeyKind::P256 => Ok(SignatureAlgorithm::EcdsaP256Sha256),
        PublicKeyKind::P384 => Ok(SignatureAlgorithm::EcdsaP384Sha384),
        PublicKeyKind::Ed25519 => Err(KeyError::Ed25519),
        PublicKeyKind::P521 => Err(KeyError::Kind),
        PublicKeyKind::Rsa => {
            let mut numbers = Elements::new(Elements::only(key.bits, tlv::SEQUENCE)?.content);
            let modulus = significant(numbers.take(tlv::INTEGER)?.content);
            let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - zeros(*first));
            if bits < super::MIN_RSA_BITS {
                return Err(KeyError::RsaTooShort(bits));
            }
            Ok(SignatureAlgorithm::RsaPkcs1Sha256)
        }
    }
}

/// What an elliptic-curve key's device signs in place of the message; `None` for RSA, which hashes by itself.
pub fn ecdsa_digest(algorithm: SignatureAlgorithm, message: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        SignatureAlgorithm::EcdsaP256Sha256 => Some(Sha256::digest(message).to_vec()),
        SignatureAlgorithm::EcdsaP384Sha384 => Some(Sha384::digest(message).to_vec()),
        SignatureAlgorithm::RsaPkcs1Sha256 => None,
    }
}

/// r ‖ s as DER.
///
/// # Errors
/// [`SignError::Form`] if it has no two halves.
pub fn ecdsa_signature(raw: &[u8]) -> Result<Vec<u8>, SignError> {
    if raw.is_empty() || !raw.len().is_multiple_of(2) {
        return Err(SignError::Form { bytes: raw.len() });
    }
    let (r, s) = raw.split_at(raw.len() / 2);
    Ok(tlv::element(tlv::SEQUENCE, &[&unsigned(r), &unsigned(s)]))
}

/// SEC 1 section 2.3.3.
const UNCOMPRESSED: u8 = 4;
/// Bytes of an uncompressed point of P-256, of P-384.
const POINTS: [usize; 2] = [65, 97];

/// A DER INTEGER that is not negative.
fn unsigned(number: &[u8]) -> Vec<u8> {
    let number = significant(number);
    match number.first() {
        None => tlv::element(tlv::INTEGER, &[&[0]]),
        Some(0x80..) => tlv::element(tlv::INTEGER, &[&[0], number]),
        Some(_) => tlv::element(tlv::INTEGER, &[number]),
    }
}

fn significant(number: &[u8]) -> &[u8] {
    &number[number.iter().take_while(|byte| **byte == 0).count()..]
}

fn zeros(byte: u8) -> usize {
    usize::try_from(byte.leading_zeros()).expect("at most 8")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signer::{KeyKind, LocalSigner, TsaSigner as _};

    /// The point of a key that was made here, and its curve's parameters.
    fn parts(signer: &LocalSigner) -> (Vec<u8>, Vec<u8>) {
        let mut fields =
            Elements::new(Elements::only(signer.public_key_info(), tlv::SEQUENCE).unwrap().content);
        let mut algorithm = Elements::new(fields.take(tlv::SEQUENCE).unwrap().content);
        algorithm.take(tlv::OID).unwrap();
        let parameters = algorithm.next().unwrap().whole.to_vec();
        (parameters, fields.take(tlv::BIT_STRING).unwrap().content[1..].to_vec())
    }

    #[test]
    fn a_public_key_is_the_same_from_its_parts() {
        for kind in [KeyKind::P256, KeyKind::P384] {
            let signer = LocalSigner::generate(kind).unwrap();
            let (parameters, point) = parts(&signer);
            let wrapped = tlv::element(tlv::OCTET_STRING, &[&point]);
            for point in [&point, &wrapped] {
                assert_eq!(ec_public_key_info(&parameters, point).unwrap(), signer.public_key_info());
            }
            assert_eq!(algorithm_of(signer.public_key_info()), Ok(signer.algorithm()));
            // Whatever it begins with, a point of another length is none.
            for bad in [&point[1..], &[&[UNCOMPRESSED], &point[2..]].concat(), &[&point[..], &[0]].concat()] {
                assert_eq!(ec_public_key_info(&parameters, bad), Err(KeyError::Kind));
            }
            // A point that could be an OCTET STRING with a shorter point in it.
            let length = u8::try_from(point.len() - 2).unwrap();
            let like_one = [&[UNCOMPRESSED, length, UNCOMPRESSED], &point[3..]].concat();
            let info = ec_public_key_info(&parameters, &like_one).unwrap();
            assert!(info.ends_with(&like_one));
        }
        let signer = LocalSigner::generate(KeyKind::Rsa3072).unwrap();
        let (_, key) = parts(&signer);
        let mut numbers = Elements::new(Elements::only(&key, tlv::SEQUENCE).unwrap().content);
        let [modulus, exponent] = [(); 2].map(|()| numbers.take(tlv::INTEGER).unwrap().content);
        assert_eq!(rsa_public_key_info(modulus, exponent).unwrap(), signer.public_key_info());
        assert_eq!(algorithm_of(signer.public_key_info()), Ok(SignatureAlgorithm::RsaPkcs1Sha256));
        assert_eq!(rsa_public_key_info(&[0x7f; 128], exponent), Err(KeyError::RsaTooShort(1023)));
    }

    #[test]
    fn a_raw_signature_becomes_two_integers() {
        let der = ecdsa_signature(&[0, 0, 0x80, 1, 0, 0, 0, 0]).unwrap();
        assert_eq!(der, [0x30, 8, 2, 3, 0, 0x80, 1, 2, 1, 0]);
        for bad in [&[][..], &[1, 2, 3]] {
            assert!(matches!(ecdsa_signature(bad), Err(SignError::Form { .. })));
        }
    }
}
