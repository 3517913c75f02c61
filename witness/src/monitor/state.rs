//! What the monitor knows of one log, in a small file: JSON, replaced atomically and synced.
//!
//! A few kilobytes: checkpoints as texts, an entry in hexadecimal. Bounded: [`cosigners`](super::cosigners) and
//! [`MAX_AHEAD`] say by what. Losing the file loses what the log had shown before.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    note::Note,
    tree::TreeHead,
    witness::origin_hash,
};

use super::cosigners::Cosigners;

/// Checkpoints of witnesses that are larger than the log's own, one a witness at most.
pub(super) const MAX_AHEAD: usize = 32;

/// What is known of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    origin: String,
    /// When the monitor first looked, in milliseconds since the epoch.
    pub(super) since_ms: u64,
    /// The size of the log's first head that was seen.
    pub(super) first_size: Option<u64>,
    /// The newest checkpoint that was found consistent with all before it.
    pub(super) head: Option<Kept>,
    /// So many entries were checked, all in the tree of `head`.
    pub(super) checked: u64,
    /// The bundle that is read again next.
    pub(super) recheck: u64,
    /// The entry before `checked`, in hexadecimal, if it was one of Treering's.
    pub(super) last_entry: Option<String>,
    /// The last look at the log at which everything was checked.
    pub(super) baseline: Option<Baseline>,
    /// The newest time at which the policy's quorum had cosigned, in seconds since the epoch.
    pub(super) fresh_at: Option<u64>,
    /// What witnesses cosigned.
    pub(super) cosigners: Cosigners,
    /// Checkpoints that witnesses show and the log doesn't, yet.
    pub(super) ahead: Vec<Ahead>,
}

/// A look at the log: later entries can't have been sealed long before it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Baseline {
    pub(super) at_ms: u64,
    pub(super) note: Kept,
}

/// A checkpoint that only a witness shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ahead {
    /// The witness's monitoring URL.
    pub(super) from: String,
    /// When it was first seen.
    pub(super) since_ms: u64,
    pub(super) note: Kept,
}

/// A checkpoint that was verified when it was kept; as a text in the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Kept {
    note: Note,
    head: TreeHead,
}

impl Kept {
    /// `None` if the note is no checkpoint.
    pub(crate) fn new(note: Note) -> Option<Kept> {
        let head = Checkpoint::parse(note.text()).ok()?.head;
        Some(Kept { note, head })
    }

    pub(crate) fn note(&self) -> &Note {
        &self.note
    }

    pub(crate) fn head(&self) -> TreeHead {
        self.head
    }
}

impl TryFrom<String> for Kept {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Kept, &'static str> {
        let note = Note::parse(text.as_bytes()).ok();
        note.and_then(Kept::new).ok_or("not a checkpoint")
    }
}

impl From<Kept> for String {
    fn from(kept: Kept) -> String {
        kept.note.to_string()
    }
}

/// Why the state can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The file or folder.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file isn't what was written.
    #[error("{path}: {source}. Moved away, the monitor begins anew with this log")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// Of another version, or of another log.
    #[error("{path}: of another version of this program, or of another log")]
    Other {
        /// The file.
        path: PathBuf,
    },
}

impl State {
    pub(super) fn new(origin: &Origin, now_ms: u64) -> State {
        State {
            version: VERSION,
            origin: origin.to_string(),
            since_ms: now_ms,
            first_size: None,
            head: None,
            checked: 0,
            recheck: 0,
            last_entry: None,
            baseline: None,
            fresh_at: None,
            cosigners: Cosigners::default(),
            ahead: Vec::new(),
        }
    }

    /// What was saved, if anything.
    pub(super) fn load(directory: &Path, origin: &Origin) -> Result<Option<State>, StateError> {
        let path = file(directory, origin);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StateError::Io { path, source }),
        };
        match State::parse(&bytes) {
            Err(source) => Err(StateError::Damaged { path, source }),
            Ok(state) if state.is_of(origin) => Ok(Some(state)),
            Ok(_) => Err(StateError::Other { path }),
        }
    }

    /// What a file says; whether it is this program's, and of which log, [`State::is_of`] tells.
    pub(super) fn parse(bytes: &[u8]) -> Result<State, serde_json::Error> {
        serde_json::from_slice(bytes)
    }

    /// Of this log and of this version, and possible?
    pub(super) fn is_of(&self, origin: &Origin) -> bool {
        let fits = self.head.as_ref().map_or(0, |head| head.head().size.get()) >= self.checked;
        self.version == VERSION && self.origin == origin.as_str() && fits
    }

    /// The bytes of its file.
    pub(super) fn print(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// Replaces the file; when this returns, the new one survives a power cut.
    pub(super) fn save(&self, directory: &Path, origin: &Origin) -> Result<(), StateError> {
        let path = file(directory, origin);
        let text = self.print().map_err(|error| io::Error::other(error.to_string()));
        text.and_then(|text| replace(&path, &text)).map_err(|source| StateError::Io { path, source })
    }
}

/// Writes a file beside its name, syncs it, renames it, and syncs the folder.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    // CRASH: until the rename, the old file is there, whole; after it, the new one.
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(directory)?.sync_all()
}

const VERSION: u32 = 1;

fn file(directory: &Path, origin: &Origin) -> PathBuf {
    directory.join(format!("{}.json", origin_hash(origin)))
}
