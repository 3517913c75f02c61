//! Reading single entries back out of their bundles.

use crate::store::{Store, StoreError};
use bytes::Bytes;
use treering_tlog::{
    tile::{self, TILE_WIDTH, TileKind, TilePath},
    tree::{LeafIndex, TreeSize},
};
use treering_token::entry::Entry;

/// The entry at this index of a tree of this size. Blocking.
///
/// # Errors
/// There is no such entry, or the store is damaged.
pub(crate) fn read(store: &dyn Store, index: u64, size: TreeSize) -> Result<Entry, StoreError> {
    let damaged = |what: String| StoreError::Damaged { what };
    let leaf = size.leaf(index).ok_or_else(|| damaged(format!("entry {index} is beyond size {size}")))?;
    Entry::decode(&bytes(store, leaf, size)?).map_err(|error| damaged(format!("entry {index}: {error}")))
}

/// One entry's bytes. Blocking.
///
/// # Errors
/// The store is damaged.
pub(crate) fn bytes(store: &dyn Store, index: LeafIndex, size: TreeSize) -> Result<Vec<u8>, StoreError> {
    let width = u64::from(TILE_WIDTH);
    let place = usize::try_from(index.get() % width).expect("below 256");
    let (bytes, count) = bundle(store, index.get() / width, size)?;
    // Below the tree's size there are so many: `split_entries` gives exactly `count`.
    Ok(tile::split_entries(&bytes, count)?[place].to_vec())
}

/// A bundle with as many entries as a tree of this size has in it, and how many these are. Blocking.
///
/// # Errors
/// There is no such bundle, or the store is damaged.
pub(crate) fn bundle(store: &dyn Store, bundle: u64, size: TreeSize) -> Result<(Bytes, u16), StoreError> {
    let width = u64::from(TILE_WIDTH);
    let count = size.get().saturating_sub(bundle.saturating_mul(width)).min(width);
    let count = u16::try_from(count).expect("at most 256");
    let path = TilePath::new(TileKind::Entries, bundle, count);
    let missing = || StoreError::Damaged { what: format!("entry bundle {bundle} is missing") };
    let bytes = path.map(|path| store.tile(path)).transpose()?.flatten().ok_or_else(missing)?;
    Ok((bytes, count))
}
