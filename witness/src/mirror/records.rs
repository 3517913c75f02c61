//! What a mirror knows of each log beside its tiles, in one redb file: how far the copy is durable, the pending
//! checkpoints, the mirror checkpoint, and the published checkpoints of the past.
//!
//! Written after the files that it speaks of are durable, in one synced transaction. One process has the file. It belongs to
//! the copies, and is lost and made anew with them; what was signed is elsewhere ([`super::signed`]).

use std::{fmt, fs, io, path::Path, sync::Arc};

use ::redb::{Database, DatabaseError, Durability, ReadableDatabase as _, TableDefinition, TableError};
use serde::{Deserialize, Serialize};
use treering_tlog::{
    checkpoint::Origin,
    hash::Hash,
    note::Note,
    tree::{TreeHead, TreeSize},
};

use super::{copy::MirrorFault, failure::Failure, files};
use crate::{monitor::Kept, store::StoreError};

/// Origin to JSON.
const STATES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("states");
/// Origin and size to note.
const CHECKPOINTS: TableDefinition<'_, (&str, u64), &str> = TableDefinition::new("checkpoints");
const CACHE_BYTES: usize = 32 << 20;
const VERSION: u32 = 1;

/// What is known of one log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    /// How far entries and tiles are durable.
    grown: Place,
    /// Checkpoints signed by the log that contain all entries, the newest last.
    /// INVARIANT: each is consistent with those before it, and `grown` with the last.
    pub(super) pending: Vec<Kept>,
    /// The mirror checkpoint, with this mirror's cosignatures.
    pub(super) mirror: Option<Kept>,
    /// So many entries have their batches here, durably.
    pub(super) batches: u64,
    /// The past checkpoints up to this size were asked for.
    pub(super) past: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    size: u64,
    root: String,
}

impl Default for State {
    fn default() -> State {
        let mut state = State {
            version: VERSION,
            grown: Place { size: 0, root: String::new() },
            pending: Vec::new(),
            mirror: None,
            batches: 0,
            past: 0,
        };
        state.set_grown(TreeHead::EMPTY);
        state
    }
}

impl State {
    /// How far entries and tiles are durable.
    pub(super) fn grown(&self) -> TreeHead {
        let head = TreeSize::new(self.grown.size).zip(Hash::from_hex(&self.grown.root));
        // INVARIANT: `load` refuses what is neither.
        head.map_or(TreeHead::EMPTY, |(size, root)| TreeHead { size, root })
    }

    pub(super) fn set_grown(&mut self, head: TreeHead) {
        self.grown = Place { size: head.size.get(), root: head.root.to_string() };
    }

    /// The head that new entries are authenticated by.
    pub(super) fn pending_head(&self) -> Option<TreeHead> {
        self.pending.last().map(Kept::head)
    }

    fn is_sound(&self) -> bool {
        let grown = self.grown();
        let written = Place { size: grown.size.get(), root: grown.root.to_string() };
        self.version == VERSION
            && written == self.grown
            && self.batches <= self.grown.size
            && self.mirror.as_ref().is_none_or(|mirror| mirror.head().size <= grown.size)
    }
}

/// The file.
pub(super) struct Records {
    database: Database,
    failure: Arc<Failure>,
}

impl fmt::Debug for Records {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Records").finish_non_exhaustive()
    }
}

impl Records {
    /// Opens the file, or makes it.
    pub(super) fn open(path: &Path, failure: Arc<Failure>) -> Result<Records, StoreError> {
        if !path.exists() {
            make(path)?;
        }
        let opened = Database::builder().set_cache_size(CACHE_BYTES).create(path);
        let database = opened.map_err(|error| match error {
            DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path: path.to_owned() },
            error => failed(error),
        })?;
        Ok(Records { database, failure })
    }

    /// What was saved of a log, or the beginning.
    ///
    /// # Errors
    /// The store fails, or what is in it isn't what was written.
    pub(super) fn load(&self, origin: &Origin) -> Result<State, MirrorFault> {
        let Some(bytes) = self.failure.note(self.read_state(origin))? else { return Ok(State::default()) };
        let state = serde_json::from_slice(&bytes).ok().filter(State::is_sound);
        state.ok_or_else(|| MirrorFault::Record { origin: origin.to_string() })
    }

    fn read_state(&self, origin: &Origin) -> Result<Option<Vec<u8>>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let table = match transaction.open_table(STATES) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let bytes = table.get(origin.as_str()).map_err(failed)?;
        Ok(bytes.map(|bytes| bytes.value().to_owned()))
    }

    /// Saves the state of a log together with checkpoints; durable when this returns.
    ///
    /// INVARIANT: what the state counts as durable in files is so before this is called.
    pub(super) fn save(
        &self,
        origin: &Origin,
        state: &State,
        checkpoints: &[(TreeSize, Note)],
    ) -> Result<(), StoreError> {
        self.failure.note(self.write(origin, state, checkpoints))
    }

    fn write(
        &self,
        origin: &Origin,
        state: &State,
        checkpoints: &[(TreeSize, Note)],
    ) -> Result<(), StoreError> {
        let mut transaction = self.database.begin_write().map_err(failed)?;
        transaction.set_durability(Durability::Immediate).map_err(failed)?;
        transaction.set_two_phase_commit(true);
        {
            let json = serde_json::to_vec(state).expect("numbers and texts are JSON");
            let mut table = transaction.open_table(STATES).map_err(failed)?;
            table.insert(origin.as_str(), json.as_slice()).map_err(failed)?;
            let mut table = transaction.open_table(CHECKPOINTS).map_err(failed)?;
            for (size, note) in checkpoints {
                let key = (origin.as_str(), size.get());
                table.insert(key, note.to_string().as_str()).map_err(failed)?;
            }
        }
        transaction.commit().map_err(failed)
    }

    /// The checkpoint of this size.
    pub(super) fn checkpoint(&self, origin: &Origin, size: u64) -> Result<Option<String>, StoreError> {
        self.failure.note(self.read_checkpoint(origin, size))
    }

    fn read_checkpoint(&self, origin: &Origin, size: u64) -> Result<Option<String>, StoreError> {
        let transaction = self.database.begin_read().map_err(failed)?;
        let table = match transaction.open_table(CHECKPOINTS) {
            Ok(table) => table,
            Err(TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let note = table.get((origin.as_str(), size)).map_err(failed)?;
        Ok(note.map(|note| note.value().to_owned()))
    }
}

/// Makes an empty file of records.
///
/// CRASH: the file has its name once it is whole and durable; what a kill leaves before that is made anew.
fn make(path: &Path) -> Result<(), StoreError> {
    let new = files::beside(path);
    let io = |source: io::Error| StoreError::Io { path: path.to_owned(), source: Arc::new(source) };
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    drop(Database::create(&new).map_err(failed)?);
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = || {
        fs::File::open(&new)?.sync_all()?;
        fs::rename(&new, path)?;
        fs::File::open(folder)?.sync_all()
    };
    name().map_err(io)
}

fn failed(error: impl Into<::redb::Error>) -> StoreError {
    StoreError::Database(Arc::new(error.into()))
}
