//! A log with two histories.

use treering_tlog::hash::leaf_hash;
use treering_witness::evidence::Kind;

use crate::lying::{LyingLog, NOW, ORIGIN, Watch};

#[tokio::test]
async fn an_entry_changed_dropped_or_reordered_in_the_tree_is_proved() {
    type Change = fn(&mut Vec<Vec<u8>>);
    let changes: [Change; 3] =
        [|entries| entries[3][10] ^= 1, |entries| drop(entries.remove(5)), |entries| entries.swap(6, 7)];
    for size in [20, 256, 300] {
        for change in changes {
            let log = LyingLog::with_entries(size).await;
            let mut watch = Watch::start(&log);
            watch.all_quiet().await;
            for n in 1..=9 {
                log.push((NOW + n) * 1000);
            }
            change(&mut log.pages().entries);
            log.publish(NOW + 10);
            watch.clock.set(NOW + 10);
            let found = watch.one(Kind::Inconsistent).await;
            let (statement, culprits) = found.confirmed();
            assert!(statement.contains(&format!("for size {size}")), "{statement}");
            // The witnesses cosigned both: they are to blame, too.
            assert_eq!(culprits, [ORIGIN, "w1", "w2"]);
            // It is still so, and not reported anew; what was verified before is kept.
            let again = watch.round().await;
            assert!(!again.findings[0].new);
            assert_eq!((again.size, again.checked), (size, size));
        }
    }
}

#[tokio::test]
async fn a_smaller_head_of_another_history_is_proved_and_one_of_the_same_is_not_a_finding() {
    let log = LyingLog::with_entries(300).await;
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    log.set("checkpoint", 200, log.note(280, NOW).to_string());
    watch.all_quiet().await;
    let mut forked = log.checkpoint(279);
    forked.head.root = leaf_hash(b"another");
    log.set("checkpoint", 200, log.signed(&forked, &[(0, NOW), (1, NOW)]).to_string());
    let found = watch.one(Kind::Inconsistent).await;
    assert!(found.confirmed().0.contains("for size 279"));
}

#[tokio::test]
async fn a_split_view_between_the_log_and_a_witness_is_proved() {
    let log = LyingLog::with_entries(300).await;
    let mut other = log.checkpoint(300);
    other.head.root = leaf_hash(b"another");
    log.witness_shows(0, &log.signed(&other, &[(0, NOW)]));
    let mut watch = Watch::start(&log);
    let found = watch.one(Kind::SplitView).await;
    let (statement, culprits) = found.confirmed();
    assert!(statement.contains("two roots for size 300"), "{statement}");
    // w1 signed both roots.
    assert_eq!(culprits, [ORIGIN, "w1"]);
    // What the log itself shows is followed on.
    assert_eq!(watch.round().await.checked, 300);
}

#[tokio::test]
async fn a_split_view_between_two_urls_of_the_log_is_proved() {
    let log = LyingLog::with_entries(30).await;
    let mut other = log.checkpoint(30);
    other.head.root = leaf_hash(b"another");
    log.set("mirror/checkpoint", 200, log.signed(&other, &[]).to_string());
    let mirror = format!("{}/mirror", log.url);
    let mut watch = Watch::configured(&log, |log| log.urls.push(mirror));
    assert_eq!(watch.one(Kind::SplitView).await.confirmed().1, [ORIGIN]);
}

#[tokio::test]
async fn a_witness_that_is_ahead_is_compared_when_the_log_gets_there() {
    let log = LyingLog::with_entries(300).await;
    let mut ahead = log.checkpoint(300);
    ahead.head.size = treering_tlog::tree::TreeSize::new(305).unwrap();
    log.witness_shows(1, &log.signed(&ahead, &[(1, NOW)]));
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    watch.restart();
    (1..=8).for_each(|n| log.push((NOW + n) * 1000));
    log.publish(NOW + 9);
    log.unset(&format!(
        "w2/{}/checkpoint",
        treering_tlog::witness::origin_hash(&treering_tlog::checkpoint::Origin::new(ORIGIN).unwrap())
    ));
    watch.clock.set(NOW + 9);
    let found = watch.one(Kind::Inconsistent).await;
    assert!(found.confirmed().0.contains("for size 305"));
}

#[tokio::test]
async fn a_head_that_only_a_witness_ever_shows_is_found() {
    let log = LyingLog::with_entries(300).await;
    let note = log.note(299, NOW);
    log.set("checkpoint", 200, note.to_string());
    log.witness_shows(0, &log.note(300, NOW));
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    let time = NOW + 700;
    log.set("checkpoint", 200, log.note(299, time).to_string());
    log.witness_shows(0, &log.note(300, time));
    watch.clock.set(time);
    let round = watch.round().await;
    let found = watch.found(&round, Kind::Stopped);
    assert!(found.about.starts_with("withheld since"), "{}", found.about);
}
