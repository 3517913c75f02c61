//! Text from strangers, made safe to print.
//!
//! Characters that steer a terminal or a reader's eye are written as `\u{…}`: C0 and C1 controls, bidirectional
//! controls, line and paragraph separators, invisible ones. A backslash is doubled, so that two texts never look the
//! same for being escaped. Letters that look alike are not told apart.

/// The text on one line, escaped.
pub fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    push(&mut out, text);
    out
}

/// For paths: as [`text`], and bytes that are not UTF-8 are written as `\xNN`.
pub fn bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        push(&mut out, chunk.valid());
        for byte in chunk.invalid() {
            out.push_str("\\x");
            push_hex(&mut out, u32::from(*byte), 2);
        }
    }
    out
}

fn push(out: &mut String, text: &str) {
    let mut rest = text;
    // What is harmless goes out in one piece.
    while let Some((at, c)) = rest.char_indices().find(|&(_, c)| c == '\\' || is_treacherous(c)) {
        out.push_str(&rest[..at]);
        if c == '\\' {
            out.push_str("\\\\");
        } else {
            let digits = (u32::BITS - u32::from(c).leading_zeros()).div_ceil(4).max(1);
            out.push_str("\\u{");
            push_hex(out, u32::from(c), digits);
            out.push('}');
        }
        rest = &rest[at + c.len_utf8()..];
    }
    out.push_str(rest);
}

/// The lowest so many hex digits. By hand: `fmt` takes several times as long, and strangers choose how often this is done.
fn push_hex(out: &mut String, number: u32, digits: u32) {
    (0..digits).rev().for_each(|place| {
        let digit = char::from_digit(number >> (4 * place) & 0xf, 16);
        out.push(digit.expect("four bits are one digit"));
    });
}

/// Does this character steer a terminal or a reader's eye?
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Bidirectional: the Arabic letter mark, marks, embeddings and overrides, isolates, the deprecated ones.
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Line and paragraph separators.
            | '\u{2028}' | '\u{2029}'
            // Invisible: soft hyphen, fillers, zero-width characters, invisible operators, the byte order mark,
            // annotations, tags.
            | '\u{00ad}' | '\u{034f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::{bytes, text};
    use proptest::prelude::*;

    #[test]
    fn leaves_plain_text_alone() {
        assert_eq!(text("Grüße, 世界 — \"a/b\""), "Grüße, 世界 — \"a/b\"");
    }

    #[test]
    fn escapes_what_steers_a_terminal_or_an_eye() {
        insta::assert_snapshot!(text("\x1b[2J\r\n\t\x7f\u{85}\u{9b}"), @r"\u{1b}[2J\u{d}\u{a}\u{9}\u{7f}\u{85}\u{9b}");
        insta::assert_snapshot!(text("a\u{202e}fdp.exe\u{2069}\u{200f}\u{061c}\u{feff}\u{200b}\u{2028}"), @r"a\u{202e}fdp.exe\u{2069}\u{200f}\u{61c}\u{feff}\u{200b}\u{2028}");
        insta::assert_snapshot!(text(r"C:\u{41}"), @r"C:\\u{41}");
        insta::assert_snapshot!(text("\0\u{e0041}\u{110}\u{fff9}"), @r"\u{0}\u{e0041}Đ\u{fff9}");
    }

    #[test]
    fn escapes_bytes_that_are_not_utf8() {
        insta::assert_snapshot!(bytes(b"ok/\xff\xc3\x28/\xed\xa0\x80\\xff"), @r"ok/\xff\xc3(/\xed\xa0\x80\\xff");
    }

    proptest! {
        #[test]
        fn no_two_paths_look_alike_for_being_escaped(a in any::<Vec<u8>>(), b in any::<Vec<u8>>()) {
            prop_assert_eq!(bytes(&a) == bytes(&b), a == b);
        }

        #[test]
        fn nothing_treacherous_is_left(input in any::<String>()) {
            prop_assert!(!text(&input).chars().any(super::is_treacherous));
        }
    }
}
