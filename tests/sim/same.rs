//! Is the simulated store one? A whole run in which the log has both, the simulated one and the real one on RocksDB: they
//! must say the same at every call, and after every start.

use crate::store::SimStore;
use bytes::Bytes;
use std::{fmt::Debug, path::Path};
use treering_log::store::{
    Accepted, GrantGroup, GrantPlace, Late, Loaded, Position, RocksStore, Sequence, Store, StoreError, Tick,
};
use treering_tlog::{
    hash::Hash,
    note::{Note, Signature},
    tile::TilePath,
    tree::TreeSize,
};

/// Both stores.
#[derive(Debug)]
pub(crate) struct Both {
    simulated: SimStore,
    real: RocksStore,
}

impl Both {
    pub(crate) fn open(simulated: SimStore, path: &Path) -> Both {
        let real = RocksStore::open(path, &crate::world::origin(), 1 << 20).expect("the real store opens");
        Both { simulated, real }
    }

    fn ask<T: Debug>(
        &self,
        what: &str,
        ask: impl Fn(&dyn Store) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (simulated, real) = (ask(&self.simulated)?, ask(&self.real)?);
        assert_eq!(format!("{simulated:?}"), format!("{real:?}"), "the simulated store differs at {what}");
        Ok(simulated)
    }
}

impl Store for Both {
    fn load(&self) -> Result<Loaded, StoreError> {
        // How far the window is closed is said when the files are gone, too, which may take the real one some calls.
        let window_closed = self.real.load()?.window_closed;
        self.ask("load", |store| store.load().map(|loaded| Loaded { window_closed, ..loaded }))
    }
    fn accept(&self, first: Sequence, group: &[Accepted]) -> Result<(), StoreError> {
        self.ask("accept", |store| store.accept(first, group))
    }
    fn accept_grants(&self, group: &GrantGroup) -> Result<(), StoreError> {
        self.ask("accept_grants", |store| store.accept_grants(group))
    }
    fn seal(&self, tick: &Tick) -> Result<(), StoreError> {
        self.ask("seal", |store| store.seal(tick))?;
        self.load().map(drop)
    }
    fn keep_signed(&self, size: TreeSize, note: &Note) -> Result<(), StoreError> {
        self.ask("keep_signed", |store| store.keep_signed(size, note))
    }
    fn keep_small(&self, late: &[Late]) -> Result<(), StoreError> {
        self.ask("keep_small", |store| store.keep_small(late))
    }
    fn keep_cosignatures(&self, size: TreeSize, lines: &[Signature]) -> Result<(), StoreError> {
        self.ask("keep_cosignatures", |store| store.keep_cosignatures(size, lines))
    }
    fn publish(&self, size: TreeSize, lines: &[Signature]) -> Result<(), StoreError> {
        self.ask("publish", |store| store.publish(size, lines))
    }
    fn keep_refreshed(&self, note: &Note) -> Result<(), StoreError> {
        self.ask("keep_refreshed", |store| store.keep_refreshed(note))
    }
    fn close_window(&self, entry: u64) -> Result<bool, StoreError> {
        self.simulated.close_window(entry)?;
        self.real.close_window(entry)
    }
    fn drop_batches(&self, entry: u64) -> Result<(), StoreError> {
        self.ask("drop_batches", |store| store.drop_batches(entry))
    }
    fn freeze(&self, size: TreeSize) -> Result<(), StoreError> {
        self.ask("freeze", |store| store.freeze(size))
    }
    fn positions(&self, wanted: &[(Hash, u64)]) -> Result<Vec<Option<Position>>, StoreError> {
        self.ask("positions", |store| store.positions(wanted))
    }
    fn tile(&self, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.ask("tile", |store| store.tile(path))
    }
    fn batch_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.ask("batch_tile", |store| store.batch_tile(entry, path))
    }
    fn grant(&self, serial: &[u8; 16]) -> Result<Option<GrantPlace>, StoreError> {
        self.ask("grant", |store| store.grant(serial))
    }
    fn grant_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.ask("grant_tile", |store| store.grant_tile(entry, path))
    }
    fn small(&self, entry: u64, root: &Hash) -> Result<Option<Bytes>, StoreError> {
        self.ask("small", |store| store.small(entry, root))
    }
    fn checkpoint(&self, size: TreeSize) -> Result<Option<Note>, StoreError> {
        self.ask("checkpoint", |store| store.checkpoint(size))
    }
    fn is_published(&self, size: TreeSize) -> Result<bool, StoreError> {
        self.ask("is_published", |store| store.is_published(size))
    }
    fn first_published_over(&self, entry: u64) -> Result<Option<TreeSize>, StoreError> {
        self.ask("first_published_over", |store| store.first_published_over(entry))
    }
    fn free_bytes(&self) -> Result<u64, StoreError> {
        self.simulated.free_bytes()
    }
    fn health(&self) -> Result<(), StoreError> {
        self.real.health()
    }
    fn close(&self) {
        self.real.close();
    }
}
