//! When nothing is signed any more, and what may be signed a second time.

use super::{
    Fixture,
    faults::{says, until},
    key,
    net::Mood,
    read_back::Watched,
    served, submission,
};
use std::sync::{Arc, atomic::Ordering};
use treering_log::signer::{Signer, SignerError};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    hash::Hash,
    note::{Signature, SigningKey, VerifierKey},
    tree::{TreeHead, TreeSize},
};

/// To read back what was sealed takes a while, in which a witness shows a head of somebody else's who has the log's key.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_is_not_signed_once_another_history_was_shown() {
    let Watched { fixture, store, key, record, log } = Watched::with_two_entries().await;
    // The third witness's answer about the third entry is under way while the fourth is being read back.
    fixture.net.set(2, Mood::Slow);
    log.submit(submission(2)).await.unwrap();
    fixture.published(&log, 2).await;
    let before = record.read().unwrap();
    until("it is being asked", || fixture.net.waiting() > 0).await;
    let tiles = store.tiles.write().await;
    log.submit(submission(3)).await.unwrap();
    until("the fourth entry is sealed", || log.status().sealed_size == 4).await;
    until("it is being read back", || store.reading.load(Ordering::SeqCst) > 0).await;
    assert_eq!(fixture.net.largest_seen(), 3);
    let stolen = TreeHead { size: TreeSize::new(1_000).unwrap(), root: Hash::new([7; 32]) };
    let origin = Origin::new(super::ORIGIN).unwrap();
    fixture.net.show(Checkpoint { origin, head: stolen, extensions: vec![] }.sign(&super::key()));
    fixture.net.set(2, Mood::KnowsMore);
    fixture.net.release();
    until("the other history is seen", || says(&log, "never made")).await;
    assert!(!log.status().publishing);
    drop(tiles);
    until("it was read back", || store.reading.load(Ordering::SeqCst) == 0).await;
    tokio::time::sleep(fixture.tick * 100).await;
    assert_eq!((key.largest(), fixture.net.largest_seen()), (Some(3), 3));
    assert_eq!(record.read().unwrap(), before);
    // Why stays, and nothing goes on.
    assert!(says(&log, "never made") && !log.status().publishing);
    drop(store);
    fixture.stop(log).await;
}

/// The log's key, and one that has joined.
#[derive(Debug)]
struct Two;

impl Two {
    fn keys() -> [SigningKey; 2] {
        let name = treering_tlog::note::KeyName::new(super::ORIGIN).unwrap();
        [key(), SigningKey::from_seed(name, &[8; 32])]
    }
}

impl Signer for Two {
    fn sign(&self, text: &str) -> Result<Signature, SignerError> {
        Ok(key().sign(text))
    }

    fn verifier(&self) -> VerifierKey {
        key().verifier()
    }

    fn sign_all(&self, text: &str) -> Result<Vec<Signature>, SignerError> {
        Ok(Two::keys().iter().map(|key| key.sign(text)).collect())
    }

    fn verifiers(&self) -> Vec<VerifierKey> {
        Two::keys().iter().map(SigningKey::verifier).collect()
    }
}

/// RocksDB holds a row to be whole, and it says something else than what the log has signed: a key that has joined doesn't sign that.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_joined_signs_only_what_the_log_has() {
    let fixture = Fixture::new("g");
    let log = fixture.start().await;
    log.submit(submission(0)).await.unwrap();
    fixture.published(&log, 0).await;
    fixture.stop(log).await;
    let start = async || fixture.start_signed_by(fixture.settings(), Arc::new(Two)).await;
    // `s`, and the size (8).
    let row = [&b"s"[..], &1_u64.to_be_bytes()].concat();
    let change = |change: &mut dyn FnMut(&mut Vec<u8>)| {
        served::change(&fixture.settings(), "checkpoints", &row, change);
    };
    // The size, and a character of the root on the next line.
    for place in [1, 5] {
        let mut whole = Vec::new();
        change(&mut |note| {
            whole.clone_from(note);
            let at = note.windows(3).position(|part| part == b"\n1\n").unwrap() + place;
            note[at] = if note[at] == b'2' { b'3' } else { b'2' };
        });
        match start().await {
            // It is the publisher that reads it.
            Ok(log) => {
                let why = tokio::time::timeout(super::LONG, log.failed()).await.expect("it fails");
                assert!(why.contains("last signed checkpoint") || why.contains("record"), "{why}");
                fixture.stop(log).await;
            }
            Err(error) => assert!(error.to_string().contains("checkpoint"), "{error}"),
        }
        let seen = fixture.net.largest_seen();
        assert_eq!(seen, 1, "what was never made was shown to a witness");
        change(&mut |note| note.clone_from(&whole));
    }
    let log = start().await.unwrap();
    log.submit(submission(1)).await.unwrap();
    fixture.published(&log, 1).await;
    fixture.stop(log).await;
}
