//! The serial number of a token (RFC 3161 section 2.4.2).
//!
//! The RFC asks for up to 160 bits (20 bytes) and uniqueness for one TSA, over crashes too. Ours are 128-bit numbers
//! whose top bit is set and whose other 127 bits are random: a restored backup can't count the same numbers again. In
//! tokens of others up to 64 bytes are read, as some TSAs write longer ones; they have to be positive.

use crate::tlv;
use std::str::FromStr;

/// A serial number, as the content bytes of its DER INTEGER.
///
/// INVARIANT: 1 to [`Serial::MAX_BYTES`] bytes, the shortest form of a number greater than zero.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// Longest content that is read: three times the 20 bytes that RFC 3161 asks to have room for, and some.
    pub const MAX_BYTES: usize = 64;

    /// One of ours. The top bit is set, so that each has 128 bits, 32 hexadecimal digits and 17 bytes of content.
    pub fn from_random(mut random: [u8; 16]) -> Serial {
        random[0] |= 0x80;
        Serial(tlv::unsigned_integer(&random))
    }

    /// The content of a DER INTEGER.
    ///
    /// # Errors
    /// [`SerialError::TooLong`], [`SerialError::NotAnInteger`], [`SerialError::NotPositive`].
    pub fn from_der_content(content: &[u8]) -> Result<Serial, SerialError> {
        if content.len() > Serial::MAX_BYTES {
            return Err(SerialError::TooLong { found: content.len() });
        }
        if !tlv::is_integer(content) {
            return Err(SerialError::NotAnInteger);
        }
        if content[0] >= 0x80 || content == [0] {
            return Err(SerialError::NotPositive);
        }
        Ok(Serial(content.to_vec()))
    }

    /// The content of its DER INTEGER.
    pub fn der_content(&self) -> &[u8] {
        &self.0
    }

    /// The number as 16 bytes, most significant first, if it is one that [`Serial::from_random`] makes.
    pub fn to_bytes16(&self) -> Option<[u8; 16]> {
        match *self.0.as_slice() {
            // INVARIANT: in the shortest form, a byte of zeros comes only before a set top bit.
            [0, ref number @ ..] => number.try_into().ok(),
            _ => None,
        }
    }
}

/// Lower-case hexadecimal, two digits a byte, without a leading byte of zeros; 32 digits for ours.
impl std::fmt::Display for Serial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0.strip_prefix(&[0]).unwrap_or(&self.0)))
    }
}

/// Reads exactly what `Display` writes.
impl FromStr for Serial {
    type Err = SerialError;

    fn from_str(text: &str) -> Result<Serial, SerialError> {
        if text.len() > 2 * Serial::MAX_BYTES {
            return Err(SerialError::TooLong { found: text.len() / 2 });
        }
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(SerialError::NotHex);
        }
        let bytes = hex::decode(text).map_err(|_| SerialError::NotHex)?;
        match bytes.first() {
            None | Some(0) => Err(SerialError::NotHex),
            Some(_) => Serial::from_der_content(&tlv::unsigned_integer(&bytes)),
        }
    }
}

/// Why a serial number is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SerialError {
    /// More than [`Serial::MAX_BYTES`] bytes.
    #[error("a serial number has at most {} bytes here, not {found}", Serial::MAX_BYTES)]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Empty, or longer than its number needs.
    #[error("the serial number is not an INTEGER in DER's form")]
    NotAnInteger,
    /// Zero or negative.
    #[error("a serial number is greater than zero")]
    NotPositive,
    /// Not the text of a serial number.
    #[error("a serial number is written in lower-case hexadecimal, two digits a byte, without leading zeros")]
    NotHex,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_are_positive_128_bit_numbers() {
        for random in [[0; 16], [0xff; 16], [0x12; 16]] {
            let serial = Serial::from_random(random);
            let mut want = random;
            want[0] |= 0x80;
            assert_eq!(serial.to_bytes16(), Some(want));
            assert_eq!(serial.der_content().len(), 17);
            assert_eq!(serial.to_string().len(), 32);
            assert_eq!(serial.to_string().parse(), Ok(serial.clone()));
            assert_eq!(Serial::from_der_content(serial.der_content()), Ok(serial));
        }
    }

    #[test]
    fn others_keep_their_length() {
        let short = Serial::from_der_content(&[0x0a]).unwrap();
        assert_eq!((short.to_string().as_str(), short.to_bytes16()), ("0a", None));
        let long = Serial::from_der_content(&[0x7f; 64]).unwrap();
        assert_eq!(long.to_string().parse(), Ok(long));
        // 16 bytes without the top bit: not one that we make.
        assert_eq!(Serial::from_der_content(&[0x7f; 16]).unwrap().to_bytes16(), None);
    }

    #[test]
    fn what_is_no_serial_number_is_refused() {
        assert_eq!(Serial::from_der_content(&[1; 65]), Err(SerialError::TooLong { found: 65 }));
        assert_eq!(Serial::from_der_content(&[0, 1]), Err(SerialError::NotAnInteger));
        assert_eq!(Serial::from_der_content(&[0]), Err(SerialError::NotPositive));
        assert_eq!(Serial::from_der_content(&[0x80]), Err(SerialError::NotPositive));
        for text in ["", "0", "00", "0001", "AB", "xy", "+a"] {
            assert_eq!(text.parse::<Serial>(), Err(SerialError::NotHex), "{text}");
        }
        assert_eq!("ff".repeat(65).parse::<Serial>(), Err(SerialError::TooLong { found: 65 }));
        assert_eq!("ff".repeat(64).parse::<Serial>(), Err(SerialError::TooLong { found: 65 }));
    }
}
