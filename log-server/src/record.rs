//! The high-water record: size and root of the newest head that this log may ever have signed.
//!
//! No WAL mode can tell a torn tail from a damaged synced one, and a restored backup looks like a good store. So the
//! head about to be signed is written here first, in a file of its own beside the store, synced on its own. At start
//! the store must hold that head (INVARIANT 2); it may hold more, never less, never another root.
//!
//! That the log has ended is in it, too: a store that is made anew from a mirror, or from a backup of before, doesn't know it.
//!
//! The file's few lines are read and written in `record/text.rs`.

mod text;

use crate::{
    beside,
    broken::{Promise, is_broken},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

pub use text::HighMark;
pub(crate) use text::print;

/// Where the high-water record is kept. Injected, so that a simulation can lose what was not synced.
pub trait HighWater: Send + Sync + std::fmt::Debug + 'static {
    /// What was written last; `None` if nothing ever was.
    ///
    /// # Errors
    /// Unreadable, or not a record.
    fn read(&self) -> Result<Option<HighMark>, RecordError>;
    /// Replaces the record; it is on disk when this returns.
    ///
    /// # Errors
    /// Any failure: nothing may be signed then, and the process has to end.
    fn write(&self, mark: &HighMark) -> Result<(), RecordError>;
    /// How many bytes may still be written to the disk that the record is on: not always the store's, which may be a mount of
    /// its own.
    ///
    /// # Errors
    /// The file system can't say it.
    fn free_bytes(&self) -> Result<u64, RecordError>;
    /// Where it is, for people.
    fn place(&self) -> String;
}

impl HighWater for Record {
    fn read(&self) -> Result<Option<HighMark>, RecordError> {
        Record::read(self)
    }

    fn write(&self, mark: &HighMark) -> Result<(), RecordError> {
        Record::write(self, mark)
    }

    fn free_bytes(&self) -> Result<u64, RecordError> {
        beside::free_bytes(beside::folder(&self.path))
            .map_err(|source| RecordError::File { path: self.path.clone(), source })
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }
}

/// The record's file.
#[derive(Clone, Debug)]
pub struct Record {
    path: PathBuf,
}

impl Record {
    /// The record that belongs to a store: `<store>.record`, beside it and not in it, so that a copy of the store that
    /// is put back does not bring its own old record along.
    pub fn beside(store: &Path) -> Record {
        Record { path: beside::path(store, ".record") }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was written last; `None` if nothing ever was.
    ///
    /// # Errors
    /// Unreadable, or not a record.
    pub fn read(&self) -> Result<Option<HighMark>, RecordError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => {
                text::parse(&text).map(Some).ok_or_else(|| RecordError::Malformed { path: self.path.clone() })
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(RecordError::File { path: self.path.clone(), source }),
        }
    }

    /// Replaces the record; it is on disk when this returns.
    ///
    /// # Errors
    /// Any failure of the file system: nothing may be signed then, and the process has to end.
    pub fn write(&self, mark: &HighMark) -> Result<(), RecordError> {
        match beside::replace(&self.path, print(mark).as_bytes()) {
            Err(source) if !is_broken(Promise::Failure) => {
                Err(RecordError::File { path: self.path.clone(), source })
            }
            _ => Ok(()),
        }
    }
}

/// The record can't be used, so nothing may be signed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The file system failed.
    #[error("the record {path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is not a record.
    #[error("{path} is not a record of a signed head")]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use treering_tlog::{
        hash::Hash,
        tree::{TreeHead, TreeSize},
    };

    #[test]
    fn reads_back_what_was_written_and_refuses_anything_else() {
        let dir = tempfile::tempdir().unwrap();
        let record = Record::beside(&dir.path().join("store"));
        assert_eq!(record.path(), dir.path().join("store.record"));
        assert_eq!(Record::beside(&dir.path().join("store/")).path(), record.path());
        assert_eq!(record.read().unwrap(), None);
        let head = TreeHead { size: TreeSize::new(7).unwrap(), root: Hash::new([9; 32]) };
        record.write(&HighMark { head: TreeHead::EMPTY, ended: false }).unwrap();
        record.write(&HighMark { head, ended: false }).unwrap();
        assert_eq!(record.read().unwrap(), Some(HighMark { head, ended: false }));
        let good = fs::read_to_string(record.path()).unwrap();
        assert_eq!(good.lines().count(), 3);
        record.write(&HighMark { head, ended: true }).unwrap();
        assert_eq!(record.read().unwrap(), Some(HighMark { head, ended: true }));
        assert_eq!(fs::read_to_string(record.path()).unwrap(), format!("{good}ended\n"));
        for bad in [
            &good[..good.len() - 1],
            "",
            &good.replace('7', "07"),
            &format!("{good}\n"),
            &format!("{good}ended"),
            &format!("{good}ended\nended\n"),
            &format!("{good}Ended\n"),
            &good.replace("/1", "/2"),
        ] {
            fs::write(record.path(), bad).unwrap();
            assert!(matches!(record.read(), Err(RecordError::Malformed { .. })), "{bad:?}");
        }
    }
}
