//! Private keys as text, and the log's signing key (golang.org/x/mod/sumdb/note, `PRIVATE+KEY` form).
//!
//! `PRIVATE+KEY+<name>+<key ID, 8 hex digits>+<base64 of the type byte and the 32-byte seed>`. The ID is that of the
//! verifier key and is checked. Every buffer that held a secret is zeroed.

use std::fmt;

use ed25519_dalek::Signer as _;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::{KeyError, KeyId, KeyName, Signature, SignatureType, VerifierKey};
use crate::text;

const PREFIX: &str = "PRIVATE+KEY+";

/// A log's Ed25519 key (type 0x01), which signs note texts. Zeroed when dropped; never printed.
pub struct SigningKey {
    name: KeyName,
    id: KeyId,
    key: ed25519_dalek::SigningKey,
}

// INVARIANT: zeroed when dropped. The library does that with one of its features, and says nothing without it.
const _: () = is_zeroed_when_dropped::<ed25519_dalek::SigningKey>();

/// A type that isn't doesn't build.
pub(crate) const fn is_zeroed_when_dropped<T: ZeroizeOnDrop>() {}

impl SigningKey {
    /// The key that RFC 8032 section 5.1.5 makes from this seed.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> SigningKey {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        let id = verifier_of(&name, &key).id();
        SigningKey { name, id, key }
    }

    /// Reads a `PRIVATE+KEY` text of type 0x01.
    ///
    /// # Errors
    /// [`KeyError::SigningForm`], [`KeyError::Name`], [`KeyError::Seed`], [`KeyError::Id`] by rule;
    /// [`KeyError::WrongType`] for a witness's key, [`KeyError::UnknownType`] for others.
    pub fn parse(text: &str) -> Result<SigningKey, KeyError> {
        let private = read_private_text(text)?;
        if private.kind != SignatureType::Ed25519 {
            return Err(KeyError::WrongType(private.kind.byte()));
        }
        let key = SigningKey::from_seed(private.name, &private.seed);
        if key.id != private.id {
            return Err(KeyError::Id);
        }
        Ok(key)
    }

    /// What [`SigningKey::parse`] reads. Secret.
    pub fn to_private_text(&self) -> Zeroizing<String> {
        private_text(&self.verifier(), self.key.as_bytes())
    }

    /// The public half.
    pub fn verifier(&self) -> VerifierKey {
        verifier_of(&self.name, &self.key)
    }

    /// Signs a note's text. The caller answers for the text's form (newline at the end, no control characters).
    pub fn sign(&self, text: &str) -> Signature {
        let signature = self.key.sign(text.as_bytes());
        Signature::new(self.name.clone(), self.id, signature.to_bytes().to_vec())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.name)
    }
}

/// What a `PRIVATE+KEY` text says; the ID is not yet checked.
pub(crate) struct PrivateKey {
    pub(crate) name: KeyName,
    pub(crate) id: KeyId,
    pub(crate) kind: SignatureType,
    pub(crate) seed: Zeroizing<[u8; 32]>,
}

/// Reads a `PRIVATE+KEY` text of any known type.
pub(crate) fn read_private_text(text: &str) -> Result<PrivateKey, KeyError> {
    let rest = text.strip_prefix(PREFIX).ok_or(KeyError::SigningForm)?;
    let (name, rest) = rest.split_once('+').ok_or(KeyError::SigningForm)?;
    let (id, encoded) = rest.split_once('+').ok_or(KeyError::SigningForm)?;
    let name = KeyName::new(name)?;
    let id = KeyId::parse(id).ok_or(KeyError::SigningForm)?;
    let decoded = Zeroizing::new(text::base64_decode(encoded).ok_or(KeyError::SigningForm)?);
    let (&byte, seed) = decoded.split_first().ok_or(KeyError::SigningForm)?;
    let kind = SignatureType::from_byte(byte).ok_or(KeyError::UnknownType(byte))?;
    let seed = Zeroizing::new(seed.try_into().map_err(|_| KeyError::Seed)?);
    Ok(PrivateKey { name, id, kind, seed })
}

/// Writes a `PRIVATE+KEY` text.
pub(crate) fn private_text(key: &VerifierKey, seed: &[u8; 32]) -> Zeroizing<String> {
    let mut typed = Zeroizing::new([0; 33]);
    typed[0] = key.kind().byte();
    typed[1..].copy_from_slice(seed);
    let encoded = Zeroizing::new(text::base64_encode(&typed[..]));
    let public = format!("{PREFIX}{}+{}+", key.name(), key.id());
    // Room for the whole at once: a string that grows leaves its old buffer behind, not zeroed.
    let mut text = Zeroizing::new(String::with_capacity(public.len() + encoded.len()));
    text.push_str(&public);
    text.push_str(&encoded);
    text
}

fn verifier_of(name: &KeyName, key: &ed25519_dalek::SigningKey) -> VerifierKey {
    VerifierKey::new(name.clone(), SignatureType::Ed25519, key.verifying_key().as_bytes())
        .expect("a secret scalar is a multiple of 8 below 2^255 and never one of the group order")
}
