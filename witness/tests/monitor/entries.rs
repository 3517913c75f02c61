//! Entries and batches that are not what the tree or the entry says, and times that can't be.

use treering_witness::{
    evidence::{Kind, Refuted, Unclear, Verdict, verify},
    monitor::config::Batches,
};

use crate::lying::{self, LyingLog, NOW, ORIGIN, Watch};

#[tokio::test]
async fn an_entry_that_is_served_changed_dropped_or_reordered_is_found() {
    type Change = fn(&mut Vec<Vec<u8>>);
    let changes: [(Change, u64); 3] = [
        (|entries| entries[3][10] ^= 1, 3),
        (|entries| drop(entries.remove(5)), 0),
        (|entries| entries.swap(6, 7), 6),
    ];
    for (change, first) in changes {
        let log = LyingLog::with_entries(20).await;
        log.set("tile/entries/000.p/20", 200, log.bundle(change));
        let mut watch = Watch::configured(&log, |log| log.batches = Batches::None);
        let round = watch.round().await;
        assert_eq!(round.findings.len(), 1, "{round:?}");
        let found = watch.found(&round, Kind::WrongEntry);
        assert_eq!(found.about, format!("entry {first}"));
        assert_eq!(found.verdict, Verdict::Open(Unclear::NotSigned));
        // With the right bundle, the file would show nothing.
        let mut honest = found.evidence;
        honest.served[0].bytes = log.bundle(|_| {});
        assert_eq!(verify(&honest, &log.policy()), Verdict::Refuted(Refuted::Fits));
    }
}

#[tokio::test]
async fn an_entry_that_changes_after_it_was_checked_is_found_in_its_turn() {
    let log = LyingLog::with_entries(700).await;
    let mut watch = Watch::configured(&log, |log| log.recheck_bundles = 1);
    for _ in 0..4 {
        watch.all_quiet().await;
    }
    let mut bundle = lying::tile_bytes(&log.pages(), "tile/entries/001").unwrap();
    bundle[2 + 10] ^= 1;
    log.set("tile/entries/001", 200, bundle);
    watch.restart();
    let found = watch.one(Kind::WrongEntry).await;
    assert_eq!((found.about.as_str(), found.evidence.number), ("entry 256", 256));
    found.open();
    // The others, in their turn; then that one again, which is known.
    watch.all_quiet().await;
    watch.all_quiet().await;
    assert!(!watch.one(Kind::WrongEntry).await.new);
}

#[tokio::test]
async fn an_entry_that_is_none_of_treerings_is_proved() {
    let log = LyingLog::with_entries(10).await;
    log.pages().entries[4] = b"something else".to_vec();
    log.publish(NOW);
    let mut watch = Watch::start(&log);
    let found = watch.one(Kind::MalformedEntry).await;
    assert!(found.confirmed().0.starts_with("entry 4 of the log"), "{found:?}");
    watch.all_quiet().await;
}

#[tokio::test]
async fn a_batch_that_does_not_hash_to_its_entry_is_found() {
    let log = LyingLog::with_entries(5).await;
    let mut batch = log.pages().batches[2].clone();
    batch[0] ^= 1;
    log.set("v1/batches/2", 200, batch);
    let mut watch = Watch::start(&log);
    let found = watch.one(Kind::WrongBatch).await;
    assert_eq!(found.about, "entry 2");
    assert_eq!(found.verdict, Verdict::Open(Unclear::NotSigned));
    let mut honest = found.evidence;
    honest.served[0].bytes = log.pages().batches[2].clone();
    assert_eq!(verify(&honest, &log.policy()), Verdict::Refuted(Refuted::Fits));
}

#[tokio::test]
async fn a_batch_of_another_number_of_submissions_is_found() {
    for wrong in [0_usize, 32, 64, 95, 97, 128, 100_000] {
        let log = LyingLog::with_entries(5).await;
        let batch: Vec<u8> = log.pages().batches[2].iter().copied().cycle().take(wrong).collect();
        log.set("v1/batches/2", 200, batch);
        let found = Watch::start(&log).one(Kind::WrongBatch).await;
        found.open();
        // One hash more than there should be is enough to see that there are too many.
        assert_eq!(found.evidence.served[0].bytes.len(), wrong.min(128));
    }
}

#[tokio::test]
async fn batches_may_be_gone_after_the_retention_only() {
    let log = LyingLog::with_entries(3).await;
    log.set("v1/batches/1", 410, "");
    Watch::start(&log).one(Kind::Unavailable).await;
    Watch::configured(&log, |log| log.retention_ms = Some(10_000)).one(Kind::Unavailable).await;
    Watch::configured(&log, |log| log.retention_ms = Some(1_000)).all_quiet().await;
}

#[tokio::test]
async fn sealed_at_that_goes_backwards_is_proved() {
    for back in [0, 1, 5_000] {
        let log = LyingLog::with_entries(300).await;
        let mut watch = Watch::start(&log);
        watch.all_quiet().await;
        log.push((NOW - 1) * 1000 - back);
        log.push((NOW + 1) * 1000);
        log.publish(NOW + 1);
        watch.restart();
        let found = watch.one(Kind::SealedAtBackwards).await;
        let (statement, culprits) = found.confirmed();
        assert!(statement.starts_with("entry 300 of the log"), "{statement}");
        assert_eq!(culprits, [ORIGIN]);
        // Only once: then the next entries are looked at.
        watch.all_quiet().await;
    }
}

#[tokio::test]
async fn sealed_at_far_in_the_future_is_proved_by_the_witnesses_times() {
    let log = LyingLog::with_entries(3).await;
    log.push((NOW + 301) * 1000 + 1_000);
    log.publish(NOW);
    let found = Watch::start(&log).one(Kind::SealedAtClock).await;
    assert!(found.confirmed().0.contains("entry 3 of the log"), "{found:?}");
    // Who trusts no witness has only the monitor's word for the time.
    let nobody = treering_tlog::policy::Policy::parse(log.policy_text("none").as_bytes()).unwrap();
    assert_eq!(verify(&found.evidence, &nobody), Verdict::Open(Unclear::MonitorsClock));
}

#[tokio::test]
async fn sealed_at_within_the_distance_is_fine() {
    let log = LyingLog::with_entries(3).await;
    log.push((NOW + 300) * 1000);
    log.publish(NOW);
    Watch::start(&log).all_quiet().await;
}

#[tokio::test]
async fn backdating_is_proved_by_an_earlier_checkpoint() {
    let log = LyingLog::start().await;
    log.push((NOW - 5_000) * 1000);
    log.publish(NOW);
    let mut watch = Watch::start(&log);
    // What was there at the first look may be as old as it likes.
    watch.all_quiet().await;
    log.push((NOW - 400) * 1000);
    log.publish(NOW + 5);
    watch.clock.set(NOW + 5);
    let found = watch.one(Kind::SealedAtClock).await;
    assert!(found.confirmed().0.contains("witnesses knew the log without it"), "{found:?}");
}
