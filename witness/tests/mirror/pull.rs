//! What a mirror keeps of a log, and what it never keeps: each time by a log that does it.

use std::{fs, sync::Arc};

use treering_tlog::{
    checkpoint::Checkpoint, cosignature, hash::leaf_hash, note::Note, tile::all_tiles, tree::TreeSize,
};
use treering_witness::{mirror::Mirror, monitor::config::LogKind};

use crate::{
    copying::{Copying, Serving},
    lying::{LyingLog, NOW, tile_bytes},
};

/// Shows a checkpoint of the past.
fn show_past(log: &LyingLog, size: u64, time: u64) {
    // The tree that the tiles come from has to stay that of all entries.
    let note = log.note(size, time);
    log.set(&format!("v1/checkpoints/{size}"), 200, note.to_string());
}

/// What is served is what the log has, tile by tile and batch by batch.
async fn assert_same(log: &LyingLog, serving: &Serving, size: u64) {
    for tile in all_tiles(TreeSize::new(size).expect("a size")) {
        let wanted = tile_bytes(&log.pages(), &tile.to_string()).expect("a tile of the log");
        assert_eq!(Serving::ok(serving.get(&tile.to_string()).await), wanted, "{tile}");
    }
    for entry in (0..size).step_by(7).chain([size - 1]) {
        let wanted = log.pages().batches[usize::try_from(entry).expect("small")].clone();
        assert_eq!(Serving::ok(serving.get(&format!("v1/batches/{entry}")).await), wanted, "{entry}");
    }
}

#[tokio::test]
async fn an_honest_log_is_mirrored_as_it_grows() {
    let log = LyingLog::start().await;
    log.publish(NOW);
    let mut copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    let (mut time, mut size) = (NOW, 0);
    for grow in [1, 2, 252, 1, 1, 300, 512, 0] {
        for _ in 0..grow {
            time += 1;
            size += 1;
            log.push(time * 1000);
        }
        time += 1;
        log.publish(time);
        show_past(&log, size, time);
        copying.clock.set(time);
        let round = copying.round().await;
        Copying::good(&round);
        assert_eq!((round.size, round.entries, round.batches), (size, size, size));
    }
    let serving = copying.serve().await;
    assert_same(&log, &serving, size).await;
    // Partial tiles of earlier sizes too, as the beginning of what is there now.
    for path in ["tile/entries/000.p/3", "tile/0/001.p/1", "tile/1/000.p/2", "tile/0/002.p/44"] {
        let wanted = tile_bytes(&log.pages(), path).unwrap();
        assert_eq!(Serving::ok(serving.get(path).await), wanted, "{path}");
    }
    let note = Note::parse(&Serving::ok(serving.get("checkpoint").await)).unwrap();
    let checkpoint = Checkpoint::parse(note.text()).unwrap();
    assert_eq!(checkpoint.head.size.get(), size);
    let own = note.signatures().iter().find(|line| copying.vkey.matches(line)).unwrap();
    let signed_at = cosignature::verify(&copying.vkey, &checkpoint, own).unwrap();
    assert_eq!(signed_at.get(), time);
    // The log's line and both witnesses' stand beside it.
    log.policy().open(note).unwrap();
    for past in [1, 3, 255, 557, 1069] {
        let bytes = Serving::ok(serving.get(&format!("v1/checkpoints/{past}")).await);
        assert!(String::from_utf8_lossy(&bytes).contains(&format!("\n{past}\n")));
    }
    serving.end().await;
}

#[tokio::test]
async fn what_is_not_there_is_said() {
    let log = LyingLog::with_entries(5).await;
    let mut copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    let serving = copying.serve().await;
    let name = async |path: &str| {
        let (status, body) = serving.get(path).await;
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["status"], status);
        let kind = problem["type"].as_str().unwrap();
        (status, kind.strip_prefix("urn:treering:problem:").unwrap().to_owned())
    };
    assert_eq!(name("tile/entries/000.p/6").await, (404, "not_published".into()));
    assert_eq!(name("tile/0/001").await, (404, "not_published".into()));
    assert_eq!(name("tile/0/1").await, (400, "tile_path".into()));
    assert_eq!(name("v1/batches/5").await, (404, "not_published".into()));
    assert_eq!(name("v1/batches/05").await, (400, "path_value".into()));
    assert_eq!(name("v1/checkpoints/3").await, (404, "not_published".into()));
    assert_eq!(name("v1/receipts/3").await, (404, "unknown_path".into()));
    let other = reqwest::get(format!("{}0/checkpoint", serving.base)).await.unwrap();
    assert_eq!(other.status(), 404);
    let answer = reqwest::get(format!("{}/tile/0/001", serving.base)).await.unwrap();
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let metrics = reqwest::get(format!("{}/metrics", serving.admin)).await.unwrap().text().await.unwrap();
    for line in [
        "treering_mirror_log_size{origin=\"log.example/2026\"} 5",
        "treering_mirror_requests_total{call=\"tile\",result=\"not_published\"} ",
        "treering_mirror_rounds_total{origin=\"log.example/2026\",result=\"ok\"} ",
        "treering_mirror_connections ",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    let ready = reqwest::get(format!("{}/readyz", serving.admin)).await.unwrap();
    assert_eq!(ready.status(), 200);
    serving.end().await;
}

#[tokio::test]
async fn it_goes_on_where_it_stopped() {
    let log = LyingLog::with_entries(600).await;
    let mut copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    let asked = log.asked();
    assert_eq!(asked.iter().filter(|path| path.starts_with("v1/batches/")).count(), 600);
    copying.restart();
    Copying::good(&copying.round().await);
    assert_eq!(log.asked(), ["checkpoint"]);
    log.push((NOW + 1) * 1000);
    log.publish(NOW + 2);
    copying.clock.set(NOW + 2);
    copying.restart();
    let round = copying.round().await;
    Copying::good(&round);
    assert_eq!(round.size, 601);
    let asked = log.asked();
    let of = |part: &str| asked.iter().filter(|path| path.contains(part)).cloned().collect::<Vec<_>>();
    assert_eq!(of("batches"), ["v1/batches/600"]);
    assert_eq!(of("entries"), ["tile/entries/002.p/89"]);
    // The newest ones of those that are known may have gained cosignatures.
    assert_eq!(of("v1/checkpoints").len(), 65);
}

#[tokio::test]
async fn a_log_that_serves_what_it_did_not_sign_is_not_mirrored() {
    type Lie = fn(&LyingLog);
    let lies: [(&str, Lie, &str); 8] = [
        (
            "an entry changed",
            |log| {
                log.set("tile/entries/000.p/20", 200, log.bundle(|entries| entries[3][10] ^= 1));
            },
            "entry 3 doesn't hash to its place",
        ),
        (
            "an entry dropped",
            |log| {
                log.set("tile/entries/000.p/20", 200, log.bundle(|entries| drop(entries.remove(5))));
            },
            "holds 19 entries where 20 are needed",
        ),
        (
            "two entries swapped",
            |log| {
                log.set("tile/entries/000.p/20", 200, log.bundle(|entries| entries.swap(6, 7)));
            },
            "entry 6 doesn't hash to its place",
        ),
        (
            "a tile changed",
            |log| {
                let mut tile = tile_bytes(&log.pages(), "tile/0/000.p/20").unwrap();
                tile[40] ^= 1;
                log.set("tile/0/000.p/20", 200, tile);
            },
            "tile/0/000.p/20 doesn't belong to the tree",
        ),
        (
            "a batch changed",
            |log| {
                let mut batch = log.pages().batches[9].clone();
                batch[1] ^= 1;
                log.set("v1/batches/9", 200, batch);
            },
            "v1/batches/9 is not the batch",
        ),
        (
            "a batch too long",
            |log| {
                let batch = log.pages().batches[9].repeat(2);
                log.set("v1/batches/9", 200, batch);
            },
            "v1/batches/9 is not the batch",
        ),
        (
            "a batch too short",
            |log| {
                let batch = log.pages().batches[9][..64].to_vec();
                log.set("v1/batches/9", 200, batch);
            },
            "v1/batches/9 is not the batch",
        ),
        (
            "a checkpoint of the past with another root",
            |log| {
                let mut forked = log.checkpoint(7);
                forked.head.root = leaf_hash(b"another");
                let note = log.signed(&forked, &[(0, NOW), (1, NOW)]);
                let _ = log.checkpoint(20);
                log.set("v1/checkpoints/7", 200, note.to_string());
            },
            "v1/checkpoints/7 has root",
        ),
    ];
    for (what, lie, said) in lies {
        let log = LyingLog::with_entries(20).await;
        lie(&log);
        let copying = Copying::start(&log);
        let told = copying.wrong().await;
        assert!(told.contains(said), "{what}: {told}");
        let round = copying.round().await;
        assert_eq!(round.size, 0, "{what}: nothing is signed");
        // Set right, it is mirrored from where it stood.
        log.pages().set.retain(|path, _| path == "checkpoint");
        let round = copying.round().await;
        Copying::good(&round);
        assert_eq!(round.size, 20, "{what}");
    }
}

#[tokio::test]
async fn another_history_is_not_mirrored() {
    for size in [20, 256, 300] {
        let log = LyingLog::with_entries(size).await;
        let copying = Copying::start(&log);
        Copying::good(&copying.round().await);
        let before = copying.files();
        for n in 1..=9 {
            log.push((NOW + n) * 1000);
        }
        log.pages().entries[3][10] ^= 1;
        log.publish(NOW + 10);
        copying.clock.set(NOW + 10);
        let told = copying.wrong().await;
        assert!(told.contains("another history"), "{told}");
        let round = copying.round().await;
        assert_eq!((round.size, round.entries), (size, size));
        assert_eq!(copying.files(), before);
        // Of the same size, and of a smaller one.
        for forked_size in [size, size - 1] {
            let mut forked = log.checkpoint(forked_size);
            forked.head.root = leaf_hash(b"another");
            log.set("checkpoint", 200, log.signed(&forked, &[(0, NOW), (1, NOW)]).to_string());
            assert!(copying.wrong().await.contains("another history"));
            assert_eq!(copying.files(), before);
        }
    }
}

#[tokio::test]
async fn a_head_without_a_quorum_or_with_a_forged_line_is_not_mirrored() {
    let log = LyingLog::with_entries(5).await;
    let copying = Copying::start(&log);
    let one = log.signed(&log.checkpoint(5), &[(0, NOW)]);
    log.set("checkpoint", 200, one.to_string());
    let round = copying.round().await;
    assert!(round.unchecked[0].contains("the cosignatures don't meet the policy"), "{round:?}");
    assert_eq!((round.size, round.entries, round.result()), (0, 0, "unchecked"));
    let forged = log.signed(&log.checkpoint(4), &[(0, NOW), (1, NOW)]);
    let body = log.checkpoint(5).to_text();
    let forged = Note::new(&body, forged.signatures().to_vec()).unwrap();
    log.set("checkpoint", 200, forged.to_string());
    copying.wrong().await;
    assert!(copying.files().is_empty());
}

#[tokio::test]
async fn a_smaller_head_of_the_same_history_changes_nothing() {
    let log = LyingLog::with_entries(300).await;
    let copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    log.set("checkpoint", 200, log.note(280, NOW).to_string());
    let round = copying.round().await;
    Copying::good(&round);
    assert_eq!((round.size, round.entries), (300, 300));
}

#[tokio::test]
async fn a_batch_that_the_log_has_dropped_is_known_to_be_gone() {
    let log = LyingLog::with_entries(5).await;
    log.set("v1/batches/2", 410, "");
    let mut copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    let serving = copying.serve().await;
    assert_eq!(serving.get("v1/batches/2").await.0, 410);
    assert_eq!(serving.get("v1/batches/3").await.0, 200);
    serving.end().await;
}

#[tokio::test]
async fn a_large_batch_has_a_file_of_its_own() {
    let log = LyingLog::with_entries(3).await;
    log.push_of(NOW * 1000 + 1, 5_000);
    log.publish(NOW + 1);
    let mut copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    assert!(copying.folder().join("batches/large/003").is_file());
    copying.restart();
    let serving = copying.serve().await;
    assert_same(&log, &serving, 4).await;
    serving.end().await;
}

#[tokio::test]
async fn of_another_log_the_entries_alone_are_kept() {
    let log = LyingLog::with_entries(300).await;
    let mut copying = Copying::of_kind(&log, LogKind::Tlog);
    Copying::good(&copying.round().await);
    assert!(!log.asked().iter().any(|path| path.starts_with("v1/")));
    let serving = copying.serve().await;
    assert_eq!(serving.get("tile/entries/000").await.0, 200);
    assert_eq!(serving.get("v1/batches/0").await.0, 404);
    // The checkpoints that the mirror saw are kept all the same.
    assert_eq!(serving.get("v1/checkpoints/300").await.0, 200);
    serving.end().await;
}

#[tokio::test]
async fn a_copy_that_was_changed_on_disk_is_refused() {
    let log = LyingLog::with_entries(300).await;
    let copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    let Copying { dir, clock, config, mirror, .. } = copying;
    drop(mirror);
    let tile = config.data.join(config.logs[0].hash()).join("tile/0/001.p/44");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[5] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let refused = Mirror::open(config, clock as Arc<_>).unwrap_err().to_string();
    assert!(refused.contains("don't hash to the recorded root of size 300"), "{refused}");
    drop(dir);
}

#[tokio::test]
async fn cosignatures_that_come_late_are_kept_and_the_first_ones_stay() {
    let log = LyingLog::with_entries(3).await;
    show_past(&log, 2, NOW);
    let copying = Copying::start(&log);
    Copying::good(&copying.round().await);
    // The same head, cosigned afresh: served anew, while the past keeps the first times.
    log.publish(NOW + 60);
    copying.clock.set(NOW + 60);
    show_past(&log, 2, NOW + 60);
    Copying::good(&copying.round().await);
    let mut copying = copying;
    let serving = copying.serve().await;
    let time_in = |bytes: Vec<u8>| {
        let opened = log.policy().open(Note::parse(&bytes).unwrap()).unwrap();
        opened.cosigned.iter().map(|by| by.time.get()).max().unwrap()
    };
    assert_eq!(time_in(Serving::ok(serving.get("checkpoint").await)), NOW + 60);
    assert_eq!(time_in(Serving::ok(serving.get("v1/checkpoints/3").await)), NOW);
    assert_eq!(time_in(Serving::ok(serving.get("v1/checkpoints/2").await)), NOW);
    serving.end().await;
}
