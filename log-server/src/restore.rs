//! Putting a store together again: from a backup, from a mirror, or from a backup and what a mirror has beyond it.
//!
//! It is made beside the store's place (`<store>.restoring`), verified as a whole by the code of `check`, and only then put
//! there. Whether the log may sign again is not decided here: the record and the witnesses decide it at the next start
//! (INVARIANT 2). An existing record is never touched; where there is none, one of the newest signed checkpoint is written,
//! which the witnesses are then asked about.

mod mirror;
mod rebuild;
#[cfg(test)]
mod tests;

pub use mirror::{FetchError, Mirror};
pub use rebuild::Rebuilt;

use crate::{
    backup::{BackupError, Manifest, STORE},
    check,
    record::{HighMark, Record, RecordError},
    recover::{self, StartError},
    store::{RocksStore, Store as _, StoreError},
};
use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};
use treering_tlog::{
    checkpoint::{Checkpoint, Origin},
    policy::Policy,
    tree::{TreeHead, TreeSize},
};

/// Why a store was not restored. What was made so far stays beside its place.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a store.
    #[error("{path} is there: a store is never overwritten. Stop the log, and move it away")]
    StoreThere {
        /// Where it is.
        path: PathBuf,
    },
    /// An earlier try stands in the way of a backup.
    #[error(
        "{path} is there from an earlier try: go on from it with --from-mirror alone, or remove it to begin anew from the \
         backup"
    )]
    TryThere {
        /// Where it is.
        path: PathBuf,
    },
    /// The backup can't be used.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The backup is another log's.
    #[error("the backup is of the log {found:?}, not of {wanted:?}")]
    OtherOrigin {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// The copy isn't what its manifest says.
    #[error("the backup's store has another head than its manifest says: one of them was changed")]
    OtherHead,
    /// The store that is being made.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The record beside it.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The mirror.
    #[error("the mirror: {0}")]
    Fetch(#[from] FetchError),
    /// An entry of the mirror's.
    #[error("the mirror's entry {index}: {what}")]
    Entry {
        /// Which.
        index: u64,
        /// What is wrong with it.
        what: String,
    },
    /// A batch of the mirror's.
    #[error("the mirror's batch {index} is not the one that its entry names")]
    Batch {
        /// Which.
        index: u64,
    },
    /// A checkpoint of the mirror's.
    #[error("the mirror's {path} is no checkpoint of this log: {what}")]
    Checkpoint {
        /// Which.
        path: String,
        /// Why not.
        what: String,
    },
    /// Two histories, or a mirror that lies.
    #[error(
        "at size {size} the mirror's signed checkpoint and the tree of the entries disagree. Either the mirror gave wrong \
         entries (use another one), or the copy so far holds another history (remove it), or the log has signed two"
    )]
    OtherHistory {
        /// Where.
        size: TreeSize,
    },
    /// What was made is not right.
    #[error("what was restored is not clean, and was not put in place: {first} ({count} findings)")]
    NotClean {
        /// The first finding.
        first: String,
        /// How many there are.
        count: u64,
    },
    /// The record knows more.
    #[error(
        "the record {record} says that this log may have signed size {size}, and what was restored ends at size {restored} or \
         has another root there; it stays at {path}. Go on with --from-mirror and a mirror that has more; other ways out: \
         docs/operating.md, \"When the log refuses to start\""
    )]
    Behind {
        /// The record's file.
        record: PathBuf,
        /// What it says.
        size: TreeSize,
        /// What there is.
        restored: TreeSize,
        /// Where that is.
        path: PathBuf,
    },
    /// The log has ended with something else.
    #[error("what was restored stays at {path}: {source}")]
    Ended {
        /// Where it is.
        path: PathBuf,
        /// Why it can't be this log's.
        source: StartError,
    },
    /// The file system.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is restored, and for whom.
#[derive(Debug)]
pub struct Restore<'a> {
    /// The store's place.
    pub store: &'a Path,
    /// The log.
    pub origin: &'a Origin,
    /// Its key and its witnesses.
    pub policy: &'a Policy,
    /// RocksDB's block cache in bytes.
    pub cache_bytes: usize,
}

/// What came out of a backup.
#[derive(Debug)]
pub struct Taken {
    /// As it says of itself.
    pub manifest: Manifest,
    /// Its head.
    pub head: TreeHead,
    /// Submissions that wait in it.
    pub waiting: u64,
    /// What was cut off the end of its write-ahead log, in words: made beside a write that was under way, or damaged since.
    pub cut: Option<String>,
}

/// What was put in place.
#[derive(Debug)]
pub struct Restored {
    /// The head that the store has now.
    pub head: TreeHead,
    /// What came from a mirror.
    pub rebuilt: Rebuilt,
    /// What `check` went through.
    pub report: check::Report,
    /// What became of the record.
    pub record: Recorded,
}

/// What became of the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// There was one, and the store holds its head.
    Kept(TreeSize),
    /// There was one, and it says that the log has ended here.
    Ended(TreeSize),
    /// There was none; this is the newest signed head, and the witnesses are asked whether they know more.
    Written(TreeSize),
    /// There was none, and nobody who could be asked: the log does not start until an operator has written it.
    Missing,
    /// Nothing was signed yet.
    None,
}

impl Restore<'_> {
    /// Where it is made.
    pub fn path(&self) -> PathBuf {
        let mut name = self.store.components().collect::<PathBuf>().into_os_string();
        name.push(".restoring");
        name.into()
    }

    /// Takes the copy out of a backup.
    ///
    /// # Errors
    /// There is a store, or the backup can't be used.
    pub fn take_backup(&self, backup: &Path) -> Result<Taken, RestoreError> {
        self.no_store()?;
        let path = self.path();
        if path.exists() {
            return Err(RestoreError::TryThere { path });
        }
        let manifest = Manifest::read(backup)?;
        if manifest.origin != self.origin.as_str() {
            return Err(RestoreError::OtherOrigin {
                found: manifest.origin,
                wanted: self.origin.to_string(),
            });
        }
        // CRASH: under another name until it is whole, so that nobody goes on from half a copy.
        let part = path.with_extension("restoring.part");
        copy(&backup.join(STORE), &part)
            .map_err(|source| RestoreError::File { path: part.clone(), source })?;
        let store = RocksStore::open_or_migrate(&part, self.origin, self.cache_bytes)?;
        let loaded = store.load()?;
        if Some(loaded.head) != manifest.head() {
            return Err(RestoreError::OtherHead);
        }
        let taken =
            Taken { head: loaded.head, waiting: loaded.waiting.len() as u64, cut: store.cut(), manifest };
        drop(store);
        rename(&part, &path)?;
        Ok(taken)
    }

    /// Adds what a mirror has; `tell` hears how many entries there are, and how many there will be.
    ///
    /// # Errors
    /// There is a store; the mirror lacks something, or gave what does not lead to its newest signed checkpoint.
    pub async fn take_mirror(
        &self,
        mirror: &Mirror,
        tell: impl FnMut(u64, u64),
    ) -> Result<Rebuilt, RestoreError> {
        self.no_store()?;
        let store = RocksStore::open(&self.path(), self.origin, self.cache_bytes)?;
        let rebuild = rebuild::Rebuild { store: &store, mirror, origin: self.origin, policy: self.policy };
        let rebuilt = rebuild.run(tell).await;
        store.close();
        rebuilt
    }

    /// Verifies all of it, and puts it in the store's place.
    ///
    /// # Errors
    /// It is not clean, or is behind the record.
    pub fn finish(&self, rebuilt: Rebuilt) -> Result<Restored, RestoreError> {
        self.no_store()?;
        let path = self.path();
        let report = check::check_store(&path, None, (self.origin, self.policy))?;
        if let Some(first) = report.findings.first() {
            let count = report.findings.len() as u64 + report.unlisted;
            return Err(RestoreError::NotClean { first: first.to_string(), count });
        }
        let (head, recorded) = self.record(&path)?;
        // CRASH: the record is there and the store is not: `serve` refuses that, and this command goes on here.
        rename(&path, self.store)?;
        Ok(Restored { head, rebuilt, report, record: recorded })
    }

    fn record(&self, path: &Path) -> Result<(TreeHead, Recorded), RestoreError> {
        let store = RocksStore::open_copy(path, self.origin)?;
        let loaded = store.load()?;
        let record = Record::beside(self.store);
        if let Some(HighMark { head, ended }) = record.read()? {
            return match recover::load(&store, &record) {
                Ok(_) if ended => Ok((loaded.head, Recorded::Ended(head.size))),
                Ok(_) => Ok((loaded.head, Recorded::Kept(head.size))),
                Err(source @ StartError::Ended { .. }) => {
                    Err(RestoreError::Ended { path: path.to_owned(), source })
                }
                Err(_) => Err(RestoreError::Behind {
                    record: record.path().to_owned(),
                    size: head.size,
                    restored: loaded.head.size,
                    path: path.to_owned(),
                }),
            };
        }
        let signed = loaded.signed.as_ref().and_then(|note| Checkpoint::parse(note.text()).ok());
        let Some(signed) = signed else { return Ok((loaded.head, Recorded::None)) };
        // With nobody to ask, a record made from the copy itself would say nothing: the copy may be old.
        if self.policy.needs_no_witness() {
            return Ok((loaded.head, Recorded::Missing));
        }
        record.write(&HighMark { head: signed.head, ended: false })?;
        Ok((loaded.head, Recorded::Written(signed.head.size)))
    }

    fn no_store(&self) -> Result<(), RestoreError> {
        if self.store.exists() {
            Err(RestoreError::StoreThere { path: self.store.to_owned() })
        } else {
            Ok(())
        }
    }
}

/// Copies a backup's store, anew if an earlier copy was cut short.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    match fs::remove_dir_all(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => fs::create_dir(to)?,
    }
    for item in fs::read_dir(from)? {
        let item = item?;
        let copied = to.join(item.file_name());
        fs::copy(item.path(), &copied)?;
        File::open(copied)?.sync_all()?;
    }
    File::open(to)?.sync_all()
}

fn rename(from: &Path, to: &Path) -> Result<(), RestoreError> {
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let renamed = fs::rename(from, to).and_then(|()| File::open(parent)?.sync_all());
    renamed.map_err(|source| RestoreError::File { path: to.to_owned(), source })
}
