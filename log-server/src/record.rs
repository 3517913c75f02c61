//! The high-water record: size and root of the newest head that this log may ever have signed.
//!
//! No WAL mode can tell a torn tail from a damaged synced one, and a restored backup looks like a good store. So the
//! head about to be signed is written here first, in a file of its own beside the store, synced on its own. At start
//! the store must hold that head (INVARIANT 2); it may hold more, never less, never another root.
//!
//! The file's three lines are read and written in `record/text.rs`.

mod text;

use crate::broken::{Promise, is_broken};
use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
};
use treering_tlog::tree::TreeHead;

/// Where the high-water record is kept. Injected, so that a simulation can lose what was not synced.
pub trait HighWater: Send + Sync + std::fmt::Debug + 'static {
    /// What was written last; `None` if nothing ever was.
    ///
    /// # Errors
    /// Unreadable, or not a record.
    fn read(&self) -> Result<Option<TreeHead>, RecordError>;
    /// Replaces the record; it is on disk when this returns.
    ///
    /// # Errors
    /// Any failure: nothing may be signed then, and the process has to end.
    fn write(&self, head: &TreeHead) -> Result<(), RecordError>;
    /// Where it is, for people.
    fn place(&self) -> String;
}

impl HighWater for Record {
    fn read(&self) -> Result<Option<TreeHead>, RecordError> {
        Record::read(self)
    }

    fn write(&self, head: &TreeHead) -> Result<(), RecordError> {
        Record::write(self, head)
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
        // Taken apart and put together again: a slash at the end would put the record into the store.
        let mut name = store.components().collect::<PathBuf>().into_os_string();
        name.push(".record");
        Record { path: name.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was written last; `None` if nothing ever was.
    ///
    /// # Errors
    /// Unreadable, or not a record.
    pub fn read(&self) -> Result<Option<TreeHead>, RecordError> {
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
    pub fn write(&self, head: &TreeHead) -> Result<(), RecordError> {
        match self.replace(text::print(head).as_bytes()) {
            Err(source) if !is_broken(Promise::Failure) => {
                Err(RecordError::File { path: self.path.clone(), source })
            }
            _ => Ok(()),
        }
    }

    // CRASH: up to the rename the old record stands, after it the new one; the directory's sync makes the rename last.
    // write, fsync, rename, fsync of the directory: in this order, or a power cut could leave an empty record.
    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".new");
        let new = PathBuf::from(name);
        let mut file = File::create(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        let parent = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent)?.sync_all()
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
    #[error("{path} is not a record of a signed head: restore it, or see docs/operating.md for the ways out")]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use treering_tlog::{hash::Hash, tree::TreeSize};

    #[test]
    fn reads_back_what_was_written_and_refuses_anything_else() {
        let dir = tempfile::tempdir().unwrap();
        let record = Record::beside(&dir.path().join("store"));
        assert_eq!(record.path(), dir.path().join("store.record"));
        assert_eq!(Record::beside(&dir.path().join("store/")).path(), record.path());
        assert_eq!(record.read().unwrap(), None);
        let head = TreeHead { size: TreeSize::new(7).unwrap(), root: Hash::new([9; 32]) };
        record.write(&TreeHead::EMPTY).unwrap();
        record.write(&head).unwrap();
        assert_eq!(record.read().unwrap(), Some(head));
        let good = fs::read_to_string(record.path()).unwrap();
        for bad in [
            &good[..good.len() - 1],
            "",
            &good.replace('7', "07"),
            &format!("{good}\n"),
            &good.replace("/1", "/2"),
        ] {
            fs::write(record.path(), bad).unwrap();
            assert!(matches!(record.read(), Err(RecordError::Malformed { .. })), "{bad:?}");
        }
    }
}
