//! What can be wrong with a hash, or with a line of sha256sum.

/// Why a string is not a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HexFault {
    /// Not 64 digits.
    #[error("has {0} characters; a hash is 64 lowercase hex digits")]
    Length(usize),
    /// More than 64 digits.
    #[error("has more than 64 characters; a hash is 64 lowercase hex digits")]
    TooLong,
    /// Uppercase.
    #[error("has uppercase hex digits; a hash is 64 lowercase hex digits")]
    Case,
    /// Something else.
    #[error("has a character that is no hex digit; a hash is 64 lowercase hex digits")]
    Digit,
}

/// Why a line is not one of sha256sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SumsFault {
    /// Neither of the two forms.
    #[error("is not what sha256sum writes: 64 lowercase hex digits, two spaces (or space and *), a name")]
    Form,
    /// The digest.
    #[error("is not what sha256sum writes: its digest {0}")]
    Digest(HexFault),
    /// Longer than any path.
    #[error(
        "is longer than 16384 bytes; is it the output of sha256sum? (with curl use --data-binary, -d drops newlines)"
    )]
    TooLong,
    /// No newline at the end: what `curl -d` makes of a file.
    #[error(
        "has no newline at its end, so the body may be cut off (with curl use --data-binary, -d drops newlines)"
    )]
    Unended,
}

impl HexFault {
    /// The first fault in what should be 64 lowercase hex digits; `None` if there is none.
    pub(in crate::http) fn of(text: &[u8]) -> Option<HexFault> {
        if text.len() != 64 {
            return Some(HexFault::Length(text.len()));
        }
        text.iter().find_map(|byte| HexFault::of_digit(*byte))
    }

    /// What is wrong with one character.
    pub(in crate::http) fn of_digit(byte: u8) -> Option<HexFault> {
        match byte {
            b'0'..=b'9' | b'a'..=b'f' => None,
            b'A'..=b'F' => Some(HexFault::Case),
            _ => Some(HexFault::Digit),
        }
    }
}

impl From<HexFault> for SumsFault {
    fn from(fault: HexFault) -> SumsFault {
        SumsFault::Digest(fault)
    }
}
