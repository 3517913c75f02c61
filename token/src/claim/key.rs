//! A holder's public key as a COSE_Key (RFC 9052 section 7, RFC 9053 section 7), and its signatures.
//!
//! Exactly `{1: 1, -1: 6, -2: x}` (Ed25519) or `{1: 2, -1: 1, -2: x, -3: y}` (P-256), keys in that order. Ed25519 is
//! verified strictly (no weak keys, canonical encodings); P-256 is with SHA-256, `r ‖ s`, low `s` only, so that nobody
//! can make a second signature out of one.

use crate::cbor::{self, CborError, Reader, Writer};
use p256::ecdsa::signature::Verifier as _;
use treering_tlog::hash::{Hash, sha256};

/// A holder's public key, as field 6 of a claim carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HolderKey {
    /// The 32 bytes of RFC 8032.
    Ed25519([u8; 32]),
    /// The coordinates of a point of P-256, big-endian.
    P256 {
        /// The point's x.
        x: [u8; 32],
        /// The point's y.
        y: [u8; 32],
    },
}

impl HolderKey {
    /// A key on P-256: the map, two labels with small integers, and two with 32 bytes each: 1 + 2·2 + 2·35.
    pub const MAX_BYTES: usize = 75;

    /// SHA-256 of the COSE_Key bytes (RFC 9679): how a verifier pins it and a tool shows it.
    pub fn thumbprint(&self) -> Hash {
        sha256(&self.encode())
    }

    /// The COSE_Key bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut writer = Writer::new();
        match self {
            HolderKey::Ed25519(x) => {
                writer.map(3).int(KTY).int(OKP).int(CRV).int(ED25519).int(X).bytes(x);
            }
            HolderKey::P256 { x, y } => {
                writer.map(4).int(KTY).int(EC2).int(CRV).int(P256).int(X).bytes(x).int(Y).bytes(y);
            }
        }
        writer.finish()
    }

    /// Reads exactly what [`HolderKey::encode`] writes, if it is a usable key.
    ///
    /// # Errors
    /// Anything else.
    pub fn decode(cose_key: &[u8]) -> Result<HolderKey, KeyError> {
        let mut reader = Reader::new(cose_key);
        let key = HolderKey::read(&mut reader)?;
        reader.finish()?;
        cbor::same(cose_key, &key.encode())?;
        Ok(key)
    }

    /// Is this a signature by this key over these bytes? False too if the key is no usable one.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        match self {
            HolderKey::Ed25519(x) => ed25519(x).is_some_and(|key| {
                key.verify_strict(message, &ed25519_dalek::Signature::from_bytes(signature)).is_ok()
            }),
            HolderKey::P256 { x, y } => p256(x, y).is_some_and(|key| verify_p256(&key, message, signature)),
        }
    }

    /// Reads a COSE_Key from the front. The caller holds the whole to its one encoding.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<HolderKey, KeyError> {
        let parameters = reader.map_len()?;
        expect(reader, KTY)?;
        let key = match (reader.int()?, parameters) {
            (OKP, 3) => {
                expect(reader, CRV)?;
                expect(reader, ED25519)?;
                HolderKey::Ed25519(coordinate(reader, X)?)
            }
            (EC2, 4) => {
                expect(reader, CRV)?;
                expect(reader, P256)?;
                HolderKey::P256 { x: coordinate(reader, X)?, y: coordinate(reader, Y)? }
            }
            _ => return Err(KeyError::Form),
        };
        if key.is_usable() { Ok(key) } else { Err(KeyError::Point) }
    }

    fn is_usable(&self) -> bool {
        match self {
            HolderKey::Ed25519(x) => ed25519(x).is_some(),
            HolderKey::P256 { x, y } => p256(x, y).is_some(),
        }
    }
}

/// Why some bytes are no holder's key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the CBOR that is wanted.
    #[error(transparent)]
    Cbor(#[from] CborError),
    /// Another COSE_Key than the two known here.
    #[error(
        "the holder's key is not exactly {{1: 1, -1: 6, -2: x}} (Ed25519) or {{1: 2, -1: 1, -2: x, -3: y}} (P-256)"
    )]
    Form,
    /// Not a point of the curve, or one that would verify what nobody signed.
    #[error("the holder's key is not a usable point of its curve")]
    Point,
}

impl KeyError {
    /// A stable name, for programs.
    pub fn name(&self) -> &'static str {
        match self {
            KeyError::Cbor(error) => error.name(),
            KeyError::Form => "holder_key_form",
            KeyError::Point => "holder_key_point",
        }
    }
}

const KTY: i64 = 1;
const OKP: i64 = 1;
const EC2: i64 = 2;
const CRV: i64 = -1;
const ED25519: i64 = 6;
const P256: i64 = 1;
const X: i64 = -2;
const Y: i64 = -3;

fn expect(reader: &mut Reader<'_>, label: i64) -> Result<(), KeyError> {
    if reader.int()? == label { Ok(()) } else { Err(KeyError::Form) }
}

fn coordinate(reader: &mut Reader<'_>, label: i64) -> Result<[u8; 32], KeyError> {
    expect(reader, label)?;
    Ok(reader.exact()?)
}

/// The key, if it is a canonically encoded point that is not of small order.
fn ed25519(x: &[u8; 32]) -> Option<ed25519_dalek::VerifyingKey> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(x).ok()?;
    let canonical = key.to_edwards().compress().to_bytes() == *x;
    (canonical && !key.is_weak()).then_some(key)
}

fn p256(x: &[u8; 32], y: &[u8; 32]) -> Option<p256::ecdsa::VerifyingKey> {
    p256::ecdsa::VerifyingKey::from_sec1_bytes(&[&[0x04], &x[..], y].concat()).ok()
}

fn verify_p256(key: &p256::ecdsa::VerifyingKey, message: &[u8], signature: &[u8; 64]) -> bool {
    p256::ecdsa::Signature::from_slice(signature)
        // (r, −s) verifies whenever (r, s) does: only the lower of the two is a signature here.
        .is_ok_and(|signature| {
            signature.normalize_s() == signature && key.verify(message, &signature).is_ok()
        })
}

#[cfg(test)]
mod tests;
