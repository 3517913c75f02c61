//! Digests of one file, or of one symbolic link's target, taken so that a change under our eyes is noticed: the size and
//! the time of modification before and after must be the same, and just as many bytes must have been read.
//!
//! A small file takes five system calls: open, stat, one read, stat, close. That its one read came back short of the buffer
//! and with as many bytes as the file has, before and after, is as good as another read that finds its end.

mod open;

use crate::{paths, seen::Stamp};
use open::{Open, Stat};
use std::{fs, io, io::Read, path::Path, time::SystemTime};
use treering_token::digest::{Digester, Digests, HashId};

/// Bytes read at once: small files come in one piece, and what was read is still in the second cache when it is hashed.
const PIECE: usize = 128 * 1024;

/// Why a file has no digests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    #[error("there is no such file any more")]
    Missing,
    #[error("can't be read: {0}")]
    Io(io::Error),
    #[error("changed while it was read")]
    Changed,
    #[error("no longer a file")]
    NotAFile,
    #[error("no longer a symbolic link")]
    NotALink,
}

impl From<io::Error> for HashError {
    fn from(error: io::Error) -> HashError {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => HashError::Missing,
            io::ErrorKind::IsADirectory => HashError::NotAFile,
            _ if is_link(&error) => HashError::NotAFile,
            _ => HashError::Io(error),
        }
    }
}

/// `O_NOFOLLOW` met a link, or a socket has taken the file's place.
#[cfg(unix)]
fn is_link(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ELOOP | libc::ENXIO))
}

#[cfg(not(unix))]
fn is_link(_error: &io::Error) -> bool {
    false
}

/// SHA-256 and these, each once, in order: what is taken of a file that is stamped.
pub(crate) fn ids(more: impl IntoIterator<Item = HashId>) -> Vec<HashId> {
    let mut ids = vec![HashId::SHA_256];
    ids.extend(more);
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// A worker's read buffer.
pub(crate) fn buffer() -> Vec<u8> {
    vec![0; PIECE]
}

/// Size and digests of a regular file. A link in the last place of the path is not followed.
pub(crate) fn file(path: &Path, ids: &[HashId], buffer: &mut [u8]) -> Result<(u64, Digests), HashError> {
    stamped(path, ids, buffer).map(|(size, digests, _)| (size, digests))
}

/// The same, and by what it can be seen later, without reading, that the file is still the same.
pub(crate) fn stamped(
    path: &Path,
    ids: &[HashId],
    buffer: &mut [u8],
) -> Result<(u64, Digests, Option<Stamp>), HashError> {
    let begun = SystemTime::now();
    let mut file = Open::at(path)?;
    let Stat { size, stamp } = file.stat();
    if size > buffer.len() as u64 {
        file.will_be_read_through();
    }
    let digests = digest(&mut file, size, ids, buffer)?;
    file.is_unchanged()?;
    Ok((size, digests, stamp.and_then(|stamp| stamp.trusted_at(begun))))
}

/// Length and digests of a symbolic link's target.
pub(crate) fn link(path: &Path, ids: &[HashId]) -> Result<(u64, Digests), HashError> {
    let target = match fs::read_link(path) {
        Ok(target) => target,
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(HashError::NotALink),
        Err(error) => return Err(error.into()),
    };
    let bytes = paths::name_bytes(target.as_os_str());
    let mut digester = Digester::new(ids);
    digester.update(bytes);
    Ok((bytes.len() as u64, digester.finish()))
}

/// Digests of `from`, which must have exactly `size` bytes.
fn digest(from: &mut impl Read, size: u64, ids: &[HashId], buffer: &mut [u8]) -> Result<Digests, HashError> {
    let (mut digester, mut seen) = (Digester::new(ids), 0);
    loop {
        let count = match from.read(buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        digester.update(&buffer[..count]);
        seen += count as u64;
        // A file may grow faster than it is read.
        if seen > size || (count == 0 && seen < size) {
            return Err(HashError::Changed);
        }
        // A full buffer says nothing about what follows.
        if seen == size && count < buffer.len() {
            return Ok(digester.finish());
        }
    }
}

#[cfg(test)]
mod tests;
