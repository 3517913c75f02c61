//! Which lines of a checkpoint a client keeps as `after`.

use crate::world::{Who, after_note, after_note_at, log_key, policy};
use std::fmt::Write as _;
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    cosignature::CosignerKey,
    note::{KeyId, KeyName, Note, Signature},
    policy::Policy,
    time::UnixSeconds,
    tree::TreeHead,
};
use treering_token::verify::keep_for_after;

#[test]
fn keeps_the_log_and_the_policys_witnesses_and_drops_strangers() {
    let note = Note::parse(&after_note()).unwrap();
    let stranger = Signature::new(KeyName::new("stranger.example").unwrap(), KeyId(7), vec![0; 72]);
    let lines = [&[stranger], note.signatures()].concat();
    let with_stranger = Note::new(note.text(), lines).unwrap().to_string();
    assert_eq!(keep_for_after(&policy("two of three"), with_stranger.as_bytes()), Some(after_note()));
    let kept = keep_for_after(&policy("one witness"), with_stranger.as_bytes()).unwrap();
    let names: Vec<_> =
        Note::parse(&kept).unwrap().signatures().iter().map(|line| line.name().to_string()).collect();
    assert_eq!(names, ["example.com/log", "w1.example/witness"]);
}

#[test]
fn keeps_nothing_that_bounds_nothing() {
    assert_eq!(keep_for_after(&policy("none"), &after_note()), None);
    assert_eq!(keep_for_after(&policy("another log"), &after_note()), None);
    assert_eq!(keep_for_after(&policy("two of three"), &after_note_at(&[(Who::W1, 5)])), None);
    assert_eq!(keep_for_after(&policy("two of three"), b"no note"), None);
}

/// ML-DSA-44 lines have 3.3 kB each: nine of them pass 24,000 bytes.
fn many(quorum: &str) -> (Policy, String) {
    let checkpoint = Checkpoint {
        origin: Origin::new("example.com/log").unwrap(),
        head: TreeHead::EMPTY,
        extensions: vec![],
    };
    let log = log_key("example.com/log");
    let mut text = format!("log {}\n", log.verifier());
    let mut lines = checkpoint.sign(&log).signatures().to_vec();
    for i in 0..9_u8 {
        let key = CosignerKey::ml_dsa_44(KeyName::new(&format!("w{i}")).unwrap(), &[i; 32]);
        // Witness 0 is the latest.
        lines.push(key.cosign(&checkpoint, UnixSeconds::new(1000 - u64::from(i)).unwrap()).unwrap());
        writeln!(text, "witness W{i} {}", key.verifier()).unwrap();
    }
    text += quorum;
    let note = Note::new(&checkpoint.to_text(), lines).unwrap();
    (Policy::parse(text.as_bytes()).unwrap(), note.to_string())
}

fn kept_witnesses(quorum: &str) -> Vec<String> {
    let (policy, note) = many(quorum);
    assert!(note.len() > 24_000);
    let kept = Note::parse(&keep_for_after(&policy, note.as_bytes()).unwrap()).unwrap();
    kept.signatures()[1..].iter().map(|line| line.name().to_string()).collect()
}

#[test]
fn keeps_the_latest_that_meet_the_quorum_if_all_are_too_many() {
    let all = "group g 2 W0 W1 W2 W3 W4 W5 W6 W7 W8\nquorum g\n";
    assert_eq!(kept_witnesses(all), ["w0", "w1"]);
}

#[test]
fn keeps_none_that_the_quorum_is_met_without() {
    let late = "group g all W1 W4\nquorum g\n";
    assert_eq!(kept_witnesses(late), ["w1", "w4"]);
}

#[test]
fn keeps_all_where_all_are_needed() {
    let all = "group g all W0 W1 W2 W3 W4 W5 W6 W7 W8\nquorum g\n";
    assert_eq!(kept_witnesses(all).len(), 9);
}

#[test]
fn what_is_kept_gives_the_same_bound() {
    let policy = policy("two of three");
    let bound = |note: &[u8]| {
        let opened = policy.open(Note::parse(note).unwrap()).unwrap();
        policy.lower_bound(&opened.cosigned)
    };
    let kept = keep_for_after(&policy, &after_note()).unwrap();
    assert_eq!(bound(&kept), bound(&after_note()));
}
