//! The log as the ecosystem's tools read it (C2SP tlog-tiles): every tile and entry bundle of the published size is
//! served, partial ones are prefixes, and what is beyond is not there.

use std::collections::BTreeSet;

use treering_tests::{
    http::Http,
    net::{self, Net},
    view::{self, fetch},
    wait,
};
use treering_tlog::{
    hash::Hash,
    tile::{self, TileKind, TileLevel, TilePath, split_hashes},
    tree::{self, TreeHead, TreeSize},
};
use treering_token::entry::Entry;

use crate::load::Load;

/// One more than a full tile, so that there is a level above the leaves.
const ENTRIES: u64 = 258;

#[test]
fn a_walk_over_all_tiles_and_batches() {
    let mut net = net::plan().start();
    let load = Load::start(net.log.public(), 2);
    // In steps: so many ticks take a slow disk more than a minute.
    for entries in (0..ENTRIES).step_by(16).chain([ENTRIES]) {
        wait::until("there is more than a tile of entries", || {
            (net.log.status_number("published_size") >= Some(entries)).then_some(())
        });
    }
    load.stop();
    net.log.wait_idle();
    let head = published(&net);
    walk(net.log.public(), head);
    let entries = view::entries(net.log.public(), head.size).expect("the entry bundles are served");
    batches(net.log.public(), &entries);
    partial_tiles_are_prefixes(net.log.public(), head.size);
    beyond_is_not_there(net.log.public(), head.size);

    // The same after a restart, from the disk.
    net.log.kill();
    net.log.start();
    net.log.wait_idle();
    assert_eq!(published(&net), head);
    walk(net.log.public(), head);
}

fn published(net: &Net) -> TreeHead {
    let note = net.log.public().get("/checkpoint").expect_status(200);
    assert_eq!(note.header("cache-control"), "public, max-age=1");
    assert_eq!(note.header("content-type"), "text/plain; charset=utf-8");
    view::open(&net.policy, &note.body).expect("a checkpoint").checkpoint.head()
}

/// From the entries upward, as a mirror does it: every level from the one below, the root from the tiles.
fn walk(http: &Http, head: TreeHead) {
    let mut below: Vec<Hash> = Vec::new();
    for path in tile::tiles_of(head.size, TileKind::Entries) {
        let bytes = fetch(http, path).expect("it is served");
        let entries = tile::split_entries(&bytes, path.width()).expect("an entry bundle");
        below.extend(entries.into_iter().map(treering_tlog::hash::leaf_hash));
    }
    assert_eq!(tree::root(&below), head.root);
    for level in (0..8).filter_map(TileLevel::new) {
        let mut hashes = Vec::new();
        for path in tile::tiles_of(head.size, TileKind::Hashes(level)) {
            hashes.extend(
                split_hashes(&fetch(http, path).expect("it is served"), path.width()).expect("a tile"),
            );
        }
        assert_eq!(hashes, below, "level {}", level.get());
        below = hashes.chunks_exact(256).map(tree::root).collect();
    }
    let root = tree::root_from(&mut view::nodes(http, head.size), head.size).expect("the tiles are served");
    assert_eq!(root, head.root);
}

fn batches(http: &Http, entries: &[Entry]) {
    for (index, entry) in entries.iter().enumerate() {
        let answer = http.get(&format!("/v1/batches/{index}")).expect_status(200);
        let count = u64::try_from(answer.body.len() / 32).expect("a length");
        assert_eq!(answer.body.len() % 32, 0);
        assert_eq!(count, entry.submissions());
        let hashes: Vec<Hash> = answer.body.chunks_exact(32).filter_map(Hash::from_slice).collect();
        assert_eq!(tree::root(&hashes), entry.batch_root(), "batch {index}");
    }
    let beyond = http.get(&format!("/v1/batches/{}", entries.len())).expect_status(404);
    assert_eq!(beyond.header("cache-control"), "no-store");
}

fn partial_tiles_are_prefixes(http: &Http, size: TreeSize) {
    for whole in tile::all_tiles(size) {
        let bytes = fetch(http, whole).expect("it is served");
        let widths = BTreeSet::from([1, 2, 7, whole.width() / 2, whole.width() - 1]);
        for width in widths.into_iter().filter(|width| (1..whole.width()).contains(width)) {
            let path = TilePath::new(whole.kind(), whole.index(), width).expect("a narrower tile");
            let answer = http.get(&format!("/{path}")).expect_status(200);
            assert!(bytes.starts_with(&answer.body), "{path}");
            match whole.kind() {
                TileKind::Hashes(_) => assert_eq!(answer.body.len(), usize::from(width) * 32),
                TileKind::Entries => {
                    tile::split_entries(&answer.body, width).expect("so many entries");
                }
            }
            assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable", "{path}");
        }
    }
}

fn beyond_is_not_there(http: &Http, size: TreeSize) {
    let leaves = TileKind::Hashes(TileLevel::LEAVES);
    for kind in [leaves, TileKind::Entries] {
        let last = tile::tiles_of(size, kind).last().expect("the log is not empty");
        let wider = TilePath::new(kind, last.index(), last.width() + 1).expect("a wider tile");
        let next = TilePath::new(kind, last.index() + 1, 1).expect("the next tile");
        for path in [wider, next, last.full()] {
            let answer = http.get(&format!("/{path}")).expect_status(404);
            assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        }
    }
    for path in ["/tile/0/0", "/tile/0/x000/000", "/tile/64/000", "/tile/0/000.p/0", "/tile/0/000.p/256"] {
        let answer = http.get(path).expect_status(400);
        assert_eq!(answer.json()["type"], "urn:treering:problem:tile_path", "{path}");
    }
}
