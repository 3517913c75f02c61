//! Timestamp tokens' rows, held against the trees of grants, and these against their entries' batches.
//!
//! Rows come in the order of their serial numbers, entries in the order of time, and neither fits into memory: each row
//! is looked up in its tree, and the counts must agree.

use super::{Report, leaf, leaf_bytes};
use crate::store::{Loaded, RocksStore, Store, StoreError, TileValue};
use treering_tlog::{
    hash::{self, Hash},
    tree::MemoryTree,
};

pub(super) fn check(store: &RocksStore, loaded: &Loaded, report: &mut Report) -> Result<(), StoreError> {
    let mut leaves = 0;
    let mut entries = store.entries_with_grants();
    while let Some((entry, tiles)) = entries.next().transpose()? {
        let kept = entry >= loaded.retained_from && entry < loaded.head.size.get();
        if !kept {
            report.find(format!("grants of entry {entry}"), "that entry has no batch");
            continue;
        }
        leaves += tree(store, entry, &tiles, report)?;
    }
    let mut rows = 0;
    for row in store.grant_rows() {
        let (serial, place) = row?;
        if place.entry < loaded.retained_from {
            continue;
        }
        rows += 1;
        // A proof is made from the row's size: with another one its path would lead nowhere.
        if store.grant_leaves(place.entry)? != place.size.get() {
            let (entry, size) = (place.entry, place.size);
            report.find(
                format!("timestamp token {}", hex::encode(serial)),
                format!("says that entry {entry} has {size} of them, which it has not"),
            );
        }
        if leaf(place.index, |path| store.grant_tile(place.entry, path))?
            != Some(hash::leaf_hash(&place.commitment))
        {
            let entry = place.entry;
            report.find(
                format!("timestamp token {}", hex::encode(serial)),
                format!("entry {entry} does not have it at {}", place.index),
            );
        }
    }
    report.grants = leaves;
    if rows != leaves {
        report.find("timestamp tokens", format!("{rows} rows where the entries have {leaves}"));
    }
    Ok(())
}

/// An entry's tree of grants: its tiles must be those of its leaves, and its root a submission of the entry.
fn tree(store: &RocksStore, entry: u64, tiles: &[TileValue], report: &mut Report) -> Result<u64, StoreError> {
    let place = format!("grants of entry {entry}");
    let tree =
        MemoryTree::new(leaf_bytes(tiles).chunks_exact(Hash::LEN).filter_map(Hash::from_slice).collect());
    if crate::batch::hash_tiles(&tree) != tiles {
        report.find(&place, "the tiles are not those of the leaf hashes");
    }
    if store.position(&tree.root(), entry)?.map(|at| at.entry) != Some(entry) {
        report.find(&place, "the entry does not have this submission");
    }
    Ok(tree.len())
}
