//! Backups: a directory with a copy of the store, the files that it is run with, and a manifest that says what it is.
//!
//! ```text
//! <backup>/manifest.toml      written last: a backup without it is not whole
//! <backup>/store/             the copy of the store
//! <backup>/log.toml           the configuration, and the policy file under its own name
//! <backup>/key                only if it was asked for
//! ```
//!
//! The record beside the store is never part of it: it says what may have been signed, and stays with the machine.

use crate::{
    batch::Edge,
    store::{RocksStore, Store, StoreError},
};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};
use treering_tlog::{
    checkpoint::Origin,
    hash::Hash,
    tree::{TreeHead, TreeSize},
};

/// The version of [`Manifest`] and of the directory's layout.
const VERSION: u32 = 1;
/// The manifest's name in a backup.
pub const MANIFEST: &str = "manifest.toml";
/// The store's name in a backup.
pub const STORE: &str = "store";

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The version of this file.
    version: u32,
    /// Which program made it.
    program: String,
    /// Whose store it is.
    pub origin: String,
    /// How many entries its tree has.
    size: u64,
    /// That tree's root, in base64.
    root: String,
    /// Accepted and not sealed: how many submissions.
    pub waiting: u64,
    /// When it was made: milliseconds since the epoch.
    pub made_at_ms: u64,
    /// Is the signing key in it?
    pub key: bool,
}

/// Why there is no backup, or why one can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The copy of the store can't be read.
    #[error("the copy of the store: {0}")]
    Store(#[from] StoreError),
    /// There is no manifest: the backup was cut short, or it is none.
    #[error("{path} is not there: this is no backup, or one that was cut short")]
    NoManifest {
        /// Where it should be.
        path: PathBuf,
    },
    /// The manifest can't be read.
    #[error("{path}: {source}")]
    Manifest {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// It was made by a later program.
    #[error("{path} has version {found}, and this program knows version {VERSION}: use a later one")]
    Version {
        /// Which file.
        path: PathBuf,
        /// What it says.
        found: u64,
    },
    /// It names no head.
    #[error("{path}: size and root are no tree's head")]
    Head {
        /// Which file.
        path: PathBuf,
    },
}

impl Manifest {
    /// Of the copy of a store; its right-hand edge is verified.
    ///
    /// # Errors
    /// The copy can't be opened, or is damaged.
    pub fn of(store: &Path, origin: &Origin, made_at_ms: u64, key: bool) -> Result<Manifest, BackupError> {
        let copy = RocksStore::open_copy(store, origin)?;
        let loaded = copy.load()?;
        Edge::load(&copy, &loaded.head)?;
        Ok(Manifest {
            version: VERSION,
            program: concat!("treering-log ", env!("CARGO_PKG_VERSION")).to_owned(),
            origin: origin.to_string(),
            size: loaded.head.size.get(),
            root: loaded.head.root.to_base64(),
            waiting: loaded.waiting.len() as u64,
            made_at_ms,
            key,
        })
    }

    /// Reads a backup's manifest.
    ///
    /// # Errors
    /// It is not there, or not one that this program knows.
    pub fn read(backup: &Path) -> Result<Manifest, BackupError> {
        let path = backup.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(BackupError::NoManifest { path });
            }
            text => text.map_err(|source| BackupError::File { path: path.clone(), source })?,
        };
        let refused = |source| BackupError::Manifest { path: path.clone(), source: Box::new(source) };
        // First the version alone: a later one may have keys that are not known here.
        let table: toml::Table = toml::from_str(&text).map_err(refused)?;
        match table.get("version").and_then(toml::Value::as_integer) {
            Some(found) if found > i64::from(VERSION) => {
                Err(BackupError::Version { path, found: found.unsigned_abs() })
            }
            _ => {
                let manifest: Manifest = toml::from_str(&text).map_err(refused)?;
                manifest.head().map(|_| ()).ok_or(BackupError::Head { path })?;
                Ok(manifest)
            }
        }
    }

    /// The head of the tree in it.
    pub fn head(&self) -> Option<TreeHead> {
        Some(TreeHead { size: TreeSize::new(self.size)?, root: Hash::from_base64(&self.root)? })
    }

    /// Writes it into a backup: the last step.
    ///
    /// # Errors
    /// The file system's.
    pub fn write(&self, backup: &Path) -> Result<(), BackupError> {
        let text = toml::to_string(self).expect("strings and numbers");
        write_new(&backup.join(MANIFEST), text.as_bytes())?;
        let parent = backup.parent().filter(|parent| !parent.as_os_str().is_empty());
        sync_dir(backup).and_then(|()| sync_dir(parent.unwrap_or(Path::new("."))))
    }
}

/// Makes a backup's directory, for its owner alone: it must not be there yet.
///
/// # Errors
/// The file system's.
pub fn make_dir(path: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::File { path: path.to_owned(), source };
    DirBuilder::new().mode(0o700).create(path).map_err(failed)
}

/// Writes a file that must not be there yet, and syncs it.
///
/// # Errors
/// The file system's.
pub fn write_new(path: &Path, bytes: &[u8]) -> Result<(), BackupError> {
    let failed = |source| BackupError::File { path: path.to_owned(), source };
    let mut file = File::create_new(path).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)
}

fn sync_dir(path: &Path) -> Result<(), BackupError> {
    let synced = File::open(path).and_then(|dir| dir.sync_all());
    synced.map_err(|source| BackupError::File { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin() -> Origin {
        Origin::new("log.example/backup").unwrap()
    }

    fn made(dir: &Path) -> Manifest {
        let store = RocksStore::open(&dir.join("store"), &origin(), 1 << 20).unwrap();
        let backup = dir.join("backup");
        make_dir(&backup).unwrap();
        store.backup(&backup.join(STORE)).unwrap();
        let manifest = Manifest::of(&backup.join(STORE), &origin(), 7, false).unwrap();
        manifest.write(&backup).unwrap();
        manifest
    }

    #[test]
    fn a_manifest_comes_back_and_a_later_one_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let manifest = made(dir.path());
        let backup = dir.path().join("backup");
        assert_eq!(Manifest::read(&backup).unwrap(), manifest);
        assert_eq!(manifest.head(), Some(TreeHead::EMPTY));
        let text = fs::read_to_string(backup.join(MANIFEST)).unwrap();
        let with = |text: &str| {
            fs::write(backup.join(MANIFEST), text).unwrap();
            Manifest::read(&backup).unwrap_err().to_string()
        };
        let later = with(&(text.replace("version = 1", "version = 2") + "new = 1\n"));
        assert!(
            later.ends_with("has version 2, and this program knows version 1: use a later one"),
            "{later}"
        );
        assert!(with(&(text.clone() + "unknown = 1\n")).contains("unknown field"), "an unknown key is taken");
        let head = with(&text.replace("root = \"", "root = \"x"));
        assert!(head.ends_with("size and root are no tree's head"), "{head}");
        fs::remove_file(backup.join(MANIFEST)).unwrap();
        let none = Manifest::read(&backup).unwrap_err().to_string();
        assert!(none.ends_with("this is no backup, or one that was cut short"), "{none}");
    }

    #[test]
    fn a_backup_is_made_once_and_of_one_log() {
        let dir = tempfile::tempdir().unwrap();
        made(dir.path());
        assert!(matches!(make_dir(&dir.path().join("backup")), Err(BackupError::File { .. })));
        let other = Origin::new("log.example/other").unwrap();
        let refused = Manifest::of(&dir.path().join("backup").join(STORE), &other, 7, false);
        assert!(matches!(refused, Err(BackupError::Store(StoreError::OtherOrigin { .. }))), "{refused:?}");
    }
}
