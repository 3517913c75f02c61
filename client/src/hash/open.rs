//! A regular file, open for reading, and what it was when it was opened.

use super::HashError;
use crate::seen::Stamp;
use std::{
    fs,
    io::{self, Read},
    path::Path,
};

#[derive(Debug)]
pub(super) struct Open {
    file: fs::File,
    before: Stat,
}

/// What would differ if somebody wrote to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) size: u64,
    /// `None` where the system doesn't tell.
    pub(super) stamp: Option<Stamp>,
}

impl Open {
    /// Opens what must be a regular file itself: no link, and nothing that reading would change or wait for.
    pub(super) fn at(path: &Path) -> Result<Open, HashError> {
        let file = open(path)?;
        let before = Stat::of(&file)?;
        Ok(Open { file, before })
    }

    /// At the moment of opening.
    pub(super) fn stat(&self) -> Stat {
        self.before
    }

    /// # Errors
    /// [`HashError::Changed`] if it isn't what it was when it was opened.
    pub(super) fn is_unchanged(&self) -> Result<(), HashError> {
        if Stat::of(&self.file)? == self.before { Ok(()) } else { Err(HashError::Changed) }
    }

    /// Lets the system read further ahead of us than it would by itself, so that the disk works while we hash.
    pub(super) fn will_be_read_through(&self) {
        #[cfg(target_os = "linux")]
        // Only advice: without it, all comes just as well and somewhat later.
        let _ = rustix::fs::fadvise(&self.file, 0, None, rustix::fs::Advice::Sequential);
    }
}

impl Read for Open {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
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

impl Stat {
    /// By fstat: std's `metadata` asks by statx, which takes twice as long.
    #[cfg(unix)]
    fn of(file: &fs::File) -> Result<Stat, HashError> {
        let stat = rustix::fs::fstat(file).map_err(io::Error::from)?;
        if !rustix::fs::FileType::from_raw_mode(stat.st_mode).is_file() {
            return Err(HashError::NotAFile);
        }
        // No file has a negative size.
        Ok(Stat { size: u64::try_from(stat.st_size).unwrap_or(0), stamp: Stamp::of(&stat) })
    }

    #[cfg(not(unix))]
    fn of(file: &fs::File) -> Result<Stat, HashError> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(HashError::NotAFile);
        }
        Ok(Stat { size: metadata.len(), stamp: Stamp::of(&metadata) })
    }
}
