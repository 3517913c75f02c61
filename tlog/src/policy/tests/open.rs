//! Checkpoints under a policy.

use std::sync::LazyLock;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::{log, log_line, name, policy, with_witnesses, witness};
use crate::{
    checkpoint::{Checkpoint, CheckpointError, Origin},
    cosignature::CosignerKey,
    hash::Hash,
    note::{KeyId, Note, Signature, SigningKey},
    policy::{Cosigned, Opened, Policy, PolicyVerifyError},
    time::UnixSeconds,
    tree::{TreeHead, TreeSize},
};

pub(super) fn seconds(seconds: u64) -> UnixSeconds {
    UnixSeconds::new(seconds).unwrap()
}

fn body() -> Checkpoint {
    let head = TreeHead { size: TreeSize::new(9).unwrap(), root: Hash::new([4; 32]) };
    Checkpoint { origin: Origin::new("example.com/log").unwrap(), head, extensions: vec![] }
}

pub(super) fn line(seed: u8, time: u64) -> Signature {
    witness(seed).cosign(&body(), seconds(time)).unwrap()
}

pub(super) fn note(lines: &[Signature]) -> Note {
    Note::new(&body().to_text(), lines.to_vec()).unwrap()
}

pub(super) fn log_signature(seed: u8) -> Signature {
    log(seed).sign(&body().to_text())
}

pub(super) fn two_witnesses() -> Policy {
    policy(&with_witnesses(2, "group g all w1 w2\nquorum g\n"))
}

fn refusal(lines: &[Signature]) -> PolicyVerifyError {
    two_witnesses().open(note(lines)).unwrap_err()
}

#[test]
fn finds_log_and_witnesses_and_leaves_strangers_out() {
    let lines = [line(2, 20), log_signature(1), line(3, 5), line(1, 10), log_signature(2)];
    let Opened { checkpoint, cosigned, distrusted } = two_witnesses().open(note(&lines)).unwrap();
    assert_eq!(checkpoint.checkpoint(), &body());
    assert_eq!(checkpoint.log_signatures(), [log_signature(1)]);
    let want = [Cosigned { witness: 1, time: seconds(20) }, Cosigned { witness: 0, time: seconds(10) }];
    assert_eq!(cosigned, want);
    assert_eq!(distrusted, []);
}

#[test]
fn does_not_ask_for_the_quorum() {
    assert_eq!(two_witnesses().open(note(&[log_signature(1)])).unwrap().cosigned, []);
}

#[test]
fn refuses_what_is_no_checkpoint() {
    let note = Note::new("x\n", vec![log_signature(1)]).unwrap();
    assert_eq!(two_witnesses().open(note).unwrap_err(), CheckpointError::Lines.into());
}

#[test]
fn refuses_a_log_that_is_not_listed() {
    let mut other = body();
    other.origin = Origin::new("example.com/other").unwrap();
    // Signed by the listed log's key: it counts only for the origin that is its name.
    assert_snapshot!(
        two_witnesses().open(other.sign(&log(1))).unwrap_err(),
        @r#"the policy does not list the log "example.com/other""#
    );
}

#[test]
fn refuses_what_the_log_did_not_sign() {
    assert_snapshot!(refusal(&[line(1, 10)]), @"no key of the log has signed this checkpoint");
    let other_name = SigningKey::from_seed(name("example.com/other"), &[1; 32]).sign(&body().to_text());
    assert_eq!(refusal(&[other_name]), CheckpointError::Unsigned.into());
}

#[test]
fn refuses_a_forged_log_signature() {
    let line = log_signature(1);
    let forged = Signature::new(line.name().clone(), line.id(), vec![1; 64]);
    assert!(matches!(refusal(&[forged]), PolicyVerifyError::Checkpoint(CheckpointError::Forged { .. })));
}

#[test]
fn refuses_a_forged_cosignature_even_if_others_are_enough() {
    let mut other = body();
    other.head.root = Hash::new([5; 32]);
    let forged = witness(2).cosign(&other, seconds(3)).unwrap();
    let policy = policy(&with_witnesses(2, "quorum w1\n"));
    assert_snapshot!(
        policy.open(note(&[log_signature(1), line(1, 10), forged])).unwrap_err(),
        @"the cosignature of w2 does not verify"
    );
    let cut = Signature::new(line(2, 5).name().clone(), line(2, 5).id(), vec![0; 8]);
    assert_eq!(
        policy.open(note(&[log_signature(1), cut])).unwrap_err(),
        PolicyVerifyError::ForgedCosignature { witness: "w2".to_owned() }
    );
}

/// Whoever passes the note on could otherwise choose which of two times counts.
#[test]
fn refuses_two_lines_by_one_witness() {
    assert_snapshot!(
        refusal(&[log_signature(1), line(1, 10), line(1, 20)]),
        @"two signature lines by w1.example+89d3dde6"
    );
    assert!(matches!(
        refusal(&[log_signature(1), line(1, 10), line(1, 10)]),
        PolicyVerifyError::TwoLines { .. }
    ));
}

/// An operator with two keys, as a classical and a post-quantum one: one name, two IDs.
#[test]
fn two_keys_of_one_name_are_not_one_key() {
    let keys = [1, 2].map(|seed| CosignerKey::ed25519(name("w.example"), &[seed; 32]));
    let lines = keys.each_ref().map(|key| key.cosign(&body(), seconds(9)).unwrap());
    let [a, b] = keys.map(|key| key.verifier());
    let policy = policy(&format!("{}witness a {a}\nwitness b {b}\ngroup g all a b\nquorum g\n", log_line(1)));
    let [first, second] = lines;
    let opened = policy.open(note(&[log_signature(1), first, second])).unwrap();
    assert_eq!(opened.cosigned.len(), 2);
}

#[test]
fn refuses_two_lines_by_the_log() {
    assert_snapshot!(
        refusal(&[log_signature(1), line(1, 10), log_signature(1)]),
        @"two signature lines by example.com/log+9be5d3c6"
    );
}

#[test]
fn two_lines_by_a_stranger_are_ignored() {
    let stranger = Signature::new(name("w1.example"), KeyId(7), vec![1]);
    let opened = two_witnesses().open(note(&[stranger.clone(), log_signature(1), stranger])).unwrap();
    assert_eq!(opened.cosigned, []);
}

/// ML-DSA allows a cosignature without time: it must verify, and then it counts for nothing. (This one was made as the
/// standard says, with time 0, by the seed 0x02 × 32.)
#[test]
fn a_cosignature_without_time_must_verify_and_does_not_count() {
    let key = CosignerKey::ml_dsa_44(name("w.example/ml"), &[2; 32]);
    let line = timeless(&[2; 32], key.verifier().id());
    let vkey = key.verifier();
    let policy = policy(&format!("log {}\nwitness w {vkey}\nquorum w\n", log(1).verifier()));
    let opened = policy.open(note(&[log_signature(1), line.clone()])).unwrap();
    assert_eq!(opened.cosigned, []);
    let mut bytes = line.bytes().to_vec();
    bytes[100] ^= 1;
    let forged = Signature::new(line.name().clone(), line.id(), bytes);
    assert_eq!(
        policy.open(note(&[log_signature(1), forged])).unwrap_err(),
        PolicyVerifyError::ForgedCosignature { witness: "w".to_owned() }
    );
}

fn timeless(seed: &[u8; 32], id: KeyId) -> Signature {
    let mut message = b"subtree/v1\n\0\x0cw.example/ml".to_vec();
    message.extend([0; 8]);
    message.extend(b"\x0fexample.com/log");
    message.extend([0; 8]);
    message.extend(9_u64.to_be_bytes());
    message.extend([4; 32]);
    let key = ml_dsa::SigningKey::<ml_dsa::MlDsa44>::from_seed(&(*seed).into());
    let signature = key.expanded_key().sign_deterministic(&message, &[]).unwrap().encode();
    Signature::new(name("w.example/ml"), id, [&[0; 8], &signature[..]].concat())
}

proptest! {
    #[test]
    fn no_changed_byte_gives_another_checkpoint_or_time(at in any::<prop::sample::Index>(), to in any::<u8>()) {
        // Made once: keys and signatures are slow without optimisation.
        static GOOD: LazyLock<(Policy, Note)> =
            LazyLock::new(|| (two_witnesses(), note(&[log_signature(1), line(1, 10), line(2, 20)])));
        let (policy, good) = &*GOOD;
        let whole = policy.open(good.clone()).unwrap();
        let mut bytes = good.to_string().into_bytes();
        let at = at.index(bytes.len());
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        let Ok(opened) = Note::parse(&bytes).map_err(drop).and_then(|note| policy.open(note).map_err(drop)) else {
            return Ok(());
        };
        // A changed name or key ID makes a witness a stranger; nothing else may change.
        prop_assert_eq!(opened.checkpoint.checkpoint(), whole.checkpoint.checkpoint());
        prop_assert_eq!(opened.cosigned.len(), 1);
        prop_assert!(opened.cosigned.iter().all(|found| whole.cosigned.contains(found)));
    }
}
