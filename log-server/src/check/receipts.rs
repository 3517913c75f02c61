//! Receipts' rows and the commitments kept for single tokens, held against the batches.

use super::{Report, leaf};
use crate::store::{Loaded, Position, RocksStore, Store, StoreError};
use treering_tlog::{
    hash::{self, Hash},
    tree,
};

/// A sum over rows that does not depend on their order: batches come by entry, receipts by root, and neither fits into
/// memory. Each row is hashed, so that two damages don't cancel each other out by chance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    count: u64,
    sum: [u8; 32],
}

impl Rows {
    /// Adds the rows that a batch's receipts must have.
    pub(super) fn batch(&mut self, entry: u64, leaves: &[Hash]) {
        for (position, leaf) in (0_u64..).zip(leaves) {
            self.add(Position { entry, position }, leaf);
        }
    }

    fn add(&mut self, at: Position, leaf: &Hash) {
        let row = [&at.entry.to_be_bytes()[..], &at.position.to_be_bytes(), leaf.as_bytes()].concat();
        self.count += 1;
        for (sum, byte) in self.sum.iter_mut().zip(hash::sha256(&row).as_bytes()) {
            *sum ^= byte;
        }
    }
}

pub(super) fn check(
    store: &RocksStore,
    loaded: &Loaded,
    wanted: Rows,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut found = Rows::default();
    for row in store.receipt_rows() {
        let (leaf, at) = row?;
        if at.entry >= loaded.head.size.get() {
            report.find(
                format!("receipt of leaf {leaf}"),
                format!("names entry {}, which does not exist", at.entry),
            );
        } else if at.entry >= loaded.retained_from {
            found.add(at, &leaf);
        }
    }
    if found != wanted {
        report.find(
            "receipts",
            format!("{} rows where the batches have {} submissions", found.count, wanted.count),
        );
        locate(store, loaded, report)?;
    }
    small(store, loaded, report)
}

/// The slow look at each row, for when something is known to be broken.
fn locate(store: &RocksStore, loaded: &Loaded, report: &mut Report) -> Result<(), StoreError> {
    for row in store.receipt_rows() {
        let (wanted, at) = row?;
        if at.entry < loaded.retained_from || at.entry >= loaded.head.size.get() {
            continue;
        }
        if leaf(at.position, |path| store.batch_tile(at.entry, path))? != Some(wanted) {
            report.find(
                format!("receipt of leaf {wanted}"),
                format!("batch {} does not have it at {}", at.entry, at.position),
            );
        }
    }
    Ok(())
}

fn small(store: &RocksStore, loaded: &Loaded, report: &mut Report) -> Result<(), StoreError> {
    for row in store.small_rows() {
        let row = row?;
        let place = format!("commitments of {} in entry {}", row.root, row.entry);
        let leaves: Vec<Hash> = row.commitments.chunks_exact(Hash::LEN).map(hash::leaf_hash).collect();
        if tree::root(&leaves) != row.root || !row.commitments.len().is_multiple_of(Hash::LEN) {
            report.find(&place, "don't have that submission root");
        }
        let at = store.position(&row.root, row.entry)?;
        if row.entry >= loaded.head.size.get() || at.map(|at| at.entry) != Some(row.entry) {
            report.find(&place, "that entry does not have this submission");
        }
    }
    Ok(())
}
