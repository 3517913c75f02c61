use insta::assert_snapshot;
use proptest::{collection::vec, prelude::*, sample::select};

use super::{TlogProof, TlogProofError};
use crate::{hash::Hash, note::NoteError};

const HASH: &str = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=";
const NOTE: &str = "a\n1\ngSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n\n— a AAAAAQI=\n";

fn parse(text: &str) -> Result<TlogProof, TlogProofError> {
    TlogProof::parse(text.as_bytes())
}

fn refusal(text: &str) -> TlogProofError {
    parse(text).unwrap_err()
}

#[test]
fn a_proof_is_read_and_printed() {
    let text = format!("c2sp.org/tlog-proof@v1\nextra YWdl\nindex 73894\n{HASH}\n{HASH}\n\n{NOTE}");
    let proof = parse(&text).unwrap();
    assert_eq!(proof.extra.as_deref(), Some(&b"age"[..]));
    assert_eq!(proof.index, 73_894);
    assert_eq!(proof.path, [Hash::from_base64(HASH).unwrap(); 2]);
    assert_eq!(proof.checkpoint.to_string(), NOTE);
    assert_eq!(proof.to_string(), text);
}

#[test]
fn extra_and_path_may_be_absent() {
    let text = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{NOTE}");
    let proof = parse(&text).unwrap();
    assert_eq!((proof.extra.as_deref(), proof.path.len()), (None, 0));
    assert_eq!(proof.to_string(), text);
}

#[test]
fn empty_extra_data_is_printed_as_none() {
    let text = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{NOTE}");
    let proof = TlogProof { extra: Some(vec![]), ..parse(&text).unwrap() };
    assert_eq!(proof.to_string(), text);
}

#[test]
fn refuses_what_is_too_long() {
    let bytes = vec![b'a'; TlogProof::MAX_BYTES + 1];
    assert_snapshot!(TlogProof::parse(&bytes).unwrap_err(), @"the proof is larger than 1000000 bytes");
    assert_eq!(
        TlogProof::parse(&bytes[1..]).unwrap_err(),
        TlogProofError::FirstLine,
        "as long as one may be"
    );
}

#[test]
fn refuses_another_first_line() {
    assert_snapshot!(refusal(""), @"the first line is not c2sp.org/tlog-proof@v1");
    for first in ["", "c2sp.org/tlog-proof@v2", "c2sp.org/tlog-proof@v1 ", "\u{feff}c2sp.org/tlog-proof@v1"] {
        let text = format!("{first}\nindex 0\n\n{NOTE}");
        assert_eq!(refusal(&text), TlogProofError::FirstLine, "{first:?}");
    }
    assert_eq!(refusal("c2sp.org/tlog-proof@v1"), TlogProofError::FirstLine);
}

#[test]
fn refuses_extra_that_is_not_canonical_or_empty() {
    assert_snapshot!(
        refusal(&format!("c2sp.org/tlog-proof@v1\nextra YWd\nindex 0\n\n{NOTE}")),
        @"the extra line is not canonical base64 of at least one byte"
    );
    for extra in ["", " YWdl", "YWdl ", "YW=", "YW==x", "YX==", "é"] {
        let text = format!("c2sp.org/tlog-proof@v1\nextra {extra}\nindex 0\n\n{NOTE}");
        assert_eq!(refusal(&text), TlogProofError::Extra, "{extra:?}");
    }
}

#[test]
fn refuses_other_index_lines() {
    assert_snapshot!(
        refusal(&format!("c2sp.org/tlog-proof@v1\nindex 01\n\n{NOTE}")),
        @r#"the index line is not "index" and a canonical decimal number below 2^63"#
    );
    for line in
        ["", "index", "index ", "index  1", "Index 1", "index +1", "index 9223372036854775808", "extra"]
    {
        let text = format!("c2sp.org/tlog-proof@v1\n{line}\n\n{NOTE}");
        assert_eq!(refusal(&text), TlogProofError::Index, "{line:?}");
    }
    let twice = format!("c2sp.org/tlog-proof@v1\nextra YWdl\nextra YWdl\nindex 0\n\n{NOTE}");
    assert_eq!(refusal(&twice), TlogProofError::Index);
    assert!(parse(&format!("c2sp.org/tlog-proof@v1\nindex 9223372036854775807\n\n{NOTE}")).is_ok());
}

#[test]
fn refuses_lines_that_are_no_hashes() {
    assert_snapshot!(
        refusal(&format!("c2sp.org/tlog-proof@v1\nindex 0\n{HASH}\nAAAA\n\n{NOTE}")),
        @"line 4 is not the canonical base64 of a hash"
    );
    let text = format!("c2sp.org/tlog-proof@v1\nextra YWdl\nindex 0\n{HASH} \n\n{NOTE}");
    assert_eq!(refusal(&text), TlogProofError::Hash { line: 4 });
    let bytes = [b"c2sp.org/tlog-proof@v1\nindex 0\n\xff\n\n", NOTE.as_bytes()].concat();
    assert_eq!(TlogProof::parse(&bytes), Err(TlogProofError::Hash { line: 3 }));
}

#[test]
fn refuses_more_than_63_hashes() {
    let text = |count: usize| {
        format!("c2sp.org/tlog-proof@v1\nindex 0\n{}\n{NOTE}", format!("{HASH}\n").repeat(count))
    };
    assert_eq!(parse(&text(63)).unwrap().path.len(), 63);
    assert_snapshot!(refusal(&text(64)), @"the proof has more than 63 hashes");
}

#[test]
fn refuses_a_proof_that_ends_early() {
    assert_snapshot!(refusal("c2sp.org/tlog-proof@v1\nindex 0\n"), @"the proof ends before its checkpoint");
    for text in
        ["c2sp.org/tlog-proof@v1\n", "c2sp.org/tlog-proof@v1\nextra YWdl", "c2sp.org/tlog-proof@v1\nindex 0"]
    {
        assert_eq!(refusal(text), TlogProofError::NoCheckpoint, "{text:?}");
    }
}

#[test]
fn refuses_a_checkpoint_that_is_no_note() {
    assert_snapshot!(
        refusal("c2sp.org/tlog-proof@v1\nindex 0\n\na\n\n"),
        @"the proof's checkpoint: the note has no signature"
    );
    let text = format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{NOTE}\n");
    assert_eq!(refusal(&text), TlogProofError::Note(NoteError::NoSignature));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(bytes in vec(any::<u8>(), 0..200)) {
        let text = [b"c2sp.org/tlog-proof@v1\n", &bytes[..]].concat();
        for bytes in [bytes, text] {
            if let Ok(proof) = TlogProof::parse(&bytes) {
                prop_assert_eq!(proof.to_string().into_bytes(), bytes);
            }
        }
    }

    #[test]
    fn what_is_read_is_printed_again(
        pieces in vec(select(&["extra ", "YWdl", "\n", "index ", "0", "7", HASH, NOTE, "index 3\n", "\n\n"][..]), 0..8),
    ) {
        let text = format!("c2sp.org/tlog-proof@v1\n{}\n{NOTE}", pieces.concat());
        if let Ok(proof) = parse(&text) {
            prop_assert_eq!(proof.to_string(), text);
        }
    }

    #[test]
    fn what_is_built_is_read_again(
        extra in proptest::option::of(vec(any::<u8>(), 1..50)), index in 0..=i64::MAX.unsigned_abs(),
        path in vec(any::<[u8; 32]>().prop_map(Hash::new), 0..=63),
    ) {
        let checkpoint = crate::note::Note::parse(NOTE.as_bytes()).unwrap();
        let proof = TlogProof { extra, index, path, checkpoint };
        prop_assert_eq!(parse(&proof.to_string()), Ok(proof));
    }
}
