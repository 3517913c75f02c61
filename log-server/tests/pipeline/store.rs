//! A store that fails or waits where a test wants it to.

use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::watch;
use treering_log::{
    log::Settings,
    store::{
        Accepted, GrantGroup, GrantPlace, Late, Loaded, Position, RocksStore, Sequence, Store, StoreError,
        Tick,
    },
};
use treering_tlog::{
    hash::Hash,
    note::{Note, Signature},
    tile::TilePath,
    tree::TreeSize,
};

/// The steps of a store that write.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Accept,
    AcceptGrants,
    Seal,
    KeepSigned,
    KeepCosignatures,
    Publish,
    KeepRefreshed,
    CloseWindow,
    DropBatches,
}

/// A real store whose n-th write of a kind fails, before or after it was done; and which can hold up one kind.
#[derive(Debug)]
pub(crate) struct FailingStore {
    inner: RocksStore,
    fails: Option<(Step, usize, bool)>,
    counts: Mutex<HashMap<Step, usize>>,
    poisoned: AtomicBool,
    pub(crate) held: watch::Sender<Option<Step>>,
    pub(crate) waiting: AtomicUsize,
    /// How many tiles were read.
    pub(crate) reads: AtomicUsize,
}

impl FailingStore {
    pub(crate) fn new(settings: &Settings, fails: Option<(Step, usize, bool)>) -> FailingStore {
        FailingStore {
            inner: RocksStore::open(&settings.store, &settings.origin, settings.cache_bytes).unwrap(),
            fails,
            counts: Mutex::default(),
            poisoned: AtomicBool::new(false),
            held: watch::Sender::new(None),
            waiting: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
        }
    }

    /// How many writes of a kind there were.
    pub(crate) fn count(&self, step: Step) -> usize {
        self.counts.lock().unwrap().get(&step).copied().unwrap_or(0)
    }

    /// A write of the kind that is held up has come.
    pub(crate) async fn reached(&self) {
        while self.waiting.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    }

    fn step<T>(&self, step: Step, write: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        if *self.held.borrow() == Some(step) {
            self.waiting.fetch_add(1, Ordering::SeqCst);
            while *self.held.borrow() == Some(step) {
                std::thread::yield_now();
            }
        }
        if self.poisoned.load(Ordering::SeqCst) {
            return Err(StoreError::Poisoned);
        }
        let count = {
            let mut counts = self.counts.lock().unwrap();
            let count = counts.entry(step).or_default();
            *count += 1;
            *count
        };
        match self.fails {
            Some((at, nth, done)) if at == step && nth == count => {
                self.poisoned.store(true, Ordering::SeqCst);
                if done {
                    write()?;
                }
                Err(StoreError::File { step: "a test", source: std::io::Error::other("injected") })
            }
            _ => write(),
        }
    }
}

impl Store for FailingStore {
    fn load(&self) -> Result<Loaded, StoreError> {
        self.inner.load()
    }
    fn accept(&self, first: Sequence, group: &[Accepted]) -> Result<(), StoreError> {
        self.step(Step::Accept, || self.inner.accept(first, group))
    }
    fn accept_grants(&self, group: &GrantGroup) -> Result<(), StoreError> {
        self.step(Step::AcceptGrants, || self.inner.accept_grants(group))
    }
    fn seal(&self, tick: &Tick) -> Result<(), StoreError> {
        self.step(Step::Seal, || self.inner.seal(tick))
    }
    fn keep_signed(&self, size: TreeSize, note: &Note) -> Result<(), StoreError> {
        self.step(Step::KeepSigned, || self.inner.keep_signed(size, note))
    }
    fn keep_small(&self, late: &[Late]) -> Result<(), StoreError> {
        self.inner.keep_small(late)
    }
    fn keep_cosignatures(&self, size: TreeSize, lines: &[Signature]) -> Result<(), StoreError> {
        self.step(Step::KeepCosignatures, || self.inner.keep_cosignatures(size, lines))
    }
    fn publish(&self, size: TreeSize, lines: &[Signature]) -> Result<(), StoreError> {
        self.step(Step::Publish, || self.inner.publish(size, lines))
    }
    fn keep_refreshed(&self, note: &Note) -> Result<(), StoreError> {
        self.step(Step::KeepRefreshed, || self.inner.keep_refreshed(note))
    }
    fn close_window(&self, entry: u64) -> Result<bool, StoreError> {
        self.step(Step::CloseWindow, || self.inner.close_window(entry))
    }
    fn drop_batches(&self, entry: u64) -> Result<(), StoreError> {
        self.step(Step::DropBatches, || self.inner.drop_batches(entry))
    }
    fn freeze(&self, size: TreeSize) -> Result<(), StoreError> {
        self.inner.freeze(size)
    }
    fn positions(&self, wanted: &[(Hash, u64)]) -> Result<Vec<Option<Position>>, StoreError> {
        self.inner.positions(wanted)
    }
    fn tile(&self, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.inner.tile(path)
    }
    fn batch_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.inner.batch_tile(entry, path)
    }
    fn grant(&self, serial: &[u8; 16]) -> Result<Option<GrantPlace>, StoreError> {
        self.inner.grant(serial)
    }
    fn grant_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.inner.grant_tile(entry, path)
    }
    fn small(&self, entry: u64, root: &Hash) -> Result<Option<Bytes>, StoreError> {
        self.inner.small(entry, root)
    }
    fn checkpoint(&self, size: TreeSize) -> Result<Option<Note>, StoreError> {
        self.inner.checkpoint(size)
    }
    fn is_published(&self, size: TreeSize) -> Result<bool, StoreError> {
        self.inner.is_published(size)
    }
    fn first_published_over(&self, entry: u64) -> Result<Option<TreeSize>, StoreError> {
        self.inner.first_published_over(entry)
    }
    fn free_bytes(&self) -> Result<u64, StoreError> {
        self.inner.free_bytes()
    }
    fn health(&self) -> Result<(), StoreError> {
        self.inner.health()
    }
    fn close(&self) {
        self.inner.close();
    }
}
