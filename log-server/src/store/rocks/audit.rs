//! Reading everything there is: what `treering-log check` goes through. Rows come in the order of their keys.

use super::{RocksStore, keys};
use crate::store::{Position, StoreError, TileValue};
use rocksdb::{Direction, IteratorMode, ReadOptions};
use treering_tlog::{
    hash::Hash,
    tile::{TileKind, TileLevel},
    tree::TreeSize,
};

/// The commitments that are kept for one submission's single tokens.
#[derive(Debug)]
pub(crate) struct SmallRow {
    pub(crate) entry: u64,
    pub(crate) root: Hash,
    pub(crate) commitments: Box<[u8]>,
}

impl RocksStore {
    /// All that is stored of a tile.
    pub(crate) fn stored_tile(&self, kind: TileKind, index: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let read =
            self.engine.known()?.get_cf_opt(self.family(keys::TILES), keys::tile(kind, index), &uncached());
        read.map_err(|source| StoreError::Engine { step: "reading a tile", source })
    }

    /// The position that a leaf's row says for an entry.
    pub(crate) fn receipt_row(&self, leaf: &Hash, entry: u64) -> Result<Option<u64>, StoreError> {
        let row = self.engine.known()?.get_cf_opt(
            self.family(keys::RECEIPTS),
            keys::receipt(leaf, entry),
            &uncached(),
        );
        let row = row.map_err(|source| StoreError::Engine { step: "reading a receipt", source })?;
        Ok(row.and_then(|row| keys::number(&row)))
    }

    /// Entries below this one have their batches dropped.
    pub(crate) fn retained_from(&self) -> Result<u64, StoreError> {
        self.meta_number(keys::META_RETAINED_FROM)
    }

    /// All that is stored of a batch: the tiles of its tree, in order of level and index.
    pub(crate) fn batch_rows(&self, entry: u64) -> Result<Vec<TileValue>, StoreError> {
        let from = entry.to_be_bytes();
        let mode = IteratorMode::From(&from, Direction::Forward);
        let mut rows = Vec::new();
        for row in self.engine.known()?.iterator_cf_opt(self.family(keys::BATCHES), uncached(), mode) {
            let (key, bytes) =
                row.map_err(|source| StoreError::Engine { step: "reading a batch", source })?;
            if !key.starts_with(&from) {
                break;
            }
            let level = key.get(8).copied().and_then(TileLevel::new);
            let place = level.zip(key.get(9..).and_then(keys::number));
            let (level, index) = place.ok_or_else(|| StoreError::Damaged {
                what: format!("the batch's row {}", hex::encode(&key)),
            })?;
            rows.push(TileValue { kind: TileKind::Hashes(level), index, bytes: bytes.into_vec() });
        }
        Ok(rows)
    }

    /// The first entry at or after this one that has a batch's row.
    pub(crate) fn first_batch_from(&self, entry: u64) -> Result<Option<u64>, StoreError> {
        let from = entry.to_be_bytes();
        let mode = IteratorMode::From(&from, Direction::Forward);
        let row = self.engine.rows("reading a batch", keys::BATCHES, mode).next();
        let Some((key, _)) = row.transpose()? else { return Ok(None) };
        let damaged = || StoreError::Damaged { what: format!("the batch's row {}", hex::encode(&key)) };
        key.get(..8).and_then(keys::number).map(Some).ok_or_else(damaged)
    }

    /// How many tiles and bundles are stored.
    pub(crate) fn tile_count(&self) -> Result<u64, StoreError> {
        let mut count = 0;
        for row in self.engine.rows("reading the tiles", keys::TILES, IteratorMode::Start) {
            row?;
            count += 1;
        }
        Ok(count)
    }

    /// Every receipt's row: leaf hash and position.
    pub(crate) fn receipt_rows(&self) -> impl Iterator<Item = Result<(Hash, Position), StoreError>> {
        self.engine.rows("reading the receipts", keys::RECEIPTS, IteratorMode::Start).map(|row| {
            let (key, value) = row?;
            let damaged = || StoreError::Damaged { what: format!("the receipt's row {}", hex::encode(&key)) };
            let leaf = key.get(..32).and_then(Hash::from_slice).ok_or_else(damaged)?;
            let entry = key.get(32..).and_then(keys::number).ok_or_else(damaged)?;
            let position = keys::number(&value).ok_or_else(damaged)?;
            Ok((leaf, Position { entry, position }))
        })
    }

    /// Every row of commitments kept for single tokens.
    pub(crate) fn small_rows(&self) -> impl Iterator<Item = Result<SmallRow, StoreError>> {
        self.engine.rows("reading commitments", keys::SMALL, IteratorMode::Start).map(|row| {
            let (key, commitments) = row?;
            let damaged =
                || StoreError::Damaged { what: format!("the commitments' row {}", hex::encode(&key)) };
            let entry = key.get(..8).and_then(keys::number).ok_or_else(damaged)?;
            let root = key.get(8..).and_then(Hash::from_slice).ok_or_else(damaged)?;
            Ok(SmallRow { entry, root, commitments })
        })
    }

    /// The sizes of all signed checkpoints, smallest first.
    pub(crate) fn signed_sizes(&self) -> impl Iterator<Item = Result<TreeSize, StoreError>> {
        self.sizes(b's')
    }

    /// The sizes of all published checkpoints, smallest first.
    pub(crate) fn published_sizes(&self) -> impl Iterator<Item = Result<TreeSize, StoreError>> {
        self.sizes(b'p')
    }

    fn sizes(&self, kind: u8) -> impl Iterator<Item = Result<TreeSize, StoreError>> {
        let from = [kind];
        let mode = IteratorMode::From(&from, Direction::Forward);
        let rows = self.engine.rows("reading the checkpoints", keys::CHECKPOINTS, mode);
        rows.take_while(move |row| row.as_ref().map_or(true, |(key, _)| key.first() == Some(&kind))).map(
            |row| {
                let (key, _) = row?;
                keys::size_of(&key).ok_or_else(|| StoreError::Damaged {
                    what: format!("the checkpoint's key {}", hex::encode(&key)),
                })
            },
        )
    }
}

/// What is read once must not drive out what readers want; and what isn't in the cache is read from the disk each time.
fn uncached() -> ReadOptions {
    let mut options = ReadOptions::default();
    options.fill_cache(false);
    options
}
