//! What is published of the log's own tree, as anybody may read it: checkpoints, tiles, entry bundles, batches.

use super::{Log, ReadError};
use crate::{batch, entries, receipts, store::StoreError};
use bytes::Bytes;
use std::sync::atomic::Ordering;
use treering_tlog::{tile::TilePath, tree::TreeSize};

/// So many tiles of a batch are read at once: 64 KiB.
const PIECE_TILES: usize = 8;

impl Log {
    /// How many submissions a batch has: `None` beyond the published size, `Some(None)` after the retention.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn batch(&self, entry: u64) -> Result<Option<Option<TreeSize>>, ReadError> {
        let published = self.published_size();
        if entry >= published.get() {
            return Ok(None);
        }
        if entry < self.core.retained_from.load(Ordering::SeqCst) {
            return Ok(Some(None));
        }
        self.read(move |core| {
            let entry = entries::read(core.store.as_ref(), entry, published);
            entry.map_err(|error| receipts::unreadable(core, &error.into()))
        })
        .await
        .map(|entry| Some(TreeSize::new(entry.submissions())))
    }

    /// Some leaf hashes of a published batch of this size, 32 bytes each: 2,048 a piece, the
    /// pieces numbered from 0. Empty beyond the last.
    ///
    /// # Errors
    /// The store could not be read, or the batch is being dropped.
    pub async fn batch_piece(&self, entry: u64, size: TreeSize, piece: usize) -> Result<Bytes, ReadError> {
        self.read(move |core| {
            if core.damage.withholds_batch(entry) {
                return Err(receipts::unreadable(
                    core,
                    &StoreError::Damaged { what: format!("batch {entry}") }.into(),
                ));
            }
            let tiles = (piece.saturating_mul(PIECE_TILES), PIECE_TILES);
            let leaves = batch::leaf_hashes(core.store.as_ref(), entry, size, tiles);
            leaves.map(Bytes::from).map_err(|error| receipts::unreadable(core, &error.into()))
        })
        .await
    }

    /// The newest published checkpoint (with refreshed cosignatures), exactly as served at `/checkpoint`.
    pub fn checkpoint(&self) -> Option<Bytes> {
        self.core.published.borrow().as_ref().map(|published| published.note.clone())
    }

    /// A published checkpoint of the past, with all cosignatures that are kept.
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn checkpoint_at(&self, size: u64) -> Result<Option<Bytes>, ReadError> {
        let Some(size) = TreeSize::new(size).filter(|size| *size <= self.published_size()) else {
            return Ok(None);
        };
        self.read(move |core| {
            let note = match core.store.is_published(size) {
                Ok(true) => core.store.checkpoint(size),
                Ok(false) => Ok(None),
                Err(error) => Err(error),
            };
            note.map(|note| note.map(|note| Bytes::from(note.to_string())))
                .map_err(|error| receipts::unreadable(core, &error.into()))
        })
        .await
    }

    /// A tile or entry bundle; `None` beyond the published size (INVARIANT 5).
    ///
    /// # Errors
    /// The store could not be read.
    pub async fn tile(&self, path: TilePath) -> Result<Option<Bytes>, ReadError> {
        if !path.within(self.published_size()) {
            return Ok(None);
        }
        self.read(move |core| {
            // The scrub found wrong bytes in it.
            if core.damage.withholds_tile(path.kind(), path.index()) {
                return Err(receipts::unreadable(
                    core,
                    &StoreError::Damaged { what: path.to_string() }.into(),
                ));
            }
            core.store.tile(path).map_err(|error| receipts::unreadable(core, &error.into()))
        })
        .await
    }
}
