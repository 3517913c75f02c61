//! Keys held in memory.

use super::{KeyError, MIN_RSA_BITS, SignError, SignatureAlgorithm, TsaSigner};
use crate::signature::{PublicKeyKind, SignatureError};
use crate::tlv::{self, Elements};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use zeroize::Zeroizing;

/// Which key to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// ECDSA over P-256: the fastest, and known everywhere.
    P256,
    /// ECDSA over P-384.
    P384,
    /// RSA with 3072 bits.
    Rsa3072,
    /// RSA with 4096 bits.
    Rsa4096,
}

/// A key held in memory. Never printed.
pub struct LocalSigner {
    key: Key,
    public_key_info: Vec<u8>,
}

enum Key {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Rsa(RsaKeyPair),
}

impl LocalSigner {
    /// Makes a new key, of the system's randomness.
    ///
    /// # Errors
    /// [`KeyError::Generate`] if the library fails.
    pub fn generate(kind: KeyKind) -> Result<LocalSigner, KeyError> {
        let rsa = |size| RsaKeyPair::generate(size).map(Key::Rsa);
        let key = match kind {
            KeyKind::P256 => EcdsaKeyPair::generate(&aws::ECDSA_P256_SHA256_ASN1_SIGNING).map(Key::P256),
            KeyKind::P384 => EcdsaKeyPair::generate(&aws::ECDSA_P384_SHA384_ASN1_SIGNING).map(Key::P384),
            KeyKind::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyKind::Rsa4096 => rsa(KeySize::Rsa4096),
        };
        LocalSigner::new(key.map_err(|_| KeyError::Generate)?)
    }

    /// Reads a DER PKCS #8 PrivateKeyInfo.
    ///
    /// # Errors
    /// [`KeyError`]: not PKCS #8, a kind that can't sign here, RSA that is too short, or numbers that don't fit.
    pub fn from_der(pkcs8: &[u8]) -> Result<LocalSigner, KeyError> {
        // aws-lc-rs tries one algorithm and says no more than no, so the kind is read first.
        let mut fields = Elements::new(Elements::only(pkcs8, tlv::SEQUENCE)?.content);
        fields.take(tlv::INTEGER)?;
        let kind =
            PublicKeyKind::parse(fields.take(tlv::SEQUENCE)?.content).map_err(|error| match error {
                SignatureError::Der(error) => KeyError::Der(error),
                SignatureError::Key | SignatureError::Algorithm | SignatureError::Wrong => KeyError::Kind,
            })?;
        let key = match kind {
            PublicKeyKind::Ed25519 => return Err(KeyError::Ed25519),
            PublicKeyKind::P521 => return Err(KeyError::Kind),
            PublicKeyKind::P256 => {
                EcdsaKeyPair::from_pkcs8(&aws::ECDSA_P256_SHA256_ASN1_SIGNING, pkcs8).map(Key::P256)
            }
            PublicKeyKind::P384 => {
                EcdsaKeyPair::from_pkcs8(&aws::ECDSA_P384_SHA384_ASN1_SIGNING, pkcs8).map(Key::P384)
            }
            PublicKeyKind::Rsa => RsaKeyPair::from_pkcs8(pkcs8).map(Key::Rsa),
        };
        LocalSigner::new(key.map_err(|_| KeyError::Damaged)?)
    }

    /// Reads PEM with the label `PRIVATE KEY`.
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Label`], and those of [`LocalSigner::from_der`].
    pub fn from_pem(pem: &str) -> Result<LocalSigner, KeyError> {
        let (label, der) = der::pem::decode_vec(pem.as_bytes()).map_err(KeyError::Pem)?;
        let der = Zeroizing::new(der);
        if label != LABEL {
            return Err(KeyError::Label(label.to_owned()));
        }
        LocalSigner::from_der(&der)
    }

    /// What [`LocalSigner::from_pem`] reads. Secret.
    ///
    /// # Errors
    /// [`KeyError::Damaged`] if the library doesn't give the key out.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, KeyError> {
        let pem =
            |der: &[u8]| der::pem::encode_string(LABEL, der::pem::LineEnding::LF, der).map_err(KeyError::Pem);
        let pem = match &self.key {
            Key::P256(key) | Key::P384(key) => pem(key.to_pkcs8v1().map_err(|_| KeyError::Damaged)?.as_ref()),
            Key::Rsa(key) => {
                let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| KeyError::Damaged)?;
                pem(der.as_ref())
            }
        };
        pem.map(Zeroizing::new)
    }

    fn new(key: Key) -> Result<LocalSigner, KeyError> {
        if let Key::Rsa(key) = &key {
            let bits = key.public_modulus_len() * 8;
            if bits < MIN_RSA_BITS {
                return Err(KeyError::RsaTooShort(bits));
            }
        }
        let info: PublicKeyX509Der<'_> = match &key {
            Key::P256(key) | Key::P384(key) => key.public_key().as_der(),
            Key::Rsa(key) => key.public_key().as_der(),
        }
        .map_err(|_| KeyError::Damaged)?;
        let public_key_info = info.as_ref().to_vec();
        Ok(LocalSigner { key, public_key_info })
    }
}

impl TsaSigner for LocalSigner {
    fn algorithm(&self) -> SignatureAlgorithm {
        match &self.key {
            Key::P256(_) => SignatureAlgorithm::EcdsaP256Sha256,
            Key::P384(_) => SignatureAlgorithm::EcdsaP384Sha384,
            Key::Rsa(_) => SignatureAlgorithm::RsaPkcs1Sha256,
        }
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        // aws-lc-rs ignores this argument and draws from its own generator, which the system seeds.
        let random = SystemRandom::new();
        match &self.key {
            Key::P256(key) | Key::P384(key) => {
                key.sign(&random, message).map(|signature| signature.as_ref().to_vec())
            }
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&aws::RSA_PKCS1_SHA256, &random, message, &mut signature).map(|()| signature)
            }
        }
        .map_err(|_| SignError::Local)
    }

    fn public_key_info(&self) -> &[u8] {
        &self.public_key_info
    }
}

impl std::fmt::Debug for LocalSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LocalSigner({:?})", self.algorithm())
    }
}

const LABEL: &str = "PRIVATE KEY";
