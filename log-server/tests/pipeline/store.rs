//! A store that fails, waits or gives back wrong bytes where a test wants it to; and a record that fails with it.

use bytes::Bytes;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};
use tokio::sync::{RwLock, watch};
use treering_log::{
    log::Settings,
    record::{HighMark, HighWater, Record, RecordError},
    store::{
        Accepted, GrantGroup, GrantPlace, Late, Loaded, Position, RocksStore, Sequence, Store, StoreError,
        Tick,
    },
};
use treering_tlog::{
    hash::Hash,
    note::{Note, Signature},
    tile::{TileKind, TilePath},
    tree::TreeSize,
};

/// The steps of a log that write: its store's, and its record's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Step {
    Accept,
    AcceptGrants,
    Seal,
    Record,
    KeepSigned,
    KeepSmall,
    KeepCosignatures,
    Publish,
    KeepRefreshed,
    CloseWindow,
    DropBatches,
    Freeze,
}

impl Step {
    pub(crate) const ALL: [Step; 12] = [
        Step::Accept,
        Step::AcceptGrants,
        Step::Seal,
        Step::Record,
        Step::KeepSigned,
        Step::KeepSmall,
        Step::KeepCosignatures,
        Step::Publish,
        Step::KeepRefreshed,
        Step::CloseWindow,
        Step::DropBatches,
        Step::Freeze,
    ];
}

/// A tile that comes back with a wrong bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wrong {
    /// The entry whose batch's tile it is; none for the log's own.
    pub(crate) batch: Option<u64>,
    pub(crate) kind: TileKind,
    pub(crate) index: u64,
    /// The byte that is wrong, from the beginning.
    pub(crate) byte: usize,
    /// It can't be read at all.
    pub(crate) lost: bool,
}

/// A real store whose n-th write of a kind fails, before or after it was done; which can hold up one kind, and can give back
/// a wrong bit.
#[derive(Debug)]
pub(crate) struct FailingStore {
    inner: RocksStore,
    fails: Option<(Step, usize, bool)>,
    counts: Mutex<HashMap<Step, usize>>,
    poisoned: AtomicBool,
    /// The engine has met an error in the background.
    pub(crate) is_sick: AtomicBool,
    /// What comes back wrong each time, and whether anybody has read it.
    wrong: Mutex<Option<(Wrong, bool)>>,
    /// What is known of this root can't be read.
    lost: Mutex<Option<Hash>>,
    pub(crate) held: watch::Sender<Option<Step>>,
    pub(crate) waiting: AtomicUsize,
    /// How many tiles were read.
    pub(crate) reads: AtomicUsize,
    /// While somebody has this to write, no tile is read.
    pub(crate) tiles: RwLock<()>,
    /// How many reads of tiles are under way.
    pub(crate) reading: AtomicUsize,
}

impl FailingStore {
    pub(crate) fn new(settings: &Settings, fails: Option<(Step, usize, bool)>) -> FailingStore {
        FailingStore {
            inner: RocksStore::open(&settings.store, &settings.origin, settings.cache_bytes).unwrap(),
            fails,
            counts: Mutex::default(),
            poisoned: AtomicBool::new(false),
            is_sick: AtomicBool::new(false),
            wrong: Mutex::default(),
            lost: Mutex::default(),
            held: watch::Sender::new(None),
            waiting: AtomicUsize::new(0),
            reads: AtomicUsize::new(0),
            tiles: RwLock::default(),
            reading: AtomicUsize::new(0),
        }
    }

    /// How many writes of a kind there were.
    pub(crate) fn count(&self, step: Step) -> usize {
        self.counts.lock().unwrap().get(&step).copied().unwrap_or(0)
    }

    /// The write that was to fail has come.
    pub(crate) fn struck(&self) -> bool {
        self.fails.is_some_and(|(step, nth, _)| self.count(step) >= nth)
    }

    /// From now on this comes back wrong.
    pub(crate) fn damage(&self, wrong: Wrong) {
        *self.wrong.lock().unwrap() = Some((wrong, false));
    }

    /// Was what is wrong read?
    pub(crate) fn damage_is_met(&self) -> bool {
        self.wrong.lock().unwrap().is_some_and(|(_, read)| read)
    }

    /// From now on nothing can be read about this root.
    pub(crate) fn lose(&self, root: Option<Hash>) {
        *self.lost.lock().unwrap() = root;
    }

    fn is_there(&self, root: &Hash) -> Result<(), StoreError> {
        let lost = *self.lost.lock().unwrap() == Some(*root);
        if lost { Err(StoreError::Damaged { what: "a test".into() }) } else { Ok(()) }
    }

    /// Everything comes back as it was written again; was what was wrong read?
    pub(crate) fn heal(&self) -> bool {
        self.wrong.lock().unwrap().take().is_some_and(|(_, read)| read)
    }

    /// A tile as it comes back.
    fn came(
        &self,
        batch: Option<u64>,
        path: TilePath,
        tile: Option<Bytes>,
    ) -> Result<Option<Bytes>, StoreError> {
        let mut wrong = self.wrong.lock().unwrap();
        let wanted = wrong.as_mut().filter(|(wrong, _)| {
            (wrong.batch, wrong.kind, wrong.index) == (batch, path.kind(), path.index())
        });
        let Some(((Wrong { byte, lost, .. }, read), mut bytes)) =
            wanted.zip(tile.as_ref().map(|tile| tile.to_vec()))
        else {
            return Ok(tile);
        };
        *read = true;
        if *lost {
            return Err(StoreError::Damaged { what: format!("{path}, by a test") });
        }
        bytes[*byte] ^= 1;
        Ok(Some(Bytes::from(bytes)))
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
        self.step(Step::KeepSmall, || self.inner.keep_small(late))
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
        self.step(Step::Freeze, || self.inner.freeze(size))
    }
    fn positions(&self, wanted: &[(Hash, u64)]) -> Result<Vec<Option<Position>>, StoreError> {
        wanted.iter().try_for_each(|(root, _)| self.is_there(root))?;
        self.inner.positions(wanted)
    }
    fn tile(&self, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        self.reading.fetch_add(1, Ordering::SeqCst);
        drop(self.tiles.blocking_read());
        self.reading.fetch_sub(1, Ordering::SeqCst);
        self.came(None, path, self.inner.tile(path)?)
    }
    fn batch_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.came(Some(entry), path, self.inner.batch_tile(entry, path)?)
    }
    fn grant(&self, serial: &[u8; 16]) -> Result<Option<GrantPlace>, StoreError> {
        self.inner.grant(serial)
    }
    fn grant_tile(&self, entry: u64, path: TilePath) -> Result<Option<Bytes>, StoreError> {
        self.inner.grant_tile(entry, path)
    }
    fn small(&self, entry: u64, root: &Hash) -> Result<Option<Bytes>, StoreError> {
        self.is_there(root)?;
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
        if self.is_sick.load(Ordering::SeqCst) {
            return Err(StoreError::Background { count: 1 });
        }
        self.inner.health()
    }
    fn close(&self) {
        self.inner.close();
    }
}

/// The real record, whose n-th write fails if the store says so, and which fails with it.
#[derive(Debug)]
pub(crate) struct FailingRecord {
    record: Record,
    store: Arc<FailingStore>,
}

impl FailingRecord {
    /// The one beside the store.
    pub(crate) fn new(settings: &Settings, store: &Arc<FailingStore>) -> FailingRecord {
        FailingRecord { record: Record::beside(&settings.store), store: Arc::clone(store) }
    }
}

impl HighWater for FailingRecord {
    fn read(&self) -> Result<Option<HighMark>, RecordError> {
        self.record.read()
    }

    fn write(&self, mark: &HighMark) -> Result<(), RecordError> {
        let write = || {
            self.record.write(mark).map_err(|error| StoreError::File {
                step: "writing the record",
                source: std::io::Error::other(error),
            })
        };
        self.store.step(Step::Record, write).map_err(|error| RecordError::File {
            path: self.record.path().to_owned(),
            source: std::io::Error::other(error),
        })
    }

    fn free_bytes(&self) -> Result<u64, RecordError> {
        self.record.free_bytes()
    }

    fn place(&self) -> String {
        self.record.place()
    }
}
