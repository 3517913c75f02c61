//! Reading single entries back out of their bundles.

use crate::store::{Store, StoreError};
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
    let bundle = index.get() / width;
    let count = (size.get() - bundle * width).min(width);
    let count = u16::try_from(count).expect("at most 256");
    let path = TilePath::new(TileKind::Entries, bundle, count);
    let missing = || StoreError::Damaged { what: format!("entry bundle {bundle} is missing") };
    let bytes = path.map(|path| store.tile(path)).transpose()?.flatten().ok_or_else(missing)?;
    let entries = tile::split_entries(&bytes, count)?;
    let place = usize::try_from(index.get() % width).expect("below 256");
    Ok(entries.get(place).ok_or_else(missing)?.to_vec())
}
