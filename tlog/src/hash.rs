//! SHA-256 hashes of the leaves and nodes of a Merkle tree (RFC 6962 section 2.1).
//!
//! A leaf is SHA-256(0x00 ‖ data), a node SHA-256(0x01 ‖ left ‖ right): the prefixes keep one from passing as the
//! other. A hash is 32 bytes; as text it is 64 lowercase hex digits, or 44 characters of standard base64. Readers
//! answer `None` to anything else. Many hashes at once are the business of [`crate::kernel`].

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::text;

/// A SHA-256 hash: 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// INVARIANT: an array of hashes is its bytes in a row: the kernel reads two neighbours as 64 bytes.
#[repr(transparent)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The length of a hash in bytes.
    pub const LEN: usize = 32;

    /// The root of the tree without leaves: the hash of the empty string.
    pub const EMPTY_ROOT: Hash = Hash([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// A hash of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Hash {
        Hash(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A hash of these bytes, if they are 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Hash> {
        bytes.try_into().ok().map(Hash)
    }

    /// Reads canonical standard base64 (44 characters).
    pub fn from_base64(text: &str) -> Option<Hash> {
        // The length first, so that a long line costs nothing.
        if text.len() != 44 {
            return None;
        }
        Hash::from_slice(&text::base64_decode(text)?)
    }

    /// Writes standard base64 with padding.
    pub fn to_base64(&self) -> String {
        text::base64_encode(&self.0)
    }

    /// Reads 64 lowercase hex digits; anything else is refused.
    pub fn from_hex(text: &str) -> Option<Hash> {
        if text.bytes().any(|digit| digit.is_ascii_uppercase()) {
            return None;
        }
        let mut bytes = [0; Hash::LEN];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Hash(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 2 * Hash::LEN];
        hex::encode_to_slice(self.0, &mut digits).expect("two digits a byte");
        f.write_str(std::str::from_utf8(&digits).expect("hex digits are text"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl AsRef<[u8]> for Hash {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// SHA-256 of these bytes (no prefix).
pub fn sha256(data: &[u8]) -> Hash {
    Hash(Sha256::digest(data).into())
}

/// The hash of a leaf: SHA-256(0x00 ‖ data).
pub fn leaf_hash(data: &[u8]) -> Hash {
    Hash(Sha256::new().chain_update([LEAF_PREFIX]).chain_update(data).finalize().into())
}

/// The hash of an interior node: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Hash(
        Sha256::new()
            .chain_update([NODE_PREFIX])
            .chain_update(left.as_bytes())
            .chain_update(right.as_bytes())
            .finalize()
            .into(),
    )
}

/// What stands before the data of a leaf.
pub(crate) const LEAF_PREFIX: u8 = 0;
/// What stands before the two children of a node.
pub(crate) const NODE_PREFIX: u8 = 1;

#[cfg(test)]
mod tests {
    use super::{Hash, leaf_hash, node_hash, sha256};

    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn sha256_of_known_strings() {
        assert_eq!(sha256(b""), Hash::EMPTY_ROOT);
        assert_eq!(sha256(b"abc").to_string(), ABC);
    }

    #[test]
    fn leaves_and_nodes_have_their_prefixes() {
        let (left, right) = (sha256(b"left"), sha256(b"right"));
        assert_eq!(leaf_hash(b"data"), sha256(b"\0data"));
        assert_eq!(leaf_hash(b""), sha256(b"\0"));
        let node = [b"\x01", &left.as_bytes()[..], right.as_bytes()].concat();
        assert_eq!(node_hash(&left, &right), sha256(&node));
        assert_ne!(node_hash(&left, &right), node_hash(&right, &left));
    }

    #[test]
    fn hex_is_64_lowercase_digits() {
        assert_eq!(Hash::from_hex(ABC), Some(sha256(b"abc")));
        let upper = ABC.to_uppercase();
        let long = format!("{ABC}00");
        let spaced = format!(" {}", &ABC[1..]);
        for text in ["", &ABC[..62], &ABC[..63], &upper, &long, &spaced] {
            assert_eq!(Hash::from_hex(text), None, "{text:?}");
        }
    }

    #[test]
    fn base64_is_canonical() {
        let text = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=";
        assert_eq!(sha256(b"abc").to_base64(), text);
        assert_eq!(Hash::from_base64(text), Some(sha256(b"abc")));
        let bits = text.replace("0=", "1=");
        let padding = text.replace('=', "");
        for text in ["", &bits, &padding, "ungWv48B", &format!("{text}\n"), &"AAAA".repeat(11)] {
            assert_eq!(Hash::from_base64(text), None, "{text:?}");
        }
    }

    #[test]
    fn slices_must_be_32_bytes() {
        assert_eq!(Hash::from_slice(&[7; 32]), Some(Hash::new([7; 32])));
        assert_eq!(Hash::from_slice(&[7; 31]), None);
        assert_eq!(Hash::from_slice(&[7; 33]), None);
        assert_eq!(Hash::new([7; 32]).as_ref(), [7; 32]);
    }
}
