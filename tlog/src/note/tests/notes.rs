use insta::assert_snapshot;
use proptest::{collection::vec, prelude::*, sample::select};

use crate::note::{KeyId, KeyName, Note, NoteError, Signature};

const NOTE: &str = "Ognuno sta solo sul cuor della terra\n\ned è subito sera.\n\n— a.example/k AAAAAQI=\n";

fn parse(note: &str) -> Result<Note, NoteError> {
    Note::parse(note.as_bytes())
}

fn refusal(note: &str) -> NoteError {
    parse(note).unwrap_err()
}

fn signature() -> Signature {
    Signature::new(KeyName::new("a.example/k").unwrap(), KeyId(1), vec![2])
}

#[test]
fn text_ends_at_the_last_empty_line() {
    let note = parse(NOTE).unwrap();
    assert_eq!(note.text(), "Ognuno sta solo sul cuor della terra\n\ned è subito sera.\n");
    assert_eq!(note.signatures(), [signature()]);
    assert_eq!(note.to_string(), NOTE);
}

#[test]
fn text_may_be_one_empty_line() {
    let note = parse("\n\n— a.example/k AAAAAQI=\n").unwrap();
    assert_eq!(note.text(), "\n");
    assert_eq!(Note::new("\n", vec![signature()]).unwrap(), note);
}

#[test]
fn several_signatures_keep_their_order() {
    let note = parse("t\n\n— b AAAAAgM=\n— a AAAAAQI=\n— a AAAAAQI=\n").unwrap();
    let names: Vec<&str> = note.signatures().iter().map(|line| line.name().as_str()).collect();
    assert_eq!(names, ["b", "a", "a"]);
}

#[test]
fn refuses_what_is_too_long() {
    let long = format!("{}\n\n— a AAAAAQI=\n", "x".repeat(Note::MAX_BYTES));
    assert_snapshot!(refusal(&long), @"the note is larger than 1000000 bytes");
    let text = format!("{}\n", "x".repeat(Note::MAX_BYTES));
    assert_eq!(Note::new(&text, vec![signature()]), Err(NoteError::TooLong { max: Note::MAX_BYTES }));
}

#[test]
fn takes_what_is_just_short_enough() {
    let end = "\n\n— a AAAAAQI=\n";
    let note = format!("{}{end}", "x".repeat(Note::MAX_BYTES - end.len()));
    assert_eq!(parse(&note).unwrap().to_string(), note);
}

#[test]
fn refuses_what_is_not_utf8() {
    let error = Note::parse(b"\xff\n\n\xe2\x80\x94 a AAAAAQI=\n").unwrap_err();
    assert_snapshot!(error, @"the note is not UTF-8");
}

#[test]
fn refuses_control_characters() {
    assert_snapshot!(refusal("t\r\n\n— a AAAAAQI=\n"), @"the note holds a control character");
    for c in (0..0x20_u8).filter(|&c| c != b'\n').map(char::from) {
        assert_eq!(refusal(&format!("a{c}b\n\n— a AAAAAQI=\n")), NoteError::Control, "{c:?}");
        assert_eq!(Note::new(&format!("a{c}b\n"), vec![signature()]), Err(NoteError::Control), "{c:?}");
    }
}

#[test]
fn takes_characters_that_are_no_ascii_control() {
    let note = "\u{7f}\u{85}\u{9b}\u{2028}\n\n— a AAAAAQI=\n";
    assert_eq!(parse(note).unwrap().to_string(), note);
}

#[test]
fn refuses_a_missing_empty_line() {
    assert_snapshot!(
        refusal("t\n— a AAAAAQI=\n"),
        @"the note has no empty line before its signatures, or does not end in a newline"
    );
    assert_eq!(refusal(""), NoteError::Form);
    assert_eq!(refusal("\n"), NoteError::Form);
    assert_eq!(refusal("\n— a AAAAAQI=\n"), NoteError::Form);
}

#[test]
fn refuses_a_missing_final_newline() {
    assert_eq!(refusal("t\n\n— a AAAAAQI="), NoteError::Form);
    assert_eq!(Note::new("t", vec![signature()]), Err(NoteError::Form));
    assert_eq!(Note::new("", vec![signature()]), Err(NoteError::Form));
}

#[test]
fn refuses_a_note_without_signatures() {
    assert_snapshot!(refusal("t\n\n"), @"the note has no signature");
    assert_eq!(Note::new("t\n", vec![]), Err(NoteError::NoSignature));
}

#[test]
fn refuses_too_many_signatures() {
    let lines = |count: usize| format!("t\n\n{}", "— a AAAAAQI=\n".repeat(count));
    assert_eq!(parse(&lines(Note::MAX_SIGNATURES)).unwrap().signatures().len(), Note::MAX_SIGNATURES);
    assert_snapshot!(refusal(&lines(Note::MAX_SIGNATURES + 1)), @"the note has more than 128 signatures");
    assert_eq!(
        Note::new("t\n", vec![signature(); Note::MAX_SIGNATURES + 1]),
        Err(NoteError::TooManySignatures { max: Note::MAX_SIGNATURES })
    );
}

#[test]
fn refuses_lines_that_are_no_signatures() {
    assert_snapshot!(
        refusal("t\n\n— a AAAAAQI=\n- a AAAAAQI=\n"),
        @"signature line 2 is not an em dash, a key name and canonical base64"
    );
    for line in [
        "",
        "—",
        "— ",
        "— a",
        "— a ",
        "— AAAAAQI=",
        "—  AAAAAQI=",
        "—  a AAAAAQI=",
        " — a AAAAAQI=",
        "— a  AAAAAQI=",
        "— a AAAAAQI= ",
        "— a AAAAAQI= x",
        "— a+b AAAAAQI=",
        "— a\u{a0}b AAAAAQI=",
        "— a\u{7f} AAAAAQI=",
        "—a AAAAAQI=",
        "– a AAAAAQI=",
        // No signature behind the key ID, not even a key ID.
        "— a AAAAAQ==",
        "— a AAAA",
        // Base64 that is not canonical: no padding, spare bits, the URL alphabet.
        "— a AAAAAQI",
        "— a AAAAAQJ=",
        "— a AAAA-_I=",
    ] {
        assert_eq!(Signature::parse_line(line), Err(NoteError::SignatureLine { line: 1 }), "{line:?}");
        assert!(parse(&format!("t\n\n{line}\n")).is_err(), "{line:?}");
    }
}

#[test]
fn refuses_to_build_a_line_that_could_not_be_read() {
    let empty = Signature::new(KeyName::new("a").unwrap(), KeyId(1), vec![]);
    assert_eq!(Note::new("t\n", vec![signature(), empty]), Err(NoteError::SignatureLine { line: 2 }));
}

/// Texts that often are notes, and often nearly.
fn nearly_a_note() -> impl Strategy<Value = String> {
    const PIECES: &[&str] =
        &["\n", "\n\n", "— a AAAAAQI=\n", "— ", "a", " ", "AAAAAQI=", "+", "\r", "é", "\u{85}", "\t"];
    vec(select(PIECES), 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..300)) {
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
        }
    }

    #[test]
    fn what_is_read_is_printed_again(text in nearly_a_note()) {
        if let Ok(note) = parse(&text) {
            prop_assert_eq!(&note.to_string(), &text);
            prop_assert_eq!(Note::new(note.text(), note.signatures().to_vec()), Ok(note));
        }
    }

    #[test]
    fn what_is_built_is_read_again(text in "[ a\n—é]{0,20}\n", bytes in vec(vec(any::<u8>(), 1..70), 1..5)) {
        let name = KeyName::new("k").unwrap();
        let lines: Vec<_> = bytes.into_iter().map(|bytes| Signature::new(name.clone(), KeyId(7), bytes)).collect();
        let note = Note::new(&text, lines).unwrap();
        prop_assert_eq!(Note::parse(note.to_string().as_bytes()), Ok(note));
    }
}
