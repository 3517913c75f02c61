//! Object identifiers as an operator writes them: `1.3.6.1.4.1.32473.1`.
//!
//! Each arc is below 2²⁸. Several ASN.1 libraries refuse larger ones, and `const-oid` 0.9 turns some of them into
//! others without a word (2²⁸ becomes 0), so arcs are judged as text, and what was parsed has to print as it was
//! written.

use const_oid::ObjectIdentifier;

/// Reads an object identifier in dotted form.
///
/// # Errors
/// [`OidError::Arc`] for an arc of 2²⁸ or more, [`OidError::Form`] for any other text or one of more than 39 bytes of DER.
pub fn parse(text: &str) -> Result<ObjectIdentifier, OidError> {
    for arc in text.split('.') {
        // An arc of that many digits is too large, or is written with zeros in front.
        let is_number = !arc.is_empty() && arc.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && arc.parse::<u32>().map_or(true, |arc| arc >= MAX_ARC) {
            return Err(OidError::Arc);
        }
    }
    let oid = ObjectIdentifier::new(text).map_err(|_| OidError::Form)?;
    if oid.to_string() == text { Ok(oid) } else { Err(OidError::Form) }
}

/// Why a text is no object identifier that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidError {
    /// Not numbers with points between them.
    #[error(
        "an object identifier is written as numbers with points between them, such as 1.3.6.1.4.1.32473.1"
    )]
    Form,
    /// An arc of 2²⁸ or more.
    #[error(
        "an object identifier's numbers are below 268435456 here, as several ASN.1 libraries refuse larger ones"
    )]
    Arc,
}

const MAX_ARC: u32 = 1 << 28;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dotted_forms_come_back() {
        for text in ["1.3.6.1.4.1.32473.1", "1.3.6.1.4.1.268435455", "2.16.840.1.101", "0.4.0.2023.1.1"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn large_arcs_are_refused() {
        for text in
            ["1.3.6.1.4.1.268435456", "1.3.4294967296", "2.25.99999999999999999999", "1.3.536870912.1"]
        {
            assert_eq!(parse(text), Err(OidError::Arc), "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        let long = "1.3".to_owned() + &".268435455".repeat(10);
        for text in [
            "", "1", "1.", ".1", "1..3", "1.3.06", "1.3.+6", "1.3.-6", "3.1.1", "1.40.1", "oid", " 1.3.6",
            &long,
        ] {
            assert_eq!(parse(text), Err(OidError::Form), "{text}");
        }
    }
}
