//! The file of a log's API keys ([`key_list`] says what is in it).
//!
//! Nobody but its owner may read or write it: it says who the customers are, and whoever writes it lets himself in. It is
//! replaced as a whole, so that a running log reads the old one or the new one. Changes wait for each other.

use std::{
    fs::{self, File, Metadata, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use super::key_list::{self, KeyEntry, ListError, MAX_KEYS};

/// About 300 bytes a key.
const MAX_BYTES: u64 = 8 << 20;

/// Why the file of keys can't be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The system refuses.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What it says.
        source: io::Error,
    },
    /// Others may read or write it.
    #[error(
        "{path}: others may read or write this file (mode {mode:04o}); whoever writes it lets himself in. Look through \
         it, then: chmod 600 {path}"
    )]
    Mode {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What is in it.
    #[error("{path}: {source}")]
    List {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: ListError,
    },
    /// A second key of a name.
    #[error("there is a key named {name} already; revoke it first, or choose another name")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// No such key.
    #[error("there is no key with the name or ID {wanted}; treering-log key list shows those that there are")]
    Unknown {
        /// As it was asked for.
        wanted: String,
    },
}

/// The keys in a file, in its order; none if there is no file. With what tells a changed file from the same.
///
/// # Errors
/// The file can't be read or is refused.
pub fn read(path: &Path) -> Result<(Vec<KeyEntry>, Option<Stamp>), KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let list = |source| KeyFileError::List { path: path.to_owned(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), None)),
        Err(error) => return Err(io(error)),
    };
    let metadata = file.metadata().map_err(io)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode });
    }
    if metadata.len() > MAX_BYTES {
        return Err(list(ListError::TooMany));
    }
    let mut text = String::new();
    io::Read::take(&mut file, MAX_BYTES).read_to_string(&mut text).map_err(io)?;
    Ok((key_list::parse(&text).map_err(list)?, Some(Stamp::of(&metadata))))
}

/// Changes the keys in a file, which is made if it isn't there. What `change` returns is on disk when this returns.
///
/// # Errors
/// Those of [`read`] and of `change`; the file can't be written.
pub fn edit<T>(
    path: &Path,
    change: impl FnOnce(&mut Vec<KeyEntry>) -> Result<T, KeyFileError>,
) -> Result<T, KeyFileError> {
    let io = |source| KeyFileError::Io { path: path.to_owned(), source };
    let list = |source| KeyFileError::List { path: path.to_owned(), source };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Whoever changes the folder's keys holds the folder; a lock on the file itself would go with the file.
    let folder = File::open(folder).map_err(io)?;
    folder.lock().map_err(io)?;
    let (mut keys, _) = read(path)?;
    let changed = change(&mut keys)?;
    if keys.len() > MAX_KEYS {
        return Err(list(ListError::TooMany));
    }
    replace(path, &folder, &key_list::render(&keys)).map_err(io)?;
    Ok(changed)
}

/// CRASH: the new file is whole and on disk before it has its name, and has its name on disk before anybody is told.
fn replace(path: &Path, folder: &File, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    // One that a crash left behind.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    // Made by root for a log that runs as somebody else: it is the folder's owner's, who must be able to read it.
    let owner = folder.metadata()?;
    if file.metadata()?.uid() != owner.uid() {
        fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    folder.sync_all()
}

/// Tells whether a file is still the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

impl Stamp {
    /// Of what is at this path now; `None` if there is nothing.
    ///
    /// # Errors
    /// The system doesn't say.
    pub fn at(path: &Path) -> io::Result<Option<Stamp>> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Stamp::of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            // The status change, which no program can set back as it can the time of the last write.
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(test)]
mod tests;
