//! Digests of one file, or of one symbolic link's target, taken so that a change under our eyes is noticed: the size and
//! the time of modification before and after must be the same, and just as many bytes must have been read.

use crate::paths;
use std::{fs, io, io::Read, path::Path, time::SystemTime};
use treering_token::digest::{Digester, Digests, HashId};

/// Bytes read at once: small files come in one piece, and the buffer stays in the cache.
const PIECE: usize = 256 * 1024;

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

/// A worker's read buffer.
pub(crate) fn buffer() -> Vec<u8> {
    vec![0; PIECE]
}

/// Size and digests of a regular file. A link in the last place of the path is not followed.
pub(crate) fn file(path: &Path, ids: &[HashId], buffer: &mut [u8]) -> Result<(u64, Digests), HashError> {
    let mut file = open(path)?;
    let before = Stat::of(&file)?;
    let read = digest(&mut file, ids, buffer)?;
    settle(before, Stat::of(&file)?, read)
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

#[cfg(unix)]
fn open(path: &Path) -> Result<fs::File, HashError> {
    use std::os::unix::fs::OpenOptionsExt;
    // Non-blocking, so that a named pipe that has taken a file's place doesn't hold us up.
    Ok(fs::OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?)
}

#[cfg(not(unix))]
fn open(path: &Path) -> Result<fs::File, HashError> {
    if fs::symlink_metadata(path)?.is_symlink() {
        return Err(HashError::NotAFile);
    }
    Ok(fs::File::open(path)?)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stat {
    size: u64,
    modified: Option<SystemTime>,
}

impl Stat {
    fn of(file: &fs::File) -> Result<Stat, HashError> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(HashError::NotAFile);
        }
        Ok(Stat { size: metadata.len(), modified: metadata.modified().ok() })
    }
}

fn digest(from: &mut impl Read, ids: &[HashId], buffer: &mut [u8]) -> Result<(u64, Digests), HashError> {
    let mut digester = Digester::new(ids);
    let mut size = 0;
    loop {
        match from.read(buffer) {
            Ok(0) => return Ok((size, digester.finish())),
            Ok(count) => {
                digester.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn settle(before: Stat, after: Stat, read: (u64, Digests)) -> Result<(u64, Digests), HashError> {
    if before == after && read.0 == before.size { Ok(read) } else { Err(HashError::Changed) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stat(size: u64, seconds: u64) -> Stat {
        Stat { size, modified: Some(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds)) }
    }

    fn read(bytes: &[u8]) -> (u64, Digests) {
        digest(&mut &bytes[..], &[], &mut [0; 4]).unwrap()
    }

    #[test]
    fn a_file_that_stays_as_it_is_has_its_digest() {
        let (size, digests) = settle(stat(6, 1), stat(6, 1), read(b"abcdef")).unwrap();
        assert_eq!(size, 6);
        assert_eq!(
            hex::encode(digests.sha256()),
            "bef57ec7f53a6d40beb640a780a639c83bc29ac8a9816f1fc6c5c6dcd93c4721"
        );
    }

    #[test]
    fn each_sign_of_change_is_enough() {
        for (before, after) in [
            (stat(6, 1), stat(6, 2)),
            (stat(6, 1), stat(7, 1)),
            (stat(5, 1), stat(5, 1)),
            (stat(7, 1), stat(7, 1)),
        ] {
            assert!(matches!(settle(before, after, read(b"abcdef")), Err(HashError::Changed)));
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_has_become_something_else_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("file");
        fs::write(&target, "x").unwrap();
        let link_path = dir.path().join("link");
        std::os::unix::fs::symlink("file", &link_path).unwrap();
        assert!(matches!(file(&link_path, &[], &mut buffer()), Err(HashError::NotAFile)));
        assert!(matches!(file(dir.path(), &[], &mut buffer()), Err(HashError::NotAFile)));
        assert!(matches!(link(&target, &[]), Err(HashError::NotALink)));
        assert!(matches!(file(&dir.path().join("gone"), &[], &mut buffer()), Err(HashError::Missing)));
        assert_eq!(link(&link_path, &[]).unwrap().0, 4);
    }
}
