//! The nonce: a number that ties a reply to its query (RFC 3161 section 2.4.1).
//!
//! An INTEGER of any size, which is only ever compared and echoed; so it is kept as its DER content and never turned
//! into a number. At most 64 bytes: clients send 8 to 20.

use crate::tlv;

/// A nonce, as the content bytes of its DER INTEGER.
///
/// INVARIANT: 1 to [`Nonce::MAX_BYTES`] bytes, the shortest form of its number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Nonce(Vec<u8>);

impl Nonce {
    /// Longest content: 512 bits, twice what any hash could make use of.
    pub const MAX_BYTES: usize = 64;

    /// A nonce of these random bytes, taken as a number that isn't negative.
    pub fn from_random(random: [u8; 16]) -> Nonce {
        Nonce(tlv::unsigned_integer(&random))
    }

    /// The content of a DER INTEGER, which may be negative.
    ///
    /// # Errors
    /// [`NonceError::TooLong`] and [`NonceError::NotAnInteger`].
    pub fn from_der_content(content: &[u8]) -> Result<Nonce, NonceError> {
        if content.len() > Nonce::MAX_BYTES {
            return Err(NonceError::TooLong { found: content.len() });
        }
        if !tlv::is_integer(content) {
            return Err(NonceError::NotAnInteger);
        }
        Ok(Nonce(content.to_vec()))
    }

    /// The content of its DER INTEGER.
    pub fn der_content(&self) -> &[u8] {
        &self.0
    }
}

/// The content bytes in lower-case hexadecimal.
impl std::fmt::Display for Nonce {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// Why a nonce is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NonceError {
    /// More than [`Nonce::MAX_BYTES`] bytes.
    #[error("a nonce has at most {} bytes here, not {found}", Nonce::MAX_BYTES)]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Empty, or longer than its number needs.
    #[error("the nonce is not an INTEGER in DER's form")]
    NotAnInteger,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_give_the_shortest_form() {
        let mut random = [0; 16];
        assert_eq!(Nonce::from_random(random).der_content(), [0]);
        random[15] = 0x80;
        assert_eq!(Nonce::from_random(random).der_content(), [0, 0x80]);
        let largest = Nonce::from_random([0xff; 16]);
        assert_eq!(Nonce::from_der_content(largest.der_content()), Ok(largest));
    }

    #[test]
    fn long_and_padded_ones_are_refused() {
        assert_eq!(Nonce::from_der_content(&[1; 65]), Err(NonceError::TooLong { found: 65 }));
        assert_eq!(Nonce::from_der_content(&[0, 1]), Err(NonceError::NotAnInteger));
        assert_eq!(Nonce::from_der_content(&[]), Err(NonceError::NotAnInteger));
        assert!(Nonce::from_der_content(&[0x80]).is_ok(), "negative nonces are echoed like any other");
    }
}
