//! Batches, held against their entries.

use super::{Case, batch_tile, be, key};

pub(super) const CASES: &[Case] = &[
    (
        "a batch is missing",
        |rows, _| rows.delete("batches", batch_tile(40, 0, 0)),
        &[
            ("batch 40", "missing"),
            ("receipts", "261 rows where the batches have 260 submissions"),
            ("receipt of leaf *", "batch 40 does not have it at 0"),
        ],
    ),
    (
        "a batch has another hash",
        |rows, _| rows.flip("batches", batch_tile(40, 0, 0), 31),
        &[
            ("batch 40", "does not have the root that its entry names"),
            ("receipts", "261 rows where the batches have 261 submissions"),
            ("receipt of leaf *", "batch 40 does not have it at 0"),
        ],
    ),
    (
        "a batch has a hash more",
        |rows, _| rows.change("batches", batch_tile(40, 0, 0), |bytes| bytes.extend([7; 32])),
        &[
            ("batch 40", "holds 2 hashes where its entry says 1"),
            ("batch 40", "does not have the root that its entry names"),
            ("receipts", "261 rows where the batches have 262 submissions"),
        ],
    ),
    (
        "a batch has a byte more",
        |rows, _| rows.change("batches", batch_tile(40, 0, 0), |bytes| bytes.push(0)),
        &[
            ("batch 40", "holds 1 hashes where its entry says 1"),
            ("batch 40", "its tiles are not those of its leaf hashes"),
        ],
    ),
    (
        "of a batch the last hash is gone",
        |rows, _| rows.change("batches", batch_tile(0, 0, 0), |bytes| bytes.truncate(64)),
        &[
            ("batch 0", "holds 2 hashes where its entry says 3"),
            ("batch 0", "does not have the root that its entry names"),
            ("receipts", "261 rows where the batches have 260 submissions"),
            ("receipt of leaf *", "batch 0 does not have it at 2"),
        ],
    ),
    (
        "a batch has its hashes in another order",
        |rows, _| rows.change("batches", batch_tile(0, 0, 0), |bytes| bytes.rotate_left(32)),
        &[
            ("batch 0", "does not have the root that its entry names"),
            ("receipts", "261 rows where the batches have 261 submissions"),
            ("receipt of leaf *", "batch 0 does not have it at 0"),
            ("receipt of leaf *", "batch 0 does not have it at 1"),
            ("receipt of leaf *", "batch 0 does not have it at 2"),
        ],
    ),
    (
        "a batch has a tile of a level that it has not",
        |rows, _| rows.put("batches", batch_tile(40, 1, 0), [7; 32]),
        &[("batch 40", "its tiles are not those of its leaf hashes")],
    ),
    (
        "a batch's tile stands at another index",
        |rows, _| {
            let tile = rows.get("batches", &batch_tile(40, 0, 0));
            rows.delete("batches", batch_tile(40, 0, 0));
            rows.put("batches", batch_tile(40, 0, 1), tile);
        },
        &[("batch 40", "its tiles are not those of its leaf hashes")],
    ),
    (
        "a batch's row has no place in a tree",
        |rows, _| rows.put("batches", key(&[&be(40), &[0]]), [7; 32]),
        &[
            ("batch 40", "the store is damaged: the batch's row 000000000000002800"),
            ("receipts", "261 rows where the batches have 260 submissions"),
        ],
    ),
    (
        "a batch stands under an entry that isn't there",
        |rows, _| rows.put("batches", batch_tile(300, 0, 0), [7; 32]),
        &[("batch 300", "stands behind the last entry")],
    ),
];
