//! Reading lines as the C2SP formats have them: newline only, canonical decimal, canonical base64.
//!
//! Every reader here accepts one spelling of each value, so that what was read prints as the same bytes.

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// Reads ASCII decimal from 0 to 2^63−1 without sign and without leading zeroes.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let digits = text.as_bytes();
    let canonical = match digits {
        [b'0', rest @ ..] => rest.is_empty(),
        // None at all are no number below.
        _ => digits.iter().all(u8::is_ascii_digit),
    };
    if !canonical {
        return None;
    }
    // The field's other implementations read int64.
    text.parse().ok().filter(|&value| i64::try_from(value).is_ok())
}

/// Writes standard base64 with padding (RFC 4648 section 4).
pub(crate) fn base64_encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads standard base64: padding is needed and the unused bits of the last character must be zero.
pub(crate) fn base64_decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::{base64_decode, base64_encode, decimal};

    #[test]
    fn decimal_takes_the_whole_range() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("7"), Some(7));
        assert_eq!(decimal("100"), Some(100));
        assert_eq!(decimal("9223372036854775807"), Some((1 << 63) - 1));
    }

    #[test]
    fn decimal_refuses_other_spellings() {
        for text in ["", "00", "01", "+1", "-1", " 1", "1 ", "1\n", "1_0", "0x1", "٣", "1.0"] {
            assert_eq!(decimal(text), None, "{text:?}");
        }
    }

    #[test]
    fn decimal_refuses_values_beyond_int64() {
        assert_eq!(decimal("9223372036854775808"), None);
        assert_eq!(decimal("18446744073709551616"), None);
    }

    #[test]
    fn base64_round_trips() {
        for bytes in [&b""[..], b"f", b"fo", b"foo", &[0xff; 33]] {
            assert_eq!(base64_decode(&base64_encode(bytes)).as_deref(), Some(bytes));
        }
    }

    #[test]
    fn base64_refuses_other_spellings() {
        // Missing padding, unused bits that are set, the URL alphabet, white space, too much padding.
        for text in ["Zg", "Zg=", "Zh==", "Zm9=", "-_-_", "Zm9v\n", " Zm9v", "Zm9v====", "="] {
            assert_eq!(base64_decode(text), None, "{text:?}");
        }
    }
}
