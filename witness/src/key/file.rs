//! Files that hold a private key: of mode 0600, made once and never overwritten.

use std::{
    fs,
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use zeroize::Zeroizing;

use super::KeyFileError;

/// A key's file is far smaller: the longest name and a 32-byte seed are about 350 bytes.
pub(super) const MAX_BYTES: u64 = 4096;

/// Writes a new file of mode 0600, synced.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), KeyFileError> {
    let write = || {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| KeyFileError::Io { path: path.to_owned(), source })
}

/// The text of a file that its owner alone may read or write.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let io_error = |source| KeyFileError::Io { path: path.to_owned(), source };
    let file = fs::File::open(path).map_err(io_error)?;
    // Of the open file, not of the path: what is checked is what is read.
    let metadata = file.metadata().map_err(io_error)?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile { path: path.to_owned() });
    }
    let mode = metadata.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Mode { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::with_capacity(512));
    let not_text = || KeyFileError::NotText { path: path.to_owned() };
    file.take(MAX_BYTES + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => not_text(),
        _ => io_error(error),
    })?;
    if text.len() as u64 > MAX_BYTES { Err(not_text()) } else { Ok(text) }
}
