use std::sync::LazyLock;

use insta::{allow_duplicates, assert_snapshot};
use proptest::prelude::*;

use super::{
    CosignatureError, CosignerKey, claimed_time, ed25519_message, message, subtree_message, verify,
    verify_subtree,
};
use crate::{
    checkpoint::{Checkpoint, ExtensionLine, Origin},
    hash::Hash,
    note::{KeyError, KeyId, KeyName, Signature, SignatureType, SigningKey, VerifierKey},
    time::UnixSeconds,
    tree::{Subtree, TreeHead, TreeSize},
};

fn name(text: &str) -> KeyName {
    KeyName::new(text).unwrap()
}

fn keys() -> [CosignerKey; 2] {
    [
        CosignerKey::ed25519(name("w.example/ed"), &[1; 32]),
        CosignerKey::ml_dsa_44(name("w.example/ml"), &[2; 32]),
    ]
}

fn checkpoint() -> Checkpoint {
    let head = TreeHead { size: TreeSize::new(20_852_163).unwrap(), root: Hash::new([7; 32]) };
    Checkpoint { origin: Origin::new("example.com/behind-the-sofa").unwrap(), head, extensions: vec![] }
}

fn seconds(seconds: u64) -> UnixSeconds {
    UnixSeconds::new(seconds).unwrap()
}

fn changed(line: &Signature, change: impl FnOnce(&mut Vec<u8>)) -> Signature {
    let mut bytes = line.bytes().to_vec();
    change(&mut bytes);
    Signature::new(line.name().clone(), line.id(), bytes)
}

/// A line that [`CosignerKey::cosign`] refuses to make: it has no time.
fn timeless(key: &CosignerKey, checkpoint: &Checkpoint) -> Signature {
    key.sign(UnixSeconds::ZERO, &message(&key.verifier(), checkpoint, UnixSeconds::ZERO).unwrap())
}

#[test]
fn the_ed25519_message_is_that_of_the_standard() {
    assert_snapshot!(ed25519_message(&checkpoint(), seconds(1_679_315_147)), @"
    cosignature/v1
    time 1679315147
    example.com/behind-the-sofa
    20852163
    BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=
    ");
}

#[test]
fn the_ml_dsa_message_is_that_of_the_standard() {
    let message = message(&keys()[1].verifier(), &checkpoint(), seconds(1_679_315_147)).unwrap();
    let want = [
        &b"subtree/v1\n\0"[..],
        &[12],
        b"w.example/ml",
        &1_679_315_147_u64.to_be_bytes(),
        &[27],
        b"example.com/behind-the-sofa",
        &[0; 8],
        &20_852_163_u64.to_be_bytes(),
        &[7; 32],
    ];
    assert_eq!(message, want.concat());
}

#[test]
fn a_cosignature_verifies_and_says_when() {
    for (key, length) in keys().iter().zip([72, 2_428]) {
        let line = key.cosign(&checkpoint(), seconds(1_700_000_000)).unwrap();
        assert_eq!(line.bytes().len(), length);
        assert!(key.verifier().matches(&line));
        assert_eq!(verify(&key.verifier(), &checkpoint(), &line), Ok(seconds(1_700_000_000)));
        assert_eq!(claimed_time(&key.verifier(), &line), Some(seconds(1_700_000_000)));
        // Deterministic, so that a vector can pin it.
        assert_eq!(key.cosign(&checkpoint(), seconds(1_700_000_000)).unwrap(), line);
    }
}

#[test]
fn the_greatest_time_and_the_longest_names_fit() {
    let mut checkpoint = checkpoint();
    checkpoint.origin = Origin::new(&"o".repeat(255)).unwrap();
    let key = CosignerKey::ml_dsa_44(name(&"n".repeat(255)), &[2; 32]);
    let line = key.cosign(&checkpoint, UnixSeconds::MAX).unwrap();
    assert_eq!(verify(&key.verifier(), &checkpoint, &line), Ok(UnixSeconds::MAX));
}

#[test]
fn refuses_to_cosign_without_a_time() {
    for key in keys() {
        assert_eq!(key.cosign(&checkpoint(), seconds(0)), Err(CosignatureError::NoTimestamp));
    }
}

#[test]
fn a_line_without_time_says_so_only_if_it_verifies() {
    for key in keys() {
        let line = timeless(&key, &checkpoint());
        let refusal = verify(&key.verifier(), &checkpoint(), &line).unwrap_err();
        allow_duplicates! { assert_snapshot!(refusal, @"the cosignature has no timestamp") };
        let forged = changed(&line, |bytes| bytes[20] ^= 1);
        assert_eq!(verify(&key.verifier(), &checkpoint(), &forged), Err(CosignatureError::Forged));
    }
}

#[test]
fn refuses_log_keys() {
    let log = SigningKey::from_seed(name("l"), &[1; 32]);
    let line = log.sign(&checkpoint().to_text());
    assert_snapshot!(
        verify(&log.verifier(), &checkpoint(), &line).unwrap_err(),
        @"this key does not make cosignatures"
    );
    assert_eq!(claimed_time(&log.verifier(), &line), None);
}

#[test]
fn refuses_lines_of_other_keys() {
    for key in keys() {
        let line = key.cosign(&checkpoint(), seconds(5)).unwrap();
        let renamed = Signature::new(name("other"), line.id(), line.bytes().to_vec());
        let other_id = Signature::new(line.name().clone(), KeyId(0), line.bytes().to_vec());
        for line in [renamed, other_id] {
            let refusal = verify(&key.verifier(), &checkpoint(), &line).unwrap_err();
            allow_duplicates! { assert_snapshot!(refusal, @"the line is by another key") };
            assert_eq!(claimed_time(&key.verifier(), &line), None);
        }
    }
}

#[test]
fn refuses_other_lengths() {
    for key in keys() {
        let line = key.cosign(&checkpoint(), seconds(5)).unwrap();
        let want = line.bytes().len();
        for got in [0, 1, 7, 8, want - 1, want + 1] {
            let line = changed(&line, |bytes| bytes.resize(got, 0));
            let refusal = verify(&key.verifier(), &checkpoint(), &line);
            assert_eq!(refusal, Err(CosignatureError::Length { want, got }));
            assert_eq!(claimed_time(&key.verifier(), &line), None);
        }
    }
    assert_snapshot!(
        CosignatureError::Length { want: 72, got: 7 },
        @"the cosignature has 7 bytes where 72 are needed"
    );
}

#[test]
fn refuses_times_beyond_the_format() {
    for key in keys() {
        let line = key.cosign(&checkpoint(), UnixSeconds::MAX).unwrap();
        let beyond = changed(&line, |bytes| bytes[0] |= 0x80);
        let refusal = verify(&key.verifier(), &checkpoint(), &beyond).unwrap_err();
        allow_duplicates! { assert_snapshot!(refusal, @"the timestamp is beyond 2^63−1") };
        assert_eq!(claimed_time(&key.verifier(), &beyond), None);
    }
}

#[test]
fn refuses_another_time_and_another_checkpoint() {
    for key in keys() {
        let line = key.cosign(&checkpoint(), seconds(5)).unwrap();
        let later = changed(&line, |bytes| bytes[7] += 1);
        let refusal = verify(&key.verifier(), &checkpoint(), &later).unwrap_err();
        allow_duplicates! { assert_snapshot!(refusal, @"the cosignature does not verify") };
        let mut others = [checkpoint(), checkpoint(), checkpoint()];
        others[0].origin = Origin::new("example.com/other").unwrap();
        others[1].head.size = TreeSize::new(20_852_164).unwrap();
        others[2].head.root = Hash::new([8; 32]);
        for other in others {
            assert_eq!(verify(&key.verifier(), &other, &line), Err(CosignatureError::Forged));
        }
    }
}

/// Only Ed25519 covers extension lines: that is why nothing about time goes into them.
#[test]
fn extension_lines_are_covered_by_ed25519_alone() {
    let [ed25519, ml_dsa] = keys();
    let mut extended = checkpoint();
    extended.extensions.push(ExtensionLine::new("x").unwrap());
    let line = ed25519.cosign(&checkpoint(), seconds(5)).unwrap();
    assert_eq!(verify(&ed25519.verifier(), &extended, &line), Err(CosignatureError::Forged));
    let line = ml_dsa.cosign(&checkpoint(), seconds(5)).unwrap();
    assert_eq!(verify(&ml_dsa.verifier(), &extended, &line), Ok(seconds(5)));
}

/// ML-DSA cosignatures commit to the witness's name: the same key under another name is another witness.
#[test]
fn the_name_is_covered_by_ml_dsa() {
    let [_, key] = keys();
    let other =
        VerifierKey::new(name("other"), SignatureType::CosignatureMlDsa44, key.verifier().public_bytes())
            .unwrap();
    let line = key.cosign(&checkpoint(), seconds(5)).unwrap();
    let renamed = Signature::new(other.name().clone(), other.id(), line.bytes().to_vec());
    assert_eq!(verify(&other, &checkpoint(), &renamed), Err(CosignatureError::Forged));
}

#[test]
fn private_texts_are_written_and_read_again() {
    for key in keys() {
        let text = key.to_private_text();
        let again = CosignerKey::parse(&text).unwrap();
        assert_eq!(again.verifier(), key.verifier());
        assert_eq!(again.to_private_text(), text);
        assert_eq!(again.cosign(&checkpoint(), seconds(5)), key.cosign(&checkpoint(), seconds(5)));
        let vkey = key.verifier().to_string();
        assert_eq!(VerifierKey::parse(&vkey).unwrap(), key.verifier());
        assert_eq!(SigningKey::parse(&text).unwrap_err(), KeyError::WrongType(key.verifier().kind().byte()));
    }
    assert_eq!(format!("{:?}", keys()[0]), "CosignerKey(w.example/ed)");
}

#[test]
fn refuses_private_texts_of_other_keys() {
    let log = SigningKey::from_seed(name("l"), &[1; 32]).to_private_text();
    assert_eq!(CosignerKey::parse(&log).unwrap_err(), KeyError::WrongType(1));
    let text = keys()[0].to_private_text().replace("w.example/ed", "w.example/ee");
    assert_eq!(CosignerKey::parse(&text).unwrap_err(), KeyError::Id);
    assert_eq!(CosignerKey::parse("PRIVATE+KEY").unwrap_err(), KeyError::SigningForm);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_changed_byte_verifies(at in any::<prop::sample::Index>(), mask in 1..=255_u8) {
        // Made once: ML-DSA keys and signatures are slow without optimisation.
        static LINES: LazyLock<[(VerifierKey, Signature); 2]> = LazyLock::new(|| {
            keys().map(|key| (key.verifier(), key.cosign(&checkpoint(), seconds(1_700_000_000)).unwrap()))
        });
        for (key, line) in &*LINES {
            let line = changed(line, |bytes| {
                let at = at.index(bytes.len());
                bytes[at] ^= mask;
            });
            prop_assert!(verify(key, &checkpoint(), &line).is_err());
        }
    }
}

fn subtree(start: u64, end: u64) -> Subtree {
    Subtree::new(start, end).unwrap()
}

#[test]
fn the_message_of_a_subtree_is_that_of_the_standard() {
    let [_, key] = keys();
    let message = subtree_message(&key.verifier(), &checkpoint().origin, subtree(8, 13), &Hash::new([7; 32]));
    let want = [
        &b"subtree/v1\n\0"[..],
        &[12],
        b"w.example/ml",
        &[0; 8],
        &[27],
        b"example.com/behind-the-sofa",
        &8_u64.to_be_bytes(),
        &13_u64.to_be_bytes(),
        &[7; 32],
    ];
    assert_eq!(message, want.concat());
}

#[test]
fn a_subtree_is_signed_without_time_and_for_itself_alone() {
    let [ed25519, key] = keys();
    let (origin, hash) = (checkpoint().origin, Hash::new([7; 32]));
    let line = key.cosign_subtree(&origin, subtree(8, 13), &hash).unwrap();
    let verified = |subtree, hash: &Hash, line: &Signature| {
        verify_subtree(&key.verifier(), &origin, subtree, hash, line)
    };
    assert_eq!(verified(subtree(8, 13), &hash, &line), Ok(None));
    assert_eq!(line.bytes()[..8], [0; 8]);
    let forged = Err(CosignatureError::Forged);
    assert_eq!(verified(subtree(8, 14), &hash, &line), forged);
    assert_eq!(verified(subtree(16, 21), &hash, &line), forged);
    assert_eq!(verified(subtree(8, 13), &Hash::new([6; 32]), &line), forged);
    let other = Origin::new("example.com/in-front-of-the-sofa").unwrap();
    assert_eq!(verify_subtree(&key.verifier(), &other, subtree(8, 13), &hash, &line), forged);
    let timed = changed(&line, |bytes| bytes[7] = 1);
    let refusal = verified(subtree(8, 13), &hash, &timed).unwrap_err();
    assert_snapshot!(refusal, @"a subtree that does not begin at leaf 0 can't have a timestamp");
    let refusal = ed25519.cosign_subtree(&origin, subtree(8, 13), &hash).unwrap_err();
    assert_snapshot!(refusal, @"this key does not sign subtrees: only ML-DSA-44 keys do");
    let refused = verify_subtree(&ed25519.verifier(), &origin, subtree(8, 13), &hash, &line);
    assert_eq!(refused, Err(CosignatureError::NoSubtrees));
    let stranger = CosignerKey::ml_dsa_44(name("w.example/ml"), &[3; 32]).verifier();
    let refused = verify_subtree(&stranger, &origin, subtree(8, 13), &hash, &line);
    assert_eq!(refused, Err(CosignatureError::OtherKey));
}

/// Both ways: a checkpoint is the subtree from leaf 0 to its size.
#[test]
fn a_checkpoint_is_a_subtree_too() {
    let [_, key] = keys();
    let checkpoint = checkpoint();
    let (whole, root) = (subtree(0, checkpoint.head.size.get()), checkpoint.head.root);
    let line = key.cosign(&checkpoint, seconds(1_700_000_000)).unwrap();
    let verified = verify_subtree(&key.verifier(), &checkpoint.origin, whole, &root, &line);
    assert_eq!(verified, Ok(Some(seconds(1_700_000_000))));
    let line = key.cosign_subtree(&checkpoint.origin, whole, &root).unwrap();
    assert_eq!(verify(&key.verifier(), &checkpoint, &line), Err(CosignatureError::NoTimestamp));
}
