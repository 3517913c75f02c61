//! What is said about a file when it is stamped (Treering spec, section "Claims").
//!
//! A deterministic CBOR map with integer keys: 1 digests (map from hash id to bytes), 2 holder and 3 agent (32 bytes,
//! [`crate::commitment::blind_name`]), 4 title (text), 5 after (SHA-256 of a note), 6 key (COSE_Key), 7 signature (64
//! bytes). 1 is required; 6 and 7 come both or neither; unknown keys are refused, but for unknown hash ids in field 1.
//! A claim has at most 4,096 bytes. Who holds a key, and whether a name is true, is not decided here.

use crate::{
    cbor::{self, CborError, Reader, Writer},
    digest::{DigestError, Digests},
};
use treering_tlog::hash::Hash;

pub use key::{HolderKey, KeyError};

mod key;

/// A title or a name has at most so many bytes (and at least one).
pub const MAX_TEXT: usize = 1024;
/// A claim has at most so many bytes.
pub const MAX_CLAIM: usize = 4096;

/// A claim, as it was read or is about to be blinded and stamped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Of the file's bytes.
    pub digests: Digests,
    /// [`crate::commitment::blind_name`] of the holder's name.
    pub holder: Option<Hash>,
    /// The same for the one who stamped it on the holder's behalf.
    pub agent: Option<Hash>,
    /// 1 to [`MAX_TEXT`] bytes.
    pub title: Option<String>,
    /// SHA-256 of the whole `after` note.
    pub after: Option<Hash>,
    /// The holder's key and its signature over [`Claim::signing_input`].
    pub signed: Option<(HolderKey, [u8; 64])>,
}

impl Claim {
    /// The claim's bytes. What is beyond its bounds (a long title) is written too, and refused by [`Claim::decode`].
    pub fn encode(&self) -> Vec<u8> {
        self.write(self.signed.as_ref().map(|(key, signature)| (key, Some(signature))))
    }

    /// Reads exactly the bytes that [`Claim::encode`] would write, and checks a signature that is there.
    ///
    /// # Errors
    /// Anything else, and [`ClaimError::Signature`].
    pub fn decode(bytes: &[u8]) -> Result<Claim, ClaimError> {
        let claim = Claim::parse(bytes)?;
        claim.check_signature()?;
        Ok(claim)
    }

    /// [`Claim::decode`] without a look at the signature: for a verifier that tells a forged claim from a malformed one.
    ///
    /// # Errors
    /// Bytes that are no claim.
    pub fn parse(bytes: &[u8]) -> Result<Claim, ClaimError> {
        if bytes.len() > MAX_CLAIM {
            return Err(ClaimError::TooLong(bytes.len()));
        }
        let mut reader = Reader::new(bytes);
        let claim = Claim::read(&mut reader)?;
        reader.finish()?;
        cbor::same(bytes, &claim.encode())?;
        Ok(claim)
    }

    /// Does the signature verify, if there is one?
    ///
    /// # Errors
    /// [`ClaimError::Signature`].
    pub fn check_signature(&self) -> Result<(), ClaimError> {
        match &self.signed {
            Some((key, signature)) if !key.verify(&self.signing_input(key), signature) => {
                Err(ClaimError::Signature)
            }
            _ => Ok(()),
        }
    }

    /// "treering.claim-signature/1\n" ‖ the claim without field 7 (but with this key as field 6).
    pub fn signing_input(&self, key: &HolderKey) -> Vec<u8> {
        let mut input = b"treering.claim-signature/1\n".to_vec();
        input.extend(self.write(Some((key, None))));
        input
    }

    fn write(&self, signed: Option<(&HolderKey, Option<&[u8; 64]>)>) -> Vec<u8> {
        let (key, signature) = (signed.map(|(key, _)| key), signed.and_then(|(_, signature)| signature));
        let optional = [
            self.holder.is_some(),
            self.agent.is_some(),
            self.title.is_some(),
            self.after.is_some(),
            key.is_some(),
        ];
        let mut writer = Writer::new();
        writer.map(1 + optional.iter().filter(|&&there| there).count() + usize::from(signature.is_some()));
        self.digests.write(writer.uint(DIGESTS));
        if let Some(holder) = &self.holder {
            writer.uint(HOLDER).bytes(holder.as_bytes());
        }
        if let Some(agent) = &self.agent {
            writer.uint(AGENT).bytes(agent.as_bytes());
        }
        if let Some(title) = &self.title {
            writer.uint(TITLE).text(title);
        }
        if let Some(after) = &self.after {
            writer.uint(AFTER).bytes(after.as_bytes());
        }
        if let Some(key) = key {
            writer.uint(KEY).encoded(&key.encode());
        }
        if let Some(signature) = signature {
            writer.uint(SIGNATURE).bytes(signature);
        }
        writer.finish()
    }

    fn read(reader: &mut Reader<'_>) -> Result<Claim, ClaimError> {
        let mut keys = reader.map()?;
        if keys.next(reader)? != Some(DIGESTS) {
            return Err(ClaimError::NoDigests);
        }
        let digests = Digests::read(reader)?;
        let mut claim = Claim { digests, holder: None, agent: None, title: None, after: None, signed: None };
        let (mut key, mut signature) = (None, None);
        while let Some(field) = keys.next(reader)? {
            match field {
                HOLDER => claim.holder = Some(Hash::new(reader.exact()?)),
                AGENT => claim.agent = Some(Hash::new(reader.exact()?)),
                TITLE => claim.title = Some(title(reader.text()?)?),
                AFTER => claim.after = Some(Hash::new(reader.exact()?)),
                KEY => key = Some(HolderKey::read(reader)?),
                SIGNATURE => signature = Some(reader.exact()?),
                unknown => return Err(CborError::UnknownKey(unknown).into()),
            }
        }
        claim.signed = match (key, signature) {
            (Some(key), Some(signature)) => Some((key, signature)),
            (None, None) => None,
            (Some(_), None) => return Err(ClaimError::KeyAlone),
            (None, Some(_)) => return Err(ClaimError::SignatureAlone),
        };
        Ok(claim)
    }
}

/// Why some bytes are no claim, or a claim is not what its holder signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimError {
    /// Not the CBOR that is wanted.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Field 1 is not right.
    #[error(transparent)]
    Digests(#[from] DigestError),
    /// Field 6 is not right.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// Beyond [`MAX_CLAIM`].
    #[error("a claim has at most 4,096 bytes, this one has {0}")]
    TooLong(usize),
    /// Field 1 is required.
    #[error("the claim lacks the file's digests (field 1)")]
    NoDigests,
    /// Field 4 is empty or too long.
    #[error("a title has 1 to 1,024 bytes, this one has {0}")]
    Title(usize),
    /// Field 6 without field 7.
    #[error("the claim names a key (field 6) but has no signature (field 7)")]
    KeyAlone,
    /// Field 7 without field 6.
    #[error("the claim has a signature (field 7) but names no key (field 6)")]
    SignatureAlone,
    /// Field 7 is not a signature by field 6.
    #[error("the holder's signature over the claim does not verify")]
    Signature,
}

impl ClaimError {
    /// A stable name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            ClaimError::Cbor(error) => error.name(),
            ClaimError::Digests(error) => error.name(),
            ClaimError::Key(error) => error.name(),
            ClaimError::TooLong(_) => "claim_too_long",
            ClaimError::NoDigests => "claim_without_digests",
            ClaimError::Title(_) => "claim_title",
            ClaimError::KeyAlone => "claim_key_without_signature",
            ClaimError::SignatureAlone => "claim_signature_without_key",
            ClaimError::Signature => "claim_signature_forged",
        }
    }
}

const DIGESTS: u64 = 1;
const HOLDER: u64 = 2;
const AGENT: u64 = 3;
const TITLE: u64 = 4;
const AFTER: u64 = 5;
const KEY: u64 = 6;
const SIGNATURE: u64 = 7;

fn title(text: &str) -> Result<String, ClaimError> {
    if text.is_empty() || text.len() > MAX_TEXT {
        Err(ClaimError::Title(text.len()))
    } else {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests;
