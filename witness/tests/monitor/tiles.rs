//! Tiles that are forged, and what can't be had.

use treering_witness::{
    evidence::{Kind, Refuted, Unclear, Verdict, verify},
    monitor::config::Batches,
};

use crate::lying::{self, LyingLog, NOW, Watch};

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
