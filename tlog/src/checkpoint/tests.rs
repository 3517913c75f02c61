use insta::assert_snapshot;
use proptest::{collection::vec, prelude::*, sample::select};

use super::{Checkpoint, CheckpointError, ExtensionLine, Origin, VerifiedCheckpoint};
use crate::{
    cosignature::CosignerKey,
    hash::Hash,
    note::{KeyName, Note, NoteError, Signature, SigningKey, VerifierKey},
    tree::{TreeHead, TreeSize},
};

const ROOT: &str = "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=";

fn key(name: &str, seed: u8) -> SigningKey {
    SigningKey::from_seed(KeyName::new(name).unwrap(), &[seed; 32])
}

fn origin(text: &str) -> Origin {
    Origin::new(text).unwrap()
}

fn checkpoint(size: u64, root: Hash) -> Checkpoint {
    let head = TreeHead { size: TreeSize::new(size).unwrap(), root };
    Checkpoint { origin: origin("example.com/log"), head, extensions: vec![] }
}

fn open(note: Note, keys: &[VerifierKey]) -> Result<VerifiedCheckpoint, CheckpointError> {
    VerifiedCheckpoint::open(note, &origin("example.com/log"), keys)
}

fn refusal(text: &str) -> CheckpointError {
    Checkpoint::parse(text).unwrap_err()
}

#[test]
fn the_example_of_the_standard_is_read_and_printed() {
    let text = format!("example.com/behind-the-sofa\n20852163\n{ROOT}\n");
    let checkpoint = Checkpoint::parse(&text).unwrap();
    assert_eq!(checkpoint.origin.as_str(), "example.com/behind-the-sofa");
    assert_eq!(checkpoint.head.size.get(), 20_852_163);
    assert_eq!(checkpoint.head.root.to_base64(), ROOT);
    assert_eq!(checkpoint.extensions, []);
    assert_eq!(checkpoint.to_text(), text);
}

#[test]
fn origins_may_hold_spaces_and_extensions_anything_but_control() {
    let text = format!("go.sum database tree\n0\n{ROOT}\n ext \u{7f}\nmore\n");
    let checkpoint = Checkpoint::parse(&text).unwrap();
    let lines: Vec<&str> = checkpoint.extensions.iter().map(ExtensionLine::as_str).collect();
    assert_eq!(lines, [" ext \u{7f}", "more"]);
    assert_eq!(checkpoint.to_text(), text);
}

#[test]
fn refuses_fewer_than_three_lines() {
    assert_snapshot!(
        refusal("example.com/log\n1\n"),
        @"the checkpoint has fewer than three lines, or does not end in a newline"
    );
    for text in ["", "\n", "a\n", &format!("a\n1\n{ROOT}")] {
        assert_eq!(refusal(text), CheckpointError::Lines, "{text:?}");
    }
}

#[test]
fn refuses_other_origins() {
    assert_snapshot!(
        refusal(&format!("\n1\n{ROOT}\n")),
        @"an origin is one line of 1 to 255 bytes without control characters"
    );
    for text in ["", "a\nb", "a\0", "a\t", "\u{7f}", "\u{9b}31m", &"x".repeat(256)] {
        assert_eq!(Origin::new(text), Err(CheckpointError::Origin), "{text:?}");
    }
    assert!(Origin::new(&"x".repeat(255)).is_ok());
}

#[test]
fn refuses_other_sizes() {
    assert_snapshot!(
        refusal(&format!("a\n01\n{ROOT}\n")),
        @"the tree size is not a canonical decimal number below 2^63"
    );
    for size in
        ["", "00", "+1", "-1", " 1", "1 ", "0x1", "1e3", "9223372036854775808", "99999999999999999999"]
    {
        assert_eq!(refusal(&format!("a\n{size}\n{ROOT}\n")), CheckpointError::Size, "{size:?}");
    }
    assert!(Checkpoint::parse(&format!("a\n9223372036854775807\n{ROOT}\n")).is_ok());
}

#[test]
fn refuses_other_roots() {
    assert_snapshot!(refusal("a\n1\nAAAA\n"), @"the root hash is not canonical base64 of 32 bytes");
    for root in [
        "",
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I",
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2J=",
        "CsUYapGGPo4dkMgIAUqom_Xajj7h2fB2MPA3j2jxq2I=",
        " CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2IA",
    ] {
        assert_eq!(refusal(&format!("a\n1\n{root}\n")), CheckpointError::Root, "{root:?}");
    }
}

#[test]
fn refuses_extension_lines_without_end() {
    let root = Hash::EMPTY_ROOT.to_base64();
    let text = |lines| format!("log\n1\n{root}\n{}", "x\n".repeat(lines));
    assert_eq!(Checkpoint::parse(&text(1_000)).unwrap().extensions.len(), 1_000);
    insta::assert_snapshot!(Checkpoint::parse(&text(1_001)).unwrap_err(), @"the checkpoint has more than 1000 extension lines");
}

#[test]
fn refuses_empty_extension_lines() {
    assert_snapshot!(
        refusal(&format!("a\n1\n{ROOT}\n\n")),
        @"an extension line is empty or holds a control character"
    );
    assert_eq!(refusal(&format!("a\n1\n{ROOT}\nx\n\ny\n")), CheckpointError::Extension);
    for line in ["", "a\nb", "\r"] {
        assert_eq!(ExtensionLine::new(line), Err(CheckpointError::Extension), "{line:?}");
    }
}

#[test]
fn a_signed_checkpoint_opens() {
    let key = key("example.com/log", 1);
    let body = checkpoint(5, Hash::new([7; 32]));
    let note = body.sign(&key);
    assert_eq!(Note::parse(note.to_string().as_bytes()).unwrap(), note);
    let opened = open(note.clone(), &[key.verifier()]).unwrap();
    assert_eq!(opened.checkpoint(), &body);
    assert_eq!(opened.origin(), &body.origin);
    assert_eq!(opened.head(), body.head);
    assert_eq!(opened.note(), &note);
    assert_eq!(opened.log_signatures(), note.signatures());
}

#[test]
fn refuses_a_checkpoint_of_another_log() {
    let key = key("example.com/log", 1);
    let mut body = checkpoint(5, Hash::new([7; 32]));
    body.origin = origin("example.com/other");
    assert_snapshot!(
        open(body.sign(&key), &[key.verifier()]).unwrap_err(),
        @r#"the checkpoint is of the log "example.com/other", not of "example.com/log""#
    );
}

#[test]
fn refuses_a_checkpoint_that_no_key_signed() {
    let note = checkpoint(5, Hash::new([7; 32])).sign(&key("example.com/log", 1));
    let stranger = key("example.com/log", 2).verifier();
    assert_snapshot!(open(note.clone(), &[stranger]).unwrap_err(), @"no key of the log has signed this checkpoint");
    // The same seed under another name is another key.
    let renamed = key("example.com/renamed", 1).verifier();
    assert_eq!(open(note.clone(), &[renamed]).unwrap_err(), CheckpointError::Unsigned);
    assert_eq!(open(note, &[]).unwrap_err(), CheckpointError::Unsigned);
}

#[test]
fn refuses_a_forged_line_of_a_known_key_even_beside_a_good_one() {
    let key = key("example.com/log", 1);
    let good = checkpoint(5, Hash::new([7; 32])).sign(&key);
    let other = checkpoint(6, Hash::new([7; 32])).sign(&key);
    let lines = vec![good.signatures()[0].clone(), other.signatures()[0].clone()];
    let note = Note::new(good.text(), lines).unwrap();
    assert_snapshot!(
        open(note, &[key.verifier()]).unwrap_err(),
        @"the signature of the log's key example.com/log+9be5d3c6 does not verify"
    );
}

#[test]
fn two_lines_of_one_key_that_both_verify_are_fine() {
    let key = key("example.com/log", 1);
    let note = checkpoint(5, Hash::new([7; 32])).sign(&key);
    let twice = Note::new(note.text(), [note.signatures(), note.signatures()].concat()).unwrap();
    assert_eq!(open(twice, &[key.verifier()]).unwrap().log_signatures().len(), 2);
}

#[test]
fn one_of_several_keys_is_enough_and_strangers_are_ignored() {
    let (old, new) = (key("example.com/log", 1), key("example.com/log", 2));
    let note = checkpoint(5, Hash::new([7; 32])).sign(&new);
    let stranger = Signature::new(old.verifier().name().clone(), crate::note::KeyId(9), vec![1, 2, 3]);
    let lines = vec![stranger, note.signatures()[0].clone()];
    let note = Note::new(note.text(), lines.clone()).unwrap();
    let opened = open(note, &[old.verifier(), new.verifier()]).unwrap();
    assert_eq!(opened.log_signatures(), &lines[1..]);
}

#[test]
fn cosigner_keys_are_no_log_keys() {
    let witness = CosignerKey::ed25519(KeyName::new("example.com/log").unwrap(), &[1; 32]).verifier();
    let line = Signature::new(witness.name().clone(), witness.id(), vec![0; 64]);
    let note = Note::new(&checkpoint(5, Hash::new([7; 32])).to_text(), vec![line]).unwrap();
    assert_eq!(open(note, &[witness]).unwrap_err(), CheckpointError::Unsigned);
}

#[test]
fn a_tree_of_size_0_has_one_root() {
    let key = key("example.com/log", 1);
    let keys = [key.verifier()];
    assert!(open(checkpoint(0, Hash::EMPTY_ROOT).sign(&key), &keys).is_ok());
    let wrong = checkpoint(0, Hash::new([0; 32]));
    assert_snapshot!(
        open(wrong.sign(&key), &keys).unwrap_err(),
        @"the tree of size 0 has another root than the empty tree's"
    );
    // Asked after the signature: a stranger's checkpoint is unsigned first of all.
    let stranger = self::key("example.com/log", 2);
    assert_eq!(open(wrong.sign(&stranger), &keys).unwrap_err(), CheckpointError::Unsigned);
}

/// S and S + ℓ satisfy the same equation; only the smaller one is the signature (RFC 8032 section 5.1.7).
#[test]
fn refuses_a_signature_whose_scalar_is_not_reduced() {
    const ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
    let key = key("example.com/log", 1);
    let note = checkpoint(5, Hash::new([7; 32])).sign(&key);
    let mut bytes = note.signatures()[0].bytes().to_vec();
    let mut carry = 0;
    for (byte, order) in bytes[32..].iter_mut().zip(hex::decode(ORDER).unwrap()) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        (*byte, carry) = (sum.to_le_bytes()[0], sum >> 8);
    }
    assert_eq!(carry, 0);
    assert!(matches!(
        open(with_signature(&note, bytes), &[key.verifier()]),
        Err(CheckpointError::Forged { .. })
    ));
}

/// R is the neutral element and S = k·a: made with the key, over exactly this text, and good for libraries that do
/// not ask for the order of R.
#[test]
fn refuses_a_signature_whose_point_has_small_order() {
    use ed25519_dalek::Verifier as _;
    let bytes = hex::decode(concat!(
        "0100000000000000000000000000000000000000000000000000000000000000",
        "14ec778ceab5c125eab4197fb011493ad7f55b3767cbeba095e397c95babac08",
    ))
    .unwrap();
    let key = key("example.com/log", 1);
    let note = checkpoint(0, Hash::EMPTY_ROOT).sign(&key);
    let public: [u8; 32] = key.verifier().public_bytes().try_into().unwrap();
    let lax = ed25519_dalek::VerifyingKey::from_bytes(&public).unwrap();
    let signature = ed25519_dalek::Signature::from_slice(&bytes).unwrap();
    assert!(lax.verify(note.text().as_bytes(), &signature).is_ok());
    assert!(matches!(
        open(with_signature(&note, bytes), &[key.verifier()]),
        Err(CheckpointError::Forged { .. })
    ));
}

#[test]
fn refuses_signatures_of_other_lengths() {
    let key = key("example.com/log", 1);
    let note = checkpoint(5, Hash::new([7; 32])).sign(&key);
    let bytes = note.signatures()[0].bytes();
    for bytes in [&bytes[..63], &bytes[..1], &[bytes, &[0]].concat()] {
        let note = with_signature(&note, bytes.to_vec());
        assert!(matches!(open(note, &[key.verifier()]), Err(CheckpointError::Forged { .. })));
    }
}

#[test]
fn a_note_error_says_what_the_note_says() {
    assert_snapshot!(CheckpointError::from(NoteError::Utf8), @"the note is not UTF-8");
}

fn with_signature(note: &Note, bytes: Vec<u8>) -> Note {
    let line = &note.signatures()[0];
    Note::new(note.text(), vec![Signature::new(line.name().clone(), line.id(), bytes)]).unwrap()
}

proptest! {
    #[test]
    fn any_text_is_read_without_panic(text in "(\\PC|\n){0,100}") {
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_text(), text);
        }
    }

    #[test]
    fn what_is_read_is_printed_again(
        pieces in vec(select(&["a", "\n", "0", "12", ROOT, " ", "é"][..]), 0..4), size in any::<u64>(),
    ) {
        let text = format!("a\n{size}\n{ROOT}\n{}", pieces.concat());
        if let Ok(checkpoint) = Checkpoint::parse(&text) {
            prop_assert_eq!(checkpoint.to_text(), text);
        }
    }

    #[test]
    fn no_changed_byte_of_a_signed_note_opens(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let key = key("example.com/log", 1);
        let body = checkpoint(5, Hash::new([7; 32]));
        let mut bytes = body.sign(&key).to_string().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        prop_assert!(Note::parse(&bytes).ok().and_then(|note| open(note, &[key.verifier()]).ok()).is_none());
    }
}
