//! The time of a token: `genTime`, a GeneralizedTime (RFC 3161 section 2.4.2).
//!
//! `YYYYMMDDhhmmss[.s...]Z`: UTC, with as many digits of a fraction as the TSA likes, the last of them not zero
//! (X.690 section 11.7, which RFC 3161 repeats). `der`'s own type refuses every fraction; this one reads them, keeps
//! the bytes as they came, and gives milliseconds (further digits are cut off, not rounded).
//!
//! Years 1970 to 9999. No leap seconds: second 60 is refused, as POSIX time can't say it.

use std::str::FromStr;
use std::time::Duration;

/// A moment in UTC, to the millisecond, with the bytes that said it.
///
/// Two are equal if their bytes are; they are ordered by [`GenTime::millis`] and then by their bytes.
///
/// INVARIANT: `text[..len]` is the DER content, and the bytes after it are zero.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenTime {
    millis: u64,
    text: [u8; GenTime::MAX_BYTES],
    len: usize,
}

impl GenTime {
    /// Longest content: 15 bytes without a fraction, the point, and 24 digits.
    pub const MAX_BYTES: usize = 40;

    /// The last millisecond of the year 9999.
    pub const MAX_MILLIS: u64 = 253_402_300_799_999;

    /// Milliseconds since 1970-01-01T00:00:00Z, as three digits of a fraction without zeros at their end.
    ///
    /// # Errors
    /// [`GenTimeError::Range`] beyond [`GenTime::MAX_MILLIS`].
    pub fn from_millis(millis: u64) -> Result<GenTime, GenTimeError> {
        let moment = der::DateTime::from_unix_duration(Duration::from_secs(millis / 1000));
        let moment = moment.map_err(|_| GenTimeError::Range)?;
        let mut digits = Digits { text: [0; GenTime::MAX_BYTES], len: 0 };
        digits.push(u64::from(moment.year()), 4);
        for field in [moment.month(), moment.day(), moment.hour(), moment.minutes(), moment.seconds()] {
            digits.push(u64::from(field), 2);
        }
        // SPEC: X.690 section 11.7.3: no zeros at the end of a fraction, and no point without one.
        match millis % 1000 {
            0 => {}
            thousandths if thousandths % 100 == 0 => digits.fraction(thousandths / 100, 1),
            thousandths if thousandths % 10 == 0 => digits.fraction(thousandths / 10, 2),
            thousandths => digits.fraction(thousandths, 3),
        }
        digits.byte(b'Z');
        Ok(GenTime { millis, text: digits.text, len: digits.len })
    }

    /// The content of a DER GeneralizedTime.
    ///
    /// # Errors
    /// [`GenTimeError::TooLong`], [`GenTimeError::Form`], [`GenTimeError::TrailingZero`], [`GenTimeError::Range`].
    pub fn from_der_content(content: &[u8]) -> Result<GenTime, GenTimeError> {
        if content.len() > GenTime::MAX_BYTES {
            return Err(GenTimeError::TooLong { found: content.len() });
        }
        let digits = content.strip_suffix(b"Z").ok_or(GenTimeError::Form)?;
        let (seconds, fraction) = digits.split_at_checked(14).ok_or(GenTimeError::Form)?;
        let thousandths = match fraction {
            [] => 0,
            [b'.', digits @ ..] => read_fraction(digits)?,
            _ => return Err(GenTimeError::Form),
        };
        let millis = read_seconds(seconds)? * 1000 + thousandths;
        let mut text = [0; GenTime::MAX_BYTES];
        text[..content.len()].copy_from_slice(content);
        Ok(GenTime { millis, text, len: content.len() })
    }

    /// Milliseconds since 1970-01-01T00:00:00Z, rounded down.
    pub fn millis(&self) -> u64 {
        self.millis
    }

    /// The content of its DER GeneralizedTime, as it was read.
    pub fn der_content(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

/// `2026-11-25T18:33:45.123Z`, with the digits of the fraction that were read.
impl std::fmt::Display for GenTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = std::str::from_utf8(self.der_content()).expect("digits, a point and Z are ASCII");
        let [year, month, day, hour, minute] =
            [0..4, 4..6, 6..8, 8..10, 10..12].map(|range| text.get(range).unwrap_or_default());
        write!(f, "{year}-{month}-{day}T{hour}:{minute}:{}", text.get(12..).unwrap_or_default())
    }
}

impl std::fmt::Debug for GenTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "GenTime({self})")
    }
}

/// Reads the text of a GeneralizedTime: `20261125183345.123Z`.
impl FromStr for GenTime {
    type Err = GenTimeError;

    fn from_str(text: &str) -> Result<GenTime, GenTimeError> {
        GenTime::from_der_content(text.as_bytes())
    }
}

/// Why a time is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenTimeError {
    /// More than [`GenTime::MAX_BYTES`] bytes.
    #[error("a time has at most {} bytes here, not {found}", GenTime::MAX_BYTES)]
    TooLong {
        /// Its length in bytes.
        found: usize,
    },
    /// Not digits, an optional fraction and Z.
    #[error("a time has the form YYYYMMDDhhmmss[.s...]Z")]
    Form,
    /// A fraction that ends in zero, which DER leaves out.
    #[error("a time's fraction does not end in 0")]
    TrailingZero,
    /// A day or second that doesn't exist, or a year before 1970 or after 9999.
    #[error("a time is a moment of the years 1970 to 9999")]
    Range,
}

/// The thousandths in the digits after the point.
fn read_fraction(digits: &[u8]) -> Result<u64, GenTimeError> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(GenTimeError::Form);
    }
    if digits.ends_with(b"0") {
        return Err(GenTimeError::TrailingZero);
    }
    Ok((0..3).fold(0, |sum, place| sum * 10 + digits.get(place).map_or(0, |digit| u64::from(digit - b'0'))))
}

/// Seconds since the epoch of `YYYYMMDDhhmmss`.
fn read_seconds(digits: &[u8]) -> Result<u64, GenTimeError> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(GenTimeError::Form);
    }
    let pair = |at: usize| 10 * (digits[at] - b'0') + (digits[at + 1] - b'0');
    let year = 100 * u16::from(pair(0)) + u16::from(pair(2));
    let moment = der::DateTime::new(year, pair(4), pair(6), pair(8), pair(10), pair(12));
    Ok(moment.map_err(|_| GenTimeError::Range)?.unix_duration().as_secs())
}

/// Writes decimal digits into a fixed array. At most 19 bytes are written, of 40.
struct Digits {
    text: [u8; GenTime::MAX_BYTES],
    len: usize,
}

impl Digits {
    fn byte(&mut self, byte: u8) {
        self.text[self.len] = byte;
        self.len += 1;
    }

    fn push(&mut self, value: u64, places: u32) {
        for place in (0..places).rev() {
            let digit = value / 10_u64.pow(place) % 10;
            self.byte(b'0' + u8::try_from(digit).expect("a digit is below 10"));
        }
    }

    fn fraction(&mut self, value: u64, places: u32) {
        self.byte(b'.');
        self.push(value, places);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_written_without_zeros_at_the_end() {
        for (millis, text) in [
            (0, "19700101000000Z"),
            (1_764_095_625_123, "20251125183345.123Z"),
            (1_764_095_625_120, "20251125183345.12Z"),
            (1_764_095_625_100, "20251125183345.1Z"),
            (1_764_095_625_001, "20251125183345.001Z"),
            (1_764_095_625_000, "20251125183345Z"),
            (1_709_164_800_000, "20240229000000Z"),
            (GenTime::MAX_MILLIS, "99991231235959.999Z"),
        ] {
            let time = GenTime::from_millis(millis).unwrap();
            assert_eq!(time.der_content(), text.as_bytes());
            assert_eq!(text.parse(), Ok(time));
            assert_eq!(time.millis(), millis);
        }
        assert_eq!(GenTime::from_millis(GenTime::MAX_MILLIS + 1), Err(GenTimeError::Range));
        assert_eq!(GenTime::from_millis(u64::MAX), Err(GenTimeError::Range));
    }

    #[test]
    fn fractions_of_any_length_keep_their_bytes() {
        let time: GenTime = "20251125183345.123456789Z".parse().unwrap();
        assert_eq!(time.millis(), 1_764_095_625_123);
        assert_eq!(time.to_string(), "2025-11-25T18:33:45.123456789Z");
        let longest = format!("20251125183345.{}1Z", "0".repeat(23));
        let time: GenTime = longest.parse().unwrap();
        assert_eq!((time.der_content(), time.millis()), (longest.as_bytes(), 1_764_095_625_000));
        let longer = format!("20251125183345.{}1Z", "0".repeat(24));
        assert_eq!(longer.parse::<GenTime>(), Err(GenTimeError::TooLong { found: 41 }));
    }

    #[test]
    fn order_is_that_of_time() {
        let early: GenTime = "20251125183345Z".parse().unwrap();
        let later: GenTime = "20251125183345.0001Z".parse().unwrap();
        let latest: GenTime = "20251125183345.01Z".parse().unwrap();
        assert!(early < latest && later < latest && early != later);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "Z",
            "20251125183345",
            "202511251833Z",
            "20251125183345+0000",
            "20251125183345,1Z",
            "20251125183345.Z",
            "2025112518334xZ",
            "20251125183345.1xZ",
            "20251125183345.-1Z",
            "+0251125183345Z",
        ] {
            assert_eq!(text.parse::<GenTime>(), Err(GenTimeError::Form), "{text}");
        }
        for text in ["20251125183345.0Z", "20251125183345.10Z"] {
            assert_eq!(text.parse::<GenTime>(), Err(GenTimeError::TrailingZero), "{text}");
        }
        for text in
            ["20250229000000Z", "20251301000000Z", "20251125240000Z", "20251125183360Z", "19691231235959Z"]
        {
            assert_eq!(text.parse::<GenTime>(), Err(GenTimeError::Range), "{text}");
        }
    }
}
