//! What the store says of itself, and what waits for its tick.

use super::{Case, be, key};
use crate::sample::commitments;

/// The submission that waits with its commitments.
const WAITS: u64 = 261;

pub(super) const CASES: &[Case] = &[
    (
        "the store doesn't say its format",
        |rows, _| rows.delete("meta", b"format"),
        &[("store", "it does not open: the store is damaged: there are records, but no format")],
    ),
    (
        "the head is short",
        |rows, _| rows.change("meta", b"head", |head| head.truncate(55)),
        &[("store", "the store is damaged: the head is not 56 bytes of a size, a root, a time and a number")],
    ),
    (
        "the head has another root",
        |rows, _| rows.flip("meta", b"head", 8),
        &[("head", "the entries have the root *, the head says *")],
    ),
    (
        "the head has another time",
        |rows, _| rows.flip("meta", b"head", 47),
        &[("head", "its time is not the last entry's")],
    ),
    (
        "the head is the one before",
        |rows, sample| {
            let before = sample.checkpoint(257).head;
            rows.change("meta", b"head", |head| {
                head[..40].copy_from_slice(&key(&[&be(257), before.root.as_bytes()]));
            });
        },
        &[
            ("record", "the store ends at size 257, but this log may have signed size 258*"),
            ("tile/entries/001.p/1", "the entry bundle holds 2 entries where 1 are needed"),
            ("head", "the entries have the root *, the head says *"),
            ("head", "its time is not the last entry's"),
            ("batch 257", "stands behind the last entry"),
            ("tiles", "5 are stored where the tree has 4"),
            ("checkpoint 258", "is signed, but the log does not have that many entries"),
            ("receipt of leaf *", "names entry 257, which does not exist"),
            ("receipts", "260 rows where the batches have 259 submissions"),
        ],
    ),
    (
        "the head is of a tree that is larger than the log",
        |rows, _| rows.change("meta", b"head", |head| head[..8].copy_from_slice(&be(259))),
        &[
            ("tile/entries/001.p/3", "the entry bundle holds 2 entries where 3 are needed"),
            ("head", "the entries have the root *, the head says *"),
            ("head", "its time is not the last entry's"),
            ("tiles", "5 are stored where the tree has 4"),
            ("checkpoint 258", "is signed, but the log does not have that many entries"),
            ("receipts", "261 rows where the batches have 259 submissions"),
        ],
    ),
    (
        "batches are dropped beyond the last entry",
        |rows, _| rows.put("meta", b"retained_from", be(259)),
        &[
            ("meta", "batches or commitments are said to be deleted beyond the last entry"),
            ("grants of entry 1", "that entry has no batch"),
        ],
    ),
    (
        "commitments are deleted beyond the last entry",
        |rows, _| rows.put("meta", b"window_closed", be(259)),
        &[("meta", "batches or commitments are said to be deleted beyond the last entry")],
    ),
    (
        "the number of an entry is none",
        |rows, _| rows.put("meta", b"retained_from", [0; 7]),
        &[("store", "the store is damaged: the number \"retained_from\"")],
    ),
    (
        "the log ended, and something waits",
        |rows, _| rows.put("meta", b"frozen", be(258)),
        &[("meta", "the log ended at size 258, but something was added to it")],
    ),
    (
        "the log ended, and has another entry",
        |rows, _| rows.put("meta", b"frozen", be(257)),
        &[("meta", "the log ended at size 257, but something was added to it")],
    ),
    (
        "the size at which the log ended is none",
        |rows, _| rows.put("meta", b"frozen", b"258"),
        &[("store", "the store is damaged: the size at which the log was frozen")],
    ),
    (
        "commitments that wait are others",
        |rows, _| rows.flip("intake", key(&[&be(WAITS), &[1]]), 40),
        &[("intake record 261", "its commitments have another root")],
    ),
    (
        "of commitments that wait one is gone",
        |rows, _| rows.put("intake", key(&[&be(WAITS), &[1]]), commitments(WAITS)[0]),
        &[("store", "the store is damaged: intake record 261")],
    ),
    (
        "a group that waits has another shape",
        |rows, _| rows.put("intake", be(WAITS), [0; 33]),
        &[("store", "the store is damaged: intake record 0000000000000105")],
    ),
    (
        "a group of timestamps that waits has another shape",
        |rows, _| rows.put("grants", key(&[b"p", &be(1)]), [0; 47]),
        &[("store", "the store is damaged: the grants' record 700000000000000001")],
    ),
];
