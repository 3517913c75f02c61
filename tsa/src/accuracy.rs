//! How far a token's time may be off, by the TSA's own word (RFC 3161 section 2.4.2).
//!
//! `Accuracy ::= SEQUENCE { seconds INTEGER OPTIONAL, millis [0] INTEGER (1..999) OPTIONAL, micros [1] INTEGER
//! (1..999) OPTIONAL }`; a missing field is zero. Seconds are 0 to 2³²−1 here.

use crate::tlv::{self, DerError, Elements};

/// The largest deviation of genTime from UTC, either way.
///
/// INVARIANT: `millis` and `micros` are at most 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Accuracy {
    seconds: u32,
    millis: u16,
    micros: u16,
}

impl Accuracy {
    /// # Errors
    /// [`AccuracyError::Range`] if `millis` or `micros` is above 999.
    pub fn new(seconds: u32, millis: u16, micros: u16) -> Result<Accuracy, AccuracyError> {
        if millis > 999 || micros > 999 {
            return Err(AccuracyError::Range);
        }
        Ok(Accuracy { seconds, millis, micros })
    }

    /// Whole seconds.
    pub fn seconds(&self) -> u32 {
        self.seconds
    }

    /// Thousandths beside the seconds, 0 to 999.
    pub fn millis(&self) -> u16 {
        self.millis
    }

    /// Millionths beside the thousandths, 0 to 999.
    pub fn micros(&self) -> u16 {
        self.micros
    }

    /// All of it, in microseconds.
    pub fn as_micros(&self) -> u64 {
        u64::from(self.seconds) * 1_000_000 + u64::from(self.millis) * 1_000 + u64::from(self.micros)
    }

    /// Reads a DER Accuracy (the whole element).
    ///
    /// # Errors
    /// [`AccuracyError::Der`] if it is none, [`AccuracyError::Range`] for a number beyond its range.
    pub fn parse(der: &[u8]) -> Result<Accuracy, AccuracyError> {
        let mut fields = Elements::new(Elements::only(der, tlv::SEQUENCE)?.content);
        let mut field = |tag: u8| match fields.take_if(tag)? {
            Some(field) => read_number(field.content).map(Some),
            None => Ok(None),
        };
        let (seconds, millis, micros) =
            (field(tlv::INTEGER)?, field(tlv::context(0))?, field(tlv::context(1))?);
        fields.end()?;
        // SPEC: RFC 3161 section 2.4.2: millis and micros are 1 to 999 where they are there.
        let below_thousand = |number: Option<u32>| match number {
            None => Ok(0),
            Some(0) => Err(AccuracyError::Range),
            Some(number) => u16::try_from(number).map_err(|_| AccuracyError::Range),
        };
        Accuracy::new(seconds.unwrap_or(0), below_thousand(millis)?, below_thousand(micros)?)
    }

    /// As a DER Accuracy, fields that are zero left out.
    pub fn encode(&self) -> Vec<u8> {
        let field = |tag: u8, number: u32| match number {
            0 => Vec::new(),
            _ => tlv::element(tag, &[&tlv::unsigned_integer(&number.to_be_bytes())]),
        };
        let seconds = field(tlv::INTEGER, self.seconds);
        let millis = field(tlv::context(0), u32::from(self.millis));
        let micros = field(tlv::context(1), u32::from(self.micros));
        tlv::element(tlv::SEQUENCE, &[&seconds, &millis, &micros])
    }
}

/// Seconds, with as many decimal places as there are: `1 s`, `0.5 s`, `0.000001 s`.
impl std::fmt::Display for Accuracy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{}.{:03}{:03}", self.seconds, self.millis, self.micros);
        write!(f, "{} s", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

/// Why an accuracy is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccuracyError {
    /// Not an Accuracy.
    #[error("this is not an accuracy: {0}")]
    Der(#[from] DerError),
    /// A number beyond its range.
    #[error(
        "an accuracy has 0 to 4294967295 seconds, and 1 to 999 milli- and microseconds where it gives them"
    )]
    Range,
}

/// An INTEGER's content as a number that isn't negative and fits 32 bits.
fn read_number(content: &[u8]) -> Result<u32, AccuracyError> {
    if !tlv::is_integer(content) {
        return Err(DerError::Value(tlv::INTEGER).into());
    }
    if content.len() > 5 || content[0] >= 0x80 {
        return Err(AccuracyError::Range);
    }
    let number = content.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    u32::try_from(number).map_err(|_| AccuracyError::Range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_zero_are_left_out() {
        for (accuracy, hex, text) in [
            ((0, 0, 0), "3000", "0 s"),
            ((1, 0, 0), "3003020101", "1 s"),
            ((10, 0, 0), "300302010a", "10 s"),
            ((0, 500, 0), "3004800201f4", "0.5 s"),
            ((0, 0, 1), "3003810101", "0.000001 s"),
            ((u32::MAX, 128, 999), "300f020500ffffffff80020080810203e7", "4294967295.128999 s"),
        ] {
            let accuracy = Accuracy::new(accuracy.0, accuracy.1, accuracy.2).unwrap();
            assert_eq!(hex::encode(accuracy.encode()), hex);
            assert_eq!(Accuracy::parse(&accuracy.encode()), Ok(accuracy));
            assert_eq!(accuracy.to_string(), text);
        }
        assert_eq!(Accuracy::new(2, 3, 4).unwrap().as_micros(), 2_003_004);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert_eq!(Accuracy::new(0, 1000, 0), Err(AccuracyError::Range));
        for hex in ["3003800100", "3004800203e8", "30030201ff", "30070205010000000001", "300802060100000000"]
        {
            assert!(Accuracy::parse(&hex::decode(hex).unwrap()).is_err(), "{hex}");
        }
        assert_eq!(Accuracy::parse(&hex::decode("30030201ff").unwrap()), Err(AccuracyError::Range));
        assert_eq!(
            Accuracy::parse(&hex::decode("30060101ff810101").unwrap()),
            Err(DerError::Trailing.into())
        );
        assert_eq!(
            Accuracy::parse(&hex::decode("300402020001").unwrap()),
            Err(DerError::Value(tlv::INTEGER).into())
        );
    }
}
