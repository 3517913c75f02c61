//! Bytes as a shell takes them, and keys as openssl takes them.

use treering_token::{claim::HolderKey, escape};

/// In single quotes, as every shell of the Bourne family reads them.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Can it be pasted, and means the same when it is read? No control or bidirectional characters.
pub(super) fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || escape::is_treacherous(c) || c == '\u{fffd}')
}

/// A command that writes these bytes: as text where it can be read, else by way of hex.
pub(super) fn printf(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_plain(text) => format!("printf '%s' {}", quoted(text)),
        _ => from_hex(&hex::encode(bytes)),
    }
}

/// A command that writes the bytes of some hex.
pub(super) fn from_hex(hex: &str) -> String {
    format!("printf '%s' {hex} | xxd -r -p")
}

/// A command that writes lines of text.
pub(super) fn lines(text: &str) -> String {
    let body = text.strip_suffix('\n').unwrap_or(text);
    if !body.split('\n').all(is_plain) {
        return from_hex(&hex::encode(text));
    }
    let lines: Vec<_> = body.split('\n').map(quoted).collect();
    format!("printf '%s\\n' {}", lines.join(" "))
}

/// SubjectPublicKeyInfo of an Ed25519 key (RFC 8410), in hex.
pub(super) fn ed25519_key(public: &[u8]) -> String {
    format!("302a300506032b6570032100{}", hex::encode(public))
}

/// SubjectPublicKeyInfo of an ML-DSA-44 key (RFC 9881), in hex.
pub(super) fn ml_dsa_44_key(public: &[u8]) -> String {
    format!("30820532300b060960864801650304031103820521 00{}", hex::encode(public)).replace(' ', "")
}

/// The same of a holder's key.
pub(super) fn holder_key(key: &HolderKey) -> String {
    match key {
        HolderKey::Ed25519(x) => ed25519_key(x),
        HolderKey::P256 { x, y } => {
            format!(
                "3059301306072a8648ce3d020106082a8648ce3d03010703420004{}{}",
                hex::encode(x),
                hex::encode(y)
            )
        }
    }
}

/// A holder's signature as openssl takes it: Ed25519 as it is, ECDSA as a SEQUENCE of two INTEGERs, in hex.
pub(super) fn holder_signature(key: &HolderKey, signature: &[u8; 64]) -> String {
    match key {
        HolderKey::Ed25519(_) => hex::encode(signature),
        HolderKey::P256 { .. } => {
            let (r, s) = signature.split_at(32);
            let both = [integer(r), integer(s)].concat();
            // Two INTEGERs of at most 35 bytes: the length takes one byte.
            format!("30{:02x}{}", both.len(), hex::encode(both))
        }
    }
}

/// A DER INTEGER of a positive number.
fn integer(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len() - 1);
    let mut digits = bytes[first..].to_vec();
    if digits[0] >= 0x80 {
        digits.insert(0, 0);
    }
    let mut out = vec![0x02, u8::try_from(digits.len()).unwrap_or(u8::MAX)];
    out.extend(digits);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pasted_is_one_word() {
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(printf(b"$(x)"), "printf '%s' '$(x)'");
        assert_eq!(printf(b"a\nb"), "printf '%s' 610a62 | xxd -r -p");
        assert_eq!(printf("a\u{202e}b".as_bytes()), "printf '%s' 61e280ae62 | xxd -r -p");
        assert_eq!(lines("a\nb c\n"), "printf '%s\\n' 'a' 'b c'");
    }

    #[test]
    fn integers_are_positive_and_short() {
        assert_eq!(integer(&[0, 0, 1]), [2, 1, 1]);
        assert_eq!(integer(&[0, 0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[0, 0]), [2, 1, 0]);
    }
}
