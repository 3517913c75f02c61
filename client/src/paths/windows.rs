//! Names on Windows: 16-bit units, which a bundle holds as WTF-8, and what a part of a bundle's path must not be there.
//!
//! WTF-8 (simonsapin.github.io/wtf-8) is UTF-8 in which a surrogate that has no partner may stand as well, in three bytes; a
//! pair is always the four bytes of its character, so that there is one encoding of each name. Pure functions, tested on every
//! system.

use std::borrow::Cow;

/// Device names that lead out of every directory, whatever their ending.
const DEVICES: [&str; 6] = ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"];
const NUMBERED: [&str; 2] = ["COM", "LPT"];

/// The units of a name in WTF-8; `None` if the bytes are none.
pub(crate) fn to_wide(bytes: &[u8]) -> Option<Vec<u16>> {
    let (mut units, mut rest) = (Vec::with_capacity(bytes.len()), bytes);
    let mut before = 0;
    while let Some((&first, _)) = rest.split_first() {
        let (length, lead, least) = match first {
            0..=0x7f => (1, u32::from(first), 0),
            0xc2..=0xdf => (2, u32::from(first & 0x1f), 0x80),
            0xe0..=0xef => (3, u32::from(first & 0x0f), 0x800),
            0xf0..=0xf4 => (4, u32::from(first & 0x07), 0x1_0000),
            _ => return None,
        };
        let (sequence, behind) = rest.split_at_checked(length)?;
        let code = sequence[1..]
            .iter()
            .try_fold(lead, |code, byte| (byte & 0xc0 == 0x80).then(|| code << 6 | u32::from(byte & 0x3f)))?;
        rest = behind;
        if code < least {
            return None;
        }
        // A pair in two times three bytes would be a second encoding of its character.
        if matches!((before, code), (0xd800..=0xdbff, 0xdc00..=0xdfff)) {
            return None;
        }
        before = code;
        match u16::try_from(code) {
            Ok(unit) => units.push(unit),
            Err(_) => units.extend_from_slice(char::from_u32(code)?.encode_utf16(&mut [0; 2])),
        }
    }
    Some(units)
}

/// WTF-8 of these units.
pub(crate) fn from_wide(units: &[u16]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(units.len());
    for unit in char::decode_utf16(units.iter().copied()) {
        match unit {
            Ok(character) => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
            Err(alone) => {
                let [high, low] = alone.unpaired_surrogate().to_be_bytes();
                let (middle, last) = (high << 2 & 0x3c | low >> 6, low & 0x3f);
                bytes.extend_from_slice(&[0xe0 | high >> 4, 0x80 | middle, 0x80 | last]);
            }
        }
    }
    bytes
}

/// A part of a bundle's path as a name that stays in its directory. What Windows takes for a separator, a drive, a stream or a
/// device, or drops, is replaced: such a name can't be there, so what it leads to isn't either.
pub(crate) fn harmless(part: &[u8]) -> Cow<'_, [u8]> {
    let is_bad = |byte: &u8| *byte < 0x20 || br#"\/:*?"<>|"#.contains(byte);
    let ends_badly = matches!(part.last(), Some(b'.' | b' '));
    if !part.iter().any(is_bad) && !ends_badly && !is_device(part) {
        return Cow::Borrowed(part);
    }
    let mut out: Vec<u8> = part.iter().map(|byte| if is_bad(byte) { b'_' } else { *byte }).collect();
    // Behind the ending, and before it: `NUL.txt` is the device, too.
    out.push(b'_');
    if is_device(&out) {
        out.insert(0, b'_');
    }
    Cow::Owned(out)
}

/// `NUL`, `nul.txt`, `COM1`, `LPT¹ .x`: by what stands before the first dot.
fn is_device(part: &[u8]) -> bool {
    let base = part.split(|byte| *byte == b'.').next().unwrap_or_default();
    let Ok(base) = std::str::from_utf8(base) else { return false };
    let base = base.trim_end_matches(' ').to_ascii_uppercase();
    let numbered = |name: &&str| {
        let digit = base.strip_prefix(*name).map(|rest| rest.chars().collect::<Vec<_>>());
        matches!(digit.as_deref(), Some(['0'..='9' | '¹' | '²' | '³']))
    };
    DEVICES.contains(&base.as_str()) || NUMBERED.iter().any(numbered)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_encoding() {
        let names: [&[u16]; 7] = [
            &[],
            &[0x61, 0xe9, 0x20ac],
            &[0xd83d, 0xde00],
            &[0xd83d],
            &[0xde00, 0xd83d],
            &[0xd800, 0xd83d, 0xde00, 0xdfff],
            &[0xffff, 0x10, 0xdbff],
        ];
        for units in names {
            assert_eq!(to_wide(&from_wide(units)).as_deref(), Some(units), "{units:x?}");
        }
        assert_eq!(from_wide(&[0xd83d]), [0xed, 0xa0, 0xbd]);
        assert_eq!(from_wide(&[0xd83d, 0xde00]), "😀".as_bytes());
        // All single units, and each beside surrogates.
        for unit in 0..=u16::MAX {
            for units in [&[unit][..], &[0xd800, unit], &[unit, 0xdc00], &[unit, unit]] {
                let bytes = from_wide(units);
                assert_eq!(to_wide(&bytes).as_deref(), Some(units));
                if let Ok(text) = String::from_utf16(units) {
                    assert_eq!(bytes, text.as_bytes());
                }
            }
        }
    }

    #[test]
    fn what_is_no_wtf8_is_no_name() {
        let bad: [&[u8]; 10] = [
            b"\xff",
            b"\x80",
            b"\xc0\x80",
            b"\xc1\xbf",
            b"\xe0\x80\x80",
            b"\xe2\x82",
            b"\xf0\x80\x80\x80",
            b"\xf4\x90\x80\x80",
            b"\xed\xa0\xbd\xed\xb8\x80",
            b"a\xed\xa0",
        ];
        for bytes in bad {
            assert_eq!(to_wide(bytes), None, "{bytes:x?}");
        }
        assert!(to_wide(b"\xf0\x9f\x98\x80\xed\xb8\x80").is_some(), "a pair, and one that is alone");
    }

    /// The attack: a bundle whose path leads out of the directory on Windows, or to a device or a stream.
    #[test]
    fn no_part_leads_out_of_its_directory() {
        for part in [
            "C:",
            "C:x",
            r"..\..\x",
            r"\\server\share",
            "a:stream",
            "x/y",
            "NUL",
            "nul.txt",
            "Con .x",
            "COM1",
            "lpt9.a.b",
            "COM¹",
            "LPT0",
            "conin$",
            "a.",
            "a ",
            "...",
            "a\n",
            "a?b",
            "aux.",
            "\u{1}",
        ] {
            let harmless = harmless(part.as_bytes());
            let text = std::str::from_utf8(&harmless).unwrap();
            assert_ne!(text, part);
            assert!(!text.contains(['\\', '/', ':', '*', '?', '"', '<', '>', '|']), "{text}");
            assert!(!text.chars().any(|c| c < ' ') && !text.ends_with(['.', ' ']), "{text}");
            assert!(!is_device(text.as_bytes()), "{text}");
        }
        for part in ["a", "CONTRACT", "COM", "COM10", "nul_", "console.txt", "a b", ".git", "é.txt", "COM١"]
        {
            assert_eq!(&*harmless(part.as_bytes()), part.as_bytes());
        }
    }
}
