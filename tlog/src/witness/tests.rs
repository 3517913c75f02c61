use insta::assert_snapshot;
use proptest::{collection::vec, prelude::*, sample::select};

use super::{
    AddCheckpoint, WitnessMessageError, origin_hash, parse_conflict, parse_signatures, print_conflict,
    print_signatures,
};
use crate::{checkpoint::Origin, hash::Hash, note::NoteError, tree::TreeSize};

const HASH: &str = "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=";
const NOTE: &str = "a\n1\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\n— a AAAAAQI=\n";

fn parse(text: &str) -> Result<AddCheckpoint, WitnessMessageError> {
    AddCheckpoint::parse(text.as_bytes())
}

fn refusal(text: &str) -> WitnessMessageError {
    parse(text).unwrap_err()
}

#[test]
fn a_request_is_read_and_printed() {
    let text = format!("old 20852014\n{HASH}\n{HASH}\n\n{NOTE}");
    let request = parse(&text).unwrap();
    assert_eq!(request.old.get(), 20_852_014);
    assert_eq!(request.proof, [Hash::from_base64(HASH).unwrap(); 2]);
    assert_eq!(request.checkpoint.to_string(), NOTE);
    assert_eq!(request.to_string(), text);
}

#[test]
fn the_proof_may_be_empty() {
    let text = format!("old 0\n\n{NOTE}");
    assert_eq!(parse(&text).unwrap().to_string(), text);
}

#[test]
fn refuses_what_is_too_long() {
    let bytes = vec![b'a'; AddCheckpoint::MAX_BYTES + 1];
    assert_snapshot!(AddCheckpoint::parse(&bytes).unwrap_err(), @"the message is larger than 65536 bytes");
    assert_eq!(parse_signatures(&bytes), Err(WitnessMessageError::TooLong { max: AddCheckpoint::MAX_BYTES }));
}

#[test]
fn refuses_other_old_lines() {
    assert_snapshot!(
        refusal(&format!("old 01\n\n{NOTE}")),
        @r#"the first line is not "old" and a canonical decimal number below 2^63"#
    );
    for line in
        ["", "old", "old ", "old  1", "old 1 ", "Old 1", "old +1", "old -1", "old 9223372036854775808", "1"]
    {
        assert_eq!(refusal(&format!("{line}\n\n{NOTE}")), WitnessMessageError::Old, "{line:?}");
    }
    assert_eq!(refusal("old 1"), WitnessMessageError::Old);
    assert_eq!(AddCheckpoint::parse(b"\xff\n\n"), Err(WitnessMessageError::Old));
}

#[test]
fn refuses_lines_that_are_no_hashes() {
    assert_snapshot!(
        refusal(&format!("old 1\n{HASH}\nAAAA\n\n{NOTE}")),
        @"proof line 2 is not the canonical base64 of a hash"
    );
    assert_eq!(refusal(&format!("old 1\n{HASH}\r\n\n{NOTE}")), WitnessMessageError::Proof { line: 1 });
}

#[test]
fn refuses_more_than_63_hashes() {
    let text = |count: usize| format!("old 1\n{}\n{NOTE}", format!("{HASH}\n").repeat(count));
    assert_eq!(parse(&text(63)).unwrap().proof.len(), 63);
    assert_snapshot!(refusal(&text(64)), @"the proof has more than 63 hashes");
}

#[test]
fn refuses_a_request_that_ends_early() {
    assert_snapshot!(refusal("old 1\n"), @"the message ends before its checkpoint");
    assert_eq!(refusal(&format!("old 1\n{HASH}\n")), WitnessMessageError::NoCheckpoint);
    assert_eq!(refusal(&format!("old 1\n{HASH}")), WitnessMessageError::NoCheckpoint);
}

#[test]
fn refuses_a_checkpoint_that_is_no_note() {
    assert_snapshot!(
        refusal("old 1\n\n"),
        @"the checkpoint: the note has no empty line before its signatures, or does not end in a newline"
    );
    let bytes = [b"old 1\n\n\xff", NOTE.as_bytes()].concat();
    assert_eq!(AddCheckpoint::parse(&bytes), Err(WitnessMessageError::Note(NoteError::Utf8)));
}

#[test]
fn a_conflict_is_a_size_and_a_newline() {
    let size = TreeSize::new(20_852_014).unwrap();
    assert_eq!(print_conflict(size), "20852014\n");
    assert_eq!(parse_conflict(b"20852014\n"), Ok(size));
    assert_snapshot!(parse_conflict(b"20852014").unwrap_err(), @"the body is not a tree size and a newline");
    for body in ["", "\n", "01\n", "1\n\n", "1\r\n", " 1\n", "+1\n", "9223372036854775808\n", "1\n2\n"] {
        assert_eq!(parse_conflict(body.as_bytes()), Err(WitnessMessageError::Size), "{body:?}");
    }
}

#[test]
fn an_answer_is_signature_lines() {
    let body = "— a AAAAAQI=\n— b AAAAAQIDBA==\n";
    let signatures = parse_signatures(body.as_bytes()).unwrap();
    assert_eq!(signatures.len(), 2);
    assert_eq!(print_signatures(&signatures), body);
}

#[test]
fn refuses_answers_that_are_not_signature_lines() {
    assert_snapshot!(
        parse_signatures(b"").unwrap_err(),
        @"the body is not signature lines, each ended by a newline"
    );
    for body in
        ["\n", "— a AAAAAQI=", "— a AAAAAQI=\n\n", "\n— a AAAAAQI=\n", "— a AAAAAQI=\r\n", "- a AAAAAQI=\n"]
    {
        assert_eq!(parse_signatures(body.as_bytes()), Err(WitnessMessageError::Signatures), "{body:?}");
    }
    assert_snapshot!(parse_signatures(b"\xff\n").unwrap_err(), @"the message is not UTF-8");
}

#[test]
fn the_origin_hash_is_lowercase_hex() {
    let origin = Origin::new("example.com/log").unwrap();
    assert_snapshot!(origin_hash(&origin), @"4d3203c8f35cdf600e475f55fede6081a703d3d322f208865fca2ec4f0e030f8");
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..200)) {
        let text = [b"old 1\n", &bytes[..]].concat();
        for bytes in [bytes, text] {
            if let Ok(request) = AddCheckpoint::parse(&bytes) {
                prop_assert_eq!(request.to_string().into_bytes(), bytes);
            } else if let Ok(size) = parse_conflict(&bytes) {
                prop_assert_eq!(print_conflict(size).into_bytes(), bytes);
            } else if let Ok(signatures) = parse_signatures(&bytes) {
                prop_assert_eq!(print_signatures(&signatures).into_bytes(), bytes);
            }
        }
    }

    #[test]
    fn what_is_read_is_printed_again(
        pieces in vec(select(&["old ", "\n", "0", "7", HASH, NOTE, "— a AAAAAQI=\n", "\n\n"][..]), 0..8),
    ) {
        let pieces = pieces.concat();
        if let Ok(request) = parse(&format!("old 3\n{pieces}\n{NOTE}")) {
            prop_assert_eq!(request.to_string(), format!("old 3\n{pieces}\n{NOTE}"));
        }
        if let Ok(signatures) = parse_signatures(pieces.as_bytes()) {
            prop_assert_eq!(print_signatures(&signatures), pieces);
        }
    }
}
