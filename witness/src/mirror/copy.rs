//! One log's copy: what is on disk, who may change it, and what readers see of it.
//!
//! ```text
//! lock on ─▶ append entries ─▶ flush ─▶ append batches ─▶ flush ─▶ sign ─▶ served
//!  pending                     files synced, then the state         mirror checkpoint
//! ```
//! Pulling and pushing go through the same steps, each under the log's own lock, which nobody holds while they wait for
//! a peer. So a stuck peer holds up nobody, and both ways give the same files.

mod batches;
mod sign;
mod verified;

use std::{
    fmt, fs, io,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::{Mutex, OwnedMutexGuard};
use treering_tlog::{
    note::{Note, Signature},
    tile::{TILE_WIDTH, TileKind},
    tree::{TreeHead, TreeSize},
};

use super::{
    config::LogConfig,
    growing::{CopyError, Growing, read_entries, root_at, tile_at},
    packs::{self, Packs},
    records::{Records, State},
    signed::Signed,
};
use crate::{
    clock::{ClockError, Timestamps},
    key::WitnessKeys,
    monitor::Kept,
    store::StoreError,
};

pub(super) use batches::Taken;
pub(super) use verified::verified;

/// Pending checkpoints that are still accepted as the end of a push.
const MAX_PENDING: usize = 16;

/// The copy of one log.
pub(super) struct LogCopy {
    pub(super) log: LogConfig,
    pub(super) folder: PathBuf,
    stores: Stores,
    keys: Arc<WitnessKeys>,
    timestamps: Arc<Timestamps>,
    writer: Arc<Mutex<Writer>>,
    /// INVARIANT: what it says is durable.
    seen: RwLock<Arc<State>>,
}

/// What all copies share.
#[derive(Clone, Debug)]
pub(super) struct Stores {
    pub(super) records: Arc<Records>,
    pub(super) signed: Arc<Signed>,
}

/// What changes, one at a time.
struct Writer {
    state: State,
    /// `None` after a failure: what is in memory is then worth nothing, and is read from the disk anew.
    open: Option<Open>,
}

struct Open {
    growing: Growing,
    packs: Packs,
    /// So many entries have their batches, durable or not; [`State::batches`] are.
    batches: u64,
}

/// Why a copy can't go on.
#[derive(Debug, thiserror::Error)]
pub enum MirrorFault {
    /// The copy's files.
    #[error("the copy on disk: {0}")]
    Copy(#[from] CopyError),
    /// The records.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is recorded of a log isn't what was written.
    #[error("the record of {origin:?} is not what this program wrote")]
    Record {
        /// The log.
        origin: String,
    },
    /// The copy's tree doesn't begin with the one that was signed before.
    #[error(
        "{origin}: another history: its tree of size {size} is not the one that this mirror has signed before"
    )]
    OtherHistory {
        /// The log.
        origin: String,
        /// The size that was signed.
        size: TreeSize,
    },
    /// No timestamp to sign with.
    #[error(transparent)]
    Clock(#[from] ClockError),
    /// A line by one of this mirror's keys can't be made.
    #[error("can't cosign: {0}")]
    Cosign(String),
}

impl fmt::Debug for LogCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogCopy").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl LogCopy {
    /// Opens what is there; the tiles have to hash to what is recorded.
    pub(super) fn open(
        log: LogConfig,
        folder: PathBuf,
        stores: Stores,
        keys: Arc<WitnessKeys>,
        timestamps: Arc<Timestamps>,
    ) -> Result<LogCopy, MirrorFault> {
        let nothing = || Writer { state: State::default(), open: None };
        let mut copy = LogCopy {
            log,
            folder,
            stores,
            keys,
            timestamps,
            writer: Arc::new(Mutex::new(nothing())),
            seen: RwLock::default(),
        };
        copy.remove_drafts()?;
        let mut writer = nothing();
        copy.opened(&mut writer)?;
        copy.seen = RwLock::new(Arc::new(writer.state.clone()));
        if let Some(mirror) = &writer.state.mirror {
            copy.show(mirror.note())?;
        }
        copy.writer = Arc::new(Mutex::new(writer));
        Ok(copy)
    }

    /// What a kill has left of files that were being written.
    fn remove_drafts(&self) -> Result<(), MirrorFault> {
        let path = packs::drafts(&self.folder);
        match fs::remove_dir_all(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(CopyError::Io { path, source }.into())
            }
            _ => Ok(()),
        }
    }

    /// What is durable.
    pub(super) fn seen(&self) -> Arc<State> {
        Arc::clone(&self.seen.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest checkpoint of which all is here, as it is served.
    pub(super) fn checkpoint(&self) -> Option<Kept> {
        self.seen().mirror.clone()
    }

    /// A published checkpoint of the past.
    pub(super) fn past(&self, size: u64) -> Result<Option<String>, MirrorFault> {
        Ok(self.stores.records.checkpoint(&self.log.origin, size)?)
    }

    /// The size up to which everything is here and may be served.
    pub(super) fn size(&self) -> TreeSize {
        self.seen().mirror.as_ref().map_or(TreeSize::ZERO, |mirror| mirror.head().size)
    }

    /// The root over the first entries of what is durable; `None` beyond that.
    pub(super) async fn root_at(self: &Arc<Self>, size: TreeSize) -> Result<Option<TreeHead>, MirrorFault> {
        let copy = Arc::clone(self);
        blocking(move || {
            let grown = copy.seen().grown().size;
            if size > grown {
                return Ok(None);
            }
            let root = root_at(&copy.folder, size, grown)?;
            Ok(Some(TreeHead { size, root }))
        })
        .await
    }

    /// The entries of a bundle, as far as they are durable.
    pub(super) async fn entries(self: &Arc<Self>, bundle: u64) -> Result<Vec<Vec<u8>>, MirrorFault> {
        let copy = Arc::clone(self);
        blocking(move || copy.entries_now(bundle)).await
    }

    /// The same, here and now.
    pub(super) fn entries_now(&self, bundle: u64) -> Result<Vec<Vec<u8>>, MirrorFault> {
        let grown = self.seen().grown().size;
        match tile_at(grown, TileKind::Entries, bundle) {
            Some(tile) => Ok(read_entries(&self.folder, tile, grown)?),
            None => Ok(Vec::new()),
        }
    }

    /// Makes a checkpoint the pending one, if that is still the one that it was checked against: false if not.
    ///
    /// The caller has verified the log's signature, and that `before` is the beginning of it.
    pub(super) async fn lock_on(
        self: &Arc<Self>,
        checkpoint: Kept,
        before: Option<TreeHead>,
    ) -> Result<bool, MirrorFault> {
        self.change(move |copy, writer| {
            let pending = writer.state.pending_head();
            // INVARIANT: all pending checkpoints are consistent, whoever sends them: the check and this are one step.
            if pending != before || before.is_some_and(|before| before.size > checkpoint.head().size) {
                return Ok(false);
            }
            if pending == Some(checkpoint.head()) {
                writer.state.pending.pop();
            }
            writer.state.pending.push(checkpoint);
            let surplus = writer.state.pending.len().saturating_sub(MAX_PENDING);
            writer.state.pending.drain(..surplus);
            copy.save(writer, &[])?;
            Ok(true)
        })
        .await
    }

    /// Appends entries that were authenticated by a pending checkpoint; `first` is the index of the first of them.
    /// Those that are here already are left out. Gives the next entry.
    pub(super) async fn append(
        self: &Arc<Self>,
        first: u64,
        entries: Vec<Vec<u8>>,
    ) -> Result<u64, MirrorFault> {
        self.change(move |_, writer| {
            let open = writer.opened();
            let next = open.growing.head().size.get();
            // INVARIANT: no gap: what comes too early is not taken, and is sent again.
            if let Some(known) = next.checked_sub(first) {
                for entry in entries.iter().skip(usize::try_from(known).unwrap_or(usize::MAX)) {
                    open.growing.append(entry)?;
                }
            }
            Ok(open.growing.head().size.get())
        })
        .await
    }

    /// Makes durable what was appended, and then says so in the records.
    pub(super) async fn flush(self: &Arc<Self>) -> Result<TreeHead, MirrorFault> {
        self.change(|copy, writer| {
            let known = writer.state.batches;
            let open = writer.opened();
            let batches = TreeSize::new(open.batches).ok_or(CopyError::TooLarge)?;
            if open.batches > known {
                open.packs.write(&copy.folder, batches, open.growing.written())?;
            }
            // CRASH: until this is done, the records know nothing of these files; after it, they are durable, and the
            // records follow. A restart goes on from the records, and writes files beyond them anew.
            open.growing.flush()?;
            let head = open.growing.head();
            writer.state.set_grown(head);
            writer.state.batches = batches.get();
            copy.save(writer, &[])?;
            let open = writer.opened();
            open.growing.tidy();
            open.packs.tidy();
            Ok(head)
        })
        .await
    }

    /// Keeps published checkpoints of the past, which the caller has verified against the tree; lines that are here
    /// already stay as they are. `upto` is the size up to which all were asked for.
    pub(super) async fn keep_past(
        self: &Arc<Self>,
        notes: Vec<(TreeSize, Note)>,
        upto: u64,
    ) -> Result<(), MirrorFault> {
        self.change(move |copy, writer| {
            let mut kept = Vec::new();
            for (size, note) in notes {
                if let Some(merged) = copy.merged(size, note)? {
                    kept.push((size, merged));
                }
            }
            let past = writer.state.past.max(upto);
            if !kept.is_empty() || past != writer.state.past {
                writer.state.past = past;
                copy.save(writer, &kept)?;
            }
            Ok(())
        })
        .await
    }

    /// Runs a change under the log's lock, away from the asynchronous world.
    async fn change<T: Send + 'static>(
        self: &Arc<Self>,
        change: impl FnOnce(&LogCopy, &mut Writer) -> Result<T, MirrorFault> + Send + 'static,
    ) -> Result<T, MirrorFault> {
        let guard = Arc::clone(&self.writer).lock_owned().await;
        self.change_with(guard, change).await
    }

    async fn change_with<T: Send + 'static>(
        self: &Arc<Self>,
        mut guard: OwnedMutexGuard<Writer>,
        change: impl FnOnce(&LogCopy, &mut Writer) -> Result<T, MirrorFault> + Send + 'static,
    ) -> Result<T, MirrorFault> {
        let copy = Arc::clone(self);
        // Spawned: it runs to its end even if the one who waits goes away.
        blocking(move || {
            let writer = &mut *guard;
            let done = copy.opened(writer).and_then(|()| change(&copy, writer));
            if done.is_err() {
                // INVARIANT: after a failed write or sync nobody knows what is on the disk beyond the records.
                writer.open = None;
            }
            done
        })
        .await
    }

    /// Reads the copy from the disk if it isn't in memory.
    fn opened(&self, writer: &mut Writer) -> Result<(), MirrorFault> {
        if writer.open.is_none() {
            let state = self.load()?;
            let growing = Growing::open(&self.folder, state.grown())?;
            let batches = TreeSize::new(state.batches).ok_or(CopyError::TooLarge)?;
            let packs = Packs::open(&self.folder, batches)?;
            let open = Open { growing, packs, batches: batches.get() };
            *writer = Writer { state, open: Some(open) };
        }
        Ok(())
    }

    /// What is recorded. If that is behind what this mirror has signed, because the copy was lost or is an old one, it is
    /// locked onto that: nothing else than a continuation of it is taken over.
    fn load(&self) -> Result<State, MirrorFault> {
        let origin = &self.log.origin;
        let mut state = self.stores.records.load(origin)?;
        if let Some(signed) = self.stores.signed.last(origin)
            && state.pending_head().is_none_or(|pending| pending.size < signed.head().size)
        {
            let others = |line: &&Signature| !self.keys.verifiers().any(|own| own.matches(line));
            let lines = signed.note().signatures().iter().filter(others).cloned().collect();
            let note = Note::new(signed.note().text(), lines);
            let note = note.map_err(|error| MirrorFault::Cosign(error.to_string()))?;
            state.pending.extend(Kept::new(note));
        }
        Ok(state)
    }

    /// The size that this mirror has signed, which may be beyond what its copy has.
    pub(super) fn signed_size(&self) -> TreeSize {
        self.stores.signed.last(&self.log.origin).map_or(TreeSize::ZERO, |signed| signed.head().size)
    }

    /// Saves the state, and shows it to readers.
    fn save(&self, writer: &Writer, checkpoints: &[(TreeSize, Note)]) -> Result<(), MirrorFault> {
        let state = writer.state.clone();
        self.stores.records.save(&self.log.origin, &state, checkpoints)?;
        *self.seen.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(state);
        Ok(())
    }
}

impl Writer {
    fn opened(&mut self) -> &mut Open {
        // INVARIANT: `change` opens it before anything else.
        self.open.as_mut().expect("`change` has opened it")
    }
}

/// Away from the asynchronous world. A panic goes on in the one who asked.
pub(super) async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, MirrorFault> + Send + 'static,
) -> Result<T, MirrorFault> {
    match tokio::task::spawn_blocking(act).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// How many entries a bundle has.
pub(super) const WIDTH: u64 = TILE_WIDTH as u64;
