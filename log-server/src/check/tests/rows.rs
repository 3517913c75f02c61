//! Receipts' rows, commitments for single tokens, and timestamps.

use super::{Case, be, grant_row, grant_tile, key, only, receipt};
use crate::sample::{commitments, root};

pub(super) const CASES: &[Case] = &[
    (
        "a receipt's row is missing",
        |rows, _| rows.delete("receipts", receipt(only(40), 40)),
        &[("receipts", "260 rows where the batches have 261 submissions")],
    ),
    (
        "a receipt's row says another position",
        |rows, _| rows.put("receipts", receipt(0, 0), be(1)),
        &[
            ("receipts", "261 rows where the batches have 261 submissions"),
            ("receipt of leaf *", "batch 0 does not have it at 1"),
        ],
    ),
    (
        "a receipt's row says another entry",
        |rows, _| {
            rows.delete("receipts", receipt(only(40), 40));
            rows.put("receipts", receipt(only(40), 41), be(0));
        },
        &[
            ("receipts", "261 rows where the batches have 261 submissions"),
            ("receipt of leaf *", "batch 41 does not have it at 0"),
        ],
    ),
    (
        "two receipts' rows say each other's position",
        |rows, _| {
            rows.put("receipts", receipt(0, 0), be(1));
            rows.put("receipts", receipt(1, 0), be(0));
        },
        &[
            ("receipts", "261 rows where the batches have 261 submissions"),
            ("receipt of leaf *", "batch 0 does not have it at 1"),
            ("receipt of leaf *", "batch 0 does not have it at 0"),
        ],
    ),
    (
        "a receipt's row is of what no batch has",
        |rows, _| rows.put("receipts", receipt(999, 40), be(0)),
        &[
            ("receipts", "262 rows where the batches have 261 submissions"),
            ("receipt of leaf *", "batch 40 does not have it at 0"),
        ],
    ),
    (
        "a receipt's row says an entry that isn't there",
        |rows, _| rows.put("receipts", receipt(only(40), 258), be(0)),
        &[("receipt of leaf *", "names entry 258, which does not exist")],
    ),
    (
        "a receipt's row says no position",
        |rows, _| rows.put("receipts", receipt(only(40), 40), [0; 7]),
        &[("store", "the store is damaged: the receipt's row *")],
    ),
    (
        "a receipt's row has no entry",
        |rows, _| rows.put("receipts", [7; 33], be(0)),
        &[("store", "the store is damaged: the receipt's row *")],
    ),
    (
        "commitments are others",
        |rows, _| rows.flip("small", key(&[&be(0), root(1).as_bytes()]), 0),
        &[("commitments of * in entry 0", "don't have that submission root")],
    ),
    (
        "commitments have a byte more",
        |rows, _| rows.change("small", key(&[&be(0), root(1).as_bytes()]), |bytes| bytes.push(0)),
        &[("commitments of * in entry 0", "don't have that submission root")],
    ),
    (
        "commitments stand under another entry",
        |rows, _| rows.put("small", key(&[&be(40), root(1).as_bytes()]), commitments(1).concat()),
        &[("commitments of * in entry 40", "that entry does not have this submission")],
    ),
    (
        "commitments are of what was never submitted",
        |rows, _| rows.put("small", key(&[&be(40), root(999).as_bytes()]), commitments(999).concat()),
        &[("commitments of * in entry 40", "that entry does not have this submission")],
    ),
    (
        "commitments stand under an entry that isn't there",
        |rows, _| rows.put("small", key(&[&be(258), root(1).as_bytes()]), commitments(1).concat()),
        &[("commitments of * in entry 258", "that entry does not have this submission")],
    ),
    (
        "commitments' row has no root",
        |rows, _| rows.put("small", be(0), ""),
        &[("store", "the store is damaged: the commitments' row 0000000000000000")],
    ),
    (
        "a timestamp's row is missing",
        |rows, _| rows.delete("grants", grant_row(0)),
        &[("timestamp tokens", "1 rows where the entries have 2")],
    ),
    (
        "a timestamp's row says another index",
        |rows, _| rows.flip("grants", grant_row(0), 15),
        &[("timestamp token *", "entry 1 does not have it at 1")],
    ),
    (
        "a timestamp's row says another entry",
        |rows, _| rows.change("grants", grant_row(0), |row| row[7] = 2),
        &[
            ("timestamp token *", "says that entry 2 has 2 of them, which it has not"),
            ("timestamp token *", "entry 2 does not have it at 0"),
        ],
    ),
    (
        "a timestamp's row says another number of them",
        |rows, _| rows.change("grants", grant_row(0), |row| row[23] = 3),
        &[("timestamp token *", "says that entry 1 has 3 of them, which it has not")],
    ),
    (
        "a timestamp's row says another commitment",
        |rows, _| rows.flip("grants", grant_row(1), 30),
        &[("timestamp token *", "entry 1 does not have it at 1")],
    ),
    (
        "a timestamp's row has another shape",
        |rows, _| rows.change("grants", grant_row(1), |row| row.truncate(55)),
        &[("store", "the store is damaged: the grant's row 73*")],
    ),
    (
        "a timestamp's hash is another",
        |rows, _| rows.flip("grants", grant_tile(1, 0, 0), 40),
        &[
            ("grants of entry 1", "the entry does not have this submission"),
            ("timestamp token *", "entry 1 does not have it at 1"),
        ],
    ),
    (
        "timestamps' hashes are gone",
        |rows, _| rows.delete("grants", grant_tile(1, 0, 0)),
        &[
            ("timestamp token *", "says that entry 1 has 2 of them, which it has not"),
            ("timestamp token *", "entry 1 does not have it at 0"),
            ("timestamp token *", "says that entry 1 has 2 of them, which it has not"),
            ("timestamp token *", "entry 1 does not have it at 1"),
            ("timestamp tokens", "2 rows where the entries have 0"),
        ],
    ),
    (
        "timestamps have a tile of a level that they have not",
        |rows, _| rows.put("grants", grant_tile(1, 1, 0), [7; 32]),
        &[("grants of entry 1", "the tiles are not those of the leaf hashes")],
    ),
    (
        "timestamps stand under an entry that isn't there",
        |rows, _| rows.put("grants", grant_tile(258, 0, 0), [7; 32]),
        &[("grants of entry 258", "that entry has no batch")],
    ),
    (
        "timestamps stand under another entry",
        |rows, _| rows.put("grants", grant_tile(40, 0, 0), [7; 32]),
        &[
            ("grants of entry 40", "the entry does not have this submission"),
            ("timestamp tokens", "2 rows where the entries have 3"),
        ],
    ),
    (
        "a timestamps' tile has no place",
        |rows, _| rows.put("grants", key(&[b"t", &be(1), &[0]]), [7; 32]),
        &[("store", "the store is damaged: the grants' row 74000000000000000100")],
    ),
];
