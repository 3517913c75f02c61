//! Witnesses that contradict themselves, keys that nobody knows, forged lines, and a log that has fallen silent.

use treering_tlog::{
    cosignature::CosignerKey,
    hash::leaf_hash,
    note::{KeyName, Note},
    time::UnixSeconds,
};
use treering_witness::{
    evidence::{Kind, Unclear, Verdict},
    monitor::config::UnknownKeys,
};

use crate::lying::{LyingLog, NOW, ORIGIN, Watch};

#[tokio::test]
async fn a_witness_whose_cosignatures_contradict_each_other_is_proved() {
    let log = LyingLog::with_entries(300).await;
    log.set("checkpoint", 200, log.signed(&log.checkpoint(290), &[(0, NOW), (1, NOW)]).to_string());
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    // A larger size at an earlier time, by w2 alone.
    log.set("checkpoint", 200, log.signed(&log.checkpoint(300), &[(0, NOW), (1, NOW - 1)]).to_string());
    watch.restart();
    let found = watch.one(Kind::CosignerContradiction).await;
    let (statement, culprits) = found.confirmed();
    assert!(statement.contains("the witness w2 cosigned size 300"), "{statement}");
    assert_eq!(culprits, ["w2"]);
}

#[tokio::test]
async fn signatures_by_unknown_keys_are_found() {
    let log = LyingLog::with_entries(3).await;
    let checkpoint = log.checkpoint(3);
    let stranger = CosignerKey::ed25519(KeyName::new("stranger.example").unwrap(), &[9; 32]);
    let line = stranger.cosign(&checkpoint, UnixSeconds::new(NOW).unwrap()).unwrap();
    let lines = [log.note(3, NOW).signatures(), &[line]].concat();
    log.set("checkpoint", 200, Note::new(&checkpoint.to_text(), lines).unwrap().to_string());
    let found = Watch::start(&log).one(Kind::UnknownKey).await;
    assert_eq!(found.about, format!("stranger.example+{}", stranger.verifier().id()));
    found.open();
    // Logs of the public network have such lines all the time.
    Watch::configured(&log, |log| log.unknown_keys = UnknownKeys::Ignore).all_quiet().await;
}

#[tokio::test]
async fn a_checkpoint_under_another_key_of_the_same_name_is_found() {
    let log = LyingLog::with_entries(3).await;
    let other = treering_tlog::note::SigningKey::from_seed(KeyName::new(ORIGIN).unwrap(), &[77; 32]);
    log.set("checkpoint", 200, log.checkpoint(3).sign(&other).to_string());
    let mut watch = Watch::start(&log);
    let round = watch.round().await;
    watch.found(&round, Kind::UnknownKey).open();
    watch.found(&round, Kind::BadCheckpoint).open();
    assert_eq!((round.findings.len(), round.size), (2, 0));
}

#[tokio::test]
async fn a_forged_cosignature_is_found_and_takes_nothing_from_what_the_log_signed() {
    let log = LyingLog::with_entries(300).await;
    let mut other = log.checkpoint(300);
    other.head.root = leaf_hash(b"another");
    let forged = log.line(&log.checkpoint(299), 0, NOW);
    let lines = [log.signed(&other, &[]).signatures(), &[forged]].concat();
    log.witness_shows(0, &Note::new(&other.to_text(), lines).unwrap());
    let mut watch = Watch::start(&log);
    let round = watch.round().await;
    watch.found(&round, Kind::BadCheckpoint).open();
    watch.found(&round, Kind::SplitView).confirmed();
}

#[tokio::test]
async fn a_log_that_stopped_is_found_once_for_each_stop() {
    let log = LyingLog::with_entries(3).await;
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    watch.clock.set(NOW + 600);
    watch.all_quiet().await;
    watch.clock.set(NOW + 601);
    let found = watch.one(Kind::Stopped).await;
    assert_eq!(found.verdict, Verdict::Open(Unclear::Absence));
    assert!(found.new);
    assert!(!watch.one(Kind::Stopped).await.new);
    // One witness alone doesn't meet the policy, so this isn't fresh.
    log.set("checkpoint", 200, log.signed(&log.checkpoint(3), &[(0, NOW + 601), (1, NOW)]).to_string());
    watch.one(Kind::Stopped).await;
    log.publish(NOW + 601);
    watch.all_quiet().await;
}
