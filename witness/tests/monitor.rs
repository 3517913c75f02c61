//! What a monitor finds, each time by a log (or a witness) that does it, and what a third party then says.
#![forbid(unsafe_code)]

#[path = "support/lying.rs"]
mod lying;

use lying::{LyingLog, NOW, ORIGIN, Watch};
use treering_tlog::{
    cosignature::CosignerKey,
    hash::leaf_hash,
    note::{KeyName, Note},
    tile::append_entry,
    time::UnixSeconds,
};
use treering_witness::{
    evidence::{Kind, Refuted, Unclear, Verdict, verify},
    monitor::config::{Batches, LogKind, UnknownKeys},
};

#[tokio::test]
async fn an_honest_log_is_followed_without_a_finding() {
    let log = LyingLog::start().await;
    log.publish(NOW);
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    let mut time = NOW;
    for grow in [1, 2, 252, 1, 1, 300, 512, 0] {
        for _ in 0..grow {
            time += 1;
            log.push(time * 1000);
        }
        time += 1;
        log.publish(time);
        let size = log.pages().entries.len() as u64;
        log.witness_shows(0, &log.note(size, time));
        watch.clock.set(time);
        let round = watch.round().await;
        Watch::quiet(&round);
        assert_eq!((round.size, round.checked, round.fresh_at), (size, size, Some(time)));
    }
}

#[tokio::test]
async fn it_goes_on_where_it_stopped() {
    let log = LyingLog::with_entries(600).await;
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    let asked = log.asked();
    assert_eq!(asked.iter().filter(|path| path.starts_with("v1/batches/")).count(), 600);
    watch.restart();
    watch.all_quiet().await;
    assert!(!log.asked().iter().any(|path| path.contains("batches") || path.contains("tile")));
    log.push((NOW + 1) * 1000);
    log.publish(NOW + 2);
    watch.clock.set(NOW + 2);
    watch.restart();
    watch.all_quiet().await;
    let asked = log.asked();
    let batches: Vec<_> = asked.iter().filter(|path| path.contains("batches")).collect();
    assert_eq!(batches, ["v1/batches/600"]);
    let bundles: Vec<_> = asked.iter().filter(|path| path.contains("entries")).collect();
    assert_eq!(bundles, ["tile/entries/002.p/89"]);
}

/// The bundle of the first entries, with something done to them.
fn bundle(log: &LyingLog, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Vec<u8> {
    let mut entries = log.pages().entries.clone();
    change(&mut entries);
    let mut bundle = Vec::new();
    entries.iter().for_each(|entry| append_entry(&mut bundle, entry).expect("short"));
    bundle
}

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
        log.set("tile/entries/000.p/20", 200, bundle(&log, change));
        let mut watch = Watch::configured(&log, |log| log.batches = Batches::None);
        let round = watch.round().await;
        assert_eq!(round.findings.len(), 1, "{round:?}");
        let found = watch.found(&round, Kind::WrongEntry);
        assert_eq!(found.about, format!("entry {first}"));
        assert_eq!(found.verdict, Verdict::Open(Unclear::NotSigned));
        // With the right bundle, the file would show nothing.
        let mut honest = found.evidence;
        honest.served[0].bytes = bundle(&log, |_| {});
        assert_eq!(verify(&honest, &log.policy()), Verdict::Refuted(Refuted::Fits));
    }
}

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

#[tokio::test]
async fn what_a_checkpoint_covers_and_cannot_be_had_is_found() {
    for path in ["tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000", "v1/batches/7"] {
        let log = LyingLog::with_entries(300).await;
        log.set(path, 404, "");
        // The full tile isn't there either.
        let mut watch = Watch::start(&log);
        let found = watch.one(Kind::Unavailable).await;
        assert_eq!((found.about.as_str(), found.evidence.number), (path, 404));
        assert_eq!(found.verdict, Verdict::Open(Unclear::Absence));
        log.unset(path);
        watch.all_quiet().await;
        assert_eq!(watch.round().await.checked, 300);
    }
}

#[tokio::test]
async fn what_does_not_answer_is_unchecked_and_no_finding() {
    for path in ["tile/0/000", "tile/entries/000", "v1/batches/7", "checkpoint"] {
        for status in [500, 503, 302] {
            let log = LyingLog::with_entries(300).await;
            let good = log.pages().set["checkpoint"].1.clone();
            log.set(path, status, good);
            let mut watch = Watch::start(&log);
            let round = watch.round().await;
            assert!(round.findings.is_empty(), "{round:?}");
            assert_eq!(round.unchecked.len(), 1, "{round:?}");
            assert!(round.unchecked[0].ends_with(&format!("{path}: HTTP status {status}")), "{round:?}");
            assert_eq!(round.checked, 0);
        }
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
async fn new_batches_are_those_of_entries_that_appear_while_the_log_is_followed() {
    let log = LyingLog::with_entries(3).await;
    let mut watch = Watch::configured(&log, |log| log.batches = Batches::New);
    watch.all_quiet().await;
    log.push((NOW + 1) * 1000);
    log.publish(NOW + 1);
    watch.all_quiet().await;
    let asked = log.asked();
    let batches: Vec<_> = asked.iter().filter(|path| path.contains("batches")).collect();
    assert_eq!(batches, ["v1/batches/3"]);
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

/// RELIABILITY: forged tiles (CVE-2026-56865): each tile changed, swapped or truncated, in turn.
#[tokio::test]
async fn every_forged_tile_is_found() {
    const SIZE: u64 = 66_000;
    let log = LyingLog::with_entries(SIZE).await;
    let tile = |path: &str| lying::tile_bytes(&log.pages(), path).unwrap();
    let forge: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        |mut tile| {
            tile[0] ^= 1;
            tile
        },
        |mut tile| {
            let last = tile.len() - 1;
            tile[last] ^= 0x80;
            tile
        },
        |mut tile| {
            tile.rotate_left(32);
            tile
        },
        |mut tile| {
            tile.truncate(tile.len() - 32);
            tile
        },
    ];
    let paths = [
        "tile/0/000",
        "tile/0/100",
        "tile/0/256",
        "tile/0/257.p/208",
        "tile/1/000",
        "tile/1/001.p/1",
        "tile/2/000.p/1",
    ];
    for path in paths {
        for (at, forge) in forge.iter().enumerate() {
            let forged = forge(tile(path));
            if forged == tile(path) {
                // A tile of one hash, turned round.
                continue;
            }
            log.set(path, 200, forged);
            let mut watch = Watch::configured(&log, |log| log.batches = Batches::None);
            let found = watch.one(Kind::WrongTile).await;
            assert_eq!(found.verdict, Verdict::Open(Unclear::NotSigned), "{path} {at}");
            if path.contains(".p/") {
                // Of the edge, no tile can be told from the others: all are kept.
                assert_eq!(found.evidence.served.len(), 3);
            } else {
                assert_eq!(found.about, path);
            }
            // With the right tiles, the file would show nothing.
            let mut honest = found.evidence;
            honest.served.iter_mut().for_each(|served| served.bytes = tile(&served.path));
            assert_eq!(verify(&honest, &log.policy()), Verdict::Refuted(Refuted::Fits));
            log.unset(path);
        }
    }
    Watch::configured(&log, |log| log.batches = Batches::None).all_quiet().await;
}

#[tokio::test]
async fn a_tile_swapped_for_another_is_found() {
    let log = LyingLog::with_entries(600).await;
    let other = lying::tile_bytes(&log.pages(), "tile/0/001").unwrap();
    log.set("tile/0/000", 200, other);
    Watch::start(&log).one(Kind::WrongTile).await.open();
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
async fn the_entries_of_other_logs_are_left_alone() {
    let log = LyingLog::with_entries(300).await;
    log.pages().entries[4] = b"something else".to_vec();
    log.publish(NOW);
    let mut watch = Watch::configured(&log, |log| log.kind = LogKind::Tlog);
    watch.all_quiet().await;
    assert!(!log.asked().iter().any(|path| path.contains("entries") || path.contains("batches")));
    // What the standard says is checked.
    log.pages().entries[5] = b"rewritten".to_vec();
    log.push((NOW + 1) * 1000);
    log.publish(NOW + 1);
    watch.one(Kind::Inconsistent).await.confirmed();
}

#[tokio::test]
async fn partial_tiles_may_be_gone_when_there_is_the_full_one() {
    let log = LyingLog::with_entries(300).await;
    let old = log.note(200, NOW);
    log.set("checkpoint", 200, old.to_string());
    for path in ["tile/0/000.p/200", "tile/entries/000.p/200"] {
        log.set(path, 404, "");
    }
    let mut watch = Watch::start(&log);
    let round = watch.round().await;
    Watch::quiet(&round);
    assert_eq!(round.checked, 200);
}

#[tokio::test]
async fn evidence_files_of_one_kind_are_bounded() {
    let log = LyingLog::with_entries(1_000).await;
    for n in 0..200 {
        log.set(&format!("v1/batches/{n}"), 404, "");
    }
    let mut watch = Watch::start(&log);
    let round = watch.round().await;
    assert_eq!((round.findings.len(), round.more), (8, 192));
    assert_eq!(round.checked, 1_000);
}

#[tokio::test]
async fn a_state_file_of_something_else_is_refused() {
    let log = LyingLog::with_entries(3).await;
    let mut watch = Watch::start(&log);
    watch.all_quiet().await;
    let file = std::fs::read_dir(&watch.config.state).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    for bad in [
        &text[..text.len() / 2],
        &text.replace(ORIGIN, "log.example/other"),
        "{}",
        &text.replace("\"checked\":3", "\"checked\":4"),
    ] {
        std::fs::write(&file, bad).unwrap();
        let opened =
            treering_witness::monitor::Monitor::open(watch.config.clone(), watch.clock.clone(), None);
        assert!(opened.is_err(), "{bad}");
    }
}
