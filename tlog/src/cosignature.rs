//! Timestamped cosignatures by witnesses (C2SP tlog-cosignature): Ed25519 (0x04) and ML-DSA-44 (0x06).
//!
//! A cosignature is a signature line of a checkpoint's note whose bytes are a big-endian `u64` timestamp (whole
//! seconds since the epoch, at most 2^63−1) and a signature: 8 + 64 or 8 + 2,420 bytes. Ed25519 signs a text (two
//! lines before the checkpoint's), ML-DSA-44 a binary structure that leaves extension lines out.
//!
//! A timestamp of 0 says nothing about time: such a line is verified and then answered with
//! [`CosignatureError::NoTimestamp`]. ML-DSA-44 keys sign subtrees, too: [`verify_subtree`]. No time is called too old or
//! too new.

mod subtree;
#[cfg(test)]
mod tests;

use std::fmt;

use ed25519_dalek::Signer as _;
use ml_dsa::MlDsa44;
use zeroize::Zeroizing;

use crate::{
    checkpoint::{Checkpoint, Origin},
    hash::Hash,
    note::{
        KeyError, KeyName, Signature, SignatureType, VerifierKey, is_zeroed_when_dropped, private_text,
        read_private_text,
    },
    time::UnixSeconds,
};

pub use subtree::{subtree_message, verify_subtree};

/// The timestamp in front of the signature.
const TIMESTAMP_BYTES: usize = 8;

/// Verifies one cosignature line over a checkpoint's body, as of any time, and returns its timestamp.
///
/// # Errors
/// [`CosignatureError::Forged`] if the signature is wrong, and a variant of its own for each other reason;
/// [`CosignatureError::NoTimestamp`] only if the signature is right.
pub fn verify(
    key: &VerifierKey,
    checkpoint: &Checkpoint,
    line: &Signature,
) -> Result<UnixSeconds, CosignatureError> {
    let (time, signature) = split(key, line)?;
    let message = message(key, checkpoint, time).ok_or(CosignatureError::KeyType)?;
    let genuine = key.verifies(&message, signature);
    match (genuine, time.get()) {
        (false, _) => Err(CosignatureError::Forged),
        (true, 0) => Err(CosignatureError::NoTimestamp),
        (true, _) => Ok(time),
    }
}

/// The timestamp that a cosignature line claims (not verified), if the line has the key's name and ID and the length
/// of a cosignature of its type.
pub fn claimed_time(key: &VerifierKey, line: &Signature) -> Option<UnixSeconds> {
    split(key, line).ok().map(|(time, _)| time)
}

/// What a key signs for a checkpoint as of `time`, for signers that this crate doesn't have; `None` for keys of type 0x01.
pub fn message(key: &VerifierKey, checkpoint: &Checkpoint, time: UnixSeconds) -> Option<Vec<u8>> {
    let head = &checkpoint.head;
    match key.kind() {
        SignatureType::Ed25519 => None,
        SignatureType::CosignatureEd25519 => Some(ed25519_message(checkpoint, time).into_bytes()),
        SignatureType::CosignatureMlDsa44 => {
            // SPEC: tlog-cosignature, ML-DSA-44 signed message: a checkpoint is the subtree from leaf 0 to its size.
            Some(ml_dsa_message(key.name(), &checkpoint.origin, 0, head.size.get(), &head.root, time))
        }
    }
}

/// The line that holds a signature over a message of [`message`] or [`subtree_message`].
pub fn line(key: &VerifierKey, time: UnixSeconds, signature: &[u8]) -> Signature {
    let bytes = [&time.get().to_be_bytes()[..], signature].concat();
    Signature::new(key.name().clone(), key.id(), bytes)
}

/// A witness's key. Secret; zeroed when dropped, never printed.
pub struct CosignerKey {
    verifier: VerifierKey,
    secret: Secret,
}

enum Secret {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    MlDsa44(Box<ml_dsa::SigningKey<MlDsa44>>),
}

// INVARIANT: zeroed when dropped. The libraries do that with one of their features, and say nothing without it.
const _: () = is_zeroed_when_dropped::<ed25519_dalek::SigningKey>();
const _: () = is_zeroed_when_dropped::<ml_dsa::SigningKey<MlDsa44>>();

impl CosignerKey {
    /// The Ed25519 key that RFC 8032 section 5.1.5 makes from this seed.
    pub fn ed25519(name: KeyName, seed: &[u8; 32]) -> CosignerKey {
        let secret = ed25519_dalek::SigningKey::from_bytes(seed);
        let public = secret.verifying_key();
        let verifier = VerifierKey::new(name, SignatureType::CosignatureEd25519, public.as_bytes())
            .expect("a secret scalar is a multiple of 8 below 2^255 and never one of the group order");
        CosignerKey { verifier, secret: Secret::Ed25519(Box::new(secret)) }
    }

    /// The ML-DSA-44 key that FIPS 204 key generation makes from the seed ξ.
    pub fn ml_dsa_44(name: KeyName, seed: &[u8; 32]) -> CosignerKey {
        let secret = Box::new(ml_dsa::SigningKey::<MlDsa44>::from_seed(seed.into()));
        let public = secret.expanded_key().verifying_key().encode();
        let verifier = VerifierKey::new(name, SignatureType::CosignatureMlDsa44, &public)
            .expect("every ML-DSA-44 public key has 1,312 bytes");
        CosignerKey { verifier, secret: Secret::MlDsa44(secret) }
    }

    /// Reads `PRIVATE+KEY+<name>+<id>+<base64 of type and seed>`, type 0x04 or 0x06.
    ///
    /// # Errors
    /// Those of [`crate::note::SigningKey::parse`]; [`KeyError::WrongType`] for a log's key.
    pub fn parse(text: &str) -> Result<CosignerKey, KeyError> {
        let private = read_private_text(text)?;
        let key = match private.kind {
            SignatureType::Ed25519 => return Err(KeyError::WrongType(private.kind.byte())),
            SignatureType::CosignatureEd25519 => CosignerKey::ed25519(private.name, &private.seed),
            SignatureType::CosignatureMlDsa44 => CosignerKey::ml_dsa_44(private.name, &private.seed),
        };
        if key.verifier.id() != private.id {
            return Err(KeyError::Id);
        }
        Ok(key)
    }

    /// What [`CosignerKey::parse`] reads. Secret.
    pub fn to_private_text(&self) -> Zeroizing<String> {
        private_text(&self.verifier, &self.seed())
    }

    /// The seed that the key was made from, for signers that this crate doesn't have. Secret.
    pub fn seed(&self) -> Zeroizing<[u8; 32]> {
        match &self.secret {
            Secret::Ed25519(key) => Zeroizing::new(*key.as_bytes()),
            Secret::MlDsa44(key) => Zeroizing::new((*key.as_seed()).into()),
        }
    }

    /// The public half.
    pub fn verifier(&self) -> VerifierKey {
        self.verifier.clone()
    }

    /// Signs the checkpoint's body as of `time`. Both algorithms are deterministic here: no randomness is needed.
    /// The caller has checked that the log only grew.
    ///
    /// # Errors
    /// [`CosignatureError::NoTimestamp`] for the time 0, which would be a statement without time.
    pub fn cosign(&self, checkpoint: &Checkpoint, time: UnixSeconds) -> Result<Signature, CosignatureError> {
        // SPEC: tlog-witness, add-checkpoint: the timestamp must not be zero.
        if time.get() == 0 {
            return Err(CosignatureError::NoTimestamp);
        }
        let message = message(&self.verifier, checkpoint, time).ok_or(CosignatureError::KeyType)?;
        Ok(self.sign(time, &message))
    }

    fn sign(&self, time: UnixSeconds, message: &[u8]) -> Signature {
        match &self.secret {
            Secret::Ed25519(key) => line(&self.verifier, time, &key.sign(message).to_bytes()),
            Secret::MlDsa44(key) => {
                let signature = key
                    .expanded_key()
                    .sign_deterministic(message, &[])
                    .expect("ML-DSA refuses only contexts beyond 255 bytes, and this one is empty");
                line(&self.verifier, time, &signature.encode())
            }
        }
    }
}

impl fmt::Debug for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CosignerKey({})", self.verifier.name())
    }
}

/// Why a line is no cosignature that counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CosignatureError {
    /// A key of type 0x01.
    #[error("this key does not make cosignatures")]
    KeyType,
    /// Another name or another key ID.
    #[error("the line is by another key")]
    OtherKey,
    /// Not 72 bytes (Ed25519) or 2,428 (ML-DSA-44).
    #[error("the cosignature has {got} bytes where {want} are needed")]
    Length {
        /// Timestamp and signature of the key's type.
        want: usize,
        /// What the line holds behind its key ID.
        got: usize,
    },
    /// Beyond what the format allows.
    #[error("the timestamp is beyond 2^63−1")]
    Timestamp,
    /// The timestamp is 0.
    #[error("the cosignature has no timestamp")]
    NoTimestamp,
    /// Only ML-DSA-44 keys sign subtrees.
    #[error("this key does not sign subtrees: only ML-DSA-44 keys do")]
    NoSubtrees,
    /// A time on a subtree that does not begin at leaf 0.
    #[error("a subtree that does not begin at leaf 0 can't have a timestamp")]
    TimedSubtree,
    /// Not by this key, or of another checkpoint, subtree or time.
    #[error("the cosignature does not verify")]
    Forged,
}

/// How many bytes stand behind the key ID; `None` for keys that make no cosignatures.
fn line_length(kind: SignatureType) -> Option<usize> {
    match kind {
        SignatureType::Ed25519 => None,
        SignatureType::CosignatureEd25519 => Some(TIMESTAMP_BYTES + 64),
        SignatureType::CosignatureMlDsa44 => Some(TIMESTAMP_BYTES + 2_420),
    }
}

/// Time and signature of a line, neither of them verified.
fn split<'a>(key: &VerifierKey, line: &'a Signature) -> Result<(UnixSeconds, &'a [u8]), CosignatureError> {
    let want = line_length(key.kind()).ok_or(CosignatureError::KeyType)?;
    if !key.matches(line) {
        return Err(CosignatureError::OtherKey);
    }
    let got = line.bytes().len();
    let parts = line.bytes().split_first_chunk::<TIMESTAMP_BYTES>().filter(|_| got == want);
    let (timestamp, signature) = parts.ok_or(CosignatureError::Length { want, got })?;
    // SPEC: tlog-cosignature, Format: the timestamp must not exceed 2^63 - 1.
    let time = UnixSeconds::new(u64::from_be_bytes(*timestamp)).ok_or(CosignatureError::Timestamp)?;
    Ok((time, signature))
}

/// SPEC: tlog-cosignature, Ed25519 signed message: header line, timestamp line, the whole body.
fn ed25519_message(checkpoint: &Checkpoint, time: UnixSeconds) -> String {
    format!("cosignature/v1\ntime {}\n{}", time.get(), checkpoint.to_text())
}

/// SPEC: tlog-cosignature, ML-DSA-44 signed message: `cosigned_message`.
fn ml_dsa_message(
    name: &KeyName,
    origin: &Origin,
    start: u64,
    end: u64,
    hash: &Hash,
    time: UnixSeconds,
) -> Vec<u8> {
    let mut message = b"subtree/v1\n\0".to_vec();
    push_opaque(&mut message, name.as_str());
    message.extend(time.get().to_be_bytes());
    push_opaque(&mut message, origin.as_str());
    message.extend(start.to_be_bytes());
    message.extend(end.to_be_bytes());
    message.extend(hash.as_bytes());
    message
}

/// `opaque field<1..2^8-1>`: one length byte, then the bytes.
fn push_opaque(message: &mut Vec<u8>, field: &str) {
    // INVARIANT: KeyName::MAX_LEN and Origin::MAX_LEN are what one length byte can say.
    message.push(u8::try_from(field.len()).expect("names and origins have at most 255 bytes"));
    message.extend_from_slice(field.as_bytes());
}
