//! Key names, key IDs and verifier keys (C2SP signed-note, Verifier keys).
//!
//! A verifier key is `<name>+<key ID, 8 hex digits>+<base64 of the type byte and the public key>`. The key ID is the
//! start of SHA-256(name ‖ 0x0A ‖ type ‖ public key) and is checked whenever a key is read.

use std::{
    fmt,
    sync::{Arc, OnceLock},
};

use ed25519_dalek::VerifyingKey;
use ml_dsa::{EncodedVerifyingKey, MlDsa44};

use super::Signature;
use crate::{
    hash::{Hash, sha256},
    text,
};

/// A key's name: not empty, no Unicode space, no '+', no control characters; at most 255 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyName(String);

impl KeyName {
    /// The wire field of ML-DSA cosignatures (`opaque cosigner_name<1..2^8-1>`) gives the limit.
    pub const MAX_LEN: usize = 255;

    /// Checks a name.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn new(name: &str) -> Result<KeyName, KeyError> {
        // SPEC: signed-note, Format: not empty, no Unicode spaces, no plus. Control characters beyond those that a
        // note refuses anyway (U+007F to U+009F) have no place in something that people are shown.
        let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if name.is_empty() || name.len() > Self::MAX_LEN || name.contains(bad) {
            return Err(KeyError::Name);
        }
        Ok(KeyName(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first four bytes of a hash over name, type and key: short on purpose, an identifier and no proof of anything.
/// Display writes eight hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyId(pub u32);

impl KeyId {
    /// SPEC: signed-note, Signatures, and tlog-cosignature, Format: the first four bytes of
    /// SHA-256(name ‖ 0x0A ‖ type ‖ public key).
    fn of(name: &KeyName, kind: SignatureType, public: &[u8]) -> KeyId {
        let hash = sha256(&[name.0.as_bytes(), b"\n", &[kind.byte()], public].concat());
        let [a, b, c, d, ..] = *hash.as_bytes();
        KeyId(u32::from_be_bytes([a, b, c, d]))
    }

    /// Exactly eight lowercase hex digits.
    pub(super) fn parse(text: &str) -> Option<KeyId> {
        let digit = |c: u8| c.is_ascii_digit() || (b'a'..=b'f').contains(&c);
        let canonical = text.len() == 8 && text.bytes().all(digit);
        canonical.then(|| u32::from_str_radix(text, 16).ok()).flatten().map(KeyId)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// What a key signs, and how: the signature type identifier byte.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SignatureType {
    /// Ed25519 over a note's text.
    Ed25519 = 0x01,
    /// Timestamped Ed25519 cosignature of a checkpoint.
    CosignatureEd25519 = 0x04,
    /// Timestamped ML-DSA-44 cosignature of a checkpoint.
    CosignatureMlDsa44 = 0x06,
}

impl SignatureType {
    /// The identifier byte.
    pub const fn byte(self) -> u8 {
        self as u8
    }

    /// The type with this identifier byte, if it is one of those known here.
    pub const fn from_byte(byte: u8) -> Option<SignatureType> {
        match byte {
            0x01 => Some(SignatureType::Ed25519),
            0x04 => Some(SignatureType::CosignatureEd25519),
            0x06 => Some(SignatureType::CosignatureMlDsa44),
            _ => None,
        }
    }
}

/// A verifier key ("vkey"): name, key ID, type and public key. Parse and Display are inverse, two keys are equal if
/// name, type and public key are, and Debug writes the vkey.
#[derive(Clone)]
pub struct VerifierKey {
    name: KeyName,
    /// INVARIANT: [`KeyId::of`] the other two.
    id: KeyId,
    key: PublicKey,
}

impl VerifierKey {
    /// A key from its parts; `public` is the encoded public key without the type byte.
    ///
    /// # Errors
    /// [`KeyError::PublicKey`] if the bytes are not the one encoding of a key of this type; [`KeyError::Weak`] for
    /// an Ed25519 key of small order.
    pub fn new(name: KeyName, kind: SignatureType, public: &[u8]) -> Result<VerifierKey, KeyError> {
        let key = match kind {
            SignatureType::Ed25519 => PublicKey::Ed25519(ed25519(public)?),
            SignatureType::CosignatureEd25519 => PublicKey::CosignatureEd25519(ed25519(public)?),
            SignatureType::CosignatureMlDsa44 => {
                PublicKey::CosignatureMlDsa44(Arc::new(MlDsa44Public::new(public)?))
            }
        };
        Ok(VerifierKey { id: KeyId::of(&name, kind, public), name, key })
    }

    /// Reads a vkey.
    ///
    /// # Errors
    /// [`KeyError::Form`] unless it has the three parts, written canonically; [`KeyError::UnknownType`];
    /// [`KeyError::Id`] if the ID is another key's; those of [`KeyName::new`] and [`VerifierKey::new`].
    pub fn parse(vkey: &str) -> Result<VerifierKey, KeyError> {
        let (name, rest) = vkey.split_once('+').ok_or(KeyError::Form)?;
        let (id, encoded) = rest.split_once('+').ok_or(KeyError::Form)?;
        let name = KeyName::new(name)?;
        let id = KeyId::parse(id).ok_or(KeyError::Form)?;
        let decoded = text::base64_decode(encoded).ok_or(KeyError::Form)?;
        let (&byte, public) = decoded.split_first().ok_or(KeyError::Form)?;
        let kind = SignatureType::from_byte(byte).ok_or(KeyError::UnknownType(byte))?;
        let key = VerifierKey::new(name, kind, public)?;
        if key.id != id {
            return Err(KeyError::Id);
        }
        Ok(key)
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's ID.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What the key signs, and how.
    pub fn kind(&self) -> SignatureType {
        match self.key {
            PublicKey::Ed25519(_) => SignatureType::Ed25519,
            PublicKey::CosignatureEd25519(_) => SignatureType::CosignatureEd25519,
            PublicKey::CosignatureMlDsa44(_) => SignatureType::CosignatureMlDsa44,
        }
    }

    /// The public key's bytes, without the type (32 or 1,312). Two keys are duplicates if these are equal.
    pub fn public_bytes(&self) -> &[u8] {
        match &self.key {
            PublicKey::Ed25519(key) | PublicKey::CosignatureEd25519(key) => key.as_bytes(),
            PublicKey::CosignatureMlDsa44(key) => key.as_bytes(),
        }
    }

    /// Is this signature line by this key (same name and same key ID)?
    pub fn matches(&self, signature: &Signature) -> bool {
        self.id == signature.id && self.name == signature.name
    }

    /// SHA-256 of the public key bytes: what people compare.
    pub fn fingerprint(&self) -> Hash {
        sha256(self.public_bytes())
    }

    /// Is this the key's signature over these bytes? What a line's bytes hold beside the signature, and what is signed,
    /// is the business of the key's type: see [`crate::checkpoint`] and [`crate::cosignature`].
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            PublicKey::Ed25519(key) | PublicKey::CosignatureEd25519(key) => {
                // Strict: no points of small order, one encoding of each signature.
                ed25519_dalek::Signature::from_slice(signature)
                    .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
            }
            PublicKey::CosignatureMlDsa44(key) => key.verifies(message, signature),
        }
    }
}

impl PartialEq for VerifierKey {
    fn eq(&self, other: &VerifierKey) -> bool {
        self.kind() == other.kind() && self.name == other.name && self.public_bytes() == other.public_bytes()
    }
}

impl Eq for VerifierKey {}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[self.kind().byte()], self.public_bytes()].concat();
        write!(f, "{}+{}+{}", self.name, self.id, text::base64_encode(&typed))
    }
}

/// A public key, by its type. Made only by [`VerifierKey`].
#[derive(Clone, Debug)]
pub enum PublicKey {
    /// Type 0x01.
    Ed25519(VerifyingKey),
    /// Type 0x04.
    CosignatureEd25519(VerifyingKey),
    /// Type 0x06.
    CosignatureMlDsa44(Arc<MlDsa44Public>),
}

/// An ML-DSA-44 public key: the 1,312 encoded bytes beside the expanded key, which is made when it is needed first. That
/// takes a fifth of a millisecond and 20 KiB; a policy may name many keys of which a checkpoint has few.
pub struct MlDsa44Public {
    encoded: EncodedVerifyingKey<MlDsa44>,
    /// INVARIANT: of `encoded`, if it is there.
    expanded: OnceLock<ml_dsa::VerifyingKey<MlDsa44>>,
}

impl MlDsa44Public {
    fn new(bytes: &[u8]) -> Result<MlDsa44Public, KeyError> {
        // FIPS 204 Algorithm 23 (pkDecode) takes any bytes of the right length, and each length encodes one key.
        let encoded = EncodedVerifyingKey::<MlDsa44>::try_from(bytes).map_err(|_| KeyError::PublicKey)?;
        Ok(MlDsa44Public { encoded, expanded: OnceLock::new() })
    }

    /// The encoded key: 1,312 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.encoded
    }

    fn expanded(&self) -> &ml_dsa::VerifyingKey<MlDsa44> {
        self.expanded.get_or_init(|| ml_dsa::VerifyingKey::decode(&self.encoded))
    }

    /// FIPS 204 verification with the empty context.
    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        ml_dsa::Signature::<MlDsa44>::try_from(signature)
            .is_ok_and(|signature| self.expanded().verify_with_context(message, &[], &signature))
    }
}

impl fmt::Debug for MlDsa44Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlDsa44Public({})", hex::encode(self.as_bytes()))
    }
}

/// Why a key was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// See [`KeyName`].
    #[error("a key name must have 1 to 255 bytes and no space, plus sign or control character")]
    Name,
    /// The three parts of a vkey are not there or not canonical.
    #[error("a verifier key has the form <name>+<key id in hex>+<base64>")]
    Form,
    /// The key ID is another key's.
    #[error("the key ID does not belong to this name and key")]
    Id,
    /// A signature type identifier without meaning here.
    #[error("signature type {0:#04x} is not known here")]
    UnknownType(u8),
    /// Wrong length, no curve point, or not the canonical encoding of one.
    #[error("the public key is not a valid one for its type")]
    PublicKey,
    /// An Ed25519 key for which signatures over every text can be made without a secret.
    #[error("the public key has small order: signatures by it prove nothing")]
    Weak,
    /// The five parts of a signing key are not there or not canonical.
    #[error("a signing key has the form PRIVATE+KEY+<name>+<key id in hex>+<base64>")]
    SigningForm,
    /// A signing key whose secret is not a seed of 32 bytes.
    #[error("a signing key holds its type and a seed of 32 bytes")]
    Seed,
    /// A signing key of a type that belongs elsewhere.
    #[error(
        "a key of type {0:#04x} does not sign here: a log signs with type 0x01, a witness with 0x04 or 0x06"
    )]
    WrongType(u8),
}

fn ed25519(bytes: &[u8]) -> Result<VerifyingKey, KeyError> {
    let bytes: &[u8; 32] = bytes.try_into().map_err(|_| KeyError::PublicKey)?;
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::PublicKey)?;
    if key.is_weak() {
        return Err(KeyError::Weak);
    }
    // SPEC: RFC 8032 section 5.1.3: a y coordinate of p or more does not decode. The library reduces it instead. (Nor does
    // x = 0 with its sign bit set: both points with x = 0 are of small order. So no other encoding is left, and the point
    // need not be encoded again to see that, which would take as long as decoding it did.)
    if is_p_or_more(bytes) { Err(KeyError::PublicKey) } else { Ok(key) }
}

/// Is the y coordinate, without the sign of x above it, p = 2^255 − 19 or more?
fn is_p_or_more(bytes: &[u8; 32]) -> bool {
    let [low, middle @ .., high] = bytes;
    *low >= 0xed && middle.iter().all(|&byte| byte == 0xff) && high & 0x7f == 0x7f
}
