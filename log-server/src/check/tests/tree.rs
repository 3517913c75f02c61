//! Entries, and the tiles over them.

use super::{Case, LAST, Rows, be, bundle, hash_tile, key};
use crate::sample::Sample;
use treering_tlog::{hash::Hash, tile, time::UnixMillis};
use treering_token::entry::Entry;

/// Puts another entry in the place of the last one.
fn put_last(rows: &Rows, sample: &Sample, last: &[u8]) {
    let mut entries = Vec::new();
    tile::append_entry(&mut entries, &sample.entry(LAST - 1).encode()).unwrap();
    tile::append_entry(&mut entries, last).unwrap();
    rows.put("tiles", bundle(1), entries);
}

pub(super) const CASES: &[Case] = &[
    (
        "a full bundle is missing",
        |rows, _| rows.delete("tiles", bundle(0)),
        &[
            ("tile/entries/000", "missing"),
            ("checkpoint 2", "has the root *, the entries have *"),
            ("tile/0/000.p/2", "its hashes are not those of the entries below it"),
            ("head", "the entries have the root *, the head says *"),
            ("tiles", "4 are stored where the tree has 3"),
            ("checkpoint 258", "is signed, but the log does not have that many entries"),
            ("receipts", "261 rows where the batches have 2 submissions"),
        ],
    ),
    (
        "the last bundle is missing",
        |rows, _| rows.delete("tiles", bundle(1)),
        &[
            ("tile/entries/001.p/2", "missing"),
            ("head", "the entries have the root *, the head says *"),
            ("head", "its time is not the last entry's"),
            ("checkpoint 258", "is signed, but the log does not have that many entries"),
            ("receipts", "261 rows where the batches have 259 submissions"),
        ],
    ),
    (
        "the last bundle is short",
        |rows, _| rows.change("tiles", bundle(1), |bytes| bytes.truncate(bytes.len() - 1)),
        &[
            ("tile/entries/001.p/2", "the entry bundle is cut off in entry 1"),
            ("head", "the entries have the root *, the head says *"),
            ("head", "its time is not the last entry's"),
            ("tiles", "5 are stored where the tree has 4"),
            ("checkpoint 258", "is signed, but the log does not have that many entries"),
            ("receipts", "261 rows where the batches have 259 submissions"),
        ],
    ),
    (
        "the last bundle has one entry more",
        |rows, sample| {
            rows.change("tiles", bundle(1), |bytes| {
                tile::append_entry(bytes, &sample.entry(LAST).encode()).unwrap();
            });
        },
        &[
            ("tile/entries/001.p/2", "the entry bundle holds 3 entries where 2 are needed"),
            ("head", "the entries have the root *, the head says *"),
            ("head", "its time is not the last entry's"),
            ("tiles", "5 are stored where the tree has 4"),
            ("checkpoint 258", "is signed, but the log does not have that many entries"),
            ("receipts", "261 rows where the batches have 259 submissions"),
        ],
    ),
    (
        "an entry is none",
        |rows, sample| {
            let mut entry = sample.entry(LAST).encode();
            entry[1] = 2;
            put_last(rows, sample, &entry);
        },
        &[
            ("entry 257", "the entry has format version 2; version 1 is the one known here"),
            ("checkpoint 258", "has the root *, the entries have *"),
            ("tile/0/001.p/2", "its hashes are not those of the entries below it"),
            ("head", "the entries have the root *, the head says *"),
            ("head", "its time is not the last entry's"),
            ("receipts", "261 rows where the batches have 260 submissions"),
        ],
    ),
    (
        "an entry names another batch",
        |rows, sample| {
            let entry = sample.entry(LAST);
            let other = Entry::new(entry.sealed_at(), Hash::new([7; 32]), 1).unwrap();
            put_last(rows, sample, &other.encode());
        },
        &[
            ("batch 257", "does not have the root that its entry names"),
            ("checkpoint 258", "has the root *, the entries have *"),
            ("tile/0/001.p/2", "its hashes are not those of the entries below it"),
            ("head", "the entries have the root *, the head says *"),
        ],
    ),
    (
        "an entry has the time of the one before it",
        |rows, sample| {
            let (entry, before) = (sample.entry(LAST), sample.entry(LAST - 1));
            let other = Entry::new(before.sealed_at(), entry.batch_root(), 1).unwrap();
            put_last(rows, sample, &other.encode());
        },
        &[
            ("entry 257", "sealed_at is not after the entry before it"),
            ("checkpoint 258", "has the root *, the entries have *"),
            ("tile/0/001.p/2", "its hashes are not those of the entries below it"),
            ("head", "the entries have the root *, the head says *"),
            ("head", "its time is not the last entry's"),
        ],
    ),
    (
        "an entry has another time",
        |rows, sample| {
            let entry = sample.entry(LAST);
            let time = UnixMillis::new(entry.sealed_at().get() + 1).unwrap();
            put_last(rows, sample, &Entry::new(time, entry.batch_root(), 1).unwrap().encode());
        },
        &[
            ("checkpoint 258", "has the root *, the entries have *"),
            ("tile/0/001.p/2", "its hashes are not those of the entries below it"),
            ("head", "the entries have the root *, the head says *"),
            ("head", "its time is not the last entry's"),
        ],
    ),
    (
        "a full tile has another hash",
        |rows, _| rows.flip("tiles", hash_tile(0, 0), 100),
        &[("tile/0/000", "its hashes are not those of the entries below it")],
    ),
    (
        "a tile that grows has another hash",
        |rows, _| rows.flip("tiles", hash_tile(0, 1), 63),
        &[("tile/0/001.p/2", "its hashes are not those of the entries below it")],
    ),
    (
        "a tile has a hash more",
        |rows, _| rows.change("tiles", hash_tile(0, 1), |bytes| bytes.extend([7; 32])),
        &[("tile/0/001.p/2", "its hashes are not those of the entries below it")],
    ),
    (
        "a tile of the level above has another hash",
        |rows, _| rows.flip("tiles", hash_tile(1, 0), 0),
        &[("tile/1/000.p/1", "its hashes are not those of the entries below it")],
    ),
    (
        "a tile is missing",
        |rows, _| rows.delete("tiles", hash_tile(0, 0)),
        &[("tile/0/000", "missing"), ("tiles", "4 are stored where the tree has 5")],
    ),
    (
        "there is a tile more",
        |rows, _| rows.put("tiles", key(&[&[2], &be(0)]), [7; 32]),
        &[("tiles", "6 are stored where the tree has 5")],
    ),
];
