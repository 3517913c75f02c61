//! A bundle that is under way: `.<name>.partial` beside its place (where only tokens are wanted, in the job's directory),
//! locked for the life of the process that writes it.
//!
//! Whatever happens, its bytes are the beginning of a bundle: items are only ever added behind what is there. A process that
//! finds one reads it up to its last whole item and goes on from there. It is never compressed.

use crate::{output::OutputError, paths, places};
use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io::{self, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// What its name ends in.
pub(crate) const SUFFIX: &str = ".partial";
/// What the name of a bundle that is made out of it and others ends in, behind that.
pub(crate) const NEW: &str = ".new";

/// An output under way. The lock goes with the file's handle, however the process ends.
#[derive(Debug)]
pub(crate) struct Partial {
    file: File,
    path: PathBuf,
}

/// Where the partial bundle of this output lies.
pub(crate) fn of_output(output: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(output.file_name().unwrap_or_default());
    name.push(SUFFIX);
    output.with_file_name(name)
}

/// Is this how a partial bundle is called? What it holds decides.
pub(crate) fn is_name(name: &[u8]) -> bool {
    let name = name.strip_suffix(NEW.as_bytes()).unwrap_or(name);
    name.starts_with(b".") && name.ends_with(SUFFIX.as_bytes())
}

impl Partial {
    /// Takes the lock, and makes the file if it isn't there. `None`: another process holds it. A symbolic link is not followed:
    /// what it leads to would never be the file under this name.
    pub(crate) fn lock(path: &Path) -> io::Result<Option<Partial>> {
        loop {
            let mut options = fs::OpenOptions::new();
            options.read(true).write(true).create(true).truncate(false);
            #[cfg(unix)]
            {
                use std::os::unix::fs::OpenOptionsExt;
                options.mode(0o600).custom_flags(libc::O_NOFOLLOW);
            }
            let file = options.open(path).map_err(|error| told(path, error))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
            // Between our opening and our lock its holder may have finished, and what we hold is a bundle under its own name.
            if is_at(&file, path)? {
                return Ok(Some(Partial { file, path: path.to_path_buf() }));
            }
        }
    }

    /// Is somebody at it?
    pub(crate) fn is_locked(path: &Path) -> bool {
        File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Is something there that is worth going on with?
    pub(crate) fn is_begun(&self) -> bool {
        self.len().is_ok_and(|len| len > 0)
    }

    /// Cuts off what stands behind the first `len` bytes; what is written from now on comes behind them.
    pub(crate) fn cut(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::Start(len)).map(drop)
    }

    /// Another handle, for writing behind what is there.
    pub(crate) fn file(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.seek(SeekFrom::End(0))?;
        Ok(file)
    }

    /// Its bytes are on disk when this returns.
    pub(crate) fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// Gives it the bundle's own name. Its bytes are on disk before its name is.
    pub(crate) fn appear(self, output: &Path, force: bool) -> Result<(), OutputError> {
        let failed = |error| OutputError::Io { path: paths::shown(output), error };
        self.sync().map_err(failed)?;
        appear(&self.path, output, force)
    }

    /// Takes it away. CRASH: it is gone from the disk before what tells of it may go.
    pub(crate) fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)?;
        places::sync_dir(self.path.parent().unwrap_or(Path::new("")))
    }
}

/// Gives a file beside `output` its name.
pub(crate) fn appear(from: &Path, output: &Path, force: bool) -> Result<(), OutputError> {
    let failed = |error| OutputError::Io { path: paths::shown(output), error };
    let dir = output.parent().unwrap_or(Path::new(""));
    if force {
        fs::rename(from, output).map_err(failed)?;
    } else {
        let from = tempfile::TempPath::try_from_path(from).map_err(failed)?;
        if let Err(error) = from.persist_noclobber(output) {
            // Not made by us in this call alone: whoever goes on needs it.
            let _ = error.path.keep();
            return Err(match error.error.kind() {
                io::ErrorKind::AlreadyExists => OutputError::Exists { path: paths::shown(output) },
                _ => failed(error.error),
            });
        }
    }
    places::sync_dir(dir).map_err(failed)
}

/// Systems have different errors for a link that isn't to be followed, and none says it clearly.
fn told(path: &Path, error: io::Error) -> io::Error {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => {
            io::Error::other("it is a symbolic link, which is not followed here: remove it")
        }
        _ => error,
    }
}

#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((held.dev(), held.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_file: &File, path: &Path) -> io::Result<bool> {
    path.try_exists()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn only_one_holds_it_and_it_is_the_one_under_that_name() {
        let dir = tempfile::tempdir().unwrap();
        let output = dir.path().join("a.treering");
        let path = of_output(&output);
        assert_eq!(path, dir.path().join(".a.treering.partial"));
        assert!(
            is_name(b".a.treering.partial")
                && is_name(b".a.partial.new")
                && !is_name(b"a.partial")
                && !is_name(b".partial.x")
        );
        let first = Partial::lock(&path).unwrap().unwrap();
        assert!(Partial::is_locked(&path));
        assert!(Partial::lock(&path).unwrap().is_none());
        first.file().unwrap().write_all(b"one").unwrap();
        first.appear(&output, false).unwrap();
        assert_eq!(fs::read(&output).unwrap(), b"one");
        assert!(!Partial::is_locked(&path));
        let second = Partial::lock(&path).unwrap().unwrap();
        assert_eq!(second.len().unwrap(), 0);
        second.file().unwrap().write_all(b"two").unwrap();
        assert!(matches!(second.appear(&output, false), Err(OutputError::Exists { .. })));
        assert_eq!(fs::read(&output).unwrap(), b"one");
        assert_eq!(fs::read(&path).unwrap(), b"two", "what is not placed is not lost");
        Partial::lock(&path).unwrap().unwrap().appear(&output, true).unwrap();
        assert_eq!(fs::read(&output).unwrap(), b"two");
    }

    /// It would never be the file that is locked, however often one looks.
    #[cfg(unix)]
    #[test]
    fn a_link_in_its_place_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(".x.partial");
        std::os::unix::fs::symlink("nothing", &path).unwrap();
        let refused = || Partial::lock(&path).unwrap_err().to_string();
        let nowhere = refused();
        assert!(!dir.path().join("nothing").exists());
        fs::write(dir.path().join("nothing"), "").unwrap();
        assert_eq!(nowhere, refused());
        insta::assert_snapshot!(nowhere, @"it is a symbolic link, which is not followed here: remove it");
    }

    #[test]
    fn what_is_cut_off_is_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut partial = Partial::lock(&dir.path().join(".x.partial")).unwrap().unwrap();
        partial.file().unwrap().write_all(b"abcdef").unwrap();
        partial.cut(2).unwrap();
        partial.file().unwrap().write_all(b"X").unwrap();
        assert_eq!(fs::read(partial.path()).unwrap(), b"abX");
    }
}
